"""The file for NumPy knows every operation that it is given, and computes what JAX does."""

import ast
import sys
from pathlib import Path

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

import jaxtricks as jt
from jaxtricks.publish import predict
from jaxtricks.publish.affine import folded
from jaxtricks.publish.arrays import written
from jaxtricks.publish.program import READ, program_of

DRAW = np.random.default_rng(0)
W = DRAW.normal(size=(4, 3)).astype(np.float32)
KERNEL = DRAW.normal(size=(3, 2, 2, 6)).astype(np.float32)
IMAGES, ROWS = (6, 5, 4), (4,)


def of_one(function):
    return lambda w, x: function(x)


def of_two(function):
    return lambda w, x: function(x, 2 * jnp.flip(x, 1) - 0.5)


def positive(function):
    return lambda w, x: function(jnp.abs(x) + 0.5)


def of_integers(function):
    return lambda w, x: function(jnp.asarray(10 * x, jnp.int32), 3)


def places(x):
    """Some that are inside, and some that are not."""
    return jnp.asarray(9 * x[..., 0], jnp.int32)


def pooled(reducer, empty):
    return lambda w, x: lax.reduce_window(x, empty, reducer, (1, 2, 3, 1), (1, 2, 1, 1), ((0, 0), (1, 0), (0, 1), (0, 0)))


def convolved(w, x):
    how = {"feature_group_count": 2, "rhs_dilation": (2, 1), "dimension_numbers": ("NHWC", "HWIO", "NHWC")}
    return lax.conv_general_dilated(x, KERNEL, (1, 2), ((2, 1), (0, 1)), **how)


def looped(w, x):
    def turn(carry, row):
        return jnp.tanh(carry + row @ W), carry

    return jnp.concatenate([lax.scan(turn, jnp.zeros((len(x), 3)), x.swapaxes(0, 1), reverse=True)[1][0], x[:, 0, :3]], axis=-1)


