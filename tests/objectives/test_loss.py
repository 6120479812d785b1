"""Losses of an example, row T122."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

import jaxtricks as jt
from jaxtricks.config import ConfigError, choices
from jaxtricks.objectives.loss import Hinge
from jaxtricks.objectives.task import task_of

float64 = jax.enable_x64 if hasattr(jax, "enable_x64") else jax.experimental.enable_x64

scores = arrays.arrays(np.float64, (6, 4), elements=st.floats(-50, 50))
labels = arrays.arrays(np.int32, 6, elements=st.integers(0, 3))
LOGITS = jax.random.normal(jax.random.key(0), (6, 4))
LABELS = np.array([0, 1, 2, 3, 0, 1])
LOSSES = [loss() for loss in choices(jt.losses.Loss).values()]


def hot(y):
    return np.eye(4)[y]


def softmax(logits):
    e = np.exp(logits - logits.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


@settings(max_examples=50, deadline=None)
@given(scores, labels)
def test_cross_entropy_is_minus_the_log_probability_of_the_label(logits, y):
    with float64(True):
        ours = np.asarray(jt.losses.CrossEntropy()(jnp.asarray(logits), jnp.asarray(hot(y))))
        theirs = optax.softmax_cross_entropy_with_integer_labels(jnp.asarray(logits), jnp.asarray(y))
    np.testing.assert_allclose(ours, theirs, rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(ours, -np.log(softmax(logits)[np.arange(6), y]), rtol=1e-9, atol=1e-12)


@settings(max_examples=50, deadline=None)
@given(scores, labels, st.floats(0, 0.99))
def test_smoothing_mixes_the_label_with_the_mean_over_classes(logits, y, epsilon):
    with float64(True):
        ours = np.asarray(jt.losses.CrossEntropy(label_smoothing=epsilon)(jnp.asarray(logits), jnp.asarray(hot(y))))
        theirs = optax.softmax_cross_entropy(jnp.asarray(logits), optax.smooth_labels(jnp.asarray(hot(y)), epsilon))
    np.testing.assert_allclose(ours, theirs, rtol=1e-10, atol=1e-12)
    log = np.log(softmax(logits))
    expected = -(1 - epsilon) * log[np.arange(6), y] - epsilon * log.mean(axis=1)
    np.testing.assert_allclose(ours, expected, rtol=1e-9, atol=1e-9)


@settings(max_examples=30, deadline=None)
@given(arrays.arrays(np.float32, (6, 4), elements=st.floats(-50, 50, width=32)), labels)
def test_smoothing_of_zero_is_off_bit_for_bit(logits, y):
    targets = jnp.asarray(hot(y), jnp.float32)
    off, zero = (np.asarray(jt.losses.CrossEntropy(label_smoothing=e)(jnp.asarray(logits), targets)) for e in (None, 0.0))
    assert off.tobytes() == zero.tobytes()


@pytest.mark.parametrize("epsilon", [1.0, 1.5, -0.1])
def test_smoothing_that_leaves_nothing_of_the_label_is_refused_in_one_sentence(epsilon):
    with pytest.raises(ConfigError) as caught:
        jt.losses.CrossEntropy(label_smoothing=epsilon)
    assert str(caught.value) == f"CrossEntropy.label_smoothing = {epsilon} is not a number in [0, 1), or None for off."


def test_the_gradient_of_cross_entropy_is_probability_minus_target():
    for epsilon in (None, 0.1):
        loss = jt.losses.CrossEntropy(label_smoothing=epsilon)
        target = (1 - (epsilon or 0)) * hot(LABELS) + (epsilon or 0) / 4
        gradient = jax.grad(lambda logits, loss=loss: loss(logits, jnp.asarray(hot(LABELS))).sum())(LOGITS)
        np.testing.assert_allclose(gradient, softmax(np.asarray(LOGITS)) - target, rtol=1e-5, atol=1e-6)


def test_logits_far_out_give_a_finite_loss():
    logits, targets = jnp.array([[1e4, -1e4, 0.0, 0.0]] * 2), jnp.asarray(hot([0, 1]))
    np.testing.assert_allclose(jt.losses.CrossEntropy()(logits, targets), [0, 2e4])
    np.testing.assert_allclose(Hinge()(logits, targets), [0, 2e4 + 1 + 2 * (1e4 + 1)])


@settings(max_examples=50, deadline=None)
@given(scores, labels)
def test_hinge_is_the_lecture_s_sum_over_the_other_classes(logits, y):
    with float64(True):
        ours = np.asarray(Hinge()(jnp.asarray(logits), jnp.asarray(hot(y))))
    theirs = [sum(max(0.0, s[j] - s[label] + 1) for j in range(4) if j != label) for s, label in zip(logits, y, strict=True)]
    np.testing.assert_allclose(ours, theirs, rtol=1e-12, atol=1e-12)
    single = Hinge()(jnp.asarray(logits, jnp.float32), jnp.asarray(hot(y), jnp.float32))
    np.testing.assert_allclose(single, theirs, rtol=1e-6, atol=1e-5)


def test_hinge_of_two_classes_is_also_crammer_and_singer_s():
    logits, y = np.random.default_rng(0).normal(size=(9, 2)), np.arange(9) % 2
    largest = np.max(logits + (np.arange(2) != y[:, None]), axis=1) - logits[np.arange(9), y]
    np.testing.assert_allclose(Hinge()(jnp.asarray(logits), jnp.eye(2)[y]), largest, rtol=1e-5, atol=1e-6)


@settings(max_examples=30, deadline=None)
@given(scores, arrays.arrays(np.float64, (6, 4), elements=st.floats(0.01, 1)))
def test_the_gradient_of_hinge_is_that_of_central_differences_away_from_kinks(logits, weights):
    targets, h = weights / weights.sum(axis=1, keepdims=True), 1e-4
    gaps = logits[:, None, :] - logits[:, :, None] + 1
    near = np.min(np.where(np.eye(4, dtype=bool), 1, np.abs(gaps)), axis=(1, 2)) < 3 * h
    with float64(True):
        loss = lambda logits: Hinge()(logits, jnp.asarray(targets)).sum()  # noqa: E731
        gradient = np.asarray(jax.grad(loss)(jnp.asarray(logits)))
        steps = h * np.eye(24).reshape(24, 6, 4)
        ends = jax.vmap(loss)(jnp.asarray(logits[None] + steps)) - jax.vmap(loss)(jnp.asarray(logits[None] - steps))
    np.testing.assert_allclose(gradient[~near], (np.asarray(ends) / (2 * h)).reshape(6, 4)[~near], rtol=1e-6, atol=1e-6)


def labelled(classes):
    """Data with so many classes."""
    return jt.Dataset.from_arrays(np.zeros((8, 3)), np.zeros(8, int), classes=[str(c) for c in range(classes)])


@pytest.mark.parametrize("classes", [1])
def test_hinge_with_one_class_is_refused(classes):
    with pytest.raises(
        ConfigError, match=rf"^Objective\.loss = 'hinge' needs two classes or more, and the data have {classes}\.$"
    ):
        jt.Objective(loss="hinge").check(labelled(classes))
    jt.Objective(loss="hinge").check(labelled(2))
    jt.Objective().check(labelled(1))


@pytest.mark.parametrize("loss", [loss for loss in LOSSES if not isinstance(loss, jt.losses.Squared)])
def test_the_loss_of_a_blend_is_the_blend_of_losses(loss):
    a, b = hot(LABELS), hot(LABELS[::-1])
    mixed, *ends = (np.asarray(loss(LOGITS, jnp.asarray(targets))) for targets in (0.3 * a + 0.7 * b, a, b))
    np.testing.assert_allclose(mixed, 0.3 * ends[0] + 0.7 * ends[1], rtol=1e-5)


@pytest.mark.parametrize("loss", [*LOSSES, jt.losses.CrossEntropy(label_smoothing=0.3)])
def test_the_loss_of_labels_is_that_of_one_hot_targets_step_by_step(loss):
    labels = np.stack([LABELS, LABELS[::-1]], axis=1)
    scores = jnp.stack([LOGITS, 2 * LOGITS], axis=1)
    each = [loss(scores[:, t], jnp.asarray(hot(labels[:, t]))) for t in range(2)]
    np.testing.assert_allclose(loss.of_labels(scores, jnp.asarray(labels)), np.stack(each, axis=1), rtol=1e-5, atol=1e-6)


def test_squared_is_the_mean_squared_error_of_values():
    values, wanted = np.array([[1.0, 2.0], [3.0, 5.0]]), np.array([[0.0, 2.0], [1.0, 1.0]])
    np.testing.assert_allclose(jt.losses.Squared()(jnp.asarray(values), jnp.asarray(wanted)), [0.5, 10.0])


def test_losses_of_classes_refuse_values():
    data = jt.Dataset.from_arrays(np.zeros((8, 3)), np.zeros((8, 1)))
    jt.Objective(loss="squared").check(data)
    for loss in (Hinge(), jt.losses.CrossEntropy(label_smoothing=0.1)):
        loss = loss.fitted(task_of(data))
        with pytest.raises(
            ConfigError, match=f"^Objective.loss = '{loss.name}' is of classes, and arrays holds values; 'squared' is allowed.$"
        ):
            loss.check(data)


def test_the_usual_loss_needs_no_name():
    for y, usual in ((np.zeros((8, 1)), "squared"), (np.array([[0, 1], [1, 1]] * 4), "binary_cross_entropy")):
        task = task_of(jt.Dataset.from_arrays(np.zeros((8, 3)), y))
        assert jt.Experiment().objective.loss.fitted(task).name == usual == task.loss


def test_what_scores_mean_is_said_by_the_loss():
    scores = jnp.array([[0.7, 0.5, -0.2], [2.0, -1.0, 0.0]])
    floor = np.maximum(scores, 1e-4)
    squared = jt.losses.Squared()
    np.testing.assert_allclose(jax.nn.softmax(squared.logits(scores)), floor / floor.sum(axis=1, keepdims=True), rtol=1e-5)
    np.testing.assert_allclose(jax.nn.sigmoid(squared.log_odds(scores)), np.clip(scores, 1e-4, 1 - 1e-4), rtol=1e-4)
    for loss in (jt.losses.CrossEntropy(), Hinge(), jt.losses.Loss(optax.softmax_cross_entropy)):
        assert loss.logits(scores) is scores and loss.log_odds(scores) is scores


def test_binary_cross_entropy_is_optax_s_over_labels():
    scores, targets = np.random.default_rng(0).normal(size=(2, 9, 4)) * 40, np.eye(4)[np.arange(9) % 4]
    ours = jt.losses.BinaryCrossEntropy()(jnp.asarray(scores[0]), jnp.asarray(targets))
    theirs = optax.sigmoid_binary_cross_entropy(jnp.asarray(scores[0]), jnp.asarray(targets)).mean(axis=-1)
    np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-6)


def test_a_loss_s_validation_value_is_its_own_mean_or_the_metric_that_it_minimizes():
    names = {name: loss().validation.name for name, loss in choices(jt.losses.Loss).items()}
    probable = dict.fromkeys(("cross_entropy", "binary_cross_entropy", "focal", "binary_focal"), "nll")
    assert names == probable | {"squared": "squared", "hinge": "hinge"}
    assert jt.losses.Loss(optax.softmax_cross_entropy).validation.name == "softmax_cross_entropy"
    assert not any(loss().validation.higher_is_better for loss in choices(jt.losses.Loss).values())
