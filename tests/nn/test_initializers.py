"""Initial variances, rows T010 to T013."""

import math

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax.traverse_util import flatten_dict

import jaxtricks as jt
from jaxtricks.config import choices, stack
from jaxtricks.nn.initializers import LSUV, Orthogonal, RandomSign, TorchDefault, Uniform, fans

DENSE = (400, 100)
CONVOLUTION = (3, 3, 16, 64)
KEY = jax.random.key(0)

VARIANCE = {
    "normal": lambda n, m: 1.0,
    "uniform": lambda n, m: 0.01 / 3,  # U(-0.1, 0.1)
    "lecun_normal": lambda n, m: 1 / n,
    "glorot_normal": lambda n, m: 2 / (n + m),
    "glorot_uniform": lambda n, m: 2 / (n + m),
    "he_normal": lambda n, m: 2 / n,
    "he_uniform": lambda n, m: 2 / n,
    "torch_default": lambda n, m: 1 / (3 * n),
    "random_sign": lambda n, m: 2 / n,
    "orthogonal": lambda n, m: 1 / max(n, m),
    "lsuv": lambda n, m: 1 / max(n, m),  # before it has seen a batch
}
UNIFORM = {"uniform", "glorot_uniform", "he_uniform", "torch_default"}


def draw(init, shape, key=KEY):
    return np.asarray(init(key, shape, jnp.float32))


def test_fans():
    assert fans((5, 7)) == (5, 7)
    assert fans((3, 3, 16, 64)) == (9 * 16, 9 * 64)
    assert fans((4, 2, 6)) == (8, 24)
    # As Flax counts them, whose variance scaling is independent of ours.
    for shape in (DENSE, CONVOLUTION):
        flax = nn.initializers.variance_scaling(1.0, "fan_in", "normal")(KEY, shape)
        np.testing.assert_allclose(flax, draw(jt.nn.LecunNormal(), shape), rtol=1e-6)
        flax = nn.initializers.variance_scaling(1.0, "fan_avg", "normal")(KEY, shape)
        np.testing.assert_allclose(flax, draw(jt.nn.GlorotNormal(), shape), rtol=1e-6)


@pytest.mark.parametrize("shape", [DENSE, CONVOLUTION], ids=str)
@pytest.mark.parametrize("name", choices(jt.nn.Initializer))
def test_mean_is_zero_and_variance_is_the_formula_s(name, shape):
    field = math.prod(shape[:-2])
    outputs = shape[-1] if name in ("orthogonal", "lsuv") else field * shape[-1]  # of one place, as its matrix has them
    expected = VARIANCE[name](field * shape[-2], outputs)
    w = draw(choices(jt.nn.Initializer)[name](), shape)
    assert w.shape == shape and w.dtype == np.float32
    # Five standard errors: √(2/n) of a normal's variance, less for a uniform's.
    assert w.var() == pytest.approx(expected, rel=5 * math.sqrt(2 / w.size))
    assert abs(w.mean()) < 5 * math.sqrt(expected / w.size)


@pytest.mark.parametrize("name", [name for name in choices(jt.nn.Initializer) if name != "random_sign"])
def test_uniform_is_uniform_and_normal_is_normal(name):
    n, m = DENSE
    w = np.abs(draw(choices(jt.nn.Initializer)[name](), DENSE)) / math.sqrt(VARIANCE[name](n, m))
    if name in UNIFORM:  # |w| is uniform up to √3 standard deviations
        np.testing.assert_allclose(np.quantile(w, [0.25, 0.5, 0.75, 1]), math.sqrt(3) * np.array([0.25, 0.5, 0.75, 1]), rtol=0.02)
        assert w.max() <= math.sqrt(3) * (1 + 1e-6)
    else:
        np.testing.assert_allclose(np.quantile(w, [0.25, 0.5, 0.75, 0.99]), [0.3186, 0.6745, 1.1503, 2.5758], rtol=0.03)
        assert w.max() > 3.5  # not cut off


@pytest.mark.parametrize("rule", [jt.nn.Normal, Uniform])
def test_the_scale_is_traced(rule):
    rules = [rule(scale=s) for s in (0.01, 1.0, 10.0)]
    unit = draw(rule(scale=1.0), DENSE)
    together = jax.jit(jax.vmap(lambda init: init(KEY, DENSE, jnp.float32)))(stack(rules))
    np.testing.assert_allclose(together, unit * np.float32([0.01, 1, 10]).reshape(3, 1, 1), rtol=1e-6)


@pytest.mark.parametrize(
    ("name", "activation", "kept"),
    [
        ("lecun_normal", lambda z: z, True),
        ("he_normal", lambda z: np.maximum(z, 0), True),
        ("he_uniform", lambda z: np.maximum(z, 0), True),
        ("random_sign", lambda z: np.maximum(z, 0), True),
        ("lecun_normal", lambda z: np.maximum(z, 0), False),
        ("glorot_normal", lambda z: np.maximum(z, 0), False),
    ],
)
def test_he_keeps_the_signal_through_relu_and_lecun_through_a_linear_net(name, activation, kept):
    x = np.random.default_rng(0).normal(size=(200, 400))
    layers = 6
    signal = x
    for i in range(layers):
        signal = activation(signal) @ draw(choices(jt.nn.Initializer)[name](), (400, 400), jax.random.key(i))
    ratio = np.mean(signal**2) / np.mean(x**2)
    expected = 1.0 if kept else 0.5**layers
    assert ratio == pytest.approx(expected, rel=0.25)


