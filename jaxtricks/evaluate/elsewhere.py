"""Values from elsewhere, judged by the same rules: two tables of a value a seed, or all pairs of a leaderboard."""

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from jaxtyping import Float

from jaxtricks.config import ConfigError
from jaxtricks.data import DataError
from jaxtricks.data.frames import as_table, column_of
from jaxtricks.evaluate.compare import check_margin
from jaxtricks.evaluate.design import Design, OwnSplits, RestartsOnly
from jaxtricks.evaluate.measure import Comparison, Measure
from jaxtricks.evaluate.verdict import Verdict, judge_family
from jaxtricks.experiment.sampling import few
from jaxtricks.objectives.metric import Declaration


@dataclass(frozen=True)
class ReadAs:
    """How values from elsewhere are read.

    Args:
        higher_is_better: the direction of the values.
        metric: what they are called.
        unit: what differences are printed in: "points" for shares in [0, 1], or a unit; None: the metric's name.
        margin: the smallest difference worth caring about, in their units; None: half a point of a share, else half a per cent
            of the baseline's mean.
        share: the share of all examples that each seed drew to validate on, in (0, 1), the others being trained on. With it a
            verdict on new data is possible; None: not known.

    Raises:
        ConfigError: for a direction that is no bool, or a margin or share that cannot be.
    """

    higher_is_better: bool
    metric: str = "value"
    unit: str | None = None
    margin: float | None = None
    share: float | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.higher_is_better, bool):
            raise ConfigError(f"higher_is_better = {self.higher_is_better!r} is not True or False.")
        check_margin(self.margin)
        if self.share is not None and not 0 < self.share < 1:
            raise ConfigError(f"share = {self.share} is not a share between 0 and 1, or None where it is not known.")

    @property
    def measure(self) -> Measure:
        """The metric and its margin."""
        return Measure(Declaration(self.metric, self.higher_is_better, self.unit or self.metric, False), None, self.margin)

    def design(self, splits: Sequence[str] | None, members: int) -> Design:
        """How the values were drawn, as far as it is known.

        Args:
            splits: the name of each member's split; None: each has its own.
            members: a count.
        """
        if self.share is None:
            return RestartsOnly("the share of the examples that was validated on is not known")
        groups = np.arange(members) if splits is None else np.array(splits)
        if len(np.unique(groups)) < 2:
            return RestartsOnly("all values are of one split")
        return OwnSplits(groups, self.share / (1 - self.share))


@dataclass(frozen=True, eq=False)
class SeedValues:
    """The values of one arm.

    Args:
        name: what it is called.
        values: one a seed, [seeds].
        seeds: their names, in the order of the values.
        splits: the name of each one's split; None: not told.
    """

    name: str
    values: Float[np.ndarray, " seeds"]
    seeds: tuple[str, ...]
    splits: tuple[str, ...] | None

    @classmethod
    def of(cls, name: str, table: pa.Table) -> "SeedValues":
        """Reads a table with the columns seed and value, and split where there is one.

        Args:
            name: of the arm, for messages too.
            table: a row a seed.

        Raises:
            DataError: for a column that is missing, a seed that is there twice or has no finite value, or one seed alone.
        """
        seeds = tuple(map(str, column_of(table, "seed", name).to_pylist()))
        values = []
        for seed, given in zip(seeds, column_of(table, "value", name).to_pylist(), strict=True):
            values.append(_number(given))
            if not math.isfinite(values[-1]):
                raise DataError(f"{name}: the value of seed {seed} is {given!r}; a finite number is allowed.")
        if twice := sorted({seed for seed in seeds if seeds.count(seed) > 1}):
            raise DataError(f"{name}: seed {twice[0]} is there {seeds.count(twice[0])} times; each seed once is allowed.")
        if len(seeds) < 2:
            raise DataError(f"{name}: it has {len(seeds)} seed, which says nothing of luck; two or more are allowed.")
        splits = tuple(map(str, table["split"].to_pylist())) if "split" in table.column_names else None
        return cls(name, np.array(values), seeds, splits)

    def in_order_of(self, other: "SeedValues") -> "SeedValues":
        """Gives the same values, in the order of another arm's seeds.

        Args:
            other: the other arm.

        Raises:
            DataError: where the seeds are not the same, or one of them has another split.
        """
        for one, more in ((self, other), (other, self)):
            if lacking := [seed for seed in more.seeds if seed not in one.seeds]:
                raise DataError(f"{one.name} has no seed {few(lacking)}, which {more.name} has; values are paired by seed.")
        order = [self.seeds.index(seed) for seed in other.seeds]
        splits = None if self.splits is None else tuple(self.splits[place] for place in order)
        if splits is not None and other.splits is not None and splits != other.splits:
            seed = next(seed for seed, one, two in zip(other.seeds, splits, other.splits, strict=True) if one != two)
            raise DataError(f"{self.name}: seed {seed} has another split than in {other.name}; values are paired by split too.")
        return SeedValues(self.name, self.values[order], other.seeds, splits)

    def against(self, baseline: "SeedValues", label: str, given: ReadAs) -> Comparison:
        """Gives the comparison with a baseline.

        Args:
            baseline: the other arm.
            label: of the comparison.
            given: how the values are read.
        """
        own = self.in_order_of(baseline)
        splits = own.splits if baseline.splits is None else baseline.splits
        numbers = () if splits is None else tuple(np.unique(splits, return_inverse=True)[1].tolist())
        names = tuple(f"seed {seed}" for seed in own.seeds)
        design = given.design(splits, len(names))
        return Comparison(label, baseline.values, own.values, names, design=design, splits=numbers)


