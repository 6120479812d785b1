"""Gradient-boosted trees, as a baseline."""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from jaxtyping import Float, Int

from jaxtricks.baselines.baseline import Baseline, Scorer
from jaxtricks.baselines.features import bag, counted, counts_of, flat, flat_size, folded, targets, tokens_of, weights
from jaxtricks.baselines.shares import spread_out
from jaxtricks.data import Dataset
from jaxtricks.data.labels import Labels

WORDS = 1000  # of words, so many columns: those that occur in the most training examples
WIDE = 1000  # numbers of an input times outputs, beyond which trees are coarse
COARSE = {"max_iter": 30, "learning_rate": 0.2, "max_leaf_nodes": 15, "max_bins": 32, "max_features": 0.1}
LEAF = 20  # examples of a leaf, as scikit-learn has it; of fewer than a thousand examples a fiftieth of them


@dataclass(frozen=True)
class Boosting(Baseline):
    """Gradient-boosted trees, as scikit-learn's `HistGradientBoosting…` has them by default; missing numbers go their own way.

    Of fewer than 1,000 examples a leaf needs a fiftieth of them instead of 20. Words are counts of the 1,000 that occur in the
    most training examples. Where an input has many numbers, and so a tree takes long, all is coarser, see `COARSE`.

    Args:
        trees: rounds of boosting; of several classes each has a tree for every class. None: 100, or those of `COARSE`.

    >>> data = jt.load("digits").subset(300, seed=0)
    >>> train, validation = data.split(0)
    >>> right = jt.baselines.Boosting(trees=10).predict(data, data.split(0), validation).argmax(axis=1) == data.y[validation]
    >>> bool(right.mean() > 0.6)
    True
    """

    name: ClassVar[str] = "boosting"
    words: ClassVar[str] = "boosting"
    needs: ClassVar[str | None] = "sklearn.ensemble"
    most: int | None = 10_000
    work: float | None = 2e7
    trees: int | None = None

    def takes(self, data: Dataset) -> bool:
        return data.vocabulary is None or not data.kind.per_step

    def learn(self, data: Dataset, seen: Int[np.ndarray, " seen"], labels: Labels) -> Scorer:
        wide = flat_size(data) * len(data.classes) > WIDE
        kept, own, rows = counted(data, seen), weights(data, seen), _rows(data, seen)
        x, y, weight = rows(seen)[kept], targets(data, seen, labels)[kept], None if own is None else own[kept]
        settings = self._settings(len(y), wide)
        fitted = _values(x, y, weight, settings) if data.kind.scales else _classes(x, y, weight, len(data.classes), settings)

        def scores(places: Int[np.ndarray, " n"]) -> Float[np.ndarray, "n ..."]:
            return folded(data, fitted(rows(places)), len(places))

        return scores

    def _settings(self, rows: int, wide: bool) -> dict[str, Any]:
        leaf = max(1, min(LEAF, rows // 50))
        settings = {"early_stopping": False, "random_state": 0, "min_samples_leaf": leaf, **(COARSE if wide else {})}
        return settings if self.trees is None else settings | {"max_iter": self.trees}


def _values(x: Any, y: Float[np.ndarray, "rows outputs"], weight: Any, settings: dict[str, Any]) -> Any:
    from sklearn.ensemble import HistGradientBoostingRegressor

    each = [HistGradientBoostingRegressor(**settings).fit(x, column, weight) for column in y.T]
    return lambda rows: np.stack([fitted.predict(rows) for fitted in each], axis=1)


def _classes(x: Any, y: Labels, weight: Any, classes: int, settings: dict[str, Any]) -> Any:
    from sklearn.ensemble import HistGradientBoostingClassifier

    if y.ndim == 2:
        parts = [_classes(x, y[:, label], weight, 2, settings) for label in range(classes)]
        return lambda rows: np.stack([np.diff(part(rows), axis=1)[:, 0] for part in parts], axis=1)
    there, count = np.unique(y), len(y)
    if len(there) < 2:
        return lambda rows: spread_out(np.ones((len(rows), 1)), there, classes, count)
    fitted = HistGradientBoostingClassifier(**settings).fit(x, y, weight)
    return lambda rows: spread_out(fitted.predict_proba(rows), there, classes, count)


def _rows(data: Dataset, seen: Int[np.ndarray, " seen"]) -> Any:
    """How examples become dense rows; of words only the commonest of the training examples."""
    if not tokens_of(data) and not counts_of(data):
        return lambda places: flat(data, places)
    occurs = np.asarray((bag(data, seen) > 0).sum(axis=0)).ravel()
    common = np.sort(np.argsort(-occurs, kind="stable")[:WORDS])
    return lambda places: bag(data, places)[:, common].toarray()
