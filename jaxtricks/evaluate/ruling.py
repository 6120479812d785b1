"""What a measurement says about a statement: parts, each with its ruling and p, and the ruling that follows from them."""

import enum
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

import numpy as np

from jaxtricks import statistics
from jaxtricks.evaluate.estimate import Estimate, Scope
from jaxtricks.evaluate.finding import ALPHA as ALPHA
from jaxtricks.evaluate.verdict import Decision, Verdict

StatementKind = Literal["identity", "effect", "paper", "premise"]


class Ruling(enum.StrEnum):
    """What a measurement says about a statement."""

    SUPPORTED = "supported"
    REFUTED = "refuted"
    INCONCLUSIVE = "inconclusive"
    NOT_TESTABLE = "not testable here"


@dataclass(frozen=True)
class JudgedInterval:
    """An interval and the bounds that it was held against, in one unit: what a plot of the part draws.

    Args:
        name: of the part.
        mean: the estimate.
        low: the interval's lower end.
        high: its upper end.
        above: the bound that it should lie above; None without one.
        below: the bound that it should lie below; None without one.

    >>> settle("is more than one", Estimate(0.8, 0.5, 1.1), above=1).measured[0].above
    1
    """

    name: str
    mean: float
    low: float
    high: float
    above: float | None
    below: float | None


@dataclass(frozen=True)
class Statement:
    """One thing that a claim says, and what the measurement says about it alone.

    Args:
        name: what it says, in a few words.
        kind: "identity": exact, a formula or that something can be done, which luck cannot decide; "effect": the lecture's words,
            with an interval; "paper": a paper's claim or ours, which the lecture does not make and which decides nothing where
            the lecture claims something itself; "premise": without it the rest cannot be tested here.
        ruling: by this part's own interval.
        p: two-sided, of the bound that the interval is held against; None where nothing was left to luck.
        against: whether the measurement lies on the side that refutes it.
        text: what was measured, for the reader.
        scope: what an effect is about: "new data" of this kind, or "these examples" (other restarts on them); None for the rest.
        measured: the intervals behind it; empty where it has none.

    >>> str(settle("is positive", Estimate(0.8, 0.5, 1.1), above=0).ruling)
    'supported'
    """

    name: str
    kind: StatementKind
    ruling: Ruling
    p: float | None = None
    against: bool = False
    text: str = ""
    scope: Scope | None = None
    measured: tuple[JudgedInterval, ...] = ()


def settle(
    name: str,
    estimate: Estimate,
    *,
    above: float = -math.inf,
    below: float = math.inf,
    kind: StatementKind = "effect",
    scope: Scope | None = None,
    spec: str = ".3g",
) -> Statement:
    """Supported if the whole interval lies between the bounds, refuted if it lies beyond one, else inconclusive.

    Args:
        name: what the part says.
        estimate: the interval; one with nan ends is inconclusive.
        above: the lower bound, in the estimate's units.
        below: the upper bound.
        kind: of the part.
        scope: what it is about; by default what the estimate is about.
        spec: how numbers are printed.

    >>> settle("is more than one", Estimate(0.8, 0.5, 1.1), above=1).text
    '0.8 [0.5, 1.1], above 1?'
    """
    beyond = [bound for bound, out in ((above, estimate.mean <= above), (below, estimate.mean >= below)) if out]
    inside = [bound for bound in (above, below) if math.isfinite(bound)]
    p = estimate.p(beyond[0]) if beyond else max(map(estimate.p, inside), default=1.0)
    if above < estimate.low and estimate.high < below:
        ruling = Ruling.SUPPORTED
    elif estimate.high <= above or estimate.low >= below:
        ruling = Ruling.REFUTED
    else:
        ruling = Ruling.INCONCLUSIVE
    bounds = [f"{word} {bound:{spec}}" for word, bound in (("above", above), ("below", below)) if math.isfinite(bound)]
    text = f"{estimate:{spec}}, {' and '.join(bounds)}?"
    chance = kind in ("effect", "paper")
    scope = (scope or estimate.scope) if chance else None
    measured = _measured(name, estimate, above, below)
    return Statement(name, kind, ruling, p if chance else None, bool(beyond), text, scope, (measured,))


def _measured(name: str, estimate: Estimate, above: float, below: float) -> JudgedInterval:
    bounds = (bound if math.isfinite(bound) else None for bound in (above, below))
    return JudgedInterval(name, estimate.mean, estimate.low, estimate.high, *bounds)


