"""The one rule: every float is traced, `None` is off, everything else is static.

A class decorated with `@config` is a frozen dataclass (or a Linen module) and a JAX pytree. Its fields are told apart by the
*declared* type, never by the value, so that tracers and placeholders may stand where numbers stood:

    float, float | None            a leaf (None: no leaf, and so another tree structure)
    SomeConfig, SomeConfig | None  a child; a family of configs also takes a bare name: "warmup_cosine"
    int, str, bool, tuple, ...     static: part of the tree structure, and so hashable

Experiments of one structure differ in numbers only: they stack, and one compiled program runs them all.
"""

import dataclasses
import difflib
import enum
import functools
import hashlib
import importlib
import json
import math
import numbers
import textwrap
import types
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Annotated, Any, Literal, TypeVar, Union, dataclass_transform, get_args, get_origin, get_type_hints

import flax.linen as nn
import jax
import numpy as np

C = TypeVar("C")


class ConfigError(ValueError):
    """A setting that cannot be: one sentence that names the field, the value and what is allowed."""


# --- declared types -----------------------------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class Range:
    """The interval in which a number must lie; `open_*` leaves the end out."""

    low: float = -math.inf
    high: float = math.inf
    open_low: bool = False
    open_high: bool = False

    def __contains__(self, value: float) -> bool:
        above = value > self.low if self.open_low else value >= self.low
        below = value < self.high if self.open_high else value <= self.high
        return above and below and math.isfinite(value)

    def __str__(self) -> str:
        if self.high == math.inf:
            return f"a number {'>' if self.open_low else '>='} {self.low:g}" if self.low > -math.inf else "a finite number"
        return f"a number in {'(' if self.open_low else '['}{self.low:g}, {self.high:g}{')' if self.open_high else ']'}"


Real = Annotated[float, Range()]
Positive = Annotated[float, Range(low=0, open_low=True)]
NonNegative = Annotated[float, Range(low=0)]
Rate = Annotated[float, Range(low=0, high=1, open_high=True)]
Fraction = Annotated[float, Range(low=0, high=1)]
Count = Annotated[int, Range(low=1)]


@dataclasses.dataclass(frozen=True)
class Trick:
    """What the catalogue and the conformance test know of a trick.

    Args:
        rows: the inventory's rows, such as ("T056",).
        paper: author and year, or the lecture.
        summary: one sentence.
        on: a value that turns an optional field on (None for a named choice, which is on when chosen).
        neutral: a value at which the trick is in the program and changes nothing, where there is one.
    """

    rows: tuple[str, ...]
    paper: str
    summary: str
    on: Any = None
    neutral: Any = None


def trick(*, default: Any, rows: Sequence[str], paper: str, summary: str, on: Any, neutral: Any = None) -> Any:
    """An optional field that is a trick, listed by `jaxtricks list tricks`; its default is None, off. See `Trick`."""
    return dataclasses.field(default=default, metadata={"trick": Trick(tuple(rows), paper, summary, on, neutral)})


class Kind(enum.Enum):
    """What a field is to JAX."""

    TRACED = "traced"
    CONFIG = "config"
    MODEL = "model"  # a child if the module is a config, static if it is a plain Linen module
    STATIC = "static"


@dataclasses.dataclass(frozen=True)
class Field:
    """One field of a config: its name, what it is to JAX, and what it may hold."""

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
            text = "one of " + ", ".join(choices(self.type)) if choices(self.type) else f"of type {self.type.__name__}"
        elif self.kind is Kind.MODEL:
            text = "one of " + ", ".join(choices(nn.Module)) + ", or a Linen module"
        elif get_origin(self.type) is Literal:
            text = "one of " + ", ".join(map(str, get_args(self.type)))
        elif self.type is int:
            text = f"an integer >= {self.range.low:g}" if self.range else "an integer"
        elif get_origin(self.type) is tuple:
            elements = ["..." if hint is ... else _field(self.name, hint, None).allowed for hint in get_args(self.type)]
            text = f"a tuple ({', '.join(elements)})"
        else:
            text = f"of type {getattr(self.type, '__name__', self.type)}"
        return text + (", or None for off" if self.optional else "")


