"""The usual way to tune: each arm has the best learning rate of the same ladder."""

import dataclasses
import math
from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Float

from jaxtricks.config import ConfigError, Count, config, locate
from jaxtricks.evaluate.tuning import Trials, Tuned, Tuning
from jaxtricks.experiment.experiment import Experiment

RATE = "optimizer.rule.learning_rate"
STEP = math.sqrt(10)  # from one rate to the next
WIDENED = 4  # rates by which a ladder grows, beyond the end at which its best lies

Ladder = dict[int, Float[np.ndarray, " restarts"]]  # steps from the given rate → what the rate there came to


@config("rate", rows=["T114"], paper="Schmidt+ 2021")
class RateLadder(Tuning):
    """Each arm has the learning rate that is best for it, out of rates a factor √10 apart around the one that it is given.

    All rates of all arms that differ in floats only are one program. Where the best lies at the end of its ladder, four
    rates beyond it are tried, too. An arm that sets the learning rate itself, or whose rule has none, stays as it is given.

    Args:
        rates: how many to begin with, an odd number, the given one in the middle.
        restarts: of each rate, on seeds that are not judged.

    Raises:
        ConfigError: for an even number of rates, or fewer than three.

    Paper: Schmidt, Schneider & Hennig, "Descending through a crowded valley", 2021: a tuned default is hard to beat.

    >>> [round(rate, 4) for rate in RateLadder(rates=3).around(0.001)]
    [0.0003, 0.001, 0.0032]
    """

    rates: Count = 7
    restarts: Count = 4

    def __post_init__(self) -> None:
        if self.rates < 3 or self.rates % 2 == 0:
            raise ConfigError(f"RateLadder.rates = {self.rates} is no odd number >= 3, which has the given rate in its middle.")

    def around(self, middle: float) -> list[float]:
        """The rates, from small to large.

        Args:
            middle: the given one.
        """
        half = self.rates // 2
        return [_rate(middle, step) for step in range(-half, half + 1)]

    def takes(self, baseline: Experiment, arm: Experiment) -> bool:
        return has_rate(arm) and RATE not in baseline.diff(arm)

    def words(self, arms: int) -> str:
        return f"each of {arms} arms gets its best learning rate first, of {self.rates} with {self.restarts} other restarts each"

    def tuned(self, arms: Mapping[str, Experiment], trials: Trials) -> dict[str, Tuned]:
        middle = {label: float(arm.hyperparameters()[RATE]) for label, arm in arms.items()}

        def values(ladders: Mapping[str, Sequence[int]]) -> dict[str, Ladder]:
            """Label → step → the restarts at that rate, of ladders that are equally long."""
            wanted = {
                label: [arms[label].replace({RATE: _rate(middle[label], step)}) for step in ladders[label]] for label in ladders
            }
            trained = trials.values(wanted, self.restarts)
            return {label: dict(zip(steps, trained[label], strict=True)) for label, steps in ladders.items()}

        half = self.rates // 2
        known = values({label: range(-half, half + 1) for label in arms})
        found = {label: _best(middle[label], ladder, trials) for label, ladder in known.items()}
        beyond = {label: steps for label, ladder in known.items() if (steps := _beyond(found[label], ladder))}
        wider = values(beyond)
        return found | {label: _best(middle[label], known[label] | ladder, trials) for label, ladder in wider.items()}


def has_rate(arm: Experiment) -> bool:
    """Whether an experiment's rule has a learning rate to look for: not where it finds the length of each step by a line search.

    >>> has_rate(jt.Experiment(optimizer=jt.Optimizer(rule="lbfgs")))
    False
    """
    try:
        locate(arm, RATE)
    except ConfigError:
        return False
    return not arm.optimizer.rule.line_search


def _rate(middle: float, step: int) -> float:
    """A rate of a ladder, the given one itself at step 0, others rounded to three digits."""
    return middle if step == 0 else float(f"{middle * STEP**step:.3g}")


def _best(middle: float, known: Ladder, trials: Trials) -> Tuned:
    """The best rate so far; of equals the one nearest to the given one."""
    steps = sorted(known)
    tried, values = [{RATE: _rate(middle, step)} for step in steps], np.stack([known[step] for step in steps])
    found = Tuned.of(tried, values, higher_is_better=trials.metric.higher_is_better, ties=[abs(step) for step in steps])
    return dataclasses.replace(found, edges=() if 0 < found.best < len(steps) - 1 else (RATE,))


def _beyond(found: Tuned, known: Ladder) -> Sequence[int]:
    """The steps beyond the end of the ladder at which the best lies; none where it has a neighbour on each side."""
    low, high = min(known), max(known)
    return {0: range(low - WIDENED, low), len(known) - 1: range(high + 1, high + 1 + WIDENED)}.get(found.best, range(0))
