"""What stands as `module:name` on a command line and in JSON."""

import dataclasses
import functools
import importlib
import inspect
from collections.abc import Callable
from typing import Any

from jaxtricks.config.errors import ConfigError, nearest


def resolve(reference: str) -> Any:
    """What `module:qualname` names.

    Raises:
        ConfigError: where it cannot be imported, with the reason.

    >>> resolve("math:pi")
    3.141592653589793
    """
    module, _, name = str(reference).partition(":")
    try:
        here = importlib.import_module(module)
    except Exception as error:  # a user's module may raise anything
        raise ConfigError(f"{reference} cannot be imported: {reason(error)}") from error
    try:
        return functools.reduce(getattr, name.split("."), here)
    except AttributeError:
        known = [known for known in vars(here) if not known.startswith("_")]
        raise ConfigError(f"{reference} cannot be imported: {module} has no {name!r}{nearest(name, known, [])}") from None


def reason(error: Exception) -> str:
    """The first line of an error's message, or its type where it has none, as the end of a sentence."""
    return (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".") + "."


@dataclasses.dataclass(frozen=True, repr=False)
class Reference:
    """A value by its `module:name`, for one that does not know its own name: what a function of Optax made, or a lambda.

    Args:
        name: `module:name`.

    >>> Reference("math:pi")()
    3.141592653589793
    >>> Reference("math:hypot")(3, 4)
    5.0
    """

    name: str

    def __call__(self, *values: Any, **named: Any) -> Any:
        """Calls it; a value that cannot be called is given itself."""
        found = resolve(self.name)
        return found(*values, **named) if callable(found) else found

    @property
    def __name__(self) -> str:
        return self.name.partition(":")[2].rpartition(".")[2]

    @property
    def __signature__(self) -> inspect.Signature:
        found = resolve(self.name)
        return inspect.signature(found) if callable(found) else inspect.Signature()

    def __repr__(self) -> str:
        return self.name


def referenced(reference: str) -> Any:
    """The value that `module:name` names, or a `Reference` to it where the value could not be written down by that name.

    >>> referenced("math:hypot")
    <built-in function hypot>

    Raises:
        ConfigError: as `resolve`.
    """
    found = resolve(reference)
    if dataclasses.is_dataclass(found):  # a class or a value of fields, such as a config or a metric
        return found
    try:
        return found if name_of_callable(found) else Reference(reference)
    except ConfigError:
        return Reference(reference)


def name_of_callable(thing: Callable[..., Any]) -> str:
    """The `module:qualname` by which a function or a class is found.

    Raises:
        ConfigError: for a lambda, a local function, a bound method or a partial, which have none.

    >>> import math
    >>> name_of_callable(math.hypot)
    'math:hypot'
    """
    if isinstance(thing, Reference):
        return thing.name
    module, name = getattr(thing, "__module__", ""), getattr(thing, "__qualname__", type(thing).__name__)
    try:
        found = None if module == "__main__" else resolve(f"{module}:{name}")
    except ConfigError:
        found = None
    if found is not thing:
        raise ConfigError(f"{module}:{name} cannot be written down; define it by name at the top of an importable module.")
    return f"{module}:{name}"
