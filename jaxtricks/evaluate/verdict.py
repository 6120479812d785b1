"""The verdict: does a change help, hurt, make no difference, or can these seeds not tell; on new data, and on these examples?"""

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from jaxtricks import statistics
from jaxtricks.config import ConfigError
from jaxtricks.evaluate.design import Scope
from jaxtricks.evaluate.finding import ALPHA, Rules, ScopedFinding
from jaxtricks.evaluate.finding import Decision as Decision
from jaxtricks.evaluate.inference import Inference
from jaxtricks.evaluate.looks import share
from jaxtricks.evaluate.measure import Comparison as Comparison
from jaxtricks.evaluate.measure import Measure as Measure
from jaxtricks.objectives.metric import POINTS
from jaxtricks.statistics import Interval

HEADLINE = ("decision", "interval", "p", "corrected_p")  # of a finding, repeated in a verdict's JSON


class PairedArms(NamedTuple):
    """How alike the arms of a comparison are, member by member.

    Args:
        correlation: ρ of the paired values, from −1 to 1; None where an arm does not vary.
        saved: how many more members it would take without pairing, below 0 where pairing did harm; None where that is not
            known, or all differences are the same.
    """

    correlation: float | None
    saved: float | None

    @classmethod
    def of(cls, found: statistics.Pairing) -> "PairedArms":
        """Gives what was found, without nan and infinity, which JSON does not have.

        Args:
            found: by `statistics.pairing`.
        """
        return cls(*(value if math.isfinite(value) else None for value in found))


