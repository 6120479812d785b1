"""What mattered: planted functions of known indices through a search's course, without any training."""

import json

import numpy as np
import pytest

import jaxtricks as jt
from jaxtricks.evaluate.measure import Measure
from jaxtricks.search import Budget, Certainty, Search, Space, Strategy, fitted
from jaxtricks.search.course import Course, Judged, SearchRules
from jaxtricks.search.mattered import mattered
from jaxtricks.search.placing import Placing
from jaxtricks.statistics import sobol_design

RATE, DECAY, ACTIVATION = "optimizer.rule.learning_rate", "optimizer.rule.weight_decay", "model.activation"
BASE = jt.Experiment(optimizer=jt.Optimizer("adamw"))
THREE = {RATE: "log:1e-4:1e-1", DECAY: "log:1e-5:1e-1", "model.dropout": "0:0.8"}
NLL, ACCURACY = (jt.metrics.METRICS[name].declared for name in ("nll", "accuracy"))


def searched(space, score, strategy="sobol", trials=48, noise=0.02, metric=NLL, base=BASE):
    """A search whose scores are a function of the quantiles of the settings, plus the noise of restarts."""
    rules = SearchRules(Strategy(strategy), Budget(trials), 4, 16, Measure(metric, 100), Certainty(fresh=2), 0, 20)
    course = Course(rules, fitted(space if isinstance(space, Space) else Space(space), base))
    while (batch := course.next()) is not None:
        points = (*course.points, *batch.points)
        units = course.space.units(points)[0]
        values = [
            score(dict(zip(course.space.paths, units[trial], strict=True))) + noise * np.random.default_rng(seed).normal()
            for trial, seed in batch.restarts
        ]
        course = course.after(Judged(batch, np.array(values), 1.0, 0.5))
    return Search("mine", base, course, 1)


def additive(u):
    return 3 + u[RATE] + 0.5 * u[DECAY]  # 80% and 20% of the variance


def product(u):
    return 3 + u[RATE] * u[DECAY]  # 3/7 each alone, and 1/7 together


def of(found):
    return {each.path: each for each in found.effects}


@pytest.fixture(scope="module")
def alone():
    return searched(THREE, additive)


@pytest.fixture(scope="module")
def together():
    return searched(THREE, product, noise=0.01)


def test_an_additive_function_has_its_shares_and_no_interaction(alone):
    found = alone.importance
    effects = of(found)
    assert [each.path for each in found.effects] == [RATE, DECAY, "model.dropout"]
    for path, share in ((RATE, 0.8), (DECAY, 0.2), ("model.dropout", 0.0)):
        for index in (effects[path].first, effects[path].total):
            assert index.value == pytest.approx(share, abs=0.06) and index.low - 0.02 <= share <= index.high + 0.02
    assert effects["model.dropout"].first.low <= 0 <= effects["model.dropout"].first.high
    assert all(joint.share.low <= 0.01 for joint in found.pairs) and found.explained > 0.9 and found.noise < 0.05


def test_an_interaction_is_found_as_the_strongest_pair(together):
    found = together.importance
    effects, pair = of(found), found.pairs[0]
    for path in (RATE, DECAY):
        assert effects[path].first.value == pytest.approx(3 / 7, abs=0.08)
        assert effects[path].total.value == pytest.approx(4 / 7, abs=0.08)
    assert set(pair.paths) == {RATE, DECAY} and pair.share.low < 1 / 7 < pair.share.high and pair.share.low > 0.05
    (surface,) = found.surfaces
    expected = 3 + np.outer(*surface.units)
    assert surface.paths == pair.paths and surface.mean == pytest.approx(expected, abs=0.06)


def test_a_curve_is_the_mean_over_the_others_in_the_metrics_units(alone):
    curves = {each.path: each for each in alone.importance.curves}
    rate = curves[RATE]
    assert rate.values[0] == 1e-4 and rate.values[-1] == 1e-1 and len(rate.values) == 21
    assert rate.mean == pytest.approx(3.25 + rate.units, abs=0.06)
    assert (rate.low <= rate.mean).all() and (rate.mean <= rate.high).all() and (rate.high - rate.low).max() < 0.2


def test_permuted_names_permute_the_shares(alone):
    names = {RATE: DECAY, DECAY: "model.dropout", "model.dropout": RATE}
    other = searched(
        {new: THREE[new] for new in (names[old] for old in THREE)},
        lambda u: additive({old: u[new] for old, new in names.items()}),
    )
    ours, theirs = of(alone.importance), of(other.importance)
    for old, new in names.items():
        assert np.allclose(ours[old].first, theirs[new].first, atol=0.02)
        assert np.allclose(ours[old].total, theirs[new].total, atol=0.02)


