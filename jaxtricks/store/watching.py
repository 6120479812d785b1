"""A copy of a run far away that follows it while another machine trains it: the small files, and whether it is at work."""

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
from jaxtricks.store.mirror import calling, mirrored, one_sentence

SECONDS = 2.0  # between two looks


@contextlib.contextmanager
def watching_copy(where: Path | str, marks: Collection[str]) -> Iterator[Path]:
    """The folder to watch: the path itself, or a copy of a URL that follows it until the block ends, without checkpoints' arrays.

    Args:
        where: a path, or a URL.
        marks: the names of files that are marked while somebody is at work there, see `jaxtricks.store.disk.marked`.

    Raises:
        CheckpointError: where a URL cannot be reached at first.

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
        watched = _Watched(Bucket(url), folder, marks)
        watched.look()

        def follow() -> None:
            while not ended.wait(SECONDS):
                with contextlib.suppress(BucketError, FileNotFoundError):  # then the next look finds it
                    watched.look()

        thread = threading.Thread(target=follow, name="watching", daemon=True)
        thread.start()
        try:
            yield folder
        finally:
            ended.set()
            thread.join()
            watched.close()


class _Watched:
    """What was seen of a place."""

    def __init__(self, bucket: Bucket, folder: Path, marks: Collection[str]) -> None:
        self._bucket, self._folder, self._marks = bucket, folder, marks
        self._signs: dict[str, str] = {}
        self._lease, self._free, self._since = "", True, 0.0
        self._marked = contextlib.ExitStack()
        folder.mkdir()

    def look(self) -> None:
        """Reads what has changed, and then marks the copy as worked in, or no longer."""
        found = self._bucket.signs()
        signs = {name: sign for name, sign in found.items() if mirrored(name) and ARRAYS not in name.split("/")}
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

    def close(self) -> None:
        """Takes the marks away."""
        self._marked.close()

    def _at_work(self, signs: dict[str, str]) -> bool:
        """Whether there is a lease that is not free and has not run out, by this machine's clock."""
        if (newest := lease.newest(signs)) is None:
            return False
        if (sign := f"{newest} {signs[newest]}") != self._lease:
            self._free, self._since = lease.is_free(self._bucket.read(newest)), time.monotonic()
            self._lease = sign
        return not self._free and time.monotonic() - self._since < lease.SECONDS
