"""Faults of data: labels, preparation, splits; and of the network's layers."""

from collections.abc import Callable

import numpy as np

import jaxtricks as jt
from experiments.doctor import sets
from experiments.doctor.healthy import mlp, sgd
from experiments.doctor.planted import kind as of
from experiments.doctor.planted import wired as parts
from experiments.doctor.planted.kind import Kind, changed, kind, spoilt, wired
from jaxtricks.diagnose.causes import Cause

RAW = {"inputs": "raw"}
FLIPPED, IGNORED, RARE, COPIED = 0.25, 0.3, 0.02, 0.5  # shares of labels, of examples of a class, and of copies
SPLIT = 0.25  # of the examples that are validated on
SECONDS = 1e9  # since a beginning long ago: float32 tells no two of a minute apart

Spoil = Callable[[jt.Dataset], jt.Dataset]


def _draw() -> np.random.Generator:
    return np.random.default_rng(0)


def shuffled_labels(given: jt.Dataset) -> jt.Dataset:
    """Labels in another order than inputs."""
    return sets.changed(given, y=_draw().permutation(given.y))


def flipped(given: jt.Dataset) -> jt.Dataset:
    """Some labels are another class."""
    draw = _draw()
    move = np.where(draw.random(len(given)) < FLIPPED, draw.integers(1, len(given.classes), len(given)), 0)
    return sets.changed(given, y=((given.y + move) % len(given.classes)).astype(given.y.dtype))


def ignored(given: jt.Dataset) -> jt.Dataset:
    """Labels of -1, to be ignored, count from the end: they are the last class."""
    return sets.changed(given, y=np.where(_draw().random(len(given)) < IGNORED, len(given.classes) - 1, given.y))


