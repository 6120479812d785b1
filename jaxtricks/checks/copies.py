"""Copies among inputs of numbers: images, counts of words, sequences, rows of a table."""

import numpy as np
from jaxtyping import Float, Int

from jaxtricks.checks.finding import DataFinding
from jaxtricks.checks.neighbours import neighbours
from jaxtricks.checks.numbers import Scaled, same, scaled
from jaxtricks.checks.pairs import CopyPairs, between_groups, findings, of_groups, parts_of
from jaxtricks.checks.registry import registered
from jaxtricks.checks.spacing import FAMILY, called, chances, dimensions
from jaxtricks.checks.splits import Splits
from jaxtricks.data.dataset import Dataset

NEIGHBOURS = 32  # the number of distances that tell how dense a neighbourhood is
FEWEST = 2 * FAMILY  # other examples, below which nothing is said of chance


@registered("copies")
def check(data: Dataset, splits: Splits) -> list[DataFinding]:
    """Finds examples that are the same, or nearer to each other than chance puts them, in all parts of a data set.

    Distances are those of images (or counts) of length 1, or of standardized columns. Whether a distance is small is decided by
    the neighbourhood, see `jaxtricks.checks.spacing`: of the near copies that are named at most 1% are chance. Equal rows of
    coarse numbers, which chance makes too, are a note.

    Args:
        data: the data set; tokens are looked at by the check "copied texts".
        splits: its parts; the inputs of the test split are compared, and its labels not read.

    >>> import jaxtricks.checks
    >>> x = np.random.default_rng(0).normal(size=(60, 8)).astype(np.float32)
    >>> x[50] = x[3]
    >>> fixed = jt.Dataset.from_arrays(x[:40], np.arange(40) % 2, validation=(x[40:], np.arange(20) % 2))
    >>> [(each.severity, each.count, each.where) for each in check(fixed, jt.checks.Splits.of(fixed, 0))]
    [('leak', 1, (50,)), ('warning', 2, (3, 50))]
    """
    if data.vocabulary is not None or data.stream:
        return []
    return findings("copies", data, splits, copied(data, splits), "nearer than chance puts them")


def copied(data: Dataset, splits: Splits) -> CopyPairs:
    """Gives the pairs of copies in all parts of a data set of numbers; arguments as for `check`.

    >>> x = np.random.default_rng(0).normal(size=(60, 8)).astype(np.float32)
    >>> x[50] = x[3]
    >>> data = jt.Dataset.from_arrays(x, np.arange(60) % 2)
    >>> set(copied(data, Splits.of(data, 0)).places.ravel().tolist())
    {50, 3}
    """
    x = data.x if splits.test is None else np.concatenate([data.x, splits.test])
    rows = scaled(x)
    return found(rows, same(x), parts_of(splits, len(data)))


def found(rows: Scaled, groups: Int[np.ndarray, " all"], parts: Int[np.ndarray, " all"]) -> CopyPairs:
    """Gives the pairs of copies among rows.

    Args:
        rows: what is compared, and how coarse it is.
        groups: which rows are the same, [all].
        parts: the part of each, [all].

    >>> rows = np.random.default_rng(0).normal(size=(40, 3)).astype(np.float32)
    >>> rows[7] = rows[2] + 1e-4
    >>> found(Scaled(rows, np.zeros(40)), np.arange(40), np.zeros(40, int)).places.tolist()
    [[2, 7]]
    """
    first = np.unique(groups, return_index=True)[1]
    if len(first) <= FEWEST:
        equal = of_groups(groups, parts)
        return CopyPairs(equal, np.ones(len(equal), bool), np.zeros(len(equal), bool))
    nearby = neighbours(rows.rows[first], min(NEIGHBOURS, len(first) - 1))
    least = np.maximum(rows.coarse[first], np.finfo(np.float32).tiny)
    distances = np.maximum(nearby.distances, least[:, None])
    dimension = dimensions(distances, nearby.places)
    several = np.bincount(groups) > 1
    # Of several that are the same, all but one were left out, and the nearest one is as far as the numbers are coarse.
    chance = chances(least, distances[:, FAMILY - 2], dimension)
    certain = called(np.where(several, chance, 1.0)) & several
    equal, near = of_groups(groups, parts), between_groups(_near(nearby.places, distances, dimension), groups, parts)
    return CopyPairs(
        np.concatenate([equal, near]),
        np.arange(len(equal) + len(near)) < len(equal),
        np.concatenate([certain[groups[equal[:, 0]]], np.ones(len(near), bool)]),
    )


def _near(
    places: Int[np.ndarray, "groups k"], distances: Float[np.ndarray, "groups k"], dimension: Float[np.ndarray, " groups"]
) -> Int[np.ndarray, "pairs 2"]:
    """Pairs of groups that are nearer than chance: the nearest one of each, and others that are by the same measure."""
    behind = distances[:, FAMILY - 1]
    p = np.stack([chances(distances[:, rank], behind, dimension) for rank in range(FAMILY - 1)], axis=1)
    kept = called(p[:, 0])
    most = p[kept, 0].max(initial=-1.0)
    rows, ranks = np.nonzero(kept[:, None] & (p <= most))
    return np.unique(np.sort(np.stack([rows, places[rows, ranks]], axis=1), axis=1), axis=0)
