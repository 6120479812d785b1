"""Values from words of a command line: `0.5`, `off`, `on`, `256 256`, `warmup_cosine`, `{"kind": ...}`."""

import json
from collections.abc import Sequence
from typing import Any, Literal, Union, get_args, get_origin

from jaxtricks.config.declared import Field, Kind
from jaxtricks.config.errors import ConfigError
from jaxtricks.config.families import choice
from jaxtricks.config.json import from_json, value_from_json
from jaxtricks.config.paths import locate
from jaxtricks.config.references import reason, referenced, resolve


def parse(node: Any, path: str, texts: Sequence[str]) -> Any:
    """The value at `path` from words of a command line: `0.5`, `off`, `256 256`, `warmup_cosine`, `{"kind": ...}`.

    `on` turns a trick on at the value that its declaration names for a first try. `module:name` is a value, a function or a class
    of your own.

    Args:
        node: the config that the path starts from.
        path: dotted path.
        texts: the words; more than one only where the field is a tuple.

    Raises:
        ConfigError: for an unknown path, or words that the field does not take.

    >>> parse(jt.Experiment(), "model.widths", ["256", "128"])
    (256, 128)
    >>> parse(jt.Experiment(), "optimizer.clip_norm", ["off"]) is None
    True
    >>> parse(jt.Experiment(), "model.dropout", ["on"])
    0.5
    """
    field = locate(node, path)
    if field.kind is Kind.CONFIGS and texts and texts[0].startswith("["):
        return value_from_json(field, _read(path, " ".join(texts)))
    words = [w for text in texts for w in text.replace(",", " ").split()]
    if get_origin(field.type) is tuple and not (field.optional and words in (["none"], ["off"])):
        elements = field.elements(len(words))
        if len(elements) != len(words):
            raise ConfigError(f"{path} = {' '.join(words)!r} is not {field.allowed}.")
        return tuple(_word(path, element, word) for element, word in zip(elements, words, strict=True))
    if len(texts) != 1:
        raise ConfigError(f"{path} takes one value, not {len(texts)}: {' '.join(texts) or 'none was given'}.")
    return _word(path, field, texts[0])


def _word(path: str, field: Field, text: str) -> Any:
    if field.optional and text.lower() in ("none", "off"):
        return None
    if field.optional and field.trick is not None and text.lower() == "on":
        return field.trick.tried
    if field.kind in (Kind.CONFIG, Kind.MODEL) and text.startswith("{"):
        return from_json(field.type, _read(path, text))
    if ":" in text and (field.kind in (Kind.CONFIG, Kind.MODEL) or get_origin(field.type) is Union):
        return resolve(text) if field.kind is Kind.MODEL else _made(path, referenced(text))
    if field.type is bool and text.lower() in ("true", "false"):
        return text.lower() == "true"
    if field.kind is Kind.CONFIG and choice(field.type, text) is None:
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


def _read(path: str, text: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise ConfigError(f"{path}: {text!r} is not JSON ({error.msg}).") from None


def _made(path: str, found: Any) -> Any:
    """What a field may hold of what a reference names: a class is called without arguments."""
    if not isinstance(found, type):
        return found
    try:
        return found()
    except Exception as error:  # a user's class may raise anything
        raise ConfigError(f"{path}: {found.__name__} cannot be made without arguments: {reason(error)}") from error
