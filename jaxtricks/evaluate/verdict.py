"""The verdict: does a change help, hurt, make no difference, or can these seeds not tell?"""

import dataclasses
import enum
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Float

from jaxtricks import statistics
from jaxtricks.evaluate.looks import share
from jaxtricks.objectives.metric import POINTS, Declaration
from jaxtricks.statistics import Interval

ALPHA = 0.05
MOST_SEEDS = 10_000  # no estimate of seeds still needed goes beyond


class Decision(enum.StrEnum):
    """What a verdict says.

    >>> [decision.value for decision in jt.evaluate.Decision]
    ['helps', 'hurts', 'no difference', 'too few seeds', 'inconclusive']
    """

    HELPS = "helps"
    HURTS = "hurts"
    NO_DIFFERENCE = "no difference"
    TOO_FEW_SEEDS = "too few seeds"
    INCONCLUSIVE = "inconclusive"


@dataclasses.dataclass(frozen=True)
class Measure:
    """The metric that a verdict is about, and the smallest difference in it worth caring about.

    Args:
        metric: its name, direction and unit.
        examples: how many validation examples one seed predicts; the margin of a share is at least two of them; None: so
            many that they set no limit.
        margin: the smallest difference worth caring about, in the metric's own units (0.005 is half a point of
            accuracy); None for the rule of `margin_for`.

    Raises:
        ValueError: if `examples` is below one, or `margin` negative or not finite.
    """

    metric: Declaration
    examples: int | None = None
    margin: float | None = None

    def __post_init__(self) -> None:
        if self.examples is not None and self.examples < 1:
            raise ValueError(f"{self.name} counts at least one validation example, not {self.examples}.")
        if self.margin is not None and not 0 <= self.margin < math.inf:
            raise ValueError(f"The margin of {self.name} is a finite difference of at least 0, not {self.margin}.")

    @property
    def name(self) -> str:
        """The metric's name."""
        return self.metric.name

    @property
    def unit(self) -> str:
        """What differences are printed in: "points", or the metric's own unit."""
        return self.metric.unit

    def margin_for(self, baseline: Float[np.ndarray, " seeds"]) -> float:
        """The margin against a baseline: for a share, in points, `max(0.005, 2 / examples)`, else `0.005 |mean baseline|`.

        Args:
            baseline: the baseline's metric, shape [seeds], in the metric's units, which are the result's too.
        """
        if self.margin is not None:
            return self.margin
        if self.unit != POINTS:
            return 0.005 * abs(float(np.mean(baseline)))
        return 0.005 if self.examples is None else max(0.005, 2 / self.examples)


@dataclasses.dataclass(frozen=True, eq=False)
class Comparison:
    """One metric of a baseline and of a change, paired by member: by seed, or by seed and fold.

    Args:
        label: what was changed, such as "dropout=0.5".
        baseline: the metric without the change, shape [members], in the metric's units (accuracy as a share).
        change: the metric with the change, shape [members], in the same units; a diverged member has its last finite one.
        members: the name of each pair, in the order of the arrays, such as "seed 3" or "seed 3 fold 2".
        collapsed: members that collapsed or diverged, by name, such as "change seed 3"; they are compared like all others.
        paired: what a pair is: a "seed", or a "member" where seeds have several, such as folds.

    Raises:
        ValueError: if the three differ in length or are empty, a name occurs twice, or a value is not finite.

    >>> Comparison("dropout=0.5", np.array([0.25, 0.5]), np.array([0.5, 0.5]), ("seed 0", "seed 1")).differences.tolist()
    [0.25, 0.0]
    """

    label: str
    baseline: Float[np.ndarray, " members"]
    change: Float[np.ndarray, " members"]
    members: tuple[str, ...]
    collapsed: tuple[str, ...] = ()
    paired: str = "seed"

    def __post_init__(self) -> None:
        # float32 metrics are subtracted in float64, so that the subtraction does not round.
        arms = {name: np.asarray(getattr(self, name), np.float64) for name in ("baseline", "change")}
        for name, values in arms.items():
            object.__setattr__(self, name, values)
            if values.shape != (len(self.members),) or not self.members:
                raise ValueError(
                    f"{self.label!r} needs one {name} value a member and at least one member, not shape {values.shape} "
                    f"for {len(self.members)} members."
                )
            if bad := [member for member, finite in zip(self.members, np.isfinite(values), strict=True) if not finite]:
                raise ValueError(
                    f"{self.label!r} has {name} values that are not finite at {', '.join(bad)}: "
                    "a diverged member counts with those of its last finite state."
                )
        if len(set(self.members)) < len(self.members):
            raise ValueError(f"{self.label!r} is paired by name, and {self.members} has one twice.")

    @property
    def differences(self) -> Float[np.ndarray, " members"]:
        """Change minus baseline, shape [members], in the metric's units."""
        return np.asarray(self.change - self.baseline)


