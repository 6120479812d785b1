"""Curvature and histograms of a run: their files, the page, and TensorBoard."""

import dataclasses

import numpy as np
import pytest

import jaxtricks as jt
from jaxtricks import report
from jaxtricks.diagnose.by_epoch import CurvatureByEpoch
from jaxtricks.report import files, watch
from jaxtricks.report.curvature import read_curvature, write_curvature
from jaxtricks.report.ridges import NAMES, chosen, ridges
from jaxtricks.report.tracking import Tracking
from jaxtricks.restart.histogram import BINS, LOST, edges
from jaxtricks.store import histograms as stored
from jaxtricks.train.histograms import Histograms

BASE = jt.Experiment(model=jt.MLP(widths=(8,)), batch_size=32, epochs=2, histograms=1)


@pytest.fixture(scope="module")
def data():
    return jt.load("digits").subset(150, 0)


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory):
    return tmp_path_factory.mktemp("checkpoints")


@pytest.fixture(scope="module")
def runs(data, checkpoints):
    return jt.fit(BASE, data, seeds=3, checkpoints=jt.Checkpoints(checkpoints), progress=False)


@pytest.fixture
def folder(runs, tmp_path):
    return files.save(report.record_runs(runs, command="jaxtricks run"), tmp_path / "run")


@pytest.fixture
def curvature():
    draw = np.random.default_rng(0)
    values, weights = draw.normal(size=(3, 2, 5)), np.full((3, 2, 5), 0.2)
    return CurvatureByEpoch(("seed 0", "seed 1", "seed 2"), np.array([0, 2]), values, weights, 10 * np.ones((3, 2)))


def test_a_run_holds_its_histograms_and_its_page_shows_each_kind(folder, runs):
    found = files.load(folder).histograms["experiment"]
    assert list(found.counts) == list(runs.histograms.counts) and found.epochs.tolist() == [0, 1, 2]
    assert all(np.array_equal(counts, runs.histograms.counts[name]) for name, counts in found.counts.items())
    page = (folder / "report.html").read_text()
    assert page.count('role="img" aria-label="Histogram of ') == 7 and all(
        f"<summary>{kind}</summary>" in page for kind in ("weights", "gradients")
    )
    assert files.render(folder).read_text() == page
    numbers = 3 * 3 * len(found.counts)  # restarts, times and layers
    assert (folder / "histograms-0.npz").stat().st_size < 150 * numbers + 2000


def test_a_run_without_them_has_no_file_and_no_section(data, tmp_path):
    plain = jt.fit(BASE.replace({"histograms": None}), data, seeds=2, progress=False)
    folder = files.save(report.record_runs(plain, command=""), tmp_path / "run")
    page = (folder / "report.html").read_text()
    assert "over time" not in page and "Curvature" not in page and not list(folder.glob("*.npz"))


def test_a_file_that_is_damaged_is_as_one_that_is_missing(folder):
    for name in ("histograms-0.npz", "curvature.npz"):
        (folder / name).write_bytes(b"PK\x03\x04 and no more")
    found = files.load(folder)
    assert not found.histograms and found.curvature is None


def test_the_curvature_is_kept_and_drawn(folder, curvature):
    assert read_curvature(folder) is None
    write_curvature(folder, curvature)
    found = read_curvature(folder)
    assert found.names == curvature.names and np.array_equal(found.values, curvature.values)
    page = files.render(folder).read_text()
    assert "Curvature along the run" in page and "The largest and the smallest eigenvalue" in page
    assert len((folder / "curvature.csv").read_text().splitlines()) == 1 + 3 * 2 * 6


def test_the_curvature_of_restarts_that_all_diverged_is_drawn_too(folder, curvature):
    nothing = dataclasses.replace(curvature, values=curvature.values * np.nan, noise=curvature.noise * np.nan)
    write_curvature(folder, nothing)
    assert "Curvature along the run" in files.render(folder).read_text()


def test_of_many_layers_the_first_the_last_and_some_between_are_drawn():
    counts = np.ones((1, 1, BINS), int)
    deep = {f"weights/layer_{n:02}/{leaf}": counts * (1 + (leaf == "kernel")) for n in range(40) for leaf in ("bias", "kernel")}
    names = chosen(Histograms(1, deep), "weights")
    assert len(names) == NAMES and names[0] == "weights/layer_00/kernel" and names[-1] == "weights/layer_39/kernel"
    assert ridges(Histograms(1, {"weights/a": counts * 0 + (np.arange(BINS) == LOST)}))["weights"], "nothing finite"


@pytest.mark.filterwarnings("ignore")  # TensorBoard's own
@pytest.mark.parametrize("finished", [True, False])
def test_tensorboard_gets_the_histograms_of_each_restart_and_of_all(finished, folder, runs, checkpoints):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    place = folder if finished else checkpoints
    events = Tracking("tensorboard", place)
    for _ in range(2):  # nothing is written twice
        events.add(watch.view_of(place))
    events.close()
    expected = runs.histograms.counts["weights/head/kernel"]
    for name, counts in (("seed-1", expected[1]), ("mean", expected.sum(axis=0))):
        reader = EventAccumulator(str(place / "tensorboard" / name), size_guidance={"histograms": 0}).Reload()
        found = reader.Histograms("weights/head/kernel")
        assert [event.step for event in found] == [0, 1, 2]
        for time, event in enumerate(found):
            kept = dict(zip(event.histogram_value.bucket_limit, event.histogram_value.bucket, strict=True))
            there = {limit: count for limit, count in kept.items() if count}
            assert there == {limit: count for limit, count in zip(edges()[1:], counts[time, :LOST], strict=True) if count}
            assert event.histogram_value.num == counts[time].sum()


def test_files_of_a_fit_of_several_experiments_keep_them_apart(data, tmp_path):
    arms = [BASE, BASE.replace({"optimizer.rule.learning_rate": 0.1}), BASE.replace({"model.widths": (4,)})]
    found = jt.fit(arms, data, seeds=2, checkpoints=jt.Checkpoints(tmp_path), progress=False)
    apart = watch.histograms_of(tmp_path)
    assert sorted(apart) == [0, 1, 2] and len(list(tmp_path.glob("histograms-*.npz"))) == 2
    for index, each in enumerate(found):
        assert all(np.array_equal(counts, each.histograms.counts[name]) for name, counts in apart[index].counts.items())
    assert stored.read(tmp_path / "histograms-7.npz") is None
