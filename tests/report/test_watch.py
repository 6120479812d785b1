"""Watching: what is seen of a run is what it has measured, whoever looks disturbs nothing, and how it ended is said."""

import dataclasses
import io
import itertools
import math
import re
import shutil

import numpy as np
import plotille
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console
from rich.text import Text

import jaxtricks as jt
from jaxtricks import report
from jaxtricks.config import ConfigError
from jaxtricks.engine import preemption
from jaxtricks.report import terminal, watch
from jaxtricks.report.tracking import Tracking
from jaxtricks.report.watch import Activity, ArmSoFar, View, follow, view_of
from jaxtricks.statistics import band
from jaxtricks.store import curves as stored_curves
from jaxtricks.store import folder as folders
from jaxtricks.store.curves import MemberCurves
from jaxtricks.store.folder import CHECKPOINTS, FolderError

BASE = jt.Experiment(model=jt.MLP(widths=(8,)), batch_size=32, epochs=4)
ARMS = [BASE, BASE.replace({"model.dropout": 0.5}), BASE.replace({"optimizer.rule.learning_rate": 0.01})]


@pytest.fixture(scope="module")
def data():
    return jt.load("digits").subset(150, 0)


def train(experiments, data, folder, **options):
    return jt.fit(experiments, data, seeds=3, checkpoints=jt.Checkpoints(folder / CHECKPOINTS), progress=False, **options)


@pytest.fixture(scope="module")
def seen(data, tmp_path_factory):
    """A run's folder at each look of somebody who watches while it trains, the views, and what came of it."""
    folder = folders.claim(tmp_path_factory.mktemp("runs") / "run", "jaxtricks run")
    views = []
    with pytest.MonkeyPatch.context() as patch, folders.working(folder):
        views.append(view_of(folder))
        patch.setattr(preemption, "asked", lambda: bool(views.append(view_of(folder))))
        arms = train(ARMS, data, folder)
        views.append(view_of(folder))
    return folder, views, arms


class TestSeen:
    def test_it_is_what_was_measured_bit_for_bit(self, seen):
        _, views, runs = seen
        assert [view.phase for view in views if not view.done] == [Activity.STARTING] * sum(not view.done for view in views)
        assert views[-1].phase is Activity.WRITING and views[-1].done == views[-1].total == 3 * 3 * 4
        for view in views:
            assert view.phase in (Activity.STARTING, Activity.TRAINING, Activity.WRITING)
            for arm, run in zip(view.arms, runs, strict=bool(view.arms)):
                for name, curve in arm.curves.items():
                    np.testing.assert_array_equal(curve, run.curves[name][:, : arm.epoch])
        assert all(set(arm.curves) == set(runs[0].curves) for arm in views[-1].arms)

    def test_it_only_grows(self, seen):
        done = [view.done for view in seen[1]]
        assert done == sorted(done) and len(set(done)) > 2

    def test_arms_have_names(self, seen):
        assert [arm.label for arm in seen[1][-1].arms] == [
            "baseline",
            "model.dropout=inverted(rate=0.5)",
            "optimizer.rule.learning_rate=0.01",
        ]

    def test_a_process_that_is_gone_is_told_from_one_that_writes(self, seen):
        folder, *_ = seen
        assert view_of(folder).phase is Activity.ENDED
        with folders.working(folder), folders.working(folder):  # as many as like to
            assert view_of(folder).phase is Activity.WRITING
        assert view_of(folder).phase is Activity.ENDED

    def test_a_finished_run_shows_its_record(self, data, tmp_path):
        folder = folders.claim(tmp_path / "run", "jaxtricks run")
        runs = train(BASE, data, folder)
        report.save(report.record_runs(runs, command="jaxtricks run"), folder, runs)
        (view,) = follow(folder, sleep=None)
        assert view.phase is Activity.FINISHED and view.over
        for name, curve in view.arms[0].curves.items():
            np.testing.assert_array_equal(curve.astype(np.float32), runs.curves[name])
        shutil.rmtree(folder / CHECKPOINTS)
        assert view_of(folder).done == view.done

    def test_a_run_that_goes_on_shows_what_it_had(self, data, tmp_path, monkeypatch):
        folder = folders.claim(tmp_path / "run", "jaxtricks run")
        asked = itertools.count(1)
        with monkeypatch.context() as patch:
            patch.setattr(preemption, "asked", lambda: next(asked) == 2)
            with pytest.raises(preemption.Preempted):
                train(BASE, data, folder)
        before = view_of(folder)
        assert (before.phase, before.arms[0].epoch) == (Activity.ENDED, 2)
        runs = train(BASE, data, folder)
        np.testing.assert_array_equal(view_of(folder).arms[0].curves["nll"], runs.curves["nll"])
        np.testing.assert_array_equal(before.arms[0].curves["nll"], runs.curves["nll"][:, :2])

    def test_what_is_no_run_is_refused(self, tmp_path):
        with pytest.raises(FolderError, match=r"is not a run's folder: command\.json is missing\.$"):
            view_of(tmp_path)
        with pytest.raises(FolderError, match="is not a run's folder"):
            view_of(tmp_path / "absent")

    def test_following_ends_with_the_run(self, monkeypatch):
        views = iter([view(), view(), view(Activity.ENDED), pytest.fail])
        monkeypatch.setattr(watch, "view_of", lambda folder: next(views))
        waited = []
        assert [each.phase for each in follow("run", waited.append)] == [Activity.TRAINING, Activity.TRAINING, Activity.ENDED]
        assert len(waited) == 2


