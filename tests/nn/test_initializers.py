"""Initial variances, rows T010 to T013."""

import math

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxtricks as jt
from jaxtricks.config import choices, stack
from jaxtricks.nn.initializers import fans

DENSE = (400, 100)
CONVOLUTION = (3, 3, 16, 64)
KEY = jax.random.key(0)

VARIANCE = {
    "normal": lambda n, m: 1.0,
    "lecun_normal": lambda n, m: 1 / n,
    "glorot_normal": lambda n, m: 2 / (n + m),
    "glorot_uniform": lambda n, m: 2 / (n + m),
    "he_normal": lambda n, m: 2 / n,
    "he_uniform": lambda n, m: 2 / n,
}


def draw(init, shape, key=KEY):
    return np.asarray(init(key, shape, jnp.float32))


def test_fans():
    assert fans((5, 7)) == (5, 7)
    assert fans((3, 3, 16, 64)) == (9 * 16, 9 * 64)
    assert fans((4, 2, 6)) == (8, 24)
    # As Flax counts them, whose variance scaling is independent of ours.
    for shape in (DENSE, CONVOLUTION):
        flax = nn.initializers.variance_scaling(1.0, "fan_in", "normal")(KEY, shape)
        np.testing.assert_allclose(flax, draw(jt.LecunNormal(), shape), rtol=1e-6)
        flax = nn.initializers.variance_scaling(1.0, "fan_avg", "normal")(KEY, shape)
        np.testing.assert_allclose(flax, draw(jt.GlorotNormal(), shape), rtol=1e-6)


@pytest.mark.parametrize("shape", [DENSE, CONVOLUTION], ids=str)
@pytest.mark.parametrize("name", choices(jt.Initializer))
def test_mean_is_zero_and_variance_is_the_formula_s(name, shape):
    field = math.prod(shape[:-2])
    expected = VARIANCE[name](field * shape[-2], field * shape[-1])
    w = draw(choices(jt.Initializer)[name](), shape)
    assert w.shape == shape and w.dtype == np.float32
    # Five standard errors: √(2/n) of a normal's variance, less for a uniform's.
    assert w.var() == pytest.approx(expected, rel=5 * math.sqrt(2 / w.size))
    assert abs(w.mean()) < 5 * math.sqrt(expected / w.size)


@pytest.mark.parametrize("name", choices(jt.Initializer))
def test_uniform_is_uniform_and_normal_is_normal(name):
    n, m = DENSE
    w = np.abs(draw(choices(jt.Initializer)[name](), DENSE)) / math.sqrt(VARIANCE[name](n, m))
    if name.endswith("uniform"):  # |w| is uniform up to √3 standard deviations
        np.testing.assert_allclose(np.quantile(w, [0.25, 0.5, 0.75, 1]), math.sqrt(3) * np.array([0.25, 0.5, 0.75, 1]), rtol=0.02)
        assert w.max() <= math.sqrt(3) * (1 + 1e-6)
    else:
        np.testing.assert_allclose(np.quantile(w, [0.25, 0.5, 0.75, 0.99]), [0.3186, 0.6745, 1.1503, 2.5758], rtol=0.03)
        assert w.max() > 3.5  # not cut off


def test_the_scale_is_traced():
    rules = [jt.Normal(scale=s) for s in (0.01, 1.0, 10.0)]
    unit = draw(jt.Normal(), DENSE)
    together = jax.jit(jax.vmap(lambda init: init(KEY, DENSE, jnp.float32)))(stack(rules))
    np.testing.assert_allclose(together, unit * np.float32([0.01, 1, 10]).reshape(3, 1, 1), rtol=1e-6)


@pytest.mark.parametrize(
    ("name", "activation", "kept"),
    [
        ("lecun_normal", lambda z: z, True),
        ("he_normal", lambda z: np.maximum(z, 0), True),
        ("he_uniform", lambda z: np.maximum(z, 0), True),
        ("lecun_normal", lambda z: np.maximum(z, 0), False),
        ("glorot_normal", lambda z: np.maximum(z, 0), False),
    ],
)
def test_he_keeps_the_signal_through_relu_and_lecun_through_a_linear_net(name, activation, kept):
    x = np.random.default_rng(0).normal(size=(200, 400))
    layers = 6
    signal = x
    for i in range(layers):
        signal = activation(signal) @ draw(choices(jt.Initializer)[name](), (400, 400), jax.random.key(i))
    ratio = np.mean(signal**2) / np.mean(x**2)
    expected = 1.0 if kept else 0.5**layers
    assert ratio == pytest.approx(expected, rel=0.25)
