"""The order in which a restart sees its training examples."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Int, Key

from jaxtricks import rng
from jaxtricks.config import Family, config


class Order(Family):
    """A permutation of the training examples for each epoch, from the stream "shuffle"."""

    def __call__(self, key: Key[Array, ""], labels: Int[Array, " train"], epoch: Int[Array, ""]) -> Int[Array, " train"]:
        """Places in the training split, in the order of one epoch.

        Args:
            key: the restart's root key, shape [].
            labels: the class of each training example, [train].
            epoch: the epoch, from 0, shape [].
        """
        raise NotImplementedError


def _random(key: Key[Array, ""], size: int, epoch: Int[Array, ""] | int) -> Int[Array, " size"]:
    # Sorting random bits costs one sort, `random.permutation` several; a tie is as fair either way round.
    return jnp.argsort(jax.random.bits(rng.stream(key, "shuffle", epoch), (size,)))


@config("reshuffled", rows=["T047"], paper="Bottou 2009; lecture 0")
class Reshuffled(Order):
    """A new random order in each epoch."""

    def __call__(self, key: Key[Array, ""], labels: Int[Array, " train"], epoch: Int[Array, ""]) -> Int[Array, " train"]:
        return _random(key, labels.size, epoch)


@config("fixed", rows=["T047"], paper="Bottou 2009; lecture 0")
class FixedOrder(Order):
    """One random order, the first epoch's, in every epoch."""

    def __call__(self, key: Key[Array, ""], labels: Int[Array, " train"], epoch: Int[Array, ""]) -> Int[Array, " train"]:
        return _random(key, labels.size, 0)


@config("by_class", rows=["T047"], paper="Bottou 2009; lecture 0")
class ByClass(Order):
    """All examples of class 0, then all of class 1, …: the order in which files often lie; within a class, the first epoch's."""

    def __call__(self, key: Key[Array, ""], labels: Int[Array, " train"], epoch: Int[Array, ""]) -> Int[Array, " train"]:
        order = _random(key, labels.size, 0)
        return order[jnp.argsort(labels[order], stable=True)]