def judge(
    baseline: Any,
    change: Any,
    *,
    higher_is_better: bool,
    metric: str = "value",
    unit: str | None = None,
    margin: float | None = None,
    share: float | None = None,
    label: str = "change",
) -> Verdict:
    """The verdict on values from elsewhere, paired by seed.

    Args:
        baseline: a table with the columns seed and value, and split where seeds share splits: a frame of pandas, polars, Arrow or
            DuckDB, or a dict of columns.
        change: the same, with the same seeds.
        higher_is_better: the direction of the values.
        metric: what they are called.
        unit: what differences are printed in: "points" for shares in [0, 1], or a unit; None: the metric's name.
        margin: the smallest difference worth caring about; None: half a point of a share, else 0.5% of the baseline's mean.
        share: the share of all examples that each seed drew to validate on; None: not known, and nothing is said about new data.
        label: what the change is called.

    Raises:
        ConfigError: for a margin or a share that cannot be.
        DataError: for a missing column, seeds that are not the same or there twice, one seed, or what is no number.

    >>> before = {"seed": range(6), "value": [0.90, 0.91, 0.89, 0.92, 0.90, 0.91]}
    >>> after = {"seed": range(6), "value": [0.92, 0.93, 0.92, 0.94, 0.91, 0.93]}
    >>> verdict = jt.judge(before, after, higher_is_better=True, metric="accuracy", unit="points")
    >>> verdict.decision.value, [finding.scope for finding in verdict.findings]
    ('helps', ['these examples'])
    """
    given = ReadAs(higher_is_better, metric, unit, margin, share)
    one, other = (SeedValues.of(name, as_table(frame)) for name, frame in (("baseline", baseline), (label, change)))
    return judge_family([other.against(one, label, given)], given.measure)[0]


def judge_pairs(
    results: Any,
    *,
    higher_is_better: bool,
    metric: str = "value",
    unit: str | None = None,
    margin: float | None = None,
    share: float | None = None,
) -> tuple[Verdict, ...]:
    """The verdicts on all pairs of a leaderboard, their p corrected over all of them by Holm; arguments as for `judge`.

    Args:
        results: a table with the columns name, seed and value, and split where seeds share splits; each name has the same seeds.

    Raises:
        ConfigError: for a margin or a share that cannot be.
        DataError: as for `judge`, and for fewer than two names.

    >>> table = {"name": ["a"] * 3 + ["b"] * 3 + ["c"] * 3, "seed": [0, 1, 2] * 3, "value": [1, 2, 3, 2, 3, 4, 1, 3, 2]}
    >>> [verdict.label for verdict in jt.evaluate.judge_pairs(table, higher_is_better=False)]
    ['b against a', 'c against a', 'c against b']
    """
    given, table = ReadAs(higher_is_better, metric, unit, margin, share), as_table(results)
    names = column_of(table, "name", "results").to_pylist()
    rows: dict[str, list[int]] = {}
    for row, name in enumerate(names):
        rows.setdefault(str(name), []).append(row)
    if len(rows) < 2:
        raise DataError(f"results: the column name has {', '.join(map(repr, rows))} alone; two names or more are allowed.")
    arms = [SeedValues.of(name, table.take(places)) for name, places in rows.items()]
    pairs = itertools.combinations(arms, 2)
    return judge_family([two.against(one, f"{two.name} against {one.name}", given) for one, two in pairs], given.measure)


def _number(value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        return math.nan
