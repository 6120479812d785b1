"""The flag that says how the arms of a comparison are tuned."""

import dataclasses
from typing import ClassVar

from jaxtricks.evaluate.tuning import Tuning

NONE = "none"


@dataclasses.dataclass(frozen=True)
class TuneFlags:
    """How arms are tuned before they are judged.

    Args:
        tune: rate: each arm gets its best learning rate first, out of seven around the given one, found on four other restarts;
            none: each arm is trained as its settings say.
    """

    title: ClassVar[str] = "metric"

    tune: str = dataclasses.field(default="rate", kw_only=True)

    def tuning(self) -> Tuning | None:
        """The way to tune, or None; raises ConfigError for a name that there is not."""
        return None if self.tune == NONE else Tuning(self.tune)
