"""The task that labels look like, where they leave no doubt; else the sentence that asks."""

import numpy as np

from jaxtricks.data.errors import DataError
from jaxtricks.data.labels import TaskName, inferred
from jaxtricks.data.naming import Given

# Whole numbers up to so many different ones are taken for classes: where they are 0, 1, 2, …, and where they are others.
COUNTED, OTHERS = 50, 20


def guessed(x: Given, y: Given, named: bool, sequences: bool) -> TaskName:
    """Gives the task that labels look like.

    Words and bools are classes, and so are whole numbers: 0, 1, 2, … up to 50 of them, or up to 20 others. Floats and dates are
    values. In two dimensions see `inferred`.

    >>> guessed(np.zeros((3, 2)), np.array(["cat", "dog", "cat"]), named=False, sequences=False)
    'classes'
    >>> guessed(np.zeros((3, 2)), np.array([0.5, 0.1, 0.2]), named=False, sequences=False)
    'values'

    Args:
        x: the inputs.
        y: the labels, as `as_labels` gives them.
        named: whether the classes have names.
        sequences: whether inputs are known to be sequences: tokens, or padded, or with a mask of steps.

    Raises:
        DataError: for labels that may be two things: whole numbers of many kinds, such as ages; floats that are whole, of few
            kinds; 0 and 1 in as many columns as x has; rows with a single 1; whole numbers in several columns.
    """
    if y.ndim == 2 and y.shape[1] != 1:
        return _of_columns(x, y, sequences)
    if y.dtype.kind in "mM" or (y.dtype.kind == "f" and y.ndim == 2):
        return "values"
    if y.dtype.kind not in "iuf" or y.size == 0 or y.ndim > 2 or (named and y.dtype.kind != "f"):
        return "classes"
    used = np.unique(y)
    if y.dtype.kind == "f" and (len(used) > OTHERS or not np.array_equal(used, np.round(used))):
        return "values"
    if y.dtype.kind == "f" or len(used) > (COUNTED if np.array_equal(used, np.arange(len(used))) else OTHERS):
        raise DataError(
            f"y: whole numbers, {len(used)} different ones from {used[0]} to {used[-1]}, may be classes or values; "
            "task = 'classes' or task = 'values' says which."
        )
    return "classes"


def _of_columns(x: Given, y: Given, sequences: bool) -> TaskName:
    """The task that several columns of labels look like; errors as for `guessed`."""
    task, where = inferred(x, y), f"of shape {y.shape}, beside x of shape {x.shape},"
    binary = y.dtype.kind in "iuf" and np.array_equal(np.unique(y), (0, 1))
    if binary and not sequences and (y.sum(axis=1) == 1).all():
        sentence = f"y: 0 and 1 {where} with a single 1 in each row; y.argmax(axis=1) gives classes, and `task` other labels."
    elif binary and task == "values":
        sentence = f"y: 0.0 and 1.0 {where} may be labels or values; task = 'multilabel' or task = 'values' says which."
    elif binary and task == "steps" and not sequences:
        sentence = (
            f"y: 0 and 1 {where} may be a class of each step or several labels of each example; task = 'steps' or "
            "task = 'multilabel' says which."
        )
    elif y.dtype.kind in "iu" and not sequences and (task == "classes" or (task == "steps" and x.ndim == 2)):
        sentence = f"y: whole numbers {where} may be values or classes of steps; task = 'values' or task = 'steps' says which."
    else:
        return task
    raise DataError(sentence)
