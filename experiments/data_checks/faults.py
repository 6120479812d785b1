"""Faults to plant, each with the name of the check that has to find it."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

import jaxtricks as jt
from experiments.data_checks.raw import Numbers, Raw

Plant = Callable[[Raw, np.random.Generator], jt.Dataset]
SHARE = 0.2  # of the rows that are validated on, where the split is fixed
COPIED = 0.1  # of those that are copies


class Fault(NamedTuple):
    """A fault that can be planted.

    Args:
        check: the check that has to find it.
        plant: makes a data set that has it.
    """

    check: str
    plant: Plant


def plain(raw: Raw, generator: np.random.Generator) -> jt.Dataset:
    """The data set without a fault."""
    return jt.Dataset.from_arrays(raw.x, raw.y, test=(raw.x_test, raw.y_test), name=raw.name)


def fixed(raw: Raw, x: Numbers, y: np.ndarray) -> jt.Dataset:
    """The last rows are validated on."""
    cut = round(len(x) * (1 - SHARE))
    return jt.Dataset.from_arrays(x[:cut], y[:cut], validation=(x[cut:], y[cut:]), name=raw.name)


def beside(raw: Raw, column: np.ndarray) -> jt.Dataset:
    """One number more in each row."""
    return jt.Dataset.from_arrays(np.c_[raw.x, column], raw.y, name=raw.name)


def copied(raw: Raw, generator: np.random.Generator, near: bool = False, relabelled: bool = False) -> jt.Dataset:
    """Some rows to validate on are rows that are trained on: exactly, nearly, or with another label."""
    x, y = raw.x.copy(), raw.y.copy()
    cut = round(len(x) * (1 - SHARE))
    count = round(COPIED * (len(x) - cut))
    source, target = generator.choice(cut, count, replace=False), cut + generator.choice(len(x) - cut, count, replace=False)
    x[target], y[target] = x[source], y[source]
    if near:
        column = x.std(axis=0).argmax()
        x[target, column] += 1 if raw.whole else 0.01 * x[:, column].std()
    if relabelled:
        y[target] = (y[target] + 1) % (y.max() + 1)
    return fixed(raw, x, y)


def copied_test(raw: Raw, generator: np.random.Generator) -> jt.Dataset:
    """Some rows to test on are rows of the pool."""
    x = raw.x_test.copy()
    count = round(COPIED * len(x))
    x[:count] = raw.x[generator.choice(len(raw.x), count, replace=False)]
    return jt.Dataset.from_arrays(raw.x, raw.y, test=(x, raw.y_test), name=raw.name)


def label_column(raw: Raw, generator: np.random.Generator) -> jt.Dataset:
    """A number is the label, coded and with a little noise."""
    code = generator.permutation(raw.y.max() + 1)
    return beside(raw, 3.0 * code[raw.y] + generator.normal(size=len(raw.y)) * 0.1)


def nearly_label(raw: Raw, generator: np.random.Generator) -> jt.Dataset:
    """A number is the label of 98% of the rows, and another one of the rest."""
    wrong = generator.random(len(raw.y)) < 0.02
    return beside(raw, np.where(wrong, generator.integers(0, raw.y.max() + 1, len(raw.y)), raw.y).astype(float))


def identifier(raw: Raw, generator: np.random.Generator) -> jt.Dataset:
    """A number counts the rows, in an order that is not theirs."""
    return beside(raw, generator.permutation(len(raw.y)) + 10_000.0)


def sorted_rows(raw: Raw, generator: np.random.Generator) -> jt.Dataset:
    """Rows are sorted by their label."""
    order = np.argsort(raw.y, kind="stable")
    return jt.Dataset.from_arrays(raw.x[order], raw.y[order], name=raw.name)


def grouped(raw: Raw, generator: np.random.Generator) -> jt.Dataset:
    """Five rows or so belong to each patient, whose number is a column."""
    columns = {f"c{place}": raw.x[:, place] for place in range(raw.x.shape[1])}
    columns["patient_id"] = generator.integers(0, len(raw.y) // 5, len(raw.y))
    return jt.Dataset.from_frame(columns | {"y": [f"k{label}" for label in raw.y]}, "y", name=raw.name)


def timed(raw: Raw, generator: np.random.Generator) -> jt.Dataset:
    """Rows have times, and the split does not heed them."""
    return jt.Dataset.from_arrays(raw.x, raw.y, time=np.arange(len(raw.y)), name=raw.name)


def standardized(raw: Raw, generator: np.random.Generator) -> jt.Dataset:
    """Standardized over all rows, before any split."""
    x = np.r_[raw.x, raw.x_test]
    std = x.std(axis=0)
    x = (x - x.mean(axis=0)) / np.where(std > 0, std, 1)
    return jt.Dataset.from_arrays(x[: len(raw.x)], raw.y, test=(x[len(raw.x) :], raw.y_test), name=raw.name)


def ranged(raw: Raw, generator: np.random.Generator) -> jt.Dataset:
    """Noise is added, and each number is brought to the range from 0 to 1 over all rows to train and validate on."""
    x = raw.x + generator.normal(size=raw.x.shape) * (0.01 * raw.x.std(axis=0) + 1e-3)
    return jt.Dataset.from_arrays((x - x.min(axis=0)) / np.ptp(x, axis=0), raw.y, name=raw.name)


def skewed(raw: Raw, generator: np.random.Generator) -> jt.Dataset:
    """The first class has twice its share, or all that there is, in the rows to validate on."""
    size = round(len(raw.y) * SHARE)
    first = np.flatnonzero(raw.y == 0)
    many = first[: min(2 * round(len(first) * SHARE), size)]
    validation = np.r_[many, np.flatnonzero(raw.y != 0)[: size - len(many)]]
    order = np.r_[np.setdiff1d(np.arange(len(raw.y)), validation), generator.permutation(validation)]
    return fixed(raw, raw.x[order], raw.y[order])


def shifted(raw: Raw, generator: np.random.Generator) -> jt.Dataset:
    """The first class is nearly gone from the test split: one in five of its rows is left."""
    kept = np.flatnonzero((raw.y_test != 0) | (generator.random(len(raw.y_test)) < 0.2))
    return jt.Dataset.from_arrays(raw.x, raw.y, test=(raw.x_test[kept], raw.y_test[kept]), name=raw.name)


def constant(raw: Raw, generator: np.random.Generator) -> jt.Dataset:
    """A number is the same in all rows."""
    return beside(raw, np.full(len(raw.y), 4.0))


def slipped(raw: Raw, generator: np.random.Generator) -> jt.Dataset:
    """A measurement, in one row of which the decimal point slipped by two places, and in another one stands 9999."""
    column = 50 + 5 * generator.normal(size=len(raw.y))
    places = generator.choice(len(raw.y), 2, replace=False)
    column[places[0]] *= 100
    column[places[1]] = 9_999
    return beside(raw, column)


def missing(raw: Raw, generator: np.random.Generator) -> jt.Dataset:
    """A number says nothing, and is missing in four of five rows of the first class and in one of five others."""
    column = generator.normal(size=len(raw.y))
    column[generator.random(len(raw.y)) < np.where(raw.y == 0, 0.8, 0.2)] = np.nan
    return jt.Dataset.from_arrays(np.c_[raw.x, column], raw.y, missing=True, name=raw.name)


def missing_label(raw: Raw, generator: np.random.Generator) -> jt.Dataset:
    """One row of twenty has "nan" for a label."""
    names = np.array([f"k{label}" for label in raw.y], dtype=object)
    names[generator.random(len(names)) < 0.05] = "nan"
    return jt.Dataset.from_arrays(raw.x, names.tolist(), name=raw.name)


def inverse(raw: Raw, generator: np.random.Generator) -> jt.Dataset:
    """Two numbers name things that are related; half of the pairs are there the other way round, too."""
    half = len(raw.y) // 2
    one, other = generator.integers(0, 200, (2, half))
    rest = len(raw.y) - half
    pairs = np.r_[np.c_[one, other], np.c_[other, one][:rest], generator.integers(0, 200, (max(rest - half, 0), 2))]
    pairs[half : half + half // 2] = generator.integers(0, 200, (half // 2, 2))
    return jt.Dataset.from_arrays(np.c_[raw.x, pairs], raw.y, name=raw.name)


def averaged(raw: Raw, generator: np.random.Generator) -> jt.Dataset:
    """A number is the share of the last class among the row and the three rows before and after it."""
    return beside(raw, np.convolve(raw.y == raw.y.max(), np.ones(7) / 7, mode="same"))


FAULTS: dict[str, Fault] = {
    "exact copies across the split": Fault("copies", copied),
    "near copies across the split": Fault("copies", lambda raw, generator: copied(raw, generator, near=True)),
    "copies with another label": Fault("copies", lambda raw, generator: copied(raw, generator, relabelled=True)),
    "copies in the test split": Fault("copies", copied_test),
    "a number that is the label": Fault("a feature alone", label_column),
    "a number that is 98% the label": Fault("a feature alone", nearly_label),
    "a number that counts the rows": Fault("identifier column", identifier),
    "rows sorted by label": Fault("order of rows", sorted_rows),
    "a patient on both sides": Fault("groups on both sides", grouped),
    "training after validation": Fault("order in time", timed),
    "standardized before splitting": Fault("scaled before splitting", standardized),
    "brought to a range before splitting": Fault("scaled before splitting", ranged),
    "a class twice as common in validation": Fault("class skew", skewed),
    "a class nearly gone from the test split": Fault("label shift", shifted),
    "a constant number": Fault("constant features", constant),
    "a slip of the decimal point": Fault("values far outside", slipped),
    "missing more often in one class": Fault("missing values", missing),
    "nan for a label": Fault("missing values", missing_label),
    "inverse pairs": Fault("inverse pairs", inverse),
    "an average with the row's own label": Fault("running averages", averaged),
}
