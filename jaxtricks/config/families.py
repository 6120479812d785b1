"""Families of configs, and the register of their named members.

A family is a set of configs of which one fills a place: the activations, the schedules, the rules. A member has a name that
stands for it in Python, in JSON and on the command line: `schedule="warmup_cosine"`. All models are one family, `AnyModel`.
"""

import abc
import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import flax.linen as nn

from jaxtricks.config.errors import ConfigError, nearest
from jaxtricks.config.tricks import Trick


class _CallableFamily(type):
    """Lets the class that heads a family be called with a bare value."""

    def __call__(cls: Any, *values: Any, **options: Any) -> Any:
        if not values or Family not in cls.__bases__:
            return super().__call__(*values, **options)
        (value,) = values
        named = choice(cls, value) if isinstance(value, str) else None
        made = cls.coerce(value) if named is None else named()
        if not isinstance(made, cls):
            known = sorted(choices(cls))
            raise ConfigError(f"{cls.__name__}({value!r}) is no {cls.__name__.lower()}{nearest(str(value), known)}")
        return made


class Family(metaclass=_CallableFamily):
    """A set of configs that fill one place, each with a name: activations, schedules, rules. Subclass it directly.

    The class that heads a family, called with a bare value, gives what a field of the family makes of that value.

    >>> from jaxtricks.config import config
    >>> class Colour(Family):
    ...     '''A colour.'''
    >>> @config("red")
    ... class Red(Colour):
    ...     '''Red.'''
    >>> list(choices(Colour))
    ['red']
    >>> from jaxtricks.nn.dropout import Dropout
    >>> Dropout(0.5)
    Inverted(rate=0.5)
    """

    if TYPE_CHECKING:

        def __new__(cls, value: Any = ..., /) -> Any: ...

    @classmethod
    def coerce(cls, value: Any) -> Any:
        """Makes a member of a value that is neither a member nor a name, as `accepts` says; any other value stays as it is."""
        return next((make(value) for fits, make in _MADE.get(cls, ()) if fits(value)), value)

    @classmethod
    def accepts(cls, fits: Callable[[Any], bool], make: Callable[[Any], Any]) -> None:
        """Has `coerce` make a member of any value that fits, as a file may ask for that is not the family's own.

        >>> from jaxtricks.config import config
        >>> class Shade(Family):
        ...     '''A shade.'''
        >>> @config("grey")
        ... class Grey(Shade):
        ...     '''Grey.'''
        ...     share: float = 0.5
        >>> Shade.accepts(lambda value: isinstance(value, float), lambda share: Grey(share=share))
        >>> Shade(0.25)
        Grey(share=0.25)
        """
        _MADE.setdefault(cls, []).append((fits, make))


F = TypeVar("F", bound=Callable[..., type])


class AnyModel(abc.ABC):  # noqa: B024
    """The type of a field that holds a model: a Linen module, or of any class that inherits from this one or is registered here.

    A model that is a config is a child of the config that holds it, any other is static.

    >>> import flax.linen as nn
    >>> isinstance(nn.Dense(3), AnyModel), isinstance(3, AnyModel)
    (True, False)
    """


AnyModel.register(nn.Module)

if TYPE_CHECKING:
    ModelField = Any  # a type checker cannot know which classes are registered
else:
    ModelField = AnyModel

_CHOICES: dict[type, dict[str, type]] = {}
_TRICKS: dict[type, Trick] = {}
_NAMES: dict[type, str] = {}
_MAKERS: dict[Any, Callable[..., type]] = {}
_ADAPTERS: dict[str, Callable[[Any], Any]] = {}
_MADE: dict[type, list[tuple[Callable[[Any], bool], Callable[[Any], Any]]]] = {}


def family_of(cls: type) -> type | None:
    """The class that heads the family of a class, or None where it has none."""
    if issubclass(cls, AnyModel):
        return AnyModel
    return next((base for base in cls.__mro__ if Family in base.__bases__), None)


def register(cls: type, name: str | None, trick: Trick | None) -> None:
    """Enters a config class in its family under a name, and in the catalogue where it is a trick."""
    family = family_of(cls)
    if name is not None:
        _NAMES[cls] = name
        if family is not None:
            _CHOICES.setdefault(family, {})[name] = cls
    if trick is not None:
        _TRICKS[cls] = trick


