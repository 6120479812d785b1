"""The ranges that are proposed for an experiment: the one place that says what is sensible for which setting."""

import math
from collections.abc import Callable

from jaxtricks.config import Field, Kind, Range, items
from jaxtricks.experiment.experiment import Experiment
from jaxtricks.search.choice import Choice
from jaxtricks.search.fitting import fitted
from jaxtricks.search.ranges import FloatRange, LogUniform, OneMinusLog, SearchRange
from jaxtricks.search.space import Space

Propose = Callable[[float, Range], SearchRange]  # (the present value, what the field takes) → a range


def _factors(decades: float) -> Propose:
    """So many powers of ten below and above the present value."""

    def propose(value: float, allowed: Range) -> SearchRange:
        low, high = (value * 10**sign for sign in (-decades, decades))
        return LogUniform(_inside(low, value, allowed), _inside(high, value, allowed))

    return propose


def _up_to(most: float) -> Propose:
    """From 0 up to a number; up to beyond the present value where that is larger."""

    def propose(value: float, allowed: Range) -> SearchRange:
        high = most if value < most else 2 * value
        return FloatRange(_inside(0.0, value, allowed), _inside(high, value, allowed))

    return propose


def _around(distance: float) -> Propose:
    """As far below the present value as above."""
    return lambda value, allowed: FloatRange(_inside(value - distance, value, allowed), _inside(value + distance, value, allowed))


def _kept(value: float, allowed: Range) -> SearchRange:
    """What is not kept, 1 - x: a power of ten below and above the present one, but all of x from 0."""
    least, most = (1 - float(f"{factor * (1 - value):.3g}") for factor in (10, 0.1))
    return OneMinusLog(max(0.0, least), most if most in allowed else value)


def _whole(value: float, allowed: Range) -> SearchRange:
    return FloatRange(_inside(allowed.low, value, allowed), _inside(allowed.high, value, allowed))


# Field → how its range follows from its present value. None: a number that keeps divisions finite or waits, and tunes nothing.
BY_NAME: dict[str, Propose | None] = {
    "learning_rate": _factors(1.5),
    "momentum": _kept,
    "b1": _kept,
    "b2": _kept,
    "decay": _kept,
    "clip_norm": _factors(1.0),
    "clip_value": _factors(1.0),
    "clip_adaptive": _factors(1.0),
    "max_norm": _factors(0.5),
    "label_smoothing": _up_to(0.3),
    "warmup": _up_to(0.3),
    "cooldown": _up_to(0.5),
    "floor": _up_to(0.2),
    "rotation": _up_to(30.0),
    "shift": _up_to(4.0),
    "mixup": _up_to(1.0),
    "gain": _factors(0.5),
    "scale": _factors(0.5),
    "std": _factors(1.0),
    "forget_bias": _around(2.0),
    "reset_bias": _around(2.0),
    "update_bias": _around(2.0),
    "epsilon": None,
    "min_change": None,
}

SMALLER, LARGER = 4, 4  # factors of the batch size
RATES = 0.7  # the largest rate of dropout and its like


def space_of(experiment: Experiment) -> Space:
    """Proposes a range for every number of an experiment that is on, and for its batch size; nothing that is off.

    The learning rate reaches 1.5 powers of ten to either side, other positive numbers one; rates reach from 0 to 0.7; momentum
    and what is like it is even in 1 - x. The batch size is a choice of five, since each one is a program of its own.

    Args:
        experiment: around whose values the ranges lie.

    >>> space = space_of(jt.Experiment(model=jt.MLP(dropout=0.5), optimizer=jt.Optimizer(rule=jt.SGD(learning_rate=0.1))))
    >>> {path: str(each) for path, each in space.ranges.items()}["model.dropout.rate"]
    '0:0.7'
    """
    ranges = {path: found for path, field, value in items(experiment) if (found := _proposed(field, value)) is not None}
    return fitted(Space(ranges), experiment)


def _proposed(field: Field, value: object) -> SearchRange | None:
    if field.name == "batch_size" and isinstance(value, int):
        sizes = (value // SMALLER, value // 2, value, 2 * value, LARGER * value)
        return Choice(tuple(size for size in sizes if size))
    if field.kind is not Kind.TRACED or not isinstance(value, float):
        return None
    allowed = field.range or Range()
    propose = BY_NAME[field.name] if field.name in BY_NAME else _usual(value, allowed)
    return None if propose is None else propose(value, allowed)


def _usual(value: float, allowed: Range) -> Propose | None:
    """How a range follows from what the field takes, for fields without a word of their own above."""
    if allowed.high == 1:
        return _up_to(RATES)
    if math.isfinite(allowed.low) and math.isfinite(allowed.high):
        return _whole
    if allowed.low == 0:
        return _factors(1.0) if value > 0 else None
    return _around(max(1.0, abs(value)))


def _inside(end: float, value: float, allowed: Range) -> float:
    """An end of a range with three digits; where the field does not take it, the end of what it takes, or nearly."""
    if (short := float(f"{end:.3g}")) in allowed:
        return short
    bound = allowed.low if end < value else allowed.high
    return next(end for end in (bound, (value + bound) / 2, value) if end in allowed)
