"""Examples of one group, such as a patient, that are both trained and validated on."""

import re

import numpy as np
from jaxtyping import Int

from jaxtricks import rng
from jaxtricks.checks.finding import DataFinding, Severity, first
from jaxtricks.checks.registry import registered
from jaxtricks.checks.splits import Splits
from jaxtricks.checks.view import Feature, Flat, features, flat
from jaxtricks.data.dataset import Dataset
from jaxtricks.data.splits import Split, grouped

NAME = "groups on both sides"
WHO = "patient|subject|person|user|customer|client|writer|author|speaker|session|household|student|donor"
ANY = "group|device|sensor|camera|station|site|hospital|school|family|field|plot|batch|animal|machine|case|match|video|track"
MEANT = re.compile(rf"(?:^|_)(?:(?:{WHO})(?:_?(?:id|no|number|name|key|code))?|(?:{ANY})_?(?:id|no|number|name|key|code))$")
PARTS = 5


@registered(NAME)
def check(data: Dataset, splits: Splits) -> list[DataFinding]:
    """Finds groups that are on both sides of the split: those that the data set names, else columns named as such.

    A column is taken for groups by its name, such as patient, user_id or session, where its values occur twice or more on
    average. The score without what is known of a group is that on a split that keeps groups whole.

    Args:
        data: the data set.
        splits: its parts.

    >>> table = {"patient": [1, 1, 2, 2, 3, 3, 4, 4, 5, 5] * 2, "dose": [0.5, 1.5] * 10, "ill": ["yes", "no"] * 10}
    >>> data = jt.Dataset.from_frame(table, "ill")
    >>> [(finding.severity, finding.check) for finding in check(data, jt.checks.Splits.of(data, 0))]
    [('warning', 'groups on both sides')]
    >>> data = jt.Dataset.from_frame(table, "ill", groups="patient", validation=0.4)
    >>> check(data, jt.checks.Splits.of(data, 0))
    []
    """
    if data.groups is not None:
        return _of(data, splits, "groups", data.groups, "leak")
    if data.columns is None:
        return []
    x = flat(data)
    found = []
    for feature in features(data):
        if MEANT.search(re.sub(r"[^a-z0-9]+", "_", _snake(feature.name))) and (groups := _repeated(x, feature)) is not None:
            found += _of(data, splits, feature.name, groups, "warning")
    return found


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


def _repeated(x: Flat, feature: Feature) -> Int[np.ndarray, " examples"] | None:
    """The number of each example's group; None where groups have hardly more than one example, or are only one."""
    values = x[:, feature.places]
    groups = np.unique(values, axis=0, return_inverse=True)[1].reshape(-1)
    return groups if 2 <= int(groups.max()) + 1 <= len(x) / 2 else None


def _of(data: Dataset, splits: Splits, name: str, groups: Int[np.ndarray, " examples"], severity: Severity) -> list[DataFinding]:
    both = np.intersect1d(groups[splits.train], groups[splits.validation])
    if not len(both):
        return []
    places = splits.validation[np.isin(groups[splits.validation], both)]
    share = len(places) / len(splits.validation)
    how = "" if severity == "leak" else f"; if rows of one {name} belong together, groups={name!r} keeps them on one side"
    text = (
        f"{share:.0%} of the examples to validate on, {len(places):,}, are of {len(both):,} of {name!r} that are trained on, "
        f"too{how}."
    )
    return [
        DataFinding(
            NAME, "leak" if severity == "leak" else "warning", len(places), first(places), text, split=_whole(data, groups)
        )
    ]


def _whole(data: Dataset, groups: Int[np.ndarray, " examples"]) -> Split | None:
    """A split that keeps groups whole, of a fifth of them; None where there are fewer."""
    if len(np.unique(groups)) < PARTS:
        return None
    return grouped(groups, data.strata, PARTS, rng.host(0, "check"))[0]
