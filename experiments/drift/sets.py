"""The data sets, and the shifts that looks at them are given."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Shaped

import jaxtricks as jt
from jaxtricks.checks.view import targets

Inputs = Shaped[np.ndarray, "examples ..."]
Drawn = Callable[[np.random.Generator, Inputs, int, Shaped[np.ndarray, " examples"]], Inputs]
POOL = 10_000  # examples of a large set


@dataclass(frozen=True)
class Stream:
    """A data set of which a part is trained on, and looks are drawn from the rest.

    Args:
        load: gives all of it.
        trained: how many examples restarts are trained and validated on.
        look: how many new ones are compared.
        shifts: name → draws a shifted look of the rest.
    """

    load: Callable[[], jt.Dataset]
    trained: int
    look: int
    shifts: dict[str, Drawn]


def plain(generator: np.random.Generator, x: Inputs, count: int, odds: Shaped[np.ndarray, " examples"] | None = None) -> Inputs:
    """So many examples at random, none twice.

    Args:
        generator: of the draw.
        x: the rest.
        count: how many.
        odds: how likely each is beside the others; None: all alike.
    """
    return x[generator.choice(len(x), count, replace=False, p=None if odds is None else odds / odds.sum())]


def noise(share: float) -> Drawn:
    """Normal noise on each number, with an SD of a share of the largest value."""

    def drawn(generator: np.random.Generator, x: Inputs, count: int, first: Shaped[np.ndarray, " examples"]) -> Inputs:
        found, top = plain(generator, x, count), float(x.max())
        return np.clip(np.rint(found + generator.normal(scale=share * top, size=found.shape)), 0, top).astype(x.dtype)

    return drawn


def darker(factor: float) -> Drawn:
    """Each value times a factor."""

    def drawn(generator: np.random.Generator, x: Inputs, count: int, first: Shaped[np.ndarray, " examples"]) -> Inputs:
        return np.rint(plain(generator, x, count) * factor).astype(x.dtype)

    return drawn


def moved(generator: np.random.Generator, x: Inputs, count: int, first: Shaped[np.ndarray, " examples"]) -> Inputs:
    """Each image a pixel to the right."""
    return np.roll(plain(generator, x, count), 1, axis=2)


def odds(ratio: float) -> Drawn:
    """Examples of the first half of the classes, or with values below the median, so many times as likely as others."""

    def drawn(generator: np.random.Generator, x: Inputs, count: int, first: Shaped[np.ndarray, " examples"]) -> Inputs:
        return plain(generator, x, count, np.where(first, ratio, 1.0))

    return drawn


def one_number(share: float) -> Drawn:
    """The first number of each example is larger by a share of its SD."""

    def drawn(generator: np.random.Generator, x: Inputs, count: int, first: Shaped[np.ndarray, " examples"]) -> Inputs:
        found = plain(generator, x, count).copy()
        found[:, 0] += share * np.nanstd(x[:, 0])
        return found

    return drawn


def rough(generator: np.random.Generator, x: Inputs, count: int, first: Shaped[np.ndarray, " examples"]) -> Inputs:
    """Normal noise on each number that is not 0 or 1, with half of its SD."""
    found, measured = plain(generator, x, count), ~((x == 0) | (x == 1) | np.isnan(x)).all(axis=0)
    return (found + measured * 0.5 * np.nanstd(x, axis=0) * generator.normal(size=found.shape)).astype(x.dtype)


def first_half(data: jt.Dataset) -> Shaped[np.ndarray, " examples"]:
    """Which examples are of the first half of the classes, or have a value below the median, [examples]."""
    goal = targets(data)[0]
    middle = len(data.classes) / 2 if goal.discrete else np.median(goal.values)
    return np.asarray(goal.values < middle)


def people(seed: int = 0) -> jt.Dataset:
    """A generated table of 3,000 rows: numbers with a long tail, categories, missing values, and a flag that 1 in 200 has."""
    draw = np.random.default_rng(seed)
    n = 3_000
    age, town = draw.normal(45, 12, n), draw.choice(["Oslo", "Bergen", "Hamar", "Moss"], n, p=[0.5, 0.3, 0.15, 0.05])
    income = np.exp(draw.normal(0.02 * age, 0.6))
    risk = 0.05 * (age - 45) - np.log(income) + (town == "Oslo") + draw.logistic(size=n)
    member, gap, rare = draw.random(n) < 0.3, draw.random(n) < 0.1, draw.random(n) < 0.005
    frame = {"age": age, "income": np.where(gap, np.nan, income), "town": town, "member": member, "rare": rare}
    return jt.Dataset.from_frame(frame | {"risk": np.where(risk > np.median(risk), "high", "low")}, "risk", name="people")


def streams(data_dir: Path | None) -> dict[str, Stream]:
    """Name → the data sets.

    Args:
        data_dir: the folder of prepared TFDS sets; None: $TFDS_DATA_DIR.
    """
    images: dict[str, Drawn] = {
        "noise, 10% of the range": noise(0.1),
        "noise, 25%": noise(0.25),
        "a fifth darker": darker(0.8),
        "half as bright": darker(0.5),
        "a pixel to the right": moved,
        "half of the classes 2 : 1": odds(2),
        "half of the classes 4 : 1": odds(4),
    }
    numbers: dict[str, Drawn] = {
        "one number by 0.25 SD": one_number(0.25),
        "one number by 0.5 SD": one_number(0.5),
        "noise of 0.5 SD on all": rough,
        "half of the classes 2 : 1": odds(2),
        "half of the classes 4 : 1": odds(4),
    }

    def large(name: str) -> Callable[[], jt.Dataset]:
        return lambda: jt.load(name, data_dir).subset(POOL, seed=0)

    return {
        "digits": Stream(lambda: jt.load("digits"), 800, 200, images),
        "mnist": Stream(large("mnist"), 2_000, 300, images),
        "fashion_mnist": Stream(large("fashion_mnist"), 2_000, 300, images),
        "breast_cancer": Stream(lambda: jt.load("breast_cancer"), 250, 80, numbers),
        "diabetes": Stream(lambda: jt.load("diabetes"), 180, 70, numbers),
        "people": Stream(people, 1_000, 200, numbers),
        "people, 20 at once": Stream(people, 1_000, 20, numbers),
    }
