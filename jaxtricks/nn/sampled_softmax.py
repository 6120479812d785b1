"""Output layers that score a sample of the classes in training: sampled softmax and noise-contrastive estimation."""

import functools
import math
from collections.abc import Mapping
from typing import Any, ClassVar

import flax.linen as nn
import flax.struct
import jax
import jax.numpy as jnp
import numpy as np
import scipy
from jaxtyping import Array, Float, Int, Key

from jaxtricks.config import ConfigError, Count, config
from jaxtricks.nn.initializers import Initializer
from jaxtricks.nn.layer import Layer
from jaxtricks.nn.softmax import DENSE, Deferred, Softmax, cross_entropy


def draw_classes(key: Key[Array, ""], samples: int, classes: int) -> Int[Array, " samples"]:
    """Draws different classes, class c with probability `1/width(c)`: log-uniform sampling (Zipf's law), in strata.

    The ranks are cut into `samples` cells, and one class is drawn evenly from each cell, independently of the other cells. A cell
    at rank c is `1 + c/a` wide, up to rounding, where a solves `a log(1 + classes/a) = samples`. The most frequent classes have a
    cell each and are always drawn. Unlike plain log-uniform draws, these vary less and never give a class twice.

    Args:
        key: the key of the draw.
        samples: the number of classes to draw, at most all.
        classes: the number of classes, which are sorted by falling frequency.
    """
    edges = _edges(samples, classes)
    return jax.random.randint(key, (samples,), edges[:-1], edges[1:])


def log_expected_counts(ids: Int[Array, "*shape"], samples: int, classes: int) -> Float[Array, "*shape"]:
    """The logarithm of the mean number of times that `draw_classes` draws class c, `-log width(c)`, in nats.

    Args:
        ids: the classes c.
        samples: as given to `draw_classes`.
        classes: as given to `draw_classes`.
    """
    edges = _edges(samples, classes)
    cells = jnp.searchsorted(jnp.asarray(edges[1:-1]), ids, side="right")
    return jnp.asarray(-np.log(np.diff(edges)), jnp.result_type(float))[cells]


@functools.cache
def _edges(samples: int, classes: int) -> Int[np.ndarray, " samples+1"]:
    """Where the cells of `draw_classes` begin and end."""
    if samples == classes:
        return np.arange(classes + 1, dtype=np.int32)
    a = scipy.optimize.brentq(lambda a: a * np.log1p(classes / a) - samples, 1e-9, float(classes) ** 2)
    edges = np.rint(a * np.expm1(np.arange(samples + 1) / a))
    # No cell is empty, since they widen from more than 1 on; sorted, because rounding may give 1, 2 and 1 again.
    return np.append(0, np.cumsum(np.sort(np.diff(edges)))).astype(np.int32)


class _Sampling(Softmax):
    COLUMNS: ClassVar[Mapping[str, int] | None] = DENSE

    samples: Count

    def check(self, classes: int) -> None:
        if self.samples > classes:
            raise ConfigError(f"{type(self).__name__}.samples = {self.samples} is not an integer up to the {classes} classes.")


@config("sampled", rows=["T084"], paper="Bengio & Senécal 2008; Jean+ 2015")
class SampledSoftmax(_Sampling):
    """Trains on the label y and a sample S of the other classes, shared by the batch: cross entropy over {y} ∪ S.

    `-log(exp(s_y)/n_y) + log Σ_{c ∈ {y} ∪ S} exp(s_c)/n_c`, with the scores s = h W + b of the full softmax and n the expected
    counts of `draw_classes`. Dividing the label's term by n_y too, and counting it once where it was drawn, keeps the minimum
    near s = log p even where S is small. With all classes drawn it is the full softmax.

    Args:
        samples: classes in S.

    >>> jt.RNN(softmax=jt.nn.SampledSoftmax(samples=64)).softmax.samples
    64
    """

    samples: Count = 500

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
        self.check(classes)
        return _Output(classes, kernel_init, self.samples, SampledScores, name=name)(h, train)


