"""Trackers of experiments: what they hold is what the run's folder holds, once, whoever sends it and however often."""

import dataclasses
import importlib.machinery
import json
import math
import struct
import sys
import time
import types

import numpy as np
import pytest

from jaxtricks.config import ConfigError
from jaxtricks.report import tracking
from jaxtricks.report.tracker import TRACKERS, RunTracker, tracker
from jaxtricks.report.tracking import Tracking
from jaxtricks.report.watch import Activity, ArmSoFar, View
from jaxtricks.restart.histogram import LOST
from jaxtricks.statistics import band
from jaxtricks.train.histograms import Histograms

NLL = np.array([[3.0, 2.0, 1.0, 0.5], [4.0, 3.0, math.nan, math.nan], [5.0, 1.0, 1.0, 1.0]])
NAMES = ("seed 0", "seed 1", "seed 2")
ROWS = dict(zip((*NAMES, "mean", "mean-sd", "mean+sd"), (*NLL, *band(NLL)), strict=True))
WRITTEN = {"epochs": 4, "model": {"kind": "mlp", "widths": [8]}, "stopping": None}
SETTINGS = {"epochs": 4, "model.kind": "mlp", "model.widths": "[8]", "stopping": None}


def view(folder, epoch=4, arms=1):
    labels = ["experiment"] if arms == 1 else ["baseline", "dropout 0.5"][:arms]
    curves = {"nll": NLL[:, :epoch], "accuracy": NLL[:, :epoch] / 10}
    return View(folder, Activity.TRAINING, tuple(ArmSoFar(label, NAMES, 4, curves, {}, WRITTEN) for label in labels))


def pictures(epoch):
    """The histograms after so many epochs."""
    return Histograms(1, {"weights/a": np.ones((len(NAMES), epoch + 1, LOST + 1), int)})


def send(words, *views):
    tracking = Tracking(words, views[-1].folder)
    assert list(tracking.written(views)) == list(views)
    tracking.close()


def steps(curve, scale=1.0):
    """Epoch → value of what is finite."""
    return {epoch + 1: scale * value for epoch, value in enumerate(curve) if math.isfinite(value)}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "digits-run-1").mkdir()
    return tmp_path / "digits-run-1"


@pytest.fixture
def remembered():
    """A tracker that holds what it is given: key of a run → the run, its entries, and how often it was closed, and how."""
    told = {}

    @tracker("memory")
    class Memory(RunTracker):
        LIBRARY, EXTRA = "json", "memory"

        def open(self, run, key, mean):
            key = key or f"{run.title} #{len(told)}"
            assert (mean is None) == (run.name == "mean")
            told.setdefault(key, (run, [], [], mean))
            return Open(key)

        def where(self, arms):
            return self.project

    class Open:
        def __init__(self, key):
            self.key = key

        def write(self, entries):
            told[self.key][1].extend(entries)

        def close(self, whole):
            told[self.key][2].append(whole)

    yield told
    del TRACKERS["memory"]