@dataclasses.dataclass(frozen=True)
class Verdict:
    """A decision about one change, and all that it rests on.

    Args:
        label: what was changed.
        metric: the metric compared.
        unit: what `str` prints differences in: "points" (hundredths of the metric) or the metric's own unit.
        higher_is_better: the metric's direction.
        decision: what the verdict says.
        baseline_mean: mean over seeds without the change, in the metric's units, as all that follow down to the margin.
        change_mean: mean over seeds with it.
        difference: mean of change minus baseline; whether above zero is better depends on the metric.
        median_difference: the median of change minus baseline.
        interval: the interval of the mean difference, see `confidence`; nan at both ends for one seed.
        margin: the smallest difference worth caring about.
        p: two-sided sign-flip p.
        corrected_p: p after Holm's correction over the family, divided by the look's `share`.
        comparisons: size of the family.
        seeds: pairs, a count.
        collapsed: the names of members that collapsed or diverged.
        seeds_needed: if inconclusive, the seeds that it would probably take (None: more than 10,000); if there are too
            few, the fewest that could show an effect; None otherwise.
        paired: what a pair is: a "seed", or a "member" where seeds have several, such as folds.
        look: how many times the pairs have been judged, this time too: seeds that were added make it 2 and more.

    >>> digits, base = jt.load("digits").subset(100, seed=0), jt.Experiment(model=jt.MLP(widths=(8,)), epochs=2)
    >>> runs = jt.fit(base, digits, seeds=4, progress=False)
    >>> verdict, = jt.evaluate.verdicts(runs, {"nothing changed": runs})
    >>> verdict.difference, verdict.decision.value
    (0.0, 'no difference')
    """

    label: str
    metric: str
    unit: str
    higher_is_better: bool
    decision: Decision
    baseline_mean: float
    change_mean: float
    difference: float
    median_difference: float
    interval: Interval
    margin: float
    p: float
    corrected_p: float
    comparisons: int
    seeds: int
    collapsed: tuple[str, ...] = ()
    seeds_needed: int | None = None
    paired: str = "seed"
    look: int = 1

    @property
    def share(self) -> float:
        """The share of the false alarms that its look may spend, see `jaxtricks.evaluate.looks.share`."""
        return share(self.look)

    @property
    def confidence(self) -> float:
        """The confidence of the interval: 0.95 at the first look, more at later ones."""
        return 1 - ALPHA * self.share

    def __str__(self) -> str:
        """One line, such as `dropout=0.5 helps: +0.8 points [0.5, 1.1], p=0.0004, 32 paired seeds`."""
        scale = 100.0 if self.unit == POINTS else 1.0
        low, high = (scale * end for end in self.interval)
        places = _places(self.difference * scale, low, high)
        effect = f"{scale * self.difference:+z.{places}f} {self.unit}"
        if not math.isnan(low):
            effect += f" [{low:z.{places}f}, {high:z.{places}f}]"
        if self.decision is Decision.NO_DIFFERENCE:
            effect += f" inside ±{scale * self.margin:.2g}"
        p = f"p={self.corrected_p:.2g}"
        if corrections := self.corrections:
            p += f" ({', '.join(corrections)})"
        parts = [effect, p, f"{self.seeds} paired {self.paired}{'s' if self.seeds > 1 else ''}"]
        if self.decision is Decision.TOO_FEW_SEEDS:
            parts.append(f"at least {self.seeds_needed} needed")
        if self.decision is Decision.INCONCLUSIVE:
            needed = f"more than {MOST_SEEDS:,}" if self.seeds_needed is None else f"about {self.seeds_needed:,}"
            parts.append(f"{needed} needed")
        if self.collapsed:
            parts.append(f"collapsed: {', '.join(self.collapsed)}")
        return f"{self.label} {self.decision}: ".lstrip() + ", ".join(parts)

    @property
    def corrections(self) -> list[str]:
        """What p was corrected for, in words."""
        family = [f"Holm over {self.comparisons}"] if self.comparisons > 1 else []
        return family + ([f"look {self.look}"] if self.look > 1 else [])

    def to_dict(self) -> dict[str, Any]:
        """The verdict in JSON's types; a missing end of the interval is null, since JSON has no nan."""
        return dataclasses.asdict(self) | {
            "decision": self.decision.value,
            "interval": [None if math.isnan(end) else end for end in self.interval],
            "collapsed": list(self.collapsed),
        }

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> "Verdict":
        """The verdict that `to_dict` wrote.

        Raises:
            TypeError: if a field is missing or unknown.
            ValueError: if the decision is none of `Decision`.
        """
        low, high = (math.nan if end is None else end for end in data["interval"])
        typed = {
            "decision": Decision(data["decision"]),
            "interval": Interval(low, high),
            "collapsed": tuple(data["collapsed"]),
        }
        return cls(**(data | typed))


