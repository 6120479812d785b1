"""What a baseline is: a simple model that learns in seconds on a CPU, and that a network should beat."""

import importlib
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

import numpy as np
from jaxtyping import Float, Int
from threadpoolctl import threadpool_limits

from jaxtricks import rng
from jaxtricks.data import Dataset, Split
from jaxtricks.data.labels import Labels

ONE_THREAD = 1  # the products are small: threads that wait for each other take a hundred times as long where cores are busy
LEAST = 500  # examples that the limit on work leaves, however many numbers an input has


class Scorer(Protocol):
    """What is left of fitting: a function from places in the pool to scores."""

    def __call__(self, places: Int[np.ndarray, " n"]) -> Float[np.ndarray, "n ..."]:
        """Gives the scores of the examples at places, as `Learnt.scores` does.

        Args:
            places: in the pool, [n].
        """


@dataclass(frozen=True)
class Learnt:
    """A baseline that has learnt.

    Args:
        scores: places in the pool, [n] → scores as a network's: log-probabilities of the classes, [n, classes], or of those of
            each step, [n, time, classes]; log-odds of each label, [n, labels]; or values as the data set stores them,
            [n, outputs].
        seen: how many training examples it learnt from.
        of: how many there are.

    >>> data = jt.load("digits")
    >>> fitted = jt.baselines.BASELINES["majority"].fit(data, data.split(0))
    >>> fitted.scores(np.arange(3)).shape, fitted.seen
    ((3, 10), 1150)
    """

    scores: Scorer
    seen: int
    of: int

    @property
    def share(self) -> str:
        """Says that it learnt from some of the examples only, such as " on 10,000 of 60,000 examples"; else nothing."""
        return "" if self.seen == self.of else f" on {self.seen:,} of {self.of:,} examples"


@dataclass(frozen=True)
class Baseline:
    """A simple model, as a value; a kind of baseline says what it takes and how it learns.

    It reads the inputs as the data set stores them, scaled by what the training examples say and nothing else, and gives scores
    as a network does, so that every metric of the data set can be measured on them.

    Attributes:
        name: its name in tables and messages.
        words: what it is, as a noun of a sentence, such as "a linear model".
        needs: the module of scikit-learn that it learns with; None: none.

    Args:
        most: the most training examples that it learns from; more are left out, drawn at random with each class in proportion.
            None: all of them.
        work: the largest product of examples, numbers of an input and outputs (1 for two classes), so that wide inputs do not
            take minutes; 500 examples at least are kept. None: no limit.

    >>> [name for name, baseline in jt.baselines.BASELINES.items() if baseline.takes(jt.load("digits"))]
    ['random', 'majority', 'linear', 'nearest', 'boosting']
    """

    name: ClassVar[str]
    words: ClassVar[str]
    needs: ClassVar[str | None] = None
    most: int | None = None
    work: float | None = None

    def takes(self, data: Dataset) -> bool:
        """Tells whether it has an answer for such data."""
        return True

    def learn(self, data: Dataset, seen: Int[np.ndarray, " seen"], labels: Labels) -> Scorer:
        """Learns from some examples.

        Args:
            data: the data set; only the examples at `seen` may be learnt from.
            seen: their places in the pool, ascending, [seen].
            labels: of the whole pool, as they are learnt.
        """
        raise NotImplementedError

    def fit(self, data: Dataset, split: Split, labels: Labels | None = None) -> Learnt:
        """Learns from the training examples of a split.

        Args:
            data: the data set.
            split: which examples are trained on; a place that stands there twice counts once.
            labels: of the whole pool, as they are learnt, such as those that `NoisyLabels` changed; None: those of the data set.

        >>> data = jt.load("digits")
        >>> fitted = jt.baselines.BASELINES["nearest"].fit(data, data.split(0))
        >>> places = data.split(0).validation[:3]
        >>> bool((fitted.scores(places).argmax(axis=1) == data.y[places]).all())
        True
        """
        train = np.unique(split.train)
        seen = self._seen(data, train)
        if self.needs is not None:
            importlib.import_module(self.needs)  # before its threads are limited, and late: it takes a second
        with threadpool_limits(ONE_THREAD):
            scorer = self.learn(data, seen, data.y if labels is None else labels)

        def scores(places: Int[np.ndarray, " n"]) -> Float[np.ndarray, "n ..."]:
            with threadpool_limits(ONE_THREAD):
                return scorer(places)

        return Learnt(scores, len(seen), len(train))

    def predict(
        self, data: Dataset, split: Split, places: Int[np.ndarray, " n"], labels: Labels | None = None
    ) -> Float[np.ndarray, "n ..."]:
        """Learns from the training examples of a split, and gives the scores of others; see `fit` and `Learnt.scores`.

        Args:
            data: the data set.
            split: which examples are trained on.
            places: which examples are predicted, places in the pool, [n].
            labels: as for `fit`.
        """
        return self.fit(data, split, labels).scores(places)

    def _seen(self, data: Dataset, train: Int[np.ndarray, " train"]) -> Int[np.ndarray, " seen"]:
        """The training examples that it learns from."""
        count = len(train) if self.most is None else min(len(train), self.most)
        if self.work is not None:
            outputs = len(data.classes)
            each = int(np.prod(data.shape)) * (1 if outputs == 2 else outputs)
            count = min(count, max(int(self.work / each), LEAST))
        if count == len(train):
            return train
        if data.stream:  # one stretch of the text
            return data.draws.some(train, count, rng.host(0, "baselines"))[0]
        return _drawn(data, train, count)


