"""Stand-ins that are tables: the small ones of scikit-learn, some of their columns in other units."""

import functools
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Int

import jaxtricks as jt
from experiments.doctor.deepfd.points import one_unit

Table = Float[np.ndarray, "examples columns"]
Answers = Int[np.ndarray, " examples"]


def _tumours(columns: Sequence[str]) -> tuple[Table, Answers]:
    """Columns of the measurements of tumours in their units, and whether a tumour is benign."""
    from sklearn.datasets import load_breast_cancer

    found = load_breast_cancer()
    places = [list(found.feature_names).index(column) for column in columns]
    return found.data[:, places], found.target


SMALL = (  # columns of numbers between 0 and some 30, without areas and perimeters
    *("mean radius", "mean texture", "mean smoothness", "mean compactness", "mean concavity", "mean concave points"),
    *("mean symmetry", "mean fractal dimension", "radius error", "texture error", "worst texture", "worst smoothness"),
    *("worst compactness", "worst concavity", "worst concave points", "worst symmetry"),
)


@functools.cache
def tumours() -> jt.Dataset:
    """Three columns of measurements, one of them a hundred times as large as the others, which say more: 50 examples."""
    x, y = _tumours(("mean texture", "worst smoothness", "worst concave points"))
    return one_unit(x[:100], y[:100], "tumours")


@functools.cache
def sixteen() -> jt.Dataset:
    """Sixteen columns of measurements in steps from 0 to 15."""
    x, y = _tumours(SMALL)
    x = np.clip(np.round(7.5 + 3 * (x - x.mean(axis=0)) / x.std(axis=0)), 0, 15)
    return jt.Dataset.from_arrays(x, y, name="sixteen columns", classes=("malignant", "benign"))


@functools.cache
def ten() -> jt.Dataset:
    """Ten columns of measurements as codes from -4 to 4."""
    x, y = _tumours(SMALL[:10])
    x = np.clip(np.round(2 * (x - x.mean(axis=0)) / x.std(axis=0)), -4, 4)
    return jt.Dataset.from_arrays(x, y, name="ten columns", classes=("malignant", "benign"))


@functools.cache
def all_columns() -> jt.Dataset:
    """Sixteen columns as a question with two answers."""
    x, y = _tumours(SMALL)
    return one_unit(x, y, "tumours")


@functools.cache
def census() -> jt.Dataset:
    """Thirteen columns of measurements, and one of hundreds of thousands that says nothing, as a census weight."""
    x, y = _tumours(SMALL[:13])
    weight = np.random.default_rng(0).lognormal(12, 0.5, size=(len(x), 1))
    return jt.Dataset.from_arrays(np.hstack([x, weight]), y, name="census", classes=("no", "yes"))


@functools.cache
def packets() -> jt.Dataset:
    """100 examples of eleven columns, one of them in numbers of billions, as an address that is read as a number has."""
    x, y = _tumours(SMALL[:11])
    address = np.random.default_rng(0).integers(3_100_000_000, 3_300_000_000, size=100)
    return one_unit(np.hstack([x[:100, :10], address[:, None]]), y[:100], "packets")


@functools.cache
def iris() -> jt.Dataset:
    """Irises, without the second of two that are alike; half of them validates."""
    found = jt.load("iris")
    _, first = np.unique(found.x, axis=0, return_index=True)
    return jt.Dataset.from_arrays(found.x[np.sort(first)], found.y[np.sort(first)], name="iris", validation=0.5, task="classes")


@functools.cache
def iris_numbers() -> jt.Dataset:
    """The same with the numbers of the classes as values, [examples, 1]."""
    found = iris()
    return jt.Dataset.from_arrays(found.x, found.y[:, None].astype(np.float32), name="iris", validation=0.5, task="values")


def _diabetes() -> tuple[Table, Float[np.ndarray, " examples"]]:
    """Ten measurements of patients in their units, and the progress of the disease a year later, 25 to 346."""
    from sklearn.datasets import load_diabetes

    found = load_diabetes(scaled=False)
    return found.data, found.target


@functools.cache
def diabetes() -> jt.Dataset:
    """Ten measurements in their units, and a value of some hundreds."""
    x, y = _diabetes()
    return jt.Dataset.from_arrays(x, y[:, None], name="diabetes", task="values")


@functools.cache
def prices() -> jt.Dataset:
    """The same with a value of hundreds of thousands."""
    x, y = _diabetes()
    return jt.Dataset.from_arrays(x, 1000 * y[:, None], name="prices", task="values")


@functools.cache
def mirrored() -> jt.Dataset:
    """Thirteen columns of the chemistry of wines, scaled to lie between -1 and 1, which are to be given back."""
    x = jt.load("wine").x.astype(np.float64)
    x = (x - x.mean(axis=0)) / x.std(axis=0)
    x = (x / np.abs(x).max(axis=0)).astype(np.float32)
    return jt.Dataset.from_arrays(x, x, name="mirrored", task="values")
