"""Learning curves over n: crossings of synthetic curves, members that see more and more examples, and the page."""

import json
import re

import numpy as np
import pytest

import jaxtricks as jt
from jaxtricks import cli
from jaxtricks.evaluate.crossing import crossings, crossover
from jaxtricks.evaluate.curve import LearningCurve
from jaxtricks.experiment.sizes import Sizes, doubling
from jaxtricks.report.curve import CurvePage

ACCURACY = jt.metrics.METRICS["accuracy"].declared
BASE = jt.Experiment(model=jt.MLP(widths=(16,)), epochs=4)
SIZES = (10, 40, 160, 640)


@pytest.fixture(scope="module")
def digits() -> jt.Dataset:
    return jt.load("digits").subset(200, seed=0)


def test_curves_that_cross_at_a_known_size():
    # ahead(n) = log(n / 80): zero at 80, whatever the spread over seeds
    shift = np.linspace(-0.5, 0.5, 9)[:, None]
    found = crossover(SIZES, np.log(np.array(SIZES) / 80) + shift)
    assert found.at == pytest.approx(80) and 40 < found.low < 80 < found.high < 160


def test_the_interval_holds_the_truth_as_often_as_it_says():
    draw, held = np.random.default_rng(0), 0
    for _ in range(100):
        found = crossover(SIZES, np.log(np.array(SIZES) / 80) + draw.normal(0, 0.5, (16, 1)))
        held += found.low <= 80 <= found.high
    assert 85 <= held <= 99


def test_curves_that_do_not_cross_say_so():
    never, always = np.full((8, 4), -1.0), np.full((8, 4), 1.0)
    assert str(crossover(SIZES, never)) == "more than 640 [more than 640, more than 640]"
    assert str(crossover(SIZES, always)) == "fewer than 10 [fewer than 10, fewer than 10]"
    assert crossover(SIZES, never).sentence("trees").startswith("the network is not better than trees up to 640 examples")
    assert "better than trees from the smallest size, 10 examples, on" in crossover(SIZES, always).sentence("trees")
    half = np.array([[-1.0, -1, -1, 0.5]] * 4 + [[-1.0, -1, -1, -0.4]] * 4)
    assert crossover(SIZES, half).high == np.inf


def test_the_last_crossing_counts():
    ahead = np.array([[1.0, -1.0, 1.0, 1.0], [-1.0, 1.0, -1.0, 1.0], [-1.0, 0.0, 1.0, 1.0]])
    assert crossings(np.array(SIZES, float), ahead) == pytest.approx([80, 320, 40])


def test_curves_that_rise_by_next_to_nothing_do_not_overflow():
    with np.errstate(all="raise"):
        assert crossings(np.array(SIZES, float), np.array([[-1e3, 1e-3, -5e2, -5e2 + 1e-12]])) == np.inf


def test_members_see_parts_of_each_other_and_as_many_steps(digits):
    sampling = jt.Seeds(2, examples=Sizes((20, 50, 160))).sampling(digits)
    assert sampling.train.shape == (6, 160) and sampling.names[0] == "seed 0 20 examples"
    for seed in (0, 1):
        rows = sampling.train[3 * seed : 3 * seed + 3]
        seen = [set(row.tolist()) for row in rows]
        assert list(map(len, seen)) == [20, 50, 160] and seen[0] < seen[1] < seen[2]
        assert seen[2].isdisjoint(sampling.validation[3 * seed].tolist())
        counts = np.unique(rows[1], return_counts=True)[1]
        assert counts.max() - counts.min() <= 1
        shares = np.bincount(digits.y[list(seen[0])], minlength=10)
        assert shares.min() >= 1 and shares.max() <= 3


def test_a_part_that_is_repeated_has_the_loss_of_the_part(digits):
    repeated = jt.fit(BASE.replace({"batch_size": 160}), digits, seeds=jt.Seeds(2, examples=Sizes((40, 160))), progress=False)
    small = repeated.sampling.train[repeated.sampling.split[0]]
    assert len(set(small.tolist())) == 40 and np.bincount(np.unique(small, return_counts=True)[1])[4] == 40
    alone = digits.pool.at(np.unique(small))
    both = [repeated.evaluate("train")["nll"][0], repeated.evaluate(alone)["nll"][0]]
    assert both[0] == pytest.approx(both[1], rel=1e-5)


@pytest.mark.parametrize("sizes", [(), (5,), (10, 5), (5, 5), (0, 5), (True, 5), (2.5, 5)])
def test_sizes_that_are_none_are_refused(sizes):
    with pytest.raises(jt.ConfigError, match=r"sizes = .* are not two or more numbers of examples, ascending"):
        Sizes(sizes)


def test_other_bad_input_is_one_sentence(digits):
    with pytest.raises(jt.ConfigError, match="sizes: 1000 is more than the 160 examples"):
        jt.learning_curve(BASE, digits, sizes=(10, 1000))
    with pytest.raises(jt.ConfigError, match=r"against = 'linera' is no baseline; .*linear"):
        jt.learning_curve(BASE, digits, against=["linera"])
    with pytest.raises(jt.ConfigError, match="against = 'bigram' has no answer for digits"):
        jt.learning_curve(BASE, digits, against=["bigram"])
    with pytest.raises(jt.ConfigError, match="All is allowed"):
        jt.learning_curve(BASE, digits, seeds=jt.Seeds(2, examples=jt.Folds(2)))


def test_doubling_has_two_sizes_at_least():
    assert doubling(100, 60) == (50, 100) and doubling(3, 1) == (1, 3) and doubling(1 << 20, 1)[0] == 1 << 13


def synthetic(metric=ACCURACY, sign: float = 1) -> LearningCurve:
    network = 0.5 + 0.1 * sign * np.log10(np.array(SIZES) / 10) + np.linspace(-0.01, 0.01, 5)[:, None]
    return LearningCurve(
        "mine", metric, SIZES, tuple(range(5)), {"network": network, "linear": np.full((5, 4), 0.5 + 0.06 * sign)}
    )


def test_a_loss_crosses_downwards():
    up, down = synthetic(), synthetic(jt.metrics.METRICS["nll"].declared, -1)
    assert up.crossover("linear").at == pytest.approx(10**1.6, rel=1e-3) == down.crossover("linear").at


def test_the_page_shows_the_crossing_and_the_table(tmp_path):
    curve = synthetic()
    folder = CurvePage(curve).save(tmp_path / "curve")
    page = (folder / "report.html").read_text()
    assert "<li>the network is better than linear from 40 examples" in page and page.count("<tr>") == 5 and "<svg" in page
    assert len((folder / "curve.csv").read_text().splitlines()) == 1 + 2 * 5 * 4
    read = json.loads((folder / "curve.json").read_text())
    assert read["values"]["network"] == curve.values["network"].tolist() and read["crossovers"]["linear"][0] == pytest.approx(
        39.8, 0.01
    )
    with pytest.raises(jt.report.FolderError):
        CurvePage(curve).save(folder)


def test_the_command_trains_and_writes(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("jaxtricks.cli.flags.set_up", lambda members: None)
    words = "curve --data digits --sizes 20 100 --seeds 2 --against majority --epochs 1 --model.widths 8"
    cli.main(words.split())
    printed = capsys.readouterr().out
    assert re.search(r"^examples  network  majority$", printed, flags=re.MULTILINE)
    assert "better than majority" in printed
    assert (tmp_path / "runs/digits-curve-1/report.html").exists()
