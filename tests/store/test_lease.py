"""The lock on a place far away: two who write at once, and one that was silent."""

import os
import threading
from pathlib import Path

import pytest

from jaxtricks.bucket import Bucket
from jaxtricks.store import lease, mirror
from jaxtricks.store.checkpoint import CheckpointError
from jaxtricks.store.lease import Lease, TakenError, held
from jaxtricks.store.mirror import committed, working_copy
from tests.store.buckets import VARIABLE, FileBucket, leases, names

pytestmark = pytest.mark.usefixtures("place")


def test_of_several_who_try_one_holds_it():
    holds, ended = [], threading.Event()

    def contend():
        try:
            with held(Bucket("fake://runs/a")):
                holds.append(1)
                ended.wait()
        except TakenError:
            holds.append(0)

    threads = [threading.Thread(target=contend) for _ in range(4)]
    for thread in threads:
        thread.start()
    while len(holds) < 4:
        ended.wait(0.01)
    ended.set()
    for thread in threads:
        thread.join()
    assert sorted(holds) == [0, 0, 0, 1] and leases("fake://runs/a") == [".lease/000001"]


def test_one_that_was_silent_sees_that_others_were_there_though_they_have_gone():
    place = Bucket("fake://runs/a")
    late = Lease(place, 1)
    assert late.take()
    with held(place) as other:
        other.check()
    for act in (late.check, late.renew, late.release):
        with pytest.raises(TakenError, match=rf"^fake://runs/a was taken over by .*process {os.getpid()}\), which heard "):
            act()
    assert leases(place.url) == [".lease/000002"] and lease.is_free(place.read(".lease/000002"))
    with held(place, 60.0):  # at once, since it is free
        assert max(leases(place.url)) == ".lease/000003"
    place.remove(leases(place.url))
    with pytest.raises(TakenError):
        late.renew()
    assert leases(place.url) == []


def test_what_is_no_lease_is_left_alone():
    place = Bucket("fake://runs/a")
    place.write(".lease/notes.txt", b"mine")
    with held(place) as mine:
        mine.check()
    assert leases(place.url) == [".lease/000001", ".lease/notes.txt"]


def test_nothing_is_sealed_once_it_was_taken_over(monkeypatch):
    monkeypatch.setattr(mirror, "TRIES", 1)
    place = Bucket("fake://runs/a")

    def late(name):
        if name.endswith("/state.json"):
            Path(os.environ[VARIABLE], "runs/a/.lease/000002").write_text("{}")

    def write():
        with working_copy(place.url) as folder:
            for name in ("state.json", "config.json"):
                (folder / name).write_text("{}")

    monkeypatch.setattr(FileBucket, "written", staticmethod(late))
    with pytest.raises(CheckpointError, match="was taken over"):
        write()
    assert names(place.url) == ["state.json"]


def test_one_that_was_taken_over_writes_no_more_and_its_copy_is_named():
    def write():
        with working_copy("fake://runs/a") as folder:
            Bucket("fake://runs/a").create(".lease/000002", b"{}")
            (folder / "config.json").write_text("{}")
            committed(folder / "config.json")

    with pytest.raises(
        CheckpointError, match=r"^fake://runs/a was taken over by .*; what was written is kept in .*/a\.$"
    ) as told:
        write()
    assert "was taken over" in str(told.value.__context__)  # by the first thing that was committed
    assert (Path(str(told.value).rpartition(" ")[2].removesuffix(".")) / "config.json").exists()
    assert max(leases("fake://runs/a")) == ".lease/000002" and names("fake://runs/a") == []
