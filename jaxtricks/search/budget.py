"""How long a search goes on."""

import dataclasses
import math
from typing import Self

from jaxtricks.config import ConfigError

RACING = 0.2  # of a search, which is kept for restarts that decide between the best trials


@dataclasses.dataclass(frozen=True)
class Budget:
    """How long a search goes on: until one of these is used up.

    A fifth of it is for racing, restarts more of the trials that may be the best; four fifths are for new points. So `trials`
    are all tried, and at most a quarter as many restarts come on top. Where a scheme lets trials leave on the way, `epochs`
    counts what they were trained for, and a restart on top takes longer than most of those before.

    Args:
        trials: new points; None: no bound.
        epochs: restart-epochs: two restarts of ten epochs are twenty; None: no bound.
        minutes: time, compiling counted; the clock is read between batches of trials. None: no bound.

    Raises:
        ConfigError: for no bound at all, or one that is not above 0.

    >>> Budget.of(64), Budget(minutes=30).minutes
    (Budget(trials=64, epochs=None, minutes=None), 30)
    """

    trials: int | None = None
    epochs: int | None = None
    minutes: float | None = None

    def __post_init__(self) -> None:
        bounds = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        if all(bound is None for bound in bounds.values()):
            raise ConfigError("Budget() has no bound; trials, epochs or minutes are allowed.")
        for name, bound in bounds.items():
            whole = name != "minutes"
            kind = int if whole else int | float
            if bound is not None and (isinstance(bound, bool) or not isinstance(bound, kind) or not 0 < bound < math.inf):
                raise ConfigError(f"Budget.{name} = {bound!r} is not {'an integer' if whole else 'a number'} > 0.")

    @classmethod
    def of(cls, given: "int | Budget") -> Self:
        """The budget that a number of trials stands for."""
        return given if isinstance(given, cls) else cls(trials=given)  # type: ignore[arg-type]

    def new_trials(self, tried: int, seconds: float) -> float:
        """How many points may still be tried, by the bounds of trials and of time; infinite where nothing bounds them.

        Args:
            tried: points so far.
            seconds: that the search has taken.
        """
        if self.minutes is not None and seconds >= (1 - RACING) * 60 * self.minutes:
            return 0
        return math.inf if self.trials is None else self.trials - tried

    def new_epochs(self, spent: int) -> float:
        """How many restart-epochs may still go into new points.

        Args:
            spent: so far.
        """
        return math.inf if self.epochs is None else (1 - RACING) * self.epochs - spent

    def racing(self, explored: int, raced: int, spent: int, seconds: float, epochs: int) -> float:
        """How many restarts may still race, the fewest that a bound leaves.

        Args:
            explored: restarts of all trials when they were new.
            raced: restarts that came on top.
            spent: restart-epochs so far.
            seconds: that the search has taken.
            epochs: of one restart.
        """
        left = [math.inf]
        if self.trials is not None:
            left.append(explored * RACING / (1 - RACING) - raced)
        if self.epochs is not None:
            left.append((self.epochs - spent) / epochs)
        if self.minutes is not None and seconds >= 60 * self.minutes:
            left.append(0)
        return max(0, min(left))