def test_torch_s_default_loses_two_thirds_of_the_signal_in_each_linear_layer_and_draws_its_bias_too():
    for shape in (DENSE, CONVOLUTION):
        kernel, bias = draw(TorchDefault(), shape), np.asarray(TorchDefault().bias(jax.random.key(1), shape, jnp.float32))
        bound = 1 / math.sqrt(math.prod(shape[:-1]))
        assert bias.shape == shape[-1:]
        for values in (kernel, bias):
            assert 0.9 * bound < np.abs(values).max() <= bound
    x = np.random.default_rng(0).normal(size=(200, 400))
    y = x @ draw(TorchDefault(), (400, 400))
    assert y.var() / x.var() == pytest.approx(1 / 3, rel=0.02)


def test_only_torch_s_default_and_uniform_draw_biases():
    for name, init in choices(jt.nn.Initializer).items():
        assert bool(np.any(init().bias(KEY, DENSE, jnp.float32))) == (name in ("torch_default", "uniform"))


def test_uniform_draws_all_parameters_from_one_interval():
    bias = np.asarray(Uniform(scale=0.3).bias(KEY, DENSE, jnp.float32))
    assert bias.shape == DENSE[1:] and 0.27 < np.abs(bias).max() <= 0.3 and np.any(bias < 0) and np.any(bias > 0)


def test_random_signs_are_one_number_with_fair_coins():
    w = draw(RandomSign(), DENSE)
    np.testing.assert_allclose(np.abs(w), math.sqrt(2 / 400), rtol=1e-6)
    assert abs(np.mean(np.sign(w))) < 5 / math.sqrt(w.size)


@pytest.mark.parametrize("shape", [(30, 30), (40, 10), (10, 40), (3, 3, 4, 8), (2, 2, 3, 20)], ids=str)
def test_orthogonal_keeps_lengths_of_what_it_can(shape):
    w = draw(Orthogonal(gain=1.5), shape).reshape(-1, shape[-1]).astype(np.float64)
    small = w.T @ w if w.shape[0] >= w.shape[1] else w @ w.T
    np.testing.assert_allclose(small, 1.5**2 * np.eye(min(w.shape)), atol=1e-5)
    np.testing.assert_allclose(w / 1.5, draw(Orthogonal(), shape).reshape(w.shape), rtol=1e-5, atol=1e-7)


def test_the_gain_is_traced():
    unit = draw(Orthogonal(), DENSE)
    rules = [Orthogonal(gain=g) for g in (0.5, 1.0, 2.0)]
    together = jax.jit(jax.vmap(lambda init: init(KEY, DENSE, jnp.float32)))(stack(rules))
    np.testing.assert_allclose(together, unit * np.float32([0.5, 1, 2]).reshape(3, 1, 1), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", ["orthogonal", "lsuv"])
def test_orthogonal_kernels_in_half_precision(name):
    assert choices(jt.nn.Initializer)[name]()(KEY, (6, 4), jnp.bfloat16).dtype == jnp.bfloat16


@pytest.mark.parametrize("activation", ["relu", "tanh", "elu"])
def test_lsuv_gives_every_layer_of_a_deep_net_variance_1_on_the_first_batch(activation):
    x = 7 * jax.random.normal(KEY, (40, 20)) + 3
    model = jt.MLP(widths=tuple(range(16, 26)), outputs=5, activation=activation, kernel_init=LSUV())

    @jax.jit
    def outputs(x):
        variables = model.init({"params": KEY}, x, train=False)
        _, changed = model.apply(variables, x, train=False, mutable=["intermediates"], capture_intermediates=True)
        return changed["intermediates"]

    layers = {p: v[0] for p, v in flatten_dict(outputs(x), sep="/").items() if p.endswith(("dense/__call__", "head/__call__"))}
    assert len(layers) == 11
    np.testing.assert_allclose([np.var(y) for y in layers.values()], 1, rtol=1e-4)


def test_lsuv_only_scales_an_orthogonal_kernel_and_leaves_a_dead_layer_alone():
    kernel = LSUV()(KEY, (20, 10), jnp.float32)
    settled = LSUV().settle(kernel, lambda kernel: jnp.full((4, 20), 3.0) @ kernel)
    np.testing.assert_allclose(settled / kernel, (settled / kernel)[0, 0], rtol=1e-5)
    np.testing.assert_array_equal(LSUV().settle(kernel, lambda kernel: jnp.zeros((4, 20)) @ kernel), kernel)


def test_lsuv_sees_the_engine_s_first_batch():
    x = np.random.default_rng(0).normal(size=(60, 5)) * 50
    data = jt.Dataset.from_arrays(x, np.repeat(np.arange(3), 20), name="loud")
    base = jt.Experiment(model=jt.MLP(widths=(8,), kernel_init="lsuv"), inputs="raw", batch_size=16, epochs=1)
    calm = base.replace({"optimizer.rule.learning_rate": 1e-9})
    kernel = jt.fit(calm, data, seeds=1, progress=False).variables["params"]["hidden_0"]["dense"]["kernel"][0]
    assert np.var(x @ kernel) == pytest.approx(1, rel=0.3)  # the batch is a sample of all examples
