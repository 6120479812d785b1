"""A copy of a run far away that follows it while another machine trains it: the small files, and whether it is at work.

Who watches holds no lease, so it neither keeps others out nor is kept out. It may write files that are its own, see `own`.
"""

import contextlib
import shutil
import tempfile
import threading
import time
from collections.abc import Collection, Iterator
from pathlib import Path

from jaxtricks.bucket import Bucket, BucketError, url_of
from jaxtricks.store import lease
from jaxtricks.store.checkpoint import ARRAYS
from jaxtricks.store.disk import marked, replacing
from jaxtricks.store.mirror import Stamp, calling, mirrored, one_sentence, stamps

SECONDS = 2.0  # between two looks


@contextlib.contextmanager
def watching_copy(where: Path | str, marks: Collection[str], own: Collection[str] = ()) -> Iterator[Path]:
    """The folder to watch: the path itself, or a copy of a URL that follows it until the block ends, without checkpoints' arrays.

    Args:
        where: a path, or a URL.
        marks: the names of files that are marked while somebody is at work there, see `jaxtricks.store.disk.marked`.
        own: the names of files and folders that are written here alone: read at first, and written back as they change.

    Raises:
        CheckpointError: where a URL cannot be reached at first, or what is its own cannot be written in the end.

    >>> far = Bucket("memory:///runs/watched")
    >>> far.write("command.json", b"{}")
    >>> with watching_copy(far.url, ["command.json"]) as folder:
    ...     print((folder / "command.json").read_text())
    {}
    """
    if (url := url_of(where)) is None:
        yield Path(where)
        return
    ended = threading.Event()
    with one_sentence(), calling(url) as folder:
        watched = _Watched(Bucket(url), folder, marks, own)
        watched.look()

        def follow() -> None:
            while not ended.wait(SECONDS):
                with contextlib.suppress(BucketError, FileNotFoundError):  # then the next look finds it
                    watched.look()
                    watched.give()

        thread = threading.Thread(target=follow, name="watching", daemon=True)
        thread.start()
        try:
            yield folder
        finally:
            ended.set()
            thread.join()
            watched.close()
            watched.give()


class _Watched:
    """What was seen of a place."""

    def __init__(self, bucket: Bucket, folder: Path, marks: Collection[str], own: Collection[str]) -> None:
        self._bucket, self._folder, self._marks, self._own = bucket, folder, marks, own
        self._signs: dict[str, str] = {}
        self._lease, self._free, self._since = "", True, 0.0
        self._marked = contextlib.ExitStack()
        folder.mkdir()
        bucket.download({name: folder / name for name in bucket.signs() if self._is_own(name)})
        self._given = self._mine()

    def look(self) -> None:
        """Reads what has changed, and then marks the copy as worked in, or no longer."""
        found = self._bucket.signs()
        signs = {name: sign for name, sign in found.items() if self._follows(name)}
        with tempfile.TemporaryDirectory(dir=self._folder.parent) as fresh:
            changed = {name: Path(fresh, name) for name, sign in signs.items() if self._signs.get(name) != sign}
            self._bucket.download(changed)
            for name, path in changed.items():
                (self._folder / name).parent.mkdir(parents=True, exist_ok=True)
                with replacing(self._folder / name) as unfinished:
                    shutil.move(path, unfinished)
        for name in self._signs.keys() - signs.keys():
            (self._folder / name).unlink(missing_ok=True)
        self._signs = signs
        before, self._marked = self._marked, contextlib.ExitStack()
        if self._at_work(found):
            for name in signs.keys() & set(self._marks):
                self._marked.enter_context(marked(self._folder / name))
        before.close()  # not sooner: whoever looks meanwhile sees it marked

    def give(self) -> None:
        """Writes back what is its own and has changed; raises BucketError."""
        mine = self._mine()
        self._bucket.upload({name: self._folder / name for name, stamp in mine.items() if self._given.get(name) != stamp})
        self._bucket.remove(self._given.keys() - mine.keys())
        self._given = mine

    def close(self) -> None:
        """Takes the marks away."""
        self._marked.close()

    def _mine(self) -> dict[str, Stamp]:
        return {name: stamp for name, stamp in stamps(self._folder).items() if self._is_own(name)}

    def _is_own(self, name: str) -> bool:
        return name.split("/")[0] in self._own

    def _follows(self, name: str) -> bool:
        return mirrored(name) and not self._is_own(name) and ARRAYS not in name.split("/")

    def _at_work(self, signs: dict[str, str]) -> bool:
        """Whether there is a lease that is not free and has not run out, by this machine's clock."""
        if (newest := lease.newest(signs)) is None:
            return False
        if (sign := f"{newest} {signs[newest]}") != self._lease:
            self._free, self._since = lease.is_free(self._bucket.read(newest)), time.monotonic()
            self._lease = sign
        return not self._free and time.monotonic() - self._since < lease.SECONDS
