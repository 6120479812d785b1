"""Examinations: what is wrong is ranked first, and its cure is proven; what cannot run is the first finding."""

import dataclasses
import json

import flax.linen as nn
import jax.numpy as jnp
import numpy as np
import pytest

import jaxtricks as jt
from jaxtricks.diagnose import Case, Cause, Examination, Symptom, Treated
from jaxtricks.diagnose.cures import Cure, cures, together
from jaxtricks.diagnose.examine import decidable
from jaxtricks.diagnose.rewired import LogOdds, Logs
from jaxtricks.train.shown import paged

FAST = (
    "learnt by heart",
    "leaks",
    "simple models",
    "labels",
    "shapes",
    "company",
)  # where a test is about others


@pytest.fixture(scope="module")
def digits():
    return jt.load("digits").subset(100, seed=0)


@pytest.fixture(scope="module")
def slow(digits):
    given = jt.Experiment(model=jt.MLP(widths=(8,)), optimizer=jt.Optimizer(jt.Adam(learning_rate=1e-6)), batch_size=16, epochs=4)
    return given, jt.examine(given, digits, seeds=8, most=1, without=FAST, progress=False)


def test_a_rate_that_is_too_low_is_told_first_with_a_cure_that_is_proven(slow):
    _, found = slow
    assert not found.ok and found.diagnoses[0].cause is Cause.RATE_LOW
    assert found.cure is not None and found.cure.helps and found.cure.cures
    assert found.cure.experiment.optimizer.rule.learning_rate > 1e-4
    assert "learning rate that is too low" in str(found)


def test_the_certainties_fall_and_stay_between_zero_and_one(slow):
    certainties = [each.certainty for each in slow[1].diagnoses]
    assert certainties == sorted(certainties, reverse=True) and 0 < certainties[-1] <= certainties[0] < 1


def test_its_page_and_folder_hold_the_cure(slow, tmp_path):
    given, found = slow
    folder = paged(found).save(tmp_path / "new")
    assert {path.name for path in folder.iterdir()} == {"report.html", "doctor.json", "config.json", "cures.csv"}
    cured = jt.Experiment.from_json(json.loads((folder / "config.json").read_text()))
    assert cured == found.cure.experiment and cured.diff(given).keys() == {"optimizer.rule.learning_rate"}
    written = json.loads((folder / "doctor.json").read_text())
    assert written["diagnoses"][0]["cause"] == "a learning rate that is too low" and written["ok"] is False
    page = (folder / "report.html").read_text()
    assert "another learning rate" in page and page.count("<img") == 16


def test_a_model_that_does_not_run_is_the_first_finding(digits):
    found = jt.examine(jt.Experiment(model=jt.RNN(widths=(4,)), batch_size=1000), digits, seeds=4, progress=False)
    (symptom,) = found.symptoms
    assert found.diagnoses[0].cause is Cause.MODEL and "batch_size = 1000" in symptom.text and found.mean is None
    assert "it did not train" in str(found)


class Broken(nn.Module):
    """Gives no finite number."""

    @nn.compact
    def __call__(self, x, train):
        return jnp.log(-1 - jnp.square(nn.Dense(10)(x.reshape(len(x), -1))))


def test_what_is_not_finite_at_the_start_is_told_and_no_cure_is_judged(digits):
    ill = jt.Experiment(model=Broken(), batch_size=16, epochs=1)
    found = jt.examine(ill, digits, seeds=2, metric="nll", most=1, without=FAST, progress=False)
    assert not found.ok and found.diagnoses[0].cause is Cause.ARITHMETIC and found.mean is None
    assert "cures" in found.undone and "not finite" in found.undone["cures"]


def test_a_sign_that_is_not_there_is_refused_with_the_nearest():
    with pytest.raises(jt.ConfigError, match=r"^without: 'labls' is no sign; .*'labels'"):
        jt.examine(jt.Experiment(), jt.load("digits"), without=["labls"])


def test_causes_are_ordered_by_what_symptoms_and_cures_say(slow):
    given, found = slow
    (rate,) = found.treated
    idle = Treated("ReLU", Cause.ACTIVATION, given, rate.verdict, rate.gained, beyond=0.0)
    weak = Symptom("updates", "hint", "small", {Cause.ACTIVATION: 1.0, Cause.INIT: 1.5})
    made = Examination(given, found.data, found.metric, 0.1, 8, (weak,), (rate, idle), ("updates",), {})
    assert [each.cause for each in made.diagnoses] == [Cause.RATE_LOW, Cause.INIT, Cause.ACTIVATION]
    assert not made.ok  # a cure that helps greatly shows that something was wrong


