"""The nearest neighbours of every row among all others, without an N × N matrix.

Distances are taken in a few dimensions first, where they are lower bounds of the true ones: an orthogonal projection shortens,
and the lengths of what it leaves out differ by less than that itself. True distances are computed of the candidates alone.
"""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float32, Int, Num

from jaxtricks import rng

DIMENSIONS = 63  # of the projection; one more number is the length of what it leaves out
FITTED = 5_000  # rows that the projection is fitted to
GROUP = 16  # columns of which only the nearest one is looked at, at first
BLOCK = 512  # rows at a time
EXACT = 64  # rows at a time of which true distances are computed
SPARE = 2  # times as many candidates as neighbours are wanted


class Neighbours(NamedTuple):
    """The nearest other rows of each row.

    Args:
        places: their places, the nearest first, [rows, k].
        distances: the distances to them, ascending, [rows, k].

    >>> neighbours(np.array([[0.0], [1.0], [5.0]], np.float32), k=1).distances.shape
    (3, 1)
    """

    places: Int[np.ndarray, "rows k"]
    distances: Float32[np.ndarray, "rows k"]


def neighbours(rows: Float32[np.ndarray, "rows width"], k: int) -> Neighbours:
    """Gives the nearest other rows of each row by Euclidean distance.

    Twice as many candidates as are wanted are taken in the short rows. A row that is nearer than all others can be missed only
    where so many others are nearer in the short rows than it is in truth; of a copy that cannot be, but for a crowd of copies.

    Args:
        rows: the rows, [rows, width]; at least two.
        k: how many neighbours, at most one less than there are rows.

    >>> found = neighbours(np.array([[0.0], [1.0], [5.0]], np.float32), k=1)
    >>> found.places[:, 0].tolist(), found.distances[:, 0].tolist()
    ([1, 0, 1], [1.0, 1.0, 4.0])
    """
    n, candidates = len(rows), min(SPARE * k, len(rows) - 1)
    short = shortened(rows)
    columns = np.zeros((-(-n // GROUP) * GROUP, short.shape[1]), np.float32)
    columns[:n] = short
    squares = np.full(len(columns), np.inf, np.float32)  # what pads a group is infinitely far
    squares[:n] = np.square(short).sum(axis=1)
    given, lengths, whole = jnp.asarray(columns), jnp.asarray(squares), jnp.asarray(rows)
    found = []
    for start in range(0, n, BLOCK):
        places = np.minimum(np.arange(start, start + BLOCK), n - 1)  # every block has one shape, and compiles once
        chosen = _candidates(given[places], jnp.asarray(places), given, lengths, candidates)
        true = _distances(whole, jnp.asarray(places), chosen)
        order = np.argsort(np.asarray(true), axis=1, kind="stable")[:, :k]
        sorted_places, sorted_true = (np.take_along_axis(np.asarray(part), order, axis=1) for part in (chosen, true))
        keep = slice(0, min(BLOCK, n - start))
        found.append((sorted_places[keep], sorted_true[keep]))
    return Neighbours(*map(np.concatenate, zip(*found, strict=True)))


def shortened(rows: Float32[np.ndarray, "rows width"]) -> Float32[np.ndarray, "rows short"]:
    """Gives rows of few numbers whose distances are at most those of the given ones.

    They are the projection on the directions in which a sample of the rows varies most (Halko+ 2011), and the length of what the
    projection leaves out.

    Args:
        rows: [rows, width].

    >>> rows = np.random.default_rng(0).normal(size=(50, 80)).astype(np.float32)
    >>> far, near = (np.linalg.norm(given[0] - given[1]) for given in (rows, shortened(rows)))
    >>> bool(near <= far), shortened(rows).shape
    (True, (50, 64))
    """
    if rows.shape[1] <= DIMENSIONS + 1:
        return rows
    generator = rng.host(0, "projection")
    sample = rows[np.sort(generator.permutation(len(rows))[:FITTED])]
    middle = sample.mean(axis=0)
    basis = generator.standard_normal((rows.shape[1], DIMENSIONS)).astype(np.float32)
    for _ in range(3):
        basis = np.linalg.qr((sample - middle).T @ ((sample - middle) @ basis))[0]
    inside = (rows - middle) @ basis
    outside = np.maximum(np.square(rows - middle).sum(axis=1) - np.square(inside).sum(axis=1), 0)
    return np.concatenate([inside, np.sqrt(outside)[:, None]], axis=1)


@functools.partial(jax.jit, static_argnames=("k",))
def _candidates(
    a: Float32[jax.Array, "block short"],
    places: Int[jax.Array, " block"],
    columns: Float32[jax.Array, "columns short"],
    squares: Float32[jax.Array, " columns"],
    k: int,
) -> Int[jax.Array, "block k"]:
    """The columns with the smallest |b|² - 2ab, the squared distance less |a|²; a row is no neighbour of its own.

    The k smallest lie in the k groups with the smallest minima, so that most values are looked at only once.
    """
    values = (squares[None] - 2 * jnp.dot(a, columns.T)).at[jnp.arange(len(a)), places].set(jnp.inf)
    grouped = values.reshape(len(a), GROUP, -1)
    groups = jax.lax.top_k(-grouped.min(axis=1), min(k, grouped.shape[2]))[1]
    inside = jnp.take_along_axis(grouped, groups[:, None, :], axis=2).reshape(len(a), -1)
    at = jax.lax.top_k(-inside, k)[1]
    member, group = at // groups.shape[1], jnp.take_along_axis(groups, at % groups.shape[1], axis=1)
    return member * grouped.shape[2] + group


@jax.jit
def _distances(
    rows: Num[jax.Array, "rows width"], places: Int[jax.Array, " block"], chosen: Int[jax.Array, "block k"]
) -> Float32[jax.Array, "block k"]:
    """The distances between rows and their candidates, of the differences themselves."""

    def of(pair: tuple[jax.Array, jax.Array]) -> jax.Array:
        return jnp.sqrt(jnp.square(rows[pair[0]][None] - rows[pair[1]]).sum(axis=-1))

    return jax.lax.map(of, (places, chosen), batch_size=EXACT)
