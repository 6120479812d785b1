"""Normalization of a layer's pre-activations."""

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxtricks.config import Family, Positive, Rate, config


class Normalization(Family):
    """Normalizes pre-activations inside a module's compact method, under an explicit name."""

    def __call__(self, x: Float[Array, "*shape"], *, train: bool, name: str) -> Float[Array, "*shape"]:
        """The normalized array; `train` says where the statistics come from."""
        raise NotImplementedError


@config("batch", rows=["T016", "T017", "T018", "T019"], paper="Ioffe & Szegedy 2015")
class BatchNorm(Normalization):
    """y = γ(x - μ)/√(σ² + ε) + β with the batch's mean and variance; at test, with their running averages.

    Args:
        momentum: weight of the old running average in each step, unitless.
        epsilon: added to the variance.
    """

    momentum: Rate = 0.9
    epsilon: Positive = 1e-5

    def __call__(self, x: Float[Array, "*shape"], *, train: bool, name: str) -> Float[Array, "*shape"]:
        return _BatchNorm(self, name=name)(x, train=train)


class _BatchNorm(nn.Module):
    # Linen's keeps float32 averages, which turn float64 after a float64 step and so fit into no scan, and takes the variance
    # as E[x²] - E[x]², which cancels where the mean is large.
    config: BatchNorm

    @nn.compact
    def __call__(self, x: Float[Array, "*batch features"], *, train: bool) -> Float[Array, "*batch features"]:
        features, dtype = x.shape[-1:], jnp.promote_types(x.dtype, jnp.float32)
        scale = self.param("scale", nn.initializers.ones, features, dtype)
        bias = self.param("bias", nn.initializers.zeros, features, dtype)
        averages = [
            self.variable("batch_stats", "mean", jnp.zeros, features, dtype),
            self.variable("batch_stats", "var", jnp.ones, features, dtype),
        ]
        rows = x.astype(dtype).reshape(-1, *features)
        if train:
            statistics = [jnp.mean(rows, axis=0), jnp.var(rows, axis=0)]
            momentum = jnp.asarray(self.config.momentum, dtype)
            for average, now in zip(averages, statistics, strict=True):
                if not self.is_initializing():
                    average.value = momentum * average.value + (1 - momentum) * now
        else:
            statistics = [average.value for average in averages]
        mean, variance, scale, bias = (v[None] for v in (*statistics, scale, bias))
        y = (rows - mean) * jax.lax.rsqrt(variance + jnp.asarray(self.config.epsilon, dtype)) * scale + bias
        return y.reshape(x.shape).astype(x.dtype)


@config("layer", rows=["T023"], paper="Ba+ 2016")
class LayerNorm(Normalization):
    """y = γ(x - μ)/√(σ² + ε) + β with each example's own mean and variance over its features: same at train and test.

    Args:
        epsilon: added to the variance.
    """

    epsilon: Positive = 1e-6

    def __call__(self, x: Float[Array, "*shape"], *, train: bool, name: str) -> Float[Array, "*shape"]:
        precision = jnp.promote_types(x.dtype, jnp.float32)
        return nn.LayerNorm(epsilon=self.epsilon, dtype=x.dtype, param_dtype=precision, name=name)(x)
