"""How good a quick model is on the examples to validate on, with all the data and without some."""

import warnings
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int, Shaped
from threadpoolctl import threadpool_limits

from jaxtricks import rng
from jaxtricks.checks.view import Flat, Target

MOST = 4_000  # examples to train on, and as many to validate on: more do not change what a check says, and take minutes
TREES = 50
Labels = Shaped[np.ndarray, " n"]
Rows = Callable[[Int[np.ndarray, " n"]], Flat]


class Scored(NamedTuple):
    """A model's hits, and those of the best constant, on the examples to validate on.

    Args:
        hits: 1 where a class is right; for values 1 - (error / standard deviation)², whose mean is R², [validation].
        chance: the mean of the same for the training examples' commonest class, or their mean.

    >>> Scored(np.array([1.0, 0.0]), 0.5).score
    0.5
    """

    hits: Float[np.ndarray, " validation"]
    chance: float

    @property
    def score(self) -> float:
        """The mean hit: accuracy, or R²."""
        return float(self.hits.mean())


def some(places: Shaped[np.ndarray, " places"], most: int = MOST) -> Shaped[np.ndarray, " kept"]:
    """Gives at most so many of the places, drawn at random by a fixed seed, in their order."""
    if len(places) <= most:
        return places
    return np.sort(rng.host(0, "check").choice(places, most, replace=False))


def hits(target: Target, predicted: Shaped[np.ndarray, " n"], places: Shaped[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
    """What predictions are worth, see `Scored`."""
    true = target.values[places]
    if target.discrete:
        return (predicted == true).astype(np.float64)
    spread = max(float(np.var(true, dtype=np.float64)), np.finfo(np.float32).tiny)
    return 1 - np.square(predicted - true, dtype=np.float64) / spread


def constant(target: Target, train: Shaped[np.ndarray, " train"]) -> float:
    """The training examples' commonest class, or the mean of their values."""
    true = target.values[train]
    return float(np.bincount(true).argmax()) if target.discrete else float(true.mean(dtype=np.float64))


def quick(
    rows: Rows, target: Target, train: Shaped[np.ndarray, " train"], validation: Shaped[np.ndarray, " validation"]
) -> Scored:
    """Scores two quick models on the examples to validate on, and gives the better one: a linear one and a random forest.

    The forest's trees grow to the end, so that it makes use of copies, of thresholds and of identifiers as a network does.

    Args:
        rows: gives the inputs at places, [n, numbers]; NaN where a number is missing.
        target: what is predicted.
        train: the places to train on, at most `MOST` of them are used.
        validation: the places to validate on.

    >>> digits = jt.load("digits").subset(300, seed=0)
    >>> from jaxtricks.checks.view import flat, targets
    >>> quick(lambda places: flat(digits, places), targets(digits)[0], *digits.split(0)).score > 0.8
    True
    """
    train, validation = some(train), some(validation)
    chance = float(hits(target, np.full(len(validation), constant(target, train)), validation).mean())
    if len(np.unique(target.values[train])) < 2:
        return Scored(np.full(len(validation), chance), chance)
    seen, judged = rows(train), rows(validation)
    fitted = (model(seen, target.values[train], judged, target.discrete) for model in MODELS.values())
    found = [hits(target, made, validation) for made in fitted]
    return Scored(max(found, key=lambda each: each.mean()), chance)


def predicted(x: Flat, y: Labels, judged: Flat, discrete: bool) -> Labels:
    """What a logistic or a ridge regression on standardized inputs predicts; the mean stands for a missing number.

    >>> x = np.arange(10, dtype=np.float32)[:, None]
    >>> predicted(x, x[:, 0] > 4, x[[0, 9]], discrete=True).tolist()
    [False, True]

    Args:
        x: the inputs to train on, [train, numbers].
        y: their classes or values.
        judged: the inputs to predict for.
        discrete: whether y are classes.
    """
    from sklearn.exceptions import ConvergenceWarning  # a second to import
    from sklearn.linear_model import LogisticRegression, Ridge

    count = np.maximum((~np.isnan(x)).sum(axis=0), 1)
    mean = np.nan_to_num(x).sum(axis=0, dtype=np.float64) / count
    away = np.nan_to_num(x - mean).astype(np.float64)
    std = np.sqrt(np.square(away).sum(axis=0) / count)
    std = np.where(std > 0, std, 1)
    model = LogisticRegression(max_iter=100) if discrete else Ridge()
    with warnings.catch_warnings(), threadpool_limits(1, user_api="blas"):
        warnings.simplefilter("ignore", ConvergenceWarning)  # a quick model need not be the best one
        return model.fit(away / std, y).predict(np.nan_to_num(judged - mean) / std)


def _forest(x: Flat, y: Labels, judged: Flat, discrete: bool) -> Labels:
    """What a random forest predicts."""
    from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor

    kind = RandomForestClassifier if discrete else RandomForestRegressor
    return kind(TREES, random_state=0).fit(x, y).predict(judged)


MODELS: dict[str, Callable[[Flat, Labels, Flat, bool], Labels]] = {"linear": predicted, "forest": _forest}
