"""The fields of a config: what each is to JAX, by its declared type, and what it may hold."""

import dataclasses
import enum
import functools
import types
from collections.abc import Callable
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

import flax.linen as nn

from jaxtricks.config.families import AnyModel, Family, choices, is_config
from jaxtricks.config.ranges import Range
from jaxtricks.config.tricks import Trick


class Kind(enum.Enum):
    """What a field is to JAX.

    >>> Kind("traced").name
    'TRACED'
    """

    TRACED = "traced"
    CONFIG = "config"
    CONFIGS = "configs"  # a tuple of configs, a child each
    MODEL = "model"  # a child if the model is a config, static if it is not
    STATIC = "static"


@dataclasses.dataclass(frozen=True)
class Field:
    """One field of a config: its name, what it is to JAX, and what it may hold.

    >>> from jaxtricks.nn.dropout import Inverted
    >>> rate = fields(Inverted)["rate"]
    >>> rate.kind.value, rate.allowed
    ('traced', 'a number in [0, 1)')
    """

    name: str
    kind: Kind
    type: Any
    optional: bool
    range: Range | None
    trick: Trick | None

    @property
    def allowed(self) -> str:
        """What the field takes, in words."""
        if self.kind is Kind.TRACED:
            text = str(self.range or Range())
        elif self.kind is Kind.CONFIG:
            text = "one of " + ", ".join(sorted(choices(self.type))) if choices(self.type) else f"of type {self.type.__name__}"
        elif self.kind is Kind.MODEL:
            known = ", ".join(sorted(choices(AnyModel)))
            text = (
                f"one of {known}, a Linen module, a class of NNX or Equinox modules, jaxtricks.models.NNX, Equinox, Haiku or "
                "Functional of your functions, or a model of your own"
            )
        elif get_origin(self.type) is Literal:
            text = "one of " + ", ".join(map(str, get_args(self.type)))
        elif self.type is int:
            text = f"an integer >= {self.range.low:g}" if self.range else "an integer"
        elif get_origin(self.type) is tuple:
            parts = ["..." if hint is ... else _field(self.name, hint, None).allowed for hint in get_args(self.type)]
            text = f"a tuple ({', '.join(parts)})"
        elif get_origin(self.type) is Union:
            text = "of type " + " or ".join(hint.__name__ for hint in get_args(self.type))
        else:
            text = f"of type {getattr(self.type, '__name__', self.type)}"
        return text + (", or None for off" if self.optional else "")

    @property
    def family(self) -> type | None:
        """The class of the configs that the field holds, which may head a family; None where it holds none."""
        if self.kind is Kind.CONFIGS:
            return self.elements(1)[0].family
        return self.type if self.kind in (Kind.CONFIG, Kind.MODEL) else None

    def elements(self, size: int) -> "list[Field]":
        """The elements of a tuple of `size`, by the declared type, which may ask for another size."""
        hints = get_args(self.type)
        return [_field(self.name, hint, None) for hint in (hints[:1] * size if hints[-1:] == (...,) else hints)]


def fields(cls: Any) -> dict[str, Field]:
    """The fields of a config class by name, in the order of declaration (Linen's own two left out).

    >>> from jaxtricks.nn.dropout import Inverted
    >>> list(fields(Inverted))
    ['rate']
    """
    return _fields(cls)


@functools.cache
def _fields(cls: Any) -> dict[str, Field]:
    hints = get_type_hints(cls, include_extras=True)
    return {f.name: _field(f.name, hints[f.name], f.metadata.get("trick")) for f in declared(cls)}


def declared(cls: Any) -> list[dataclasses.Field[Any]]:
    """The dataclass fields of a class, without the two that Linen gives every module."""
    linen = ("parent", "name") if issubclass(cls, nn.Module) else ()
    return [f for f in dataclasses.fields(cls) if f.init and f.name not in linen]


def _field(name: str, hint: Any, trick: Trick | None) -> Field:
    base, span = _bare(hint)
    optional = False
    if get_origin(base) in (Union, types.UnionType):
        members = [m for m in get_args(base) if m is not types.NoneType]
        optional = len(members) < len(get_args(base))
        base, span = _bare(members[0]) if len(members) == 1 else (Union[tuple(members)], span)  # noqa: UP007
    if base is float:
        kind = Kind.TRACED
    elif _is_child(base):
        kind = Kind.CONFIG
    elif isinstance(base, type) and issubclass(base, AnyModel):
        base, kind = AnyModel, Kind.MODEL
    elif get_origin(base) is tuple and get_args(base)[-1] is ... and _is_child(get_args(base)[0]):
        kind = Kind.CONFIGS
    elif _hides_floats(base):
        raise TypeError(f"{name}: floats inside {base} would be static; declare one field a float, as b1 and b2.")
    else:
        kind = Kind.STATIC
    return Field(name, kind, base, optional, span, trick)


def _bare(hint: Any) -> tuple[Any, Range | None]:
    """A type without its annotations, and the range among them."""
    if get_origin(hint) is Annotated:
        base, *extras = get_args(hint)
        return base, next((e for e in extras if isinstance(e, Range)), None)
    return hint, None


def _is_child(base: Any) -> bool:
    return isinstance(base, type) and (issubclass(base, Family) or is_config(base))


def _hides_floats(hint: Any) -> bool:
    """Whether a value of this type may hold floats, of its own or of a config."""
    base, _ = _bare(hint)
    if get_origin(base) in (Callable, Literal, type):
        return False
    return base is float or _is_child(base) or any(map(_hides_floats, get_args(base)))