def _drawn(data: Dataset, train: Int[np.ndarray, " train"], count: int) -> Int[np.ndarray, " seen"]:
    """Some of the examples, of each class in proportion; groups do not matter among examples that are all trained on."""
    order = rng.host(0, "baselines").permutation(train)
    order = order[np.argsort(data.strata[order], kind="stable")]
    return np.sort(order[np.linspace(0, len(order) - 1, count).astype(int)])


def one_hot(labels: Labels, outputs: int) -> Float[np.ndarray, "n outputs"]:
    """Gives labels as numbers that can be averaged: 1 for the class, 1 or 0 for each label, or the values themselves.

    >>> one_hot(np.array([1, 0], np.int32), 2).tolist()
    [[0.0, 1.0], [1.0, 0.0]]

    Args:
        labels: class numbers, [n]; or [n, outputs].
        outputs: how many classes, labels or values there are.
    """
    return np.eye(outputs)[labels] if labels.ndim == 1 else labels.astype(np.float64)


def log_scores(kind: Any, shares: Float[np.ndarray, "n outputs"]) -> Float[np.ndarray, "n outputs"]:
    """Gives scores from averaged labels: log-probabilities of classes, log-odds of labels, values as they are.

    >>> log_scores(jt.load("digits").kind, np.array([[0.5, 0.5]])).round(2).tolist()
    [[-0.69, -0.69]]

    Args:
        kind: the kind of the labels, see `Dataset.kind`.
        shares: in (0, 1) for classes and labels, [n, outputs].
    """
    if kind.per_class:
        return np.log(shares)
    return shares if kind.scales else np.log(shares) - np.log1p(-shares)


def smoothed(kind: Any, shares: Float[np.ndarray, "n outputs"], count: float) -> Float[np.ndarray, "n outputs"]:
    """Adds one further example, of which all classes are equally likely, so that no probability is 0; values stay as they are.

    `(count · share + 1/K)/(count + 1)` for K classes, and K = 2 for each of several labels.

    >>> smoothed(jt.load("digits").kind, np.eye(10)[:1], 9)[0, :2].round(2).tolist()
    [0.91, 0.01]

    Args:
        kind: the kind of the labels.
        shares: of each class or label, [n, outputs].
        count: how many examples they are shares of.
    """
    if kind.scales:
        return shares
    return (count * shares + (1 / shares.shape[-1] if kind.per_class else 0.5)) / (count + 1)
