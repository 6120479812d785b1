"""Initial weights: how a kernel is drawn before the first step."""

import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from jaxtricks.config import ConfigError, Family, Positive, config, is_function
from jaxtricks.config.references import reason


def fans(shape: tuple[int, ...]) -> tuple[int, int]:
    """The number of inputs of one output of a kernel [*receptive field, in, out], and the number of outputs of one input.

    >>> fans((3, 3, 16, 32))
    (144, 288)
    """
    field = math.prod(shape[:-2])
    return field * shape[-2], field * shape[-1]


class Initializer(Family):
    """Draws a kernel, `init(key, shape [..., in, out], dtype)`, and the bias beside it.

    >>> jt.nn.Initializer("he_normal")(jax.random.key(0), (4, 3), jnp.float32).shape
    (4, 3)
    """

    @classmethod
    def coerce(cls, value: Any) -> Any:
        return FunctionInitializer(function=value) if is_function(value) else value

    def __call__(self, key: Key[Array, ""], shape: tuple[int, ...], dtype: Any) -> Float[Array, "..."]:
        """The kernel's first value, of the shape and dtype given."""
        raise NotImplementedError

    def bias(self, key: Key[Array, ""], shape: tuple[int, ...], dtype: Any) -> Float[Array, " out"]:
        """The bias beside a kernel of the given shape: zero, as lecture 3 says (T014); some initializers override this."""
        return jnp.zeros(shape[-1:], dtype)

    def settle(self, kernel: Float[Array, "..."], layer: Callable[[Array], Array]) -> Float[Array, "..."]:
        """The kernel, changed by its output on the first batch, `layer(kernel)`; by default it stays as it was drawn."""
        return kernel


def _normal(key: Key[Array, ""], shape: tuple[int, ...], dtype: Any, std: float | Array) -> Float[Array, "..."]:
    return std * jax.random.normal(key, shape, dtype)


def _uniform(key: Key[Array, ""], shape: tuple[int, ...], dtype: Any, variance: float) -> Float[Array, "..."]:
    bound = math.sqrt(3 * variance)  # U(-a, a) has variance a²/3
    return jax.random.uniform(key, shape, dtype, -bound, bound)


@config("normal", rows=["T010"], paper="Glorot & Bengio 2010")
class Normal(Initializer):
    """A plain normal N(0, scale²) for every shape; the scale has a large effect on learning.

    Args:
        scale: the standard deviation, unitless.

    >>> kernel = jt.nn.Normal(scale=0.5)(jax.random.key(0), (100, 100), jnp.float32)
    >>> print(f"{kernel.std():.1f}")
    0.5
    """

    scale: Positive = 1.0

    def __call__(self, key: Key[Array, ""], shape: tuple[int, ...], dtype: Any) -> Float[Array, "..."]:
        return _normal(key, shape, dtype, jnp.asarray(self.scale, dtype))


@config("uniform", rows=["T010"], paper="Zaremba+ 2014")
class Uniform(Initializer):
    """U(-scale, scale) for kernel and bias of every shape; small language models usually start with 0.1.

    Args:
        scale: the largest size of a weight, unitless.

    >>> kernel = jt.nn.Uniform(scale=0.1)(jax.random.key(0), (100, 100), jnp.float32)
    >>> bool(jnp.abs(kernel).max() <= 0.1)
    True
    """

    scale: Positive = 0.1

    def __call__(self, key: Key[Array, ""], shape: tuple[int, ...], dtype: Any) -> Float[Array, "..."]:
        return jnp.asarray(self.scale, dtype) * jax.random.uniform(key, shape, dtype, -1, 1)

    def bias(self, key: Key[Array, ""], shape: tuple[int, ...], dtype: Any) -> Float[Array, " out"]:
        return self(key, shape[-1:], dtype)