def divided(given: jt.Dataset) -> jt.Dataset:
    """Labels are divided by 255 as the inputs were."""
    return sets.changed(given, y=given.y // 255)


def rare(given: jt.Dataset) -> jt.Dataset:
    """Of all classes but the first, two examples in a hundred are left, and at least two."""
    draw = _draw()
    kept = [np.flatnonzero(given.y == 0)]
    for label in range(1, len(given.classes)):
        own = np.flatnonzero(given.y == label)
        kept.append(draw.choice(own, max(2, round(RARE * len(own))), replace=False))
    places = draw.permutation(np.concatenate(kept))
    return jt.Dataset.from_arrays(given.x[places], given.y[places], classes=given.classes, name=given.name)


def times(factor: float) -> Spoil:
    """Inputs times a factor."""
    return lambda given: sets.changed(given, x=(given.x * factor).astype(np.float32))


def targets_times(factor: float) -> Spoil:
    """Targets times a factor."""
    return lambda given: sets.changed(given, y=(given.y * factor).astype(np.float32))


def _names(given: jt.Dataset) -> tuple[str, ...] | None:
    """The names of classes; None for values."""
    return given.classes if given.task == "classes" else None


def unlike(given: jt.Dataset) -> jt.Dataset:
    """Rows that are trained on are divided by 255, those that are validated on are not."""
    order = _draw().permutation(len(given))
    train, held = order[round(SPLIT * len(given)) :], order[: round(SPLIT * len(given))]
    x = given.x.astype(np.float32)
    return jt.Dataset.from_arrays(
        x[train] / 255, given.y[train], validation=(x[held], given.y[held]), name=given.name, classes=_names(given)
    )


def copied(given: jt.Dataset) -> jt.Dataset:
    """Half of the rows that are validated on are rows that are trained on."""
    order = _draw().permutation(len(given))
    count = round(SPLIT * len(given))
    train, held = order[count:], order[:count].copy()
    held[: round(COPIED * count)] = train[: round(COPIED * count)]
    return jt.Dataset.from_arrays(
        given.x[train], given.y[train], validation=(given.x[held], given.y[held]), name=given.name, classes=_names(given)
    )


def wrapped(given: jt.Dataset) -> jt.Dataset:
    """The mean is taken off in 8 bits without a sign, so that what lies below zero comes out at the upper end."""
    x = np.round(given.x / given.x.max() * 255).astype(np.uint8)
    return jt.Dataset.from_arrays(x - x.mean(axis=0).astype(np.uint8), given.y, classes=given.classes, name=given.name)


def truncated(given: jt.Dataset) -> jt.Dataset:
    """Divided by 255 as whole numbers: nearly all are 0."""
    x = np.round(given.x / given.x.max() * 255).astype(np.uint8)
    return jt.Dataset.from_arrays(x // 255, given.y, classes=given.classes, name=given.name)


def stamped(given: jt.Dataset) -> jt.Dataset:
    """Numbers with a large beginning, which single precision does not tell apart."""
    return sets.changed(given, x=(given.x.astype(np.float64) + SECONDS).astype(np.float32))


KINDS: tuple[Kind, ...] = (
    kind(
        46,
        "inputs and labels in two orders",
        {Cause.LABELS},
        *(spoilt(row, shuffled_labels) for row in (of.DIGITS, of.CANCER, of.FRIEDMAN)),
    ),
    kind(
        71,
        "labels to be ignored that count as the last class",
        {Cause.LABELS},
        *(spoilt(row, ignored) for row in (of.DIGITS, of.WINE, of.IMAGES)),
    ),
    kind(72, "wrong labels", {Cause.LABELS}, *(spoilt(row, flipped) for row in (of.DIGITS, of.CANCER, of.BLOBS))),
    kind(
        73,
        "labels divided by 255 with the inputs",
        {Cause.LABELS, Cause.DATA},
        *(spoilt(row, divided) for row in (of.DIGITS, of.WINE, of.FASHION)),
    ),
    kind(
        74,
        "all classes but one are rare",
        {Cause.LABELS, Cause.DATA},
        spoilt(of.CANCER, rare, {"batch_size": 16}),
        spoilt(of.MOONS, rare),
        spoilt(of.BLOBS, rare, {"epochs": 30}),
    ),
    kind(
        75,
        "inputs that are not scaled",
        {Cause.INPUTS},
        spoilt(of.DIGITS, times(16.0), RAW),
        changed(of.CANCER_SGD, RAW),
        changed(of.WINE._replace(rule=sgd(0.1)), RAW),
    ),
    kind(
        76,
        "inputs that are scaled twice",
        {Cause.INPUTS},
        spoilt(of.DIGITS, times(1 / 16 / 255), RAW),
        spoilt(of.FASHION, times(1 / 255 / 255), RAW),
        spoilt(of.WAVE, times(1 / 1000), RAW),
    ),
    kind(
        77,
        "inputs to train and to validate on that are prepared differently",
        {Cause.INPUTS, Cause.DATA},
        *(spoilt(row, unlike, RAW) for row in (of.DIGITS, of.WAVE, of.IMAGES)),
    ),
    kind(
        78,
        "targets out of scale",
        {Cause.TARGETS},
        spoilt(of.FRIEDMAN, targets_times(1e3), {"targets": "raw"}),
        changed(of.DIABETES, {"targets": "raw"}),
        spoilt(of.LINE, targets_times(1e4), {"targets": "raw"}),
    ),
    kind(
        80,
        "rows that are validated on are trained on",
        {Cause.DATA},
        *(spoilt(row, copied) for row in (of.DIGITS, of.CANCER, of.FRIEDMAN)),
    ),
    kind(
        82,
        "whole numbers that wrap or are cut",
        {Cause.INPUTS, Cause.DATA},
        spoilt(of.DIGITS, wrapped),
        spoilt(of.FASHION, wrapped),
        spoilt(of.FASHION, truncated),
    ),
    kind(
        87,
        "numbers that single precision does not tell apart",
        {Cause.INPUTS, Cause.DATA},
        *(spoilt(row, stamped) for row in (of.BLOBS, of.WAVE, of.FRIEDMAN)),
    ),
    kind(
        55,
        "a gradient that is stopped where it should go on",
        {Cause.FROZEN},
        wired(of.DIGITS, widths=(8, 8), between=parts.stopped),
        wired(of.FRIEDMAN, widths=(32, 32), between=parts.rounded),
        wired(of.MOONS, widths=(8,), between=parts.stopped),
    ),
    kind(
        95,
        "a network that cannot learn even one batch",
        {Cause.FROZEN, Cause.CAPACITY, Cause.OUTPUT},
        *(wired(row, between=parts.silent) for row in (of.DIGITS, of.FRIEDMAN, of.WINE)),
    ),
    kind(
        99,
        "a softmax within the network",
        {Cause.ACTIVATION, Cause.GRADIENTS},
        *(wired(row, widths=(32, 32), between=parts.hidden_softmax) for row in (of.DIGITS_SGD, of.FRIEDMAN_BALL, of.CANCER_SGD)),
    ),
    kind(
        100,
        "many layers without normalization",
        {Cause.GRADIENTS, Cause.INIT},
        changed(of.DIGITS_SGD._replace(model=mlp(*(20 * [16]))), {}),
        changed(of.FRIEDMAN_BALL._replace(model=mlp(*(16 * [16]))), {}),
        changed(of.CANCER_SGD._replace(model=mlp(*(20 * [16]))), {}),
    ),
    kind(
        101,
        "a layer of a single unit",
        {Cause.CAPACITY},
        changed(of.DIGITS, {"model.widths": (1,)}),
        changed(of.BLOBS, {"model.widths": (1,)}),
        changed(of.FRIEDMAN, {"model.widths": (32, 1, 32)}),
    ),
)