def _bare(hint: Any) -> tuple[Any, Range | None]:
    """A type without its annotations, and the range among them."""
    if get_origin(hint) is Annotated:
        base, *extras = get_args(hint)
        return base, next((e for e in extras if isinstance(e, Range)), None)
    return hint, None


def _hides_floats(hint: Any) -> bool:
    """Whether a value of this type may hold floats, of its own or of a config."""
    base, _ = _bare(hint)
    if get_origin(base) in (Callable, Literal, type):
        return False
    known = isinstance(base, type) and (issubclass(base, Family) or is_config(base))
    return base is float or known or any(map(_hides_floats, get_args(base)))


def _field(name: str, hint: Any, trick: Trick | None) -> Field:
    base, span = _bare(hint)
    optional = False
    if get_origin(base) in (Union, types.UnionType):
        members = [m for m in get_args(base) if m is not types.NoneType]
        optional = len(members) < len(get_args(base))
        base, span = _bare(members[0]) if len(members) == 1 else (Union[tuple(members)], span)  # noqa: UP007
    if base is float:
        kind = Kind.TRACED
    elif isinstance(base, type) and (issubclass(base, Family) or is_config(base)):
        kind = Kind.CONFIG
    elif isinstance(base, type) and issubclass(base, nn.Module):
        kind = Kind.MODEL
    elif _hides_floats(base):
        raise TypeError(f"{name}: floats inside {base} would be static; declare one field a float, as b1 and b2.")
    else:
        kind = Kind.STATIC
    return Field(name, kind, base, optional, span, trick)


def fields(cls: Any) -> dict[str, Field]:
    """The fields of a config class by name, in the order of declaration (Linen's own two left out)."""
    return _fields(cls)


@functools.cache
def _fields(cls: Any) -> dict[str, Field]:
    hints = get_type_hints(cls, include_extras=True)
    return {f.name: _field(f.name, hints[f.name], f.metadata.get("trick")) for f in _declared(cls)}


def _declared(cls: Any) -> list[dataclasses.Field[Any]]:
    """The dataclass fields of a class, without the two that Linen gives every module."""
    linen = ("parent", "name") if issubclass(cls, nn.Module) else ()
    return [f for f in dataclasses.fields(cls) if f.init and f.name not in linen]


# --- classes ------------------------------------------------------------------------------------------------------------


class Family:
    """A set of configs that fill one place, each with a name: activations, schedules, rules. Subclass it directly."""

    @classmethod
    def coerce(cls, value: Any) -> Any:
        """Makes a member of a value that is neither a member nor a name; by default there is no such value."""
        return value


_CHOICES: dict[type, dict[str, type]] = {}
_TRICKS: dict[type, Trick] = {}
_NAMES: dict[type, str] = {}


def _family(cls: type) -> type | None:
    if issubclass(cls, nn.Module):
        return nn.Module
    return next((base for base in cls.__mro__ if Family in base.__bases__), None)


def choices(cls: type) -> dict[str, type]:
    """The named members of the family that `cls` heads, by name."""
    return dict(_CHOICES.get(cls, {}))


def choice_trick(cls: type) -> Trick | None:
    """What the catalogue knows of a named choice."""
    return _TRICKS.get(cls)


def is_config(cls: type) -> bool:
    """Whether a class was decorated with `@config`."""
    return "__jaxtricks_config__" in cls.__dict__


