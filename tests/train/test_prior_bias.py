"""Output biases that start at the classes' shares (T110)."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
import scipy

import jaxtricks as jt
from jaxtricks.config import ConfigError
from jaxtricks.train.prepare import prepare

fit = partial(jt.fit, seeds=2, layout=jt.Layout(runs=1, width=2), progress=False)
BASE = jt.Experiment(
    model=jt.MLP(widths=(4,)), optimizer=jt.Optimizer(jt.SGD(learning_rate=1e-30)), batch_size=16, epochs=1, prior_bias=1.0
)


@pytest.fixture(scope="module")
def skewed() -> jt.Dataset:
    y = np.repeat(np.arange(3), (70, 20, 10))
    return jt.Dataset.from_arrays(np.random.default_rng(0).normal(size=(100, 5)), y, name="skewed")


@pytest.mark.parametrize("power", [1.0, 0.5])
def test_a_run_starts_at_the_shares_of_its_own_training_examples(skewed, power):
    runs = fit(BASE.replace({"prior_bias": power}), skewed)
    for bias, train in zip(runs.variables["params"]["head"]["bias"], runs.members.train, strict=True):
        shares = np.bincount(skewed.y[train]) / len(train)
        np.testing.assert_allclose(scipy.special.softmax(bias), shares**power / (shares**power).sum(), rtol=1e-5)


def test_only_the_output_biases_change_and_transferred_ones_stay(skewed):
    plain, leaning = fit(BASE.replace({"prior_bias": None}), skewed), fit(BASE, skewed)
    for part in ("kernel", "bias"):
        np.testing.assert_allclose(
            *(runs.variables["params"]["hidden_0"]["dense"][part] for runs in (plain, leaning)), atol=1e-20
        )
    assert np.abs(plain.variables["params"]["head"]["bias"]).max() < 1e-20  # a step at a rate of 1e-30 away from 0
    given = fit(BASE, skewed, seeds=jt.Seeds(2, transfer=jt.Transfer(plain)))
    assert np.abs(given.variables["params"]["head"]["bias"]).max() < 1e-20


def test_a_class_that_the_training_split_lacks_starts_below_all_others(skewed):
    data = jt.Dataset.from_arrays(skewed.x, skewed.y, classes=("a", "b", "c", "never"), validation=(skewed.x, skewed.y))
    bias = fit(BASE, data, seeds=1).variables["params"]["head"]["bias"][0]
    counts = np.array([70, 20, 10, 1 / 100])
    np.testing.assert_allclose(scipy.special.softmax(bias), counts / counts.sum(), rtol=1e-4)
    markers = jt.data.reversal_problem(50, length=3, symbols=3)  # its "?" is never asked for
    steps = BASE.replace({"model": jt.RNN(widths=(4,))})
    bias = fit(steps, markers, seeds=1).variables["params"]["head"]["bias"][0]
    assert np.argmin(bias) == markers.classes.index("?") and np.sort(bias)[1] - bias.min() > 1


def test_a_pruned_network_that_is_drawn_anew_starts_at_the_shares_too(skewed):
    runs = fit(BASE.replace({"pruned": jt.optim.Pruned(keep=0.5, to="random")}), skewed)
    for bias, train in zip(runs.variables["params"]["head"]["bias"], runs.members.train, strict=True):
        np.testing.assert_allclose(scipy.special.softmax(bias), np.bincount(skewed.y[train]) / len(train), rtol=1e-5)


def _one_against_all(scores, targets):
    return jnp.sum(jax.nn.softplus(scores) - targets * scores, axis=-1)


@pytest.mark.parametrize("loss", ["squared", "hinge", _one_against_all])
def test_losses_whose_scores_are_no_logits_are_refused(skewed, loss):
    name = loss if isinstance(loss, str) else "_one_against_all"
    with pytest.raises(ConfigError, match=rf"prior_bias = 1\.0 starts at .* Objective\.loss = '{name}' are no logits .* None is"):
        fit(BASE.replace({"objective.loss": loss}), skewed)


def test_losses_of_logits_are_taken(skewed):
    softmax = jt.losses.FunctionLoss(function=optax.softmax_cross_entropy, predictions="logits")
    for loss in ("focal", softmax):
        prepare(BASE.replace({"objective.loss": loss}), skewed, 80)


def test_values_and_models_without_such_biases_are_refused(skewed):
    values = jt.Dataset.from_arrays(skewed.x, skewed.x[:, :1], name="prices")
    with pytest.raises(ConfigError, match=r"Experiment\.prior_bias = 1\.0 starts at shares of classes, and prices holds .* None"):
        fit(BASE, values)
    hidden = jt.models.Masked(model=jt.MLP(widths=(4,)))
    with pytest.raises(ConfigError, match=r"Experiment\.prior_bias = 1\.0 needs a bias for each output, and .* names none; None"):
        fit(BASE.replace({"model": hidden}), skewed)