def expect(
    name: str, verdict: Verdict, *expected: Decision, kind: StatementKind = "effect", scope: Scope | None = None
) -> Statement:
    """Supported if a verdict decided as expected, inconclusive if it decided nothing, else refuted.

    Args:
        name: what the part says.
        verdict: of a comparison.
        expected: the decisions that support it.
        kind: of the part.
        scope: of the verdict's finding that is read; by default its headline, on new data where it has one.
    """
    finding = verdict.headline if scope is None else verdict.on(scope)
    difference = Estimate(verdict.difference, *finding.interval, freedom=finding.freedom if finding.freedom > 0 else math.inf)
    same = max(difference.p(-verdict.margin), difference.p(verdict.margin))
    undecided = finding.decision in (Decision.INCONCLUSIVE, Decision.TOO_FEW_SEEDS)
    if finding.decision in expected:
        ruling, against = Ruling.SUPPORTED, False
    elif undecided:
        better = (verdict.difference > 0) == verdict.higher_is_better
        ruling, against = Ruling.INCONCLUSIVE, (Decision.HELPS if better else Decision.HURTS) not in expected
    else:
        ruling, against = Ruling.REFUTED, True
    # A part that stands needs the p that its family left it; one that falls is corrected with the claim's other parts.
    tested = finding.p if against else finding.corrected_p
    p = same if finding.decision is Decision.NO_DIFFERENCE else tested
    measured = _measured(name, difference, *_expected_within(verdict.margin, expected, verdict.higher_is_better))
    return Statement(name, kind, ruling, p, against, in_one_line(str(verdict)), finding.scope, (measured,))


def _expected_within(margin: float, expected: Sequence[Decision], higher_is_better: bool) -> tuple[float, float]:
    """Between which bounds a difference lies that is decided as expected; infinite where there is none."""
    gains = {Decision.HELPS: (0.0, math.inf), Decision.NO_DIFFERENCE: (-margin, margin), Decision.HURTS: (-math.inf, 0.0)}
    low, high = min(gains[each][0] for each in expected), max(gains[each][1] for each in expected)
    return (low, high) if higher_is_better else (-high, -low)


def in_one_line(text: str) -> str:
    """The text with its lines joined, as of a verdict with a line for each scope.

    >>> in_one_line("helps on new data" + chr(10) + "  on these examples: helps")
    'helps on new data; on these examples: helps'
    """
    return "; ".join(line.strip() for line in text.splitlines())


def exact(name: str, errors: float | np.ndarray, tolerance: float) -> Statement:
    """An identity, which holds where no error reaches the tolerance: whatever the draw, and so without a p.

    Args:
        name: what the part says.
        errors: all of them, at least 0.
        tolerance: the error that rounding explains.

    >>> exact("is Adam", np.array([1e-9, 2e-8]), 1e-6).text
    'off by at most 2e-08, below 1e-06?'
    """
    worst = float(np.max(errors))
    ruling = Ruling.SUPPORTED if worst < tolerance else Ruling.REFUTED
    text = f"off by at most {worst:.2g}, below {tolerance:.2g}?"
    return Statement(name, "identity", ruling, against=ruling is Ruling.REFUTED, text=text)


def holds(name: str, true: bool, text: str) -> Statement:
    """An identity that is true or not, such as that something can be done.

    >>> str(holds("two and two are four", 2 + 2 == 4, "they are").ruling)
    'supported'
    """
    return Statement(name, "identity", Ruling.SUPPORTED if true else Ruling.REFUTED, against=not true, text=text)


def premise(name: str, true: bool, text: str) -> Statement:
    """What must be so before anything can be tested; where it is not, the claim is "not testable here".

    >>> str(premise("gradients explode", False, "none of 16 restarts has one above 10").ruling)
    'not testable here'
    """
    return Statement(name, "premise", Ruling.SUPPORTED if true else Ruling.NOT_TESTABLE, text=text)


class Decided(NamedTuple):
    """A ruling, the names of the parts that decided it, and its p.

    Args:
        ruling: of all parts together.
        by: the parts that decided: those that refute, those that leave it open, or the one that stands with the largest p.
        p: the chance of a ruling as firm by luck alone where the truth lies at the bounds; None for identities.

    >>> decided([settle("a", Estimate(2, 1, 3), above=0), settle("b", Estimate(1, -1, 3), above=0)]).by
    ('b',)
    """

    ruling: Ruling
    by: tuple[str, ...]
    p: float | None


