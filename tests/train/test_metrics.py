"""Metrics and losses of one's own, and several labels at once, from the data to the page."""

import json

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
import sklearn.metrics as reference

import jaxtricks as jt
from jaxtricks import ConfigError, DataError
from jaxtricks.evaluate.compare import measuring
from jaxtricks.report.page import page
from jaxtricks.report.record import record_runs, record_study
from jaxtricks.report.recorded import from_json, to_json
from jaxtricks.train.prepare import prepare
from tests.user_code import farthest, largest_error, pseudo_huber, share_right

HERE = jt.Layout(runs=1)
BASE = jt.Experiment(model=jt.MLP(widths=(8,)), optimizer=jt.Optimizer(rule=jt.Adam(learning_rate=0.03)), batch_size=16, epochs=4)
OWN = jt.Metric("share_right", share_right, higher_is_better=True, unit="points")
DISTANCE = jt.Metric("largest_error", largest_error, higher_is_better=False, unit="metres")


def nll(scores, targets):
    return -jnp.sum(targets * jax.nn.log_softmax(scores), axis=-1)


@pytest.fixture(scope="module")
def labelled() -> jt.Dataset:
    """80 examples with three labels: the signs of the inputs' first three numbers."""
    x = np.random.default_rng(0).normal(size=(80, 5)).astype(np.float32)
    return jt.Dataset.from_arrays(x, (x[:, :3] > 0).astype(int), name="signs", classes=["a", "b", "c"], task="multilabel")


@pytest.fixture(scope="module")
def valued() -> jt.Dataset:
    x = np.random.default_rng(1).normal(size=(60, 5)).astype(np.float32)
    return jt.Dataset.from_arrays(x, x[:, :2] * [1, -2], name="sums")


MULTI = BASE.replace({"objective.loss": "binary_cross_entropy"})


@pytest.fixture(scope="module")
def several(labelled) -> jt.Runs:
    metrics = ("macro_f1", "roc_auc", "brier")
    return jt.fit(MULTI.replace({"metrics": metrics, "epochs": 20}), labelled, seeds=3, layout=HERE, progress=False)


def test_several_labels_are_learned_and_measured_as_scikit_learn_does(several, labelled):
    assert list(several.metrics) == ["accuracy", "brier", "macro_f1", "nll", "roc_auc"]
    log_probs = several.log_probs(labelled.x)
    assert log_probs.shape == (3, 80, 3) and (log_probs <= 0).all()
    for row, validation in enumerate(several.members.validation):
        y, p = labelled.y[validation], np.exp(log_probs[row, validation])
        assert several.metrics["accuracy"][row] == pytest.approx(1 - reference.hamming_loss(y, p > 0.5))
        assert several.metrics["roc_auc"][row] == pytest.approx(reference.roc_auc_score(y, p), rel=1e-5)
        assert several.metrics["nll"][row] == pytest.approx(
            np.mean([reference.log_loss(y[:, k], p[:, k]) for k in range(3)]), rel=1e-4
        )
    assert (several.metrics["accuracy"] > 0.8).all() and several.summary().collapsed == ()
    again = several.evaluate("validation")
    for name, values in several.metrics.items():
        np.testing.assert_allclose(again[name], values, rtol=1e-5)


def test_labels_named_no_better_than_by_their_commonest_value_are_a_collapse(labelled):
    still = MULTI.replace({"optimizer.rule.learning_rate": 1e-9, "epochs": 1})
    found = jt.fit(still, labelled, seeds=2, layout=HERE, progress=False).summary()
    assert found.collapsed == tuple(f"seed {s} (no better than the commonest value of each label)" for s in (0, 1))


def test_streamed_labels_give_the_same(several, labelled):
    streamed = jt.fit(several.experiment, labelled, seeds=3, layout=jt.Layout(runs=1, stream=True), progress=False)
    for name, values in several.metrics.items():
        np.testing.assert_allclose(streamed.metrics[name], values, rtol=1e-3, atol=1e-4)


def test_several_labels_are_compared_and_make_a_page(labelled):
    changes = {"fewer epochs": MULTI.replace({"epochs": 1})}
    found = jt.study(MULTI, changes, labelled, seeds=3, metric="macro_f1", layout=HERE, progress=False, tune=None)
    (verdict,) = found.verdicts
    assert (verdict.metric, verdict.unit, verdict.higher_is_better) == ("macro_f1", "points", True)
    html = page(record_study(found, command="jaxtricks compare"))
    assert "macro F1, %" in html and "3 labels, each 0 or 1" in html


def test_an_ensemble_of_several_labels_is_refused(several):
    with pytest.raises(
        DataError, match=r"^signs holds several labels an example; an ensemble averages the probabilities of classes, or values"
    ):
        jt.ensemble(several)


def test_augmented_and_stopped_training_of_several_labels_works(labelled):
    mixed = MULTI.replace({"augmentation.mixup": 1.0, "augmentation.noise": 0.1, "stopping": jt.EarlyStopping(metric="accuracy")})
    runs = jt.fit(mixed, labelled, seeds=2, layout=HERE, progress=False)
    np.testing.assert_allclose(runs.metrics["accuracy"], np.maximum.accumulate(runs.curves["accuracy"], axis=1)[:, -1])