def test_the_other_sign_of_a_metric_turns_curves_and_leaves_shares(alone):
    other = searched(THREE, lambda u: 6 - additive(u), metric=ACCURACY)
    assert [each.path for each in other.importance.effects] == [each.path for each in alone.importance.effects]
    assert other.importance.curves[0].mean == pytest.approx(6 - alone.importance.curves[0].mean, abs=0.03)


def test_noise_is_taken_out_and_where_there_is_nothing_else_it_is_said():
    """A quarter of the trials' spread is noise; what is not told to be noise would be a share of every setting."""
    found = searched(THREE, additive, noise=0.35).importance
    assert 0.1 < found.noise < 0.4 and of(found)[RATE].first.value == pytest.approx(0.8, abs=0.15)
    only = searched(THREE, lambda u: 3.0, noise=0.3).importance
    assert not only.effects and "a model predicts" in only.why and only.sentence.startswith("what mattered cannot be told: ")


def test_equal_scores_and_few_trials_are_a_sentence_and_no_nan():
    equal, few = searched(THREE, lambda u: 3.0, noise=0.0), searched(THREE, additive, trials=14)
    for found, said in (
        (equal, "all 48 trials have the same score"),
        (few, "14 trials of 3 settings are too few, at least 15 are needed"),
    ):
        assert found.importance.sentence == f"what mattered cannot be told: {said}"
        assert "NaN" not in json.dumps(found.to_dict()["importance"]) and found.importance.sentence in str(found)


def test_a_trial_that_is_worse_by_far_or_diverged_does_not_take_all_of_the_spread():
    def failing(u):
        return np.nan if u[RATE] > 0.95 else additive(u) + 1000 * (u[RATE] > 0.9)

    found = searched(THREE, failing).importance
    assert of(found)[RATE].total.value > 0.6 and np.isfinite(of(found)[DECAY].total).all()
    assert max(curve.mean.max() for curve in found.curves) < 12


def test_choices_and_conditions_count_where_they_have_a_meaning():
    """Half of the points have a momentum, and only there it makes a difference."""
    momentum = "optimizer.rule.momentum"
    space = Space(
        {"optimizer.rule": "sgd,momentum", momentum: "0:0.9", ACTIVATION: "relu,tanh,gelu"}, {momentum: "optimizer.rule=momentum"}
    )
    base = jt.Experiment(optimizer=jt.Optimizer("momentum"))
    found = searched(space, lambda u: 3 + (u["optimizer.rule"] > 0.5) * u[momentum], base=base, trials=64).importance
    effects = of(found)
    whole = 1 / 6 - 1 / 16  # E[u²]/2 − (1/4)²
    assert effects["optimizer.rule"].first.value == pytest.approx(1 / 16 / whole, abs=0.1)
    assert effects[momentum].total.value == pytest.approx(1 / 24 / whole, abs=0.1)
    assert effects[ACTIVATION].first.low <= 0.01 and effects[ACTIVATION].total.value < 0.03
    curve = next(each for each in found.curves if each.path == ACTIVATION)
    assert curve.values == tuple(space.ranges[ACTIVATION].grid(3)) and curve.units == pytest.approx([1 / 6, 1 / 2, 5 / 6])


def test_places_of_one_trial_have_the_same_coordinates():
    space = Space(
        {"optimizer.rule": "sgd,momentum", "optimizer.rule.momentum": "0:0.9", "epochs": "int:1:3", "batch_size": "16,32"},
        {"optimizer.rule.momentum": "optimizer.rule=momentum"},
    )
    placing, design = Placing(fitted(space, jt.Experiment(optimizer=jt.Optimizer("momentum")))), sobol_design(4, 64, 0)[0]
    points = np.where(np.array(placing.levels) > 0, np.floor(design * np.maximum(placing.levels, 1)), design)
    assert placing.levels == (2, 0, 0, 0)
    assert placing(points) == pytest.approx(placing.coordinates(placing.space.points(design)))
    assert placing(placing(points)) == pytest.approx(placing(points))


@pytest.mark.parametrize("score", [additive, product])
def test_a_design_tells_the_shares_without_a_model(score):
    found = searched(THREE, score, "sensitivity", trials=64 * 5, noise=0.01)
    assert found.importance.rows == 64 and "narrow" not in found.importance.sentence
    shares = {RATE: (0.8, 0.8), DECAY: (0.2, 0.2)} if score is additive else {RATE: (3 / 7, 4 / 7), DECAY: (3 / 7, 4 / 7)}
    for path, (first, total) in (shares | {"model.dropout": (0, 0)}).items():
        effect = of(found.importance)[path]
        assert effect.first.low <= first + 0.01 and first - 0.01 <= effect.first.high
        assert effect.total.value == pytest.approx(total, abs=0.1)


