"""Weights of examples and of classes, and the focal loss, against PyTorch and scikit-learn."""

import dataclasses
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxtricks as jt
from jaxtricks.data.balance import balances
from jaxtricks.objectives.task import task_of

DRAW = np.random.default_rng(0)
LOGITS, LABELS = DRAW.normal(size=(6, 3)), np.array([0, 1, 2, 2, 0, 2])
CLASSES, EXAMPLES = np.array([0.3, 1.0, 0.3]), DRAW.exponential(size=6)
WEIGHTED = jt.Objective(class_weights={"0": 0.3, "2": 0.3})
DATA = jt.Dataset.from_arrays(np.zeros((6, 2)), LABELS % 3, validation=(np.zeros((3, 2)), [0, 1, 2]), name="three")
fit = partial(jt.fit, progress=False, layout=jt.Layout(runs=1))


def gradient(objective, targets, counting, scores=LOGITS):
    return np.asarray(jax.grad(lambda scores: objective(scores, jnp.asarray(targets), {}, 1, counting))(jnp.asarray(scores)))


@pytest.mark.parametrize("blended", [False, True])
def test_class_weights_are_those_of_pytorch(blended, float64):
    torch = pytest.importorskip("torch")
    with float64():
        targets = np.eye(3)[LABELS] if blended else LABELS
        mine = gradient(WEIGHTED.fitted(DATA), targets, jt.extend.Counting(balance=jnp.ones(3)))
        scores = torch.tensor(LOGITS, requires_grad=True)
        torch.nn.CrossEntropyLoss(weight=torch.tensor(CLASSES))(scores, torch.tensor(LABELS)).backward()
        np.testing.assert_allclose(mine, scores.grad.numpy(), rtol=1e-12)


def test_class_weights_of_steps_are_those_of_pytorch_with_its_ignore_index(float64):
    torch = pytest.importorskip("torch")
    with float64():
        counted = jnp.asarray(LABELS.reshape(2, 3) != 1)
        counting = jt.extend.Counting(counted, balance=jnp.ones(3))
        mine = gradient(WEIGHTED.fitted(DATA), LABELS.reshape(2, 3), counting, LOGITS.reshape(2, 3, 3))
        scores, ignored = torch.tensor(LOGITS, requires_grad=True), torch.tensor(np.where(LABELS == 1, -100, LABELS))
        torch.nn.CrossEntropyLoss(weight=torch.tensor(CLASSES))(scores, ignored).backward()
        np.testing.assert_allclose(mine.reshape(6, 3), scores.grad.numpy(), rtol=1e-12)


def test_weights_of_examples_are_those_of_scikit_learn(float64):
    metrics = pytest.importorskip("sklearn.metrics")
    with float64():
        for power in (None, 0.0, 0.5):
            objective = jt.Objective(weight_power=power)
            value = objective(jnp.asarray(LOGITS), jnp.asarray(LABELS), {}, 1, jt.extend.Counting(examples=jnp.asarray(EXAMPLES)))
            weights = EXAMPLES ** (1 if power is None else power)
            wanted = metrics.log_loss(LABELS, np.asarray(jax.nn.softmax(LOGITS)), sample_weight=weights)
            np.testing.assert_allclose(value, wanted, rtol=1e-12)


def test_balanced_weights_are_those_of_scikit_learn_for_each_training_split():
    utils = pytest.importorskip("sklearn.utils.class_weight")
    y = np.array([0, 0, 0, 0, 1, 1, 1, 2, 2, 2])
    data = jt.Dataset.from_arrays(np.zeros((10, 1)), y)
    trains = np.array([[0, 1, 2, 4, 7], [0, 1, 2, 4, 5]])  # the second one lacks a class
    found = balances(data, trains)
    for row, train in zip(found, trains, strict=True):
        there = np.unique(y[train])
        np.testing.assert_allclose(row[there], utils.compute_class_weight("balanced", classes=there, y=y[train]), rtol=1e-6)
    assert found[1, 2] == 1
    noisy = np.stack([np.full_like(y, 2), y])
    np.testing.assert_allclose(balances(data, trains, noisy), [[1, 1, 1], found[1]])


def test_balanced_weights_of_steps_do_not_look_at_padding_and_masked_steps():
    y = np.array([[0, 1, -100], [0, 0, 1], [1, 1, 1]])
    data = jt.Dataset.from_arrays(np.zeros((3, 3, 1)), y, lengths=[3, 2, 3])
    np.testing.assert_allclose(balances(data, np.array([[0, 1]])), [[4 / 6, 4 / 2]])


