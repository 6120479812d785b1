"""The flag that says how the arms of a comparison are tuned."""

import dataclasses
import json
from pathlib import Path
from typing import ClassVar

from jaxtricks.config import ConfigError
from jaxtricks.evaluate.tuning import Tuning
from jaxtricks.search.space import Space
from jaxtricks.search.space_tuning import SpaceTuning

NONE = "none"


@dataclasses.dataclass(frozen=True)
class TuneFlags:
    """How arms are tuned before they are judged.

    Args:
        tune: rate: each arm gets its best learning rate first, out of seven around the given one, found on four other restarts;
            none: each arm is trained as its settings say; a number such as 32: each has the best of so many points of all of its
            numbers that are on; FILE.json: of 32 points of that space, {path: range}, such as {"model.dropout": "0:0.7"}.
    """

    title: ClassVar[str] = "metric"

    tune: str = dataclasses.field(default="rate", kw_only=True)

    def tuning(self) -> Tuning | None:
        """The way to tune, or None.

        Raises:
            ConfigError: for a name that there is not, fewer than two points, or a file that holds no space.
        """
        if self.tune == NONE:
            return None
        if self.tune.isdecimal():
            return SpaceTuning(trials=int(self.tune))
        return SpaceTuning(space=_space(Path(self.tune))) if self.tune.endswith(".json") else Tuning(self.tune)


def _space(path: Path) -> Space:
    try:
        return Space.from_json(json.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise ConfigError(f"--tune {path}: there is no such file ({error.strerror}).") from None
    except (ValueError, ConfigError) as error:
        raise ConfigError(f"--tune {path}: {error}") from None