def test_a_design_tells_the_shares_where_no_model_can():
    """Scores go up and down 70 times along the rate, which no model can follow from so few trials."""
    found = searched(THREE, lambda u: 3 + np.sin(140 * np.pi * u[RATE]), "sensitivity", trials=32 * 5, noise=0.01).importance
    assert found.explained < 0.3 and found.why.endswith("too little for curves and pairs")
    assert of(found)[RATE].first.value == pytest.approx(1, abs=0.25) and of(found)[RATE].total.value == pytest.approx(1, abs=0.25)
    assert of(found)[DECAY].total.high < 0.01 and not (found.curves or found.pairs or found.surfaces)
    assert "from 32 rows of a design" in found.sentence


def test_a_design_is_asked_row_by_row_in_any_batches_and_ends_after_any_row():
    found = searched(THREE, additive, "sensitivity", trials=83, noise=0.0)
    design = found.course.rules.strategy.design(found.history)
    assert design.shape == (5, 16) and design.T.ravel().tolist() == list(range(80))
    units = found.space.units(found.course.points)[0][design]
    for number, mixed in enumerate(units[2:]):
        own = np.arange(3) == number
        assert mixed == pytest.approx(np.where(own, units[1], units[0]))


def test_a_point_that_comes_twice_is_trained_twice():
    found = searched({ACTIVATION: "relu,tanh", "epochs": "2,4"}, lambda u: 3 + u[ACTIVATION], "sensitivity", trials=64)
    assert len(found.course.points) == 64 and len({tuple(point.items()) for point in found.course.points}) == 4
    assert found.importance.rows == 16 and of(found.importance)[ACTIVATION].total.value == pytest.approx(1, abs=0.1)


def test_a_design_refuses_conditions_and_a_budget_below_its_least_in_a_sentence():
    with pytest.raises(jt.ConfigError, match=r"^budget: trials = 79 are fewer than the 80 that SensitivitySearch needs\.$"):
        searched(THREE, additive, "sensitivity", trials=79)
    space = Space({"model.dropout": "on,off", "model.dropout.rate": "0:0.8"}, {"model.dropout.rate": "model.dropout=on"})
    with pytest.raises(
        jt.ConfigError, match=r"'sensitivity' gives every setting a value .* model\.dropout\.rate has a meaning only"
    ):
        Strategy("sensitivity").check(space)
    with pytest.raises(jt.ConfigError, match=r"rows = 1 shows no spread; an integer >= 2 is allowed\.$"):
        jt.search.SensitivitySearch(rows=1)


def test_a_list_of_points_that_leaves_settings_out_or_the_ranges_is_told_by_the_others():
    points = [{RATE: rate, DECAY: 10 ** -(1 + number % 4)} for number, rate in enumerate(np.geomspace(1e-4, 1e-1, 12))]
    found = searched(
        {RATE: THREE[RATE], DECAY: THREE[DECAY]}, additive, [*points, {RATE: 0.5, DECAY: 1e-3}, {RATE: 0.01}], trials=14
    )
    assert found.importance.effects[0].path == RATE and not found.importance.why
    assert found.importance.sentence.endswith("so few that the intervals are rather narrow)")
    few = searched({RATE: THREE[RATE], DECAY: THREE[DECAY]}, additive, [*points[:3], {RATE: 0.01}], trials=4)
    assert few.importance.why == "3 trials within the ranges, of 4, of 2 settings are too few, at least 10 are needed"


def test_the_data_of_a_search_hold_the_shares(together):
    data = json.loads(json.dumps(together.to_dict()))["importance"]
    best, found = data["settings"][0], together.importance
    assert best["path"] == found.effects[0].path and best["total"]["value"] == found.effects[0].total.value
    assert data["pairs"][0]["paths"] == list(found.pairs[0].paths) and data["explained"] == found.explained
    assert [len(each["mean"]) for each in data["curves"]] == [21] * 3
    assert found.sentence in together.sentences and found.sentence.startswith(f"what mattered: {best['path']} ")


def test_trials_that_left_early_are_named_and_count_as_they_are_told(alone):
    told, strategy = alone.history, alone.course.rules.strategy
    found = mattered(told, strategy, 1, early=7)
    assert found.effects == alone.importance.effects and alone.importance.early == 0
    assert "7 trials left early and count as worse than what went on" in found.sentence and found.to_dict()["early"] == 7