class TestMemberCurves:
    MEASURED = MemberCurves((2, 0), {"nll": np.array([[1.0, np.nan], [3.0, -np.inf]], np.float32)}, ((1, 10.5), (2, 11.0)))

    def test_it_comes_back(self, tmp_path):
        stored_curves.write(tmp_path / "a.npz", self.MEASURED)
        found = stored_curves.read(tmp_path / "a.npz")
        assert (found.experiments, found.marks, found.epoch, found.members) == ((2, 0), self.MEASURED.marks, 2, 2)
        np.testing.assert_array_equal(found.curves["nll"], self.MEASURED.curves["nll"])
        assert found.curves["nll"].dtype == np.float32
        assert [path.name for path in tmp_path.iterdir()] == ["a.npz"]

    def test_what_cannot_be_read_is_nothing(self, tmp_path):
        path = tmp_path / "a.npz"
        assert stored_curves.read(path) is None
        stored_curves.write(path, self.MEASURED)
        whole = path.read_bytes()
        for length in range(0, len(whole), 7):
            path.write_bytes(whole[:length])
            assert stored_curves.read(path) is None

    @pytest.mark.parametrize(("now", "left"), [(14.0, 6.0), (16.0, 4.0), (99.0, 0.0)])
    def test_the_time_left_is_that_of_the_pace_so_far(self, now, left):
        # Two members took 4 s for 2 epochs, a restart-epoch a second; 6 are missing since 14.
        latest = dataclasses.replace(self.MEASURED, marks=((1, 10.0), (2, 12.0), (3, 14.0)))
        assert watch._left(6, latest, now) == left
        assert watch._left(6, dataclasses.replace(latest, marks=((1, 10.0),)), now) is None


def view(phase=Activity.TRAINING, curves=None, arms=1, epochs=20, left=None):
    curves = {"train_loss": np.full((3, 2), 0.5), "accuracy": np.full((3, 2), 0.9)} if curves is None else curves
    labels = ["experiment"] if arms == 1 else ["baseline", *(f"model.dropout=0.{n}" for n in range(1, arms))]
    names = ("seed 0", "seed 1", "seed 2")
    return View("runs/a", phase, tuple(ArmSoFar(label, names, epochs, curves, {}) for label in labels), left)


def plain(renderable, width=100, height=40):
    console = Console(file=io.StringIO(), width=width, height=height, force_terminal=True, color_system=None)
    console.print(renderable)
    return Text.from_ansi(console.file.getvalue()).plain.rstrip("\n").split("\n")


def console(width, height):
    return Console(width=width, height=height, file=io.StringIO())


