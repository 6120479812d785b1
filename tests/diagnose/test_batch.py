"""Predictions that depend on the rest of the batch, row T021."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxtricks as jt
from jaxtricks.diagnose.batch import batch_dependence


class Forgetful(nn.Module):
    """Normalizes by the batch that it sees, at test too."""

    @nn.compact
    def __call__(self, x, train):
        return nn.Dense(3)(nn.BatchNorm(use_running_average=False)(nn.Dense(6)(x)))


class Standardizing(nn.Module):
    """The same mistake with nothing to remember: it takes part in training and evaluation without an error."""

    @nn.compact
    def __call__(self, x, train):
        h = nn.Dense(6)(x)
        return nn.Dense(3)((h - h.mean(0, keepdims=True)) / (h.std(0, keepdims=True) + 1e-3))


def test_runs_of_this_library_do_not_depend_on_the_batch(normalized, blobs):
    found = batch_dependence(normalized, blobs.x[:7])
    assert not found.depends and found.largest < 1e-5 and "do not depend" in str(found)


def test_runs_of_a_module_that_looks_at_the_batch_do(base, blobs):
    runs = jt.fit(base.replace({"model": Standardizing()}), blobs, seeds=2, progress=False)
    found = batch_dependence(runs, blobs.x[:7])
    assert found.depends and found.alone > 0.1 and found.company > 0.1 and "DEPEND" in str(found)
    assert found.permuted < found.tolerance  # the same batch


def test_a_model_that_takes_batch_statistics_at_test_is_caught(blobs):
    x, model = jnp.asarray(blobs.x, jnp.float32), Forgetful()
    variables = model.init(jax.random.key(0), x, train=False)
    found = batch_dependence(lambda part: model.apply(variables, part, train=False, mutable=["batch_stats"])[0], x[:8])
    assert found.depends and found.alone > 0.1


@pytest.mark.parametrize("examples", [2, 3, 4])
def test_a_function_of_the_place_in_the_batch_is_caught_by_the_order_alone(examples):
    found = batch_dependence(lambda x: x * np.arange(len(x))[:, None], np.eye(examples) + 1)
    assert found.permuted > 1 and found.depends


def test_rounding_and_the_size_of_predictions_are_allowed_for():
    x = np.random.default_rng(0).normal(size=(6, 3))
    assert not batch_dependence(lambda x: 1e9 * x * (1 + 1e-6 * len(x)), x).depends
    assert batch_dependence(lambda x: 1e-9 * x * len(x), x).depends
    assert batch_dependence(lambda x: x + np.where(len(x) == 1, np.nan, 0.0), x).depends


def test_one_example_has_no_company():
    with pytest.raises(jt.ConfigError, match=r"^x has 1 examples; at least two"):
        batch_dependence(lambda x: x, np.ones((1, 3)))
