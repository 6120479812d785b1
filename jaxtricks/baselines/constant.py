"""Baselines that look at no input: guessing, and always the commonest answer."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from jaxtyping import Float, Int

from jaxtricks import rng
from jaxtricks.baselines.baseline import Baseline, Scorer, log_scores, one_hot, smoothed
from jaxtricks.baselines.features import counted, folded, targets, weights
from jaxtricks.data import Dataset
from jaxtricks.data.labels import Labels

TIE = 1e-4  # in nats: tells equal scores apart, and changes no probability by more than this share


@dataclass(frozen=True)
class Guess(Baseline):
    """A guess: each class is as likely as any other; for values, that of a training example drawn at random.

    >>> data = jt.load("digits")
    >>> scores = jt.baselines.BASELINES["random"].predict(data, data.split(0), np.arange(1000))
    >>> bool(0.05 < (scores.argmax(axis=1) == data.y[:1000]).mean() < 0.15)
    True
    """

    name: ClassVar[str] = "random"
    words: ClassVar[str] = "guessing"

    def learn(self, data: Dataset, seen: Int[np.ndarray, " seen"], labels: Labels) -> Scorer:
        values, outputs = labels[seen], len(data.classes)
        level = -np.log(outputs) if data.kind.per_class else 0.0

        def scores(places: Int[np.ndarray, " n"]) -> Float[np.ndarray, "n ..."]:
            generator = rng.host(len(places), "guess")
            if data.kind.scales:
                return values[generator.integers(len(values), size=len(places))]
            shape = (len(places), data.shape[0], outputs) if data.kind.per_step else (len(places), outputs)
            return (level + TIE * generator.uniform(-1, 1, shape)).astype(np.float32)

        return scores


@dataclass(frozen=True)
class Majority(Baseline):
    """The same answer for every input: the shares of the classes or labels in the training examples, or the mean value.

    For a language model these are the frequencies of the tokens ("unigrams").

    >>> data = jt.Dataset.from_arrays(np.zeros((10, 3)), [0, 0, 1, 0, 0, 0, 1, 0, 0, 0])
    >>> jt.baselines.BASELINES["majority"].predict(data, data.split(0), np.arange(1)).argmax(axis=1).tolist()
    [0]
    """

    name: ClassVar[str] = "majority"
    words: ClassVar[str] = "the commonest answer"

    def learn(self, data: Dataset, seen: Int[np.ndarray, " seen"], labels: Labels) -> Scorer:
        shares = self.shares(data, seen, labels)

        def scores(places: Int[np.ndarray, " n"]) -> Float[np.ndarray, "n ..."]:
            rows = len(places) * (data.shape[0] if data.kind.per_step else 1)
            return folded(data, np.broadcast_to(log_scores(data.kind, shares), (rows, shares.shape[1])), len(places))

        return scores

    def shares(self, data: Dataset, seen: Int[np.ndarray, " seen"], labels: Labels) -> Float[np.ndarray, "1 outputs"]:
        """Gives the share of each class or label, with one further example of all classes alike; or the mean values.

        Args:
            data: the data set.
            seen: the examples that are learnt from, [seen].
            labels: of the whole pool.
        """
        rows = counted(data, seen)
        answers, own = targets(data, seen, labels)[rows], weights(data, seen)
        weight = np.ones(len(rows)) if own is None else own[rows].astype(np.float64)
        if data.kind.per_class:
            mean = np.bincount(answers, weight, minlength=len(data.classes)) / weight.sum()
        else:
            mean = np.average(one_hot(answers, len(data.classes)), axis=0, weights=weight)
        return smoothed(data.kind, mean[None], weight.sum())
