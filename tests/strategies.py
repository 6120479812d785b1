"""Experiments for property tests, drawn from the declarations: a new field or choice is tested without a word here."""

import collections.abc
import functools
import math
from typing import Any, Literal, get_args, get_origin

import flax.linen as nn
import numpy as np
from hypothesis import strategies as st

import jaxtricks as jt
from jaxtricks.config import Field, Kind, choices, fields, is_config
from tests import user_code

# What no field takes, or only some: a change to one of these constructs or raises ConfigError.
JUNK = [
    *(-1.0, -1, 0, 0.0, 1.0, 1.5, 7, math.nan, math.inf, -math.inf, 1e-300, 1e300, True, False, np.float32(0.5), np.int64(2)),
    *("", "none", "relu", "adam", "0.5", "mlp", b"x", (), (0,), (1, 2), (0.5,), ("a",), [1], {}, {"rate": 0.5}, None, object()),
    *(
        jt.nn.ReLU,
        jt.nn.ReLU(),
        jt.SGD(),
        jt.MLP(),
        jt.schedules.Cosine(),
        user_code.Plain(),
        user_code.cube,
        np.ones(2),
        1j,
        ...,
    ),
]


def numbers(field: Field) -> st.SearchStrategy[float]:
    """Numbers of moderate size that a float field takes; zero too where it is one of them."""
    low, high = (field.range.low, field.range.high) if field.range else (-math.inf, math.inf)
    inside = st.floats(max(low, -10.0), min(high, 1.0)).filter(lambda v: field.range is None or v in field.range)
    return inside.filter(lambda v: v == 0 or abs(v) > 1e-4)


def static(field: Field) -> st.SearchStrategy[Any]:
    """Values of a static field."""
    if field.name in ("metric", "metrics"):  # names that all classes' data have
        names = st.sampled_from(["accuracy", "nll"])
        return names if field.type is str else st.lists(names, max_size=2).map(tuple)
    if get_origin(field.type) is tuple:
        (element,) = field.elements(1)
        words = st.sampled_from(get_args(element.type) or ["hidden_0", "head"])
        elements = words if element.type is str or get_origin(element.type) is Literal else st.integers(1, 8)
        return st.lists(elements, max_size=2).map(tuple)
    if get_origin(field.type) is Literal:
        return st.sampled_from(get_args(field.type))
    if field.type is collections.abc.Callable or get_origin(field.type) is collections.abc.Callable:
        return st.just(user_code.cube)
    return {int: st.integers(1, 16), bool: st.booleans(), str: st.text(max_size=5)}[field.type]


def values(field: Field) -> st.SearchStrategy[Any]:
    """Values that a field takes."""
    if field.kind is Kind.TRACED:
        some = numbers(field)
    elif field.kind is Kind.STATIC:
        some = static(field)
    elif field.kind is Kind.CONFIGS:
        some = st.lists(values(*field.elements(1)), max_size=2).map(tuple)
    else:
        family = nn.Module if field.kind is Kind.MODEL else field.type
        some = st.one_of([_deferred(member) for member in choices(family).values() or [field.type]])
    return st.none() | some if field.optional else some


def _deferred(cls: type) -> st.SearchStrategy[Any]:
    return st.deferred(lambda: configs(cls))  # a config may hold one of its own family


@functools.cache  # building a strategy takes longer than drawing from it
def configs(cls: type) -> st.SearchStrategy[Any]:
    """Valid configs of one class, every field drawn."""
    return st.builds(cls, **{name: values(field) for name, field in fields(cls).items()})


def experiments() -> st.SearchStrategy[jt.Experiment]:
    """Valid experiments: any choice in every place, any trick on or off, batches of at most 16 examples."""
    return configs(jt.Experiment)


def paths(node: Any, prefix: str = "") -> list[str]:
    """The dotted path of every field of a config, and of the configs in it."""
    if not is_config(type(node)):
        return []
    return [p for name in fields(type(node)) for p in (prefix + name, *paths(getattr(node, name), f"{prefix}{name}."))]


@st.composite
def changes(draw: st.DrawFn) -> tuple[jt.Experiment, dict[str, Any]]:
    """A valid experiment, and changes of it to values that are mostly wrong: `experiment.replace(changes)` may refuse them."""
    experiment = draw(experiments())
    where = st.sampled_from(paths(experiment))
    return experiment, draw(st.dictionaries(where, st.sampled_from(JUNK), max_size=2))
