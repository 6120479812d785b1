"""Dropout with a traced rate, rows T056 and T058."""

import functools

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import jaxtricks as jt
from jaxtricks import rng
from jaxtricks.config import choices, stack

X = jax.random.normal(jax.random.key(0), (8, 16))
VARIANTS = choices(jt.Dropout).values()
both = pytest.mark.parametrize("variant", VARIANTS)


class Twice(nn.Module):
    """Two layers of dropout, side by side."""

    dropout: jt.Dropout

    @nn.compact
    def __call__(self, x, train):
        return self.dropout(x, train=train, name="one"), self.dropout(x, train=train, name="two")


@functools.partial(jax.jit, static_argnames="train")
def drop(dropout, x, train=True, seed=0, step=0):
    return Twice(dropout).apply({}, x, train, rngs={"dropout": rng.stream(rng.root(seed), "dropout", step)})[0]


@both
@settings(max_examples=20, deadline=None)
@given(rate=st.floats(0, 0.95), seed=st.integers(0, 100))
def test_units_are_zero_or_scaled_and_the_test_output_is_their_expectation(variant, rate, seed):
    dropout = variant(rate=rate)
    x = jnp.where(X == 0, 1.0, X)
    y = np.asarray(drop(dropout, x, seed=seed))
    train, test = (1 / (1 - rate), 1) if variant is jt.nn.Inverted else (1, 1 - rate)
    kept = y != 0
    np.testing.assert_allclose(y[kept], train * np.asarray(x)[kept], rtol=1e-6)
    assert abs(kept.mean() - (1 - rate)) <= 5 * np.sqrt(rate * (1 - rate) / x.size) + 1e-9
    np.testing.assert_allclose(drop(dropout, x, train=False), test * np.asarray(x), rtol=1e-6)


@both
def test_rate_zero_is_no_dropout_bit_for_bit(variant):
    awkward = jnp.array([0.0, -0.0, 1e-30, 1e38, -3.0, jnp.inf])
    for train in (True, False):
        y = drop(variant(rate=0.0), awkward, train=train)
        assert np.asarray(y).tobytes() == np.asarray(awkward).tobytes()
        together = jax.vmap(lambda dropout, train=train: drop(dropout, awkward, train=train))(stack([variant(rate=0.0)] * 2))
        assert np.asarray(together[1]).tobytes() == np.asarray(awkward).tobytes()


@both
def test_a_linear_layer_gives_in_the_mean_over_masks_what_it_gives_at_test(variant):
    rates = stack([variant(rate=r) for r in (0.2, 0.5, 0.9)])
    w = jax.random.normal(jax.random.key(1), (16, 4))
    steps = jnp.arange(2000)
    outputs = jax.vmap(lambda dropout: jax.vmap(lambda step: drop(dropout, X, step=step) @ w)(steps))
    samples = np.asarray(jax.jit(outputs)(rates))  # [rates, steps, examples, 4]
    test = np.stack([drop(variant(rate=r), X, train=False) @ w for r in (0.2, 0.5, 0.9)])
    error = samples.std(axis=1) / np.sqrt(steps.size)
    assert np.all(np.abs(samples.mean(axis=1) - test) < 5 * error)


def test_the_two_variants_differ_by_one_factor():
    inverted, scaled = drop(jt.nn.Inverted(rate=0.3), X), drop(jt.nn.TestScaled(rate=0.3), X)
    np.testing.assert_allclose(scaled, 0.7 * inverted, rtol=1e-6)


@both
def test_the_rate_is_traced(variant):
    rates = [variant(rate=r) for r in (0.0, 0.25, 0.9)]
    for train in (True, False):
        together = jax.jit(jax.vmap(lambda dropout, train=train: drop(dropout, X, train=train)))(stack(rates))
        np.testing.assert_allclose(together, np.stack([drop(dropout, X, train=train) for dropout in rates]), rtol=1e-6)


def test_a_larger_rate_drops_the_same_units_and_more():
    few, many = (np.asarray(drop(jt.nn.Inverted(rate=r), X)) == 0 for r in (0.3, 0.6))
    assert np.all(many[few]) and many.sum() > few.sum()


def test_masks_differ_between_layers_steps_and_seeds():
    def mask(layer=0, **where):
        where = {"seed": 0, "step": 0} | where
        rngs = {"dropout": rng.stream(rng.root(where["seed"]), "dropout", where["step"])}
        return np.asarray(Twice(jt.nn.Inverted()).apply({}, X, True, rngs=rngs)[layer] == 0)

    masks = [mask(), mask(layer=1), mask(step=1), mask(seed=1)]
    for i, one in enumerate(masks):
        for other in masks[:i]:
            assert 0.3 < np.mean(one == other) < 0.7  # independent coins agree half of the time
    assert np.array_equal(mask(), masks[0])
    rows = mask()
    assert len({row.tobytes() for row in rows}) == len(rows)  # and between examples


def test_gradient_goes_through_kept_units_only():
    gradient = jax.grad(lambda x: drop(jt.nn.Inverted(rate=0.5), x).sum())(X)
    np.testing.assert_array_equal(gradient, np.where(np.asarray(drop(jt.nn.Inverted(rate=0.5), X)) == 0, 0.0, 2.0))


def test_shape_and_dtype_are_kept():
    for dtype in (jnp.bfloat16, jnp.float32):
        for train in (True, False):
            assert drop(jt.nn.TestScaled(), X.astype(dtype), train=train).dtype == dtype


def test_a_number_is_the_rate_and_no_stream_is_needed_at_test():
    assert jt.MLP(dropout=0.25).dropout == jt.nn.Inverted(rate=0.25)
    assert Twice(jt.nn.Inverted()).apply({}, X, False)[0].tolist() == X.tolist()
