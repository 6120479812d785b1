"""Output layers for many classes: what all have in common, the full softmax, and the cross entropy of labels.

Classes are sorted by falling frequency. At evaluation all choices give exact scores of all classes, so that a perplexity is one.

A dense optimizer reads and writes all `features · classes` weights in a step, whatever the choice: what is saved is products and
exponentials of `tokens · classes` scores.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

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
    """The output layer, from a vector h to scores of the classes: called in a module's compact method, under an explicit name.

    >>> jt.RNN(softmax="adaptive").softmax
    AdaptiveSoftmax(cutoffs=(2000, 10000))
    """

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
    """Scores s = h W + b of all classes, always; `tokens · features · classes` multiplications forwards, twice that back.

    >>> jt.RNN(softmax=jt.nn.FullSoftmax()).softmax
    FullSoftmax()
    """

    def __call__(
        self, h: Float[Array, "*batch features"], classes: int, kernel_init: Initializer, *, train: bool, name: str
    ) -> Float[Array, "*batch classes"] | Deferred:
        return Dense(classes, kernel_init, name=name)(h, train)


# --- the loss of labels -------------------------------------------------------------------------------------------------


def cross_entropy(logits: Float[Array, "*batch classes"], labels: Int[Array, "*batch"]) -> Float[Array, "*batch"]:
    """`log Σ_j exp(s_j) - s_y`, in nats; its gradient is `softmax(s) - onehot(y)`.

    Neither probabilities nor a one-hot array are kept for it, and nothing is scattered. It has derivatives of both modes, as in
    `jvp` of `grad`; the loss itself has the reverse mode only.

    Args:
        logits: scores s of the classes; -inf for a class that cannot be.
        labels: y. One that is no class gives some finite number, for padding that is masked afterwards.

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
