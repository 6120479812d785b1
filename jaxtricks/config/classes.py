"""The decorator `@config`: a class becomes frozen, validated, a pytree by the one rule and a named choice of its family."""

import dataclasses
import functools
import inspect
import textwrap
from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeVar, dataclass_transform, overload

import flax.linen as nn
import jax

from jaxtricks.config.checks import checked
from jaxtricks.config.declared import Kind, fields
from jaxtricks.config.errors import ConfigError, nearest
from jaxtricks.config.families import AnyModel, class_of, is_config, register
from jaxtricks.config.paths import below, items
from jaxtricks.config.tricks import Trick, trick

C = TypeVar("C")


class Decorator(Protocol):
    """Makes a config of a class, or of a function that builds what a config of some family holds."""

    @overload
    def __call__(self, cls: type[C], /) -> type[C]: ...
    @overload
    def __call__(self, cls: Callable[..., Any], /) -> type[Any]: ...


@dataclass_transform(kw_only_default=True, field_specifiers=(trick, dataclasses.field))
def config(name: str | None = None, *, rows: Sequence[str] = (), paper: str = "") -> Decorator:
    """Makes a class a config: frozen, validated, a pytree by the one rule, and a named choice of its family.

    A function that is declared to return an `optax.GradientTransformation` becomes a class too, the rule with that chain and with
    the function's parameters as fields.

    Args:
        name: the name that stands for the class in its family; None for a class that has no family.
        rows: the inventory's rows, for a trick of a lecture.
        paper: author and year, or the lecture, for a trick; the catalogue lists the choices that name one.

    Raises:
        TypeError: for a tuple of floats, a tuple of configs of a fixed length or a union of configs, which could not be traced.

    >>> import jax
    >>> from jaxtricks.config import Count, Rate, config
    >>> @config()
    ... class Mine:
    ...     '''A rate, which is traced, and a size, which is static.'''
    ...     rate: Rate = 0.5
    ...     size: Count = 8
    >>> jax.tree.leaves(Mine(rate=0.1))
    [0.1]
    """

    def decorate(cls: Any) -> Any:
        cls = cls if isinstance(cls, type) else class_of(cls)
        inherited = getattr(cls, "__post_init__", None)

        def __post_init__(self: Any) -> None:
            for field in fields(type(self)).values():
                value = getattr(self, field.name)
                object.__setattr__(self, field.name, checked(type(self).__name__, field, value))
            if inherited is not None:
                inherited(self)

        def __setattr__(self: Any, name: str, value: Any) -> None:
            if name in fields(type(self)) and name in self.__dict__:
                raise dataclasses.FrozenInstanceError(f"cannot assign to field {name!r}")
            nn.Module.__setattr__(self, name, value)

        cls.__post_init__ = __post_init__  # type: ignore[attr-defined]
        if issubclass(cls, nn.Module):  # Linen leaves a module open until it is bound, and defaults are shared
            cls.__setattr__ = __setattr__  # type: ignore[assignment,method-assign]
        else:
            cls = dataclasses.dataclass(frozen=True, kw_only=True)(cls)
        # A runtime type checker would look before shorthands become configs, and at tracers where floats are declared.
        cls.__init__ = _explained(cls, cls.__init__)
        cls.__init__.__no_type_check__ = True
        cls.__jaxtricks_config__ = True  # type: ignore[attr-defined]
        fields(cls)
        jax.tree_util.register_pytree_with_keys(cls, _flatten_with_keys, functools.partial(_unflatten, cls), _flatten)
        summary = (cls.__doc__ or "").split("\n")[0].rstrip(".")
        register(cls, name, Trick(tuple(rows), paper, summary) if paper else None)
        return cls

    return decorate


def _explained(cls: type, init: Callable[..., None]) -> Callable[..., None]:
    """The class's `__init__`, which answers an argument that there is not with what to write."""
    parameters = inspect.signature(init).parameters
    places = [each.name for each in parameters.values() if each.kind is not each.KEYWORD_ONLY][1:]  # without self

    @functools.wraps(init)
    def __init__(self: Any, *values: Any, **named: Any) -> None:
        for name in named:
            if name not in parameters:
                raise ConfigError(f"{cls.__name__} has no field {name!r}{_meant(cls, name, named[name])}")
        if len(values) > len(places):
            first = next(name for name in fields(cls) if name not in places)
            given = textwrap.shorten(repr(values[len(places)]), 80)
            raise ConfigError(f"{cls.__name__} takes its fields by name, such as {cls.__name__}({first}={given}).")
        init(self, *values, **named)

    return __init__


def _meant(cls: type, name: str, value: Any) -> str:
    """The end of a sentence about a field that a class has not: the nearest, or what to write where one of its fields has it."""
    try:
        default = cls()
    except TypeError:  # a field has no default
        return nearest(name, list(fields(cls)))
    paths = [path for path, _, _ in items(default)]
    inner = next((path for path in paths if path.endswith(f".{name}")), None)
    if inner is None:
        return nearest(name, paths, list(fields(cls)))
    *parents, last = inner.split(".")
    owners = [default, *(functools.reduce(below, parents[:depth], default) for depth in range(1, len(parents) + 1))]
    line = f"{last}={textwrap.shorten(repr(value), 80)}"
    for parent, owner in zip(reversed(parents), reversed(owners[1:]), strict=True):
        line = f"{parent}={type(owner).__name__}({line})"
    return f", but its {'.'.join(parents)} has one: {cls.__name__}({line})."


def _flatten(self: Any) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    children: list[Any] = []
    static = [getattr(self, "name", None) if isinstance(self, nn.Module) else None]
    for field in fields(type(self)).values():
        value = getattr(self, field.name)
        if field.kind is Kind.STATIC:
            static.append(value)
        elif field.kind is Kind.MODEL and isinstance(value, AnyModel) and not is_config(type(value)):
            static.append(value)
            children.append(None)
        elif field.kind is Kind.MODEL:
            static.append(None)
            children.append(value)
        else:
            children.append(value)
    return tuple(children), tuple(static)


def _flatten_with_keys(self: Any) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    children, static = _flatten(self)
    names = [f.name for f in fields(type(self)).values() if f.kind is not Kind.STATIC]
    return tuple(zip(map(jax.tree_util.GetAttrKey, names), children, strict=True)), static


def _unflatten(cls: type, static: tuple[Any, ...], children: tuple[Any, ...]) -> Any:
    # No validation: JAX rebuilds trees of tracers, axes, shapes and None, and all of them must pass.
    self: Any = object.__new__(cls)
    name, *static_rest = static
    fixed, traced = iter(static_rest), iter(children)
    for field in fields(cls).values():
        if field.kind is Kind.STATIC:
            value = next(fixed)
        elif field.kind is Kind.MODEL:
            module, child = next(fixed), next(traced)
            value = child if module is None else module
        else:
            value = next(traced)
        object.__setattr__(self, field.name, value)
    if issubclass(cls, nn.Module):
        object.__setattr__(self, "parent", None)
        object.__setattr__(self, "name", name)
        nn.Module.__post_init__(self)
    return self
