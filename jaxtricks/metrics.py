"""What predictions are judged by."""

from jaxtricks.objectives.metrics import bits_per_character

__all__ = ["bits_per_character"]


def __dir__() -> list[str]:
    return __all__
