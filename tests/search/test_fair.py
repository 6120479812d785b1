"""Two arms at every budget of tuning: who is ahead, and from how many trials on."""

import json

import numpy as np
import pytest

import jaxtricks as jt
from jaxtricks.config import ConfigError
from jaxtricks.objectives.metrics import METRICS
from jaxtricks.search import FairComparison

BASE = jt.Experiment(model=jt.MLP(widths=(4,)), optimizer=jt.Optimizer(rule=jt.SGD(learning_rate=0.1)), batch_size=24, epochs=2)
RATE = "optimizer.rule.learning_rate"
SPACE = {RATE: "log:1e-3:1"}
ACCURACY, LOSS = METRICS["accuracy"].declared, METRICS["nll"].declared


def compared(a, b, metric=ACCURACY):
    return FairComparison("mine", metric, ({},) * len(a), {"a": np.reshape(a, (-1, 1)), "b": np.reshape(b, (-1, 1))})


@pytest.fixture(scope="module")
def clear():
    """An arm that is sure, and one whose best is far better and whose usual is far worse."""
    draw = np.random.default_rng(0)
    return draw.normal(0.7, 0.005, 64), draw.normal(0.6, 0.12, 64)


def test_who_is_ahead_depends_on_the_budget(clear):
    found = compared(*clear)
    (first, *_, last) = found.ahead
    assert first == ("a", 1, 1) and last[0] == "b" and last[2] == 32
    assert str(found).startswith("a is ahead at 1 trial only; neither is ahead from 2 to ")
    assert f"b is ahead from {last[1]} trials on (b less a: -" in str(found)


def test_arms_change_places_when_they_are_given_the_other_way_round(clear):
    a, b = clear
    one, other = compared(a, b), compared(b, a)
    np.testing.assert_allclose(one.difference.value, -other.difference.value, atol=1e-12)
    assert [({"a": "b", "b": "a", None: None}[name], *ends) for name, *ends in one.ahead] == other.ahead


def test_of_a_loss_the_smaller_is_ahead(clear):
    a, b = clear
    assert [part[0] for part in compared(-a, -b, LOSS).ahead] == [part[0] for part in compared(a, b).ahead]


def test_equal_arms_are_never_told_apart(clear):
    a, _ = clear
    found = compared(a, a)
    assert found.ahead == [(None, 1, 32)] and (found.difference.value == 0).all()
    assert str(found).startswith("neither is ahead at every budget up to 32 trials (")


def test_a_diverged_restart_counts_as_the_worst(clear):
    a, b = (np.copy(each).reshape(-1, 2) for each in clear)
    a[0, 0], a[1] = np.nan, np.nan
    found = FairComparison("mine", ACCURACY, ({},) * 32, {"a": a, "b": b})
    worst = min(np.nanmin(a), b.min())
    assert found.scores["a"][1] == pytest.approx(worst) and found.scores["a"][0] == pytest.approx((worst + a[0, 1]) / 2)
    assert json.loads(json.dumps(found.to_dict()))["values"]["a"][1] == [None, None]


def test_both_arms_are_trained_at_the_same_points_on_the_same_seeds(blobs):
    found = jt.fair_compare(BASE, BASE, SPACE, blobs, trials=8, seeds=2, progress=False, layout=jt.Layout(runs=2))
    assert len({point[RATE] for point in found.points}) == 8
    np.testing.assert_array_equal(found.values["a"], found.values["b"])
    assert found.values["a"].shape == (8, 2) and found.values["a"].std() > 0


@pytest.mark.parametrize(
    ("space", "trials", "words"),
    [
        (SPACE, 7, "trials = 7"),
        (SPACE, True, "trials = True"),
        ({"model.dropuot": "0:1"}, 8, "dropout"),
        ({}, 8, "at least one range"),
    ],
)
def test_bad_input_is_refused_in_a_sentence(blobs, space, trials, words):
    with pytest.raises(ConfigError, match=words):
        jt.fair_compare(BASE, BASE, space, blobs, trials=trials)


def test_its_page_shows_both_arms_and_its_folder_holds_all_values(clear, tmp_path):
    found = compared(*clear)
    folder = found.save(tmp_path / "fair")
    page = (folder / "report.html").read_text()
    assert page.count("<svg") == 2 and "b is ahead from" in page and "http" not in page.replace("http://www.w3.org", "")
    assert len((folder / "fair.csv").read_text().splitlines()) == 1 + 2 * 64
    assert json.loads((folder / "fair.json").read_text())["ahead"][0][0] == "a"
