"""Hessians of functions whose Hessian is known, row T028."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxtricks.diagnose.curvature import extreme_eigenvalues, hessian_eigenvalues, hessian_vector_product, negative_share
from jaxtricks.diagnose.losses import training_loss

VALUES = np.array([-3.0, -1.0, 0.0, 0.5, 2.0, 2.0, 7.0])
ROTATION = np.linalg.qr(np.random.default_rng(0).normal(size=(7, 7)))[0]
MATRIX = jnp.asarray(ROTATION @ np.diag(VALUES) @ ROTATION.T, jnp.float32)
PARAMS = {"a": jnp.arange(3.0), "b": jnp.ones((2, 2))}
KEY = jax.random.key(0)


def quadratic(params):
    flat = jnp.concatenate([params["a"], params["b"].ravel()])
    return flat @ MATRIX @ flat / 2 + 3 * flat.sum()


def test_a_product_is_that_of_the_matrix():
    vector = {"a": jnp.array([1.0, 0.0, 2.0]), "b": jnp.array([[0.0, 1.0], [-1.0, 3.0]])}
    product = hessian_vector_product(quadratic, PARAMS, vector)
    assert jax.tree.map(jnp.shape, product) == jax.tree.map(jnp.shape, PARAMS)
    flat = np.concatenate([product["a"], product["b"].ravel()])
    np.testing.assert_allclose(flat, MATRIX @ jnp.array([1.0, 0, 2, 0, 1, -1, 3]), rtol=1e-4, atol=1e-5)


def test_eigenvalues_and_the_share_of_negative_ones():
    np.testing.assert_allclose(hessian_eigenvalues(quadratic, PARAMS), VALUES, atol=1e-5)
    assert negative_share(quadratic, PARAMS) == pytest.approx(2 / 7)
    assert negative_share(lambda p: jnp.sum(p**2), jnp.ones(4)) == 0
    assert negative_share(lambda p: p[0] ** 2 - p[1] ** 2, jnp.zeros(2)) == 0.5  # the saddle itself


@pytest.mark.parametrize("steps", [7, 50])
def test_lanczos_finds_both_ends(steps):
    np.testing.assert_allclose(extreme_eigenvalues(quadratic, PARAMS, key=KEY, steps=steps), (-3, 7), rtol=1e-4)


def test_few_steps_stay_inside_the_spectrum():
    low, high = extreme_eigenvalues(quadratic, PARAMS, key=KEY, steps=3)
    assert -3 - 1e-4 <= low < 0.5 and 2 < high <= 7 + 1e-4


def test_a_space_that_is_exhausted_early():
    np.testing.assert_allclose(extreme_eigenvalues(lambda p: 2 * jnp.sum(p**2), jnp.ones(5), key=KEY, steps=5), (4, 4), rtol=1e-5)
    assert extreme_eigenvalues(jnp.sum, jnp.ones(5), key=KEY, steps=3) == (0, 0)


def test_a_network_s_spectrum(plain):
    loss, params = training_loss(plain, 0)
    values = hessian_eigenvalues(loss, params)
    assert values.shape == (6 * 5 + 6 + 6 * 3 + 3,)
    np.testing.assert_allclose(
        extreme_eigenvalues(loss, params, key=KEY, steps=40), (values[0], values[-1]), rtol=1e-2, atol=1e-4
    )
    assert 0 <= negative_share(loss, params) < 0.5
