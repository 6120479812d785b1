"""Objects far away: made once, whole or not at all, and what goes wrong in one sentence."""

import os
import sys
import threading
from pathlib import Path

import pytest

from jaxtricks import bucket as far
from jaxtricks.bucket import Bucket, BucketError, url_of
from tests.store.buckets import VARIABLE, FileBucket


@pytest.fixture(autouse=True)
def objects(tmp_path, monkeypatch) -> None:
    """The folder of the objects."""
    (tmp_path / "far").mkdir()
    monkeypatch.setenv(VARIABLE, str(tmp_path / "far"))


@pytest.mark.parametrize("kind", ["fake", "file"])
def test_of_several_who_make_an_object_one_does(tmp_path, kind):
    made, gate, place = [], threading.Barrier(8), Bucket(url_of(f"{kind}://{tmp_path}/a"))

    def make(number):
        gate.wait()
        if place.create("only", str(number).encode()):
            made.append(number)

    threads = [threading.Thread(target=make, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 1 and place.read("only") == str(made[0]).encode() and list(place.signs()) == ["only"]


def test_one_whose_answer_was_lost_is_made(monkeypatch):
    opened, place = FileBucket.open, Bucket("fake://runs/a")

    def lost(self, path, mode="rb", **options):
        with opened(self, path, mode, **options) as file:
            file.write(b"mine")
        raise TimeoutError("no answer")

    with monkeypatch.context() as patch:
        patch.setattr(FileBucket, "open", lost)
        patch.setattr(FileBucket, "cat_file", lambda self, path: Path(self._strip_protocol(path)).read_bytes())
        assert place.create("other", b"mine")


def test_a_file_is_there_whole_or_not_at_all(tmp_path, monkeypatch):
    place = Bucket(f"file://{tmp_path}/a")

    def ended(unfinished, path):
        assert Path(unfinished).read_bytes() == b"mine" and place.read("only") is None and list(place.signs()) == []
        raise OSError("the disk is gone")

    with monkeypatch.context() as patch:
        for name in ("link", "replace"):
            patch.setattr(os, name, ended)
        for write in (place.create, place.write):
            with pytest.raises(BucketError, match=r"cannot be written \(the disk is gone\)\.$"):
                write("only", b"mine")
    assert list((tmp_path / "a").iterdir()) == []


def test_a_kind_of_store_that_may_keep_nobody_out_is_refused():
    with pytest.raises(BucketError, match=r"^data://a can only be read: data:// is not known to make .*, as gs://, "):
        Bucket("data://a").create("only", b"")


def test_a_package_that_is_missing_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "s3fs", None)
    with pytest.raises(BucketError, match=r"^s3://mine/a cannot be reached: the package s3fs is missing; `pip "):
        Bucket("s3://mine/a")
    with pytest.raises(BucketError, match=r"^nowhere://a cannot be reached: Protocol not known: nowhere\.$"):
        Bucket("nowhere://a")


def test_so_is_how_one_logs_in(monkeypatch):
    monkeypatch.setitem(far.KNOWN, "locked", far.AMAZON)
    with pytest.raises(BucketError, match=r"^locked://a cannot be read \(Access Denied\); `aws .*, logs in\.$"):
        Bucket("locked://a").signs()
