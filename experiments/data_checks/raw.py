"""The data sets that faults are planted in: images, texts and a table, as rows of numbers with classes."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Float64, Int

import jaxtricks as jt

Numbers = Float64[np.ndarray, "rows numbers"]
Classes = Int[np.ndarray, " rows"]
ROWS, TEST = 1_000, 300


class Raw(NamedTuple):
    """Rows to train and to validate on, in an order that says nothing, and rows to test on.

    Args:
        name: the data set's.
        x: the inputs, [rows, numbers].
        y: the classes, [rows].
        x_test: the inputs to test on.
        y_test: their classes.
        whole: whether the numbers count something.
    """

    name: str
    x: Numbers
    y: Classes
    x_test: Numbers
    y_test: Classes
    whole: bool


def sets(data_dir: Path | None) -> list[Raw]:
    """Digits of 8 × 8 pixels; the 300 commonest words of film reviews; measurements of tumours.

    Args:
        data_dir: the folder of prepared TFDS sets, which holds the reviews; None: $TFDS_DATA_DIR.
    """
    from sklearn.datasets import load_breast_cancer

    digits = jt.load("digits")
    reviews = jt.load("imdb_reviews", data_dir, words=300).subset(ROWS + TEST, seed=0)
    tumours = load_breast_cancer()
    return [
        _raw("digits", digits.x, digits.y, whole=False),
        _raw("imdb_reviews", reviews.x, reviews.y, whole=True),
        _raw("breast_cancer", tumours.data, tumours.target, whole=False),
    ]


def _raw(name: str, x: np.ndarray, y: np.ndarray, whole: bool) -> Raw:
    """Rows in a drawn order, which are cut into those to train and validate on and those to test on."""
    order = np.random.default_rng(0).permutation(len(x))
    test = min(TEST, len(x) // 4)
    pool, rest = order[: min(ROWS, len(x) - test)], order[len(order) - test :]
    flat = x.reshape(len(x), -1).astype(np.float64)
    return Raw(name, flat[pool], y[pool].astype(np.int64), flat[rest], y[rest].astype(np.int64), whole)
