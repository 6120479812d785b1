"""Output layers for many classes: what all of them share, the full softmax, and the cross entropy of labels.

Classes are sorted by falling frequency. At evaluation every choice gives the exact scores of all classes, so that perplexities
can be compared.

A dense optimizer reads and writes all `features · classes` weights in each step, with every choice; what a choice saves are the
products and exponentials of `tokens · classes` scores.
"""

from collections.abc import Mapping
from typing import ClassVar

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from jaxtricks.config import ConfigError, Family, config
from jaxtricks.nn.initializers import Initializer
from jaxtricks.nn.layer import Dense, Layer

DENSE = {"kernel": 1, "bias": 0}  # the axis of the classes in a dense layer's arrays


class Deferred:
    """What training gets instead of the scores of all classes: enough to compute the loss of any labels. A pytree."""

    def nll(self, labels: Int[Array, "*batch"]) -> Float[Array, "*batch"]:
        """The training loss of each label, in nats.

        Args:
            labels: the right classes, one for each vector h.
        """
        raise NotImplementedError


class Softmax(Family):
    """The output layer, from a vector h to scores of the classes: called in a module's compact method, under an explicit name.

    Attributes:
        FORWARD_MODE: whether its training loss can be differentiated forwards.
        COLUMNS: the axis of the classes in each of its arrays, by name; None where a class has no part of them to itself.

    >>> jt.RNN(softmax="adaptive").softmax
    AdaptiveSoftmax(cutoffs=(2000, 10000))
    """

    FORWARD_MODE: ClassVar[bool] = False
    COLUMNS: ClassVar[Mapping[str, int] | None] = None

    def __call__(
        self,
        h: Float[Array, "*batch features"],
        classes: int,
        kernel_init: Initializer,
        *,
        vectors: Float[Array, "vocabulary features"] | None,
        train: bool,
        name: str,
    ) -> Float[Array, "*batch classes"] | Deferred:
        """Gives logits or log-probabilities of all classes; in training, all choices except the full one give a `Deferred`.

        Args:
            h: the vectors to classify.
            classes: the number of classes, which are sorted by falling frequency.
            kernel_init: how all kernels are drawn.
            vectors: those of the tokens of the inputs; None where the inputs are features.
            train: whether the result is for the training loss.
            name: the name of the layer.
        """
        raise NotImplementedError

    def check(self, classes: int) -> None:
        """Refuses a number of classes that the layer has no meaning for; raises ConfigError."""


@config("full")
class FullSoftmax(Softmax):
    """Scores s = h W + b of all classes: `tokens · features · classes` multiplications forwards, and twice as many backwards.

    >>> jt.RNN(softmax=jt.nn.FullSoftmax()).softmax
    FullSoftmax()
    """

    FORWARD_MODE: ClassVar[bool] = True
    COLUMNS: ClassVar[Mapping[str, int] | None] = DENSE

    def __call__(
        self,
        h: Float[Array, "*batch features"],
        classes: int,
        kernel_init: Initializer,
        *,
        vectors: Float[Array, "vocabulary features"] | None,
        train: bool,
        name: str,
    ) -> Float[Array, "*batch classes"] | Deferred:
        return Dense(classes, kernel_init, name=name)(h, train)


@config("tied", paper="Press & Wolf 2017; Inan+ 2017")
class TiedSoftmax(Softmax):
    """Scores s = h Eᵀ + b, with E the vectors of the input's tokens: one array for both, which gets the gradient of both.

    So a language model has `vocabulary · features` parameters less. h has as many features as a token's vector.

    >>> jt.RNN(embedding=32, widths=(64, 32), softmax="tied").softmax
    TiedSoftmax()
    """

    FORWARD_MODE: ClassVar[bool] = True
    COLUMNS: ClassVar[Mapping[str, int] | None] = {"bias": 0}

    def __call__(
        self,
        h: Float[Array, "*batch features"],
        classes: int,
        kernel_init: Initializer,
        *,
        vectors: Float[Array, "vocabulary features"] | None,
        train: bool,
        name: str,
    ) -> Float[Array, "*batch classes"] | Deferred:
        if vectors is None:
            raise ConfigError("softmax = 'tied' scores tokens by their vectors, and the inputs are features; 'full' is allowed.")
        tokens, features = vectors.shape
        if tokens != classes:
            raise ConfigError(
                f"softmax = 'tied' scores {tokens} tokens by their vectors, not {classes} classes; 'full' is allowed."
            )
        if features != h.shape[-1]:
            raise ConfigError(
                f"softmax = 'tied' multiplies {h.shape[-1]} features of the last layer with the {features} of a token's vector; "
                "the two must be equal."
            )
        return _Tied(kernel_init, name=name)(h, vectors)


class _Tied(Layer):
    kernel_init: Initializer

    @nn.compact
    def __call__(
        self, h: Float[Array, "*batch features"], vectors: Float[Array, "classes features"]
    ) -> Float[Array, "*batch classes"]:
        bias = self.weight("bias", lambda key: self.kernel_init.bias(key, vectors.T.shape, h.dtype))
        y = h.reshape(-1, h.shape[-1]) @ vectors.T + bias[None]
        return y.reshape(*h.shape[:-1], len(vectors))


# --- the loss of labels -------------------------------------------------------------------------------------------------


def cross_entropy(logits: Float[Array, "*batch classes"], labels: Int[Array, "*batch"]) -> Float[Array, "*batch"]:
    """`log Σ_j exp(s_j) - s_y`, in nats; its gradient is `softmax(s) - onehot(y)`.

    The gradient keeps neither probabilities nor a one-hot array, and scatters nothing. It can be differentiated in both modes, as
    in `jvp` of `grad`; the loss itself has the reverse mode only.

    Args:
        logits: scores s of the classes; -inf for an impossible class.
        labels: y. A number that is not a class gives some finite loss, for padding that is masked afterwards.

    >>> round(float(cross_entropy(jnp.zeros((1, 4)), jnp.array([2]))[0]), 4)  # log 4
    1.3863
    """
    # As rows: a CPU takes longer for the same numbers in more axes.
    return _rows(logits.reshape(-1, logits.shape[-1]), labels.ravel()).reshape(labels.shape)


@jax.custom_vjp
def _rows(logits: Float[Array, "rows classes"], labels: Int[Array, " rows"]) -> Float[Array, " rows"]:
    return _forward(logits, labels)[0]


def _forward(logits: Array, labels: Array) -> tuple[Array, tuple[Array, Array, Array]]:
    normalizer = jax.nn.logsumexp(logits, axis=-1)
    label = jnp.take_along_axis(logits, labels[..., None], axis=-1, mode="clip")[..., 0]
    return normalizer - label, (logits, normalizer, labels)


def _backward(residuals: tuple[Array, Array, Array], slope: Float[Array, "*batch"]) -> tuple[Array, None]:
    logits, normalizer, labels = residuals
    is_label = jax.lax.broadcasted_iota(labels.dtype, logits.shape, logits.ndim - 1) == labels[..., None]
    return slope[..., None] * (jnp.exp(logits - normalizer[..., None]) - is_label.astype(logits.dtype)), None


_rows.defvjp(_forward, _backward)
