"""Small data sets for patients: parts of known ones, and made ones; at most 500 examples each."""

import dataclasses
import functools

import numpy as np

import jaxtricks as jt
from experiments.measures import halved
from jaxtricks.data.vocabulary import Tokenizer, Vocabulary

IMAGES = 500


def digits() -> jt.Dataset:
    """Handwritten digits of 8 × 8 pixels, 400 of them."""
    return jt.load("digits").subset(400, seed=0)


def rows() -> jt.Dataset:
    """Handwritten digits that are read row by row: 8 steps of 8 numbers."""
    given = digits()
    return jt.Dataset.from_arrays(given.x[..., 0].astype(np.float32) / 16, given.y, name="digits by row")


def iris() -> jt.Dataset:
    """Measurements of irises of three kinds."""
    return jt.load("iris")


def wine() -> jt.Dataset:
    """Measurements of wines of three growers."""
    return jt.load("wine")


def cancer() -> jt.Dataset:
    """Measurements of tumours, benign or malignant."""
    return jt.load("breast_cancer")


def diabetes() -> jt.Dataset:
    """The course of diabetes in a year, from ten measurements."""
    return jt.load("diabetes")


def friedman() -> jt.Dataset:
    """Friedman's first function of five of ten uniform inputs, with a standard deviation of noise of 1."""
    draw = np.random.default_rng(0)
    x = draw.uniform(size=(400, 10))
    y = 10 * np.sin(np.pi * x[:, 0] * x[:, 1]) + 20 * (x[:, 2] - 0.5) ** 2 + 10 * x[:, 3] + 5 * x[:, 4]
    return jt.Dataset.from_arrays(x, y + draw.normal(size=len(x)), name="friedman")


def line() -> jt.Dataset:
    """A linear function of five numbers, with some noise."""
    draw = np.random.default_rng(1)
    x = draw.normal(size=(300, 5))
    return jt.Dataset.from_arrays(x, x @ [3.0, -2.0, 1.0, 0.5, 0.0] + 0.5 * draw.normal(size=len(x)), name="line")


def wave() -> jt.Dataset:
    """A sine of one number, with some noise."""
    draw = np.random.default_rng(2)
    x = draw.uniform(-3, 3, size=(400, 1))
    return jt.Dataset.from_arrays(x, np.sin(1.5 * x[:, 0]) + 0.1 * draw.normal(size=len(x)), name="wave")


def point() -> jt.Dataset:
    """Where the hand of an arm of two parts is, in a plane, from its two angles and the parts' lengths."""
    draw = np.random.default_rng(3)
    x = draw.uniform(0.2, 1.5, size=(400, 4))
    both = x[:, 0] + x[:, 1]
    y = np.c_[x[:, 2] * np.cos(x[:, 0]) + x[:, 3] * np.cos(both), x[:, 2] * np.sin(x[:, 0]) + x[:, 3] * np.sin(both)]
    return jt.Dataset.from_arrays(x, y + 0.02 * draw.normal(size=y.shape), name="arm")


def blobs() -> jt.Dataset:
    """Four clouds of points in six dimensions."""
    draw = np.random.default_rng(4)
    y = np.arange(320) % 4
    return jt.Dataset.from_arrays(1.5 * draw.normal(size=(4, 6))[y] + draw.normal(size=(320, 6)), y, name="blobs")


def moons() -> jt.Dataset:
    """Two half circles that reach into each other."""
    draw = np.random.default_rng(5)
    angle, y = np.pi * draw.uniform(size=400), np.arange(400) % 2
    x = np.c_[np.where(y, 1 - np.cos(angle), np.cos(angle)), np.where(y, 0.5 - np.sin(angle), np.sin(angle))]
    return jt.Dataset.from_arrays(x + 0.15 * draw.normal(size=x.shape), y, name="moons")


def tags() -> jt.Dataset:
    """Four labels each, which are signs of linear functions of ten numbers with some noise."""
    draw = np.random.default_rng(6)
    x = draw.normal(size=(400, 10))
    y = (x @ draw.normal(size=(10, 4)) + 0.5 * draw.normal(size=(400, 4)) > 0).astype(int)
    return jt.Dataset.from_arrays(x, y, name="tags")


def tones() -> jt.Dataset:
    """Sixteen steps of a noisy sine of one of three frequencies, with a phase that says nothing."""
    draw = np.random.default_rng(7)
    y = np.arange(360) % 3
    time, phase = np.arange(16), draw.uniform(0, 2 * np.pi, size=(360, 1))
    x = np.sin(np.array([0.4, 0.8, 1.4])[y][:, None] * time + phase) + 0.3 * draw.normal(size=(360, 16))
    return jt.Dataset.from_arrays(x[..., None], y, name="tones")


def words() -> jt.Dataset:
    """Twelve words of six, and whether there is more of the first or of the second."""
    draw = np.random.default_rng(8)
    x = draw.integers(0, 6, size=(3_000, 12))
    lead = (x == 0).sum(axis=1) - (x == 1).sum(axis=1)
    x, lead = x[lead != 0][:400], lead[lead != 0][:400]
    vocabulary = Vocabulary(("good", "bad", "film", "plot", "the", "of"), Tokenizer("word", spaced=True))
    return jt.Dataset.from_arrays(x, (lead > 0).astype(int), vocabulary=vocabulary, name="words")


def reviews() -> jt.Dataset:
    """Reviews of films, good or bad, by the counts of 200 words."""
    return jt.load("imdb_reviews", words=200).subset(IMAGES, seed=0)


def fashion() -> jt.Dataset:
    """Clothes of ten kinds, of 14 × 14 pixels."""
    return _halved("fashion_mnist")


def mnist() -> jt.Dataset:
    """Handwritten digits of 14 × 14 pixels."""
    return _halved("mnist")


@functools.cache
def _halved(name: str) -> jt.Dataset:
    """Images of half the size: each pixel is the mean of four."""
    given = jt.load(name).subset(IMAGES, seed=0)
    return jt.Dataset.from_arrays(halved(given).x, given.y, name=f"{name} by half")


def changed(given: jt.Dataset, **changes: object) -> jt.Dataset:
    """A data set with some of its fields changed, such as `x` or `y`."""
    return dataclasses.replace(given, **changes)  # type: ignore[arg-type]
