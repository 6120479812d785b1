"""What a search goes by, as values: how sure it has to be, and all else that decides its batches."""

import dataclasses
from typing import Any

from jaxtricks.config import ConfigError
from jaxtricks.config.families import name_of
from jaxtricks.evaluate.measure import Measure
from jaxtricks.search.budget import Budget
from jaxtricks.search.condition import Point
from jaxtricks.search.scheme import Full, Scheme
from jaxtricks.search.strategy import Strategy


@dataclasses.dataclass(frozen=True)
class Certainty:
    """How sure a search has to be of its winner, and how that is tried.

    Args:
        asked: P(the winner's true score is within the margin of the best tried) at which no restarts are added any more.
        fresh: restarts of the winner, on seeds that chose nothing, that are trained once at the end.

    Raises:
        ConfigError: for what is no share, or fewer than two restarts.

    >>> Certainty(asked=0.99).fresh
    16
    """

    asked: float = 0.95
    fresh: int = 16

    def __post_init__(self) -> None:
        if not 0 < self.asked < 1:
            raise ConfigError(f"Certainty.asked = {self.asked!r} is not a probability between 0 and 1.")
        _whole("Certainty.fresh", self.fresh, 2, "restarts that show a spread")


@dataclasses.dataclass(frozen=True)
class SearchRules:
    """What a search goes by.

    Args:
        strategy: says which points are tried.
        budget: how long.
        seeds: restarts of each new point.
        batch: how many points are tried together.
        measure: the metric and its margin.
        certainty: how sure it has to be.
        seed: of all that is drawn; it decides the restarts' seeds, too.
        epochs: of a restart where the point does not say.
        scheme: how the points of a batch are trained; where it compares them on the way, all have the one number of epochs.

    Raises:
        ConfigError: for numbers that leave nothing to do, or fewer trials than the strategy needs.
    """

    strategy: Strategy
    budget: Budget
    seeds: int
    batch: int
    measure: Measure
    certainty: Certainty
    seed: int
    epochs: int
    scheme: Scheme = Full()  # noqa: RUF009 (frozen)

    def __post_init__(self) -> None:
        _whole("seeds", self.seeds, 2, "restarts of each trial that show a spread")
        _whole("batch", self.batch, 1, "trials")
        if isinstance(self.seed, bool) or not isinstance(self.seed, int) or self.seed < 0:
            raise ConfigError(f"seed = {self.seed!r} is not an integer >= 0.")
        name, fewest = name_of(type(self.scheme)), self.scheme.fewest(self.epochs)
        if self.batch < fewest:
            raise ConfigError(f"batch = {self.batch} are fewer trials than the {fewest} that {name!r} compares.")
        self.check_trials(self.strategy.least)

    def check_trials(self, of_strategy: int) -> None:
        """Refuses a budget of fewer trials than the strategy or the scheme needs; raises ConfigError.

        Args:
            of_strategy: how many the strategy needs.
        """
        name, fewest = name_of(type(self.scheme)), self.scheme.fewest(self.epochs)
        needs = ((type(self.strategy).__name__, of_strategy), (repr(name), fewest))
        word, least = max(needs, key=lambda need: need[1])
        if (trials := self.budget.new_trials(0, 0)) < least:
            raise ConfigError(f"budget: trials = {trials} are fewer than the {least} that {word} needs.")
        if (paid := self.budget.new_epochs(0)) < self.seeds * self.scheme.cost(least, self.epochs):
            raise ConfigError(
                f"budget: epochs = {self.budget.epochs} pay for {int(paid // (self.seeds * self.epochs))} trials of {self.seeds} "
                f"restarts, fewer than the {least} that {word} needs."
            )

    def epochs_of(self, point: Point) -> int:
        """The epochs of a restart of a point."""
        return int(point.get("epochs", self.epochs))

    @property
    def round(self) -> int:
        """Restarts of one round of the race: those of a batch of new points, or where a scheme trains these the fresh ones."""
        return self.certainty.fresh if self.scheme.together else self.batch * self.seeds

    def new(self, left: float) -> int:
        """How many points are tried next; none is left that would be too few for a batch of their own.

        Args:
            left: points that may still be tried.
        """
        return int(left if left < self.batch + self.scheme.fewest(self.epochs) else self.batch)

    def payable(self, points: int, left: float) -> int:
        """How many points of a batch that a scheme trains the budget pays for.

        Args:
            points: of the batch.
            left: restart-epochs.
        """
        fewest = self.scheme.fewest(self.epochs)
        counts = range(points, fewest - 1, -1)
        return next((count for count in counts if self.seeds * self.scheme.cost(count, self.epochs) <= left), 0)


def _whole(name: str, value: Any, least: int, what: str) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise ConfigError(f"{name} = {value!r} is not a number of {what}, an integer >= {least}.")
