"""Output layers for many classes: what all have in common, the full softmax, and the cross entropy of labels.

Classes are sorted by falling frequency. At evaluation all choices give exact scores of all classes, so that a perplexity is one.

A dense optimizer reads and writes all `features · classes` weights in a step, whatever the choice: what is saved is products and
exponentials of `tokens · classes` scores.
"""

from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from jaxtricks.config import Family, config
from jaxtricks.nn.initializers import Initializer
from jaxtricks.nn.layer import Dense


class Deferred:
    """What training gets in place of all classes' scores: enough to give the loss of any labels. A pytree."""

    def nll(self, labels: Int[Array, "*batch"]) -> Float[Array, "*batch"]:
        """The training loss of each label, in nats.

        Args:
            labels: the classes that were to be predicted, one for each vector h.
        """
        raise NotImplementedError


class Softmax(Family):
    """The output layer, from a vector h to scores of the classes: called in a module's compact method, under an explicit name."""

    def __call__(
        self, h: Float[Array, "*batch features"], classes: int, kernel_init: Initializer, *, train: bool, name: str
    ) -> Float[Array, "*batch classes"] | Deferred:
        """Logits or log-probabilities of all classes; in training, of all choices but the full one, a `Deferred`.

        Args:
            h: what is read.
            classes: how many there are, sorted by falling frequency.
            kernel_init: how all kernels are drawn.
            train: whether the training loss is wanted.
            name: of the layer.
        """
        raise NotImplementedError

    def check(self, classes: int) -> None:
        """Refuses a number of classes that the layer has no meaning for; raises ConfigError."""


@config("full")
class FullSoftmax(Softmax):
    """Scores s = h W + b of all classes, always; `tokens · features · classes` multiplications forwards, twice that back."""

    def __call__(
        self, h: Float[Array, "*batch features"], classes: int, kernel_init: Initializer, *, train: bool, name: str
    ) -> Float[Array, "*batch classes"] | Deferred:
        return Dense(classes, kernel_init, name=name)(h, train)


# --- the loss of labels -------------------------------------------------------------------------------------------------


@jax.custom_vjp
def cross_entropy(logits: Float[Array, "*batch classes"], labels: Int[Array, "*batch"]) -> Float[Array, "*batch"]:
    """`log Σ_j exp(s_j) - s_y`, in nats; its gradient is `softmax(s) - onehot(y)`.

    No array of probabilities is kept for the gradient, and nothing is scattered. What is differentiated is the reverse mode's gradient, in either mode; the loss itself has no forward mode.

    Args:
        logits: scores s of the classes; -inf for a class that cannot be.
        labels: y. One that is no class, such as -1, has `s_y = 0`.
    """
    return _forward(logits, labels)[0]


def _forward(logits: Array, labels: Array) -> tuple[Array, tuple[Array, Array, Array]]:
    normalizer = jax.nn.logsumexp(logits, axis=-1)
    # A masked sum and no gather: it fuses with what is around it.
    return normalizer - jnp.sum(jnp.where(_is_label(logits, labels), logits, 0), axis=-1), (logits, normalizer, labels)


def _backward(residuals: tuple[Array, Array, Array], slope: Array) -> tuple[Array, Any]:
    logits, normalizer, labels = residuals
    probabilities = jnp.exp(logits - normalizer[..., None])
    return slope[..., None] * (probabilities - _is_label(logits, labels).astype(logits.dtype)), None


def _is_label(logits: Array, labels: Array) -> Bool[Array, "*batch classes"]:
    return jax.lax.broadcasted_iota(labels.dtype, logits.shape, logits.ndim - 1) == labels[..., None]


cross_entropy.defvjp(_forward, _backward)
