"""The Transformer: the plain formula with each place of the norm, its reach, and what each field does."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxtricks as jt
from jaxtricks.config import rebuild
from jaxtricks.models import sequence
from jaxtricks.models.transformer import Transformer
from jaxtricks.nn.attention import Attention
from tests.models import networks

X = jax.random.normal(jax.random.key(0), (2, 6, 3))
BASE = Transformer(layers=1, width=8, heads=2, hidden=9, outputs=3, read="every")


def shapes(model, x=X):
    return networks.shapes(model, x)


def run(model, x=X):
    return networks.trained(model, x)


@pytest.mark.parametrize("norm", ["pre", "post", "none"])
def test_it_is_the_plain_formula(norm):
    params, logits, _ = run(rebuild(BASE, norm=norm))
    block = params["block_0"]

    def linear(x, kernel_and_bias):
        return x @ kernel_and_bias["kernel"] + kernel_and_bias["bias"].reshape(1, 1, -1)

    def normalized(x, name, scope=block):
        mean, std = x.mean(axis=-1, keepdims=True), jnp.sqrt(x.var(axis=-1, keepdims=True) + 1e-6)
        return (x - mean) / std * scope[name]["scale"].reshape(1, 1, -1) + scope[name]["bias"].reshape(1, 1, -1)

    def attention(x):
        return Attention(2, 256, True, BASE.kernel_init).apply({"params": block["attention"]}, x, False)

    def feed_forward(x):
        gate, value = jnp.split(linear(x, block["up"]), 2, axis=-1)
        return linear(jax.nn.gelu(gate, approximate=False) * value, block["down"])

    x = linear(X, params["widen"])
    for name, f in (("attention_norm", attention), ("feed_forward_norm", feed_forward)):
        y = x + f(normalized(x, name) if norm == "pre" else x)
        x = normalized(y, name) if norm == "post" else y
    if norm == "pre":
        x = normalized(x, "norm", params)
    np.testing.assert_allclose(logits, linear(x, params["head"]), rtol=1e-4, atol=1e-5)


def test_parameters():
    attention = {f"attention/{name}": (8, 8) for name in ("query", "key", "value", "out")}
    linear = attention | {"up": (8, 10), "down": (5, 8)}  # 9 units of one piece cost as much as 5 of two
    block = {f"{name}/kernel": shape for name, shape in linear.items()}
    block |= {f"{name}/bias": shape[1:] for name, shape in linear.items()}
    block |= {f"{name}_norm/{part}": (8,) for name in ("attention", "feed_forward") for part in ("scale", "bias")}
    ends = {"embed/embedding": (7, 8), "norm/scale": (8,), "norm/bias": (8,), "head/kernel": (8, 3), "head/bias": (3,)}
    found = shapes(rebuild(BASE, layers=2, vocabulary=7), jnp.zeros((2, 6), jnp.int32))
    assert found == ends | {f"block_{i}/{path}": shape for i in (0, 1) for path, shape in block.items()}
    assert not any("norm" in path for path in shapes(rebuild(BASE, norm="none")))
    assert "norm/scale" not in shapes(rebuild(BASE, norm="post"))


@pytest.mark.parametrize(("causal", "layers"), [(True, 1), (True, 2), (False, 1)])
def test_a_step_sees_as_far_as_the_context_in_each_block(causal, layers):
    model = rebuild(BASE, context=3, layers=layers, causal=causal)
    x = jax.random.normal(jax.random.key(1), (1, 11, 3))

    @jax.jit
    def gradient():
        variables = model.init(jax.random.key(0), x, train=False)
        return jax.grad(lambda x: jnp.sum(jnp.sin(model.apply(variables, x, train=False)[0, 6])))(x)

    reached = np.nonzero(np.abs(gradient()[0]).sum(axis=1))[0].tolist()
    assert reached == list(range(6 - 2 * layers, (6 if causal else 8) + 1))


@pytest.mark.parametrize("activation", ["geglu", "swiglu", "maxout"])
def test_units_of_several_pieces_cost_no_more_parameters(activation):
    def count(activation):
        return sum(np.prod(shape) for shape in shapes(rebuild(BASE, hidden=64, activation=activation)).values())

    assert 0.98 * count("gelu") < count(activation) <= count("gelu")


TRICKS = {
    "drop connect": {"drop_connect": 0.5, "activation": "relu"},
    "heads": {"heads": 1},
    "no positions": {"positions": "none"},
    "learnt positions": {"positions": "learnt", "context": 6},
    "all": {"dropout": 0.5, "input_dropout": 0.2, "kernel_init": "he_normal", "context": 2, "norm": "post", "layers": 2},
}


@pytest.fixture(scope="module")
def off():
    return run(BASE)


@pytest.mark.parametrize("name", TRICKS)
def test_every_trick_changes_the_function_and_all_parameters_learn(name, off):
    _, changed, gradient = run(rebuild(BASE, **TRICKS[name]))
    assert changed.shape == off[1].shape == (2, 6, 3) and np.all(np.isfinite(changed))
    assert not np.allclose(changed, off[1], rtol=1e-3)
    assert all(np.abs(leaf).max() > 1e-8 for leaf in gradient.values())


def test_dropout_of_rate_zero_is_off(off):
    neutral = run(rebuild(BASE, dropout=0.0, input_dropout=0.0, drop_connect=0.0))[1]
    np.testing.assert_allclose(neutral, off[1], rtol=2e-6, atol=2e-6)


def test_remat_recomputes_and_changes_nothing():
    model = rebuild(BASE, dropout=0.5)
    (_, logits, gradient), (_, others, theirs) = run(model), run(rebuild(model, remat=True))
    np.testing.assert_allclose(logits, others, rtol=1e-5, atol=1e-6)
    for path in gradient:
        np.testing.assert_allclose(gradient[path], theirs[path], rtol=1e-4, atol=1e-6)


def test_widths_that_do_not_fit_and_decoding_both_ways_are_refused():
    with pytest.raises(jt.ConfigError, match=r"^Transformer.width = 10 is not a multiple of 2 · heads = 4\."):
        shapes(rebuild(BASE, width=10))
    with pytest.raises(jt.ConfigError, match=r"^Transformer.width = 9 is not a multiple of heads = 2\."):
        shapes(rebuild(BASE, width=9, positions="none"))
    assert shapes(rebuild(BASE, width=10, positions="none"))
    with pytest.raises(
        jt.ConfigError, match=r"^Transformer.causal = False sees steps to come and cannot decode; set it to True\."
    ):
        rebuild(BASE, causal=False).apply({"params": {}}, X, train=False, decode=True, mutable=["cache"])


def test_learnt_positions_are_added_to_the_vectors_of_steps():
    model = rebuild(BASE, positions="learnt", context=6)
    params, logits, gradient = run(model)
    table = params["positions"]["table"]
    assert table.shape == (6, 8)
    # A linear map of features with a bias for each step is the same as a map without, of what the table gives.
    moved = X @ params["widen"]["kernel"] + params["widen"]["bias"][None, None] + table[None]
    plain = rebuild(model, positions="none", width=8)
    rest = {name: tree for name, tree in params.items() if name != "positions"}
    rest["widen"] = {"kernel": jnp.eye(8), "bias": jnp.zeros(8)}
    np.testing.assert_allclose(plain.apply({"params": rest}, moved, train=False), logits, rtol=1e-5, atol=1e-6)
    assert np.all(np.abs(gradient["positions/table"]).max(axis=1) > 1e-8)


def test_without_positions_a_step_sees_a_set():
    def last(positions):
        model = rebuild(BASE, positions=positions, read="last")
        variables = model.init(jax.random.key(0), X, train=False)
        swapped = X[:, jnp.array([3, 1, 0, 4, 2, 5])]
        return [np.asarray(model.apply(variables, x, train=False)) for x in (X, swapped)]

    np.testing.assert_allclose(*last("none"), rtol=1e-5, atol=1e-6)
    assert all(not np.allclose(*last(positions), rtol=1e-2) for positions in ("rotary", "learnt"))


def test_more_steps_than_learnt_positions_are_refused_and_decoding_past_them_shows():
    model = rebuild(BASE, positions="learnt", context=4)
    with pytest.raises(jt.ConfigError, match=r"^positions = 'learnt' are for context = 4 steps, and there are 6 in a sequence;"):
        shapes(model)
    variables = model.init(jax.random.key(0), X[:, :4], train=False)
    empty = sequence.empty_cache(model, variables, X)

    def decode(cache, x):
        return model.apply({**variables, "cache": cache}, x, train=False, decode=True, mutable=["cache"])

    inside, new = decode(empty, X[:, :4])
    outside, _ = decode(new["cache"], X[:, 4:5])
    assert np.all(np.isfinite(inside)) and np.all(np.isnan(outside))
