"""What a verdict finds in one scope, and the decision that follows from an interval and a p."""

import dataclasses
import enum
import math
from typing import Any

from jaxtricks import statistics
from jaxtricks.evaluate.design import Scope
from jaxtricks.evaluate.inference import Inference
from jaxtricks.evaluate.looks import share
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
class ScopedFinding:
    """What the pairs say about one scope, in the metric's units.

    Args:
        scope: "new data": other examples of this kind; or "these examples": other restarts on the same ones.
        decision: what is said.
        interval: the interval of the mean difference; nan at both ends where one seed gives none.
        p: two-sided, of "there is no difference".
        corrected_p: p after Holm's correction over the family, divided by the look's `share`.
        error: the standard error of the mean difference; nan where one seed gives none.
        freedom: the degrees of freedom of the error; nan where there is none.
        detectable: the smallest true difference that this design finds four times of five; nan where there is no error.
        seeds_needed: the seeds that it would take where it is undecided; None: it is decided, or no number up to 10,000 would do.
        examples_needed: how many examples it would take where seeds would not do; None: it is decided, or seeds would.
        seeds_too: whether so many examples would do with 10,000 seeds only, and not with those that there are.

    >>> digits, base = jt.load("digits").subset(100, seed=0), jt.Experiment(model=jt.MLP(widths=(8,)), epochs=2)
    >>> verdict = jt.compare(base, base, digits, seeds=4, progress=False)
    >>> verdict.on("these examples").decision.value, verdict.on("new data").error
    ('no difference', 0.0)
    """

    scope: Scope
    decision: Decision
    interval: Interval
    p: float
    corrected_p: float
    error: float
    freedom: float
    detectable: float
    seeds_needed: int | None = None
    examples_needed: int | None = None
    seeds_too: bool = False

    def needed(self, paired: str = "seed") -> str:
        """What it would take to decide, in words, such as "about 40 seeds"; empty where it is decided.

        Args:
            paired: what a pair is, see `Verdict`.
        """
        if self.decision is Decision.TOO_FEW_SEEDS:
            return f"at least {self.seeds_needed:,} {paired}s"
        if self.decision is not Decision.INCONCLUSIVE:
            return ""
        if self.seeds_needed is not None:
            return f"about {self.seeds_needed:,} {paired}s"
        if self.examples_needed is not None:
            both = f" and more {paired}s" if self.seeds_too else ""
            return f"more {paired}s {'alone ' * self.seeds_too}will not help: about {self.examples_needed:,} examples{both}"
        return f"more than {MOST_SEEDS:,} {paired}s"

    def to_dict(self) -> dict[str, Any]:
        """The finding in JSON's types; what is nan is null, since JSON has no nan."""
        return (
            dataclasses.asdict(self)
            | {
                "decision": self.decision.value,
                "interval": [_plain(end) for end in self.interval],
            }
            | {name: _plain(getattr(self, name)) for name in ("error", "freedom", "detectable")}
        )

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> "ScopedFinding":
        """The finding that `to_dict` wrote.

        Raises:
            TypeError: if a field is missing or unknown.
            ValueError: if the decision is none of `Decision`.
        """
        low, high = (_number(end) for end in data["interval"])
        typed = {
            "decision": Decision(data["decision"]),
            "interval": Interval(low, high),
        }
        numbers = {name: _number(data[name]) for name in ("error", "freedom", "detectable")}
        return cls(**(data | typed | numbers))


