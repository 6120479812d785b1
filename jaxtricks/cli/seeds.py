"""Flags that say what the restarts sample."""

import dataclasses
from pathlib import Path
from typing import Any, cast

from jaxtricks.cli.optional import Maybe, Switch
from jaxtricks.config import ConfigError
from jaxtricks.experiment.resampling import All, Disjoint, Folds, Forward, Part, Resampling
from jaxtricks.experiment.seeds import Seeds

FIVE = (5,)  # the seeds of 5×2


@dataclasses.dataclass(frozen=True, kw_only=True)
class SeedFlags:
    """Which restarts to train.

    Args:
        seeds: one number: so many restarts, with the seeds 0, 1, …; several numbers: the seeds themselves.
        split: a seed whose training and validation split all restarts share, as an ensemble of chosen ones asks for; by default
            each restart draws its own.
        vary: in what restarts differ, out of split, weights, order and masks; by default in all.
        folds: cross-validation: so many restarts of each seed, each of which validates on another part of the data.
        repeats: with --folds, how many times the data are cut into folds anew.
        forward: cross-validation forward in time: so many restarts of each seed, each trained on what lies before it validates.
        disjoint: so many restarts of each seed, each with a part of the data of its own.
        part: how much of the training examples each restart sees: a share such as 0.5, or a number of examples.
        five_by_two: five seeds that train on one half and validate on the other, both ways.
        transfer: the folder of an earlier run, such as runs/digits-run-1, whose weights the restarts start from.
        fresh: with --transfer, layers whose weights are drawn all the same, such as head.
    """

    seeds: tuple[int, ...] = (16,)
    split: Maybe[int] = None
    vary: Maybe[tuple[str, ...]] = None
    folds: Maybe[int] = None
    repeats: Maybe[int] = None
    forward: Maybe[int] = None
    disjoint: Maybe[int] = None
    part: Maybe[float] = None
    five_by_two: Switch = False
    transfer: Maybe[Path] = None
    fresh: Maybe[tuple[str, ...]] = None

    def sampled(self) -> Seeds:
        """What the restarts sample, but for the weights of earlier runs; raises ConfigError for flags that do not go together."""
        if self.fresh is not None and self.transfer is None:
            raise ConfigError("--fresh is for --transfer, which is missing.")
        if self.repeats is not None and self.folds is None:
            raise ConfigError("--repeats is for --folds, which is missing.")
        seeds = self.seeds
        if self.five_by_two:
            if seeds not in (SeedFlags.seeds, FIVE):
                raise ConfigError("--five-by-two has five seeds, and --seeds asks for others; one of the two is allowed.")
            seeds = FIVE
        number = seeds[0] if len(seeds) == 1 else seeds
        return Seeds(number, split=self.split, vary=cast(Any, self.vary), examples=self._examples())

    def _examples(self) -> Resampling:
        chosen: dict[str, Resampling] = {}
        if self.folds is not None:
            chosen["--folds"] = Folds(self.folds, 1 if self.repeats is None else self.repeats)
        if self.forward is not None:
            chosen["--forward"] = Forward(self.forward)
        if self.disjoint is not None:
            chosen["--disjoint"] = Disjoint(self.disjoint)
        if self.part is not None:
            chosen["--part"] = Part(int(self.part) if self.part >= 1 and self.part.is_integer() else self.part)
        if self.five_by_two:
            chosen["--five-by-two"] = Folds(2)
        if len(chosen) > 1:
            raise ConfigError(f"{' and '.join(chosen)} say which examples a restart sees; one of them is allowed.")
        return next(iter(chosen.values()), All())
