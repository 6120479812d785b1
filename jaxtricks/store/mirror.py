"""A folder far away: a copy on this machine that is worked in, and the objects that follow it.

All that reads and writes a run's folder works on a local one, also where the user named a URL:

- `working_copy` holds a lease on the place, reads what is there into a new folder, and writes back what has changed: whenever
  something is `committed` there, such as a checkpoint, and at the end.
- What is written is written in the order in which a folder comes to be: what a checkpoint's seal or a run's config stands for is
  there before them, and what is removed is removed after. So whoever reads finds the earlier state or the new one, wherever an
  upload ended, though nothing is renamed.
- Where a store does not answer, training goes on, and the next checkpoint takes along what is missing. At the end it is tried for
  longer; then the copy stays, and the sentence names it.
"""

import contextlib
import functools
import re
import shutil
import sys
import tempfile
import threading
import time
import warnings
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from jaxtricks.bucket import Bucket, BucketError, url_of
from jaxtricks.data.cache import cache_dir
from jaxtricks.engine import processes
from jaxtricks.store.checkpoint import ARRAYS, SEAL, CheckpointError
from jaxtricks.store.disk import writing
from jaxtricks.store.lease import Lease, TakenError, held

CONFIG = "config.json"  # of a finished run
COPIES = "copies"  # in the cache
LOCK = "lock"  # between processes of one machine
LAST = {SEAL: 1, CONFIG: 2}  # written after all that they stand for
TRIES, PAUSE = 5, 1.0  # at the end; seconds before the second try, and twice as many before each other

P = ParamSpec("P")
R = TypeVar("R")
Stamp = tuple[int, int]  # bytes, and when it was changed, in nanoseconds
NOT_READ = -1, -1  # of an object that an upload left which did not end

_open: "list[Mirror]" = []
_called: dict[Path, str] = {}  # folder of a copy → URL
_unsaved: set[Path] = set()  # copies that may hold what is nowhere else


class KeptError(CheckpointError):
    """A place far away that cannot be written, while the copy on this machine stays."""


class Mirror:
    """Objects that follow a local folder.

    Args:
        bucket: the objects.
        folder: the copy.
        lease: that this process holds.
    """

    def __init__(self, bucket: Bucket, folder: Path, lease: Lease) -> None:
        self.folder = folder
        self._bucket, self._lease = bucket, lease
        self._there = pull(bucket, folder)
        self._one, self._warned = threading.Lock(), False

    def push(self) -> None:
        """Writes what has changed since the last time.

        Raises:
            TakenError: where another process has taken the place over.
            BucketError: where the store does not answer; some may be written then, and the earlier state is still whole.
        """
        with self._one:
            here = stamps(self.folder)
            changed = [name for name, stamp in here.items() if self._there.get(name) != stamp]
            for rank in sorted({_rank(name) for name in changed}):
                self._lease.check()  # each time, since an upload may take longer than a lease lasts
                names = [name for name in changed if _rank(name) == rank]
                self._bucket.upload({name: self.folder / name for name in names})
                self._there |= {name: here[name] for name in names}
            gone = [name for name in self._there if name not in here]
            for rank in sorted({_rank(name) for name in gone}, reverse=True):
                self._lease.check()
                self._bucket.remove([name for name in gone if _rank(name) == rank])
            self._there = {name: stamp for name, stamp in self._there.items() if name in here}

    def follow(self) -> None:
        """Writes what has changed; where the store does not answer, says so once and leaves it to the next time.

        Raises:
            TakenError: where another process has taken the place over.
        """
        try:
            self.push()
            self._warned = False
        except TakenError:
            raise
        except BucketError as error:
            if not self._warned:
                since = time.strftime("%Y-%m-%d %H:%M:%S")  # without it Python would tell the same sentence once only
                warnings.warn(f"Since {since} {error} It is tried again at the next checkpoint.", stacklevel=2)
            self._warned = True

    def finish(self) -> None:
        """Writes what has changed, and tries for longer.

        Raises:
            KeptError: where it cannot be written; the sentence names the copy, which stays.
        """
        for attempt in range(1, TRIES + 1):
            try:
                return self.push()
            except BucketError as error:
                if isinstance(error, TakenError) or attempt == TRIES:
                    raise KeptError(f"{str(error).removesuffix('.')}; what was written is kept in {self.folder}.") from error
            time.sleep(PAUSE * 2 ** (attempt - 1))


@contextlib.contextmanager
def working_copy(where: Path | str) -> Iterator[Path]:
    """The folder to work in: the path itself, or a copy of what a URL holds, whose changes are written back.

    Args:
        where: a path, or a URL.

    Raises:
        CheckpointError: where a URL cannot be reached, is in use, or cannot be written in the end.

    >>> with working_copy("memory:///runs/a") as folder:
    ...     _ = (folder / "config.json").write_text("{}")
    >>> with reading_copy("memory:///runs/a") as folder:
    ...     [path.name for path in folder.iterdir()]
    ['config.json']
    """
    if (url := url_of(where)) is None:
        yield Path(where)
        return
    with one_sentence(), calling(url) as folder, held(bucket := Bucket(url)) as lease:
        mirror = Mirror(bucket, folder, lease)
        _open.append(mirror)
        _unsaved.add(folder)
        try:
            yield folder
        finally:
            _open.remove(mirror)
            mirror.finish()
            _unsaved.remove(folder)


