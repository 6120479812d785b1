"""A regression: prices near half a million, several outputs of different sizes, errors in the user's units."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import jaxtricks as jt
from jaxtricks.diagnose.losses import training_loss
from jaxtricks.objectives.task import no_better, task_of

HERE = jt.Layout(runs=1, width=2)
fit = partial(jt.fit, seeds=2, layout=HERE, progress=False)
BASE = jt.Experiment(
    model=jt.MLP(widths=(8,)), optimizer=jt.Optimizer(rule=jt.Adam(learning_rate=0.03)), batch_size=16, epochs=15
)
PRICES = np.array([1e5, 3.0]), np.array([4e5, -20.0])  # of an output of its own each: its scale, and where it lies


def linear() -> tuple[np.ndarray, np.ndarray]:
    draw = np.random.default_rng(0)
    x = draw.normal(size=(160, 3)).astype(np.float32)
    return x, x @ np.array([[1.0, 0.5], [-0.5, 1.0], [0.3, 0.0]]) + 0.1 * draw.normal(size=(160, 2))


@pytest.fixture(scope="module")
def houses() -> jt.Dataset:
    x, y = linear()
    return jt.Dataset.from_arrays(x, PRICES[0] * y + PRICES[1], name="houses", classes=("price", "age"))


@pytest.fixture(scope="module")
def runs(houses):
    return fit(BASE, houses)


def test_a_regression_needs_no_loss_no_metric_and_no_scale(runs, houses):
    assert list(runs.metrics) == sorted(("rmse", "mae", "r2", "squared"))
    assert (runs.metrics["r2"] > 0.9).all() and not runs.summary().collapsed
    # In the user's units: a part of the prices' spread of a hundred thousand, and of the two outputs the mean.
    assert (runs.metrics["rmse"] > 1000).all() and (runs.metrics["rmse"] < 20_000).all()
    assert (runs.metrics["squared"] < 0.1).all()  # the loss, of scaled values
    sgd = BASE.replace({"optimizer.rule": jt.SGD(learning_rate=0.1)})
    assert not fit(sgd, houses).summary().collapsed
    assert len(fit(sgd.replace({"targets": "raw"}), houses).diverged) == 2


def test_scaled_values_give_the_weights_of_values_that_a_user_scales(float64):
    """The same network, from values of any scale as from values that were standardized by the same training split before."""
    x, y = linear()
    split = np.arange(120), np.arange(120, 160)
    mean, std = y[split[0]].mean(axis=0), y[split[0]].std(axis=0)
    with float64():
        found = []
        for values in (PRICES[0] * y + PRICES[1], (y - mean) / std):
            data = jt.Dataset.from_arrays(x[split[0]], values[split[0]], validation=(x[split[1]], values[split[1]]))
            found.append(fit(BASE, data))
    for a, b in zip(*(jax.tree.leaves(runs.states.params) for runs in found), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)  # values are stored in float32


def test_raw_targets_are_not_in_the_program(houses, runs):
    raw = fit(BASE.replace({"targets": "raw"}), houses)
    assert raw.trained.tables.targets is None and runs.trained.tables.targets.scale.shape == (16, 2)


def test_each_output_is_scaled_by_its_own_training_split(runs, houses):
    for row, split in enumerate(runs.sampling.train):
        scaling = jax.tree.map(lambda table, row=row: table[row], runs.trained.tables.targets)
        np.testing.assert_allclose(scaling.shift, houses.y[split].mean(axis=0, dtype=np.float64), rtol=1e-6)
        np.testing.assert_allclose(scaling.scale, houses.y[split].std(axis=0, dtype=np.float64), rtol=1e-5)


def test_a_constant_output_is_predicted_and_measured():
    x, y = linear()
    data = jt.Dataset.from_arrays(x, np.stack([1e5 * y[:, 0], np.full(160, 7.0)], axis=1))
    constant = fit(BASE, data)
    assert (constant.trained.tables.targets.scale[:, 1] == 1).all() and not constant.diverged
    np.testing.assert_allclose(constant.log_probs(x[:5])[..., 1], 7.0, atol=0.5)


def test_predictions_and_errors_are_in_the_user_s_units(runs, houses):
    for row, places in enumerate(runs.sampling.validation):
        wanted = houses.y[places].astype(np.float64)
        away = runs.log_probs(houses.x[places])[row] - wanted
        found = {name: float(values[row]) for name, values in runs.evaluate("validation").items()}
        assert found["rmse"] == pytest.approx(np.sqrt(np.square(away).mean(axis=0)).mean(), rel=1e-4)
        assert found["mae"] == pytest.approx(np.abs(away).mean(), rel=1e-4)
        spread = np.square(wanted - wanted.mean(axis=0)).sum(axis=0)
        assert found["r2"] == pytest.approx((1 - np.square(away).sum(axis=0) / spread).mean(), rel=1e-4)


def farthest(scores, targets):
    return jnp.max(jnp.abs(scores - targets)[:, 0])


def test_a_metric_of_one_s_own_gets_the_user_s_units(houses):
    own = jt.Metric("farthest", farthest, higher_is_better=False, unit="euros")
    measured = fit(BASE.replace({"metrics": (own,)}), houses)
    for row, places in enumerate(measured.sampling.validation):
        away = np.abs(measured.log_probs(houses.x[places])[row] - houses.y[places])[:, 0].max()
        assert measured.metrics["farthest"][row] == pytest.approx(away, rel=1e-3)


def test_errors_keep_their_digits_where_the_mean_is_large():
    """At a million a float32 has steps of a sixteenth; the errors are of a tenth."""
    draw = np.random.default_rng(0)
    data = jt.Dataset.from_arrays(np.zeros((400, 1)), 1e6 + 1e3 * draw.normal(size=(400, 1)))
    scaling = jax.tree.map(
        lambda part: jnp.asarray(part[0]), jt.experiment.StandardizedTargets().scaling(data, np.arange(400)[None])
    )
    y = jnp.asarray([[1e6], [1e6 + 8]])
    scores = scaling.scaled(y) + 1e-4
    error = task_of(data).rows(jt.losses.Squared(), scores, y, None, jnp.ones(2, bool), scaling).error
    np.testing.assert_allclose(error, 1e-4 * float(scaling.scale[0]), rtol=1e-2)


def test_a_run_no_better_than_the_mean_is_told_of_by_the_root_of_its_error(houses):
    task, y = task_of(houses), houses.y
    chance = task.chance(y, None)
    roots = y.std(axis=0, dtype=np.float64)
    assert chance.mean() == pytest.approx(roots.mean(), rel=1e-6)
    # Its standard error is that of the bootstrap.
    draws = np.random.default_rng(0).integers(0, len(y), (2000, len(y)))
    boot = np.array([y[draw].std(axis=0, dtype=np.float64).mean() for draw in draws])
    assert chance.std() / np.sqrt(len(y)) == pytest.approx(boot.std(), rel=0.1)
    assert no_better(roots.mean(), chance, False) and not no_better(0.5 * roots.mean(), chance, False)


def test_a_huber_loss_is_followed_on_the_scale_that_is_trained(houses):
    """A threshold of 1 is a standard deviation, in training and in validation, and not a cent."""
    loss = {"objective.loss": lambda scores, targets: optax.losses.huber_loss(scores, targets).mean(axis=-1)}
    found = fit(BASE.replace(loss | {"stopping": jt.EarlyStopping(patience=3)}), houses)
    assert (found.metrics["loss"] < 0.1).all() and (found.metrics["r2"] > 0.9).all()


def test_values_that_stay_on_the_host_give_the_same(houses, float64):
    short, stream = BASE.replace({"epochs": 2}), jt.Layout(runs=1, width=2, stream=True)
    with float64():
        held, streamed = (fit(short, houses, layout=place) for place in (HERE, stream))
    for name, values in held.metrics.items():
        np.testing.assert_allclose(streamed.metrics[name], values, rtol=1e-9)


def test_gradients_are_those_of_scaled_values(runs, houses):
    """What is diagnosed is the loss that was trained, so that its scale is that of the training loss."""
    loss, params = training_loss(runs, 0)
    assert float(loss(params)) < 0.2