class TestTracking:
    def test_a_run_that_goes_on_elsewhere_is_sent_once_and_in_its_own_runs(self, folder, remembered):
        send("memory:a", view(folder, 1, arms=2), view(folder, 3, arms=2))  # and then it was cut off
        send("memory:a", view(folder, 3, arms=2))  # nothing is new
        send("memory:a", view(folder, 4, arms=2), view(folder, 4, arms=2))
        assert len(remembered) == 2 * len(ROWS)
        for run, entries, closed, mean in remembered.values():
            assert run.settings == SETTINGS and run.group == f"digits-run-1 {run.arm}" and closed == [False, True]
            found = {entry.epoch: entry.values["nll"] for entry in entries}
            assert found == steps(ROWS[run.name]) and [entry.epoch for entry in entries] == list(found)
            assert mean is None or (remembered[mean][0].arm == run.arm and remembered[mean][0].name == "mean")
        assert {(run.arm, run.name) for run, *_ in remembered.values()} == {
            (arm, name) for arm in ("baseline", "dropout 0.5") for name in ROWS
        }

    def test_projects_are_told_apart(self, folder, remembered):
        send("memory:a", view(folder))
        send("memory:b", view(folder))
        assert len(remembered) == 2 * len(ROWS)
        assert set(json.loads((folder / "tracked.json").read_text())) == {"memory:a", "memory:b"}

    @pytest.mark.parametrize("ahead", [1, -1])
    def test_an_epoch_is_sent_whole_though_histograms_are_read_after_the_curves(self, folder, remembered, monkeypatch, ahead):
        monkeypatch.setattr(tracking, "histograms_of", lambda folder: {0: pictures(shown)})
        sent = Tracking("memory:a", folder)
        for epoch, shown in ((1, 1 + ahead), (3, 3 + ahead)):
            (arm,) = view(folder, epoch).arms
            growing = dataclasses.replace(arm, experiment=WRITTEN | {"histograms": 1})
            sent.add(dataclasses.replace(view(folder), arms=(growing,)))
            there = {entry.epoch for _, entries, *_ in remembered.values() for entry in entries}
            assert there == set(range(min(epoch, shown) + 1))
        shown = 4
        sent.add(dataclasses.replace(view(folder), phase=Activity.FINISHED))
        sent.close()
        for run, entries, *_ in remembered.values():
            drawn = run.name in (*NAMES, "mean")
            found = {entry.epoch: entry.values["nll"] for entry in entries if "nll" in entry.values}
            assert found == steps(ROWS[run.name]) and [entry.epoch for entry in entries if entry.pictures] == [*range(5)] * drawn
            assert [entry.epoch for entry in entries] == sorted({entry.epoch for entry in entries})

    def test_what_a_library_raises_is_one_sentence(self, folder, remembered, monkeypatch):
        def offline(self, run, key, mean):
            raise OSError("no network.\nand a long story")

        monkeypatch.setattr(TRACKERS["memory"], "open", offline)
        with pytest.raises(ConfigError, match=r"^track: memory:a does not take it: no network\.$"):
            send("memory:a", view(folder))
        assert not list(folder.iterdir())

    def test_one_restart_has_no_band(self, folder, remembered):
        (arm,) = view(folder).arms
        alone = dataclasses.replace(arm, names=NAMES[:1], curves={"nll": NLL[:1]})
        send("memory", dataclasses.replace(view(folder), arms=(alone,)))
        assert {run.name for run, *_ in remembered.values()} == {"seed 0", "mean"}

    @pytest.mark.parametrize(
        ("words", "says"),
        [
            ("wandbb:x", r"^track: 'wandbb' is no tracker; did you mean 'wandb'\?$"),
            ("tensorboard:x", r"^track: tensorboard has no projects, such as 'x'; it writes into the run's own folder\.$"),
        ],
    )
    def test_what_there_is_not_is_refused(self, words, says, folder):
        with pytest.raises(ConfigError, match=says):
            Tracking(words, folder)

    @pytest.mark.parametrize(
        ("name", "library"), [("tensorboard", "tensorboardX"), ("wandb", "wandb"), ("mlflow", "mlflow"), ("trackio", "trackio")]
    )
    def test_without_the_extra_one_sentence_names_it(self, name, library, folder, monkeypatch):
        monkeypatch.setitem(sys.modules, library, None)
        says = rf"^track: {name} needs {library}; `pip install jaxtricks\[{name}\]` installs it\.$"
        with pytest.raises(ConfigError, match=says):
            Tracking(name, folder)
        assert not list(folder.iterdir())


@pytest.mark.filterwarnings("ignore")  # TensorBoard's own
def test_each_restart_the_mean_and_the_band_are_runs_of_tensorboard(folder, scalars):
    send("tensorboard", *(view(folder, epoch) for epoch in (1, 3, 3, 4)))
    found = scalars(folder / "tensorboard")
    assert set(found) == {name.replace(" ", "-") for name in ROWS}
    for name, curve in ROWS.items():
        for tag, scale in (("nll", 1), ("accuracy", 0.1)):
            assert found[name.replace(" ", "-")][tag] == pytest.approx(steps(curve, scale))


def in_three_times(words, folder, arms=2, pause=0.0):
    """A run that is sent while it goes on, cut off, and sent again when it has gone on, some seconds later."""
    send(words, view(folder, 1, arms), view(folder, 3, arms))
    time.sleep(pause)
    send(words, view(folder, 4, arms))


@pytest.mark.filterwarnings("ignore:.*noload:DeprecationWarning")  # MLflow's own, with SQLAlchemy 2.1
def test_mlflow_has_the_mean_with_its_restarts_and_band_below_it(folder, monkeypatch):
    mlflow = pytest.importorskip("mlflow", reason="mlflow is an extra")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{folder.parent}/mlflow.db")
    in_three_times("mlflow:digits", folder)
    client = mlflow.MlflowClient()
    found = client.search_runs([client.get_experiment_by_name("digits").experiment_id])
    assert len(found) == 2 * len(ROWS) and {run.info.status for run in found} == {"FINISHED"}
    means = {run.data.tags["arm"]: run.info.run_id for run in found if run.data.tags["restart"] == "mean"}
    assert set(means) == {"baseline", "dropout 0.5"}
    for run in found:
        tags, name = run.data.tags, run.data.tags["restart"]
        assert tags["mlflow.runName"] == f"digits-run-1 {tags['arm']} {name}"
        assert tags.get("mlflow.parentRunId") == (None if name == "mean" else means[tags["arm"]])
        assert run.data.params == {path: str(value) for path, value in SETTINGS.items()}
        for tag, scale in (("nll", 1), ("accuracy", 0.1)):
            history = client.get_metric_history(run.info.run_id, tag)
            assert {each.step: each.value for each in history} == pytest.approx(steps(ROWS[name], scale))
            assert len(history) == len(steps(ROWS[name]))


