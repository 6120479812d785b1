"""Writing files whole or not at all, and what the file system refuses as one sentence."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def writing(path: Path, error: type[ValueError]) -> Iterator[None]:
    """Turns what the file system refuses inside the block into one sentence.

    Args:
        path: what is written, which the sentence names.
        error: the kind of error that is raised in place of an OSError.

    >>> with writing(Path("nowhere/file"), ValueError):
    ...     Path("nowhere/file").write_text("")
    Traceback (most recent call last):
    ValueError: nowhere/file cannot be written (No such file or directory).
    """
    try:
        yield
    except OSError as refused:
        raise error(f"{path} cannot be written ({refused.strerror}).") from refused


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A hidden file beside a path, which takes its place when the block ends without an error.

    So a reader of the path finds the earlier file or the new one, and never half of one.

    Args:
        path: the file to write; its folder must exist.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as root:
    ...     with replacing(Path(root) / "page.html") as unfinished:
    ...         _ = unfinished.write_text("whole")
    ...     [path.name for path in Path(root).iterdir()]
    ['page.html']
    """
    unfinished = path.with_name(f".{path.name}")
    try:
        yield unfinished
        os.replace(unfinished, path)
    finally:
        unfinished.unlink(missing_ok=True)
