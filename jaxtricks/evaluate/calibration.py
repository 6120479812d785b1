"""How often a verdict says helps or hurts although the true mean difference is zero. The page prints these rates.

A run compared with itself (A/A) has symmetric differences, which is the best case; so skewed differences and collapses are
simulated too.
"""

import dataclasses
from collections.abc import Callable

import numpy as np
from jaxtyping import Float

from jaxtricks import statistics
from jaxtricks.evaluate.finding import ALPHA, Decision, decide
from jaxtricks.evaluate.inference import Inference

Draw = Callable[[np.random.Generator, tuple[int, int]], Float[np.ndarray, "trials seeds"]]

COLLAPSES = 0.05  # the share of members that collapse
FALL = 10.0  # how far they fall, in standard deviations of the other differences


@dataclasses.dataclass(frozen=True)
class FalseAlarms:
    """The rate of false `helps` and `hurts` for one kind of null difference.

    Args:
        null: the kind of difference, a key of `NULLS`.
        seeds: paired seeds of each comparison, a count.
        trials: simulated comparisons, a count.
        rate: the share of them that was called helps or hurts; it should be 0.05 or less.

    >>> print(FalseAlarms("skewed differences", seeds=16, trials=2000, rate=0.101))
    skewed differences, 16 seeds: 10.1% ± 0.7% false alarms
    """

    null: str
    seeds: int
    trials: int
    rate: float

    def __str__(self) -> str:
        """One line, such as `skewed differences, 16 seeds: 10.1% ± 0.7% false alarms`."""
        error = (self.rate * (1 - self.rate) / self.trials) ** 0.5
        return f"{self.null}, {self.seeds} seeds: {self.rate:.1%} ± {error:.1%} false alarms"


def _collapsed(rng: np.random.Generator, shape: tuple[int, int]) -> Float[np.ndarray, "trials seeds"]:
    return FALL * (rng.random(shape) < COLLAPSES)


# Every kind has mean difference zero. Where only the change collapses, its other members are better by as much as the
# collapses cost on average, so that seeds without a collapse show a gain that is not there. With deeper falls the rate rises,
# up to the probability of seeing no collapse: 0.95ⁿ, 44% at 16 seeds.
NULLS: dict[str, Draw] = {
    "symmetric differences": lambda rng, shape: rng.normal(size=shape),
    "skewed differences": lambda rng, shape: rng.exponential(size=shape) - 1,
    "collapses in both arms": lambda rng, shape: rng.normal(size=shape) + _collapsed(rng, shape) - _collapsed(rng, shape),
    "collapses in one arm": lambda rng, shape: rng.normal(size=shape) + FALL * COLLAPSES - _collapsed(rng, shape),
}


def false_alarm_rates(trials: int = 2_000, seeds: tuple[int, ...] = (8, 16, 32), seed: int = 0) -> tuple[FalseAlarms, ...]:
    """Simulates comparisons whose true mean difference is zero, and counts those that are called `helps` or `hurts`.

    The margin is zero, so that `no difference` hides no false alarm: only the interval and p count.

    Args:
        trials: comparisons of each kind and number of seeds, a count.
        seeds: the numbers of paired seeds to try, counts.
        seed: of the simulation.

    >>> [alarms.null for alarms in false_alarm_rates(trials=10, seeds=(8,))][:2]
    ['symmetric differences', 'skewed differences']
    """
    return tuple(
        FalseAlarms(null, n, trials, sum(map(_alarm, draw(np.random.default_rng([seed, n]), (trials, n)))) / trials)
        for null, draw in NULLS.items()
        for n in seeds
    )


def _alarm(d: Float[np.ndarray, " seeds"]) -> bool:
    """Whether a verdict on these differences is helps or hurts."""
    # The parts of a verdict that decide, without all else that it reports: there are thousands of them.
    found = Inference.by_t(statistics.over_restarts(d), d)
    return found.p < ALPHA and decide(found.interval(1 - ALPHA), found.p, margin=0.0) in (Decision.HELPS, Decision.HURTS)
