"""Output layers that choose a cluster of classes first: hierarchical and adaptive softmax."""

import itertools

import flax.linen as nn
import flax.struct
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from jaxtricks.config import ConfigError, Count, config
from jaxtricks.nn.initializers import Initializer
from jaxtricks.nn.layer import Dense, Layer
from jaxtricks.nn.softmax import Deferred, Softmax, cross_entropy


@config("hierarchical", rows=["T084"], paper="Goodman 2001; Mnih & Hinton 2008")
class HierarchicalSoftmax(Softmax):
    """A tree with the classes as leaves, in the order of their frequency: `p(y) = Π_l p(child towards y | node l on the way)`.

    Every node is a softmax over its children, about `classes^(1/levels)` of them, so a label costs `levels · features ·
    classes^(1/levels)` multiplications. But the columns of its kernels have to be gathered for each label, which takes most of
    the time. Exact in training and evaluation. Two levels are Goodman's classes of words; log2(classes) levels are Mnih &
    Hinton's binary tree.

    Args:
        levels: the number of decisions between the root and a class.

    >>> jt.RNN(softmax=jt.nn.HierarchicalSoftmax(levels=2)).softmax.levels
    2
    """

    levels: Count = 2

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
        scores = _Tree(self.levels, classes, kernel_init, name=name)(h)
        return scores if train else scores.log_probs()

    def check(self, classes: int) -> None:
        if 2 ** (self.levels - 1) >= classes > 1:
            most = (classes - 1).bit_length()
            raise ConfigError(
                f"HierarchicalSoftmax.levels = {self.levels} is not an integer up to {most}, for {classes} classes."
            )


