"""Which trials get the next restarts: those that decide which one is the best."""

import numpy as np
from jaxtyping import Int

from jaxtricks.statistics.winner import TrueScores


def race(scores: TrueScores, *, margin: float, asked: float, count: int) -> Int[np.ndarray, " trials"]:
    """How many of the next restarts each trial gets; none at all once the choice is sure enough.

    It is sure enough where P(the chosen trial is within the margin of the best tried) ≥ asked. Until then only the chosen trial
    and those that may beat it by more than the margin matter. A challenger's share is proportional to its probability of doing
    so, and the chosen one, which is in every comparison, gets as large a share as its strongest challenger. Shares become
    counts by d'Hondt's divisors. The same scores give the same counts. Of the rules tried in simulated searches (optimal
    computing budget allocation, two rules of expected gain) it left the smallest regret.

    Args:
        scores: of all trials so far.
        margin: the smallest difference that matters, in the metric's units.
        asked: the probability at which the search ends, a share in (0, 1).
        count: restarts to hand out: those of the next round, or what the budget has left if that is less; 0 ends the search.

    Returns:
        [trials], of sum `count`, or 0 where nothing is left to decide.

    Raises:
        ValueError: if `asked` is no share, or the count or the margin is negative.

    Papers: Russo, "Simple Bayesian algorithms for best-arm identification", Operations Research 68, 2020; Chen, Lin, Yücesan and
    Chick, "Simulation budget allocation for further enhancing the efficiency of ordinal optimization", 2000.

    >>> from jaxtricks.statistics import true_scores
    >>> values = [np.array([1.0, 2.0]), np.array([1.5, 1.9]), np.array([8.0, 9.0])]
    >>> race(true_scores(values, higher_is_better=False), margin=0.1, asked=0.95, count=4)
    array([2, 2, 0])
    """
    if not 0 < asked < 1:
        raise ValueError(f"The probability asked for is a share between 0 and 1, not {asked}.")
    if count < 0:
        raise ValueError(f"The number of restarts to hand out is >= 0, not {count}.")
    extra, chosen = np.zeros(len(scores.alive), np.int64), scores.chosen
    share = scores.beating(margin)
    if scores.within(margin)[chosen] >= asked or not share.any():
        return extra
    share[chosen] = share.max()
    for _ in range(count):
        extra[(share / (extra + 1)).argmax()] += 1
    return extra
