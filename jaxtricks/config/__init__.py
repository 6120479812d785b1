"""The one rule: every float is traced, `None` is off, everything else is static.

A class decorated with `@config` is a frozen dataclass (or a Linen module) and a JAX pytree. Its fields are told apart by the
*declared* type, never by the value, so that tracers and placeholders may stand where numbers stood:

    float, float | None            a leaf (None: no leaf, and so another tree structure)
    SomeConfig, SomeConfig | None  a child; a family of configs also takes a bare name: "warmup_cosine"
    tuple[SomeConfig, ...]         a tuple of children; the paths below it have their numbers: "stages.0.features"
    int, str, bool, tuple, ...     static: part of the tree structure, and so hashable

Experiments of one structure differ in numbers only: they stack, and one compiled program runs them all.

The module can be called as the decorator: `@jaxtricks.config("name")` is `@jaxtricks.config.config("name")`.
"""

import sys
import types
from typing import Any

from jaxtricks.config.classes import config
from jaxtricks.config.declared import Field, Kind, fields
from jaxtricks.config.errors import ConfigError, nearest
from jaxtricks.config.families import Family, choice, choice_trick, choices, is_config, is_function
from jaxtricks.config.json import described, fingerprint, from_json, to_json
from jaxtricks.config.paths import diff, hyperparameters, items, locate, rebuild, replace
from jaxtricks.config.ranges import Count, Fraction, NonNegative, Positive, Range, Rate, Real
from jaxtricks.config.stacking import group, stack
from jaxtricks.config.tricks import Trick, trick
from jaxtricks.config.words import parse

__all__ = [
    "ConfigError",
    "Count",
    "Family",
    "Field",
    "Fraction",
    "Kind",
    "NonNegative",
    "Positive",
    "Range",
    "Rate",
    "Real",
    "Trick",
    "choice",
    "choice_trick",
    "choices",
    "config",
    "described",
    "diff",
    "fields",
    "fingerprint",
    "from_json",
    "group",
    "hyperparameters",
    "is_config",
    "is_function",
    "items",
    "locate",
    "nearest",
    "parse",
    "rebuild",
    "replace",
    "stack",
    "to_json",
    "trick",
]


class _CallableModule(types.ModuleType):
    """This module, which is also the decorator that it is named after."""

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        return config(*arguments, **options)


sys.modules[__name__].__class__ = _CallableModule