def test_an_example_of_weight_two_trains_as_two_examples(float64):
    x, y = DRAW.normal(size=(12, 3)), np.arange(12) % 3
    weights = np.arange(12) % 4
    twice = np.repeat(np.arange(12), weights)
    step = jt.Experiment(model=jt.MLP(widths=()), optimizer=jt.Optimizer(rule=jt.SGD(learning_rate=0.5)), inputs="raw", epochs=3)
    with float64():
        once, often = (
            fit(step.replace({"batch_size": len(xs)}), jt.Dataset.from_arrays(xs, ys, weights=ws, validation=(x, y)), seeds=1)
            for xs, ys, ws in ((x, y, weights), (x[twice], y[twice], None))
        )
        for name in once.curves:
            np.testing.assert_allclose(once.curves[name], often.curves[name], rtol=1e-10)


def test_balanced_weights_find_the_rare_class_and_metrics_count_all_alike():
    y = np.arange(200) % 10 == 0
    x = DRAW.normal(size=(200, 2)) + 0.7 * y[:, None]
    data = jt.Dataset.from_arrays(x, y.astype(int), weights=np.where(y, 3.0, 1.0))
    base = jt.Experiment(model=jt.MLP(widths=()), metrics=("balanced_accuracy",), batch_size=32, epochs=15)
    base = base.replace({"optimizer.rule.learning_rate": 0.05, "objective.weight_power": 0.0})
    plain, weighted, balanced = fit(
        [base, base.replace({"objective.weight_power": None}), base.replace({"objective.class_weights": "balanced"})],
        data,
        seeds=3,
    )
    assert plain.metrics["balanced_accuracy"].mean() < 0.6
    assert balanced.metrics["balanced_accuracy"].mean() > plain.metrics["balanced_accuracy"].mean() + 0.05
    assert weighted.metrics["balanced_accuracy"].mean() > plain.metrics["balanced_accuracy"].mean() + 0.03
    right = (balanced.log_probs(x).argmax(axis=-1) == y)[np.arange(3)[:, None], balanced.sampling.validation]
    np.testing.assert_allclose(balanced.metrics["accuracy"], right.mean(axis=1), rtol=1e-6)


@pytest.mark.parametrize("gamma", [0.0, 0.5, 2.0])
def test_focal_losses_are_their_formulas(gamma, float64):
    """As torchvision's `sigmoid_focal_loss` writes it, and the same of a softmax."""
    with float64():
        logits, there = jnp.asarray(4 * LOGITS), np.eye(3)[LABELS]
        p = np.asarray(jax.nn.softmax(logits))[np.arange(6), LABELS]
        found = jt.losses.Focal(gamma=gamma).of_labels(logits, jnp.asarray(LABELS))
        np.testing.assert_allclose(found, -((1 - p) ** gamma) * np.log(p), rtol=1e-6)
        np.testing.assert_allclose(jt.losses.Focal(gamma=gamma)(logits, jnp.asarray(there)), found, rtol=1e-9)
        q = np.asarray(jax.nn.sigmoid(logits))
        right, alpha = np.where(there, q, 1 - q), np.where(there, 0.3, 0.7)
        mine = jt.losses.BinaryFocal(gamma=gamma, alpha=0.3)(logits, jnp.asarray(there))
        np.testing.assert_allclose(mine, (-alpha * (1 - right) ** gamma * np.log(right)).mean(axis=1), rtol=1e-6)


def test_the_focal_loss_without_focus_is_cross_entropy(float64):
    with float64():
        logits, labels, there = jnp.asarray(LOGITS), jnp.asarray(LABELS), jnp.asarray(np.eye(3)[LABELS])
        np.testing.assert_array_equal(
            jt.losses.Focal(gamma=0.0).of_labels(logits, labels), jt.losses.CrossEntropy().of_labels(logits, labels)
        )
        np.testing.assert_allclose(jt.losses.Focal(gamma=0.0)(logits, there), jt.losses.CrossEntropy()(logits, there), rtol=1e-12)
        binary = jt.losses.BinaryFocal(gamma=0.0)(logits, there)
        np.testing.assert_allclose(binary, jt.losses.BinaryCrossEntropy()(logits, there), rtol=1e-12)
        halves = jt.losses.Focal(alpha=0.25).of_labels(logits[:, :2], labels % 2)
        whole = jt.losses.Focal().of_labels(logits[:, :2], labels % 2)
        np.testing.assert_allclose(halves, np.where(LABELS % 2, 0.25, 0.75) * whole, rtol=1e-12)


@pytest.mark.parametrize("gamma", [0.0, 0.1, 2.0])
def test_the_focal_loss_has_a_slope_where_a_prediction_is_certain(gamma):
    for loss in (jt.losses.Focal(gamma=gamma), jt.losses.BinaryFocal(gamma=gamma)):
        slopes = jax.grad(lambda scores, loss=loss: loss(scores, jnp.array([1.0, 0.0])))(jnp.array([300.0, -300.0]))
        assert np.isfinite(slopes).all()


