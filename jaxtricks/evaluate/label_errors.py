"""Which labels of a data set are likely wrong, by models that did not train on them."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Float

from jaxtricks.config import ConfigError
from jaxtricks.data import DataError, Dataset, Split
from jaxtricks.data.splits import Places
from jaxtricks.evaluate.confident import confident_joint, flagged, margins, others
from jaxtricks.experiment.arguments import takes
from jaxtricks.experiment.experiment import Experiment
from jaxtricks.experiment.resampling import Folds
from jaxtricks.experiment.seeds import Seeds
from jaxtricks.objectives.task import task_of
from jaxtricks.train.fit import fit
from jaxtricks.train.runs import Runs
from jaxtricks.train.shown import Shown

BLOCK = 4096  # examples that are predicted together
DRAWN = 0.2  # in place of a fixed validation set, whose labels are looked at, too
SHOWN = 10


@dataclass(frozen=True)
class Suspect:
    """An example whose label may be wrong.

    Args:
        place: its place in the pool.
        given: the name of its label.
        suggested: the name of the most probable other class.
        probability: the probability of the given label.
        margin: that probability minus the one of the suggested class, in [-1, 1]; the smaller, the likelier is an error.
        flagged: whether it is one of as many as there are errors by estimate.

    >>> jt.evaluate.Suspect(3, "cat", "dog", 0.01, -0.98, True).suggested
    'dog'
    """

    place: int
    given: str
    suggested: str
    probability: float
    margin: float
    flagged: bool


@dataclass(frozen=True, eq=False, repr=False)
class LabelErrors(Shown):
    """The examples of a pool by how likely their labels are wrong; printed, it is a table of the first ten.

    Args:
        data: the data set.
        probabilities: of each class, by members that did not train on the example, the mean over them, [examples, classes].
        joint: how many examples of each given label have which true label, by estimate, [given, true].
        flagged: which labels are likely wrong, [examples].
        members: how many networks were trained.

    >>> digits = jt.load("digits").subset(200, seed=0)
    >>> found = jt.label_errors(digits, jt.Experiment(model=jt.MLP(widths=(16,)), epochs=5), seeds=1, progress=False)
    >>> found.probabilities.shape, len(found.first(3))
    ((200, 10), 3)
    """

    data: Dataset
    probabilities: Float[np.ndarray, "examples classes"]
    joint: Float[np.ndarray, "given true"]
    flagged: Bool[np.ndarray, " examples"]
    members: int

    @classmethod
    def of(cls, data: Dataset, probabilities: Float[np.ndarray, "examples classes"], members: int) -> "LabelErrors":
        """Gives what out-of-sample probabilities tell of labels, such as those of a model from elsewhere.

        Args:
            data: the data set, with one class an example.
            probabilities: of each class, by models that did not train on the example, [examples, classes]; NaN for an example
                that all of them trained on, which is not judged.
            members: how many models gave them.

        Raises:
            DataError: for labels of another kind, or probabilities of another shape or of no example.
        """
        task = task_of(data)
        if not data.kind.one_class:
            raise DataError(f"{data.name} holds {task.holds}; errors are looked for in labels of one class an example.")
        if probabilities.shape != (len(data), len(data.classes)):
            raise DataError(
                f"probabilities: shape {probabilities.shape} for {len(data)} examples of {len(data.classes)} classes; "
                "[examples, classes] is allowed."
            )
        judged = np.isfinite(probabilities).all(axis=1)
        if not judged.any():
            raise DataError(f"probabilities: none of an example of {data.name} is a number; at least one is allowed.")
        p, y = probabilities[judged], data.y[judged]
        joint, wrong = confident_joint(p, y), np.zeros(len(data), bool)
        wrong[judged] = flagged(p, y, joint)
        return cls(data, probabilities, joint, wrong, members)

    @property
    def judged(self) -> int:
        """How many examples were held out by some network."""
        return int(np.isfinite(self.probabilities).all(axis=1).sum())

    @property
    def margins(self) -> Float[np.ndarray, " examples"]:
        """The probability of each given label minus that of the best other class, [examples]."""
        return margins(self.probabilities, self.data.y)

    @property
    def order(self) -> Places:
        """The places of the judged examples, the likeliest error first: flagged ones before others, and each by margin."""
        return np.lexsort((self.margins, ~self.flagged))[: self.judged]  # NaN stands last

    def first(self, count: int) -> list[Suspect]:
        """Gives the likeliest errors.

        Args:
            count: how many, at most.
        """
        margin, second = self.margins, others(self.probabilities, self.data.y).argmax(axis=1)
        names = self.data.classes
        return [
            Suspect(
                int(place),
                names[self.data.y[place]],
                names[second[place]],
                float(self.probabilities[place, self.data.y[place]]),
                float(margin[place]),
                bool(self.flagged[place]),
            )
            for place in self.order[:count]
        ]

    def __repr__(self) -> str:
        head = ("place", "given", "suggested", "p(given)", "margin")
        rows = [
            (str(each.place), each.given, each.suggested, f"{each.probability:.3f}", f"{each.margin:+.3f}")
            for each in self.first(min(SHOWN, int(self.flagged.sum())))
        ]
        widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
        lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in (head, *rows)]
        return "\n".join([self.summary, *(lines if rows else [])])

    @property
    def summary(self) -> str:
        """What was found, in one sentence."""
        count = int(self.flagged.sum())
        left = len(self.data) - self.judged
        return (
            f"{self.data.name}: {count:,} of {self.judged:,} labels are likely wrong, by {self.members} networks that did not "
            "train on them." + f" {left:,} more were held out by no network, and not judged; more seeds judge them." * (left > 0)
        )

    def to_dict(self, count: int | None = None) -> dict[str, Any]:
        """The likeliest errors in JSON's types.

        Args:
            count: how many; None: all that are flagged.
        """
        flagged = int(self.flagged.sum())
        suspects = self.first(flagged if count is None else count)
        return {
            "data": self.data.name,
            "examples": len(self.data),
            "flagged": flagged,
            "members": self.members,
            "suspects": [dataclasses.asdict(each) for each in suspects],
        }


@takes
def label_errors(
    data: Dataset,
    experiment: Experiment = Experiment(),  # noqa: B008 (frozen)
    *,
    seeds: int | Sequence[int] | Seeds = 2,
    progress: bool = True,
) -> LabelErrors:
    """Looks for wrong labels in a pool: each example is predicted by networks that did not train on it.

    All folds and seeds are members of one program. Of the mean of their probabilities, confident learning estimates how many
    labels are wrong and which ones (Northcutt+ 2021): `jaxtricks.evaluate.confident`. A label that is flagged may be right, and
    the example hard; look at it.

    Args:
        data: the data set, with one class an example. Its test split stays locked; to look at its labels, too, make a data set of
            both parts.
        experiment: what is trained; a better network finds more.
        seeds: how often the pool is divided anew, into five folds; or a `Seeds` with folds of another number.
        progress: whether to show a bar of restarts × epochs.

    Raises:
        DataError: for labels of another kind.
        ConfigError: for seeds without folds, settings that do not fit the data, or where all members diverged.

    >>> digits = jt.load("digits").subset(200, seed=0)
    >>> jt.label_errors(digits, jt.Experiment(model=jt.MLP(widths=(16,)), epochs=5), seeds=1, progress=False).members
    5
    """
    if not data.kind.one_class:
        raise DataError(f"{data.name} holds {task_of(data).holds}; errors are looked for in labels of one class an example.")
    drawn = dataclasses.replace(data, validation=DRAWN) if isinstance(data.validation, Split) else data
    sampled = seeds if isinstance(seeds, Seeds) else Seeds(seeds, examples=Folds(5))
    if not isinstance(sampled.examples, Folds):
        raise ConfigError(
            f"seeds.examples = {type(sampled.examples).__name__} leaves examples that no member holds out; Folds are allowed."
        )
    runs = fit(experiment, drawn, seeds=sampled, progress=progress)
    return LabelErrors.of(data, out_of_sample(runs), len(runs))


def out_of_sample(runs: Runs) -> Float[np.ndarray, "examples classes"]:
    """Gives the probabilities of the classes of each example of the pool, the mean over the members that hold it out.

    Members that diverged do not count. An example that no other member holds out, such as one that is left over where the pool
    is no multiple of the folds, has NaN.

    Args:
        runs: the restarts, such as those of `Folds`.

    Raises:
        ConfigError: if all members diverged.

    >>> digits = jt.load("digits").subset(200, seed=0)
    >>> experiment, halves = jt.Experiment(model=jt.MLP(widths=(8,)), epochs=2), jt.Seeds(1, examples=jt.Folds(2))
    >>> out_of_sample(jt.fit(experiment, digits, seeds=halves, progress=False)).sum(axis=1).round(3).min().item()
    1.0
    """
    data, task = runs.data, task_of(runs.data)
    held = _held_out(runs)
    if not held.any():
        raise ConfigError(f"seeds: all members on {data.name} diverged; a smaller learning rate is allowed.")
    found = np.zeros((len(data), len(data.classes)))
    for start in range(0, len(data), BLOCK):
        places = np.arange(start, min(start + BLOCK, len(data)))
        each = task.probabilities(runs.log_probs(*data.at(places)).astype(np.float64))
        mine = held[:, places, None]
        count = mine.sum(axis=0)
        found[places] = np.where(mine, each, 0.0).sum(axis=0) / np.where(count > 0, count, np.nan)
    return found


def _held_out(runs: Runs) -> Bool[np.ndarray, "members examples"]:
    """Which examples each member validates on; none of those that diverged."""
    held = np.zeros((len(runs), len(runs.data)), bool)
    for row, (name, split) in enumerate(zip(runs.names, runs.sampling.split, strict=True)):
        if name not in runs.diverged:
            held[row, runs.sampling.validation[split]] = True
    return held