@config("lecun_normal", rows=["T013", "T014"], paper="LeCun+ 1998, Efficient BackProp")
class LecunNormal(Initializer):
    """N(0, 1/fan_in): keeps the variance of a linear layer's output; Flax's default is a truncated normal of this variance.

    >>> kernel = jt.nn.LecunNormal()(jax.random.key(0), (100, 400), jnp.float32)
    >>> print(f"{kernel.std():.2f}")
    0.10
    """

    def __call__(self, key: Key[Array, ""], shape: tuple[int, ...], dtype: Any) -> Float[Array, "..."]:
        return _normal(key, shape, dtype, math.sqrt(1 / fans(shape)[0]))


@config("glorot_normal", rows=["T011"], paper="Glorot & Bengio 2010")
class GlorotNormal(Initializer):
    """N(0, 2/(fan_in + fan_out)): a compromise between constant variance forwards and backwards.

    Lecture 3's slide prints 6 for this 2 in one place; 2 is the paper's.

    >>> kernel = jt.nn.GlorotNormal()(jax.random.key(0), (100, 400), jnp.float32)
    >>> print(f"{kernel.std():.3f}")
    0.063
    """

    def __call__(self, key: Key[Array, ""], shape: tuple[int, ...], dtype: Any) -> Float[Array, "..."]:
        return _normal(key, shape, dtype, math.sqrt(2 / sum(fans(shape))))


@config("glorot_uniform", rows=["T011"], paper="Glorot & Bengio 2010")
class GlorotUniform(Initializer):
    """U(-a, a) with a = √(6/(fan_in + fan_out)), the variance of `GlorotNormal`.

    >>> kernel = jt.nn.GlorotUniform()(jax.random.key(0), (100, 500), jnp.float32)
    >>> print(f"{jnp.abs(kernel).max():.2f}")
    0.10
    """

    def __call__(self, key: Key[Array, ""], shape: tuple[int, ...], dtype: Any) -> Float[Array, "..."]:
        return _uniform(key, shape, dtype, 2 / sum(fans(shape)))


@config("he_normal", rows=["T012"], paper="He+ 2015")
class HeNormal(Initializer):
    """N(0, 2/fan_in): twice LeCun's variance, since ReLU loses half of it.

    >>> kernel = jt.nn.HeNormal()(jax.random.key(0), (200, 400), jnp.float32)
    >>> print(f"{kernel.std():.2f}")
    0.10
    """

    def __call__(self, key: Key[Array, ""], shape: tuple[int, ...], dtype: Any) -> Float[Array, "..."]:
        return _normal(key, shape, dtype, math.sqrt(2 / fans(shape)[0]))


@config("he_uniform", rows=["T012"], paper="He+ 2015")
class HeUniform(Initializer):
    """U(-a, a) with a = √(6/fan_in), the variance of `HeNormal`.

    >>> kernel = jt.nn.HeUniform()(jax.random.key(0), (600, 100), jnp.float32)
    >>> print(f"{jnp.abs(kernel).max():.2f}")
    0.10
    """

    def __call__(self, key: Key[Array, ""], shape: tuple[int, ...], dtype: Any) -> Float[Array, "..."]:
        return _uniform(key, shape, dtype, 2 / fans(shape)[0])


@config("torch_default", rows=["T013"], paper="PyTorch's nn.Linear")
class TorchDefault(Initializer):
    """U(-a, a) with a = 1/√fan_in, for kernel and bias: a third of LeCun's variance, which dies out in deep networks.

    >>> kernel = jt.nn.TorchDefault()(jax.random.key(0), (100, 400), jnp.float32)
    >>> print(f"{jnp.abs(kernel).max():.2f}")
    0.10
    """

    def __call__(self, key: Key[Array, ""], shape: tuple[int, ...], dtype: Any) -> Float[Array, "..."]:
        return _uniform(key, shape, dtype, 1 / (3 * fans(shape)[0]))

    def bias(self, key: Key[Array, ""], shape: tuple[int, ...], dtype: Any) -> Float[Array, " out"]:
        return _uniform(key, shape[-1:], dtype, 1 / (3 * fans(shape)[0]))


