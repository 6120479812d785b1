"""Attention: the plain formula, positions that are relative, and what a step sees."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxtricks.nn.attention import Attention, attend, seen
from jaxtricks.nn.initializers import LecunNormal
from jaxtricks.nn.positions import rotate

X = jax.random.normal(jax.random.key(0), (2, 7, 8))


def turned(x, positions):
    """Each pair of features as a complex number, turned."""
    half = x.shape[-1] // 2
    pairs = x[..., :half] + 1j * x[..., half:]
    pairs = pairs * np.exp(1j * positions[:, None] * 10_000.0 ** (-np.arange(half) / half))
    return np.concatenate([pairs.real, pairs.imag], axis=-1)


def test_rotary_positions_turn_pairs_and_keep_lengths():
    x = jax.random.normal(jax.random.key(0), (2, 7, 3, 6))
    expected = turned(np.asarray(x, np.float64).transpose(0, 2, 1, 3), 5.0 + np.arange(7)).transpose(0, 2, 1, 3)
    np.testing.assert_allclose(rotate(x, 5), expected, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(jnp.linalg.norm(rotate(x), axis=-1), jnp.linalg.norm(x, axis=-1), rtol=1e-5)
    np.testing.assert_array_equal(rotate(x)[:, 0], x[:, 0])


def test_scores_depend_on_the_distance_only():
    q, k = (jnp.broadcast_to(jax.random.normal(jax.random.key(i), (1, 1, 1, 6)), (1, 12, 1, 6)) for i in (0, 1))
    scores = jnp.einsum("bqhf,bkhf->qk", rotate(q), rotate(k))
    moved = jnp.einsum("bqhf,bkhf->qk", rotate(q, 40), rotate(k, 40))
    np.testing.assert_allclose(scores, moved, rtol=1e-4, atol=1e-4)
    by_distance = [np.diag(scores, d) for d in range(-11, 12)]
    assert all(np.ptp(values) < 1e-4 for values in by_distance)
    assert np.ptp([values[0] for values in by_distance]) > 0.1  # and on it they do depend, to both sides
    assert abs(by_distance[11 - 3][0] - by_distance[11 + 3][0]) > 1e-3


def test_what_a_step_sees():
    steps = jnp.arange(4)
    assert seen(steps, steps, 2, True).astype(int).tolist() == [[1, 0, 0, 0], [1, 1, 0, 0], [0, 1, 1, 0], [0, 0, 1, 1]]
    assert seen(steps, steps, 2, False).astype(int).tolist() == [[1, 1, 0, 0], [1, 1, 1, 0], [0, 1, 1, 1], [0, 0, 1, 1]]
    assert seen(steps, steps, 9, False).all()


@pytest.mark.parametrize(("causal", "context", "lengths"), [(True, 3, None), (False, 3, None), (False, 9, (7, 4))])
def test_it_is_the_plain_formula(causal, context, lengths):
    layer = Attention(2, context, causal, LecunNormal())
    params = layer.init(jax.random.key(1), X, False)["params"]
    params = jax.tree.map(lambda leaf: leaf + 0.1 * jnp.cos(jnp.arange(leaf.size)).reshape(leaf.shape), params)
    found = layer.apply({"params": params}, X, False, None if lengths is None else jnp.array(lengths))
    params, x = jax.tree.map(lambda leaf: np.asarray(leaf, np.float64), (params, X))

    def heads(name):
        return (x @ params[name]["kernel"] + params[name]["bias"]).reshape(2, 7, 2, 4).transpose(0, 2, 1, 3)

    q, k, v = turned(heads("query"), np.arange(7.0)), turned(heads("key"), np.arange(7.0)), heads("value")
    y = np.zeros((2, 2, 7, 4))
    for b in range(2):
        for t in range(7):
            end = t + 1 if causal else min(t + context, 7 if lengths is None else lengths[b])
            sees = slice(max(0, t - context + 1), end)
            weights = np.exp(np.einsum("hf,hkf->hk", q[b, :, t], k[b, :, sees]) / 2)
            y[b, :, t] = np.einsum("hk,hkf->hf", weights / weights.sum(axis=1, keepdims=True), v[b, :, sees])
    expected = y.transpose(0, 2, 1, 3).reshape(2, 7, 8) @ params["out"]["kernel"] + params["out"]["bias"]
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def test_a_text_longer_than_the_context_goes_on_step_by_step():
    layer = Attention(2, 3, True, LecunNormal())
    variables = layer.init(jax.random.key(1), X, False)

    def step(cache, x):
        y, new = layer.apply({**variables, "cache": cache}, x[:, None], False, None, True, mutable=["cache"])
        return new["cache"], y[:, 0]

    _, first = jax.eval_shape(lambda: layer.apply(variables, X[:, :1], False, None, True, mutable=["cache"]))
    empty = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), first["cache"])
    cache, found = jax.lax.scan(step, empty, jnp.moveaxis(X, 1, 0))
    np.testing.assert_allclose(jnp.moveaxis(found, 0, 1), layer.apply(variables, X, False), rtol=1e-4, atol=1e-5)
    assert cache["past_key"].shape == cache["past_value"].shape == (2, 2, 8) and int(cache["steps"]) == 2


def test_doubles_stay_doubles():
    draw = np.random.default_rng(0)
    query, key, value = draw.normal(size=(3, 2, 5, 2, 4))
    mask = np.tril(np.ones((5, 5), bool))[None, None]
    with jax.enable_x64(True):
        found = np.asarray(attend(*map(jnp.asarray, (query, key, value)), jnp.asarray(mask)))
    scores = np.where(mask, np.einsum("bqhf,bkhf->bhqk", query, key) / 2, -np.inf)
    shares = np.exp(scores) / np.exp(scores).sum(axis=-1, keepdims=True)
    assert found.dtype == np.float64
    np.testing.assert_allclose(found, np.einsum("bhqk,bkhf->bqhf", shares, value), rtol=1e-13)
    single = attend(*(jnp.asarray(a, jnp.float32) for a in (query, key, value)), jnp.asarray(mask))
    np.testing.assert_allclose(single, found, rtol=1e-4, atol=1e-6)