def test_a_metric_of_one_s_own_is_measured_and_judged_by_its_direction(blobs):
    slow = BASE.replace({"optimizer.rule.learning_rate": 1e-4})
    found = jt.study(BASE, {"slow": slow}, blobs, seeds=8, metric=OWN, layout=HERE, progress=False, tune=None)
    (verdict,) = found.verdicts
    np.testing.assert_allclose(found.baseline.metrics["share_right"], found.baseline.metrics["accuracy"], rtol=1e-6)
    assert (verdict.metric, verdict.unit, verdict.decision) == ("share_right", "points", "hurts")
    worse = jt.Metric("share_right", share_right, higher_is_better=False)
    (other,) = jt.study(BASE, {"slow": slow}, blobs, seeds=8, metric=worse, layout=HERE, progress=False, tune=None).verdicts
    assert (other.decision, other.unit) == ("helps", "share_right")


def test_a_comparison_by_a_metric_of_one_s_own_never_goes_by_another_of_its_name(blobs):
    other = jt.Metric("accuracy", farthest, higher_is_better=False)
    with pytest.raises(ConfigError, match=r"^Metric\.name = 'accuracy' is that of another curve; another name is allowed\.$"):
        jt.compare(BASE, BASE.replace({"epochs": 5}), blobs, metric=other, seeds=2, layout=HERE, progress=False, tune=None)
    own = BASE.replace({"metrics": (OWN,)})
    assert measuring(OWN, [own], blobs) == measuring("share_right", [own], blobs) == [own]


def test_an_experiment_with_a_metric_of_one_s_own_is_written_and_read():
    experiment = BASE.replace({"metrics": ("macro_f1", OWN)})
    assert jt.Experiment.from_json(json.loads(json.dumps(experiment.to_json()))) == experiment
    assert jax.tree.structure(experiment) == jax.tree.structure(BASE.replace({"metrics": ("macro_f1", OWN)}))


def test_a_record_knows_unit_and_direction_where_the_function_cannot_be_found(valued):
    experiment = BASE.replace({"objective.loss": "squared", "metrics": (DISTANCE,)})
    record = record_runs(jt.fit(experiment, valued, seeds=2, layout=HERE, progress=False), command="jaxtricks run")
    text = json.dumps(to_json(record)).replace("tests.user_code", "gone")
    again = from_json(json.loads(text))
    assert again.baseline.metric("largest_error") == DISTANCE.declared
    assert "largest error, metres" in page(again)


@pytest.mark.parametrize("best", ["share_right", "largest_error"])
def test_the_best_checkpoint_is_that_of_the_metric_s_direction(tmp_path, blobs, best):
    one_hot = jt.Metric("largest_error", farthest, higher_is_better=False)
    kept = jt.Checkpoints(tmp_path, newest=1, best=best)
    measured = BASE.replace({"metrics": (OWN, one_hot), "epochs": 6})
    runs = jt.fit(measured, blobs, seeds=2, layout=HERE, checkpoints=kept, progress=False)
    mean = runs.curves[best].mean(axis=0)
    wanted = 1 + int(mean.argmax() if best == "share_right" else mean.argmin())
    assert set(jt.snapshots(tmp_path, blobs)) == {wanted, 6}


def test_early_stopping_and_plateaus_follow_what_is_trained(blobs, valued):
    for loss, data, name in (("hinge", blobs, "hinge"), ("squared", blobs, "squared"), (pseudo_huber, valued, "pseudo_huber")):
        stopped = BASE.replace({"objective.loss": loss, "stopping": jt.EarlyStopping(patience=3), "epochs": 6})
        runs = jt.fit(stopped, data, seeds=2, layout=HERE, progress=False)
        np.testing.assert_allclose(runs.metrics[name], runs.curves[name].min(axis=1), rtol=1e-6)


def test_a_plateau_falls_by_the_metric_that_it_is_given(blobs):
    """With a metric that never gets better the rate falls after each epoch, with one that always does it never falls."""
    flat = jt.Metric("flat", lambda scores, targets: jnp.zeros(()), higher_is_better=True)
    curves = {}
    for name, metric in (("flat", "flat"), ("loss", None)):
        plateau = jt.schedules.Plateau(drop=1e-6, metric=metric)
        changed = BASE.replace({"metrics": (flat,), "optimizer.schedule": plateau, "epochs": 3})
        curves[name] = jt.fit(changed, blobs, seeds=1, layout=HERE, progress=False).curves["nll"][0]
    assert curves["flat"][2] == pytest.approx(curves["flat"][0], rel=1e-3) and curves["loss"][2] < curves["loss"][0]


