"""The fifteen rules of the paper, what each is set to by default, and what is tuned over which range.

Papers: Schmidt, Schneider and Hennig 2021; its table of defaults and ranges is given here as it is remembered, not as re-read.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

import jaxtricks as jt
from experiments.crowded_valley.one_rule import OneRule, OneSchedule
from jaxtricks import rng
from jaxtricks.config import rebuild
from jaxtricks.search.texts import parse_range

RATE, B1, B2 = "log:1e-4:1", "log:0.5:0.999", "log:0.8:0.999"
KEPT = "1-log:0:0.9999"  # 1 - ρ from 1e-4 to 1


@dataclass(frozen=True)
class Entry:
    """A rule of the comparison.

    Args:
        rule: with its default settings.
        ranges: field → the text of the range that random search draws it from.
        lookahead: whether Lookahead is around it (k = 5, α = 0.5).
        newer: whether the paper counts it among the methods that are newer than Adam.
    """

    rule: OneRule
    ranges: Mapping[str, str]
    lookahead: bool = False
    newer: bool = False

    @property
    def averaging(self) -> jt.optim.Lookahead | None:
        """What is around the rule."""
        return jt.optim.Lookahead(every=5, alpha=0.5) if self.lookahead else None


_ADAM = OneRule(learning_rate=1e-3, b1=0.9, b2=0.999, epsilon=1e-8, corrected=1.0, adaptive=1.0)
_RADAM = rebuild(_ADAM, epsilon=1e-7, rectified=1.0)
_HEAVY = OneRule(learning_rate=1e-2, b1=0.9, summed=1.0)
_MOMENTUM = {"learning_rate": RATE, "b1": KEPT}
_MOMENTS = {"learning_rate": RATE, "b1": B1, "b2": B2}
_BOUNDS = _MOMENTS | {"final_rate": "log:1e-3:0.5", "closing": "log:1e-4:1e-1"}

RULES: dict[str, Entry] = {
    "sgd": Entry(OneRule(learning_rate=1e-2), {"learning_rate": RATE}),
    "momentum": Entry(_HEAVY, _MOMENTUM),
    "nesterov": Entry(rebuild(_HEAVY, nesterov=1.0), _MOMENTUM),
    "adagrad": Entry(
        OneRule(learning_rate=1e-2, b2=1.0, epsilon_in=1e-7, summed_squares=1.0, adaptive=1.0), {"learning_rate": RATE}
    ),
    "adadelta": Entry(
        OneRule(learning_rate=1e-3, b2=0.95, epsilon_in=1e-8, delta=1.0, adaptive=1.0), {"learning_rate": RATE, "b2": KEPT}
    ),
    "rmsprop": Entry(OneRule(learning_rate=1e-3, b2=0.9, epsilon=1e-10, adaptive=1.0), {"learning_rate": RATE, "b2": KEPT}),
    "adam": Entry(_ADAM, _MOMENTS),
    "amsgrad": Entry(rebuild(_ADAM, learning_rate=1e-2, maximum=1.0), _MOMENTS, newer=True),
    "nadam": Entry(rebuild(_ADAM, epsilon=1e-7, nesterov=1.0), _MOMENTS, newer=True),
    "radam": Entry(_RADAM, _MOMENTS, newer=True),
    "adabelief": Entry(rebuild(_ADAM, epsilon=1e-14, epsilon_in=1e-14, belief=1.0), _MOMENTS, newer=True),
    "adabound": Entry(rebuild(_ADAM, bounded=1.0), _BOUNDS, newer=True),
    "amsbound": Entry(rebuild(_ADAM, bounded=1.0, maximum=1.0), _BOUNDS, newer=True),
    "lookahead_momentum": Entry(_HEAVY, _MOMENTUM, lookahead=True, newer=True),
    "lookahead_radam": Entry(_RADAM, _MOMENTS, lookahead=True, newer=True),
}
SCHEDULES: dict[str, OneSchedule] = {
    "constant": OneSchedule(),
    "cosine": OneSchedule(cosine=1.0),
    "restarts": OneSchedule(restarts=1.0),
    "trapezoid": OneSchedule(trapezoid=1.0),
}


def drawn(entry: Entry, count: int, key: str) -> list[dict[str, float]]:
    """Random settings of a rule, as the fields that they replace; the first of them are the same whatever the count.

    Args:
        entry: the rule.
        count: of settings.
        key: of the random stream: which problem, rule and schedule they are for.

    >>> drawn(RULES["sgd"], 2, "a")[:1] == drawn(RULES["sgd"], 1, "a")
    True
    """
    ranges = {name: parse_range(text) for name, text in entry.ranges.items()}
    units: Float[np.ndarray, "settings fields"] = rng.host(0, f"crowded valley: {key}").uniform(size=(count, len(ranges)))
    return [{name: each.at(float(u)) for (name, each), u in zip(ranges.items(), row, strict=True)} for row in units]
