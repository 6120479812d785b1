"""How a function or a module of somebody else is called: with those of the usual arguments that its signature names."""

import inspect
from collections.abc import Callable
from typing import Any

from jaxtricks.config import ConfigError

VARIADIC = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)  # *values and **names

# Arguments that say whether a model is trained and not evaluated, and their value in training.
MODES = {"train": True, "training": True, "is_training": True, "deterministic": False, "inference": False}


def arguments(function: Callable[..., Any], positional: int, *, train: bool, lengths: Any, **others: Any) -> dict[str, Any]:
    """The arguments by name that a function or a module takes, of all that a call of a model can give.

    These are `train`, `training` and `is_training`, or `deterministic` and `inference`, which mean the opposite; `lengths`, where
    the data are padded; and `others`.

    Args:
        function: what is called.
        positional: how many arguments come first, without a name.
        train: whether the model is trained and not evaluated.
        lengths: true steps of each sequence, [batch]; None where the data are not padded.
        others: other arguments by name, such as key=…

    Raises:
        ConfigError: for a function that needs something else, or padded data and a function that takes no `lengths`.

    >>> arguments(lambda x, deterministic: x, 1, train=True, lengths=None)
    {'deterministic': False}
    >>> import flax.linen as nn
    >>> arguments(nn.Dense(3), 1, train=True, lengths=None)
    {}
    """
    offered = {name: train == in_training for name, in_training in MODES.items()} | others
    if lengths is not None:
        offered["lengths"] = lengths
    how = taken(function, positional, offered)
    if lengths is not None and "lengths" not in how:
        raise ConfigError(
            f"Experiment.model: {name_of(function)} takes no argument 'lengths', the true steps of each sequence, and the data "
            "are padded; 'rnn', 'tcn', 'transformer' and models that take it are allowed."
        )
    needed = [p.name for p in signature(function)[positional:] if p.default is p.empty and p.kind not in VARIADIC]
    if unknown := [name for name in needed if name not in how]:
        raise ConfigError(
            f"Experiment.model: {name_of(function)} needs an argument {unknown[0]!r}, which no model is given; there are: "
            f"{', '.join(offered)}."
        )
    return how


def taken(function: Callable[..., Any], positional: int, offered: dict[str, Any]) -> dict[str, Any]:
    """Those of the arguments that a function takes by name.

    One with `**names` takes all of them; if it has `*values` too it only passes on what it is given, and takes none.

    Args:
        function: what is called.
        positional: how many arguments come first, without a name.
        offered: name → argument.

    >>> taken(lambda key, x, lengths=None: x, 2, {"lengths": 3, "train": True})
    {'lengths': 3}
    """
    parameters = signature(function)
    kinds = {parameter.kind for parameter in parameters}
    if inspect.Parameter.VAR_KEYWORD in kinds and inspect.Parameter.VAR_POSITIONAL not in kinds:
        return offered
    names = {parameter.name for parameter in parameters[positional:]}
    return {name: value for name, value in offered.items() if name in names}


def built(field: str, build: Callable[..., Any], source: str, value: Any) -> Any:
    """What a builder gives, called with a source of random numbers.

    Args:
        field: the builder's, for messages, such as "Equinox.build".
        build: a function or a class of one argument.
        source: the argument's name, as its library writes it; a builder may call it otherwise.
        value: the argument.

    Raises:
        ConfigError: for a builder that asks for more, or fails.

    >>> built("NNX.build", lambda rngs: [rngs], "rngs", 3)
    [3]
    """
    parameters = [p for p in signature(build) if p.kind not in VARIADIC]
    needed = [p.name for p in parameters if p.default is p.empty]
    by_name = source in [p.name for p in parameters]
    if more := [name for name in needed if name != source] if by_name else needed[1:]:
        name = name_of(build)
        raise ConfigError(
            f"{field} = {name} needs {', '.join(more)} beside {source}; a function of {source} alone is allowed, such as "
            f"def build({source}): return {name}(…, {source}={source})."
        )
    try:
        return build(**{source: value}) if by_name else build(value)
    except ConfigError:
        raise
    except Exception as error:  # whatever a user's own module raises
        raise ConfigError(f"{field} = {name_of(build)} fails, called with {source}: {reason(error)}") from error


def once(model: str, source: str, module: Any) -> str:
    """The sentence for a module that stands where one should be built for each restart.

    Args:
        model: the class of models of its library, such as "NNX".
        source: the argument of random numbers, as the library writes it.
        module: the module.

    >>> once("NNX", "rngs", jt.MLP())[:64]
    'Experiment.model: this MLP is built already, and all restarts wo'
    """
    name = name_of(module)
    return (
        f"Experiment.model: this {name} is built already, and all restarts would begin with its weights; write "
        f"jaxtricks.models.{model}(build) with def build({source}): return {name}(…, {source}={source})."
    )


def signature(function: Callable[..., Any]) -> list[inspect.Parameter]:
    """The parameters of a function, a class or a module; none where Python cannot tell."""
    try:
        if isinstance(function, type):  # whose metaclass may take anything
            return list(inspect.signature(function.__init__).parameters.values())[1:]  # type: ignore[misc]
        return list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):
        return []


def name_of(function: Any) -> str:
    """What a function, a class or a module is called in a sentence.

    >>> name_of(jt.Dataset), name_of(jt.MLP())
    ('Dataset', 'MLP')
    """
    return str(getattr(function, "__name__", type(function).__name__))


def reason(error: Exception) -> str:
    """An error of somebody else's code in one line.

    >>> reason(ValueError("too hot to handle"))
    'ValueError: too hot to handle'
    """
    line = next(filter(None, map(str.strip, str(error).splitlines())), "")
    return f"{type(error).__name__}: {line}" if line else type(error).__name__
