"""Stand-ins that are drawn: points, polynomials, bits and sequences."""

import functools

import numpy as np
from jaxtyping import Float, Int

import jaxtricks as jt

Points = Float[np.ndarray, "examples *shape"]


def one_unit(x: Points, y: Int[np.ndarray, " examples"], name: str) -> jt.Dataset:
    """Data of a question with two answers, for a network of one output.

    Args:
        x: the inputs, [examples, ...].
        y: 1 for yes and 0 for no, [examples].
        name: of the data set.
    """
    return jt.Dataset.from_arrays(x, y[:, None].astype(np.int32), name=name, classes=("yes",), task="multilabel")


@functools.cache
def xor() -> jt.Dataset:
    """80 points near the corners of a square; yes near two that lie opposite."""
    draw = np.random.default_rng(0)
    corners = np.tile([[0, 0], [0, 1], [1, 0], [1, 1]], (20, 1))
    return one_unit(corners + 0.1 * draw.normal(size=corners.shape), corners.sum(axis=1) % 2, "xor")


@functools.cache
def clouds() -> jt.Dataset:
    """200 points on two sides of a diagonal, with a gap between them, so that neither number alone tells them."""
    x = np.random.default_rng(0).uniform(-2, 2, size=(400, 2))
    apart = x[np.abs(x.sum(axis=1)) > 0.6][:200]
    return jt.Dataset.from_arrays(apart, (apart.sum(axis=1) > 0).astype(np.int32), name="clouds")


@functools.cache
def bits() -> jt.Dataset:
    """The 256 numbers of 8 bits in a drawn order, and 8 bits for each, that say what most of three of its bits are."""
    draw = np.random.default_rng(0)
    x = draw.permutation(256)[:, None] >> np.arange(8) & 1
    y = np.stack([x[:, draw.permutation(8)[:3]].sum(axis=1) > 1 for _ in range(8)], axis=1)
    return jt.Dataset.from_arrays(x.astype(np.float32), y.astype(np.int32), name="bits", task="multilabel")


@functools.cache
def features() -> jt.Dataset:
    """300 examples of five numbers between 0 and 1; yes where their weighted sum is large."""
    x = np.random.default_rng(0).uniform(size=(300, 5))
    total = x @ np.array([1.0, -1.0, 2.0, -1.0, 0.5])
    return one_unit(x, (total > np.median(total)).astype(np.int32), "features")


@functools.cache
def sines() -> jt.Dataset:
    """299 pairs of values of a sine; yes where it falls from the first to the second."""
    wave = np.sin(0.7 * np.arange(300))
    return one_unit(np.stack([wave[:-1], wave[1:]], axis=1), (wave[1:] < wave[:-1]).astype(np.int32), "sines")


@functools.cache
def rare() -> jt.Dataset:
    """500 examples of four counts with a label that nearly all of them have."""
    from sklearn.datasets import make_multilabel_classification

    x, y = make_multilabel_classification(n_samples=500, n_features=4, n_classes=1, n_labels=4, random_state=0)
    return one_unit(x, y[:, 0], "rare")


@functools.cache
def rare_classes() -> jt.Dataset:
    """The same as two classes."""
    return jt.Dataset.from_arrays(rare().x, rare().y[:, 0], name="rare", classes=("no", "yes"))


@functools.cache
def bins() -> jt.Dataset:
    """One number between -2 and 2, and which of ten equal parts it lies in: one yes among ten answers."""
    x = np.random.default_rng(0).uniform(-2, 2, size=(500, 1))
    y = np.eye(10, dtype=np.int32)[np.floor((x[:, 0] + 2) / 0.4).astype(int)]
    return jt.Dataset.from_arrays(x, y, name="bins", task="multilabel")


def _curve(x: Float[np.ndarray, " examples"], y: Float[np.ndarray, " examples"], name: str) -> jt.Dataset:
    return jt.Dataset.from_arrays(x[:, None], y[:, None].astype(np.float32), name=name, task="values")


@functools.cache
def quadratic() -> jt.Dataset:
    """50 points of 5x² with noise, x from 0 to 5."""
    x = np.linspace(0, 5, 50)
    return _curve(x, 5 * x**2 + np.random.default_rng(0).normal(size=50), "quadratic")


@functools.cache
def quartic() -> jt.Dataset:
    """400 points of x⁴, x from -100 to 100: values of up to a hundred million."""
    x = np.linspace(-100, 100, 400)
    return _curve(x, x**4, "quartic")


@functools.cache
def polynomial() -> jt.Dataset:
    """500 points of a polynomial of degree four with three turns, x from -1.8 to 1.8."""
    x = np.random.default_rng(0).uniform(-1.8, 1.8, size=500)
    return _curve(x, x**4 - 4 * x**2 + x + 2, "polynomial")


@functools.cache
def line() -> jt.Dataset:
    """100 points of 2x + 3 with a little noise."""
    draw = np.random.default_rng(0)
    x = draw.uniform(-2, 2, size=100)
    return _curve(x, 2 * x + 3 + 0.3 * draw.normal(size=100), "line")


STEPS, PILE = 20, 6


def _sequences() -> tuple[Float[np.ndarray, "examples time 5"], Int[np.ndarray, " examples"], Int[np.ndarray, "examples time"]]:
    """120 sequences of five numbers a step, zeros after their ends; their lengths; whether a step's first number is above 0."""
    draw = np.random.default_rng(0)
    lengths = draw.integers(8, STEPS + 1, size=120)
    there = np.arange(STEPS) < lengths[:, None]
    x = draw.normal(size=(120, STEPS, 5)) * there[:, :, None]
    return x, lengths, ((x[:, :, 0] > 0) & there).astype(np.int32)


@functools.cache
def padded() -> jt.Dataset:
    """Sequences whose padding has a class of its own, which counts: 0, where steps have 1 or 2."""
    x, lengths, y = _sequences()
    labels = (y + 1) * (np.arange(STEPS) < lengths[:, None])
    return jt.Dataset.from_arrays(x, labels, name="padded", task="steps")


@functools.cache
def lengths_known() -> jt.Dataset:
    """The same sequences with their lengths: padding has no class, and steps have 0 or 1."""
    x, lengths, y = _sequences()
    return jt.Dataset.from_arrays(x, y, lengths=lengths, name="lengths known", task="steps")


def _volumes(examples: int, pile: int) -> tuple[Points, Int[np.ndarray, " examples"]]:
    """Volumes that are all ones or all zeros, with noise: [examples, pile, 8, 8], those of a pile alike."""
    draw, y = np.random.default_rng(0), np.arange(examples) % 2
    return y[:, None, None, None] + 0.3 * draw.normal(size=(examples, pile, 8, 8)), y


@functools.cache
def piles() -> jt.Dataset:
    """Examples that have an axis too many: of six volumes of one class."""
    return jt.Dataset.from_arrays(*_volumes(240, PILE), name="piles", task="classes")


@functools.cache
def volumes() -> jt.Dataset:
    """The volumes one by one."""
    x, y = _volumes(240, 1)
    return jt.Dataset.from_arrays(x[:, 0, :, :, None], y, name="volumes", task="classes")
