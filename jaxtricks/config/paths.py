"""Dotted paths into a config: every setting by its path, a copy with some of them changed, and what differs."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeVar

import flax.linen as nn

from jaxtricks.config.declared import Field, Kind, declared, fields
from jaxtricks.config.errors import ConfigError, nearest
from jaxtricks.config.families import is_config

C = TypeVar("C")


def items(node: Any, prefix: str = "") -> Iterator[tuple[str, Field, Any]]:
    """Every field of a config and of its children, as (dotted path, field, value), parents first."""
    if not is_config(type(node)):
        return
    for field in fields(type(node)).values():
        value = getattr(node, field.name)
        yield prefix + field.name, field, value
        yield from items(value, f"{prefix}{field.name}.")


def rebuild(node: C, **changes: Any) -> C:
    """A copy with other fields, validated anew."""
    names = [f.name for f in declared(type(node))] + ["name"] * isinstance(node, nn.Module)
    return type(node)(**({name: getattr(node, name) for name in names} | changes))


def locate(node: Any, path: str) -> Field:
    """The field at a dotted path.

    Raises:
        ConfigError: where there is none, with the nearest path that there is; or where a part of the path is off.
    """
    here = node
    *parents, name = path.split(".")
    for depth, parent in enumerate(parents, 1):
        if not is_config(type(here)) or parent not in fields(type(here)):
            break
        here = getattr(here, parent)
        if here is None:
            off = ".".join(path.split(".")[:depth])
            raise ConfigError(f"{path} has no meaning while {off} is off; set {off} first.")
    else:
        if is_config(type(here)) and name in fields(type(here)):
            return fields(type(here))[name]
    raise ConfigError(f"there is no setting {path!r}{nearest(path, [p for p, _, _ in items(node)])}")


def replace(node: C, changes: Mapping[str, Any]) -> C:
    """A copy with the values at dotted paths changed, in the order given: `{"model.dropout": 0.5}`.

    Raises:
        ConfigError: for an unknown path (with the nearest valid one) or a value that its field refuses.
    """
    for path, value in changes.items():
        locate(node, path)
        try:
            node = _replace(node, path.split("."), value)
        except ConfigError as error:
            raise ConfigError(f"{path}: {error}") from None
    return node


def _replace(node: Any, path: Sequence[str], value: Any) -> Any:
    head, *rest = path
    return rebuild(node, **{head: _replace(getattr(node, head), rest, value) if rest else value})


def diff(a: Any, b: Any) -> dict[str, tuple[Any, Any]]:
    """What differs between two configs: dotted path → (value in a, value in b); a choice that differs is given whole."""
    if type(a) is not type(b) or not is_config(type(a)):
        return {} if a == b else {"": (a, b)}
    return {
        f"{field.name}.{path}".rstrip("."): pair
        for field in fields(type(a)).values()
        for path, pair in diff(getattr(a, field.name), getattr(b, field.name)).items()
    }


def hyperparameters(node: Any) -> dict[str, Any]:
    """The traced values: dotted path → number."""
    return {p: v for p, f, v in items(node) if f.kind is Kind.TRACED and v is not None}