def deciding(parts: Sequence[Statement]) -> list[Statement]:
    """The parts that the ruling follows from: the lecture's own, or those of papers where the lecture claims nothing.

    >>> [part.name for part in deciding([exact("formula", 0.0, 1e-6), settle("helps", Estimate(2, 1, 3), above=0, kind="paper")])]
    ['formula']
    """
    own = [part for part in parts if part.kind in ("identity", "effect")]
    return own or [part for part in parts if part.kind == "paper"]


def corrected(parts: Sequence[Statement]) -> dict[str, float]:
    """The p with which each part refutes the claim, after Holm's correction over those parts of it that luck could decide.

    Parts on the supporting side count in the family with p = 1. For support there is nothing to correct: all parts must stand,
    so that a false "supported" needs the one part that is false to stand by luck (an intersection-union test, Berger 1982).

    >>> corrected([settle("a", Estimate(-2, -3, -1), above=0), settle("b", Estimate(2, 1, 3), above=0)])["b"]
    1.0
    """
    chance = [part for part in deciding(parts) if part.p is not None]
    if not chance:
        return {}
    ps = statistics.holm(np.array([part.p if part.against else 1.0 for part in chance]))
    return {part.name: float(p) for part, p in zip(chance, ps, strict=True)}


def decided(parts: Sequence[Statement]) -> Decided:
    """The ruling on a claim: refuted if one part is, after Holm's correction; supported if all are; else inconclusive.

    A premise that does not hold makes it "not testable here", whatever the other parts say.

    Args:
        parts: of the claim.

    >>> str(decided([premise("explodes", False, ""), settle("clipping helps", Estimate(0, -1, 1), above=0)]).ruling)
    'not testable here'
    """
    absent = [part for part in parts if part.kind == "premise" and part.ruling is Ruling.NOT_TESTABLE]
    if absent:
        return Decided(Ruling.NOT_TESTABLE, _names(absent), None)
    own, ps = deciding(parts), corrected(parts)
    chance = [part for part in own if part.p is not None]
    fallen = [part for part in own if part.ruling is Ruling.REFUTED and ps.get(part.name, 0.0) <= ALPHA]
    standing = 1.0 if any(part.against for part in chance) else max((part.p or 0.0 for part in chance), default=1.0)
    p = min(1.0, standing, *ps.values()) if chance else None
    if fallen:
        by_luck = [part for part in fallen if part.p is not None]
        return Decided(Ruling.REFUTED, _names(fallen), p if by_luck == fallen else None)
    if untested := [part for part in own if part.ruling is Ruling.NOT_TESTABLE]:
        return Decided(Ruling.NOT_TESTABLE, _names(untested), None)
    if opened := [part for part in own if part.ruling is not Ruling.SUPPORTED]:
        return Decided(Ruling.INCONCLUSIVE, _names(opened), p)
    weakest = sorted(own, key=lambda part: part.p or 0.0)[-1:]
    return Decided(Ruling.SUPPORTED, _names(weakest if chance else own), p)


def together(name: str, parts: Sequence[Statement]) -> Statement:
    """Several parts as one that says all of them.

    >>> str(together("both", [exact("a", 0.0, 1e-6), exact("b", 1.0, 1e-6)]).ruling)
    'refuted'
    """
    return _joined(name, parts, decided)


def either(name: str, parts: Sequence[Statement]) -> Statement:
    """Several parts as one that says that at least one is so: supported if one is after Holm's correction, refuted if all are.

    >>> str(either("one of them", [exact("a", 0.0, 1e-6), exact("b", 1.0, 1e-6)]).ruling)
    'supported'
    """
    opposite = {Ruling.SUPPORTED: Ruling.REFUTED, Ruling.REFUTED: Ruling.SUPPORTED}

    def negated(part: Statement) -> Statement:
        return replace(part, ruling=opposite.get(part.ruling, part.ruling), against=not part.against)

    return negated(_joined(name, [negated(part) for part in parts], decided))


def _joined(name: str, parts: Sequence[Statement], decide: Callable[[Sequence[Statement]], Decided]) -> Statement:
    found, first = decide(parts), deciding(parts)[0]
    against = any(part.against for part in deciding(parts))
    text = "; ".join(f"{part.name}: {part.text}" for part in parts)
    measured = tuple(interval for part in parts for interval in part.measured)
    return Statement(name, first.kind, found.ruling, found.p, against, text, first.scope, measured)


def _names(parts: Sequence[Statement]) -> tuple[str, ...]:
    return tuple(part.name for part in parts)
