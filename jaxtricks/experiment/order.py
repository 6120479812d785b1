"""The order in which a restart sees its training examples."""

from collections.abc import Sequence
from typing import NamedTuple, Self

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Int, Key, Shaped

from jaxtricks import rng
from jaxtricks.config import ConfigError, Count, Family, config, rebuild
from jaxtricks.data import Dataset


class Seen(NamedTuple):
    """What an order may look at.

    Args:
        labels: of each training example, [train, ...].
        lengths: of each training sequence, [train]; None where all are whole.
        batch_size: examples a step.
    """

    labels: Shaped[Array, "train ..."]
    lengths: Int[Array, " train"] | None
    batch_size: int


class Order(Family):
    """A permutation of the training examples for each epoch, from the stream "shuffle"."""

    def __call__(self, key: Key[Array, ""], seen: Seen, epoch: Int[Array, ""]) -> Int[Array, " train"]:
        """Places in the training split, in the order of one epoch.

        Args:
            key: the restart's root key, shape [].
            seen: the training examples.
            epoch: the epoch, from 0, shape [].
        """
        raise NotImplementedError

    @property
    def cuts(self) -> tuple[int | None, ...]:
        """The steps to which the sequences of each batch are cut, for batches that take turns; None for no cut."""
        return (None,)

    def fitted(self, lengths: Sequence[Int[np.ndarray, " train"]], batch_size: int) -> Self:
        """The order with what it needs to know of the training sequences filled in.

        Args:
            lengths: of the training sequences of every restart, [train] each; empty where data have none.
            batch_size: examples a step.
        """
        return self

    def check(self, data: Dataset) -> None:
        """Refuses data that the order has no meaning for; raises ConfigError."""


def _random(key: Key[Array, ""], size: int, epoch: Int[Array, ""] | int) -> Int[Array, " size"]:
    # Sorting random bits costs one sort, `random.permutation` several; a tie is as fair either way round.
    return jnp.argsort(jax.random.bits(rng.stream(key, "shuffle", epoch), (size,)))


@config("reshuffled", rows=["T047"], paper="Bottou 2009; lecture 0")
class Reshuffled(Order):
    """A new random order in each epoch."""

    def __call__(self, key: Key[Array, ""], seen: Seen, epoch: Int[Array, ""]) -> Int[Array, " train"]:
        return _random(key, len(seen.labels), epoch)


@config("fixed", rows=["T047"], paper="Bottou 2009; lecture 0")
class FixedOrder(Order):
    """One random order, the first epoch's, in every epoch."""

    def __call__(self, key: Key[Array, ""], seen: Seen, epoch: Int[Array, ""]) -> Int[Array, " train"]:
        return _random(key, len(seen.labels), 0)


@config("by_class", rows=["T047"], paper="Bottou 2009; lecture 0")
class ByClass(Order):
    """All examples of class 0, then all of class 1, …: the order in which files often lie; within a class, the first epoch's."""

    def __call__(self, key: Key[Array, ""], seen: Seen, epoch: Int[Array, ""]) -> Int[Array, " train"]:
        order = _random(key, len(seen.labels), 0)
        return order[jnp.argsort(seen.labels[order], stable=True)]

    def check(self, data: Dataset) -> None:
        if data.task != "classes":
            raise ConfigError(f"Experiment.order = 'by_class' sorts by classes, and the examples of {data.name} have none.")


@config("contiguous", rows=["T068"], paper="Zaremba+ 2014")
class Contiguous(Order):
    """The examples as they lie in the data, in `batch` parallel tracks: step s holds the examples s, steps + s, 2 steps + s, ….

    Of windows of one text each batch goes on where the last one ended, so that a model can carry its state on: truncated
    back-propagation.
    """

    def __call__(self, key: Key[Array, ""], seen: Seen, epoch: Int[Array, ""]) -> Int[Array, " train"]:
        steps = len(seen.labels) // seen.batch_size
        tracks = jnp.arange(steps * seen.batch_size).reshape(seen.batch_size, steps)
        return jnp.append(tracks.T.ravel(), jnp.arange(steps * seen.batch_size, len(seen.labels)))


@config("by_length", rows=["T087"], paper="lecture 2")
class ByLength(Order):
    """Batches of sequences of about one length, cut to the longest of their bucket: less padding is computed.

    Every epoch shuffles the examples, leaves out those that fill no round of batches, and sorts the others into buckets of equal
    size by length; batches are drawn within a bucket, and one batch of each bucket, shortest first, makes a round.

    Args:
        buckets: how many.
        cut: the steps of each bucket's sequences, shortest first; `fit` fills it from the data.
    """

    buckets: Count = 4
    cut: tuple[Count, ...] | None = None

    @property
    def cuts(self) -> tuple[int | None, ...]:
        return self.cut or (None,) * self.buckets

    def __call__(self, key: Key[Array, ""], seen: Seen, epoch: Int[Array, ""]) -> Int[Array, " train"]:
        assert seen.lengths is not None
        rounds = len(seen.labels) // (self.buckets * seen.batch_size)
        order = _random(key, len(seen.labels), epoch)
        kept, rest = jnp.split(order, [rounds * self.buckets * seen.batch_size])
        kept = kept[jnp.argsort(seen.lengths[kept], stable=True)].reshape(self.buckets, -1)
        within = jnp.argsort(jax.random.bits(rng.stream(key, "bucket", epoch), kept.shape), axis=1)
        batches = jnp.take_along_axis(kept, within, axis=1).reshape(self.buckets, rounds, seen.batch_size)
        return jnp.append(batches.swapaxes(0, 1).ravel(), rest)

    def fitted(self, lengths: Sequence[Int[np.ndarray, " train"]], batch_size: int) -> Self:
        train = len(lengths[0])
        size = train // (self.buckets * batch_size) * batch_size
        # Where the examples that an epoch leaves out are all short, a bucket ends that much further up in the sorted lengths.
        last = (np.arange(self.buckets) + 1) * size - 1 + train - size * self.buckets
        return rebuild(self, cut=tuple(int(n) for n in np.sort(lengths, axis=1)[:, last].max(axis=0)))

    def check(self, data: Dataset) -> None:
        if data.lengths is None:
            raise ConfigError(f"Experiment.order = 'by_length' sorts by length, and the examples of {data.name} are all whole.")