class TestTerminal:
    @given(
        st.lists(
            st.lists(st.floats(-1e6, 1e6) | st.just(math.nan) | st.just(math.inf), min_size=4, max_size=4), min_size=3, max_size=3
        ),
        st.integers(1, 4),
        st.integers(40, 240),
        st.integers(24, 80),
        st.integers(1, 3),
    )
    @settings(deadline=None, max_examples=40)
    def test_whatever_was_measured_fits_the_screen(self, rows, epochs, width, height, arms):
        now = view(curves={"train_loss": np.array(rows)[:, :epochs], "mse": np.abs(np.array(rows)[:, :epochs])}, arms=arms)
        lines = plain(terminal.screen(now, None, None, console(width, height)), width, height)
        assert max(map(len, lines)) <= width
        assert len(lines) <= height
        assert terminal.line(now)

    @pytest.mark.parametrize(("arms", "drawn"), [(1, 1), (2, 2), (5, 2)])
    def test_each_restart_its_mean_and_the_band_are_drawn(self, arms, drawn, monkeypatch):
        plots, plot = [], plotille.Figure.plot
        monkeypatch.setattr(plotille.Figure, "plot", lambda self, x, y, **how: (plots.append((x, y)), plot(self, x, y, **how)))
        rise = np.array([[0.5, 0.6], [0.7, 0.8], [0.6, math.nan]])
        terminal.screen(view(curves={"train_loss": rise, "accuracy": rise}, arms=arms), None, None, console(100, 40))
        expected = [*rise[:2], rise[2, :1], *band(rise)]
        assert len(plots) == 2 * drawn * 6
        for wanted in expected:
            hits = [y for _, y in plots if len(y) == len(wanted) and np.allclose(y, 100 * np.asarray(wanted))]
            assert len(hits) >= drawn

    def test_the_arm_beside_the_baseline_is_the_last_one_or_the_chosen_one(self):
        now = view(arms=4)
        labels = [arm.label for arm in now.arms]
        assert [arm.label for arm in terminal.drawn(now, None)] == [labels[0], labels[3]]
        assert [arm.label for arm in terminal.drawn(now, labels[1])] == labels[:2]
        unbegun = dataclasses.replace(now, arms=(*now.arms[:3], dataclasses.replace(now.arms[3], curves={})))
        assert [arm.label for arm in terminal.drawn(unbegun, None)] == [labels[0], labels[2]]
        with pytest.raises(ConfigError, match=r"arm = 'model\.dropout=0\.7' is unknown"):
            terminal.drawn(now, "model.dropout=0.7")

    def test_the_metric_is_the_usual_one_or_the_chosen_one(self):
        now = view(curves={name: np.ones((3, 2)) for name in ("nll", "accuracy", "train_loss")})
        assert terminal.shown(now, None) == ("train_loss", "accuracy")
        assert terminal.shown(now, "nll") == ("train_loss", "nll")
        with pytest.raises(ConfigError, match=r"^metric = 'acuracy' is unknown; did you mean 'accuracy'\?$"):
            terminal.shown(now, "acuracy")

    def test_before_anything_is_measured_it_says_so(self):
        now = View("runs/a", Activity.STARTING, ())
        assert terminal.line(now) == "loading its data and compiling"
        assert plain(terminal.screen(now, "nll", None, console(80, 24))) == ["runs/a  loading its data and compiling"]

    def test_a_line_has_epoch_time_left_mean_and_deviation(self):
        now = view(
            curves={"train_loss": np.array([[0.2], [0.4], [math.nan]]), "accuracy": np.array([[0.9], [0.8], [0.7]])}, left=75
        )
        assert terminal.line(now) == (
            "training, epoch 1 of 20, about 1 min 15 s to go: training loss 0.3000 ± 0.1414, accuracy 80.00 ± 10.00 %"
        )

    def test_a_line_is_printed_for_what_is_new(self, capsys):
        grown = view(curves={"train_loss": np.ones((3, 3)), "accuracy": np.ones((3, 3))})
        last = terminal.show([view(), view(left=3.0), grown, grown, dataclasses.replace(grown, phase=Activity.ENDED)])
        assert last.phase is Activity.ENDED
        said = capsys.readouterr().out.splitlines()
        assert [re.match(r"[a-z ]+, epoch \d", line).group() for line in said] == [
            "training, epoch 2",
            "training, epoch 3",
            "cut off, epoch 3",
        ]


@pytest.mark.filterwarnings("ignore")  # TensorBoard's own
def test_event_files_are_those_of_the_run_as_it_went_on_and_once_more(seen, tmp_path, scalars):
    _, views, runs = seen
    for often in (views, views[-1:]):  # the second takes the place of the first
        events = Tracking("tensorboard", tmp_path)
        assert list(events.written(often)) == often
        events.close()
        found = scalars(tmp_path / "tensorboard")
        assert len(found) == 3 * 6
        for name, run in zip(
            ("0-baseline", "1-model.dropout=inverted-rate=0.5", "2-optimizer.rule.learning_rate=0.01"), runs, strict=True
        ):
            for row, seed in enumerate(run.seeds):
                values = found[f"{name}/seed-{seed}"]["nll"]
                assert list(values) == [1, 2, 3, 4]
                np.testing.assert_allclose(list(values.values()), run.curves["nll"][row], rtol=1e-6)
