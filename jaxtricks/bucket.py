"""Objects far away, behind a URL such as gs://bucket/runs: listed, read, written, and made only where there is none.

The only file that knows fsspec, in which each kind of store is a package of its own: gcsfs for gs://, s3fs for s3://. An object
is there whole or not at all, and nothing is ever renamed or added to, since object stores can do neither. Files of this machine,
which can, are made under another name first.
"""

import contextlib
import hashlib
import os
import re
import secrets
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

URL = re.compile(r"([a-z][a-z0-9+.-]+):/+(.*)")  # of two letters or more; "/" once, too, as pathlib leaves it
ROOTED = ("file", "local", "memory")  # those whose paths begin at a root, and not with a bucket's name
LOCAL = ("file", "local")
CREATING = {"gs", "gcs", "s3", "s3a", "memory", *LOCAL}  # those that make an object only where there is none, when asked to
UNFINISHED = ".unfinished-"  # how the name of a file begins that is no object yet


class Access(NamedTuple):
    """What a kind of store asks for.

    Args:
        package: reads and writes it.
        login: how one logs in.
    """

    package: str
    login: str


GOOGLE = Access("gcsfs", "`gcloud auth application-default login`, or GOOGLE_APPLICATION_CREDENTIALS, logs in")
AMAZON = Access("s3fs", "`aws configure`, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, logs in")
KNOWN = {"gs": GOOGLE, "gcs": GOOGLE, "s3": AMAZON, "s3a": AMAZON}


class BucketError(ValueError):
    """A place far away that cannot be read or written: one sentence that names it."""


def url_of(where: Path | str) -> str | None:
    """The URL that a path stands for; None for a path of this machine.

    Args:
        where: a path or a URL; a Path that was made of a URL, which lost a stroke, too.

    >>> url_of("gs://mine/runs/"), url_of(Path("s3://mine/runs") / "a"), url_of("runs/a")
    ('gs://mine/runs', 's3://mine/runs/a', None)
    """
    if (found := URL.fullmatch(str(where))) is None:
        return None
    scheme, rest = found.groups()
    return f"{scheme}://{'/' if scheme in ROOTED else ''}{rest}".rstrip("/")


