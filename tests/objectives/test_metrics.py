"""Metrics against scikit-learn and independent NumPy."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import sklearn.metrics as reference
from hypothesis import given, settings
from hypothesis import strategies as st

import jaxtricks as jt
from jaxtricks.config import ConfigError, choices
from jaxtricks.objectives.metric import Metric, finished, sums
from jaxtricks.objectives.metrics import BINS, METRICS, bits_per_character, find, measure, named
from jaxtricks.objectives.task import Classes, Multilabel, Steps, Task, Values

float64 = jax.enable_x64 if hasattr(jax, "enable_x64") else jax.experimental.enable_x64
N = 12
DRAW = np.random.default_rng(0)


def log_softmax(logits):
    shifted = logits - logits.max(axis=1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))


def calibration_error(probabilities, labels):
    """Guo+ 2017, equation 3, bin by bin: bin m holds confidences in ((m - 1)/M, m/M]."""
    confidence, prediction = probabilities.max(axis=1), probabilities.argmax(axis=1)
    total = 0.0
    for m in range(1, BINS + 1):
        inside = (confidence > (m - 1) / BINS) & (confidence <= m / BINS)
        if inside.any():
            gap = (prediction[inside] == labels[inside]).mean() - confidence[inside].mean()
            total += inside.sum() / len(labels) * abs(gap)
    return total


def measured(task, names, scores, targets, loss=None, steps=None, counted=None, batches=1):
    """Metrics of scores that come in so many batches."""
    metrics, loss = named(names), loss or choices(jt.losses.Loss)[task.loss]()
    counted = np.ones(len(scores), bool) if counted is None else counted

    def rows(part):
        return task.rows(loss, *(None if a is None else jnp.asarray(a[part]) for a in (scores, targets, steps, counted)))

    each = [sums(metrics, rows(part)) for part in np.array_split(np.arange(len(scores)), batches)]
    count, totals = jax.tree.map(lambda *leaves: sum(leaves), *each)
    return {name: float(value) for name, value in finished(metrics, count, totals, rows(np.arange(len(scores)))).items()}


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(0.01, 8))
def test_metrics_are_what_numpy_says(seed, spread):
    random = np.random.default_rng(seed)  # not Hypothesis' own round numbers: on a bin's edge rounding decides
    log_probs = log_softmax(spread * random.normal(size=(N, 3)))
    labels = random.integers(0, 3, N).astype(np.int32)
    with float64(True):
        found = {name: float(v) for name, v in jax.jit(measure, static_argnums=2)(log_probs, labels, Classes.metrics).items()}
    assert found == {
        "accuracy": pytest.approx(np.mean([row.argmax() == label for row, label in zip(log_probs, labels, strict=True)])),
        "nll": pytest.approx(-sum(row[label] for row, label in zip(log_probs, labels, strict=True)) / N, rel=1e-12),
        "ece": pytest.approx(calibration_error(np.exp(log_probs), labels), rel=1e-9, abs=1e-12),
    }
    assert 0 <= found["ece"] <= 1 and 0 <= found["accuracy"] <= 1 and found["nll"] >= 0


def test_perfect_and_hopeless_predictions():
    sure = jnp.log(jnp.array([[1.0, 0.0], [0.0, 1.0]]))
    for labels, values in ((jnp.array([0, 1]), (1, 0, 0)), (jnp.array([1, 0]), (0, np.inf, 1))):
        assert tuple(map(float, measure(sure, labels, ("accuracy", "nll", "ece")).values())) == values


def ece(log_probs, labels):
    return float(measure(log_probs, jnp.asarray(labels), ("ece",))["ece"])


def test_a_bin_holds_its_upper_edge():
    # Confidence 2/3 = 10/15, exact in no precision, and 0.6 = 9/15: both belong to the bin below, whichever way they round.
    for share in (0.6, 2 / 3, 0.8):
        log_probs = jnp.log(jnp.array([[share, 1 - share]] * 4))
        assert ece(log_probs, [0, 0, 0, 1]) == pytest.approx(abs(0.75 - share), rel=1e-5)
    assert ece(jnp.log(jnp.full((4, 3), 1 / 3)), [0, 1, 1, 2]) == pytest.approx(1 / 12, abs=1e-5)


def test_gaps_of_different_bins_do_not_cancel():
    log_probs = jnp.log(jnp.array([[0.95, 0.05], [0.55, 0.45]]))
    assert ece(log_probs, [1, 0]) == pytest.approx((0.95 + 0.45) / 2, rel=1e-5)  # over-confident once, under-confident once


def test_confidence_above_one_by_rounding_falls_into_the_last_bin():
    assert ece(jnp.array([[1e-6, -20.0]]), [0]) == pytest.approx(0, abs=1e-5)


def test_members_under_vmap_get_what_each_gets_alone():
    log_probs = jax.nn.log_softmax(jax.random.normal(jax.random.key(0), (3, N, 4)))
    labels = jax.random.randint(jax.random.key(1), (3, N), 0, 4)
    names = [name for name, metric in METRICS.items() if metric.tasks is None or "classes" in metric.tasks]
    together = jax.jit(jax.vmap(lambda p, y: measure(p, y, names)))(log_probs, labels)
    assert set(together) == set(names)
    for i in range(3):
        for name, value in jax.jit(measure, static_argnums=2)(log_probs[i], labels[i], tuple(names)).items():
            np.testing.assert_allclose(together[name][i], value, rtol=1e-5)


def test_metrics_of_steps_are_those_of_all_true_steps_together():
    scores, labels, lengths = DRAW.normal(size=(4, 5, 3)), DRAW.integers(0, 3, (4, 5)), np.array([5, 1, 3, 4])
    scores[1, 1:] = np.nan  # what stands in padding must not matter
    counted = np.array([True, True, True, False])
    true = (np.arange(5) < lengths[:, None]) & counted[:, None]
    names = (*Steps.metrics, "macro_f1", "brier", "top_2", "balanced_accuracy")
    expected = measured(Classes(), names, scores[true], labels[true])
    found = measured(Steps(), names, scores, labels, steps=np.arange(5) < lengths[:, None], counted=counted, batches=2)
    assert found == pytest.approx(expected, rel=1e-5)
    assert found["perplexity"] == pytest.approx(np.exp(found["nll"]), rel=1e-5)
    assert found["bits"] == pytest.approx(found["nll"] / np.log(2), rel=1e-5)


def test_metrics_of_values_are_scikit_learn_s():
    scores, wanted = DRAW.normal(size=(40, 3)).astype(np.float32), DRAW.normal(size=(40, 3)).astype(np.float32) + 100
    found = measured(Values(), ("rmse", "mse", "mae", "r2"), scores, wanted, batches=3)
    assert found == {
        "rmse": pytest.approx(reference.root_mean_squared_error(wanted, scores), rel=1e-5),
        "mse": pytest.approx(reference.mean_squared_error(wanted, scores), rel=1e-5),
        "mae": pytest.approx(reference.mean_absolute_error(wanted, scores), rel=1e-5),
        "r2": pytest.approx(reference.r2_score(wanted, scores), rel=1e-4),
    }
    padded = measured(Values(), ("mse",), scores, wanted, counted=np.arange(40) < 7)
    assert padded["mse"] == pytest.approx(reference.mean_squared_error(wanted[:7], scores[:7]), rel=1e-5)
    assert not math.isfinite(measured(Values(), ("r2",), scores, np.ones((40, 3), np.float32))["r2"])


@pytest.mark.parametrize("classes", [2, 5])
def test_metrics_of_classes_are_scikit_learn_s(classes):
    labels = DRAW.integers(0, classes, 60)
    scores = DRAW.normal(size=(60, classes)) + 1.5 * np.eye(classes)[labels]
    scores[:20] = np.round(scores[:20])  # with ties among them
    names = ("accuracy", "balanced_accuracy", "macro_f1", "brier", "roc_auc", "top_2", "nll")
    p = np.exp(log_softmax(scores))
    guess = scores.argmax(axis=1)
    found = measured(Classes(), names, scores, labels, batches=4)
    ranked = p[:, 1] if classes == 2 else p
    assert found == {
        "accuracy": pytest.approx(reference.accuracy_score(labels, guess), rel=1e-5),
        "balanced_accuracy": pytest.approx(reference.balanced_accuracy_score(labels, guess), rel=1e-5),
        "macro_f1": pytest.approx(reference.f1_score(labels, guess, average="macro"), rel=1e-5),
        "brier": pytest.approx(np.square(p - np.eye(classes)[labels]).sum(axis=1).mean(), rel=1e-5),
        "roc_auc": pytest.approx(reference.roc_auc_score(labels, ranked, multi_class="ovr"), rel=1e-5),
        "top_2": pytest.approx(np.mean((np.argsort(-scores, axis=1, kind="stable")[:, :2] == labels[:, None]).any(axis=1))),
        "nll": pytest.approx(reference.log_loss(labels, p), rel=1e-5),
    }


def test_top_k_is_scikit_learn_s_where_no_scores_are_equal():
    labels, scores = DRAW.integers(0, 6, 50), DRAW.normal(size=(50, 6))
    for k in (1, 3):
        expected = reference.top_k_accuracy_score(labels, scores, k=k, labels=range(6))
        assert measured(Classes(), (f"top_{k}",), scores, labels)[f"top_{k}"] == pytest.approx(expected)


def test_top_1_is_accuracy_whichever_scores_are_equal():
    labels = np.arange(60) % 6
    for scores in (np.zeros((60, 6)), DRAW.integers(0, 3, (60, 6)).astype(float), DRAW.normal(size=(60, 6))):
        found = measured(Classes(), ("accuracy", "top_1", "top_6"), scores, labels)
        assert found["top_1"] == found["accuracy"] and found["top_6"] == 1
    assert measured(Classes(), ("top_3",), np.zeros((60, 6)), labels)["top_3"] == 0.5


def test_confident_examples_are_ranked_by_how_confident_they_are():
    margins, labels = np.array([30.0, 20.0, 300.0, 20.5]), np.array([0, 1, 0, 1])
    two = np.stack([margins, np.zeros(4)], axis=1)
    assert measured(Classes(), ("roc_auc",), two, labels)["roc_auc"] == 1
    assert measured(Classes(), ("roc_auc",), two, 1 - labels)["roc_auc"] == 0
    three = np.stack([margins, np.zeros(4), np.full(4, -5.0)], axis=1)
    assert measured(Classes(), ("roc_auc",), three, labels)["roc_auc"] == 1
    several = 10 * margins[:, None]
    for loss in (None, jt.losses.Squared()):
        assert measured(Multilabel(), ("roc_auc",), several, (labels == 0)[:, None].astype(int), loss)["roc_auc"] == 1
    sure = jnp.log(jnp.array([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, 1.0, 0.0]]))
    assert float(measure(sure, jnp.array([0, 2, 1]), ("roc_auc",))["roc_auc"]) == 1


def test_a_class_that_nobody_has_and_nobody_names_is_left_out():
    scores, labels = np.array([[2.0, 0.0, -9.0], [0.0, 2.0, -9.0], [1.0, 0.0, -9.0]]), np.array([0, 1, 1])
    found = measured(Classes(), ("balanced_accuracy", "macro_f1", "roc_auc"), scores, labels)
    guess = scores.argmax(axis=1)
    assert found["balanced_accuracy"] == pytest.approx(reference.balanced_accuracy_score(labels, guess))
    assert found["macro_f1"] == pytest.approx(reference.f1_score(labels, guess, average="macro"))
    each = [reference.roc_auc_score(labels == c, np.exp(log_softmax(scores))[:, c]) for c in range(2)]
    assert found["roc_auc"] == pytest.approx(np.mean(each))
    assert math.isnan(measured(Classes(), ("roc_auc",), scores, np.zeros(3, int))["roc_auc"])


def test_metrics_of_several_labels_are_scikit_learn_s():
    y = DRAW.integers(0, 2, (50, 4))
    scores = DRAW.normal(size=(50, 4)) + y
    p = 1 / (1 + np.exp(-scores))
    found = measured(Multilabel(), ("accuracy", "nll", "macro_f1", "brier", "roc_auc"), scores, y, batches=3)
    assert found == {
        "accuracy": pytest.approx(1 - reference.hamming_loss(y, p > 0.5), rel=1e-5),
        "nll": pytest.approx(np.mean([reference.log_loss(y[:, k], p[:, k]) for k in range(4)]), rel=1e-5),
        "macro_f1": pytest.approx(reference.f1_score(y, p > 0.5, average="macro"), rel=1e-5),
        "brier": pytest.approx(np.mean([reference.brier_score_loss(y[:, k], p[:, k]) for k in range(4)]), rel=1e-5),
        "roc_auc": pytest.approx(reference.roc_auc_score(y, p), rel=1e-5),
    }


def test_a_label_far_out_on_the_wrong_side_costs_its_score():
    assert measured(Multilabel(), ("nll",), np.array([[300.0]]), np.array([[0]]))["nll"] == pytest.approx(300)


def test_sums_stay_accurate_over_60_000_examples():
    scores, labels = DRAW.normal(size=(60_000, 3)).astype(np.float32), DRAW.integers(0, 3, 60_000)
    found = measured(Classes(), ("nll", "accuracy", "roc_auc"), scores, labels, batches=60)
    log_probs = log_softmax(scores.astype(np.float64))
    assert found["nll"] == pytest.approx(-log_probs[np.arange(60_000), labels].mean(), rel=1e-6)
    assert found["accuracy"] == pytest.approx((scores.argmax(axis=1) == labels).mean(), rel=1e-6)
    exact = reference.roc_auc_score(labels, np.exp(log_softmax(scores)), multi_class="ovr")
    assert found["roc_auc"] == pytest.approx(exact, rel=2e-6)


def test_every_task_s_own_metrics_are_known_and_have_a_meaning_for_it():
    for name, task in choices(Task).items():
        assert all(find(metric).tasks is None or name in find(metric).tasks for metric in task.metrics)
        assert task().kind.name == name and task.loss in choices(jt.losses.Loss)


def test_an_unknown_name_is_answered_with_the_nearest():
    with pytest.raises(ConfigError, match=r"^metric = 'macro_f2' is unknown; did you mean 'macro_f1'\?$"):
        find("macro_f2")
    with pytest.raises(ConfigError, match=r"^metric = 'top_0' is unknown; did you mean 'top_5'\?$"):
        find("top_0")


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"name": "two words"}, "Metric.name = 'two words' is not a word of letters, digits and underscores."),
        ({"function": 3}, "Metric.function = 3 is not a function of scores and targets."),
        ({"higher_is_better": "yes"}, "Metric.higher_is_better = 'yes' is not True or False."),
    ],
)
def test_a_metric_that_cannot_be_is_refused_in_one_sentence(settings, sentence):
    with pytest.raises(ConfigError) as caught:
        Metric(**({"name": "worst", "function": jnp.max, "higher_is_better": False} | settings))
    assert str(caught.value) == sentence


def test_a_text_costs_as_many_bits_a_character_however_it_is_cut():
    # 10 characters at 2 bits each are 20 bits, whether they are 10 tokens or 4.
    assert bits_per_character(2 * np.log(2), 10, 10) == pytest.approx(2)
    assert bits_per_character(5 * np.log(2), 4, 10) == pytest.approx(2)