@dataclass_transform(kw_only_default=True, field_specifiers=(trick, dataclasses.field))
def config(name: str | None = None, *, rows: Sequence[str] = (), paper: str = "") -> Callable[[type[C]], type[C]]:
    """Makes a class a config: frozen, validated, a pytree by the one rule, and a named choice of its family.

    Args:
        name: the name that stands for the class in its family; None for a class that has no family.
        rows: the inventory's rows, where the choice is a trick.
        paper: author and year, or the lecture.

    Raises:
        TypeError: for a tuple of floats or a union of configs, which could not be traced.
    """

    def decorate(cls: type[C]) -> type[C]:
        inherited = getattr(cls, "__post_init__", None)

        def __post_init__(self: Any) -> None:
            for field in fields(type(self)).values():
                value = getattr(self, field.name)
                object.__setattr__(self, field.name, _checked(type(self).__name__, field, value))
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
        cls.__init__.__no_type_check__ = True  # type: ignore[attr-defined]
        cls.__jaxtricks_config__ = True  # type: ignore[attr-defined]
        fields(cls)
        jax.tree_util.register_pytree_with_keys(cls, _flatten_with_keys, functools.partial(_unflatten, cls), _flatten)
        family = _family(cls)
        if name is not None:
            _NAMES[cls] = name
            if family is not None:
                _CHOICES.setdefault(family, {})[name] = cls
        if rows:
            _TRICKS[cls] = Trick(tuple(rows), paper, (cls.__doc__ or "").split("\n")[0].rstrip("."))
        return cls

    return decorate


def _flatten(self: Any) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    children: list[Any] = []
    static = [getattr(self, "name", None) if isinstance(self, nn.Module) else None]
    for field in fields(type(self)).values():
        value = getattr(self, field.name)
        if field.kind is Kind.STATIC:
            static.append(value)
        elif field.kind is Kind.MODEL and isinstance(value, nn.Module) and not is_config(type(value)):
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


# --- checks -------------------------------------------------------------------------------------------------------------


def nearest(name: str, valid: Sequence[str]) -> str:
    """`; did you mean 'x'?` for the valid name most like `name`, or the list of them where none is like it."""
    close = difflib.get_close_matches(name, valid, n=1, cutoff=0.5)
    if close:
        return f"; did you mean {close[0]!r}?"
    return f"; there are: {', '.join(valid)}." if valid else "."


def _checked(owner: str, field: Field, value: Any) -> Any:
    """The value as the field holds it, or a ConfigError."""

    def refuse(why: str = "") -> ConfigError:
        return ConfigError(f"{owner}.{field.name} = {textwrap.shorten(repr(value), 80)}{why or f' is not {field.allowed}.'}")

    if value is None:
        if field.optional or field.type in (Any, types.NoneType):
            return None
        raise refuse()
    if field.kind is Kind.TRACED:
        if isinstance(value, jax.core.Tracer):
            return value
        if isinstance(value, np.ndarray | jax.Array) and value.ndim == 0:
            value = value.item()
        if isinstance(value, bool) or not isinstance(value, numbers.Real):
            raise refuse()
        value = float(value) + 0.0  # -0.0 is 0.0, in fingerprints too
        if field.range is not None and value not in field.range:
            raise refuse()
        return value
    if field.kind is Kind.CONFIG:
        family = choices(field.type)
        if isinstance(value, str) and family:
            if value not in family:
                raise refuse(f" names no {field.type.__name__.lower()}{nearest(value, list(family))}")
            return family[value]()
        if issubclass(field.type, Family):
            value = field.type.coerce(value)
        if not isinstance(value, field.type):
            raise refuse()
        if not is_config(type(value)):
            raise refuse(f": {type(value).__name__} is no config; decorate the class with @jaxtricks.config().")
        return value
    if field.kind is Kind.MODEL:
        if isinstance(value, str):
            if value not in choices(nn.Module):
                raise refuse(f" names no model{nearest(value, list(choices(nn.Module)))}")
            return choices(nn.Module)[value]()
        if not isinstance(value, nn.Module):
            raise refuse()
        return value if is_config(type(value)) else _hashable(refuse, value)
    return _checked_static(refuse, field, value)


_UNCHECKED = (Any, Union, types.UnionType)  # types to some versions of Python, but not to isinstance


def _hashable(refuse: Callable[..., ConfigError], value: Any) -> Any:
    try:
        hash(value)
    except TypeError:
        raise refuse(": what is static must be hashable; write a tuple for a list.") from None
    return value


