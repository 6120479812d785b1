"""Numbers of things that a function is told to do."""

from jaxtricks.config import ConfigError


def check_count(name: str, value: int) -> None:
    """Refuses what is no integer of at least 1.

    >>> check_count("copies", 4)

    Args:
        name: what the value was given as.
        value: what was given.

    Raises:
        ConfigError: for a fraction, a truth value, or a number below 1.
    """
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ConfigError(f"{name} = {value} is not an integer >= 1.")
