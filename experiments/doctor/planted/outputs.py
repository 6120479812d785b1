"""Faults of losses, output layers and batches: what the network gives and what is made of it."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

import jaxtricks as jt
from experiments.doctor import sets
from experiments.doctor.healthy import Row, adam, mlp
from experiments.doctor.planted import kind as of
from experiments.doctor.planted import wired as parts
from experiments.doctor.planted.kind import Kind, changed, kind, spoilt, wired
from jaxtricks.diagnose.causes import Cause

RAW = {"targets": "raw"}
SQUARED = {"objective.loss": jt.losses.Squared()}


def stretched(scores: Array, targets: Array) -> Array:
    """Squared errors of predictions [batch, 1] and values [batch], which are stretched to [batch, batch]."""
    return jnp.square(scores - targets[..., 0]).mean(axis=-1)


def summed(scores: Array, targets: Array) -> Array:
    """Cross-entropy, summed over the batch in place of its mean."""
    return -len(scores) * (targets * jax.nn.log_softmax(scores)).sum(axis=-1)


def summed_squares(scores: Array, targets: Array) -> Array:
    """Squared errors, summed over the batch in place of their mean."""
    return len(scores) * jnp.square(scores - targets).mean(axis=-1)


def off_by_one(scores: Array, targets: Array) -> Array:
    """Cross-entropy of labels that count from 1 where the loss counts from 0; the last one is outside, and its row is zero."""
    one_hot = jax.nn.one_hot(targets.argmax(axis=-1) + 1, scores.shape[-1])
    return -(one_hot * jax.nn.log_softmax(scores)).sum(axis=-1)


def single(given: jt.Dataset) -> jt.Dataset:
    """Two classes as one label that is 0 or 1."""
    return jt.Dataset.from_arrays(given.x, given.y[:, None] == 1, task="multilabel", name=given.name)


def _constant(row: Row) -> of.Plant:
    """A softmax over a single output unit."""
    return spoilt(row, single, {"model": parts.Wired((32,), 1, after=parts.softmax)})


def _own(row: Row, loss: Callable[[Array, Array], Array]) -> of.Plant:
    """A healthy experiment with another loss of classes."""
    return changed(row, {"objective.loss": jt.losses.FunctionLoss(function=loss, predictions="logits")})


def _of_values(row: Row, loss: Callable[[Array, Array], Array]) -> of.Plant:
    """The same for values, which have no probabilities."""
    return changed(row, {"objective.loss": loss})


def next_words() -> jt.Dataset:
    """Sequences whose each next word follows from the last two, so that it can be guessed, or read where it is not hidden."""
    draw = np.random.default_rng(9)
    text = draw.integers(0, 6, size=(400, 13))
    for place in range(2, 13):
        known = (text[:, place - 1] + 2 * text[:, place - 2]) % 6
        text[:, place] = np.where(draw.random(400) < 0.5, known, text[:, place])
    return jt.Dataset.from_arrays(text[:, :-1], text[:, 1:], task="steps", vocabulary=sets.words().vocabulary, name="next words")


SEEING = Row(next_words, jt.Transformer(layers=1, width=16, heads=2, hidden=32, context=16, causal=False), adam(3e-3), 16, 15)
BOTH_WAYS = Row(next_words, jt.RNN(widths=(16,), embedding=8, bidirectional=True), adam(1e-2), 16, 15)
SEEING_TWICE = SEEING._replace(
    model=jt.Transformer(layers=2, width=16, heads=4, hidden=32, context=16, causal=False, norm="post")
)

KINDS: tuple[Kind, ...] = (
    kind(
        1,
        "predictions and targets of two shapes are stretched to each other in the loss",
        {Cause.SHAPES, Cause.LOSS},
        *(_of_values(row, stretched) for row in (of.FRIEDMAN, of.LINE, of.WAVE)),
    ),
    kind(
        2,
        "a softmax over the batch in place of the classes",
        {Cause.COMPANY, Cause.OUTPUT},
        *(wired(row, after=parts.softmax_over_batch) for row in (of.DIGITS, of.WINE, of.TONES)),
    ),
    kind(
        3,
        "a loss that is summed over the batch",
        {Cause.LOSS, Cause.RATE_HIGH},
        _own(of.DIGITS_SGD, summed),
        _own(of.CANCER_SGD, summed),
        _of_values(of.FRIEDMAN_BALL, summed_squares),
    ),
    kind(
        5,
        "no mask keeps a step from seeing the word that it is to guess",
        {Cause.DATA, Cause.MODEL},
        *(changed(row, {}) for row in (SEEING, BOTH_WAYS, SEEING_TWICE)),
    ),
    kind(
        7,
        "a softmax before a loss that takes scores",
        {Cause.OUTPUT},
        *(wired(row, after=parts.softmax) for row in (of.DIGITS, of.WINE, of.TONES)),
    ),
    kind(
        9,
        "a softmax over a single output unit",
        {Cause.OUTPUT},
        *(_constant(row) for row in (of.CANCER, of.MOONS, Row(sets.cancer, mlp(), adam(1e-2), 32, 15))),
    ),
    kind(
        10,
        "an output that cannot reach the targets",
        {Cause.OUTPUT, Cause.TARGETS},
        *(wired(row, RAW, after=parts.sigmoid) for row in (of.FRIEDMAN, of.LINE, of.DIABETES)),
    ),
    kind(
        11,
        "a ReLU on the scores of classes",
        {Cause.OUTPUT, Cause.ACTIVATION},
        *(wired(row, after=parts.nothing_below_zero) for row in (of.DIGITS_SGD, of.WINE, of.FASHION)),
    ),
    kind(
        12,
        "fewer output units than classes",
        {Cause.MODEL, Cause.OUTPUT, Cause.SHAPES},
        wired(of.DIGITS, outputs=1, after=parts.sigmoid),
        wired(of.IRIS, outputs=1, after=parts.sigmoid),
        wired(of.WINE, outputs=2),
    ),
    kind(
        13,
        "squared errors of probabilities for classes",
        {Cause.LOSS, Cause.OUTPUT},
        *(wired(row, SQUARED, after=parts.softmax) for row in (of.DIGITS_SGD, of.CANCER_SGD, of.DIGITS_BALL)),
    ),
    kind(
        65,
        "batch norm by the batch's own statistics in evaluation",
        {Cause.COMPANY, Cause.MODEL},
        wired(of.DIGITS, between=parts.batch_statistics),
        wired(of.WINE, between=parts.own_batch_norm),
        wired(of.FRIEDMAN, between=parts.own_batch_norm),
    ),
    kind(
        70,
        "labels that count from 1 where the loss counts from 0",
        {Cause.LOSS, Cause.LABELS},
        *(_own(row, off_by_one) for row in (of.DIGITS, of.WINE, of.IMAGES)),
    ),
    kind(
        97,
        "numbers of one example get into another one's row",
        {Cause.COMPANY},
        wired(of.DIGITS, before=parts.mixed),
        wired(of.WINE, before=parts.scaled_over_batch),
        wired(of.LINE, before=parts.less_the_others),
    ),
    kind(
        105,
        "a batch that is taken for one example",
        {Cause.MODEL, Cause.SHAPES, Cause.COMPANY},
        *(wired(row, after=parts.one_row) for row in (of.DIGITS, of.CANCER, of.FRIEDMAN)),
    ),
)