@dataclasses.dataclass(frozen=True)
class Verdict:
    """A decision about one change, and all that it rests on.

    Args:
        label: what was changed.
        metric: the metric compared.
        unit: what `str` prints differences in: "points" (hundredths of the metric) or the metric's own unit.
        higher_is_better: the metric's direction.
        baseline_mean: mean over pairs without the change, in the metric's units, as all that follow down to the margin.
        change_mean: mean over pairs with it.
        difference: mean of change minus baseline; whether above zero is better depends on the metric.
        median_difference: the median of change minus baseline.
        margin: the smallest difference worth caring about.
        comparisons: size of the family.
        findings: what is found in each scope; the first one is the headline.
        members: the name of each pair, such as "seed 3".
        baseline: the metric of each pair without the change.
        change: the same with the change.
        pairing: how alike the paired arms are, of "all" that members have in common and, where it is known, of each source:
            the "examples" that they are validated on, and their "weights, order, masks".
        splits: the number of the split of each pair; empty where none is known.
        collapsed: the names of members that collapsed or diverged.
        paired: what a pair is: a "seed", or a "member" where seeds have several, such as folds.
        look: how many times the pairs have been judged, this time too: seeds that were added make it 2 and more.
        why_not: why there is no finding on new data, in words; empty where there is one.

    >>> digits, base = jt.load("digits").subset(100, seed=0), jt.Experiment(model=jt.MLP(widths=(8,)), epochs=2)
    >>> runs = jt.fit(base, digits, seeds=4, progress=False)
    >>> verdict, = jt.evaluate.verdicts(runs, {"nothing changed": runs})
    >>> verdict.difference, verdict.decision.value, [finding.scope for finding in verdict.findings]
    (0.0, 'no difference', ['new data', 'these examples'])
    """

    label: str
    metric: str
    unit: str
    higher_is_better: bool
    baseline_mean: float
    change_mean: float
    difference: float
    median_difference: float
    margin: float
    comparisons: int
    findings: tuple[ScopedFinding, ...]
    members: tuple[str, ...]
    baseline: tuple[float, ...]
    change: tuple[float, ...]
    pairing: Mapping[str, PairedArms]
    splits: tuple[int, ...] = ()
    collapsed: tuple[str, ...] = ()
    paired: str = "seed"
    look: int = 1
    why_not: str = ""

    @property
    def headline(self) -> ScopedFinding:
        """The finding that the verdict is about: on new data, where there is one."""
        return self.findings[0]

    @property
    def decision(self) -> Decision:
        """What the headline says."""
        return self.headline.decision

    @property
    def interval(self) -> Interval:
        """The headline's interval of the mean difference, see `confidence`; nan at both ends for one seed."""
        return self.headline.interval

    @property
    def p(self) -> float:
        """The headline's two-sided p."""
        return self.headline.p

    @property
    def corrected_p(self) -> float:
        """The headline's p after Holm's correction over the family, divided by the look's `share`."""
        return self.headline.corrected_p

    @property
    def seeds_needed(self) -> int | None:
        """The seeds that the headline would take where it is undecided, see `ScopedFinding`."""
        return self.headline.seeds_needed

    @property
    def seeds(self) -> int:
        """Pairs, a count."""
        return len(self.members)

    @property
    def correlation(self) -> float | None:
        """The correlation ρ of the paired arms over members; None where an arm does not vary."""
        return self.pairing["all"].correlation

    @property
    def saved(self) -> float | None:
        """How many more members it would take without pairing; None where the differences do not vary."""
        return self.pairing["all"].saved

    def on(self, scope: Scope) -> ScopedFinding:
        """Gives the finding of one scope.

        Args:
            scope: "new data" or "these examples".

        Raises:
            ConfigError: where there is none, with those that there are.
        """
        found = {finding.scope: finding for finding in self.findings}
        if scope not in found:
            there = " and ".join(f"{name!r}" for name in found)
            why = f", since {self.why_not}" if self.why_not else ""
            raise ConfigError(f"scope = {scope!r} has no finding in this verdict{why}; {there} is allowed.")
        return found[scope]

    @property
    def share(self) -> float:
        """The share of the false alarms that its look may spend, see `jaxtricks.evaluate.looks.share`."""
        return share(self.look)

    @property
    def confidence(self) -> float:
        """The confidence of the interval: 0.95 at the first look, more at later ones."""
        return 1 - ALPHA * self.share

    def __str__(self) -> str:
        """The headline, and a line on each other scope, such as

        dropout=0.5 helps on new data: +0.8 points [0.4, 1.2], p=0.0012, 32 paired seeds
          on these examples: helps, [0.5, 1.1], p=0.0004
        """
        lines = [f"{self.label} {self.decision} on {self.headline.scope}: {self.effect}".lstrip()]
        for finding in self.findings[1:]:
            interval = f", {self._ends(finding)}" if finding.freedom > 0 else ""
            lines.append(f"  on {finding.scope}: {finding.decision}{interval}, p={finding.corrected_p:.2g}")
        return "\n".join(lines)

    @property
    def effect(self) -> str:
        """What the headline's decision rests on, such as `+0.8 points [0.4, 1.2], p=0.0012, 32 paired seeds`."""
        effect = f"{self._scale * self.difference:+z.{self._decimals}f} {self.unit}"
        if not math.isnan(self.interval.low):
            effect += f" {self._ends(self.headline)}"
        if self.decision is Decision.NO_DIFFERENCE:
            effect += f" inside ±{self._scale * self.margin:.2g}"
        p = f"p={self.corrected_p:.2g}"
        if corrections := self.corrections:
            p += f" ({', '.join(corrections)})"
        parts = [effect, p, f"{self.seeds} paired {self.paired}{'s' if self.seeds > 1 else ''}"]
        if needed := self.headline.needed(self.paired):
            parts.append(f"{needed} needed")
        if self.collapsed:
            parts.append(f"collapsed: {', '.join(self.collapsed)}")
        return ", ".join(parts)

    @property
    def _scale(self) -> float:
        return 100.0 if self.unit == POINTS else 1.0

    @property
    def _decimals(self) -> int:
        return _places(*(self._scale * x for x in (self.difference, *self.interval)))

    def _ends(self, finding: ScopedFinding) -> str:
        low, high = (f"{self._scale * end:z.{self._decimals}f}" for end in finding.interval)
        return f"[{low}, {high}]"

    @property
    def corrections(self) -> list[str]:
        """What p was corrected for, in words."""
        family = [f"Holm over {self.comparisons}"] if self.comparisons > 1 else []
        return family + ([f"look {self.look}"] if self.look > 1 else [])

    def to_dict(self) -> dict[str, Any]:
        """The verdict in JSON's types, with the values of each member, so that anybody can judge again.

        What the headline says is repeated beside the findings, for those who read no more than that.
        """
        written: dict[str, Any] = {
            "findings": [finding.to_dict() for finding in self.findings],
            "pairing": {name: each._asdict() for name, each in self.pairing.items()},
        }
        lists = {name: list(getattr(self, name)) for name in ("members", "baseline", "change", "splits", "collapsed")}
        headline = {name: written["findings"][0][name] for name in HEADLINE}
        return dataclasses.asdict(self) | written | lists | headline | {"seeds": self.seeds}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> "Verdict":
        """The verdict that `to_dict` wrote.

        Raises:
            TypeError: if a field is missing or unknown.
            ValueError: if a decision is none of `Decision`.
        """
        tuples = {name: tuple(data[name]) for name in ("members", "baseline", "change", "splits", "collapsed")}
        read = {
            "findings": tuple(map(ScopedFinding.from_dict, data["findings"])),
            "pairing": {name: PairedArms(**each) for name, each in data["pairing"].items()},
        }
        own = {name: value for name, value in data.items() if name not in (*HEADLINE, "seeds")}
        return cls(**(own | tuples | read))


