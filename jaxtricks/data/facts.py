"""What is known of a data set before anything is trained: its parts and what each can show, classes, groups, times, gaps."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from jaxtricks.data.dataset import Dataset
from jaxtricks.data.sizes import ACCURACIES, DISAGREEMENTS, accuracy_interval, detectable, error_interval, luck_of_the_best
from jaxtricks.data.splits import Split
from jaxtricks.statistics import Interval

LOOKS = (2, 10, 100)  # numbers of models for which the luck of the best on the test set is said


class PartSize(NamedTuple):
    """One part of a data set, and what it can show.

    Args:
        examples: their number.
        groups: how many groups they are of; None: examples have no groups.
        accuracy: accuracy → the 95% interval that this many examples give for it, as if they were independent.
        difference: share of examples on which two models disagree → the smallest difference of their accuracies that is found 4
            times of 5; nan where none that is possible is.
        error: half of the width of the 95% interval of a mean squared error, as a share of it, for normal residuals.

    >>> PartSize.of(10_000, None).difference[0.05] < PartSize.of(1_000, None).difference[0.05]
    True
    """

    examples: int
    groups: int | None
    accuracy: Mapping[float, Interval]
    difference: Mapping[float, float]
    error: float

    @classmethod
    def of(cls, examples: int, groups: int | None) -> "PartSize":
        """What a number of examples can show."""
        return cls(
            examples,
            groups,
            {share: accuracy_interval(share, examples) for share in ACCURACIES},
            {share: detectable(examples, share) for share in DISAGREEMENTS},
            error_interval(examples),
        )

    def to_json(self) -> dict[str, Any]:
        """Gives plain data; shares are keys as words."""
        return {
            "examples": self.examples,
            "groups": self.groups,
            "accuracy": {str(share): list(interval) for share, interval in self.accuracy.items()},
            "difference": {str(share): None if found != found else found for share, found in self.difference.items()},
            "error": self.error,
        }


@dataclass(frozen=True)
class Facts:
    """What is known of a data set.

    Args:
        parts: "training", "validation" and "test" → what each can show; those of seed 0, whose sizes are those of all seeds.
        counts: class → its examples in the pool; or label → the examples that have it; empty for other labels.
        times: the first and the last time of the pool, in the user's units or days since 1970; None: times are not known.
        gaps: feature → the share of the pool's examples that lack it, of features that some lack.
        luck: number of models → how much better the best of them looks on the test set by luck, at an accuracy of one half, where
            luck is largest; empty without a test set.

    >>> Facts.of(jt.load("digits")).parts["test"].examples
    360
    """

    parts: Mapping[str, PartSize]
    counts: Mapping[str, int]
    times: tuple[float, float] | None
    gaps: Mapping[str, float]
    luck: Mapping[int, float]

    @classmethod
    def of(cls, data: Dataset) -> "Facts":
        """What is known of a data set; its test split stays locked, and only its size is told."""
        train, validation = data.split(0)
        parts = {
            name: PartSize.of(len(places), _groups(data, places))
            for name, places in (("training", train), ("validation", validation))
        }
        if data.test_size:
            parts["test"] = PartSize.of(data.test_size, None)
        return cls(
            parts,
            _counts(data),
            None if data.time is None else (float(data.time.min()), float(data.time.max())),
            _gaps(data),
            {models: luck_of_the_best(data.test_size, models) for models in LOOKS} if data.test_size else {},
        )

    def to_json(self) -> dict[str, Any]:
        """Gives plain data."""
        return {
            "parts": {name: part.to_json() for name, part in self.parts.items()},
            "counts": dict(self.counts),
            "times": None if self.times is None else list(self.times),
            "gaps": dict(self.gaps),
            "luck": {str(models): share for models, share in self.luck.items()},
        }


def how_split(data: Dataset) -> str:
    """Says in words which examples are validated on.

    >>> how_split(jt.load("digits"))
    'Each seed draws its own 20% of the pool to validate on, of each class in proportion.'
    """
    if isinstance(data.validation, Split):
        return "The validation set is fixed, the same for every seed."
    share = f"{100 * data.validation:.3g}%"
    if data.stream:
        return f"Each seed validates on one stretch of the text, {share} of it, at a place of its own."
    if data.groups is not None:
        return f"Each seed draws groups of its own to validate on, whole ones, about {share} of the pool."
    kept = ", of each class in proportion" if data.kind.one_class and data.stratified else ""
    return f"Each seed draws its own {share} of the pool to validate on{kept}."


def _groups(data: Dataset, places: np.ndarray) -> int | None:
    return None if data.groups is None else len(np.unique(data.groups[places]))


def _counts(data: Dataset) -> dict[str, int]:
    if data.kind.scales or data.kind.per_step:
        return {}
    found = np.bincount(data.y, minlength=len(data.classes)) if data.kind.one_class else data.y.sum(axis=0)
    return {name: int(count) for name, count in zip(data.classes, found, strict=True)}


def _gaps(data: Dataset) -> dict[str, float]:
    if not data.missing:
        return {}
    shares = np.isnan(data.x).reshape(len(data), -1).mean(axis=0)
    names = data.features or tuple(f"number {place}" for place in range(len(shares)))
    return {name: float(share) for name, share in zip(names, shares, strict=True) if share}
