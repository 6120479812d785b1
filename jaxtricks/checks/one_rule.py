"""What one feature alone says of the label: one rule, out of sample."""

import numpy as np
from jaxtyping import Float, Int

from jaxtricks.checks.score import constant, hits
from jaxtricks.checks.view import Feature, Flat, Target

BINS = 32
Parts = Int[np.ndarray, " examples"]


def codes(x: Flat, feature: Feature) -> Int[np.ndarray, " examples"]:
    """Gives the value of a feature as whole numbers: its bin among `BINS` that hold equally many, or its category.

    A feature with few values has a bin for each; so does a missing number.

    >>> codes(np.array([[5.0], [7.0], [np.nan]], np.float32), Feature("age", (0,))).tolist()
    [0, 1, 2]
    """
    if len(feature.places) > 1:
        chosen = x[:, feature.places]
        return np.where(chosen.any(axis=1), chosen.argmax(axis=1), len(feature.places))
    column = x[:, feature.places[0]]
    absent = np.isnan(column)
    different = np.unique(column[~absent])
    if len(different) > BINS:
        different = np.unique(np.quantile(column[~absent], np.linspace(0, 1, BINS + 1)[:-1], method="lower"))
    return np.where(absent, len(different), np.searchsorted(different, column, side="right") - 1)


def one_rule(code: Int[np.ndarray, " examples"], target: Target, folds: Parts) -> Float[np.ndarray, " examples"]:
    """Gives the hits of one rule, each example judged by a rule of the other folds; see `Scored`.

    The rule gives each value of the feature the commonest class of the examples that have it, or the mean of their values.

    Args:
        code: the feature's value, as a whole number from 0 on.
        target: what is predicted, of the same examples.
        folds: the fold of each example.

    Paper: Holte, "Very simple classification rules perform well on most commonly used datasets", Machine Learning 11, 1993.

    >>> y = np.arange(20) % 2
    >>> float(one_rule(y, Target("", y, True), np.arange(20) % 5).mean())
    1.0
    """
    size, everything = int(code.max()) + 1, np.arange(len(code))
    found = np.zeros(len(code))
    for fold in np.unique(folds):
        train, judged = np.flatnonzero(folds != fold), np.flatnonzero(folds == fold)
        fallback = constant(target, train)
        if target.discrete:
            classes = int(target.values.max()) + 1
            table = np.bincount(code[train] * classes + target.values[train], minlength=size * classes).reshape(size, classes)
            rule = np.where(table.any(axis=1), table.argmax(axis=1), fallback)
        else:
            total = np.bincount(code[train], target.values[train], minlength=size)
            count = np.bincount(code[train], minlength=size)
            rule = np.where(count > 0, total / np.maximum(count, 1), fallback)
        found[judged] = rule[code[judged]]
    return hits(target, found.astype(target.values.dtype), everything)