@contextlib.contextmanager
def reading_copy(where: Path | str, only: Collection[str] | None = None) -> Iterator[Path]:
    """The folder to read: the path itself, or a copy of what a URL holds, which is removed when the block ends.

    Args:
        where: a path, or a URL.
        only: the names of the files that are read, of a URL; None: all.

    Raises:
        CheckpointError: where a URL cannot be reached.
    """
    if (url := url_of(where)) is None:
        yield Path(where)
        return
    with one_sentence(), calling(url) as folder:
        pull(Bucket(url), folder, only)
        yield folder


def committed(path: Path) -> None:
    """Says that what others can go on from is on disk now: copies of places far away are written back.

    Args:
        path: what was written.

    Raises:
        CheckpointError: where another process has taken such a place over.
    """
    for mirror in tuple(_open):
        if path.resolve().is_relative_to(mirror.folder):
            with one_sentence():
                mirror.follow()


def told(text: object) -> str:
    """Words for the user, in which the copy of a place far away, and what is in it, is called by its URL.

    Args:
        text: such as a path, or a sentence with one.

    >>> with working_copy("memory:///runs/b") as folder:
    ...     print(told(folder / "report.html"))
    memory:///runs/b/report.html
    """
    said = str(text)
    for folder, url in tuple(_called.items()):
        # What only begins with the copy's name, such as a folder beside it, is not far away.
        said = re.sub(rf"{re.escape(str(folder))}(?![-\w]|\.\w)", url.replace("\\", r"\\"), said)
    return said


def with_copies(function: Callable[P, R]) -> Callable[P, R]:
    """Has a function whose `checkpoints` may be far away work in a copy, see `working_copy`; it is given by its name.

    Args:
        function: that takes `checkpoints`, a `jaxtricks.store.policy.Checkpoints` or None.
    """

    @functools.wraps(function)
    def worked(*args: P.args, **options: P.kwargs) -> R:
        policy: Any = options.get("checkpoints")
        if policy is None or url_of(policy.folder) is None:
            return function(*args, **options)
        with contextlib.ExitStack() as stack:  # the first of several processes writes for all
            folder = processes.on_first(lambda: stack.enter_context(working_copy(policy.folder)))
            options["checkpoints"] = policy.at(folder)
            return function(*args, **options)

    return worked


def pull(bucket: Bucket, folder: Path, only: Collection[str] | None = None) -> dict[str, Stamp]:
    """Reads what is whole into a folder, and gives the stamp of each object's file.

    Args:
        bucket: the objects.
        folder: made anew.
        only: the names that are read; None: all.

    Raises:
        BucketError: where the store does not answer, or others write all the time.
    """
    for _ in range(TRIES):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        names = bucket.signs()
        wanted = [name for name in names if mirrored(name) and _whole(name, names) and (only is None or name in only)]
        with contextlib.suppress(FileNotFoundError):  # somebody who writes there has removed it meanwhile
            bucket.download({name: folder / name for name in wanted})
            here = stamps(folder)
            return {name: here.get(name, NOT_READ) for name in filter(mirrored, names)}
    raise BucketError(f"{bucket.url} cannot be read: another process changes it all the time.")


def stamps(folder: Path) -> dict[str, Stamp]:
    """The stamp of each file that is mirrored, by its name within the folder.

    Args:
        folder: the copy.
    """
    found = {}
    for path in folder.rglob("*"):
        name = path.relative_to(folder).as_posix()
        with contextlib.suppress(FileNotFoundError):  # removed since it was listed
            if mirrored(name) and path.is_file():
                about = path.stat()
                found[name] = about.st_size, about.st_mtime_ns
    return found


def mirrored(name: str) -> bool:
    """Whether a file is no lock, lease or unfinished one."""
    parts = name.split("/")
    return parts[-1] != LOCK and not any(part.startswith(".") for part in parts)


def _whole(name: str, names: Collection[str]) -> bool:
    """Whether a file is none of a checkpoint that has no seal, since it is being written or removed."""
    parts = name.split("/")
    return ARRAYS not in parts or "/".join([*parts[: parts.index(ARRAYS)], SEAL]) in names


def _rank(name: str) -> int:
    return LAST.get(name.rpartition("/")[2], 0)


@contextlib.contextmanager
def calling(url: str) -> Iterator[Path]:
    """Where the copy of a URL lies; sentences that leave the block call it by the URL.

    It is removed in the end, unless it could not be written back: then it stays, whatever the reason, and the user is told where.
    """
    copies = cache_dir() / COPIES  # where no cleaner of temporary files takes away what is worked in
    with writing(copies, CheckpointError):
        copies.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(dir=copies)).resolve() / (url.rpartition("/")[2] or "copy")
    _called[folder] = url
    try:
        yield folder
    except BaseException as error:  # such as Ctrl-C
        if folder in _unsaved:
            del _called[folder]  # a stream may call it by the URL
            if not isinstance(error, KeptError):  # whose sentence says so
                print(f"jaxtricks: what was written for {url} is kept in {folder}.", file=sys.stderr)
        elif isinstance(error, ValueError):
            error.args = tuple(map(told, error.args))
        raise
    finally:
        _called.pop(folder, None)
        if folder not in _unsaved:
            shutil.rmtree(folder.parent, ignore_errors=True)
        _unsaved.discard(folder)


@contextlib.contextmanager
def one_sentence() -> Iterator[None]:
    """What a store answers, as the kind of error that all raise who read and write folders."""
    try:
        yield
    except BucketError as error:
        raise CheckpointError(str(error)) from error
