"""Dotted paths into a config: every setting by its path, a copy with some of them changed, and what differs."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeVar

import flax.linen as nn

from jaxtricks.config.declared import Field, Kind, declared, fields
from jaxtricks.config.errors import ConfigError, nearest
from jaxtricks.config.families import is_config

C = TypeVar("C")


def items(node: Any, prefix: str = "") -> Iterator[tuple[str, Field, Any]]:
    """Every field of a config and of its children, as (dotted path, field, value), parents first.

    >>> [path for path, field, value in items(jt.Optimizer(rule=jt.SGD()))][:3]
    ['rule', 'rule.learning_rate', 'rule.weight_decay']
    """
    if not is_config(type(node)):
        return
    for field in fields(type(node)).values():
        value = getattr(node, field.name)
        yield prefix + field.name, field, value
        yield from items(value, f"{prefix}{field.name}.")
        if field.kind is Kind.CONFIGS:
            for place, child in enumerate(value or ()):
                yield from items(child, f"{prefix}{field.name}.{place}.")


def below(node: Any, name: str) -> Any:
    """What a part of a path names: a field of a config, or a config of a tuple by its number.

    >>> below(jt.SGD(learning_rate=0.1), "learning_rate"), below((jt.SGD(), jt.Adam()), "0") == jt.SGD()
    (0.1, True)

    Raises:
        LookupError: where there is none.
    """
    if is_config(type(node)) and name in fields(type(node)):
        return getattr(node, name)
    if isinstance(node, tuple) and name.isdecimal():
        return node[int(name)]
    raise LookupError(name)


def rebuild(node: C, **changes: Any) -> C:
    """A copy with other fields, validated anew.

    >>> rebuild(jt.SGD(learning_rate=0.1), learning_rate=0.2).learning_rate
    0.2
    """
    names = [f.name for f in declared(type(node))] + ["name"] * isinstance(node, nn.Module)
    return type(node)(**({name: getattr(node, name) for name in names} | changes))


def locate(node: Any, path: str) -> Field:
    """The field at a dotted path.

    Raises:
        ConfigError: where there is none, with the nearest path that there is; or where a part of the path is off.

    >>> locate(jt.Experiment(), "optimizer.rule.learning_rate").allowed
    'a number > 0'
    """
    here, above = node, ""
    *parents, name = path.split(".")
    for parent in parents:
        try:
            here, above = below(here, parent), f"{above}{parent}."
        except LookupError:
            break
        if here is None:
            off = above.rstrip(".")
            raise ConfigError(f"{path} has no meaning while {off} is off; set {off} first.")
    else:
        if is_config(type(here)) and name in fields(type(here)):
            return fields(type(here))[name]
    beside = [above + field for field in fields(type(here))] if is_config(type(here)) else []
    raise ConfigError(f"there is no setting {path!r}{nearest(path, [p for p, _, _ in items(node)], beside)}")


def meant(node: Any, name: str) -> str:
    """The path that a name stands for: the one that ends with it, without regard to case; the name itself where there is none.

    >>> meant(jt.Experiment(), "Learning-Rate")
    'optimizer.rule.learning_rate'

    Raises:
        ConfigError: for a name that several paths end with.
    """
    wanted = name.casefold().replace("-", "_")
    paths = [path for path, _, _ in items(node)]
    ends = [path for path in paths if f".{path}".casefold().endswith(f".{wanted}")]
    found = [path for path in ends if path.casefold() == wanted] or ends
    if len(found) > 1:
        raise ConfigError(f"{name!r} may be {' or '.join(found)}; name one of them.")
    return found[0] if found else name


def replace(node: C, changes: Mapping[str, Any]) -> C:
    """A copy with the values at dotted paths changed, in the order given: `{"model.dropout": 0.5}`.

    Raises:
        ConfigError: for an unknown path (with the nearest valid one) or a value that its field refuses.

    >>> replace(jt.Experiment(), {"batch_size": 32, "model.dropout": 0.5}).model.dropout
    Inverted(rate=0.5)
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
    new = _replace(below(node, head), rest, value) if rest else value
    if isinstance(node, tuple):
        return (*node[: int(head)], new, *node[int(head) + 1 :])
    return rebuild(node, **{head: new})


def diff(a: Any, b: Any) -> dict[str, tuple[Any, Any]]:
    """What differs between two configs: dotted path → (value in a, value in b); a choice that differs is given whole.

    >>> diff(jt.Experiment(), jt.Experiment(batch_size=32))
    {'batch_size': (64, 32)}
    """
    if type(a) is not type(b) or not (names := _parts(a)) or names != _parts(b):
        return {} if a == b else {"": (a, b)}
    return {f"{name}.{path}".rstrip("."): pair for name in names for path, pair in diff(below(a, name), below(b, name)).items()}


def _parts(node: Any) -> list[str]:
    """The names of what is below a config or a tuple of configs; none below anything else."""
    if isinstance(node, tuple) and all(is_config(type(child)) for child in node):
        return [str(place) for place in range(len(node))]
    return list(fields(type(node))) if is_config(type(node)) else []


def hyperparameters(node: Any) -> dict[str, Any]:
    """The traced values: dotted path → number.

    >>> hyperparameters(jt.MLP(dropout=0.5))
    {'dropout.rate': 0.5}
    """
    return {p: v for p, f, v in items(node) if f.kind is Kind.TRACED and v is not None}
