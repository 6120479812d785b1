"""The gradient noise scale against every example's gradient by hand, row T048."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.flatten_util import ravel_pytree

import jaxtricks as jt
from jaxtricks import rng
from jaxtricks.diagnose.losses import training_loss
from jaxtricks.diagnose.noise import gradient_noise_scale


def by_hand(runs, run, params, indices):
    """tr Σ and |G|² of examples, one gradient after the other, without the library's engine."""
    x = np.asarray(runs.data.x, np.float32)
    train = runs.members.train[run]
    x, y = (x - x[train].mean(0)) / x[train].std(0), runs.data.y

    @jax.jit
    def gradient(x, y):
        def loss(params):
            logits = jax.nn.relu(x @ params["hidden_0"]["dense"]["kernel"] + params["hidden_0"]["dense"]["bias"])
            logits = logits @ params["head"]["kernel"] + params["head"]["bias"]
            penalty = sum(jnp.sum(leaf**2) for leaf in jax.tree.leaves(params) if leaf.ndim > 1)
            return -jax.nn.log_softmax(logits)[y] + 0.01 * penalty

        return ravel_pytree(jax.grad(loss)(params))[0]

    gradients = np.array([gradient(x[i], y[i]) for i in indices], np.float64)
    return gradients.var(axis=0, ddof=1).sum(), np.sum(gradients.mean(0) ** 2)


def test_it_is_the_noise_of_all_training_examples_at_the_first_and_the_last_weights(plain):
    found = gradient_noise_scale(plain)
    for run in range(2):
        last = jax.tree.map(lambda leaf, run=run: leaf[run], plain.variables["params"])
        key = rng.stream(rng.root(int(plain.seeds[run])), "params")
        first = jt.MLP(widths=(6,), outputs=3).init({"params": key}, jnp.zeros((1, 5)), train=False)["params"]
        for noise, params in ((found.initial, first), (found.final, last)):
            trace, squared = by_hand(plain, run, params, plain.members.train[run])
            np.testing.assert_allclose(noise.trace[run], trace, rtol=1e-4)
            np.testing.assert_allclose(noise.squared[run], squared, rtol=1e-4)
            np.testing.assert_allclose(noise.scale[run], trace / squared, rtol=1e-4)
    assert "median of 2 runs" in str(found)


def test_a_sample_is_near_the_whole_and_as_large_as_it_says(plain):
    whole, part = gradient_noise_scale(plain), gradient_noise_scale(plain, examples=33)  # one more than a chunk
    np.testing.assert_allclose(part.initial.trace, whole.initial.trace, rtol=0.5)
    assert not np.allclose(part.final.trace, whole.final.trace, rtol=1e-3)


def test_batch_norm_takes_its_running_averages(normalized):
    found = gradient_noise_scale(normalized)
    assert np.isfinite(found.final.scale).all() and (found.final.scale > 0).all()
    loss, params = training_loss(normalized, 1)
    gradient = jax.jit(jax.grad(loss))(params)
    np.testing.assert_allclose(found.final.squared[1], sum(jnp.sum(g**2) for g in jax.tree.leaves(gradient)), rtol=1e-3)


def test_the_training_loss_is_the_objective_of_the_training_split(plain):
    loss, params = training_loss(plain, 1)
    penalty = 0.01 * sum(float(jnp.sum(w**2)) for w in jax.tree.leaves(params) if w.ndim > 1)
    assert float(loss(params)) == pytest.approx(plain.evaluate("train")["nll"][1] + penalty, rel=1e-4)


@pytest.mark.parametrize("examples", [1, 10_000])
def test_a_number_of_examples_that_there_are_not_is_refused(plain, examples):
    with pytest.raises(jt.ConfigError, match=rf"^examples = {examples} is not a number from 2 to 48, "):
        gradient_noise_scale(plain, examples=examples)
