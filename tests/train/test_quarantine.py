"""A member that stops being finite is taken out and named; nothing else changes."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import jaxtricks as jt
from jaxtricks.config import NonNegative, Positive, config

fit = partial(jt.fit, progress=False)
PLACE = jt.Layout(runs=1, width=3)
STEPS = 3  # an epoch
NEVER = 1e6


@config()
class Poisoned(jt.optim.Rule):
    """SGD whose gradient is multiplied by `poison` in one step, counted from 0."""

    learning_rate: Positive = 0.1
    weight_decay: NonNegative | None = None
    at: NonNegative = NEVER
    poison: float = np.inf

    def direction(self) -> optax.GradientTransformation:
        def update(grads, count, params=None):
            return jax.tree.map(lambda g: jnp.where(count == self.at, g * self.poison, g), grads), count + 1

        return optax.GradientTransformation(lambda params: jnp.zeros(()), update)


BASE = jt.Experiment(
    model=jt.MLP(widths=(8,), normalization="layer"), optimizer=jt.Optimizer(rule=Poisoned(poison=1e38)), batch_size=16, epochs=5
)


def poisoned(at: float) -> jt.Experiment:
    return BASE.replace({"optimizer.rule.at": at})


def members(runs):
    return jax.tree.map(np.asarray, (runs.curves, runs.states))


def held_out(runs, blobs):
    """The log-probabilities of what the first member validates on, and the true classes."""
    places = runs.sampling.validation[runs.sampling.split[0]]
    return runs.log_probs(blobs.x[places])[0], blobs.y[places]


@pytest.fixture(scope="module")
def clean(blobs):
    """A member without a nan; all programs that one with a nan needs are compiled with it."""
    _, sick, _ = fit([BASE, poisoned(3), BASE], blobs, seeds=[4], layout=PLACE)
    held_out(sick, blobs)
    return fit([BASE] * 3, blobs, seeds=[4], layout=PLACE)[0]


@pytest.mark.parametrize("at", [0, 1, STEPS, 2 * STEPS - 2, 2 * STEPS - 1, 5 * STEPS - 1])
def test_a_planted_nan_takes_out_that_member_alone(at, clean, blobs, compiled):
    before, sick, after = fit([BASE, poisoned(at), BASE], blobs, seeds=[4], layout=PLACE)
    # The others do not notice.
    for runs in (before, after):
        assert not runs.diverged
        jax.tree.map(np.testing.assert_array_equal, members(runs), members(clean))
    # The weights broke in step `at`, and the next loss shows it: of the next step, or of validation.
    assert sick.diverged == {"seed 4": at + 1}
    good = at // STEPS  # whole epochs before
    for name, curve in sick.curves.items():
        np.testing.assert_array_equal(curve[0, :good], clean.curves[name][0, :good])
        if name in ("train_loss", "grad_norm", "largest_grad_norm"):
            assert np.all(np.isnan(curve[0, good:]))
        elif good:
            assert np.all(curve[0, good:] == curve[0, good - 1])
    # What is left is a finite state, and its predictions are those that were measured.
    assert all(np.all(np.isfinite(leaf)) for leaf in jax.tree.leaves(sick.states))
    log_probs, y = held_out(sick, blobs)
    nll = -np.mean(log_probs[np.arange(12), y])
    np.testing.assert_allclose(nll, sick.metrics["nll"][0], rtol=1e-5)
    assert not compiled


def test_it_keeps_the_weights_of_its_last_whole_epoch(blobs):
    short, sick = fit([BASE.replace({"epochs": 2}), poisoned(2 * STEPS + 1)], blobs, seeds=[4], layout=PLACE)
    jax.tree.map(partial(np.testing.assert_allclose, rtol=1e-6), sick.states.params, short.states.params)


def test_an_absurd_learning_rate_among_good_ones(blobs):
    base = jt.Experiment(model=jt.MLP(widths=(8,)), optimizer=jt.Optimizer(rule="sgd"), batch_size=16, epochs=2)
    rates = [0.1, 1e30, 0.2]
    runs = fit([base.replace({"optimizer.rule.learning_rate": r}) for r in rates], blobs, seeds=[0, 1], layout=PLACE)
    assert [list(r.diverged) for r in runs] == [[], ["seed 0", "seed 1"], []]
    # The first step's weights were the absurd ones.
    assert set(runs[1].diverged.values()) == {1}
    assert np.all(np.isfinite(runs[1].metrics["nll"]))
    again = fit([base.replace({"optimizer.rule.learning_rate": r}) for r in (0.1, 0.1, 0.2)], blobs, seeds=[0, 1], layout=PLACE)
    for a, b in [(runs[0], again[0]), (runs[2], again[2])]:
        jax.tree.map(np.testing.assert_array_equal, members(a), members(b))


def test_a_gradient_that_overflows_counts_too(blobs):
    @config()
    class Steep(jt.losses.Loss):
        slope: float = 1.0

        def __call__(self, logits, labels):
            # The value of a flat function, and the gradient of a steep one.
            flat = jnp.sum(logits, axis=-1) * self.slope
            return flat - jax.lax.stop_gradient(flat)

    base = jt.Experiment(model=jt.MLP(widths=(8,)), objective=jt.Objective(loss=Steep()), batch_size=16, epochs=1)
    calm, steep = fit([base, base.replace({"objective.loss.slope": 1e30})], blobs, seeds=[0], layout=PLACE)
    assert not calm.diverged
    assert steep.diverged == {"seed 0": 0}


def test_a_diverged_arm_is_compared_and_named(blobs):
    study = jt.study(
        poisoned(NEVER), {"poisoned": poisoned(4)}, blobs, seeds=6, metric="nll", layout=PLACE, progress=False, tune=None
    )
    (verdict,) = study.verdicts
    assert np.isfinite(verdict.difference)
    assert {f"change seed {s} (diverged at step 5)" for s in range(6)} <= set(verdict.collapsed)
    assert "seed 3 (diverged at step 5)" in str(study.changes["poisoned"].summary())
