"""Folders far away: killed on a disk that is lost, torn uploads, and stores that do not answer."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
import warnings
from functools import partial
from pathlib import Path

import jax
import numpy as np
import pytest

import jaxtricks as jt
from jaxtricks import cli
from jaxtricks.bucket import Bucket, BucketError
from jaxtricks.cli import flags
from jaxtricks.data import ledger
from jaxtricks.experiment.seeds import Seeds
from jaxtricks.report import watch
from jaxtricks.report.document import save_document
from jaxtricks.search import Certainty
from jaxtricks.store import checkpoint, lease, mirror, watching
from jaxtricks.store.checkpoint import CheckpointError
from jaxtricks.store.folder import FolderError
from jaxtricks.store.journal import Journal, listed
from jaxtricks.store.lease import TakenError, held
from jaxtricks.store.manifest import Manifest, opened
from jaxtricks.store.mirror import committed, reading_copy, working_copy
from tests.store.buckets import LASTS, fails, leases, names

fit, resume = partial(jt.fit, progress=False), partial(jt.resume, progress=False)
BASE = jt.Experiment(model=jt.MLP(widths=(8,), dropout=0.2), batch_size=32, epochs=4)
HOW = {"seeds": 2, "layout": jt.Layout(runs=1, width=2)}
pytestmark = pytest.mark.usefixtures("place")


@pytest.fixture(scope="module")
def data(digits):
    return jt.load("digits").subset(150, 0)


def test_what_lies_beside_a_copy_is_not_far_away():
    with reading_copy("memory:///runs/b") as copy:
        said = f"{copy} {copy}/page.html {copy}. {copy}-model-1 {copy}.old {copy}2"
        assert mirror.told(said).split() == [
            *("memory:///runs/b", "memory:///runs/b/page.html", "memory:///runs/b."),
            *(f"{copy}{rest}" for rest in ("-model-1", ".old", "2")),
        ]


def child(what, url, tmp_path):
    (tmp_path / "disk").mkdir()
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2]), "JAXTRICKS_CACHE": str(tmp_path / "disk")}
    words = [sys.executable, "-c", f"from tests.store.buckets import main; main({what!r}, {url!r})"]
    return subprocess.Popen(words, env=environment, stdout=subprocess.PIPE, text=True)


class TestKilled:
    def test_on_a_disk_that_is_lost_it_goes_on_to_the_same_bits_and_lost_one_segment(self, data, tmp_path):
        """Killed with -9 within the upload of its third checkpoint."""
        with child("fit", "fake://runs/long", tmp_path) as process:
            process.communicate(timeout=120)
        assert process.returncode == -signal.SIGKILL
        shutil.rmtree(tmp_path / "disk")
        assert sorted(jt.snapshots("fake://runs/long", data)) == [1, 2]
        runs, whole = resume("fake://runs/long", data, layout=HOW["layout"]), fit(BASE, data, **HOW)
        for one, other in ((runs.curves, whole.curves), (runs.states, whole.states)):
            jax.tree.map(np.testing.assert_array_equal, one, other)
        assert sorted(jt.snapshots("fake://runs/long", data)) == [3, 4]
        assert leases("fake://runs/long") == [".lease/000002"]
        assert lease.is_free(Bucket("fake://runs/long").read(".lease/000002"))
        assert list((tmp_path / "near/copies").iterdir()) == []

    def test_whoever_holds_a_place_keeps_others_out_until_it_is_killed(self, tmp_path):
        with child("hold", "fake://runs/a", tmp_path) as process:
            assert process.stdout.readline() == "held\n"
            said = rf"^fake://runs/a is in use by another process \(.*process {process.pid}\)\.$"
            with pytest.raises(TakenError, match=said), held(Bucket("fake://runs/a"), 8 * LASTS):
                pass
            process.kill()
        with held(Bucket("fake://runs/a")) as mine:
            mine.check()
            assert max(leases("fake://runs/a")) == ".lease/000002"


def grown(folder, number):
    """The checkpoints of a program after so many epochs, of which the newest two stay, and a file that is written anew."""
    cohort = folder / "cohort-0"
    checkpoint.write(cohort / f"{number:06}", {"loss": np.full(2, number)}, {"epoch": number})
    for epoch, path in listed(cohort):
        if epoch < number - 1:
            shutil.rmtree(path)
    (folder / "fit.json").write_text(f"{number}")


class TestTorn:
    def test_an_upload_that_ends_anywhere_leaves_the_earlier_state_or_the_new_one(self, place, monkeypatch):
        monkeypatch.setattr(mirror, "TRIES", 1)
        ended, operations = set(), 0
        with working_copy("fake://runs/before") as folder:
            for number in (1, 2):
                grown(folder, number)
        while True:
            url, done = f"fake://runs/{operations}", []
            shutil.copytree(place / "runs/before", place / f"runs/{operations}")
            with monkeypatch.context() as patch:
                fails(patch, lambda name: ".lease" not in name and (done.append(name) or len(done) > operations))  # noqa: B023
                try:
                    with working_copy(url) as folder:
                        grown(folder, 3)
                except CheckpointError:
                    pass
                else:
                    break
            with reading_copy(url) as folder:
                epochs = [epoch for epoch, _ in listed(folder / "cohort-0")]
                assert [int(checkpoint.read(path)[0]["loss"][0]) for _, path in listed(folder / "cohort-0")] == epochs
            ended.add(tuple(epochs))
            operations += 1
        assert ended == {(1, 2), (1, 2, 3), (2, 3)} and operations > 10

    @pytest.mark.filterwarnings("ignore:Since .*tried again at the next checkpoint")
    def test_a_first_upload_that_ends_anywhere_leaves_a_place_that_the_fit_goes_on_at(self, data, monkeypatch):
        monkeypatch.setattr(mirror, "TRIES", 1)
        known, operations, upload = Manifest.of([BASE], False, Seeds.of(2), data), 0, Bucket.upload

        def manifest_last(self, files):
            upload(self, dict(sorted(files.items(), key=lambda file: file[0] == "fit.json")))

        def begun(folder):
            with opened(jt.Checkpoints(folder), known):
                np.savez(folder / "cohort-0.npz", loss=np.ones(2))
                if not (folder / "cohort-0/000001").exists():
                    checkpoint.write(folder / "cohort-0/000001", {"loss": np.ones(2)}, {"epoch": 1})

        monkeypatch.setattr(Bucket, "upload", manifest_last)
        while True:
            url, done = f"fake://runs/{operations}", []
            with monkeypatch.context() as patch:
                fails(patch, lambda name: ".lease" not in name and (done.append(name) or len(done) > operations))  # noqa: B023
                try:
                    with working_copy(url) as folder:
                        begun(folder)
                except CheckpointError:
                    pass
                else:
                    break
            with working_copy(url) as folder:
                begun(folder)
            operations += 1
        assert operations > 4

    def test_what_a_torn_upload_left_is_taken_away_by_the_next(self, monkeypatch):
        with working_copy("fake://runs/a") as folder:
            grown(folder, 1)
        with monkeypatch.context() as patch:
            fails(patch, lambda name: name.endswith("000002/seal.json"))
            with pytest.raises(CheckpointError), working_copy("fake://runs/a") as folder:
                grown(folder, 2)
        assert any("000002" in name for name in names("fake://runs/a"))
        with working_copy("fake://runs/a") as folder:
            assert Journal(folder / "cohort-0", jt.Checkpoints("x")).newest().epoch == 1
        assert not any("000002" in name for name in names("fake://runs/a"))


class TestAway:
    def test_training_goes_on_while_the_store_does_not_answer_and_takes_all_along_when_it_does(self, data, monkeypatch):
        down = iter([False] * 2 + [True] * 2 + [False] * 100)
        push, answers = mirror.Mirror.push, []

        def pushed(self):
            answers.append(next(down))
            if answers[-1]:
                raise BucketError("fake://runs/a cannot be written (the network is gone).")
            push(self)

        monkeypatch.setattr(mirror.Mirror, "push", pushed)
        with pytest.warns(UserWarning, match=r"the network is gone\)\. It is tried again at the next checkpoint\.$") as warned:
            fit(BASE, data, **HOW, checkpoints=jt.Checkpoints("fake://runs/a"))
        assert len(warned) == 1 and answers == [False, False, True, True, False, False]
        assert sorted(jt.snapshots("fake://runs/a", data)) == [3, 4]

    def test_each_outage_is_told_once(self, monkeypatch):
        times = iter(["09:00", "10:00"])
        monkeypatch.setattr(mirror.time, "strftime", lambda form: next(times))
        with warnings.catch_warnings(record=True) as told, working_copy("fake://runs/a") as folder:
            warnings.simplefilter("default")
            for number, down in enumerate([True, True, False, True, True, False]):
                (folder / "fit.json").write_text(f"{number}")
                with monkeypatch.context() as patch:
                    fails(patch, lambda name: down and name.endswith("fit.json"))  # noqa: B023
                    committed(folder / "fit.json")
        assert [str(each.message).split()[1] for each in told] == ["09:00", "10:00"]

    def test_in_the_end_it_is_tried_more_often_and_then_the_copy_is_named(self, monkeypatch):
        tries = []
        fails(monkeypatch, lambda name: "config" in name and not tries.append(name))
        said = r"^fake://runs/a cannot be written \(the network is gone\); what was written is kept in /"
        with pytest.raises(CheckpointError, match=said), working_copy("fake://runs/a") as folder:
            (folder / "config.json").write_text("{}")
        assert len(tries) == mirror.TRIES and (folder / "config.json").exists()

    @pytest.mark.parametrize(
        "error", [KeyboardInterrupt(), OSError("the disk is gone")], ids=["Ctrl-C", "an error of another kind"]
    )
    def test_what_ends_the_last_upload_leaves_the_copy_and_says_where(self, error, capsys, monkeypatch):
        def stopped(self, files):
            raise error

        monkeypatch.setattr(Bucket, "upload", stopped)
        with pytest.raises(type(error)), working_copy("fake://runs/a") as folder:
            (folder / "config.json").write_text("{}")
        assert capsys.readouterr().err == f"jaxtricks: what was written for fake://runs/a is kept in {folder}.\n"
        assert (folder / "config.json").exists()

    @pytest.mark.parametrize("error", [KeyboardInterrupt(), ValueError("wrong")], ids=["Ctrl-C", "an error"])
    def test_what_ends_the_work_leaves_no_copy_where_all_is_written_back(self, error, capsys):
        def work():
            with working_copy("fake://runs/a") as folder:
                (folder / "config.json").write_text(str(folder))
                raise error

        with pytest.raises(type(error)):
            work()
        assert names("fake://runs/a") == ["config.json"] and capsys.readouterr().err == ""
        assert not Path(Bucket("fake://runs/a").read("config.json").decode()).exists()

    def test_a_cache_that_cannot_be_written_is_named(self, tmp_path, monkeypatch):
        (tmp_path / "file").write_text("")
        monkeypatch.setenv("JAXTRICKS_CACHE", str(tmp_path / "file"))
        with pytest.raises(CheckpointError, match=r"/file/copies cannot be written \("), working_copy("fake://runs/a"):
            pass


class TestPython:
    def test_results_are_saved_there_and_never_over_others(self):
        save_document("fake://runs/a", "<p>", {"numbers": {"a": 1}}, {})  # as all that has a page
        assert names("fake://runs/a") == ["numbers.json", "report.html"]
        with pytest.raises(FolderError, match=r"^fake://runs/a holds something already, "):
            save_document("fake://runs/a", "<p>", {}, {})

    def test_what_is_trained_before_a_comparison_lies_there_too(self, data, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        rates = {"seeds": 2, "tune": "rate", "layout": HOW["layout"], "progress": False}
        found = jt.compare(BASE, BASE.replace({"model.dropout": 0.5}), data, **rates, checkpoints=jt.Checkpoints("fake://runs/a"))
        assert found.seeds == 2 and any(name.startswith("before/") for name in names("fake://runs/a"))
        assert sorted(path.name for path in tmp_path.iterdir()) == ["far", "near"]

    def test_a_search_is_written_down_and_shared_there(self, blobs):
        space, how = {"optimizer.rule.learning_rate": "log:1e-3:1"}, {"budget": 4, "seeds": 2, "batch": 2, "progress": False}
        how |= {"strategy": "random", "certainty": Certainty(fresh=2), "layout": HOW["layout"]}
        base = jt.Experiment(model=jt.MLP(widths=(4,)), batch_size=16, epochs=1)
        shared = jt.search(base, space, blobs, **how, folder="fake://runs/own", share="fake://shared")
        again = jt.search(base, space, blobs, **how, folder="fake://runs/own", share="fake://shared")
        assert again.to_dict() == shared.to_dict()  # seconds, too
        assert names("fake://runs/own") == ["search.jsonl"] and {"search.json", "batch-00000/batch.json"} <= set(
            names("fake://shared")
        )
        with pytest.raises(CheckpointError, match=r"^fake://shared holds another search: here .*; name another place\.$"):
            jt.search(base, space, blobs, **how | {"seed": 1}, share="fake://shared")

    def test_openings_of_a_test_set_are_written_down_there(self, blobs, monkeypatch):
        monkeypatch.setenv("JAXTRICKS_LEDGER", "fake://runs/ledger")
        anew = jt.Dataset.from_arrays(blobs.x, blobs.y, name="blobs", test=(blobs.x, blobs.y))
        anew.open_test("the paper")
        assert names("fake://runs/ledger") == ["000000.json"]
        other = jt.Dataset.from_arrays(blobs.x, blobs.y, name="blobs", test=(blobs.x, blobs.y))
        with pytest.raises(jt.data.DataError, match="was opened once before"):
            other.open_test("once more")
        other.open_test("once more", reopen="a reviewer asked")
        assert [opening.reopen for opening in other.openings] == [None, "a reviewer asked"]

    def test_an_opening_goes_after_all_that_are_there_though_one_was_removed(self, blobs, monkeypatch):
        monkeypatch.setenv("JAXTRICKS_LEDGER", "fake://runs/ledger")
        for number in range(2):
            ledger.enter("blobs", f"test {number}", 10, "the paper", None)
        Bucket("fake://runs/ledger").remove(["000000.json"])
        ledger.enter("blobs", "test 2", 10, "the paper", None)
        assert names("fake://runs/ledger") == ["000001.json", "000002.json"]

    @pytest.mark.parametrize("scheme", ["fake://", "memory://"])
    def test_one_object_is_no_ledger_of_objects(self, tmp_path, monkeypatch, scheme):
        monkeypatch.setenv("JAXTRICKS_LEDGER", f"{scheme}{tmp_path.name}/ledger.jsonl")
        Bucket(f"{scheme}{tmp_path.name}").write("ledger.jsonl", b"{}")
        with pytest.raises(jt.data.DataError, match=r"ledger\.jsonl is an object, .*; the variable JAXTRICKS_LEDGER names"):
            ledger.entries()


watching_copy_of = partial(watching.watching_copy, marks=("fit.json",))


class TestCommandLine:
    @pytest.fixture(autouse=True)
    def here(self, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr(flags, "set_up", lambda members: None)

    def refused(self, capsys, *words):
        with pytest.raises(SystemExit) as stop:
            cli.main(words)
        said = capsys.readouterr().err
        assert stop.value.code == 2 and said.startswith("jaxtricks: ") and said.count("\n") == 1
        return said

    def test_a_run_lies_there_is_reported_resumed_and_never_written_over(self, capsys):
        words = ["--out", "fake://runs/a", "--seeds", "2", "--epochs", "2", "--model.widths", "8", "--no-baselines"]
        cli.main(["run", *words, "--json"])
        assert json.loads(capsys.readouterr().out)["folder"] == "fake://runs/a"
        assert {"command.json", "config.json", "report.html", "checkpoints/fit.json"} <= set(names("fake://runs/a"))
        assert not Path("runs").exists()
        cli.main(["report", "fake://runs/a"])
        assert capsys.readouterr().out == "fake://runs/a/report.html\n"
        assert self.refused(capsys, "run", *words).startswith("jaxtricks: fake://runs/a holds something already")
        assert "fake://runs/a is finished; its page is fake://runs/a/report.html" in self.refused(
            capsys, "resume", "fake://runs/a"
        )
        cli.main(["resume", "fake://runs/a", "--epochs", "3"])
        assert json.loads(capsys.readouterr().out)["folder"] == "fake://runs/a"
        assert "earlier/epochs-2/config.json" in names("fake://runs/a")

    def test_it_is_tracked_while_another_machine_is_at_work_there(self, data, capsys, monkeypatch):
        monkeypatch.setattr(watch, "SECONDS", 0.01)
        monkeypatch.setattr(watching, "SECONDS", 0.01)
        fit(BASE.replace({"epochs": 1}), data, **HOW, checkpoints=jt.Checkpoints("fake://runs/a"))
        view_of, phases, at_work = watch.view_of, [], contextlib.ExitStack()

        def seen(folder):
            phases.append(view_of(folder).phase)
            at_work.close()
            return view_of(folder)

        monkeypatch.setattr(watch, "view_of", seen)
        for _ in range(2):  # the second in place of the first
            at_work.enter_context(held(Bucket("fake://runs/a")))
            cli.main(["track", "fake://runs/a", "tensorboard"])
            assert phases[0] is watch.Activity.WRITING and phases[-1] is watch.Activity.FINISHED
            phases.clear()
            assert capsys.readouterr().out.startswith("tensorboard --logdir fake://runs/a\n")
            assert sum(name.startswith("tensorboard/") for name in names("fake://runs/a")) == HOW["seeds"] + 3

    def test_who_watches_writes_back_its_own_alone(self, monkeypatch):
        monkeypatch.setattr(watching, "SECONDS", 0.01)
        there = Bucket("fake://runs/a")
        for name in ("fit.json", "own.json", "own/old"):
            there.write(name, b"{}")
        with held(there), watching_copy_of(there.url, own=("own.json", "own")) as folder:
            (folder / "own/old").unlink()
            for name in ("fit.json", "own.json", "own/new"):
                (folder / name).write_text("new")
            while there.read("own.json") != b"new":  # at once, should this machine go
                time.sleep(0.01)
            there.write("fit.json", b"newer")
        assert names(there.url) == ["fit.json", "own.json", "own/new"]
        assert (there.read("fit.json"), there.read("own.json")) == (b"newer", b"new")

    def test_it_is_watched_while_another_machine_trains_it(self, data, capsys, monkeypatch):
        monkeypatch.setattr(watching, "SECONDS", 0.01)
        monkeypatch.setattr(watch, "SECONDS", 0.01)
        views = []
        push, ready, seen = mirror.Mirror.push, threading.Event(), threading.Event()

        def pushed(self):
            push(self)
            if (self.folder / "cohort-0.npz").exists() and not ready.is_set():
                ready.set()
                seen.wait(20)

        monkeypatch.setattr(mirror.Mirror, "push", pushed)
        options = HOW | {"checkpoints": jt.Checkpoints("fake://runs/a")}
        training = threading.Thread(target=lambda: fit(BASE, data, **options))
        training.start()
        ready.wait(60)
        with watching_copy_of("fake://runs/a") as folder:
            for view in watch.follow(folder):
                views.append((view.phase, view.done))
                seen.set()
        training.join()
        assert views[0] == (watch.Activity.TRAINING, 2) and views[-1] == (watch.Activity.FINISHED, 8)
        cli.main(["watch", "fake://runs/a", "--once"])
        assert "fake://runs/a" in capsys.readouterr().out

    def test_what_cannot_be_reached_ends_in_one_sentence(self, capsys):
        assert "cannot be read (Access Denied)." in self.refused(capsys, "run", "--out", "locked://runs/a")
        assert "fake://nowhere is not a run's folder" in self.refused(capsys, "resume", "fake://nowhere")
        assert "fake://runs/a is not a run's folder" in self.refused(capsys, "track", "fake://runs/a", "tensorboard")
        assert "config fake://runs/a/a.json is far away" in self.refused(capsys, "run", "--config", "fake://runs/a/a.json")
        together = ["--distributed", "--coordinator", "here:1", "--processes", "2", "--process", "0"]
        assert "--distributed is for a folder" in self.refused(capsys, "resume", "fake://runs/a", *together)
