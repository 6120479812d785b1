"""Writing files whole or not at all, and what the file system refuses as one sentence."""

import contextlib
import fcntl
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


@contextlib.contextmanager
def marked(path: Path) -> Iterator[None]:
    """Marks a file as that of work in progress, for `is_marked`; the mark ends with the block or the process.

    Args:
        path: the file, which exists.
    """
    with path.open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_SH)  # shared: it keeps no other process out
        yield


def is_marked(path: Path) -> bool:
    """Whether some process has marked a file; the check does not disturb it, and of a file that is missing it is false.

    Args:
        path: the file.
    """
    try:
        with path.open("r+b") as file:  # NFS gives an exclusive lock only on a file that is open for writing
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return False
    except FileNotFoundError:
        return False
    except (BlockingIOError, PermissionError):  # a file of another user cannot be opened, and is taken as marked
        return True