UNARY = ("exp", "exp2", "log1p", "expm1", "tanh", "sin", "cos", "tan", "cbrt", "abs", "sign", "floor", "ceil", "square")
CASES = {name: (of_one(getattr(lax, name)), ROWS) for name in (*UNARY, "neg", "erf", "erfc", "logistic")}
CASES |= {name: (positive(getattr(lax, name)), ROWS) for name in ("log", "sqrt", "rsqrt", "log1p")}
CASES |= {
    name: (of_two(getattr(lax, name)), ROWS)
    for name in ("add", "sub", "mul", "max", "min", "div", "rem", "eq", "ne", "lt", "le", "gt", "ge")
}
CASES |= {
    "is_finite": (lambda w, x: lax.is_finite(x / (x > 0)), ROWS),
    "pow": (positive(lambda x: x**2.5), ROWS),
    "integer_pow": (lambda w, x: x**3, ROWS),
    "and": (lambda w, x: (x > 0) & (x < 1), ROWS),
    "or": (lambda w, x: (x > 0) | (x < -1), ROWS),
    "xor": (lambda w, x: (x > 0) ^ (x < 1), ROWS),
    "not": (lambda w, x: ~(x > 0), ROWS),
    "div of integers": (of_integers(lax.div), ROWS),
    "clamp": (lambda w, x: lax.clamp(-0.5, x, 0.5), ROWS),
    "select_n": (lambda w, x: jnp.where(x > 0, x, 0.1 * x), ROWS),
    "select_n of three": (lambda w, x: lax.select_n(jnp.asarray(x > 0, jnp.int32) + (x > 1), x, 2 * x, 3 * x), ROWS),
    "convert_element_type": (lambda w, x: (3 * x).astype(jnp.int32), ROWS),
    "reshape": (lambda w, x: x.reshape(-1, 2), ROWS),
    "transpose": (lambda w, x: x.transpose(0, 3, 1, 2), IMAGES),
    "broadcast_in_dim": (lambda w, x: x[:, None, :] + jnp.zeros((len(x), 2, 4)), ROWS),
    "squeeze": (lambda w, x: jnp.squeeze(x[:, 1:2], 1), ROWS),
    "rev": (lambda w, x: lax.rev(x, (1, 2)), IMAGES),
    "concatenate": (lambda w, x: jnp.concatenate([x, x[:, :2], jnp.ones((len(x), 1))], axis=1), ROWS),
    "pad": (lambda w, x: lax.pad(x, 2.0, ((0, 0, 0), (1, -1, 0), (-1, 2, 1), (0, 0, 0))), IMAGES),
    "split": (lambda w, x: jnp.concatenate(jnp.split(x, 2, axis=-1)[::-1]), ROWS),
    "stack": (lambda w, x: jnp.stack([x, -x], axis=1), ROWS),
    "unstack": (lambda w, x: sum(jnp.unstack(x, axis=1)[1:]), ROWS),
    "tile": (lambda w, x: lax.tile(x, (2, 3)), ROWS),
    "slice": (lambda w, x: lax.slice(x, (0, 1), (len(x), 4), (1, 2)), ROWS),
    "dynamic_slice": (lambda w, x: lax.dynamic_slice(x, (0, jnp.int32(x[0, 0] * 0 + 3)), (len(x), 2)), ROWS),
    "iota": (lambda w, x: x + lax.broadcasted_iota(jnp.float32, x.shape, 0), ROWS),
    "argmax": (lambda w, x: x.argmax(axis=1), ROWS),
    "cumsum": (lambda w, x: lax.cumsum(x, 1) + lax.cumsum(x, 1, reverse=True), ROWS),
    "reduce_sum": (lambda w, x: x.sum(axis=(1, 3)), IMAGES),
    "reduce_prod": (lambda w, x: x.prod(axis=1), ROWS),
    "reduce_max": (lambda w, x: x.max(axis=(1, 2)), IMAGES),
    "reduce_min": (lambda w, x: x.min(axis=1), ROWS),
    "reduce_and": (lambda w, x: (x > -1).all(axis=1), ROWS),
    "reduce_or": (lambda w, x: (x > 1).any(axis=1), ROWS),
    "reduce_window_max": (pooled(lax.max, -jnp.inf), IMAGES),
    "reduce_window_sum": (pooled(lax.add, 0.0), IMAGES),
    "dot_general": (lambda w, x: jnp.einsum("nij,njk->nik", x.reshape(len(x), 2, 2), x.reshape(len(x), 2, 2)), ROWS),
    "dot_general with weights": (lambda w, x: jnp.einsum("oi,ni->no", W.T, x), ROWS),
    "conv_general_dilated": (convolved, IMAGES),
    "gather": (lambda w, x: jnp.take_along_axis(x, x.argmax(axis=1)[:, None], axis=1) + w[x.argmax(axis=1)], ROWS),
    "gather of columns": (lambda w, x: x[:, np.array([2, 0])] @ w[:2], ROWS),
    "gather that fills": (lambda w, x: jnp.take(w, places(x), axis=0, mode="fill"), ROWS),
    "gather that fills with a number": (lambda w, x: jnp.take(w, places(x), axis=0, mode="fill", fill_value=1.5), ROWS),
    "gather that clips": (lambda w, x: jnp.take(w, places(x), axis=0, mode="clip"), ROWS),
    "gather of whole numbers": (lambda w, x: jnp.take(jnp.asarray(9 * x, jnp.int32), places(x[:2]), axis=1, mode="fill"), ROWS),
    "gather of bools": (lambda w, x: jnp.take(x > 0, places(x[:2]), axis=1, mode="fill"), ROWS),
    "scan": (looped, (5, 4)),
}


def run(function, shape, x):
    program = program_of(function, W, lambda n: [jax.ShapeDtypeStruct((n, *shape), np.float32)], "it")
    made = written([folded(program)])
    model = predict.NumpyModel.__new__(predict.NumpyModel)
    model.arrays = made.arrays
    with np.errstate(all="ignore"):
        return program, model._run(made.json, [x], 0, len(x))[0]


@pytest.mark.parametrize("name", CASES)
def test_an_operation_is_that_of_jax(name):
    function, shape = CASES[name]
    x = DRAW.normal(size=(9, *shape)).astype(np.float32)
    program, found = run(function, shape, x)
    wanted = np.asarray(function(jnp.asarray(W), jnp.asarray(x)))
    assert found.dtype == wanted.dtype and name.split()[0] in {step.name for step in program.steps}
    np.testing.assert_allclose(found, wanted, rtol=2e-6, atol=2e-6)


