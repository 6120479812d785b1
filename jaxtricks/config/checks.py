"""What a field holds of a value that it is given: a name becomes its config, an int a float, and what cannot be is refused."""

import dataclasses
import numbers
import re
import textwrap
import types
from collections.abc import Hashable
from typing import Any, Literal, Union, get_args, get_origin

import jax
import numpy as np

from jaxtricks.config.declared import Field, Kind
from jaxtricks.config.errors import ConfigError, nearest
from jaxtricks.config.families import AnyModel, adapted, choice, choices, is_config

_UNCHECKED = (Any, Union, types.UnionType)  # types to some versions of Python, but not to isinstance


def checked(owner: str, field: Field, value: Any) -> Any:
    """The value as a field of the class `owner` holds it.

    Raises:
        ConfigError: for a value that the field does not take.
    """
    if value is None and (field.optional or field.type in (Any, types.NoneType)):
        return None
    return _CHECKS[field.kind](_Place(owner, field, value), field, value)


@dataclasses.dataclass(frozen=True)
class _Place:
    """Where a value was to stand, for the sentence that refuses it."""

    owner: str
    field: Field
    value: Any

    def refuse(self, why: str = "") -> ConfigError:
        why = why or f" is not {self.field.allowed}."
        return ConfigError(f"{self.owner}.{self.field.name} = {textwrap.shorten(repr(self.value), 80)}{why}")


def _number(place: _Place, field: Field, value: Any) -> Any:
    if isinstance(value, jax.core.Tracer):
        return value
    if isinstance(value, np.ndarray | jax.Array) and value.ndim == 0:
        value = value.item()
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        raise place.refuse()
    value = float(value) + 0.0  # -0.0 is 0.0, in fingerprints too
    if field.range is not None and value not in field.range:
        raise dataclasses.replace(place, value=value).refuse()
    return value


def _child(place: _Place, field: Field, value: Any) -> Any:
    if isinstance(value, str) and choices(field.type):
        return _chosen(place, field.type, value, re.sub(r"(?<=[a-z])(?=[A-Z])", " ", field.type.__name__).lower())
    if not isinstance(value, field.type) and hasattr(field.type, "coerce"):
        value = field.type.coerce(value)
    if isinstance(value, type) and issubclass(value, field.type):
        raise place.refuse(f" is a class; write {value.__name__}().")
    if not isinstance(value, field.type):
        raise place.refuse()
    if not is_config(type(value)):
        raise place.refuse(f": {type(value).__name__} is no config; decorate the class with @jaxtricks.extend.config().")
    return value


def _children(place: _Place, field: Field, value: Any) -> Any:
    value = value if isinstance(value, tuple | list) else (value,)
    elements = [dataclasses.replace(each, name=f"{field.name}[{i}]") for i, each in enumerate(field.elements(len(value)))]
    return tuple(_child(_Place(place.owner, each, one), each, one) for each, one in zip(elements, value, strict=True))


def _model(place: _Place, field: Field, value: Any) -> Any:
    if isinstance(value, str):
        return _chosen(place, AnyModel, value, "model")
    value = adapted(value)
    if not isinstance(value, AnyModel):
        raise place.refuse()
    return value if is_config(type(value)) else _hashable(place, value)


def _chosen(place: _Place, family: type, name: str, what: str) -> Any:
    """The member of a family by its name."""
    if (found := choice(family, name)) is None:
        raise place.refuse(f" names no {what}{nearest(name, sorted(choices(family)))}")
    return found()


def _static(place: _Place, field: Field, value: Any) -> Any:
    origin = get_origin(field.type)
    if field.type is int:
        if isinstance(value, bool) or not isinstance(value, numbers.Integral):
            raise place.refuse()
        value = int(value)
        if field.range is not None and value not in field.range:
            raise place.refuse()
    elif field.type in (str, bool):
        if not isinstance(value, field.type):
            raise place.refuse()
    elif origin is Literal:
        if not isinstance(value, Hashable) or value not in get_args(field.type):
            raise place.refuse(f" is not allowed{nearest(str(value), [str(a) for a in get_args(field.type)])}")
    elif origin is tuple:
        value = tuple(value) if isinstance(value, list) else value
        if not isinstance(value, tuple) or len(value) != len(elements := field.elements(len(value))):
            raise place.refuse()
        pairs = zip(elements, value, strict=True)
        value = tuple(None if v is None and e.optional else _static(place, e, v) for e, v in pairs)
    elif isinstance(known := origin or field.type, type) and known not in _UNCHECKED and not isinstance(value, known):
        raise place.refuse()
    return _hashable(place, value)


def _hashable(place: _Place, value: Any) -> Any:
    try:
        hash(value)
    except TypeError:
        raise place.refuse(": what is static must be hashable; write a tuple for a list.") from None
    return value


_CHECKS = {
    Kind.TRACED: _number,
    Kind.CONFIG: _child,
    Kind.CONFIGS: _children,
    Kind.MODEL: _model,
    Kind.STATIC: _static,
}
