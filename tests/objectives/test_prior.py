"""Priors of the weights, row T053."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

import jaxtricks as jt
from jaxtricks.config import choices, stack
from jaxtricks.nn.kernels import sum_over_kernels
from jaxtricks.objectives.prior import ElasticNet, Gaussian, Laplace, Prior

PARAMS = {
    "a": {"kernel": jnp.arange(-3.0, 3.0).reshape(2, 3), "bias": jnp.full(3, 100.0)},
    "norm": {"scale": jnp.full(3, 100.0)},
    "convolution": jnp.full((1, 1, 2, 2), 0.5),
}
W = np.concatenate([np.arange(-3.0, 3.0), np.full(4, 0.5)])
LOGITS, TARGETS = jax.random.normal(jax.random.key(0), (6, 4)), jnp.eye(4)[jnp.array([0, 1, 2, 3, 0, 1])]
strengths = st.floats(0.1, 10)


@jax.jit
def slopes(objective, examples):
    return jax.grad(lambda params: objective(LOGITS, TARGETS, params, examples))(PARAMS)


def gradient(examples, **settings):
    return slopes(jt.Objective(**settings), examples)


def same(a, b):
    for x, y in zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True):
        np.testing.assert_allclose(x, y, rtol=1e-5, atol=1e-12)


def test_kernels_have_two_axes_or_more():
    assert sum_over_kernels(jnp.size, PARAMS) == 2 * 3 + 2 * 2


@settings(max_examples=30, deadline=None)
@given(strengths, strengths)
def test_energies_are_minus_the_log_densities_less_those_at_zero(a, b):
    for prior, density in [(Gaussian(std=a), stats.norm(0, a)), (Laplace(scale=b), stats.laplace(0, b))]:
        expected = np.sum(density.logpdf(0) - density.logpdf(W))
        assert float(prior(PARAMS, 1)) == pytest.approx(expected, rel=1e-5)


def test_the_elastic_net_is_a_density_of_the_product():
    both = float(Gaussian(std=0.5)(PARAMS, 7)) + float(Laplace(scale=0.25)(PARAMS, 7))
    assert float(ElasticNet(l1=4.0, l2=2.0)(PARAMS, 7)) == pytest.approx(both, rel=1e-6)


@settings(max_examples=30, deadline=None)
@given(strengths, strengths, st.integers(1, 1000))
def test_a_prior_s_gradient_is_the_penalty_s(power, width, examples):
    same(gradient(examples, prior=Gaussian(power=power, std=width)), gradient(1, l2=power / (2 * width**2 * examples)))
    same(gradient(examples, prior=Laplace(power=power, scale=width)), gradient(1, l1=power / (width * examples)))
    net = ElasticNet(power=power, l1=width, l2=1.5)
    same(gradient(examples, prior=net), gradient(1, l1=power * width / examples, l2=power * 1.5 / examples))


def test_the_minimum_is_the_most_probable_weight():
    """One weight w of x ~ N(w, 1), with w ~ N(0, σ²)^α: the posterior's mode is Σx/(n + α/σ²)."""
    x, power, std = np.array([1.0, 2.0, 4.0]), 0.7, 0.5
    prior = Gaussian(power=power, std=std)

    def slope(w):
        return jax.grad(lambda w: jnp.mean(jnp.square(x - w[0, 0])) / 2 + prior(w, len(x)))(w)

    mode = jnp.full((1, 1), x.sum() / (len(x) + power / std**2))
    assert float(slope(mode)[0, 0]) == pytest.approx(0, abs=1e-6) and float(slope(mode + 0.1)[0, 0]) > 0.1


@pytest.mark.parametrize("name", choices(Prior))
def test_no_power_is_no_prior_and_zero_weights_have_no_slope(name):
    off, neutral = gradient(5), gradient(5, prior=choices(Prior)[name](power=0.0))
    same(off, neutral)
    at_zero = jax.grad(lambda params: choices(Prior)[name]()(params, 5))(jax.tree.map(jnp.zeros_like, PARAMS))
    assert not any(leaf.any() for leaf in jax.tree.leaves(at_zero))


@pytest.mark.parametrize("name", choices(Prior))
def test_all_floats_are_traced(name):
    cls = choices(Prior)[name]
    priors = [cls(power=power, **{field: value}) for power in (0.0, 2.0) for field in cls.__annotations__ for value in (0.5, 3.0)
              if field != "power"]  # fmt: skip
    together = jax.jit(jax.vmap(lambda prior: prior(PARAMS, 9)))(stack(priors))
    np.testing.assert_allclose(together, [prior(PARAMS, 9) for prior in priors], rtol=1e-6)


def test_a_prior_without_kernels_is_none():
    assert float(Gaussian()({"bias": jnp.ones(3)}, 3)) == 0