def test_a_loss_of_one_s_own_trains_and_is_validated_by_its_mean(valued):
    raw = BASE.replace({"objective.loss": pseudo_huber, "targets": "raw"})
    runs = jt.fit(raw, valued, seeds=2, layout=HERE, progress=False)
    for row, validation in enumerate(runs.members.validation):
        values = runs.log_probs(valued.x)[row, validation]
        expected = float(np.mean(pseudo_huber(values, valued.y[validation])))
        assert runs.metrics["pseudo_huber"][row] == pytest.approx(expected, rel=1e-5)
    assert (runs.curves["pseudo_huber"][:, -1] < runs.curves["pseudo_huber"][:, 0]).all()


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"metrics": ("macro_f2",)}, "metrics: metric = 'macro_f2' is unknown; did you mean 'macro_f1'?"),
        ({"metrics": (1,)}, "metrics: metric = 1 is neither the name of a metric nor a jaxtricks.Metric."),
        (
            {"metrics": ("mae",)},
            "Experiment.metrics = 'mae' has no meaning for one class an example, as blobs has; accuracy, nll, ece, perplexity, "
            "bits, mse, balanced_accuracy, macro_f1, brier, roc_auc are allowed.",
        ),
        (
            {"metrics": (jt.Metric("vector", lambda scores, targets: scores.mean(axis=0), higher_is_better=True),)},
            "Experiment.metrics = 'vector' gives an array of shape (3,); one number, of shape (), is allowed.",
        ),
        (
            {"metrics": (jt.Metric("nll", share_right, higher_is_better=True),)},
            "Metric.name = 'nll' is that of another curve; another name is allowed.",
        ),
        (
            {"metrics": (OWN, jt.Metric("share_right", farthest, higher_is_better=False))},
            "Metric.name = 'share_right' is that of another curve; another name is allowed.",
        ),
        (
            {"objective.loss": pseudo_huber, "metrics": (jt.Metric("pseudo_huber", share_right, higher_is_better=True),)},
            "Metric.name = 'pseudo_huber' is that of another curve; another name is allowed.",
        ),
        (
            {"objective.loss": nll},
            "Objective.loss = 'nll' has the name of another curve; a function of another name is allowed.",
        ),
        (
            {"metrics": (jt.Metric("wrong", lambda scores: 0.0, higher_is_better=True),)},
            "Experiment.metrics = 'wrong' does not take scores of shape (16, 3) and targets of shape (16,): ",
        ),
        (
            {"stopping": jt.EarlyStopping(metric="macro_f1")},
            "Experiment.stopping has metric = 'macro_f1', which is not measured; there are: accuracy, nll, ece.",
        ),
        (
            {"optimizer.schedule": jt.schedules.Plateau(metric="acuracy")},
            "Optimizer.schedule has metric = 'acuracy', which is not measured; did you mean 'accuracy'?",
        ),
        (
            {"objective.loss": lambda scores, targets: (scores - targets)[0] ** 2},
            "Objective.loss = loss gives losses of shape (3,) for scores of shape (16, 3); (16,), one an example, is allowed.",
        ),
        (
            {"objective.loss": lambda scores: scores},
            "Objective.loss = loss does not take scores of shape (16, 3) and targets of shape (16, 3), floats, of which ",
        ),
        (
            {"objective.loss": optax.softmax_cross_entropy_with_integer_labels},
            "Objective.loss = softmax_cross_entropy_with_integer_labels does not take scores of shape (16, 3) and targets of "
            "shape (16, 3), floats, of which targets.argmax(-1) gives numbers of classes: ",
        ),
        (
            {"objective.loss": "binary_cross_entropy"},
            "Objective.loss = 'binary_cross_entropy' is of 'multilabel', and blobs holds one class an example; 'cross_entropy' "
            "is allowed.",
        ),
    ],
)
def test_what_does_not_fit_is_refused_in_one_sentence(blobs, changes, sentence):
    with pytest.raises(ConfigError) as caught:
        prepare(BASE.replace(changes), blobs, 48)
    assert str(caught.value).startswith(sentence) and "\n" not in str(caught.value)


def test_losses_and_outputs_that_do_not_fit_several_labels_are_refused(labelled):
    with pytest.raises(ConfigError) as caught:
        prepare(BASE.replace({"objective.loss": "hinge"}), labelled, 64)
    assert str(caught.value) == (
        "Objective.loss = 'hinge' is of classes, and signs holds several labels an example; 'binary_cross_entropy' is allowed."
    )
    with pytest.raises(ConfigError) as caught:
        prepare(MULTI.replace({"model": jt.MLP(widths=(8,), outputs=2)}), labelled, 64)
    assert str(caught.value) == (
        "Experiment.model = MLP gives logits of shape (16, 2), and the data's 3 labels, each 0 or 1 ask for (16, 3)."
    )


def test_metrics_that_need_all_scores_are_refused_for_steps():
    text = jt.data.copy_problem(40, delay=2, recall=2)
    experiment = jt.Experiment(model=jt.RNN(widths=(4,)), batch_size=8, metrics=(OWN,))
    with pytest.raises(ConfigError, match=r"^Experiment\.metrics = 'share_right' needs all scores together, .*'macro_f1'\.$"):
        prepare(experiment, text, 32)