def records_of(path):
    """The records of a file that Weights & Biases wrote offline, a log as LevelDB writes it."""
    from wandb.proto.wandb_internal_pb2 import Record

    data, at, parts = path.read_bytes(), 7, b""
    while at + 7 <= len(data):
        if (left := 2**15 - at % 2**15) < 7:  # the end of a block is padding
            at += left
            continue
        length, kind = struct.unpack_from("<HB", data, at + 4)
        at += 7 + length
        parts += data[at - length : at]
        if kind in (1, 4):  # whole, or its last part
            yield Record.FromString(parts)
            parts = b""


def wandb_runs(place):
    """What Weights & Biases wrote offline: id of a run → what it is, its config and its history."""
    found = {}
    for path in sorted(place.glob("wandb/offline-run-*/run-*.wandb")):
        for record in records_of(path):
            if (kind := record.WhichOneof("record_type")) == "run":
                run = record.run
                about = (run.display_name, run.run_group, run.job_type, run.project)
                _, config, history = found.setdefault(run.run_id, (about, {}, {}))
                config.update({each.key: json.loads(each.value_json) for each in run.config.update})
            elif kind == "history":
                values = {each.key or ".".join(each.nested_key): json.loads(each.value_json) for each in record.history.item}
                step = values.pop("_step")
                assert step not in history
                history[step] = {name: value for name, value in values.items() if not name.startswith("_")}
    return found


def test_weights_and_biases_has_a_run_for_each_in_a_group_for_the_arm(folder, monkeypatch):
    pytest.importorskip("wandb", reason="wandb is an extra")
    monkeypatch.setenv("WANDB_MODE", "offline")
    in_three_times("wandb:digits", folder, arms=1, pause=1.0)  # whose folders are named by the second
    found = wandb_runs(folder.parent)
    assert {about[0] for about, *_ in found.values()} == {f"digits-run-1 {name}" for name in ROWS} and len(found) == len(ROWS)
    for (title, group, kind, project), config, history in found.values():
        name = title.removeprefix(f"{group} ")
        assert (group, project) == ("digits-run-1", "digits") and kind == ("restart" if name in NAMES else "mean and band")
        assert {path: config[path] for path in SETTINGS} == SETTINGS
        assert {step: values["nll"] for step, values in history.items()} == pytest.approx(steps(ROWS[name]))


def test_trackio_has_a_run_for_each_in_a_group_for_the_arm(folder, monkeypatch):
    pytest.importorskip("trackio", reason="trackio is an extra that wants another version of pillow")
    from trackio import sqlite_storage, utils

    for module in (sqlite_storage, utils):
        monkeypatch.setattr(module, "TRACKIO_DIR", folder.parent / "trackio")
    in_three_times("trackio:digits", folder)
    (folder / "tracked.json").unlink()
    in_three_times("trackio:digits", folder)  # as another run of that folder's name would be
    store = sqlite_storage.SQLiteStorage
    runs = store.get_runs("digits")
    assert len(runs) == 2 * 2 * len(ROWS)
    for arm in ("baseline", "dropout 0.5"):
        for name, curve in ROWS.items():
            found = [run for run in runs if run.rpartition(" ")[0] == f"digits-run-1 {arm} {name}"]
            assert len(found) == 2
            for run in found:
                config = store.get_run_config("digits", run)
                assert config["_Group"] == f"digits-run-1 {arm}" and {path: config[path] for path in SETTINGS} == SETTINGS
                logs = [log for log in store.get_logs("digits", run) if "nll" in log]
                assert [log["step"] for log in logs] == list(steps(curve))
                assert [log["nll"] for log in logs] == pytest.approx(list(steps(curve).values()))


class NamedRuns(types.ModuleType):
    """What trackio does with names: the latest run of a name is found, and a new one may have a name that is taken."""

    def __init__(self):
        super().__init__("trackio")
        self.__spec__ = importlib.machinery.ModuleSpec("trackio", None)
        self.steps = {}  # name → [steps of each run]

    def init(self, name, resume, **about):
        if resume == "never":
            self.steps.setdefault(name, []).append([])
        self._now = self.steps[name][-1]

    def log(self, values, step):
        self._now.append(step)

    def finish(self):
        self._now = None


def test_trackio_s_runs_have_names_of_their_own_so_that_none_goes_on_with_another_s(folder, monkeypatch):
    monkeypatch.setitem(sys.modules, "trackio", NamedRuns())
    one, other = (Tracking("trackio:digits", each) for each in (folder, folder.parent / "elsewhere" / folder.name))
    other.folder.mkdir(parents=True)
    for epoch in (1, 4):
        for each in (one, other):
            each.add(view(folder, epoch))
    found = sys.modules["trackio"].steps
    assert len(found) == 2 * len(ROWS) and {name.rpartition(" ")[0] for name in found} == {f"{folder.name} {row}" for row in ROWS}
    assert all(runs == [sorted(set(runs[0]))] for runs in found.values())
