"""All metrics of the package, by name."""

import math
import re
from collections.abc import Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int
from numpy.typing import ArrayLike

from jaxtricks.config import ConfigError, nearest
from jaxtricks.data import TaskName
from jaxtricks.objectives.metric import POINTS, Mean, Metric, Whole, finished, sums
from jaxtricks.objectives.rows import ClassRows, Rows

BINS = 15  # Guo+ 2017
ONE_CLASS: tuple[TaskName, ...] = ("classes", "steps")
LABELS: tuple[TaskName, ...] = (*ONE_CLASS, "multilabel")


# --- means over rows: each function gives what a row adds ---------------------------------------------------------------


def right(rows: Rows) -> Float[Array, " rows"]:
    """Whether the most probable class is the label; for several labels, the share of them that is right."""
    return rows.right


def nll(rows: Rows) -> Float[Array, " rows"]:
    """The negative log-likelihood `-log p(label)` in nats; for several labels, the mean over them."""
    return rows.nll


def bits(nats: Float[Array, ""]) -> Float[Array, ""]:
    """Converts nats to bits."""
    return nats / math.log(2)


def gaps(rows: Rows) -> Float[Array, "rows bins"]:
    """`correct - confidence`, in the bin of the confidence, one of 15 equal bins of [0, 1] (Guo+ 2017)."""
    confidence = jnp.exp(jnp.max(rows.log_probs, axis=-1))
    bins = jnp.clip(jnp.ceil(confidence * BINS).astype(jnp.int32) - 1, 0, BINS - 1)
    return jax.nn.one_hot(bins, BINS, dtype=confidence.dtype) * (rows.right - confidence)[:, None]


def absolute(gaps: Float[Array, " bins"]) -> Float[Array, ""]:
    """`Σ_b n_b/n |accuracy_b - confidence_b|` of the bins' mean gaps."""
    return jnp.sum(jnp.abs(gaps))


def brier(rows: Rows) -> Float[Array, " rows"]:
    """`Σ_j (p_j - t_j)²` over the classes (Brier 1950), in [0, 2]; for several labels, the mean over them, in [0, 1]."""
    return rows.pooled(jnp.square(jnp.exp(rows.log_probs) - rows.truth))


def hits(rows: Rows) -> dict[str, Float[Array, "rows outputs"]]:
    """For each class or label: whether it was predicted and true, whether it was predicted, and whether it was true."""
    return {"hit": rows.guess * rows.truth, "named": rows.guess, "there": rows.truth}


def recall(found: dict[str, Float[Array, " outputs"]]) -> Float[Array, ""]:
    """The share of a class's examples that are predicted rightly, the mean over all classes that have examples."""
    return _mean_where(found["there"] > 0, found["hit"], found["there"])


def f1(found: dict[str, Float[Array, " outputs"]]) -> Float[Array, ""]:
    """The mean of `2 hits/(predicted + true)` over the classes or labels that are true or predicted at least once."""
    either = found["named"] + found["there"]
    return _mean_where(either > 0, 2 * found["hit"], either)


def within(rows: Rows, k: int) -> Float[Array, " rows"]:
    """Whether fewer than k classes come before the label: by a higher score, or by the same one and a smaller class number."""
    labels = rows.targets[:, None]
    own = jnp.take_along_axis(rows.scores, labels, axis=-1, mode="clip")
    first = (rows.scores == own) & (jnp.arange(rows.scores.shape[-1])[None] < labels)  # as argmax chooses among equal scores
    return (jnp.sum((rows.scores > own) | first, axis=-1) < k).astype(rows.scores.dtype)


def squared_error(rows: Rows) -> Float[Array, " rows"]:
    """The squared difference between scores and targets (1 and 0 for classes), the mean over outputs."""
    return jnp.mean(jnp.square(rows.error), axis=-1)


def squared_errors(rows: Rows) -> Float[Array, "rows outputs"]:
    """The squared difference of values, for each output."""
    return jnp.square(rows.error)


def root(squares: Float[Array, " outputs"]) -> Float[Array, ""]:
    """The root of the mean squared error of each output, in the unit of the values; the mean over outputs."""
    return jnp.mean(jnp.sqrt(squares))


def absolute_error(rows: Rows) -> Float[Array, " rows"]:
    """The absolute difference of values, the mean over outputs."""
    return jnp.mean(jnp.abs(rows.error), axis=-1)


# --- metrics of all rows together ---------------------------------------------------------------------------------------


def roc_auc(rows: Rows) -> Float[Array, ""]:
    """The probability that an example of a class is ranked above an example of another class, the mean over the classes.

    One class against the rest; ties count half. Classes that all examples have, or none, are left out; nan if no class is left.
    """

    def of_class(ranked: Float[Array, " rows"], there: Bool[Array, " rows"]) -> Float[Array, ""]:
        others = jnp.sort(jnp.where(there, jnp.inf, ranked))
        negatives = jnp.sum(~there)
        below, up_to = (jnp.searchsorted(others, ranked, side=side) for side in ("left", "right"))
        beaten = (jnp.minimum(below, negatives) + jnp.minimum(up_to, negatives)).astype(ranked.dtype) / (2 * negatives)
        return jnp.sum(jnp.where(there, beaten, 0)) / jnp.sum(there)

    there = rows.truth > 0
    known = there.any(axis=0) & ~there.all(axis=0)
    each = jax.vmap(of_class, in_axes=(1, 1))(rows.evidence, there)
    return _mean_where(known, each, jnp.ones_like(each))


