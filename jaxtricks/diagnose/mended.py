"""Data that are mended, to show what a fault of theirs costs: cures that no setting of an experiment is."""

import dataclasses
from collections.abc import Callable
from typing import ClassVar

import numpy as np
from jaxtyping import Float, Int

from jaxtricks.baselines import Nearest
from jaxtricks.config import ConfigError
from jaxtricks.data import Dataset, Split
from jaxtricks.data.labels import Labels
from jaxtricks.experiment.changes import LabelChange
from jaxtricks.experiment.seeds import Seeds

FOLDS, NEIGHBOURS, HALF = 5, 10, 0.5

Mend = Callable[[Dataset, Seeds], tuple[Dataset, Seeds]]  # what is trained on, and by which restarts


def alike(data: Dataset, seeds: Seeds) -> tuple[Dataset, Seeds]:
    """Gives each feature of a given validation set the mean and the spread that it has in training.

    `(x - mean)/spread` of the validation examples, times the spread and plus the mean of the training examples. A feature that
    does not vary in one of the two keeps its spread. A validation set that is drawn stays as it is.

    Args:
        data: the data set, of numbers.
        seeds: the restarts, which stay as they are.

    >>> x, y = np.arange(8.0)[:, None], np.arange(8) % 2
    >>> found, _ = alike(jt.Dataset.from_arrays(x[:4], y[:4], validation=(255 * x[:4], y[4:])), jt.Seeds(2))
    >>> found.x[4:, 0].round(3).tolist()
    [0.0, 1.0, 2.0, 3.0]
    """
    if not isinstance(data.validation, Split):
        return data, seeds
    x: Float[np.ndarray, "examples ..."] = np.array(data.x, np.float64)
    train, other = (x[places] for places in data.validation)
    wide, own = train.std(axis=0), other.std(axis=0)
    ratio = np.where((wide > 0) & (own > 0), wide / np.where(own > 0, own, 1), 1)
    x[data.validation.validation] = (other - other.mean(axis=0)) * ratio + train.mean(axis=0)
    return dataclasses.replace(data, x=x.astype(np.float32)), seeds


def relabelled(data: Dataset, seeds: Seeds) -> tuple[Dataset, Seeds]:
    """Gives each restart the labels that its training examples' neighbours agree on, see `AgreedLabels`.

    Args:
        data: the data set, which stays as it is: validation counts the labels that are there.
        seeds: the restarts.

    >>> relabelled(jt.load("digits"), jt.Seeds(2))[1].labels
    AgreedLabels()
    """
    return data, dataclasses.replace(seeds, labels=AgreedLabels())


@dataclasses.dataclass(frozen=True, eq=False)
class AgreedLabels(LabelChange):
    """Labels that neighbours agree on, in place of those that they contradict; of classes.

    An example gets the class that more than half of its ten nearest neighbours have. These are training examples in other fifths
    of the training split, so that no validation example has a say.

    Paper: Wilson, "Asymptotic properties of nearest neighbor rules using edited data", 1972.

    >>> digits = jt.load("digits").subset(400, seed=0)
    >>> train, draw = digits.split(0).train, np.random.default_rng(0)
    >>> y = np.where(draw.random(400) < 0.2, draw.integers(10, size=400), digits.y).astype(np.int32)
    >>> found = AgreedLabels().labels(dataclasses.replace(digits, y=y), train, draw)
    >>> wrong = [(labels != digits.y)[train].mean() for labels in (y, found)]
    >>> bool(wrong[1] < wrong[0] / 2)
    True
    """

    NAME: ClassVar[str] = "agreed"

    def labels(self, data: Dataset, train: Int[np.ndarray, " train"], generator: np.random.Generator) -> Labels:
        if not data.kind.one_class or data.kind.per_step:
            raise ConfigError(f"Seeds.labels = AgreedLabels compares classes, and {data.name} has no class of each example.")
        labels, train = data.y.copy(), np.unique(train)
        fold = generator.permutation(len(train)) % FOLDS
        shares = np.zeros((len(train), len(data.classes)))
        for part in range(FOLDS if len(train) >= FOLDS else 0):
            inside = fold == part
            split = Split(train[~inside], train[inside])
            shares[inside] = np.exp(Nearest(neighbours=NEIGHBOURS).fit(data, split).scores(train[inside]))
        labels[train] = np.where(shares.max(axis=1) > HALF, shares.argmax(axis=1), data.y[train])
        return labels
