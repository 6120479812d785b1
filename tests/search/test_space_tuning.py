"""Tuning over a space: the same points for all arms, the given one among them, and nothing that an arm is about."""

import json

import numpy as np
import pytest

import jaxtricks as jt
from jaxtricks.cli.tune import TuneFlags
from jaxtricks.config import ConfigError
from jaxtricks.evaluate import Trials
from jaxtricks.evaluate.rate_ladder import RATE, RateLadder
from jaxtricks.objectives.metrics import METRICS
from jaxtricks.search import Space, SpaceTuning

BASE = jt.Experiment(model=jt.MLP(widths=(4,)), optimizer=jt.Optimizer(rule=jt.SGD(learning_rate=0.1)), batch_size=24, epochs=2)
DROPOUT = BASE.replace({"model.dropout": 0.5})
SPACE = Space({RATE: "log:1e-3:1", "model.dropout.rate": "0:0.7", "objective.l2": "log:1e-6:1e-2"})


class Formula(Trials):
    """Trials that train nothing: the loss is how far the rate lies from 0.1, in powers of ten."""

    def round(self, trials, restarts):
        rates = np.array([trial.hyperparameters()[RATE] for trial in trials])
        return np.abs(np.log10(rates) + 1)[:, None] + np.zeros(restarts)


def trials(blobs, kind=Formula, baseline=BASE):
    return kind(blobs, jt.Seeds(16), METRICS["nll"].declared, baseline)


def test_arms_try_the_same_values_of_what_they_have_in_common(blobs):
    penalized = BASE.replace({"objective.l2": 1e-3})
    found = SpaceTuning(trials=9, space=SPACE).tuned({"baseline": BASE, "l2": penalized, "dropout": DROPOUT}, trials(blobs))
    rates = {label: [point[RATE] for point in each.tried] for label, each in found.items()}
    assert rates["baseline"] == rates["l2"] == rates["dropout"] and len(set(rates["baseline"])) == 9
    paths = {label: {path for point in each.tried for path in point} for label, each in found.items()}
    assert paths == {"baseline": {RATE, "objective.l2"}, "l2": {RATE}, "dropout": {RATE, "objective.l2"}}


def test_the_given_settings_are_tried_first_and_stay_where_nothing_is_better(blobs):
    found = SpaceTuning(trials=8, space=SPACE).tuned({"baseline": BASE}, trials(blobs))["baseline"]
    assert found.best == 0 and found.chosen == {RATE: pytest.approx(0.1)}
    worse = BASE.replace({RATE: 1e-3})
    found = SpaceTuning(trials=8, space=SPACE).tuned({"baseline": worse}, trials(blobs, baseline=worse))["baseline"]
    assert abs(np.log10(found.chosen[RATE]) + 1) == min(abs(np.log10(point[RATE]) + 1) for point in found.tried) < 2


def test_the_learning_rate_of_another_rule_is_tuned_and_one_that_is_set_is_not():
    tuning = SpaceTuning(space=Space({RATE: "log:1e-3:1"}))
    assert tuning.takes(BASE, BASE.replace({"optimizer.rule": "adam"}))
    assert not tuning.takes(BASE, BASE.replace({RATE: 0.2}))
    assert not tuning.takes(BASE, BASE.replace({"optimizer.rule": "lbfgs"}))


def test_without_a_space_all_numbers_that_are_on_are_tuned(blobs):
    decayed = BASE.replace({"optimizer.rule": jt.AdamW(learning_rate=0.1), "model.dropout": 0.2})
    found = SpaceTuning(trials=3).tuned({"baseline": decayed}, trials(blobs, baseline=decayed))["baseline"]
    assert {RATE, "optimizer.rule.weight_decay.rate", "model.dropout.rate"} <= set(found.tried[1])
    assert "batch_size" not in found.tried[1]


def test_arms_are_judged_at_their_best_points(blobs):
    tuning = SpaceTuning(trials=4, space=Space({RATE: "log:1e-3:1"}))
    found = jt.study(BASE, {"dropout": DROPOUT}, blobs, seeds=4, tune=tuning, progress=False, layout=jt.Layout(runs=2))
    for label, runs in found.arms.items():
        assert runs.experiment.hyperparameters()[RATE] == pytest.approx(found.tuned[label].chosen[RATE], rel=1e-6)


@pytest.mark.parametrize(("options", "words"), [({"trials": 1}, "trials = 1"), ({"restarts": 0}, "restarts = 0")])
def test_too_few_points_are_refused(options, words):
    with pytest.raises(ConfigError, match=words):
        SpaceTuning(**options)


def test_the_flag_names_every_way(tmp_path):
    assert TuneFlags().tuning() == RateLadder()
    assert TuneFlags(tune="none").tuning() is None
    assert TuneFlags(tune="8").tuning() == SpaceTuning(trials=8)
    path = tmp_path / "space.json"
    path.write_text(json.dumps({RATE: "log:1e-3:1"}))
    assert TuneFlags(tune=str(path)).tuning() == SpaceTuning(space=Space({RATE: "log:1e-3:1"}))
    path.write_text("{")
    for tune, words in (
        (str(path), "space.json: "),
        (str(tmp_path / "no.json"), "no such file"),
        ("1", "trials = 1"),
        ("fast", "rate"),
    ):
        with pytest.raises(ConfigError, match=words):
            TuneFlags(tune=tune).tuning()
