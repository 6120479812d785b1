"""Stand-ins that are pictures or texts: digits, clothes, and reviews of films; the last two as TFDS prepares them."""

import functools

import numpy as np
from jaxtyping import Int, UInt8

import jaxtricks as jt
from experiments.measures import halved

PICTURES = 500


@functools.cache
def small(name: str, examples: int = PICTURES) -> jt.Dataset:
    """Pictures of 14 × 14 pixels, 0 to 255: the means of 2 × 2 pixels.

    Args:
        name: "mnist" or "fashion_mnist".
        examples: how many.

    Raises:
        jt.data.DataError: where TFDS has not prepared them.
    """
    found = jt.load(name).subset(examples, seed=0)
    x = halved(found, rounded=False).x.astype(np.uint8)
    return jt.Dataset.from_arrays(x, found.y, name=name, task="classes", classes=found.classes)


@functools.cache
def flat(name: str) -> jt.Dataset:
    """The same as rows of 196 numbers; argument as for `small`."""
    found = small(name)
    return jt.Dataset.from_arrays(found.x.reshape(len(found), -1), found.y, name=name, task="classes", classes=found.classes)


@functools.cache
def three_kinds() -> jt.Dataset:
    """The first three kinds of clothes."""
    found = small("fashion_mnist", 1500)
    few = found.y < 3
    return jt.Dataset.from_arrays(found.x[few], found.y[few], name="three kinds", task="classes", classes=found.classes[:3])


def _fixed() -> tuple[
    UInt8[np.ndarray, "train ..."], Int[np.ndarray, " train"], UInt8[np.ndarray, "rest ..."], Int[np.ndarray, " rest"]
]:
    """Digits to train on, and others to validate on."""
    found = small("mnist", PICTURES + 200)
    train, rest = found.split(0)
    return found.x[train], found.y[train], found.x[rest], found.y[rest]


@functools.cache
def divided_labels() -> jt.Dataset:
    """Digits whose labels were divided by 255, where it should have been the pictures to validate on."""
    x, y, x_rest, y_rest = _fixed()
    names = tuple(map(str, range(10)))
    fixed = (x_rest.astype(np.float32), y_rest)
    return jt.Dataset.from_arrays(x / np.float32(255), y // 255, name="mnist", validation=fixed, task="classes", classes=names)


@functools.cache
def divided_pictures() -> jt.Dataset:
    """The same with the division where it should be."""
    x, y, x_rest, y_rest = _fixed()
    names = tuple(map(str, range(10)))
    fixed = (x_rest / np.float32(255), y_rest)
    return jt.Dataset.from_arrays(x / np.float32(255), y, name="mnist", validation=fixed, task="classes", classes=names)


@functools.cache
def digits() -> jt.Dataset:
    """Digits of 8 × 8 pixels."""
    return jt.load("digits").subset(PICTURES, seed=0)


@functools.cache
def digit_rows() -> jt.Dataset:
    """Digits as sequences of eight rows, each of eight numbers between 0 and 1."""
    found = digits()
    return jt.Dataset.from_arrays(
        found.x.reshape(-1, 8, 8).astype(np.float32) / 16, found.y, name="digit rows", task="classes", classes=found.classes
    )


@functools.cache
def keypoints() -> jt.Dataset:
    """Digits, and where their ink lies: the middle of all of it and of each half, six coordinates between -1 and 1."""
    x = digits().x.reshape(-1, 8, 8).astype(np.float64) / 16 + 1e-3
    down, across = np.meshgrid(np.linspace(-1, 1, 8), np.linspace(-1, 1, 8), indexing="ij")
    upper, left = down < 0, across < 0
    parts = [np.ones((8, 8), bool), upper, left]
    points = [(x * part * axis).sum(axis=(1, 2)) / (x * part).sum(axis=(1, 2)) for part in parts for axis in (down, across)]
    return jt.Dataset.from_arrays(x[:, :, :, None], np.stack(points, axis=1).astype(np.float32), name="keypoints", task="values")


@functools.cache
def reviews() -> jt.Dataset:
    """Reviews of films as counts of their 1000 commonest words; yes where the film is praised."""
    found = jt.load("imdb_reviews", words=1000).subset(600, seed=0)
    return jt.Dataset.from_arrays(
        np.minimum(found.x, 1).astype(np.float32), found.y[:, None], name="reviews", task="multilabel", classes=("praised",)
    )
