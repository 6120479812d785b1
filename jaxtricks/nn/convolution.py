"""Convolution, written as what the compiler is good at: one product over patches."""

import functools
import math
from collections.abc import Callable, Sequence
from typing import Literal

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxtricks.nn.initializers import Initializer
from jaxtricks.nn.layer import Layer

Padding = Literal["SAME", "CENTRED", "VALID"]
Lowering = Literal["patches", "mixed", "direct"]

CACHED = 5 * 2**19  # bytes of patches that are laid out at once for a kernel's gradient: more leave a core's cache


def convolve(
    x: Float[Array, "batch height width channels"],
    kernel: Float[Array, "rows columns channels features"],
    *,
    strides: tuple[int, int],
    padding: Padding,
    lowering: Lowering,
) -> Float[Array, "batch places_down places_across features"]:
    """y[p, f] = Σ over rows i, columns j and channels c of x[s·p + (i, j), c] · kernel[i, j, c, f], with x padded by zeros.

    "patches" lays the shifted images side by side and multiplies once. Measured on 2 CPU cores, forward and both gradients inside
    a scan (`python -m experiments.speed.convolution`), it is 10 to 80 times faster than "direct", XLA's own, for all shapes
    tried, from 28×28×1 to 8×8×128 with kernels 3 and 5 and strides 1 and 2. Under vmap over kernels it is a batched product,
    whereas "direct" becomes a grouped convolution, 14 to 68 times slower.

    On a GPU "patches" is right, too: on one H200 a training step of 64 images of 28×28 with 32 and 64 channels took 185 µs as
    patches and 189 µs directly for one network, 68 and 141 µs a network for 8 under vmap, 54 and 122 µs for 64
    (`python -m experiments.speed.gpu` measures it again). "direct" is there for networks so large that patches, which take
    rows · columns times the memory of the input, do not fit. A 1×1 kernel is one product either way.

    On a CPU only XLA's gradient of the kernel is slow, not its convolution: for 128 images of 32×32×16 and 16 features, in a scan
    on 2 cores, the convolution takes 7 ms (24 as patches), and its kernel's gradient 777 ms, as a product over the patches of a
    few images at a time 10. "mixed" has the fast one of each, for strides of 1, and takes 22 ms where "patches" takes 54. It is
    for large images and one network at a time: under vmap over kernels it is a grouped convolution, and it cannot be
    differentiated forwards. On other devices, where it was not measured, it is "patches".

    Args:
        x: images.
        kernel: the weights.
        strides: places from one patch to the next, down and across.
        padding: "CENTRED" for ⌈size / stride⌉ places with zeros around the image, ⌊(rows - 1)/2⌋ above and ⌊rows/2⌋ below, as in
            He+ 2016 and PyTorch; "SAME" for as many places as TensorFlow lays them, which is the same where the stride is 1;
            "VALID" for patches that lie inside the image.
        lowering: how it is computed; all give the same up to rounding.

    >>> x, kernel = jnp.ones((1, 3, 3, 1)), jnp.ones((2, 2, 1, 1))
    >>> convolve(x, kernel, strides=(1, 1), padding="VALID", lowering="patches")[0, :, :, 0].tolist()
    [[4.0, 4.0], [4.0, 4.0]]
    """
    rows, columns, channels, features = kernel.shape
    if padding == "CENTRED":
        pads = [((size - 1) // 2, size // 2) for size in (rows, columns)]
    else:
        pads = jax.lax.padtype_to_pads(x.shape[1:3], (rows, columns), strides, padding)
    if lowering == "mixed" and (rows, columns) != (1, 1) and strides == (1, 1) and jax.default_backend() == "cpu":
        return _mixed(tuple(pads), x, kernel)
    if lowering == "direct" and (rows, columns) != (1, 1):
        return jax.lax.conv_general_dilated(x, kernel, strides, pads, dimension_numbers=("NHWC", "HWIO", "NHWC"))
    patches = _patches(x, (rows, columns), strides, pads)
    # Flattened by hand: over four axes the compiler lays the product's gradients out anew, which costs up to as much again.
    product = patches.reshape(-1, rows * columns * channels) @ kernel.reshape(-1, features)
    return product.reshape(*patches.shape[:-1], features)


def _patches(
    x: Float[Array, "batch height width channels"],
    size: tuple[int, int],
    strides: tuple[int, int],
    pads: Sequence[tuple[int, int]],
) -> Float[Array, "batch down across patch"]:
    """The images shifted by each place of a kernel, side by side."""
    padded = jnp.pad(x, ((0, 0), *pads, (0, 0)))
    (rows, columns), (down, across) = size, strides
    bottom, right = max(0, padded.shape[1] - rows + 1), max(0, padded.shape[2] - columns + 1)  # past the last patch's first place
    shifted = [padded[:, i : i + bottom : down, j : j + right : across] for i in range(rows) for j in range(columns)]
    return jnp.concatenate(shifted, axis=-1)


@functools.partial(jax.custom_vjp, nondiff_argnums=(0,))
def _mixed(pads: tuple[tuple[int, int], ...], x: Array, kernel: Array) -> Array:
    """XLA's own convolution, with a kernel's gradient that is a product over patches."""
    return jax.lax.conv_general_dilated(x, kernel, (1, 1), pads, dimension_numbers=("NHWC", "HWIO", "NHWC"))


def _mixed_forward(pads: tuple[tuple[int, int], ...], x: Array, kernel: Array) -> tuple[Array, tuple[Array, Array]]:
    return _mixed(pads, x, kernel), (x, kernel)


def _mixed_backward(pads: tuple[tuple[int, int], ...], kept: tuple[Array, Array], dy: Array) -> tuple[Array, Array]:
    x, kernel = kept
    size = (kernel.shape[0], kernel.shape[1])
    turned = jnp.flip(kernel, (0, 1)).transpose(0, 1, 3, 2)
    back = tuple((side - 1 - low, side - 1 - high) for side, (low, high) in zip(size, pads, strict=True))
    patch = math.prod(dy.shape[1:3]) * math.prod(kernel.shape[:3]) * x.dtype.itemsize  # bytes of an example's
    most = max(1, max(CACHED, kernel.nbytes) // patch)
    some = max(part for part in range(1, len(x) + 1) if len(x) % part == 0 and part <= most)  # examples at a time

    def add(total: Array, part: tuple[Array, Array]) -> tuple[Array, None]:
        patches = _patches(part[0], size, (1, 1), pads)
        return total + patches.reshape(-1, patches.shape[-1]).T @ part[1].reshape(-1, dy.shape[-1]), None

    parts = (x.reshape(-1, some, *x.shape[1:]), dy.reshape(-1, some, *dy.shape[1:]))
    nothing = jnp.zeros((math.prod(kernel.shape[:3]), kernel.shape[3]), jnp.promote_types(kernel.dtype, jnp.float32))
    total, _ = jax.lax.scan(add, nothing, parts)
    return _mixed(back, dy, turned), total.astype(kernel.dtype).reshape(kernel.shape)


_mixed.defvjp(_mixed_forward, _mixed_backward)


class Conv(Layer):
    """A convolution `y = x * W + b`, with `W` [*kernel_size, in, features] drawn by its path and `b` beside it.

    Args:
        features: channels of the output.
        kernel_init: how W is drawn.
        kernel_size: rows and columns of W.
        strides: places from one patch to the next, down and across.
        padding: "SAME", "CENTRED" or "VALID", see `convolve`.
        lowering: "patches", "mixed" or "direct", see `convolve`.
        drop_connect: a `Dropout` of W's single weights; None for none.

    >>> convolution = jt.nn.Conv(8, jt.nn.HeNormal(), strides=(2, 2))
    >>> convolution.init_with_output(jax.random.key(0), jnp.ones((1, 6, 6, 3)))[0].shape
    (1, 3, 3, 8)
    """

    features: int
    kernel_init: Initializer
    kernel_size: tuple[int, int] = (3, 3)
    strides: tuple[int, int] = (1, 1)
    padding: Padding = "SAME"
    lowering: Lowering = "patches"
    drop_connect: Callable[..., Array] | None = None

    @nn.compact
    def __call__(
        self, x: Float[Array, "batch height width channels"], train: bool = False
    ) -> Float[Array, "batch down across features"]:
        def layer(kernel: Array) -> Array:
            return convolve(x, kernel, strides=self.strides, padding=self.padding, lowering=self.lowering)

        shape = (*self.kernel_size, x.shape[-1], self.features)
        kernel, bias = self.affine(self.kernel_init, shape, x.dtype, layer)
        if self.drop_connect is not None:
            kernel = self.drop_connect(kernel, train=train, name="connections")
        return layer(kernel) + bias.reshape(1, 1, 1, -1)