def fewest_seeds(comparisons: int, look: int = 1) -> int:
    """The fewest paired seeds with which a verdict other than `no difference` is possible: `2^(1 − n) < 0.05 share / m`.

    Args:
        comparisons: size m of the family, a count.
        look: how many times the family has been judged, this time too.

    >>> [fewest_seeds(comparisons) for comparisons in (1, 5, 20)]
    [6, 8, 10]
    """
    return next(n for n in range(1, MOST_SEEDS) if statistics.smallest_p(n) < ALPHA * share(look) / comparisons)


def decide(
    interval: Interval,
    corrected_p: float,
    *,
    seeds: int,
    margin: float,
    comparisons: int = 1,
    higher_is_better: bool = True,
    look: int = 1,
) -> Decision:
    """The decision that follows from an interval and a p: the first of these that holds.

    1. `no difference`: the interval lies inside ±margin, whatever p.
    2. `helps` or `hurts`: the interval excludes zero and the corrected p is below 0.05.
    3. `too few seeds`: no p below 0.05 was possible, see `fewest_seeds`.
    4. `inconclusive`.

    Args:
        interval: of the mean difference, in the metric's units; one with nan ends lies inside no margin and excludes nothing.
        corrected_p: sign-flip p after Holm, divided by the look's `share`, in [0, 1].
        seeds: paired seeds, a count.
        margin: the smallest difference worth caring about, in the metric's units.
        comparisons: size of the family, a count.
        higher_is_better: the metric's direction.
        look: how many times the seeds have been judged, this time too.

    >>> str(decide(Interval(0.002, 0.012), 0.003, seeds=16, margin=0.005))
    'helps'
    >>> str(decide(Interval(-0.001, 0.012), 0.2, seeds=4, margin=0.005))
    'too few seeds'
    """
    if -margin <= interval.low and interval.high <= margin:
        return Decision.NO_DIFFERENCE
    if (interval.low > 0 or interval.high < 0) and corrected_p < ALPHA:
        return Decision.HELPS if (interval.low > 0) == higher_is_better else Decision.HURTS
    if seeds < fewest_seeds(comparisons, look):
        return Decision.TOO_FEW_SEEDS
    return Decision.INCONCLUSIVE


def judge_family(comparisons: Sequence[Comparison], measure: Measure, look: int = 1) -> tuple[Verdict, ...]:
    """The verdicts on several changes that are read together, their p-values corrected over the family by Holm.

    Args:
        comparisons: all changes that were tried, since the correction counts them.
        measure: the metric of all of them.
        look: how many times they have been judged, this time too, see `share`.
    """
    if not comparisons:
        return ()
    ps = np.array([statistics.sign_flip_p(comparison.differences) for comparison in comparisons])
    corrected = np.minimum(statistics.holm(ps) / share(look), 1.0)
    return tuple(
        _verdict(comparison, measure, float(p), float(final), len(comparisons), look)
        for comparison, p, final in zip(comparisons, ps, corrected, strict=True)
    )


def judge(comparison: Comparison, measure: Measure) -> Verdict:
    """The verdict on one change that stands alone.

    Args:
        comparison: its metric beside the baseline's, paired by seed.
        measure: the metric.
    """
    return judge_family((comparison,), measure)[0]


def _verdict(comparison: Comparison, measure: Measure, p: float, corrected_p: float, family: int, look: int) -> Verdict:
    d, seeds, alpha = comparison.differences, len(comparison.members), ALPHA * share(look)
    interval, margin, mean = statistics.interval(d, 1 - alpha), measure.margin_for(comparison.baseline), float(d.mean())
    decision = decide(
        interval,
        corrected_p,
        seeds=seeds,
        margin=margin,
        comparisons=family,
        higher_is_better=measure.metric.higher_is_better,
        look=look,
    )
    needed = None
    if decision is Decision.TOO_FEW_SEEDS:
        needed = fewest_seeds(family, look)
    elif decision is Decision.INCONCLUSIVE:
        found = statistics.over_restarts(d)
        needed = statistics.seeds_needed(found, margin=margin, comparisons=family, alpha=alpha, most=MOST_SEEDS)
    return Verdict(
        label=comparison.label,
        metric=measure.name,
        unit=measure.unit,
        higher_is_better=measure.metric.higher_is_better,
        decision=decision,
        baseline_mean=float(comparison.baseline.mean()),
        change_mean=float(comparison.change.mean()),
        difference=mean,
        median_difference=float(np.median(d)),
        interval=interval,
        margin=margin,
        p=p,
        corrected_p=corrected_p,
        comparisons=family,
        seeds=seeds,
        collapsed=comparison.collapsed,
        seeds_needed=needed,
        paired=comparison.paired,
        look=look,
    )


def _places(difference: float, low: float, high: float) -> int:
    """Decimals that show one digit of the interval's half-width, and keep an end near zero from printing as zero."""
    sizes = [abs(difference)] if math.isnan(low) else [abs(low), abs(high), (high - low) / 2]
    # Sizes below a thousandth of the largest are rounding; a constant difference has an interval of just that width.
    visible = [size for size in sizes if size > 1e-3 * max(sizes)]
    return max(1, -math.floor(math.log10(min(visible)))) if visible else 1
