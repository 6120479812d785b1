"""Flags that say what the restarts sample."""

import dataclasses
from typing import Any, ClassVar, cast

from jaxtricks.cli.optional import Maybe, Switch, Words
from jaxtricks.cli.start import StartFlags
from jaxtricks.config import ConfigError
from jaxtricks.experiment.changes import LabelChange, NoisyLabels, PermutedInputs, PermutedLabels, RandomLabels
from jaxtricks.experiment.resampling import All, Disjoint, FiveByTwo, Folds, Forward, Part, Resampling
from jaxtricks.experiment.seeds import Seeds

FIVE = (5,)  # the seeds of 5×2


@dataclasses.dataclass(frozen=True, kw_only=True)
class SeedFlags(StartFlags):
    """Which restarts to train.

    Args:
        seeds: one number: so many restarts, with the seeds 0, 1, …; several numbers: the seeds themselves; by default 16, with
            --five-by-two five, and with --disjoint one.
        split: the seed of one training and validation split for all restarts, which an ensemble of chosen ones needs; by
            default each restart draws its own.
        vary: in which of split, weights, order and masks the restarts differ; by default in all.
        folds: cross-validation: the number of folds; each seed has a restart for each fold, which validates on that fold.
        repeats: with --folds: how many times each seed draws new folds.
        forward: cross-validation for data in the order of time: the number of restarts of each seed, each of which trains on
            earlier examples than it validates on.
        disjoint: the number of parts that have no example in common; each seed has a restart for each part.
        part: how many of the training examples each restart uses: a share such as 0.5, or a number of examples.
        five_by_two: 5×2 cross-validation: five seeds, each with two restarts that train on one half and validate on the other.
        label_noise: the share of training examples that get a wrong label, such as 0.2; each split draws its own.
        random_labels: the probability with which each training example gets a random class, the true one among them, such as 0.5.
        permute_labels: give the labels of training examples to each other at random, so that they mean nothing.
        permute_inputs: put the features of all inputs into a random order, one for each seed.
    """

    title: ClassVar[str] = "restarts"

    seeds: Maybe[tuple[int, ...]] = None
    split: Maybe[int] = None
    vary: Words = None
    folds: Maybe[int] = None
    repeats: Maybe[int] = None
    forward: Maybe[int] = None
    disjoint: Maybe[int] = None
    part: Maybe[float] = None
    five_by_two: Switch = False
    label_noise: Maybe[float] = None
    random_labels: Maybe[float] = None
    permute_labels: Switch = False
    permute_inputs: Switch = False

    def sampled(self) -> Seeds:
        """The seeds and examples of the restarts, without the weights of earlier runs.

        Raises:
            ConfigError: for flags that do not go together.
        """
        self.check_start()
        if self.repeats is not None and self.folds is None:
            raise ConfigError("--repeats is for --folds, which is missing.")
        if self.five_by_two and self.seeds not in (None, FIVE):
            raise ConfigError("--five-by-two has five seeds, and --seeds asks for others; one of the two is allowed.")
        return Seeds(
            self.seeds[0] if self.seeds is not None and len(self.seeds) == 1 else self.seeds,
            split=self.split,
            vary=cast(Any, self.vary),
            examples=self._examples(),
            labels=self._labels(),
            inputs=PermutedInputs() if self.permute_inputs else None,
        )

    def _labels(self) -> LabelChange | None:
        changes: dict[str, LabelChange] = {}
        if self.label_noise is not None:
            changes["--label-noise"] = NoisyLabels(self.label_noise)
        if self.random_labels is not None:
            changes["--random-labels"] = RandomLabels(self.random_labels)
        if self.permute_labels:
            changes["--permute-labels"] = PermutedLabels()
        if len(changes) > 1:
            raise ConfigError(f"{' and '.join(list(changes)[:2])} both change labels; one of the two is allowed.")
        return next(iter(changes.values()), None)

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
            chosen["--five-by-two"] = FiveByTwo()
        if len(chosen) > 1:
            raise ConfigError(f"{' and '.join(chosen)} say which examples a restart sees; one of them is allowed.")
        return next(iter(chosen.values()), All())
