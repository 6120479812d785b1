"""How often a verdict cries wolf: helps or hurts, though the mean difference is zero. The page prints these rates.

A run against itself (A/A) has symmetric differences and shows the best case only; hence the skewed and collapsing ones.
"""

import dataclasses
from collections.abc import Callable

import numpy as np
from jaxtyping import Float

from jaxtricks import statistics
from jaxtricks.evaluate.verdict import ALPHA, Decision, decide

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
        rate: the share of them that was decided, where 0.05 is aimed at.
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


# Every kind has mean difference zero. Where only the change collapses, its other members are better by just what the
# collapses cost on average, so that seeds without a collapse show a gain that is not there. Farther falls are worse, up
# to the chance of seeing none: 0.95ⁿ, 44% at 16 seeds.
NULLS: dict[str, Draw] = {
    "symmetric differences": lambda rng, shape: rng.normal(size=shape),
    "skewed differences": lambda rng, shape: rng.exponential(size=shape) - 1,
    "collapses in both arms": lambda rng, shape: rng.normal(size=shape) + _collapsed(rng, shape) - _collapsed(rng, shape),
    "collapses in one arm": lambda rng, shape: rng.normal(size=shape) + FALL * COLLAPSES - _collapsed(rng, shape),
}


def false_alarm_rates(trials: int = 2_000, seeds: tuple[int, ...] = (8, 16, 32), seed: int = 0) -> tuple[FalseAlarms, ...]:
    """Simulates comparisons whose true mean difference is zero, and counts those that are called `helps` or `hurts`.

    The margin is taken as zero, so that `no difference` hides no alarm: "interval and p" alone.

    Args:
        trials: comparisons of each kind and number of seeds, a count.
        seeds: the numbers of paired seeds to try, counts.
        seed: of the simulation.
    """
    return tuple(
        FalseAlarms(null, n, trials, sum(map(_alarm, draw(np.random.default_rng([seed, n]), (trials, n)))) / trials)
        for null, draw in NULLS.items()
        for n in seeds
    )


def _alarm(d: Float[np.ndarray, " seeds"]) -> bool:
    """Whether a verdict on these differences is helps or hurts."""
    p = statistics.sign_flip_p(d)
    # An alarm needs both, and p is the cheaper one from 32 seeds on: no interval is bootstrapped that cannot matter.
    return p < ALPHA and decide(statistics.interval(d), p, seeds=d.size, margin=0.0) in (Decision.HELPS, Decision.HURTS)
