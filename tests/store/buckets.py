"""Pretended buckets: one of files, which renames nothing and adds to nothing, as object stores; and one that lets nobody in."""

import io
import os
import secrets
import signal
import time
from pathlib import Path

import fsspec
from fsspec.implementations.local import LocalFileSystem

from jaxtricks.bucket import CREATING, Bucket
from jaxtricks.store import lease

VARIABLE = "JAXTRICKS_TEST_BUCKET"  # names the folder that holds the objects of fake://
LASTS = 0.4  # seconds, of a lease


def names(url):
    """Those of all objects but the lease's."""
    return sorted(name for name in Bucket(url).signs() if not name.startswith(lease.LEASES))


def leases(url):
    return sorted(Bucket(url).signs(lease.LEASES))


def fails(monkeypatch, when):
    """The store does not answer where `when` is true of an object's name."""

    def written(name):
        if when(name):
            raise OSError("the network is gone")

    monkeypatch.setattr(FileBucket, "written", staticmethod(written))


class FileBucket(LocalFileSystem):
    """Objects as files: each is there whole or not at all."""

    protocol = "fake"
    cachable = False
    written = None  # of the test: is told the name of each object before it is written or removed

    def __init__(self, **options):
        super().__init__(auto_mkdir=True, **options)

    @classmethod
    def _strip_protocol(cls, path):
        path = os.fspath(path)
        return (path.replace("fake:/", os.environ[VARIABLE], 1) if path.startswith("fake://") else path).rstrip("/")

    def mv(self, *args, **options):
        raise NotImplementedError("an object store renames nothing")

    mv_file = rename = move = mv

    def _open(self, path, mode="rb", **options):
        if "r" in mode:
            return super()._open(path, mode, **options)
        if mode not in ("wb", "xb"):
            raise NotImplementedError("an object store adds to nothing")
        return _Object(self._tell(path), mode == "xb")

    def put_file(self, lpath, rpath, **options):
        with self._open(rpath, "wb") as file:
            file.write(Path(lpath).read_bytes())

    def rm_file(self, path):
        super().rm_file(self._tell(path))

    def _tell(self, path):
        name = self._strip_protocol(path)
        if type(self).written is not None:
            type(self).written(name.removeprefix(os.environ[VARIABLE] + "/"))
        return name


class _Object(io.BytesIO):
    def __init__(self, path, new):
        super().__init__()
        self._path, self._new = Path(path), new

    def close(self):
        if not self.closed:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            hidden = Path(os.environ[VARIABLE]) / f".{secrets.token_hex(8)}"
            hidden.write_bytes(self.getvalue())
            try:
                (os.link if self._new else os.replace)(hidden, self._path)
            finally:
                super().close()
                hidden.unlink(missing_ok=True)


class LockedBucket(LocalFileSystem):
    """What lets nobody in."""

    protocol = "locked"
    cachable = False

    def find(self, *args, **options):
        raise PermissionError("Access Denied\nby a store whose errors have several lines")


fsspec.register_implementation("fake", FileBucket, clobber=True)
fsspec.register_implementation("locked", LockedBucket, clobber=True)
CREATING |= {"fake", "locked"}


def main(what, url):
    """A process of its own: "fit" trains and is killed within the upload of its third checkpoint; "hold" holds a lease."""
    if what == "hold":
        lease.SECONDS = LASTS
        with lease.held(Bucket(url)):
            print("held", flush=True)
            time.sleep(600)
    import jaxtricks as jt
    from tests.store.test_mirror import BASE, HOW

    def killed(name):
        if "/000003/state" in name:
            os.kill(os.getpid(), signal.SIGKILL)

    FileBucket.written = staticmethod(killed)
    jt.fit(BASE, jt.load("digits").subset(150, 0), **HOW, checkpoints=jt.Checkpoints(url), progress=False)