def decide(
    interval: Interval, corrected_p: float, *, margin: float, higher_is_better: bool = True, enough: bool = True
) -> Decision:
    """The decision that follows from an interval and a p: the first of these that holds.

    1. `no difference`: the interval lies inside ±margin, whatever p.
    2. `helps` or `hurts`: the interval excludes zero and the corrected p is below 0.05.
    3. `too few seeds`: no p below 0.05 was possible.
    4. `inconclusive`.

    Args:
        interval: of the mean difference, in the metric's units; one with nan ends lies inside no margin and excludes nothing.
        corrected_p: after Holm, divided by the look's `share`, in [0, 1].
        margin: the smallest difference worth caring about, in the metric's units.
        higher_is_better: the metric's direction.
        enough: whether a p below 0.05 was possible with so many seeds.

    >>> str(decide(Interval(0.002, 0.012), 0.003, margin=0.005))
    'helps'
    >>> str(decide(Interval(-0.001, 0.012), 0.2, margin=0.005, enough=False))
    'too few seeds'
    """
    if -margin <= interval.low and interval.high <= margin:
        return Decision.NO_DIFFERENCE
    if (interval.low > 0 or interval.high < 0) and corrected_p < ALPHA:
        return Decision.HELPS if (interval.low > 0) == higher_is_better else Decision.HURTS
    return Decision.INCONCLUSIVE if enough else Decision.TOO_FEW_SEEDS


def fewest_seeds(comparisons: int, look: int = 1) -> int:
    """The fewest independent draws with which a verdict other than `no difference` is possible: `2^(1 − n) < 0.05 share / m`.

    Args:
        comparisons: size m of the family, a count.
        look: how many times the family has been judged, this time too.

    >>> [fewest_seeds(comparisons) for comparisons in (1, 5, 20)]
    [6, 8, 10]
    """
    return next(n for n in range(1, MOST_SEEDS) if statistics.smallest_p(n) < ALPHA * share(look) / comparisons)


@dataclasses.dataclass(frozen=True)
class Rules:
    """What a finding is judged by.

    Args:
        margin: the smallest difference worth caring about, in the metric's units.
        higher_is_better: the metric's direction.
        comparisons: size of the family, a count.
        look: how many times the pairs have been judged, this time too.
        examples: how many examples there are; None: not known.
    """

    margin: float
    higher_is_better: bool = True
    comparisons: int = 1
    look: int = 1
    examples: int | None = None

    @property
    def alpha(self) -> float:
        """The share of false alarms that the look may spend."""
        return ALPHA * share(self.look)

    def finding(self, scope: Scope, found: Inference, corrected_p: float) -> ScopedFinding:
        """Gives the finding that follows from what the pairs say.

        Args:
            scope: of the finding.
            found: what they say.
            corrected_p: after Holm, divided by the look's `share`.
        """
        sure, interval = found.uncertainty, found.interval(1 - self.alpha)
        fewest = fewest_seeds(self.comparisons, self.look)
        decision = decide(
            interval,
            corrected_p,
            margin=self.margin,
            higher_is_better=self.higher_is_better,
            enough=sure.seeds >= fewest,
        )
        seeds, examples, seeds_too = None, None, False
        if decision is Decision.TOO_FEW_SEEDS:
            seeds = fewest
        elif decision is Decision.INCONCLUSIVE:
            rule: Any = {"margin": self.margin, "comparisons": self.comparisons, "alpha": self.alpha}
            seeds = statistics.seeds_needed(sure, most=MOST_SEEDS, **rule)
            if seeds is None and self.examples is not None and sure.of_data > 0:
                examples = statistics.examples_needed(sure, self.examples, **rule)
                if seeds_too := examples is None:
                    examples = statistics.examples_needed(sure.at(MOST_SEEDS), self.examples, **rule)
        return ScopedFinding(
            scope=scope,
            decision=decision,
            interval=interval,
            p=found.p,
            corrected_p=corrected_p,
            error=_number(_plain(sure.error)),  # the one nan that equals itself inside of a tuple
            freedom=_number(_plain(sure.freedom)),
            detectable=_number(_plain(sure.detectable(self.alpha / self.comparisons))),
            seeds_needed=seeds,
            examples_needed=examples,
            seeds_too=seeds_too and examples is not None,
        )


def _plain(value: float) -> float | None:
    return None if math.isnan(value) else value


def _number(value: float | None) -> float:
    return math.nan if value is None else value