class Bucket:
    """The objects below a URL, by their names relative to it.

    Args:
        url: as `url_of` gives it.

    Raises:
        BucketError: where the store's package is missing, or there is no such kind of store.

    >>> far = Bucket("memory:///example")
    >>> far.create("a/b", b"first"), far.create("a/b", b"second"), far.read("a/b"), far.read("c"), list(far.signs())
    (True, False, b'first', None, ['a/b'])
    """

    def __init__(self, url: str) -> None:
        import fsspec  # 0.1 s that only what is far away needs

        self.url, self._scheme = url, url.partition(":")[0]
        self._access = KNOWN.get(self._scheme)
        try:
            self._files, self._root = fsspec.url_to_fs(url)
        except ImportError as error:
            needs = _first(error) if self._access is None else f"the package {self._access.package} is missing"
            raise BucketError(
                f"{url} cannot be reached: {needs}; `pip install jaxtricks[cloud]` has what reads gs:// and s3://."
            ) from error
        except Exception as error:  # each store has errors of its own
            raise BucketError(f"{url} cannot be reached: {_first(error)}.") from error

    def signs(self, below: str = "") -> dict[str, str]:
        """The name of each object → a sign that is another one whenever the object is.

        Args:
            below: of those in this folder alone.

        Raises:
            BucketError: where the store does not answer, or the URL is that of one object.
        """
        with self._asked("read"):
            self._files.invalidate_cache()  # of what was listed before
            found = self._files.find(self._at(below), detail=True)
        if found.get(self._root, {"type": "directory"}).get("type") != "directory":
            raise BucketError(f"{self.url} is an object, where a folder of objects is asked for.")
        start = f"{self._root}/"
        told = {name.removeprefix(start): info for name, info in found.items() if name.startswith(start) and name[-1] != "/"}
        whole = {name: info for name, info in told.items() if not name.rpartition("/")[2].startswith(UNFINISHED)}
        return {name: _digest(repr(sorted(info.items(), key=str))) for name, info in whole.items()}

    def read(self, name: str) -> bytes | None:
        """What an object holds; None where there is none.

        Args:
            name: of the object.

        Raises:
            BucketError: where the store does not answer.
        """
        with self._asked("read"):
            try:
                content: bytes = self._files.cat_file(self._at(name))
            except FileNotFoundError:
                return None
        return content

    def write(self, name: str, content: bytes) -> None:
        """Writes an object, in place of one that is there; raises BucketError.

        Args:
            name: of the object.
            content: all of it.
        """
        with self._asked("written"):
            if self._scheme in LOCAL:
                _place(content, self._at(name), os.replace)
            else:
                self._files.pipe_file(self._at(name), content)

    def create(self, name: str, content: bytes) -> bool:
        """Writes an object where there is none, and says whether it is there now: of several who try, one alone hears yes.

        A store may have done what its answer was lost of; so what is there is read again.

        Args:
            name: of the object.
            content: all of it; that of no two who try is the same, where only one may go on.

        Raises:
            BucketError: where the store does not answer, or is of a kind that is not known to keep others out.
        """
        if self._scheme not in CREATING:
            raise BucketError(
                f"{self.url} can only be read: {self._scheme}:// is not known to make an object only where there is none, as "
                "gs://, s3:// and file:// do."
            )
        with self._asked("written"):
            try:
                if self._scheme in LOCAL:
                    _place(content, self._at(name), os.link)
                else:
                    with self._files.open(self._at(name), "xb") as file:
                        file.write(content)
                return True
            except Exception as error:
                there = self.read(name)
                if there is None:
                    raise error
        return there == content

    def remove(self, names: Collection[str]) -> None:
        """Removes objects, where they are there; raises BucketError.

        Args:
            names: theirs.
        """
        with self._asked("written"):
            for name in names:
                with contextlib.suppress(FileNotFoundError):
                    self._files.rm_file(self._at(name))

    def upload(self, files: Mapping[str, Path]) -> None:
        """Writes files as objects, several at a time and in no order.

        Args:
            files: the name of an object → its file.

        Raises:
            BucketError: where the store does not answer; some may be written then.
        """
        if self._scheme in LOCAL:
            for name, path in files.items():
                with self._asked("written"):
                    _place(path.read_bytes(), self._at(name), os.replace)
        elif files:
            with self._asked("written"):
                self._files.put(list(map(str, files.values())), list(map(self._at, files)))

    def download(self, files: Mapping[str, Path]) -> None:
        """Writes objects as files, several at a time.

        Args:
            files: the name of an object → its file; folders are made.

        Raises:
            FileNotFoundError: where an object is no longer there.
            BucketError: where the store does not answer.
        """
        for folder in {path.parent for path in files.values()}:
            folder.mkdir(parents=True, exist_ok=True)
        if files:
            with self._asked("read", FileNotFoundError):
                self._files.get(list(map(self._at, files)), list(map(str, files.values())))

    def _at(self, name: str) -> str:
        return f"{self._root}/{name}" if name else self._root

    @contextlib.contextmanager
    def _asked(self, what: str, *passes: type[Exception]) -> Iterator[None]:
        """Turns what the store answers inside the block into one sentence."""
        try:
            yield
        except Exception as error:  # each store has errors of its own
            if isinstance(error, (BucketError, *passes)):
                raise
            known = None if isinstance(error, FileNotFoundError) else self._access  # such as where there is no such bucket
            login = "" if known is None else f"; {known.login}"
            raise BucketError(f"{self.url} cannot be {what} ({_first(error)}){login}.") from error


def _place(content: bytes, path: str, take: Callable[[Path, str], None]) -> None:
    """Writes a file of this machine, which is there whole or not at all.

    Args:
        content: all of it.
        path: of the file; folders are made.
        take: gives a finished file its path, in place of one that is there or only where there is none.
    """
    unfinished = Path(path).with_name(f"{UNFINISHED}{secrets.token_hex(8)}")
    unfinished.parent.mkdir(parents=True, exist_ok=True)
    try:
        unfinished.write_bytes(content)
        take(unfinished, path)
    finally:
        unfinished.unlink(missing_ok=True)


def _first(error: BaseException) -> str:
    """The first line of what an error says, as a part of a sentence."""
    lines = str(error).strip().splitlines()
    return (lines[0] if lines else type(error).__name__).rstrip(".")


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]