@flax.struct.dataclass
class TreeScores(Deferred):
    """What `HierarchicalSoftmax` trains on; the kernel of a level has the children of its nodes one after the other.

    Args:
        h: the vectors to classify.
        weights: the kernel [features, nodes · branches] and the bias of each level, from the root down.
        classes: the number of leaves.
        branches: the number of children of a node; the last node of a level may have fewer.
    """

    h: Float[Array, "*batch features"]
    weights: tuple[tuple[Array, Array], ...]
    classes: int = flax.struct.field(pytree_node=False)
    branches: int = flax.struct.field(pytree_node=False)

    def nll(self, labels: Int[Array, "*batch"]) -> Float[Array, "*batch"]:
        h, leaves = self.h.reshape(-1, self.h.shape[-1]), jnp.clip(labels.reshape(-1), 0, self.classes - 1)
        loss = jnp.zeros(leaves.shape, h.dtype)
        for level, (kernel, bias) in enumerate(self.weights):
            child = leaves // self._leaves(level + 1)
            node = child // self.branches
            if level == 0:
                scores = h @ kernel + bias[None]
            else:
                kernel = kernel.reshape(h.shape[-1], -1, self.branches)[:, node]
                scores = jnp.einsum("tf,ftb->tb", h, kernel) + bias.reshape(-1, self.branches)[node]
            loss += cross_entropy(self._only_existing(scores, node, level), child % self.branches)
        return loss.reshape(labels.shape)

    def log_probs(self) -> Float[Array, "*batch classes"]:
        """The exact log-probability of every class."""
        h = self.h.reshape(-1, self.h.shape[-1])
        total = jnp.zeros((h.shape[0], 1), h.dtype)  # of each node of a level
        for level, (kernel, bias) in enumerate(self.weights):
            nodes = total.shape[1]
            scores = (h @ kernel + bias[None]).reshape(-1, nodes, self.branches)
            scores = self._only_existing(scores, jnp.arange(nodes)[None], level)
            total = (total[:, :, None] + jax.nn.log_softmax(scores)).reshape(h.shape[0], -1)
            total = total[:, : -(-self.classes // self._leaves(level + 1))]
        return total.reshape(*self.h.shape[:-1], -1)

    def _leaves(self, level: int) -> int:
        """The number of leaves below a node of a level."""
        return self.branches ** (len(self.weights) - level)

    def _only_existing(self, scores: Array, node: Array, level: int) -> Array:
        """The scores of the children of some nodes; -inf for a child that has no class below it."""
        children = node[..., None] * self.branches + jnp.arange(self.branches).reshape((1,) * node.ndim + (-1,))
        return jnp.where(children * self._leaves(level + 1) < self.classes, scores, -jnp.inf)


class _Tree(nn.Module):
    levels: int
    classes: int
    kernel_init: Initializer

    @nn.compact
    def __call__(self, h: Float[Array, "*batch features"]) -> TreeScores:
        branches = next(b for b in itertools.count(1) if b**self.levels >= self.classes)
        weights = []
        for level in range(self.levels):
            nodes = -(-self.classes // branches ** (self.levels - level))
            weights.append(_Weights(nodes * branches, self.kernel_init, name=f"level_{level}")(h))
        return TreeScores(h, tuple(weights), self.classes, branches)


class _Weights(Layer):
    """What a `Dense` layer has, without its product."""

    features: int
    kernel_init: Initializer

    @nn.compact
    def __call__(self, h: Float[Array, "*batch fan_in"]) -> tuple[Float[Array, "fan_in features"], Float[Array, " features"]]:
        return self.affine(self.kernel_init, (h.shape[-1], self.features), h.dtype, lambda kernel: h @ kernel)


@config("adaptive", rows=["T084"], paper="Grave+ 2017")
class AdaptiveSoftmax(Softmax):
    """A head with the frequent classes and one entry for each cluster of rare classes; rarer clusters use fewer features of h.

    `p(y) = p(y | head)` for a class of the head, and `p(cluster i | head) p(y | h P_i)` for one of cluster i, where `P_i` is a
    linear map to `features / 4^i` features, i = 1, 2, …. Exact in training and evaluation. The paper computes for a token only
    its own cluster; here shapes are static, so all clusters are computed for all tokens: `head + Σ_i size_i / 4^i` products
    instead of `classes`, and as many exponentials as in the full softmax.

    Args:
        cutoffs: the ranks at which clusters begin, rising: (2000, 10000) puts 2000 classes in the head, 8000 in the first cluster
            and all others in the second.

    >>> jt.RNN(softmax=jt.nn.AdaptiveSoftmax(cutoffs=(100,))).softmax.cutoffs
    (100,)
    """

    cutoffs: tuple[Count, ...] = (2000, 10000)

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
        scores = _Adaptive(self.cutoffs, classes, kernel_init, name=name)(h, train)
        return scores if train else scores.log_probs()

    def check(self, classes: int) -> None:
        if not self.cutoffs or any(above <= below for below, above in itertools.pairwise((*self.cutoffs, classes))):
            raise ConfigError(
                f"AdaptiveSoftmax.cutoffs = {self.cutoffs} is not a tuple of ranks that rise up to the {classes} classes."
            )


@flax.struct.dataclass
class AdaptiveScores(Deferred):
    """The scores that `AdaptiveSoftmax` trains on.

    Args:
        head: the scores of the frequent classes, and then of each cluster.
        tails: the scores of the classes of each cluster.
    """

    head: Float[Array, "*batch head"]
    tails: tuple[Float[Array, "*batch size"], ...]

    def nll(self, labels: Int[Array, "*batch"]) -> Float[Array, "*batch"]:
        start = self._frequent()
        place, loss = labels, jnp.zeros(labels.shape, self.head.dtype)
        for i, tail in enumerate(self.tails):
            inside = (start <= labels) & (labels < start + tail.shape[-1])
            place = jnp.where(inside, self._frequent() + i, place)
            loss += jnp.where(inside, cross_entropy(tail, labels - start), 0)
            start += tail.shape[-1]
        return cross_entropy(self.head, place) + loss

    def log_probs(self) -> Float[Array, "*batch classes"]:
        """The exact log-probability of every class."""
        frequent, *clusters = jnp.split(jax.nn.log_softmax(self.head), self._frequent() + np.arange(len(self.tails)), axis=-1)
        tails = [cluster + jax.nn.log_softmax(tail) for cluster, tail in zip(clusters, self.tails, strict=True)]
        return jnp.concatenate([frequent, *tails], axis=-1)

    def _frequent(self) -> int:
        return self.head.shape[-1] - len(self.tails)


class _Adaptive(nn.Module):
    cutoffs: tuple[int, ...]
    classes: int
    kernel_init: Initializer

    @nn.compact
    def __call__(self, h: Float[Array, "*batch features"], train: bool) -> AdaptiveScores:
        head = Dense(self.cutoffs[0] + len(self.cutoffs), self.kernel_init, name="head")(h, train)
        tails = []
        for i, (begin, end) in enumerate(itertools.pairwise((*self.cutoffs, self.classes)), start=1):
            narrow = Dense(max(1, h.shape[-1] // 4**i), self.kernel_init, name=f"narrow_{i}")(h, train)
            tails.append(Dense(end - begin, self.kernel_init, name=f"tail_{i}")(narrow, train))
        return AdaptiveScores(head, tuple(tails))
