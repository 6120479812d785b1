"""Normalization of a layer's pre-activations."""

from collections.abc import Callable
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxtricks.config import ConfigError, Count, Family, NonNegative, Positive, Rate, config
from jaxtricks.nn.layer import Layer


class Normalization(Family):
    """Normalizes pre-activations inside a module's compact method, under an explicit name.

    >>> jt.MLP(normalization="layer").normalization
    LayerNorm(epsilon=1e-06)
    """

    def __call__(self, x: Float[Array, "*shape"], *, train: bool, name: str) -> Float[Array, "*shape"]:
        """The normalized array; `train` says where the statistics come from."""
        raise NotImplementedError


@config("batch", rows=["T016", "T017", "T018", "T019"], paper="Ioffe & Szegedy 2015")
class BatchNorm(Normalization):
    """y = γ(x - μ)/√(σ² + ε) + β with the batch's mean and variance; at test, with their running averages.

    σ² is the mean square of a batch's m values around μ, in the averages too, as in Flax; the paper averages m/(m - 1) σ².

    Args:
        momentum: weight of the old running average in each step, unitless.
        epsilon: added to the variance.

    >>> model = jt.MLP(widths=(4,), normalization=jt.nn.BatchNorm(momentum=0.99), outputs=2)
    >>> sorted(model.init(jax.random.key(0), jnp.ones((3, 5)), train=False))
    ['batch_stats', 'params']
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


@config("noisy_batch", rows=["T022"], paper="Santurkar+ 2018")
class NoisyBatchNorm(BatchNorm):
    """Batch norm, followed in training by s · y + m with a random shift m and scale s, whose distribution changes in every step.

    First the distribution of each feature is drawn, with means μ = n U(-1, 1) and σ = 1 + n/2 U(0, 1); from it each value gets
    m = μ + n/5 U(-1, 1) and s = σ + n/5 N(0, 1). If batch norm worked by keeping distributions stable, this noise would undo it.

    Args:
        noise: n, unitless; 0.5 gives the paper's numbers (0.5, 1.25, 0.1 and 0.1).

    >>> jt.MLP(normalization=jt.nn.NoisyBatchNorm(noise=0.5)).normalization.noise
    0.5
    """

    noise: NonNegative = 0.5

    def __call__(self, x: Float[Array, "*shape"], *, train: bool, name: str) -> Float[Array, "*shape"]:
        y = super().__call__(x, train=train, name=name)
        return _Noise(self, name=f"{name}_noise")(y) if train else y


class _Noise(Layer):
    config: NoisyBatchNorm

    @nn.compact
    def __call__(self, y: Float[Array, "*batch features"]) -> Float[Array, "*batch features"]:
        noise, feature = jnp.asarray(self.config.noise, y.dtype), (1,) * (y.ndim - 1) + y.shape[-1:]
        shift = jax.random.uniform(self.draw("dropout", "mean shift"), feature, y.dtype, -1, 1)
        scale = jax.random.uniform(self.draw("dropout", "mean scale"), feature, y.dtype) / 2
        shift = shift + jax.random.uniform(self.draw("dropout", "shift"), y.shape, y.dtype, -1, 1) / 5
        scale = scale + jax.random.normal(self.draw("dropout", "scale"), y.shape, y.dtype) / 5
        return (1 + noise * scale) * y + noise * shift


@config("layer", rows=["T023"], paper="Ba+ 2016")
class LayerNorm(Normalization):
    """y = γ(x - μ)/√(σ² + ε) + β with the mean and variance of each example over its features, the same in training and at test.

    Args:
        epsilon: added to the variance.

    >>> model = jt.MLP(widths=(4,), normalization=jt.nn.LayerNorm(), outputs=2)
    >>> sorted(model.init(jax.random.key(0), jnp.ones((3, 5)), train=False))
    ['params']
    """

    epsilon: Positive = 1e-6

    def __call__(self, x: Float[Array, "*shape"], *, train: bool, name: str) -> Float[Array, "*shape"]:
        precision = jnp.promote_types(x.dtype, jnp.float32)
        # Linen's other way to the variance, E[x²] - E[x]², cancels where the mean is large.
        return nn.LayerNorm(epsilon=self.epsilon, dtype=x.dtype, param_dtype=precision, use_fast_variance=False, name=name)(x)


@config("group", rows=["T024"], paper="Wu & He 2018")
class GroupNorm(Normalization):
    """y = γ(x - μ)/√(σ² + ε) + β with the mean and variance of each group of an example's features, over all places of an image.

    Args:
        groups: the number of groups, which has to divide the features. One group is layer norm over the whole image.
        epsilon: added to the variance.

    >>> jt.CNN(normalization=jt.nn.GroupNorm(groups=4)).normalization.groups
    4
    """

    groups: Count = 4
    epsilon: Positive = 1e-5

    def __call__(self, x: Float[Array, "*shape"], *, train: bool, name: str) -> Float[Array, "*shape"]:
        if x.shape[-1] % self.groups:
            raise ConfigError(
                f"GroupNorm.groups = {self.groups} is not a divisor of the {x.shape[-1]} features that it normalizes."
            )
        precision = jnp.promote_types(x.dtype, jnp.float32)
        return nn.GroupNorm(
            self.groups, epsilon=self.epsilon, dtype=x.dtype, param_dtype=precision, use_fast_variance=False, name=name
        )(x)


def plain_mean(after: Callable[[Any], tuple[Any, Any]], averages: Any, seen: Float[Array, ""]) -> tuple[Any, Any]:
    """Running averages as plain means: each batch counts as much as any other, whatever the model's own momentum is.

    A model moves its running averages from r to r' = m r + (1 - m) s, with the statistics s of a batch and a momentum m that it
    alone knows. A second call, with r + d, shows it: m = (r'(r + d) - r'(r))/d; no gradient would, where the model stops it. So
    the mean of the batches so far goes on to r + (r' - r)/((1 - m)(n + 1)). Where the model leaves an average as it is (m = 1),
    so does this. Numbers that are no floats, such as counters, are the model's own.

    Args:
        after: averages → (the model's averages after a batch, anything else).
        averages: r, the mean of the batches so far; anything of the right shapes before the first one.
        seen: n, how many batches that were, [].

    Returns:
        the mean with this batch in it, and whatever else `after` gave.

    >>> import jax.numpy as jnp
    >>> mean = {"mean": jnp.zeros(2)}
    >>> for n, batch in enumerate([jnp.array([1.0, 2.0]), jnp.array([3.0, 6.0])]):
    ...     mean, _ = plain_mean(lambda old: ({"mean": 0.9 * old["mean"] + 0.1 * batch}, None), mean, jnp.asarray(1.0 * n))
    >>> [round(float(value), 4) for value in mean["mean"]]
    [2.0, 4.0]
    """
    new, rest = after(averages)

    def apart(old: Array, new: Array) -> Array:
        return old + (1 + jnp.abs(old) + jnp.abs(new)) if _is_float(old) else old  # far enough for m to be exact to rounding

    far = jax.tree.map(apart, averages, new)
    far_new, _ = after(far)  # all but the averages is the same once more, and the compiler computes it once

    def moved(old: Array, new: Array, far: Array, far_new: Array) -> Array:
        if not _is_float(old):
            return new
        momentum = (far_new - new) / (far - old)
        moves = momentum < 1
        return jnp.where(moves, old + (new - old) / (jnp.where(moves, 1 - momentum, 1) * (seen + 1).astype(old.dtype)), old)

    return jax.tree.map(moved, averages, new, far, far_new), rest


def _is_float(leaf: Array) -> bool:
    return jnp.issubdtype(leaf.dtype, jnp.floating)
