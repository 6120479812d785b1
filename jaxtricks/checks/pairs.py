"""From pairs of copies to findings: between which parts of a data set they are, and whether their labels agree."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Int, Shaped

from jaxtricks.checks.finding import DataFinding, first
from jaxtricks.checks.splits import Splits
from jaxtricks.data.dataset import Dataset

TRAIN, VALIDATION, TEST = range(3)
PARTS = ("train on", "validate on", "test on")
SHOWN = 3


@dataclass(frozen=True, eq=False)
class CopyPairs:
    """Pairs of examples that are copies of each other.

    A group of many copies needs no pair for every two of them: a pair of each with the first one in each part is enough.

    Args:
        places: of the examples in the pool followed by the test split, [pairs, 2].
        exact: whether the two are the same, and not only near, [pairs].
        certain: whether chance alone would not give such a pair, [pairs].

    >>> CopyPairs(np.array([[3, 8]]), np.array([True]), np.array([True])).places.tolist()
    [[3, 8]]
    """

    places: Int[np.ndarray, "pairs 2"]
    exact: Bool[np.ndarray, " pairs"]
    certain: Bool[np.ndarray, " pairs"]

    def where(self, kept: Bool[np.ndarray, " pairs"]) -> "CopyPairs":
        """Gives some of the pairs."""
        return CopyPairs(self.places[kept], self.exact[kept], self.certain[kept])


def parts_of(splits: Splits, pool: int) -> Int[np.ndarray, " all"]:
    """Gives the part of each example of the pool and of the test split: 0 trains, 1 validates, 2 tests.

    >>> parts_of(Splits(np.array([0, 2]), np.array([1]), True, np.zeros((2, 4), np.float32)), 3).tolist()
    [0, 1, 0, 2, 2]
    """
    parts = np.full(pool + (0 if splits.test is None else len(splits.test)), TEST)
    parts[splits.train], parts[splits.validation] = TRAIN, VALIDATION
    return parts


def of_groups(groups: Int[np.ndarray, " all"], parts: Int[np.ndarray, " all"]) -> Int[np.ndarray, "pairs 2"]:
    """Gives pairs of examples of one group: each with the first of its group in every part.

    Args:
        groups: the number of each example's group, [all].
        parts: the part of each, [all].

    >>> of_groups(np.array([0, 1, 0, 0]), np.array([0, 0, 0, 1])).tolist()
    [[0, 2], [0, 3], [2, 3]]
    """
    everyone = np.arange(len(groups))
    pairs = np.concatenate([np.stack([everyone, leader[groups]], axis=1) for leader in leaders(groups, parts)])
    return np.unique(np.sort(pairs[(pairs[:, 1] >= 0) & (pairs[:, 0] != pairs[:, 1])], axis=1), axis=0)


def between_groups(
    near: Int[np.ndarray, "near 2"], groups: Int[np.ndarray, " all"], parts: Int[np.ndarray, " all"]
) -> Int[np.ndarray, "pairs 2"]:
    """Gives pairs of examples of pairs of groups: of the first of each group in every part.

    Args:
        near: the numbers of two groups each, [near, 2].
        groups: the number of each example's group, [all].
        parts: the part of each, [all].

    >>> between_groups(np.array([[0, 1]]), np.array([0, 1, 0]), np.array([0, 0, 1])).tolist()
    [[0, 1], [1, 2]]
    """
    of = leaders(groups, parts)
    pairs = np.concatenate([np.stack([one[near[:, 0]], other[near[:, 1]]], axis=1) for one in of for other in of])
    return np.unique(np.sort(pairs[(pairs >= 0).all(axis=1)], axis=1), axis=0)


def leaders(groups: Int[np.ndarray, " all"], parts: Int[np.ndarray, " all"]) -> Int[np.ndarray, "parts groups"]:
    """Gives the first example of each group in every part, -1 where there is none.

    >>> leaders(np.array([0, 1, 0]), np.array([0, 0, 1])).tolist()
    [[0, 1], [2, -1], [-1, -1]]
    """
    found = np.full((len(PARTS), groups.max() + 1), -1)
    for part, leader in enumerate(found):
        there = np.flatnonzero(parts == part)
        named, at = np.unique(groups[there], return_index=True)
        leader[named] = there[at]
    return found


def findings(check: str, data: Dataset, splits: Splits, pairs: CopyPairs, near: str) -> list[DataFinding]:
    """Gives what pairs of copies mean for a data set.

    Copies of training examples among those that are validated or tested on are a leak, since they are answered by heart. Copies
    inside one part only count twice. Where each seed draws its own split, all copies inside the pool can fall on both sides.

    Args:
        check: the name of the check.
        data: the data set.
        splits: its parts; labels of the test split are not read.
        pairs: the pairs.
        near: what near copies are, after "…, and 3".
    """
    parts = parts_of(splits, len(data))
    ends = np.sort(parts[pairs.places], axis=1)
    certain = pairs.certain
    found = []
    found += _across(check, data, pairs.where(certain & (ends[:, 0] < TEST) & (ends[:, 1] == TEST)), parts, "of the pool", near)
    between = certain & (ends[:, 0] == TRAIN) & (ends[:, 1] == VALIDATION)
    found += _across(check, data, pairs.where(between), parts, f"to {PARTS[TRAIN]}", near)
    for part in (TRAIN, VALIDATION, TEST):
        inside = pairs.where(certain & (ends == part).all(axis=1))
        found += _inside(check, data, splits, inside, parts, part, near)
    found += _conflicts(data, splits, pairs.where(certain & (ends[:, 1] < TEST)))
    coarse = pairs.where(~certain)
    if len(coarse.places):
        count = len(np.unique(coarse.places))
        text = f"{count:,} examples are the same as another one, and chance explains that: their numbers are few or coarse."
        found.append(DataFinding(check, "note", count, first(_pool(coarse, data)), text))
    return found


def _across(
    check: str, data: Dataset, pairs: CopyPairs, parts: Int[np.ndarray, " all"], others: str, near: str
) -> list[DataFinding]:
    """Copies of examples that are trained on among those to validate or to test on."""
    if not len(pairs.places):
        return []
    part = parts[pairs.places].max()
    mine = np.unique(pairs.places[parts[pairs.places] == part])
    shown = "; ".join(_pair(data, *pair) for pair in pairs.places[:SHOWN].tolist())
    text = (
        f"{len(mine):,} of {(parts == part).sum():,} examples to {PARTS[part]} have a copy among those {others}: "
        f"{_kinds(pairs, parts, part, near)} ({shown})."
    )
    inside = mine[mine < len(data)]
    where = inside if len(inside) else _pool(pairs, data)
    return [DataFinding(check, "leak", len(mine), first(where), text, examples=inside)]


def _inside(
    check: str, data: Dataset, splits: Splits, pairs: CopyPairs, parts: Int[np.ndarray, " all"], part: int, near: str
) -> list[DataFinding]:
    """Copies inside one part."""
    if not len(pairs.places):
        return []
    count = len(np.unique(pairs.places))
    drawn = "" if splits.fixed or part == TEST else "; in another seed's split they can fall on both sides"
    shown = "; ".join(_pair(data, *pair) for pair in pairs.places[:SHOWN].tolist())
    text = (
        f"{count:,} of {(parts == part).sum():,} examples to {PARTS[part]} have a copy among themselves: "
        f"{_kinds(pairs, parts, part, near)} ({shown}){drawn}."
    )
    return [DataFinding(check, "warning", count, first(_pool(pairs, data)), text)]


def _conflicts(data: Dataset, splits: Splits, pairs: CopyPairs) -> list[DataFinding]:
    """Copies in the pool whose labels differ."""
    if data.kind.per_step or data.kind.scales or not len(pairs.places):
        return []
    labels = data.y.reshape(len(data), -1)
    one, other = pairs.places.T
    differ = pairs.where((labels[one] != labels[other]).any(axis=1))
    if not len(differ.places):
        return []
    places = np.unique(differ.places)
    shown = "; ".join(_labelled(data, *pair) for pair in differ.places[:SHOWN].tolist())
    text = f"{len(places):,} examples of the pool have another label than a copy of theirs ({shown})."
    return [DataFinding("conflicting labels", "warning", len(places), first(places), text, examples=places)]


def _kinds(pairs: CopyPairs, parts: Int[np.ndarray, " all"], part: int, near: str) -> str:
    """How many examples of a part have the same one elsewhere, and how many have only a near one."""
    mine = parts[pairs.places] == part
    same = np.unique(pairs.places[mine & pairs.exact[:, None]])
    alike = np.setdiff1d(pairs.places[mine & ~pairs.exact[:, None]], same)
    words = [f"{len(same):,} the same"] * bool(len(same)) + [f"{len(alike):,} {near}"] * bool(len(alike))
    return " and ".join(words)


def _pool(pairs: CopyPairs, data: Dataset) -> Int[np.ndarray, " places"]:
    places = np.unique(pairs.places)
    return places[places < len(data)]


def _pair(data: Dataset, one: int, other: int) -> str:
    return " and ".join(f"test {place - len(data)}" if place >= len(data) else str(place) for place in (one, other))


def _labelled(data: Dataset, one: int, other: int) -> str:
    return " and ".join(f"{place} {_label(data, data.y[place])!r}" for place in (one, other))


def _label(data: Dataset, label: Shaped[np.ndarray, "..."]) -> str:
    """The name of a class, or the names of the labels that are 1."""
    if label.ndim == 0:
        return data.classes[int(label)]
    return ", ".join(data.classes[place] for place in np.flatnonzero(label)) or "none"
