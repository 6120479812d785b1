"""Convolution as a product over patches is XLA's convolution, and no grouped one under vmap."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxtricks as jt
from jaxtricks.nn.convolution import Conv, convolve

KEY = jax.random.key(0)
float64 = jax.enable_x64 if hasattr(jax, "enable_x64") else jax.experimental.enable_x64

# (image, kernel, strides): kernels 1, 2, 3 and 5, rectangular ones, odd and rectangular images, strides that leave places over
CASES = [
    ((5, 6), (1, 1), (1, 1)),
    ((5, 6), (1, 1), (2, 2)),
    ((6, 6), (2, 2), (1, 1)),
    ((7, 4), (2, 2), (2, 2)),
    ((7, 6), (3, 3), (1, 1)),
    ((7, 7), (3, 3), (2, 2)),
    ((8, 5), (3, 3), (2, 1)),
    ((5, 9), (5, 5), (1, 1)),
    ((9, 8), (5, 5), (2, 2)),
    ((6, 7), (3, 2), (1, 2)),
    ((1, 4), (3, 3), (1, 1)),  # no place at all without padding
]


def reference(x, kernel, strides, padding):
    if padding == "CENTRED":
        padding = [((size - 1) // 2, size // 2) for size in kernel.shape[:2]]
    return jax.lax.conv_general_dilated(x, kernel, strides, padding, dimension_numbers=("NHWC", "HWIO", "NHWC"))


def draw(*shape, seed=0):
    return jnp.asarray(np.random.default_rng(seed).normal(size=shape))


def both_gradients(function, x, kernel, strides, padding):
    """What a convolution gives, and its gradients in a fixed direction that differs from place to place."""
    y, pull = jax.vjp(lambda x, kernel: function(x, kernel, strides, padding), x, kernel)
    return y, *pull(jnp.cos(jnp.arange(y.size, dtype=y.dtype)).reshape(y.shape))


def ours(lowering):
    return lambda x, kernel, strides, padding: convolve(x, kernel, strides=strides, padding=padding, lowering=lowering)


@pytest.mark.parametrize("padding", ["SAME", "CENTRED", "VALID"])
@pytest.mark.parametrize(("image", "size", "strides"), CASES)
def test_it_is_xlas_convolution_forward_and_in_both_gradients_alone_and_under_vmap(image, size, strides, padding):
    def compare(function, x, kernels):
        def one(x, kernel):
            return both_gradients(function, x, kernel, strides, padding)

        return one(x, kernels[0]), jax.vmap(one, in_axes=(None, 0))(x, kernels), jax.vmap(one)(jnp.stack([x, 2 * x]), kernels)

    with float64(True):
        x, kernels = draw(3, *image, 2), draw(2, *size, 2, 4)
        expected = jax.jit(lambda: compare(reference, x, kernels))()
        for found, right in zip(
            *map(jax.tree.leaves, (jax.jit(lambda: compare(ours("patches"), x, kernels))(), expected)), strict=True
        ):
            assert found.shape == right.shape and found.dtype == right.dtype == np.float64
            np.testing.assert_allclose(found, right, rtol=1e-10, atol=1e-10)


def test_centred_padding_differs_from_the_same_places_only_with_strides():
    x, kernel = draw(1, 6, 6, 1), draw(3, 3, 1, 1)
    once, twice = (
        [convolve(x, kernel, strides=(stride,) * 2, padding=padding, lowering="patches") for padding in ("SAME", "CENTRED")]
        for stride in (1, 2)
    )
    np.testing.assert_array_equal(*once)
    assert twice[0].shape == twice[1].shape == (1, 3, 3, 1)
    np.testing.assert_allclose(twice[1], once[0][:, ::2, ::2], rtol=1e-5)
    np.testing.assert_allclose(twice[0], once[0][:, 1::2, 1::2], rtol=1e-5)


@pytest.mark.parametrize("padding", ["SAME", "CENTRED", "VALID"])
@pytest.mark.parametrize(("size", "strides"), [((3, 3), (1, 1)), ((5, 2), (1, 1)), ((3, 3), (2, 1)), ((1, 1), (1, 1))])
def test_mixed_is_another_way_to_the_same(size, strides, padding, monkeypatch):
    monkeypatch.setattr("jaxtricks.nn.convolution.CACHED", 2_000)  # of 6 images 2 or 3 at a time
    with float64(True):
        x, kernel = draw(6, 7, 5, 2), draw(*size, 2, 3)
        mixed, patches = (
            jax.jit(lambda f=f: both_gradients(f, x, kernel, strides, padding))() for f in map(ours, ("mixed", "patches"))
        )
        for one, other in zip(mixed, patches, strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("size", [(1, 1), (3, 2)])
def test_direct_is_another_way_to_the_same(size):
    with float64(True):
        x, kernel = draw(2, 5, 5, 2), draw(*size, 2, 3)
        direct, patches = (
            jax.jit(lambda f=f: both_gradients(f, x, kernel, (2, 1), "SAME"))() for f in map(ours, ("direct", "patches"))
        )
        for one, other in zip(direct, patches, strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-10, atol=1e-10)


def operations(lowering, size):
    """The text of members' gradients, under vmap over images and kernels."""
    x, kernels = jnp.ones((2, 3, 6, 6, 2)), jnp.ones((2, *size, 2, 4))
    one = lambda x, kernel: both_gradients(ours(lowering), x, kernel, (1, 1), "SAME")  # noqa: E731
    return str(jax.make_jaxpr(jax.vmap(one))(x, kernels))


