"""The rules that are compared: what each says of the members of one pair of arms."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from jaxtricks import statistics
from jaxtricks.statistics import Interval, Uncertainty

ALPHA = 0.05


class Said(NamedTuple):
    """What a rule says.

    Args:
        interval: of the mean difference, 95%.
        called: whether it calls the arms different: the interval excludes zero and p is below 0.05.
        error: the standard error that it states.
        found: the uncertainty behind it.
    """

    interval: Interval
    called: bool
    error: float
    found: Uncertainty


class Members(NamedTuple):
    """What a rule may know.

    Args:
        g: each validation example's difference, restart noise included, [members, validation].
        places: which example that is, [members, validation].
        share: validation examples over training examples.
        noise: the restart noise alone, [members], so that a design with shared splits can be drawn from the same members.
    """

    g: Float[np.ndarray, "members validation"]
    places: Int[np.ndarray, "members validation"]
    share: float
    noise: Float[np.ndarray, " members"]


def said(found: Uncertainty, d: Float[np.ndarray, " members"], flips: bool = True) -> Said:
    """The decision of a verdict: Student's interval and p, and the sign-flip p over members where `flips`."""
    interval = found.interval(1 - ALPHA)
    apart = interval.low > 0 or interval.high < 0
    # Sign flips are counted only where they decide.
    called = apart and found.p < ALPHA and (not flips or statistics.sign_flip_p(d) < ALPHA)
    return Said(interval, called, found.error, found)


def verdict(given: Members) -> Said:
    """The rule of verdicts on new data."""
    return said(statistics.crossed(given.g, given.places, given.share), given.g.mean(axis=1))


def resampled(given: Members) -> Said:
    """The t test that takes splits for independent, with the sign-flip p: the former rule."""
    d = given.g.mean(axis=1)
    return said(statistics.over_restarts(d), d)


def nadeau_bengio(given: Members) -> Said:
    """Nadeau and Bengio's correction on all of the variance."""
    d = given.g.mean(axis=1)
    return said(statistics.corrected(d, given.share), d)


def paired_splits(given: Members) -> Said:
    """Half as many splits, each with two restarts: the correction on the splits' part, by the analysis of variance."""
    splits = np.repeat(np.arange(len(given.g) // 2), 2)
    d = (given.g.mean(axis=1) - given.noise)[splits] + given.noise
    return said(statistics.nested(d, splits, given.share), d)


RULES: dict[str, Callable[[Members], Said]] = {
    "verdict": verdict,
    "resampled t": resampled,
    "Nadeau–Bengio": nadeau_bengio,
    "splits × 2, ANOVA": paired_splits,
}