def name_of(cls: type) -> str | None:
    """The name under which a config class was registered."""
    return _NAMES.get(cls)


def choices(cls: type) -> dict[str, type]:
    """The named members of the family that `cls` heads, by name.

    >>> from jaxtricks.nn.activations import Activation
    >>> choices(Activation)["relu"].__name__
    'ReLU'
    """
    return dict(_CHOICES.get(AnyModel if issubclass(cls, AnyModel) else cls, {}))


def choice(cls: type, name: str) -> type | None:
    """The named member of a family, without regard to case, hyphens and underscores; None where there is none.

    >>> from jaxtricks.nn.activations import Activation
    >>> choice(Activation, "LeakyReLU").__name__
    'LeakyReLU'
    """
    return {_letters(known): member for known, member in choices(cls).items()}.get(_letters(name))


def _letters(name: str) -> str:
    return name.casefold().replace("_", "").replace("-", "")


def choice_trick(cls: type) -> Trick | None:
    """What the catalogue knows of a named choice.

    >>> from jaxtricks.nn.activations import GELU
    >>> choice_trick(GELU).paper
    'Hendrycks & Gimpel 2016'
    """
    return _TRICKS.get(cls)


def is_function(value: Any) -> bool:
    """Whether a value is a function, and not a class, a module or a config that can be called.

    >>> is_function(abs), is_function(float)
    (True, False)
    """
    return callable(value) and not isinstance(value, type | nn.Module) and not is_config(type(value))


def is_config(cls: type) -> bool:
    """Whether a class was decorated with `@config`.

    >>> is_config(float)
    False
    """
    return "__jaxtricks_config__" in cls.__dict__


A = TypeVar("A", bound=Callable[[Any], Any])


def adapter(library: str) -> Callable[[A], A]:
    """Registers what makes a model of the classes and objects of a library, which need not be imported for that.

    Args:
        library: the module that the library's classes are defined in or below, such as "equinox".

    >>> @adapter("fractions")
    ... def of_a_fraction(value):
    ...     return jt.MLP(widths=(value.denominator,))
    >>> from fractions import Fraction
    >>> jt.Experiment(model=Fraction(1, 3)).model.widths
    (3,)
    """

    def registered(make: A) -> A:
        _ADAPTERS[library] = make
        return make

    return registered


def adapted(value: Any) -> Any:
    """What a library's adapter makes of a class or an object that stands for a model; a class of models becomes one of them.

    Raises:
        ConfigError: for a class that needs more than its defaults, or what the adapter refuses.

    >>> adapted(3), adapted(jt.MLP).widths
    (3, (128, 128))
    """
    kind = value if isinstance(value, type) else type(value)
    if isinstance(value, type) and issubclass(value, AnyModel):
        try:
            return value()
        except TypeError as error:
            raise ConfigError(f"Experiment.model = {value.__name__} is a class; write {value.__name__}(…): {error}.") from None
    for base in kind.__mro__:
        for library, make in _ADAPTERS.items():
            if f"{base.__module__}.".startswith(f"{library}."):
                return make(value)
    return value


def made_from(result: type) -> Callable[[F], F]:
    """Registers how `@config` makes a class of a function that is declared to return a `result`.

    >>> @made_from(complex)
    ... def phase_of(function):
    ...     return type(function.__name__, (), {"function": staticmethod(function)})
    >>> def quarter() -> complex:
    ...     return 1j
    >>> class_of(quarter).function()
    1j
    """

    def registered(make: F) -> F:
        _MAKERS[result] = make
        return make

    return registered


def class_of(function: Callable[..., Any]) -> type:
    """The class that `@config` makes of a function, by the type that it is declared to return.

    Raises:
        TypeError: for a function that declares no such type.
    """
    result = inspect.signature(function, eval_str=True).return_annotation
    if result not in _MAKERS:
        known = ", ".join(f"{known.__module__}.{known.__qualname__}" for known in _MAKERS)
        raise TypeError(
            f"{function.__qualname__} is declared to return {result}; @config takes classes, and functions that return {known}."
        )
    return _MAKERS[result](function)