def _checked_static(refuse: Callable[..., ConfigError], field: Field, value: Any) -> Any:
    origin = get_origin(field.type)
    if field.type is int:
        if isinstance(value, bool) or not isinstance(value, numbers.Integral):
            raise refuse()
        value = int(value)
        if field.range is not None and value not in field.range:
            raise refuse()
    elif field.type in (str, bool):
        if not isinstance(value, field.type):
            raise refuse()
    elif origin is Literal:
        if value not in get_args(field.type):
            raise refuse(f" is not allowed{nearest(str(value), [str(a) for a in get_args(field.type)])}")
    elif origin is tuple:
        if not isinstance(value, tuple) or len(value) != len(elements := _elements(field, len(value))):
            raise refuse()
        pairs = zip(elements, value, strict=True)
        value = tuple(None if v is None and e.optional else _checked_static(refuse, e, v) for e, v in pairs)
    elif isinstance(checked := origin or field.type, type) and checked not in _UNCHECKED and not isinstance(value, checked):
        raise refuse()
    return _hashable(refuse, value)


def _elements(field: Field, size: int) -> list[Field]:
    """What the elements of a tuple of the given size are, by the declared type, which may ask for another size."""
    hints = get_args(field.type)
    return [_field(field.name, hint, None) for hint in (hints[:1] * size if hints[-1:] == (...,) else hints)]


# --- walking, changing, comparing ---------------------------------------------------------------------------------------


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
    names = [f.name for f in _declared(type(node))] + ["name"] * isinstance(node, nn.Module)
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


def group(nodes: Sequence[C]) -> list[tuple[list[int], C]]:
    """Sorts configs by tree structure and stacks each group's floats: [(positions, config with leaves [members])]."""
    members: dict[Any, list[int]] = {}
    for i, node in enumerate(nodes):
        members.setdefault(jax.tree.structure(node), []).append(i)
    return [(indices, stack([nodes[i] for i in indices])) for indices in members.values()]


def stack(nodes: Sequence[C]) -> C:
    """Configs of one structure as one, each float an array of shape [members] in JAX's default precision."""
    dtype = jax.dtypes.canonicalize_dtype(float)
    return jax.tree.map(lambda *leaves: np.asarray(leaves, dtype), *nodes)


# --- JSON ---------------------------------------------------------------------------------------------------------------


def _reference(thing: Any) -> str:
    module, name = getattr(thing, "__module__", ""), getattr(thing, "__qualname__", type(thing).__name__)
    try:
        found = None if module == "__main__" else _resolve(f"{module}:{name}")
    except ConfigError:
        found = None
    if found is not thing:  # a lambda, a local function, a bound method, a partial
        raise ConfigError(f"{module}:{name} cannot be written down; define it by name at the top of an importable module.")
    return f"{module}:{name}"


def _resolve(reference: Any) -> Any:
    try:
        module, _, name = reference.partition(":")
        return functools.reduce(getattr, name.split("."), importlib.import_module(module))
    except (ImportError, AttributeError, ValueError, TypeError):
        raise ConfigError(f"{reference!r} cannot be imported.") from None


def to_json(node: Any, *, named: bool = True) -> Any:
    """A config as plain JSON data; a callable or a user's class stands as `module:qualname`.

    Args:
        node: the config, or what a field holds.
        named: whether its place says which family it is of, so that a choice's bare name is enough.

    Raises:
        ConfigError: for a lambda or a local function, which have no name to be found by.
    """
    if dataclasses.is_dataclass(node) and not isinstance(node, type):
        cls = type(node)
        static = [f.name for f in _declared(cls) if not is_config(cls) or fields(cls)[f.name].kind is Kind.STATIC]
        body = {f.name: to_json(getattr(node, f.name), named=f.name not in static) for f in _declared(cls)}
        if "kind" in body:
            raise ConfigError(f"{cls.__name__} has a field 'kind', which in JSON is the name of the class; rename the field.")
        if named and is_config(cls) and _family(cls) is None:
            return body
        return {"kind": _NAMES[cls] if named and cls in _NAMES else _reference(cls)} | body
    if isinstance(node, tuple):
        return [to_json(v, named=False) for v in node]
    if node is None or isinstance(node, str | bool | int | float):
        return node
    if isinstance(node, numbers.Real):
        return float(node)
    if callable(node):
        return {"callable": _reference(node)}
    raise ConfigError(f"a {type(node).__name__} cannot be written as JSON.")