def test_more_of_what_training_has_speaks_less_for_its_cause_than_a_cure_of_one_fault(slow):
    _, found = slow
    (rate,) = found.treated
    weights = [dataclasses.replace(rate, cause=cause, beyond=1.0).weight for cause in (Cause.INIT, Cause.EPOCHS, Cause.RULE)]
    assert weights[0] > weights[1] == weights[2] > 0


def test_hints_alone_are_no_fault(slow):
    given, found = slow
    hint = Symptom("course", "hint", "falls", {Cause.EPOCHS: 1.0})
    assert Examination(given, found.data, found.metric, 0.9, 8, (hint,), (), ("course",), {}).ok


def test_a_cure_that_would_be_another_learning_rate_once_more_is_not_tried(digits, monkeypatch):
    monkeypatch.setattr(Case, "best_rate", 0.01)
    given = jt.Experiment(model=jt.MLP(widths=(8,)), optimizer=jt.Optimizer(jt.Adam(learning_rate=0.1)), batch_size=16)
    other = given.replace({"optimizer": jt.Optimizer("sgd")})
    names = [{cure.name for cure in cures(Case(each, digits, jt.Seeds(2)))} for each in (given, other)]
    assert [("Adam" in found, "another learning rate" in found) for found in names] == [(False, True), (True, True)]


def test_cures_that_go_together_are_all_in_one_and_the_model_is_wrapped_last(digits, monkeypatch):
    monkeypatch.setattr(Case, "best_rate", 0.01)
    given = jt.Experiment(model=jt.MLP(widths=(8,)), inputs="raw", optimizer=jt.Optimizer("sgd"), batch_size=16, epochs=3)
    case = Case(given, digits, jt.Seeds(2))
    output = Cure("scores without bounds", Cause.OUTPUT, {"model": LogOdds(model=given.model)})
    whole = together(case, [output, *cures(case)])
    arm = whole.of(given)
    assert whole.cause is Cause.SEVERAL and type(arm.optimizer.rule) is jt.Adam and arm.inputs != given.inputs
    assert arm.epochs == 12 and isinstance(arm.model, LogOdds)
    assert together(case, [output]) is None


class Blind(nn.Module):
    """Gives what does not depend on the inputs."""

    @nn.compact
    def __call__(self, x, train):
        return 0 * x.reshape(len(x), -1)[:, :10] + self.param("constant", nn.initializers.ones, (1, 10))


def test_where_no_cure_works_a_setup_that_is_known_to_work_is_tried_and_speaks_for_no_cause(digits):
    ill = jt.Experiment(model=Blind(), batch_size=16, epochs=2)
    found = jt.examine(ill, digits, seeds=8, most=1, without=FAST, progress=False)
    assert found.treated[-1].cause is Cause.SEVERAL and found.cure == found.treated[-1] and found.cure.cures
    assert Cause.SEVERAL not in {each.cause for each in found.diagnoses} and found.diagnoses[0].cause is Cause.OUTPUT


def test_where_no_rate_learns_anything_the_given_one_is_as_good_as_any(digits):
    ill = jt.Experiment(model=Blind(), optimizer=jt.Optimizer(jt.Adam(learning_rate=0.002)), batch_size=16, epochs=1)
    assert Case(ill, digits, jt.Seeds(2)).best_rate == 0.002


def test_so_few_restarts_try_no_more_cures_than_they_can_tell_from_luck():
    assert [decidable(restarts) for restarts in (1, 5, 6, 8)] == [1, 1, 1, 6]


@pytest.mark.parametrize(("turned", "given"), [(Logs, [0.2, 0.8]), (LogOdds, [0.2, 0.8])])
def test_scores_are_turned_back_to_the_model_s_own_probabilities(turned, given):
    scores = np.asarray(turned(model=jt.MLP()).turned(np.array(given)))
    back = np.exp(scores) / np.exp(scores).sum() if turned is Logs else 1 / (1 + np.exp(-scores))
    assert np.allclose(back, given, atol=1e-6)