def judge_family(comparisons: Sequence[Comparison], measure: Measure, look: int = 1) -> tuple[Verdict, ...]:
    """The verdicts on several changes that are read together, their p-values corrected over the family by Holm, in each scope.

    Args:
        comparisons: all changes that were tried, since the correction counts them.
        measure: the metric of all of them.
        look: how many times they have been judged, this time too, see `share`.
    """
    if not comparisons:
        return ()
    inferred = [comparison.design.infer(comparison.differences) for comparison in comparisons]
    # A change without a finding in a scope was tried all the same: it counts with a p of 1.
    ps = {
        scope: np.array([found[scope].p if scope in found else 1.0 for found in inferred])
        for scope in dict.fromkeys(scope for found in inferred for scope in found)
    }
    corrected = {scope: np.minimum(statistics.holm(each) / share(look), 1.0) for scope, each in ps.items()}
    return tuple(
        _verdict(comparison, measure, found, {scope: float(ps[place]) for scope, ps in corrected.items()}, look, len(comparisons))
        for place, (comparison, found) in enumerate(zip(comparisons, inferred, strict=True))
    )


def judge(comparison: Comparison, measure: Measure) -> Verdict:
    """The verdict on one change that stands alone.

    Args:
        comparison: its metric beside the baseline's, paired by member.
        measure: the metric.
    """
    return judge_family((comparison,), measure)[0]


def _verdict(
    comparison: Comparison,
    measure: Measure,
    found: Mapping[Scope, Inference],
    corrected: Mapping[Scope, float],
    look: int,
    family: int,
) -> Verdict:
    d, margin = comparison.differences, measure.margin_for(comparison.baseline)
    pairing = {"all": statistics.pairing(comparison.baseline, comparison.change), **comparison.design.pairing()}
    rules = Rules(margin, measure.metric.higher_is_better, family, look, comparison.design.examples)
    return Verdict(
        label=comparison.label,
        metric=measure.name,
        unit=measure.unit,
        higher_is_better=measure.metric.higher_is_better,
        baseline_mean=float(comparison.baseline.mean()),
        change_mean=float(comparison.change.mean()),
        difference=float(d.mean()),
        median_difference=float(np.median(d)),
        margin=margin,
        comparisons=family,
        findings=tuple(rules.finding(scope, each, corrected[scope]) for scope, each in found.items()),
        members=comparison.members,
        baseline=tuple(comparison.baseline.tolist()),
        change=tuple(comparison.change.tolist()),
        pairing={name: PairedArms.of(each) for name, each in pairing.items()},
        splits=comparison.splits,
        collapsed=comparison.collapsed,
        paired=comparison.paired,
        look=look,
        why_not=comparison.design.why_not,
    )


def _places(difference: float, low: float, high: float) -> int:
    """Decimals that show one digit of the interval's half-width, and keep an end near zero from printing as zero."""
    sizes = [abs(difference)] if math.isnan(low) else [abs(low), abs(high), (high - low) / 2]
    # Sizes below a thousandth of the largest are rounding; a constant difference has an interval of just that width.
    visible = [size for size in sizes if size > 1e-3 * max(sizes)]
    return max(1, -math.floor(math.log10(min(visible)))) if visible else 1
