"""The nearest neighbours of an example, as a baseline."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from jaxtyping import Float, Int

from jaxtricks.baselines.baseline import Baseline, Scorer, log_scores, one_hot, smoothed
from jaxtricks.baselines.features import InputRows, counted, folded, targets
from jaxtricks.data import Dataset
from jaxtricks.data.labels import Labels


@dataclass(frozen=True)
class Nearest(Baseline):
    """The answers of the nearest training examples, by Euclidean distance of the scaled inputs; of words, by their cosine.

    Args:
        neighbours: how many examples.

    >>> data = jt.load("digits")
    >>> train, validation = data.split(0)
    >>> right = jt.baselines.BASELINES["nearest"].predict(data, data.split(0), validation).argmax(axis=1) == data.y[validation]
    >>> bool(right.mean() > 0.97)
    True
    """

    name: ClassVar[str] = "nearest"
    words: ClassVar[str] = "a nearest-neighbour model"
    needs: ClassVar[str | None] = "sklearn.neighbors"
    most: int | None = 5_000
    neighbours: int = 5

    def takes(self, data: Dataset) -> bool:
        return data.vocabulary is None or not data.kind.per_step

    def learn(self, data: Dataset, seen: Int[np.ndarray, " seen"], labels: Labels) -> Scorer:
        from sklearn.neighbors import NearestNeighbors

        made, kept = InputRows.of(data, seen), counted(data, seen)
        answers = one_hot(targets(data, seen, labels)[kept], len(data.classes))
        count = min(self.neighbours, len(kept))
        search = NearestNeighbors(n_neighbors=count, algorithm="brute").fit(made(seen)[kept])

        def scores(places: Int[np.ndarray, " n"]) -> Float[np.ndarray, "n ..."]:
            near = search.kneighbors(made(places), return_distance=False)
            shares = smoothed(data.kind, answers[near].mean(axis=1), count)
            return folded(data, log_scores(data.kind, shares), len(places))

        return scores
