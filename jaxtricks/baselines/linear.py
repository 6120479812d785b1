"""The linear baseline: logistic or ridge regression."""

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from jaxtyping import Float, Int

from jaxtricks import rng
from jaxtricks.baselines.baseline import Baseline, Scorer
from jaxtricks.baselines.features import InputRows, counted, folded, targets, weights
from jaxtricks.baselines.shares import spread_out
from jaxtricks.data import Dataset
from jaxtricks.data.labels import Labels

PENALTIES = tuple(10.0**power for power in range(4, -5, -1))  # of Σ w²/2, from the strongest on
CHOSEN_ON = 2500  # the most rows that the penalty is chosen on
FOLDED_UP_TO, FOLDS = 500, 5  # so few rows are held out in turn, a fifth each; of more rows one fifth is held out
WORSE = 2  # weaker penalties after the best, at which the search ends
STEPS = 200  # of L-BFGS


@dataclass(frozen=True)
class LinearModel(Baseline):
    """A linear model: logistic regression of classes and of each label, ridge regression of values.

    The penalty `λ Σ w²/2` beside the sum of the losses is the best of 10⁴, 10³, …, 10⁻⁴ by the loss on held-out training
    examples, a fifth of at most 2,500; for values by the error when each of them is left out in turn.

    Args:
        ngrams: 2: of tokens, pairs of neighbours count too ("bigrams").

    >>> data = jt.load("digits")
    >>> train, validation = data.split(0)
    >>> right = jt.baselines.BASELINES["linear"].predict(data, data.split(0), validation).argmax(axis=1) == data.y[validation]
    >>> bool(right.mean() > 0.9)
    True
    """

    name: ClassVar[str] = "linear"
    words: ClassVar[str] = "a linear model"
    needs: ClassVar[str | None] = "sklearn.linear_model"
    most: int | None = 10_000
    work: float | None = 1e8
    ngrams: int = 1

    def takes(self, data: Dataset) -> bool:
        return data.vocabulary is None or not data.kind.per_step

    def learn(self, data: Dataset, seen: Int[np.ndarray, " seen"], labels: Labels) -> Scorer:
        made, kept = InputRows.of(data, seen, self.ngrams), counted(data, seen)
        own = weights(data, seen)
        x, y, weight = made(seen)[kept], targets(data, seen, labels)[kept], None if own is None else own[kept]
        fitted = _ridge(x, y, weight) if data.kind.scales else _logistic(x, y, weight, len(data.classes))

        def scores(places: Int[np.ndarray, " n"]) -> Float[np.ndarray, "n ..."]:
            return folded(data, fitted(made(places)), len(places))

        return scores


def _ridge(x: Any, y: Float[np.ndarray, "rows outputs"], weight: Any) -> Any:
    from sklearn.linear_model import Ridge, RidgeCV

    few = slice(None) if len(y) <= CHOSEN_ON else np.sort(rng.host(0, "penalty").permutation(len(y))[:CHOSEN_ON])
    found = RidgeCV(alphas=PENALTIES).fit(x[few], y[few], None if weight is None else weight[few])
    if len(y) > CHOSEN_ON:
        found = Ridge(alpha=found.alpha_).fit(x, y, weight)
    return lambda rows: found.predict(rows).reshape(rows.shape[0], y.shape[1])  # of one output it gives no columns


def _logistic(x: Any, y: Labels, weight: Any, classes: int) -> Any:
    if y.ndim == 2:
        each = [_logistic(x, y[:, label], weight, 2) for label in range(classes)]
        return lambda rows: np.stack([np.diff(fitted(rows), axis=1)[:, 0] for fitted in each], axis=1)
    fitted, there, count = _chosen(x, y, weight), np.unique(y), len(y)
    if fitted is None:
        return lambda rows: spread_out(np.ones((rows.shape[0], 1)), there, classes, count)
    return lambda rows: spread_out(fitted.predict_proba(rows), there, classes, count)


def _chosen(x: Any, y: Labels, weight: Any) -> Any:
    """Logistic regression with the best penalty; None where all rows have one class."""
    if len(np.unique(y)) < 2:
        return None
    losses: dict[float, float] = {}
    for penalty in PENALTIES:
        losses[penalty] = float(np.mean([_loss(x, y, weight, penalty, *halves) for halves in _held_out(y)] or [np.nan]))
        best = min(losses, key=lambda tried: (np.isnan(losses[tried]), losses[tried]))
        if list(losses).index(best) < len(losses) - WORSE:
            break
    if np.isnan(losses[best]):
        best = 1.0  # too few examples to hold some out
    return _fit(x, y, weight, best)


def _held_out(y: Labels) -> Iterator[tuple[Any, Any]]:
    """Rows to fit and rows to measure, of those that the penalty is chosen on; none where too few classes would be left."""
    order = rng.host(0, "penalty").permutation(len(y))[:CHOSEN_ON]
    parts = np.array_split(order, FOLDS)
    for number in range(FOLDS if len(order) <= FOLDED_UP_TO else 1):
        rest = np.concatenate(parts[:number] + parts[number + 1 :])
        if parts[number].size and len(np.unique(y[rest])) > 1:
            yield rest, parts[number]


def _loss(x: Any, y: Labels, weight: Any, penalty: float, fit: Any, held: Any) -> float:
    """The mean loss on held-out rows."""
    fitted = _fit(x[fit], y[fit], None if weight is None else weight[fit], penalty)
    likely = spread_out(fitted.predict_proba(x[held]), fitted.classes_, int(y.max()) + 1, len(fit))
    return -float(np.average(likely[np.arange(len(held)), y[held]], weights=None if weight is None else weight[held] + 1e-12))


def _fit(x: Any, y: Labels, weight: Any, penalty: float) -> Any:
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # so many steps are enough for a baseline
        return LogisticRegression(C=1 / penalty, max_iter=STEPS).fit(x, y, weight)
