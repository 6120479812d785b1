"""The order in which a restart sees its training examples."""

from collections.abc import Sequence
from typing import ClassVar, NamedTuple, Self

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Int, Key, Shaped

from jaxtricks import rng
from jaxtricks.config import ConfigError, Count, Family, config, rebuild
from jaxtricks.data import Dataset


class Seen(NamedTuple):
    """What an order may know of the training examples.

    Args:
        labels: the label of each training example, [train, ...].
        lengths: the length of each training sequence, [train]; None where no sequence is padded.
        batch_size: the number of examples in a step.

    >>> Seen(jnp.array([0, 1, 0, 1]), lengths=None, batch_size=2).batch_size
    2
    """

    labels: Shaped[Array, "train ..."]
    lengths: Int[Array, " train"] | None
    batch_size: int


class Order(Family):
    """A permutation of the training examples for each epoch, drawn from the random stream "shuffle".

    Attributes:
        GOES_ON: whether the sequences of a batch go on where those of the last batch ended, in windows of one text.

    >>> jt.Experiment(order="by_class").order
    ByClass()
    """

    GOES_ON: ClassVar[bool] = False

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
        """The number of steps that sequences are cut to, one for each bucket; batches of the buckets take turns. None: no cut."""
        return (None,)

    def fitted(self, lengths: Sequence[Int[np.ndarray, " train"]], batch_size: int) -> Self:
        """Gives the order with all that it needs to know of the training sequences filled in.

        Args:
            lengths: the lengths of the training sequences, [train], of every restart; empty where data have no lengths.
            batch_size: the number of examples in a step.
        """
        return self

    def check(self, data: Dataset) -> None:
        """Refuses data that the order has no meaning for; raises ConfigError."""


def _random(key: Key[Array, ""], size: int, epoch: Int[Array, ""] | int) -> Int[Array, " size"]:
    # Sorting random bits costs one sort, `random.permutation` several; two equal numbers may stand in either order.
    return jnp.argsort(jax.random.bits(rng.stream(key, "shuffle", epoch), (size,)))


@config("reshuffled", rows=["T047"], paper="Bottou 2009; lecture 0")
class Reshuffled(Order):
    """A new random order in each epoch.

    >>> seen = Seen(jnp.zeros(6, jnp.int32), None, 2)
    >>> sorted(jt.experiment.Reshuffled()(rng.root(0), seen, jnp.int32(1)).tolist())
    [0, 1, 2, 3, 4, 5]
    """

    def __call__(self, key: Key[Array, ""], seen: Seen, epoch: Int[Array, ""]) -> Int[Array, " train"]:
        return _random(key, len(seen.labels), epoch)


@config("fixed", rows=["T047"], paper="Bottou 2009; lecture 0")
class FixedOrder(Order):
    """One random order, the first epoch's, in every epoch.

    >>> seen = Seen(jnp.zeros(6, jnp.int32), None, 2)
    >>> first, second = (jt.experiment.FixedOrder()(rng.root(0), seen, jnp.int32(epoch)) for epoch in (0, 1))
    >>> first.tolist() == second.tolist()
    True
    """

    def __call__(self, key: Key[Array, ""], seen: Seen, epoch: Int[Array, ""]) -> Int[Array, " train"]:
        return _random(key, len(seen.labels), 0)


@config("by_class", rows=["T047"], paper="Bottou 2009; lecture 0")
class ByClass(Order):
    """All examples of class 0, then all of class 1, …, as files often lie; within a class, the first epoch's random order.

    >>> seen = Seen(jnp.array([1, 0, 1, 0]), None, 2)
    >>> seen.labels[jt.experiment.ByClass()(rng.root(0), seen, jnp.int32(0))].tolist()
    [0, 0, 1, 1]
    """

    def __call__(self, key: Key[Array, ""], seen: Seen, epoch: Int[Array, ""]) -> Int[Array, " train"]:
        order = _random(key, len(seen.labels), 0)
        return order[jnp.argsort(seen.labels[order], stable=True)]

    def check(self, data: Dataset) -> None:
        if not data.kind.one_class:
            raise ConfigError(f"Experiment.order = 'by_class' sorts by classes, and the examples of {data.name} have none.")


@config("contiguous", rows=["T068"], paper="Zaremba+ 2014")
class Contiguous(Order):
    """The examples in the order of the data, in `batch_size` parallel tracks: step s has examples s, steps + s, 2 steps + s, ….

    With windows of one text, each batch goes on where the last one ended, so that a model can carry its state on: truncated
    back-propagation through time.

    >>> seen = Seen(jnp.zeros(6, jnp.int32), None, 2)
    >>> jt.experiment.Contiguous()(rng.root(0), seen, jnp.int32(0)).tolist()
    [0, 3, 1, 4, 2, 5]
    """

    GOES_ON: ClassVar[bool] = True

    def __call__(self, key: Key[Array, ""], seen: Seen, epoch: Int[Array, ""]) -> Int[Array, " train"]:
        steps = len(seen.labels) // seen.batch_size
        tracks = jnp.arange(steps * seen.batch_size).reshape(seen.batch_size, steps)
        return jnp.append(tracks.T.ravel(), jnp.arange(steps * seen.batch_size, len(seen.labels)))


@config("by_length", rows=["T087"], paper="lecture 2")
class ByLength(Order):
    """Batches of sequences of similar lengths, cut to the longest of their bucket, so that less padding is computed.

    Every epoch shuffles the examples, leaves out those that do not fill a round of batches, and sorts the others by length into
    buckets of equal size. Batches are drawn within a bucket; one batch of each bucket, the shortest first, makes a round.

    Args:
        buckets: the number of buckets.
        cut: the number of steps of each bucket's sequences, the shortest first; `fit` fills it from the data.

    >>> seen = Seen(jnp.zeros(4, jnp.int32), jnp.array([9, 2, 3, 8]), 2)
    >>> seen.lengths[jt.experiment.ByLength(buckets=2)(rng.root(0), seen, jnp.int32(0))].reshape(2, 2).max(axis=1).tolist()
    [3, 9]
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
        # The examples that an epoch leaves out may all be short; then a bucket ends that much further up in the sorted lengths.
        last = (np.arange(self.buckets) + 1) * size - 1 + train - size * self.buckets
        return rebuild(self, cut=tuple(int(n) for n in np.sort(lengths, axis=1)[:, last].max(axis=0)))

    def check(self, data: Dataset) -> None:
        if data.lengths is None:
            raise ConfigError(f"Experiment.order = 'by_length' sorts by length, and the examples of {data.name} are all whole.")
