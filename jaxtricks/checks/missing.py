"""Values whose being missing says something of the label, and classes that look like a missing label."""

import numpy as np
from jaxtyping import Bool

from jaxtricks.checks.alarm import alarming, differing, unlike
from jaxtricks.checks.finding import DataFinding, first
from jaxtricks.checks.registry import registered
from jaxtricks.checks.splits import Splits
from jaxtricks.checks.view import Target, features, flags, flat, targets
from jaxtricks.data.dataset import Dataset

NAME = "missing values"
WORDS = {"", "nan", "na", "n/a", "none", "null", "nil", "?", "-", ".", "missing", "unknown", "-1", "-99", "-999", "999", "9999"}


@registered(NAME)
def check(data: Dataset, splits: Splits) -> list[DataFinding]:
    """Finds features that are missing more often for some labels than for others, and classes named as missing labels are.

    A model may learn who filled in a form, and not what it says. What is not random is told by a χ² test of the classes where a
    value is missing and where it is not; values by Kolmogorov and Smirnov's. A feature whose being missing alone gives the label
    is found as "a feature alone", too.

    Args:
        data: the data set.
        splits: its parts.

    >>> x = np.random.default_rng(0).normal(size=(200, 2))
    >>> x[np.arange(200) % 2 == 1, 0] = np.nan
    >>> [finding.features for finding in check(jt.Dataset.from_arrays(x, np.arange(200) % 2, missing=True), None)]
    [(0,)]
    """
    if data.stream:
        return []
    if not (data.missing or flags(data)):
        return _classes(data)
    x, goals = flat(data), targets(data)
    gaps = {feature.name: (x[:, feature.places[0]] > 0, feature.places) for feature in flags(data)}
    if data.missing:
        absent = np.isnan(x)
        alone = {feature.name: feature.places for feature in features(data) if absent[:, feature.places[0]].any()}
        for name, places in alone.items():
            gaps[name] = (absent[:, places[0]], places + gaps[name][1] if name in gaps else places)
    found = []
    for target in goals:
        for name, (missing, places) in gaps.items():
            p, words = _compared(data, target, missing)
            if alarming(p, len(gaps) * len(goals)):
                rows = np.flatnonzero(missing)
                text = f"{name!r} is missing in {len(rows):,} examples, and not at random: {words}."
                found.append(DataFinding(NAME, "warning", len(rows), first(rows), text, features=places))
    return found + _classes(data)


def _compared(data: Dataset, target: Target, missing: Bool[np.ndarray, " examples"]) -> tuple[float, str]:
    y, other = target.values[~missing], target.values[missing]
    if not len(y) or not len(other):
        return 1.0, ""
    if not target.discrete:
        return unlike(y, other), f"values there have a mean of {other.mean():.3g}, and {y.mean():.3g} elsewhere"
    size = int(target.values.max()) + 1
    counts, others = np.bincount(y, minlength=size), np.bincount(other, minlength=size)
    here, elsewhere = others / others.sum(), counts / counts.sum()
    most = int(np.abs(here - elsewhere).argmax())
    name = target.name or data.classes[most]
    return differing(counts, others), f"{here[most]:.0%} of these are {name!r}, and {elsewhere[most]:.0%} of the others"


def _classes(data: Dataset) -> list[DataFinding]:
    if not data.kind.one_class:
        return []
    found = []
    for place, name in enumerate(data.classes):
        if name.strip().lower() in WORDS and name != str(place):
            rows = np.flatnonzero(data.y == place)
            text = f"{len(rows):,} examples are of the class {name!r}, which looks like a label that is missing."
            found.append(DataFinding(NAME, "warning", len(rows), first(rows), text, examples=rows))
    return found