@config("random_sign", rows=["T120"], paper="Zhou+ 2019")
class RandomSign(Initializer):
    """±√(2/fan_in) with a random sign: He's variance, from signs alone.

    >>> np.unique(jt.nn.RandomSign()(jax.random.key(0), (2, 50), jnp.float32)).tolist()
    [-1.0, 1.0]
    """

    def __call__(self, key: Key[Array, ""], shape: tuple[int, ...], dtype: Any) -> Float[Array, "..."]:
        return math.sqrt(2 / fans(shape)[0]) * jax.random.rademacher(key, shape, dtype)


@config("orthogonal", rows=["T010"], paper="Saxe+ 2014")
class Orthogonal(Initializer):
    """A random W with WᵀW = gain² I (WWᵀ where W has fewer rows than columns); the rows of a convolution are its fan_in.

    Args:
        gain: the factor by which W stretches vectors, unitless; √2 makes up for ReLU.

    >>> kernel = jt.nn.Orthogonal(gain=2.0)(jax.random.key(0), (5, 3), jnp.float32)
    >>> bool(jnp.allclose(kernel.T @ kernel, 4 * jnp.eye(3), atol=1e-5))
    True
    """

    gain: Positive = 1.0

    def __call__(self, key: Key[Array, ""], shape: tuple[int, ...], dtype: Any) -> Float[Array, "..."]:
        return jnp.asarray(self.gain, dtype) * _orthonormal(key, shape, dtype)


@config("lsuv", rows=["T010"], paper="Mishkin & Matas 2016")
class LSUV(Initializer):
    """Orthogonal; then the kernel of each layer, from the first to the last, is divided by the standard deviation of its output.

    The standard deviation is that of the first batch, over examples, units and places, so that all layers start with variance 1.
    A layer is linear, so one division is enough and the paper's iteration is not needed. A layer whose output is constant stays
    orthogonal.

    >>> kernel, x = jnp.eye(2), jnp.array([[3.0, -3.0], [3.0, -3.0]])
    >>> print(jt.nn.LSUV().settle(kernel, lambda kernel: x @ kernel))
    [[0.33333334 0.        ]
     [0.         0.33333334]]
    """

    def __call__(self, key: Key[Array, ""], shape: tuple[int, ...], dtype: Any) -> Float[Array, "..."]:
        return _orthonormal(key, shape, dtype)

    def settle(self, kernel: Float[Array, "..."], layer: Callable[[Array], Array]) -> Float[Array, "..."]:
        std = jnp.std(layer(kernel))
        return kernel / jnp.where(std > 0, std, 1)


@config()
class FunctionInitializer(Initializer):
    """A function of your own, or an initializer of JAX or Flax; biases are zero.

    Args:
        function: (key, shape [..., in, out], dtype) → the kernel.

    >>> jt.nn.Initializer(jax.nn.initializers.lecun_normal())(jax.random.key(0), (4, 3), jnp.float32).shape
    (4, 3)
    """

    function: Callable[..., Any]

    def __call__(self, key: Key[Array, ""], shape: tuple[int, ...], dtype: Any) -> Float[Array, "..."]:
        name = str(getattr(self.function, "__name__", type(self.function).__name__))
        try:
            kernel = jnp.asarray(self.function(key, shape, dtype), dtype)
        except Exception as error:  # a user's function may raise anything
            raise ConfigError(f"kernel_init = {name} does not take key, shape and dtype: {reason(error)}") from error
        if kernel.shape != shape:
            raise ConfigError(f"kernel_init = {name} gives a kernel of shape {kernel.shape}; {shape} is allowed.")
        return kernel


def _orthonormal(key: Key[Array, ""], shape: tuple[int, ...], dtype: Any) -> Float[Array, "..."]:
    precision = jnp.promote_types(dtype, jnp.float32)  # there is no decomposition in half precision
    return jax.nn.initializers.orthogonal()(key, shape, precision).astype(dtype)
