"""A config as JSON and back, and its fingerprint."""

import dataclasses
import functools
import hashlib
import json
import numbers
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from jaxtricks.config.declared import Field, Kind, declared, fields
from jaxtricks.config.errors import ConfigError, nearest
from jaxtricks.config.families import choices, family_of, is_config, name_of
from jaxtricks.config.references import Reference, name_of_callable, referenced, resolve

C = TypeVar("C")


def described(node: Any) -> Any:
    """A config as JSON data for readers: a function that cannot be imported, such as a lambda, is written by its own name.

    >>> described(jt.Objective(loss=lambda scores, targets: 0.0 * scores))["loss"]["function"]
    {'callable': '<lambda> of ...'}
    """
    return to_json(node, reference=_described)


def to_json(node: Any, *, named: bool = True, reference: Callable[[Any], str] | None = None) -> Any:
    """A config as plain JSON data; a callable or a user's class stands as `module:qualname`.

    Args:
        node: the config, or what a field holds.
        named: whether its place says which family it is of, so that a choice's bare name is enough.
        reference: how a callable or a class is written; by default as `module:qualname`.

    Raises:
        ConfigError: by default, for a lambda or a local function, which have no name to be found by.

    >>> to_json(jt.nn.Inverted(rate=0.5))
    {'kind': 'inverted', 'rate': 0.5}
    """
    write, within = reference or name_of_callable, functools.partial(to_json, reference=reference)
    if dataclasses.is_dataclass(node) and not isinstance(node, type | Reference):
        cls = type(node)
        static = [f.name for f in declared(cls) if not is_config(cls) or fields(cls)[f.name].kind is Kind.STATIC]
        held = {f.name: getattr(node, f.name) for f in declared(cls)}
        # The class's name stands for a function that is its default too, such as the initializers of nn.Dense, which have none.
        said = [
            f.name for f in declared(cls) if is_config(type(f.default)) or not (callable(f.default) and held[f.name] is f.default)
        ]
        several = [name for name in said if is_config(cls) and fields(cls)[name].kind is Kind.CONFIGS and held[name] is not None]
        body = {name: within(held[name], named=name not in static) for name in said}
        body |= {name: [within(child) for child in held[name]] for name in several}
        if "kind" in body:
            raise ConfigError(f"{cls.__name__} has a field 'kind', which in JSON is the name of the class; rename the field.")
        if named and is_config(cls) and family_of(cls) is None:
            return body
        return {"kind": (name_of(cls) if named else None) or write(cls)} | body
    if isinstance(node, tuple):
        return [within(v, named=False) for v in node]
    if node is None or isinstance(node, str | bool | int | float):
        return node
    if isinstance(node, numbers.Real):
        return float(node)
    if callable(node) or reference is not None:
        return {"callable": write(node)}
    raise ConfigError(f"a {type(node).__name__} cannot be written as JSON.")


def from_json(cls: type[C], data: Mapping[str, Any]) -> C:
    """A config from what `to_json` gave.

    Args:
        cls: the config class; for a member of a family, the family or any member.
        data: the JSON object.

    Raises:
        ConfigError: for an unknown kind or field, with the nearest valid one, or a value that its field refuses.

    >>> from_json(jt.Dropout, {"kind": "inverted", "rate": 0.25})
    Inverted(rate=0.25)
    """
    if not isinstance(data, Mapping):
        raise ConfigError(f"{cls.__name__}: expected a JSON object, not {data!r}.")
    body = dict(data)
    if "kind" in body or not is_config(cls) or cls is family_of(cls):
        cls = _class(body.pop("kind", None), choices(family_of(cls) or cls))
    known = fields(cls) if is_config(cls) else {f.name: None for f in declared(cls)}
    for name in body:
        if name not in known:
            raise ConfigError(f"{cls.__name__} has no field {name!r}{nearest(name, list(known))}")
    values = {name: value_from_json(known[name], value) for name, value in body.items()}
    try:
        return cls(**values)
    except TypeError as error:  # a field without a default is missing
        raise ConfigError(f"{cls.__name__}: {error}.") from error


def _class(kind: Any, family: Mapping[str, type]) -> Any:
    """The class that a JSON object is of: a choice by its name, any other as `module:qualname`."""
    found = resolve(kind) if ":" in str(kind) else family.get(str(kind))
    if not (isinstance(found, type) and dataclasses.is_dataclass(found)):  # never call just anything that a file names
        raise ConfigError(f"kind = {kind!r} is unknown{nearest(kind if isinstance(kind, str) else '', sorted(family))}")
    return found


def value_from_json(field: Field | None, value: Any) -> Any:
    """What a field may be given of JSON data: configs, tuples and callables in place of what stands for them.

    >>> from jaxtricks.config.declared import fields
    >>> value_from_json(fields(jt.MLP)["widths"], [8, 16])
    (8, 16)

    Args:
        field: the field; None for a place of which no type is declared.
        value: the JSON data.
    """
    if isinstance(value, Mapping) and field is not None and field.kind in (Kind.CONFIG, Kind.MODEL):
        return from_json(field.type, value)
    if isinstance(value, list):
        known = [None] * len(value) if field is None or field.kind is not Kind.CONFIGS else field.elements(len(value))
        return tuple(value_from_json(each, v) for each, v in zip(known, value, strict=True))
    if isinstance(value, Mapping):
        return referenced(value["callable"]) if "callable" in value else from_json(object, value)
    return value


def fingerprint(node: Any) -> str:
    """Twelve hexadecimal digits of a config's JSON, the same in every process and on every machine.

    >>> fingerprint(jt.Experiment()) == fingerprint(jt.Experiment(batch_size=64))
    True
    """
    return hashlib.sha256(json.dumps(to_json(node), sort_keys=True).encode()).hexdigest()[:12]


def _described(thing: Any) -> str:
    try:
        return name_of_callable(thing)
    except ConfigError:
        return f"{getattr(thing, '__qualname__', type(thing).__name__)} of {getattr(thing, '__module__', 'no module')}"
