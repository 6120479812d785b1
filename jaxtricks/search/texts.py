"""Ranges from texts of a command line or a file."""

from collections.abc import Callable

from jaxtricks.config import ConfigError
from jaxtricks.search.choice import Choice
from jaxtricks.search.ranges import FloatRange, IntRange, LogUniform, OneMinusLog, SearchRange

_FORMS: dict[str, Callable[[str, str], SearchRange]] = {
    "": lambda low, high: FloatRange(float(low), float(high)),
    "log": lambda low, high: LogUniform(float(low), float(high)),
    "1-log": lambda low, high: OneMinusLog(float(low), float(high)),
    "int": lambda low, high: IntRange(int(low), int(high)),
    "int:log": lambda low, high: IntRange(int(low), int(high), log=True),
}


def parse_range(text: str) -> SearchRange:
    """The range that a text stands for; `str` of a range gives its text.

    Args:
        text: `0:0.7`, `log:1e-5:1e-1`, `1-log:0.9:0.999`, `int:1:8`, `int:log:16:512`, or values between commas.

    Raises:
        ConfigError: for a text of another form, or ends that cannot be.

    >>> parse_range("log:1e-5:1e-1"), parse_range("relu,tanh,none").values
    (LogUniform(low=1e-05, high=0.1), ('relu', 'tanh', 'none'))
    """
    words = split_words(text)
    if len(words) > 1:
        return Choice(tuple(words))
    rest, colon, high = text.rpartition(":")
    kind, _, low = rest.rpartition(":")
    if colon and kind in _FORMS:
        try:
            return _FORMS[kind](low, high)
        except ConfigError as error:
            raise ConfigError(f"{text!r}: {error}") from None
        except ValueError:
            number = "integers" if kind.startswith("int") else "numbers"
            raise ConfigError(f"{text!r}: {low!r} and {high!r} are not both {number}.") from None
    forms = ", ".join(f"{form}:low:high".removeprefix(":") for form in _FORMS)
    raise ConfigError(f"{text!r} is no range; allowed are {forms}, and two or more values between commas.")


def split_words(text: str) -> list[str]:
    """The words between the commas of a text; commas within brackets part nothing.

    >>> split_words('relu, {"kind": "elu", "alpha": 2}')
    ['relu', '{"kind": "elu", "alpha": 2}']
    """
    words, depth = [""], 0
    for letter in text:
        depth += (letter in "{[(") - (letter in "}])")
        if letter == "," and not depth:
            words.append("")
        else:
            words[-1] += letter
    return [word.strip() for word in words]
