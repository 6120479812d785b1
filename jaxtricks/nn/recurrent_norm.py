"""Normalization inside a recurrent layer: of the input's product, of the hidden state's, and of an LSTM's memory."""

import dataclasses
from typing import Any, ClassVar, Literal, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from jaxtricks.config import Family, Positive, Rate, config
from jaxtricks.nn.layer import Layer

Place = Literal["input", "recurrent", "memory"]
Over = Literal["features", "batch", "sequences"]


class BatchMoments(NamedTuple):
    """The mean and the variance (the mean square around the mean) of each feature."""

    mean: Float[Array, "*time features"]
    variance: Float[Array, "*time features"]


def moments(x: Float[Array, "*time batch features"], valid: Bool[Array, "*time batch"] | None) -> BatchMoments:
    """Gives the moments over the batch in each step; `valid` says which examples have the step. A step of no example gives zeros.

    >>> mean, variance = moments(jnp.array([[1.0], [3.0]]), valid=None)
    >>> mean.tolist(), variance.tolist()
    ([2.0], [1.0])
    """
    if valid is None:
        return BatchMoments(jnp.mean(x, axis=-2), jnp.var(x, axis=-2))
    true = valid[..., None]
    count = jnp.maximum(jnp.sum(true, axis=-2), 1).astype(x.dtype)
    mean = jnp.sum(jnp.where(true, x, 0), axis=-2) / count
    return BatchMoments(mean, jnp.sum(jnp.where(true, x - mean[..., None, :], 0) ** 2, axis=-2) / count)


def enough(valid: Bool[Array, "*time batch"]) -> Bool[Array, "*time 1"]:
    """Tells in which steps the batch has two or more sequences. With one alone, every normalized value would be zero."""
    return jnp.sum(valid, axis=-1, keepdims=True) > 1


class Averages:
    """Running moments at one place of a layer, [steps, features], in the collection "batch_stats".

    Args:
        layer: the layer in whose compact method this is called.
        place: the place in the layer.
        momentum: the weight of the old average.
        like: gives the shape and the dtype.
    """

    def __init__(self, layer: Layer, place: Place, momentum: Any, like: jax.ShapeDtypeStruct) -> None:
        self.mean = layer.variable("batch_stats", f"{place}_mean", jnp.zeros, like.shape, like.dtype)
        self.variance = layer.variable("batch_stats", f"{place}_var", jnp.ones, like.shape, like.dtype)
        self.momentum = jnp.asarray(momentum, like.dtype)

    def at(self, steps: Int[Array, " time"]) -> BatchMoments:
        """Gives the averages of the given steps; later steps have those of the last one."""
        return BatchMoments(
            *(average.value[jnp.minimum(steps, len(average.value) - 1)] for average in (self.mean, self.variance))
        )

    def remember(self, now: BatchMoments, valid: Bool[Array, "time batch"] | None) -> None:
        """Mixes in a batch's moments, for the steps that both have and that at least two sequences of the batch have."""
        for average, new in zip((self.mean, self.variance), now, strict=True):
            steps = min(len(average.value), len(new))
            old = average.value[:steps]
            mixed = self.momentum * old + (1 - self.momentum) * new[:steps]
            if valid is not None:
                mixed = jnp.where(enough(valid[:steps]), mixed, old)
            average.value = average.value.at[:steps].set(mixed)


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Normalizer:
    """y = γ(x - μ)/√(σ² + ε) + β at one place of a layer, as a pure function that can stand inside a scan.

    Args:
        gain: γ, [features].
        bias: β, [features]; None where the layer adds a bias afterwards.
        epsilon: ε, [].
        over: what μ and σ² are computed over.
    """

    gain: Float[Array, " features"]
    bias: Float[Array, " features"] | None
    epsilon: Any
    over: Over = dataclasses.field(metadata={"static": True})

    def __call__(
        self,
        x: Float[Array, "*time batch features"],
        valid: Bool[Array, "*time batch"] | None,
        averages: BatchMoments | None,
        train: bool,
    ) -> tuple[Float[Array, "*time batch features"], BatchMoments | None]:
        """Gives the normalized array, and the batch's moments, which normalize it in training (if of two or more sequences)."""
        row, found = (1,) * (x.ndim - 1) + (-1,), None
        if self.over == "features":
            mean, variance = jnp.mean(x, axis=-1, keepdims=True), jnp.var(x, axis=-1, keepdims=True)
        else:
            found = self._moments(x, valid) if train else None
            used = averages if found is None else found
            if found is not None and averages is not None and valid is not None and self.over == "batch":
                used = jax.tree.map(lambda now, known: jnp.where(enough(valid), now, known), found, averages)
            mean, variance = (moment[..., None, :] for moment in used or ())
        y = (x - mean) * jax.lax.rsqrt(variance + jnp.asarray(self.epsilon, x.dtype)) * self.gain.reshape(row)
        return y if self.bias is None else y + self.bias.reshape(row), found

    def _moments(self, x: Array, valid: Bool[Array, "*time batch"] | None) -> BatchMoments:
        if self.over == "batch":
            return moments(x, valid)
        return moments(x.reshape(1, -1, x.shape[-1]), None if valid is None else valid.reshape(1, -1))


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Normalizers:
    """The normalizers of a layer by their places; other places are not normalized.

    Args:
        places: the normalizer of each place.
        train: whether to normalize by the batch's moments (True) or by the running ones.
    """

    places: dict[Place, Normalizer]
    train: bool = dataclasses.field(default=False, metadata={"static": True})

    def __call__(
        self, place: Place, x: Array, valid: Bool[Array, "*time batch"] | None, known: dict[Place, BatchMoments]
    ) -> tuple[Array, dict[Place, BatchMoments]]:
        """Gives `x` as it is normalized at a place, and the batch's moments there if it was normalized by them.

        Args:
            place: the place in the layer.
            x: the values, [*time, batch, features].
            valid: which examples have a step; None for all.
            known: the running moments.
        """
        if place not in self.places:
            return x, {}
        y, found = self.places[place](x, valid, known.get(place), self.train)
        return y, {} if found is None else {place: found}


