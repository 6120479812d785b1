"""Named random streams: every draw is keyed by (seed, stream, step, path), never by the order of calls.

The same seed gives the same split, initial weights, data order and masks in two experiments wherever the two have them in
common; that pairing is what makes a few restarts enough.
"""

import zlib

import jax
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


def host(seed: int, name: str) -> np.random.Generator:
    """A NumPy generator for draws on the host (splits), keyed by seed and stream as `stream` is.

    >>> bool(host(3, "split").integers(10) == host(3, "split").integers(10))
    True
    """
    return np.random.default_rng([seed, _number(name)])