@config("nce", rows=["T084"], paper="Mnih & Teh 2012")
class NCE(_Sampling):
    """Trains a classifier that tells the label from noise classes, shared by the batch: noise-contrastive estimation.

    `-log σ(s_y - log n_y) - Σ_{c ∈ S} log(1 - σ(s_c - log n_c))`, with n the expected counts of `draw_classes`. At its minimum
    s = log p, so the scores are normalized without a normalizer. Before that the loss is not a likelihood and cannot be compared
    with the loss of another choice. The scores s = h W + b + log(n/samples) start near the log-probabilities of the noise. At
    evaluation they are logits, and are normalized exactly.

    Args:
        samples: the number of noise classes. The paper draws 25 new ones for each label; shared ones are much cheaper.

    >>> jt.RNN(softmax=jt.nn.NCE(samples=64)).softmax.samples
    64
    """

    samples: Count = 500

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
        self.check(classes)
        scores = _Output(classes, kernel_init, self.samples, NCEScores, name=name)(h, train)
        if train:
            return scores
        noise = log_expected_counts(jnp.arange(classes), self.samples, classes) - math.log(self.samples)
        return scores + noise.astype(h.dtype).reshape((1,) * (h.ndim - 1) + (-1,))


@flax.struct.dataclass
class _Candidates(Deferred):
    h: Float[Array, "*batch features"]
    kernel: Float[Array, "features classes"]
    bias: Float[Array, " classes"]
    drawn: Int[Array, " samples"]

    def scores(self, labels: Int[Array, " tokens"]) -> tuple[Float[Array, " tokens"], Float[Array, "tokens samples"]]:
        """h W + b of each token's label, and of the drawn classes."""
        h, tokens = self.h.reshape(-1, self.h.shape[-1]), labels.shape[0]
        # One gather for both: the gradient of each is an array as large as the kernel.
        ids = jnp.concatenate([labels, self.drawn])
        kernel, bias = self.kernel[:, ids], self.bias[ids]
        true = jnp.sum(h.T * kernel[:, :tokens], axis=0) + bias[:tokens]
        return true, h @ kernel[:, tokens:] + bias[None, tokens:]


@flax.struct.dataclass
class SampledScores(_Candidates):
    """The scores that `SampledSoftmax` trains on."""

    def nll(self, labels: Int[Array, "*batch"]) -> Float[Array, "*batch"]:
        tokens = labels.reshape(-1)
        counts = functools.partial(log_expected_counts, samples=self.drawn.shape[0], classes=self.bias.shape[0])
        true, drawn = self.scores(tokens)
        true, drawn = true - counts(tokens).astype(true.dtype), drawn - counts(self.drawn).astype(true.dtype)[None]
        drawn = jnp.where(self.drawn[None] == tokens[:, None], -jnp.inf, drawn)
        candidates = jnp.concatenate([true[:, None], drawn], axis=1)
        return cross_entropy(candidates, jnp.zeros_like(tokens)).reshape(labels.shape)


@flax.struct.dataclass
class NCEScores(_Candidates):
    """The scores that `NCE` trains on."""

    def nll(self, labels: Int[Array, "*batch"]) -> Float[Array, "*batch"]:
        true, drawn = self.scores(labels.reshape(-1))
        # s - log n = h W + b - log samples: the scores start from the noise.
        samples = math.log(self.drawn.shape[0])
        loss = jax.nn.softplus(samples - true) + jnp.sum(jax.nn.softplus(drawn - samples), axis=1)
        return loss.reshape(labels.shape)


class _Output(Layer):
    classes: int
    kernel_init: Initializer
    samples: int
    scores: type[_Candidates]

    @nn.compact
    def __call__(self, h: Float[Array, "*batch features"], train: bool) -> Any:
        kernel, bias = self.affine(self.kernel_init, (h.shape[-1], self.classes), h.dtype, lambda kernel: h @ kernel)
        if train:
            return self.scores(h, kernel, bias, draw_classes(self.draw("dropout", "classes"), self.samples, self.classes))
        return h @ kernel + bias.reshape((1,) * (h.ndim - 1) + (-1,))