def test_the_focal_loss_of_several_labels_is_that_of_each():
    several = jt.Dataset.from_arrays(np.zeros((4, 2)), [[1, 1], [0, 1], [1, 0], [0, 0]], task="multilabel")
    assert jt.Objective(loss=jt.losses.Focal(gamma=1.0)).fitted(several).loss == jt.losses.BinaryFocal(gamma=1.0)


VALUES = jt.Dataset.from_arrays(np.zeros((8, 2)), np.arange(8.0)[:, None], name="prices")


@pytest.mark.parametrize(
    ("data", "changes", "said"),
    [
        (
            VALUES,
            {"objective.class_weights": "balanced"},
            "Objective.class_weights = 'balanced' weighs classes, and prices holds values",
        ),
        (
            VALUES,
            {"objective.class_weights": {"a": 2}},
            "Objective.class_weights = 'named' weighs classes, and prices holds values",
        ),
        (DATA, {"objective.class_weights": {"3": 2}}, "Objective.class_weights = '3' is no class of three"),
        (
            DATA,
            {"objective.weight_power": 0.5},
            "Objective.weight_power = 0.5 is a power of weights of examples, and three has none",
        ),
        (DATA, {"objective.loss": jt.losses.Focal(alpha=0.5)}, "Focal.alpha = 0.5 weighs two classes, and three has 3"),
    ],
)
def test_weights_that_the_data_cannot_have_are_refused_before_training(data, changes, said):
    with pytest.raises(jt.ConfigError, match=said):
        fit(jt.Experiment(batch_size=2, epochs=1).replace(changes), data, seeds=1)


def test_a_restart_that_would_train_or_validate_on_nothing_that_counts_is_refused():
    x, y, mask = np.zeros((10, 2, 1)), np.arange(20).reshape(10, 2) % 2, np.ones((10, 2), bool)
    experiment, held_out = jt.Experiment(model=jt.RNN(widths=(2,)), batch_size=2, epochs=1), (x[:2], [[-100, -100]] * 2)
    with pytest.raises(jt.DataError, match="mask: no step that seed 0 validates on counts; at least one is allowed"):
        fit(experiment, jt.Dataset.from_arrays(x, y, mask=mask, validation=held_out, classes="ab"), seeds=1)
    flat = jt.Dataset.from_arrays(x[:, 0], y[:, 0] + np.arange(10) % 2, weights=np.arange(10) == 0)
    with pytest.raises(jt.DataError, match=r"weights: those that seed \d+ trains on are all 0"):
        fit(jt.Experiment(batch_size=2, epochs=1), flat, seeds=64)


@pytest.mark.parametrize("reduction", ["tokens", "sum"])
def test_what_a_masked_step_is_labelled_changes_nothing(reduction):
    x, y = DRAW.normal(size=(40, 3, 2)), DRAW.integers(0, 3, (40, 3))
    mask = DRAW.random((40, 3)) < 0.7
    other = np.where(mask, y, (y + 1) % 3)
    minus = np.where(mask, y, -100)
    experiment = jt.Experiment(model=jt.RNN(widths=(3,)), objective=jt.Objective(reduction=reduction), batch_size=8, epochs=2)
    experiment = experiment.replace({"objective.class_weights": "balanced", "metrics": ("macro_f1",)})
    data = jt.Dataset.from_arrays(x, y, mask=mask, classes="abc")
    stored = dataclasses.replace(data, y=other.astype(np.int32))  # not 0, as `from_arrays` stores them
    runs = [fit(experiment, each, seeds=2) for each in (data, stored, jt.Dataset.from_arrays(x, minus, classes="abc"))]
    for name, curve in runs[0].curves.items():
        np.testing.assert_array_equal(curve, runs[1].curves[name])
        np.testing.assert_array_equal(curve, runs[2].curves[name])
    validation = runs[0].sampling.validation[:1]
    right = runs[0].log_probs(x)[0].argmax(axis=-1) == y
    assert runs[0].metrics["accuracy"][0] == pytest.approx(right[validation[0]][mask[validation[0]]].mean(), rel=1e-6)
    counts = task_of(runs[0].data).predictions(runs[0].data, validation)
    assert counts == mask[validation[0]].sum()


def test_numbers_of_classes_are_checked():
    with pytest.raises(jt.ConfigError, match=r"Named.weight = -1.0 is not a number >= 0"):
        jt.Objective(class_weights={"a": -1})
    with pytest.raises(
        jt.ConfigError, match=r"Objective.class_weights = \{'a': 1, 'b': 2\} holds 2 numbers; one for some classes"
    ):
        jt.Objective(class_weights={"a": 1, "b": 2})
    experiment = jt.Experiment(objective=jt.Objective(class_weights={"a": 2, "b": 2.0}))
    assert jt.Experiment.from_json(experiment.to_json()) == experiment