def test_vmapped_members_never_become_a_grouped_convolution():
    assert "conv_general_dilated" not in operations("patches", (3, 3))
    assert "conv_general_dilated" not in operations("direct", (1, 1))
    assert "feature_group_count=2" in operations("direct", (3, 3))  # what the default is there to avoid


def test_the_precision_of_the_inputs_is_that_of_the_result():
    for dtype in (jnp.bfloat16, jnp.float32):
        y = jax.eval_shape(lambda d=dtype: ours("patches")(jnp.ones((1, 4, 4, 1), d), jnp.ones((3, 3, 1, 2), d), (1, 1), "SAME"))
        assert y.dtype == dtype


# --- the layer ----------------------------------------------------------------------------------------------------------


def test_the_layer_convolves_and_adds_its_bias():
    layer = Conv(4, jt.nn.HeNormal(), (3, 2), strides=(2, 1), padding="VALID")
    x = draw(2, 7, 6, 3).astype(jnp.float32)
    params = layer.init(KEY, x)["params"]
    assert {name: leaf.shape for name, leaf in params.items()} == {"kernel": (3, 2, 3, 4), "bias": (4,)}
    params["bias"] = jnp.arange(4.0)
    expected = np.asarray(reference(x, params["kernel"], (2, 1), "VALID")) + np.arange(4)
    np.testing.assert_allclose(layer.apply({"params": params}, x), expected, rtol=1e-5, atol=1e-5)


def test_the_kernels_fans_count_its_rows_and_columns():
    def variance(init):
        return float(jnp.var(Conv(64, init, (3, 5)).init(KEY, jnp.ones((1, 5, 5, 8)))["params"]["kernel"]))

    assert variance(jt.nn.LecunNormal()) == pytest.approx(1 / (15 * 8), rel=0.1)
    assert variance(jt.nn.GlorotNormal()) == pytest.approx(2 / (15 * 8 + 15 * 64), rel=0.1)


def test_an_initializer_sees_what_the_kernel_gives_on_the_first_batch():
    x = draw(4, 6, 6, 2).astype(jnp.float32)
    y, _ = Conv(3, jt.nn.LSUV()).init_with_output(KEY, 7 * x)
    np.testing.assert_allclose(jnp.std(y), 1, rtol=1e-5)


def test_the_layer_draws_by_its_path():
    class Two(nn.Module):
        first: bool

        @nn.compact
        def __call__(self, x):
            if self.first:
                Conv(2, jt.nn.HeNormal(), name="first")(x)
            return Conv(3, jt.nn.HeNormal(), name="second")(x)

    x = jnp.ones((1, 4, 4, 2))
    with_first, without = (Two(first).init(KEY, x)["params"]["second"]["kernel"] for first in (True, False))
    np.testing.assert_array_equal(with_first, without)