def test_every_operation_that_may_be_written_is_known_and_tried():
    assert set(READ) == set(predict.OPS) == {name.split()[0] for name in CASES}


def test_the_file_is_short_and_imports_nothing_but_numpy():
    text = Path(predict.__file__).read_text(encoding="utf-8")
    nodes = list(ast.walk(ast.parse(text)))
    imported = {alias.name.split(".")[0] for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    imported |= {node.module.split(".")[0] for node in nodes if isinstance(node, ast.ImportFrom)}
    assert len(text.splitlines()) <= 200
    assert imported - {"numpy"} <= sys.stdlib_module_names and "numpy" in imported


@pytest.mark.parametrize(
    ("function", "says"),
    [
        (lambda w, x: jnp.sort(x, axis=1), "it computes 'sort', which the file for NumPy does not; numpy=False"),
        (lambda w, x: x * len(x), "it has a number in it that depends on the number of examples"),
        (lambda w, x: sum(x[i] for i in range(len(x))), "it has other operations for other numbers of examples"),
        (lambda w, x: x.astype(jnp.bfloat16), "it computes in bfloat16, which NumPy does not know"),
        (
            lambda w, x: lax.conv_transpose(x[..., None], jnp.ones((2, 1, 1)), (2,), "SAME"),
            "it computes 'conv_general_dilated' with lhs_dilation = (2,)",
        ),
    ],
)  # fmt: skip
def test_what_numpy_cannot_do_is_refused_by_name(function, says):
    with pytest.raises(jt.ConfigError) as refused:
        run(function, ROWS, None)
    assert says in str(refused.value)


def test_factors_and_shifts_after_weights_are_folded_into_them():
    def layer(w, x):
        y = (x @ w + 1.0).reshape(-1, 3)
        return jnp.tanh((y - jnp.arange(3.0)[None]) * (2.0 + jnp.arange(3.0))[None] + 5.0)

    x = DRAW.normal(size=(9, 4)).astype(np.float32)
    program, found = run(layer, ROWS, x)
    assert [step.name for step in folded(program).steps if step.name != "reshape"] == ["dot_general", "add", "tanh"]
    np.testing.assert_allclose(found, layer(W, x), rtol=2e-6, atol=2e-6)


def test_what_is_read_twice_is_not_folded():
    def layer(w, x):
        y = x @ w
        return y * jnp.arange(3.0)[None] + y

    x = DRAW.normal(size=(9, 4)).astype(np.float32)
    program, found = run(layer, ROWS, x)
    assert [step.name for step in folded(program).steps] == ["dot_general", "mul", "add"]
    np.testing.assert_allclose(found, layer(W, x), rtol=2e-6, atol=2e-6)


def test_members_share_what_is_equal():
    programs = [
        program_of(lambda w, x: (x - 1.5) @ w, member * W, lambda n: [jax.ShapeDtypeStruct((n, 4), np.float32)], "it")
        for member in (1, 2)
    ]
    arrays = written(programs).arrays
    assert sorted((name[0], array.shape) for name, array in arrays.items()) == [("m", (2, 4, 3)), ("s", ())]


def test_a_network_of_another_library_is_operations_too():
    network = eqx.nn.Sequential([eqx.nn.Linear(4, 6, key=jax.random.key(0)), eqx.nn.LayerNorm(6), eqx.nn.Lambda(jax.nn.gelu)])
    weights, rest = eqx.partition(network, eqx.is_array)

    def function(w, x):
        jax.random.split(jax.random.key(1))  # of masks that no evaluation draws
        return jax.vmap(eqx.combine(w, rest))(x)

    x = DRAW.normal(size=(9, 4)).astype(np.float32)
    program = program_of(function, weights, lambda n: [jax.ShapeDtypeStruct((n, 4), np.float32)], "it")
    made, model = written([program]), predict.NumpyModel.__new__(predict.NumpyModel)
    model.arrays = made.arrays
    np.testing.assert_allclose(model._run(made.json, [x], 0, len(x))[0], function(weights, x), rtol=2e-6, atol=2e-6)