class RecurrentNormalization(Family):
    """Normalizes the linear maps of a recurrent layer; p = xW and q = hU are its products, for all gates together.

    >>> jt.RNN(recurrent_normalization="layer").recurrent_normalization
    RecurrentLayerNorm(scale=1.0, epsilon=1e-06)
    """

    scale: Positive
    epsilon: Positive
    over: ClassVar[Over]
    places: ClassVar[tuple[Place, ...]]

    def normalizer(self, layer: Layer, place: Place, features: int, dtype: Any) -> Normalizer:
        """Gives the normalizer of one place of a layer, inside the layer's compact method."""
        gain = layer.weight(f"{place}_scale", lambda key: jnp.full(features, self.scale, dtype))
        # The bias of the gates follows the two products.
        bias = layer.weight(f"{place}_bias", lambda key: jnp.zeros(features, dtype)) if place == "memory" else None
        return Normalizer(gain, bias, self.epsilon, self.over)

    def averages(self, layer: Layer, place: Place, like: jax.ShapeDtypeStruct) -> Averages | None:
        """Gives the running moments of one place, for values like `like`, [time, features]; None where it has none."""
        return None


@config("layer", rows=["T025"], paper="Ba+ 2016")
class RecurrentLayerNorm(RecurrentNormalization):
    """Gates LN(p) + LN(q) + b and, in an LSTM, h = o tanh(LN(c)): mean and variance of each example in each step.

    Args:
        scale: what γ starts at.
        epsilon: added to the variance.

    >>> jt.nn.RecurrentLayerNorm().places
    ('input', 'recurrent', 'memory')
    """

    over: ClassVar[Over] = "features"
    places: ClassVar[tuple[Place, ...]] = ("input", "recurrent", "memory")

    scale: Positive = 1.0
    epsilon: Positive = 1e-6


class _Batch(RecurrentNormalization):
    momentum: Rate

    def averages(self, layer: Layer, place: Place, like: jax.ShapeDtypeStruct) -> Averages | None:
        steps, features = like.shape
        shape = (1 if self.over == "sequences" else steps, features)
        return Averages(layer, place, self.momentum, jax.ShapeDtypeStruct(shape, like.dtype))


@config("batch_input", rows=["T026"], paper="Laurent+ 2015")
class InputBatchNorm(_Batch):
    """Gates BN(p) + q + b with moments over all true steps of all sequences; at test, with their running averages.

    Args:
        scale: what γ starts at.
        momentum: weight of the old running average in each step, unitless.
        epsilon: added to the variance.

    >>> jt.nn.InputBatchNorm().places
    ('input',)
    """

    over: ClassVar[Over] = "sequences"
    places: ClassVar[tuple[Place, ...]] = ("input",)

    scale: Positive = 1.0
    momentum: Rate = 0.9
    epsilon: Positive = 1e-5


@config("batch_both", rows=["T026"], paper="Cooijmans+ 2016")
class RecurrentBatchNorm(_Batch):
    """Gates BN(p) + BN(q) + b and, in an LSTM, h = o tanh(BN(c)), with moments of the batch in each time step.

    At test each time step has its own running averages; steps later than those of the first batch (padding included) use the last
    ones. In training they are used for steps that only one sequence of the batch has. With a scale of 1 the tanh of the state is
    flat at the start, and gradients vanish; the paper starts at 0.1.

    Args:
        scale: what γ starts at.
        momentum: weight of the old running average in each step, unitless.
        epsilon: added to the variance.

    >>> jt.nn.RecurrentBatchNorm().scale
    0.1
    """

    over: ClassVar[Over] = "batch"
    places: ClassVar[tuple[Place, ...]] = ("input", "recurrent", "memory")

    scale: Positive = 0.1
    momentum: Rate = 0.9
    epsilon: Positive = 1e-5