def r2(rows: Rows) -> Float[Array, ""]:
    """`1 - Σ (y - f)²/Σ (y - mean y)²`, the mean over outputs; not finite where all examples have the same value."""
    truth = rows.truth
    spread = jnp.sum(jnp.square(truth - jnp.mean(truth, axis=0, keepdims=True)), axis=0)
    return jnp.mean(1 - jnp.sum(jnp.square(rows.error), axis=0) / spread)


def _mean_where(known: Bool[Array, " n"], above: Float[Array, " n"], below: Float[Array, " n"]) -> Float[Array, ""]:
    """The mean of `above/below` over the known entries; nan if there are none."""
    return jnp.sum(jnp.where(known, above / jnp.where(known, below, 1), 0)) / jnp.sum(known)


METRICS: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        Mean("accuracy", right, higher_is_better=True, unit=POINTS, tasks=LABELS),
        Mean("nll", nll, higher_is_better=False, tasks=LABELS, of_probabilities=True),
        Mean("ece", gaps, finish=absolute, higher_is_better=False, tasks=ONE_CLASS, of_probabilities=True),
        Mean(
            "perplexity", nll, finish=jnp.exp, higher_is_better=False, tasks=ONE_CLASS, of_probabilities=True, may_overflow=True
        ),
        Mean("bits", nll, finish=bits, higher_is_better=False, tasks=ONE_CLASS, of_probabilities=True),
        Mean("mse", squared_error, higher_is_better=False),
        Mean("balanced_accuracy", hits, finish=recall, higher_is_better=True, unit=POINTS, tasks=ONE_CLASS),
        Mean("macro_f1", hits, finish=f1, higher_is_better=True, unit=POINTS, may_overflow=True, tasks=LABELS),
        Mean("brier", brier, higher_is_better=False, tasks=LABELS, of_probabilities=True),
        Whole("roc_auc", roc_auc, higher_is_better=True, unit=POINTS, may_overflow=True, tasks=("classes", "multilabel")),
        Mean("rmse", squared_errors, finish=root, higher_is_better=False, tasks=("values",)),
        Mean("mae", absolute_error, higher_is_better=False, tasks=("values",)),
        Whole("r2", r2, higher_is_better=True, may_overflow=True, tasks=("values",)),
    )
}


def register(metric: Metric) -> Metric:
    """Makes a metric known by its name, as each file of this folder may do for its own.

    >>> register(METRICS["nll"])
    Traceback (most recent call last):
    jaxtricks.config.errors.ConfigError: Metric.name = 'nll' is the name of another metric; take another one.

    Args:
        metric: the metric.

    Raises:
        ConfigError: if the name is taken.
    """
    if metric.name in METRICS:
        raise ConfigError(f"Metric.name = {metric.name!r} is the name of another metric; take another one.")
    METRICS[metric.name] = metric
    return metric


TOP = "top_5"  # stands for all of its kind where names are listed


def find(name: str) -> Metric:
    """Gives the metric of a name: one of `METRICS`, or top_1, top_2, …, the share of labels among the k most probable classes.

    >>> find("macro_f1").higher_is_better
    True
    >>> find("top_3").unit
    'points'

    Raises:
        ConfigError: for an unknown name, with the nearest one.
    """
    if name in METRICS:
        return METRICS[name]
    if top := re.fullmatch(r"top_([1-9]\d*)", name):
        return Mean(name, partial(within, k=int(top[1])), higher_is_better=True, unit=POINTS, tasks=ONE_CLASS)
    raise ConfigError(f"metric = {name!r} is unknown{nearest(name, [*METRICS, TOP])}")


def named(metrics: Sequence[str]) -> dict[str, Metric]:
    """Name → metric."""
    return {name: find(name) for name in metrics}


def measure(log_probs: Float[Array, "batch classes"], labels: Int[Array, " batch"], names: Sequence[str]) -> dict[str, Any]:
    """Gives metrics of one set of predictions of classes, by name.

    >>> measure(jnp.log(jnp.array([[0.9, 0.1], [0.4, 0.6]])), jnp.array([0, 0]), ["accuracy"])
    {'accuracy': Array(0.5, dtype=float32)}

    Args:
        log_probs: log-probabilities, [batch, classes].
        labels: class numbers, [batch].
        names: the names of the metrics.
    """
    rows, metrics = ClassRows(log_probs, log_probs, labels, jnp.ones(labels.shape, bool)), named(names)
    return finished(metrics, *sums(metrics, rows), rows)


def bits_per_character(nll: ArrayLike, tokens: int, characters: int) -> Float[np.ndarray, "..."]:
    """`nll · tokens/(characters · log 2)`: the bits of a text per character, comparable between kinds of tokens.

    >>> float(bits_per_character(np.log(2), tokens=4, characters=8))
    0.5

    Args:
        nll: the negative log-likelihood in nats per token, [...].
        tokens: the number of tokens of the text.
        characters: the number of characters of the text before it was cut into tokens, with line ends and spaces.
    """
    return np.asarray(nll) * tokens / (characters * math.log(2))
