"""Named random streams: every draw is keyed by (seed, stream, step, path), never by the order of calls.

The same seed gives the same split, initial weights, data order and masks in two experiments wherever the two have them in
common; that pairing is what makes a few restarts enough.
"""

import zlib

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Int, Key

# Pinned: `rbg`, the fast choice on TPUs, draws other numbers under `vmap` than alone.
IMPLEMENTATION = "threefry2x32"


def _number(name: str) -> int:
    """A name as 32 bits, the same in every process (Python's `hash` is not)."""
    return zlib.crc32(name.encode())


def root(seed: int | Int[Array, ""]) -> Key[Array, ""]:
    """The key that all streams of one restart come from.

    Args:
        seed: the restart's number, shape [], unitless.

    >>> root(0).shape
    ()
    """
    return jax.random.key(seed, impl=IMPLEMENTATION)


def stream(key: Key[Array, ""], name: str, step: int | Int[Array, ""] | None = None) -> Key[Array, ""]:
    """The key of one named stream, at one step if the stream goes on: `fold(fold(key, name), step)`.

    Args:
        key: a restart's root key, shape [].
        name: the stream, such as "params", "shuffle" or "dropout".
        step: the optimizer step or the epoch, shape [], where each has a draw of its own.

    >>> bool(jnp.all(stream(root(0), "dropout", 3) == stream(root(0), "dropout", 3)))
    True
    >>> bool(jnp.all(stream(root(0), "dropout", 3) == stream(root(0), "dropout", 4)))
    False
    """
    key = jax.random.fold_in(key, _number(name))
    return key if step is None else jax.random.fold_in(key, step)


def permutation(key: Key[Array, ""], size: int) -> Int[Array, " size"]:
    """The numbers 0 … size - 1 in random order.

    They are the low bits of random 32-bit words, which are sorted; where the bits left are few, the outcome is shuffled again,
    so that two numbers keep their old order by a tie in one of 2³² cases at most. A CPU sorts such words 8 times as fast as it
    sorts places by random words, which is what `argsort` does.

    >>> permutation(root(0), 4).tolist()
    [3, 1, 0, 2]

    Args:
        key: of this one draw, shape [].
        size: how many numbers.
    """
    low = max(1, (size - 1).bit_length())
    mask, order = jnp.uint32(2**low - 1), jnp.arange(size, dtype=jnp.uint32)
    places = order
    for each in jax.random.split(key, -(-32 // (32 - low))):
        words = jax.random.bits(each, (size,), jnp.uint32)
        order = order[jnp.sort(words & ~mask | places) & mask]
    return order.astype(jnp.int32)


def host(seed: int, name: str) -> np.random.Generator:
    """A NumPy generator for draws on the host (splits), keyed by seed and stream as `stream` is.

    >>> bool(host(3, "split").integers(10) == host(3, "split").integers(10))
    True
    """
    return np.random.default_rng([seed, _number(name)])