def from_json(cls: type[C], data: Mapping[str, Any]) -> C:
    """A config from what `to_json` gave.

    Args:
        cls: the config class; for a member of a family, the family or any member.
        data: the JSON object.

    Raises:
        ConfigError: for an unknown kind or field, with the nearest valid one, or a value that its field refuses.
    """
    if not isinstance(data, Mapping):
        raise ConfigError(f"{cls.__name__}: expected a JSON object, not {data!r}.")
    body = dict(data)
    if "kind" in body or not is_config(cls):
        cls = _class(body.pop("kind", None), choices(_family(cls) or cls))
    known = fields(cls) if is_config(cls) else {f.name: None for f in _declared(cls)}
    for name in body:
        if name not in known:
            raise ConfigError(f"{cls.__name__} has no field {name!r}{nearest(name, list(known))}")
    values = {name: _value_from_json(known[name], value) for name, value in body.items()}
    try:
        return cls(**values)
    except TypeError as error:  # a field without a default is missing
        raise ConfigError(f"{cls.__name__}: {error}.") from error


def _class(kind: Any, family: Mapping[str, type]) -> Any:
    """The class that a JSON object is of: a choice by its name, any other as `module:qualname`."""
    found = _resolve(kind) if ":" in str(kind) else family.get(str(kind))
    if not (isinstance(found, type) and dataclasses.is_dataclass(found)):  # never call just anything that a file names
        raise ConfigError(f"kind = {kind!r} is unknown{nearest(kind if isinstance(kind, str) else '', list(family))}")
    return found


def _value_from_json(field: Field | None, value: Any) -> Any:
    if isinstance(value, Mapping) and field is not None and field.kind in (Kind.CONFIG, Kind.MODEL):
        return from_json(field.type, value)
    if isinstance(value, list):
        return tuple(_value_from_json(None, v) for v in value)
    if isinstance(value, Mapping):
        return _resolve(value["callable"]) if "callable" in value else from_json(object, value)
    return value


def fingerprint(node: Any) -> str:
    """Twelve hexadecimal digits of a config's JSON, the same in every process and on every machine."""
    return hashlib.sha256(json.dumps(to_json(node), sort_keys=True).encode()).hexdigest()[:12]


def parse(node: Any, path: str, texts: Sequence[str]) -> Any:
    """The value at `path` from words of a command line: `0.5`, `off`, `256 256`, `warmup_cosine`, `{"kind": ...}`.

    Args:
        node: the config that the path starts from.
        path: dotted path.
        texts: the words; more than one only where the field is a tuple.

    Raises:
        ConfigError: for an unknown path, or words that the field does not take.
    """
    field = locate(node, path)
    words = [w for text in texts for w in text.replace(",", " ").split()]
    if get_origin(field.type) is tuple and not (field.optional and words in (["none"], ["off"])):
        elements = _elements(field, len(words))
        if len(elements) != len(words):
            raise ConfigError(f"{path} = {' '.join(words)!r} is not {field.allowed}.")
        return tuple(_word(path, element, word) for element, word in zip(elements, words, strict=True))
    if len(texts) != 1:
        raise ConfigError(f"{path} takes one value, not {len(texts)}: {' '.join(texts) or 'none was given'}.")
    return _word(path, field, texts[0])


def _word(path: str, field: Field, text: str) -> Any:
    if field.optional and text.lower() in ("none", "off"):
        return None
    if field.kind in (Kind.CONFIG, Kind.MODEL) and text.startswith("{"):
        try:
            return from_json(field.type, json.loads(text))
        except json.JSONDecodeError as error:
            raise ConfigError(f"{path}: {text!r} is not JSON ({error.msg}).") from None
    if field.type is bool and text.lower() in ("true", "false"):
        return text.lower() == "true"
    if field.kind is Kind.CONFIG and text not in choices(field.type):
        try:
            return float(text)  # some families take a bare number: dropout's is its rate
        except ValueError:
            return text
    if get_origin(field.type) is Literal:
        return {str(a): a for a in get_args(field.type)}.get(text, text)
    convert = {int: int, float: float}.get(field.type, str)
    try:
        return convert(text)
    except ValueError:
        raise ConfigError(f"{path} = {text!r} is not {field.allowed}.") from None
