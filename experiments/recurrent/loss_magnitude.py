"""Summed over time and divided by the longest length, losses of several data sets have one magnitude."""

import functools
from collections.abc import Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Float

import jaxtricks as jt
from experiments.measures import estimates
from jaxtricks import rng
from jaxtricks.data.text import padded
from jaxtricks.evaluate.claim import Axes, Claim, Curve, Estimate, Outcome, Paper, Scale, settle
from jaxtricks.nn.masks import true_steps
from jaxtricks.train.prepare import filled

SIMILAR = 0.5  # decades: a factor of √10
BATCH = 32
REDUCTIONS: Mapping[str, jt.losses.Reduction] = {
    "max_length": jt.losses.PerMaxLength(),
    "sum": jt.losses.Summed(),
    "tokens": jt.losses.PerToken(),
}


def lines(most: int) -> jt.Dataset:
    """A language model's data of single lines of Python's help topics, each padded to the longest.

    Args:
        most: how many lines.
    """
    windows = jt.load("python_topics", text=jt.Text("char", length=64))
    assert windows.vocabulary is not None
    tokens = windows.x.reshape(-1)
    parts = np.split(tokens, np.flatnonzero(tokens == windows.vocabulary.tokens.index("\n")) + 1)[:most]
    whole = [part for part in parts if len(part) > 1]
    x, y = ([part[cut] for part in whole] for cut in (np.s_[:-1], np.s_[1:]))
    longest = max(map(len, x))
    inputs, targets = padded(x, longest), padded(y, longest)
    return jt.Dataset("lines", inputs.x, targets.x, windows.classes, lengths=inputs.lengths, vocabulary=windows.vocabulary)


def sets(scale: Scale) -> dict[str, jt.Dataset]:
    """The data sets that are compared, by what the plot calls them."""
    lengths = scale.pick(smoke=(4, 8), cpu=(16, 64, 256), full=(16, 64, 256, 1024))
    windows = {f"characters, {n}": jt.load("python_topics", text=jt.Text("char", length=n)) for n in lengths}
    words = jt.load("python_topics", text=jt.Text("word", length=lengths[1], vocabulary=2_000))
    some = lines(scale.pick(smoke=40, cpu=2_000, full=2_000))
    return windows | {f"lines, up to {some.shape[0]}": some, f"words, {lengths[1]}": words}


def first_steps(data: jt.Dataset, units: int, seeds: Sequence[int]) -> dict[str, tuple[Float[np.ndarray, " seeds"], ...]]:
    """Loss and gradient norm of every restart's first batch at its initial weights, by the reduction."""
    model = filled(jt.RNN(embedding=units, widths=(units,)), data)
    drawn = [rng.host(seed, "batch").choice(data.split(seed).train, BATCH) for seed in seeds]
    places = np.stack(drawn)
    lengths = None if data.lengths is None else jnp.asarray(data.lengths[places])

    def loss(params: Any, reduction: jt.losses.Reduction, x: Array, y: Array, lengths: Array | None) -> Array:
        scores: Any = model.apply({"params": params}, x, train=True, lengths=lengths)
        steps = None if lengths is None else true_steps(lengths, y.shape[1])
        return jt.Objective(reduction=reduction)(scores, y, params, len(data), jt.extend.Counting(steps))

    def one(seed: Array, x: Array, y: Array, lengths: Array | None) -> dict[str, tuple[Array, Array]]:
        params = model.init({"params": rng.stream(rng.root(seed), "params")}, x, train=False)["params"]
        found = {name: jax.value_and_grad(loss)(params, each, x, y, lengths) for name, each in REDUCTIONS.items()}
        return {name: (value, optax.tree.norm(gradient)) for name, (value, gradient) in found.items()}

    run = jax.jit(functools.partial(jax.lax.map, lambda at: one(*at)))
    found = run((jnp.asarray(seeds), jnp.asarray(data.x[places]), jnp.asarray(data.y[places]), lengths))
    return {name: tuple(map(np.asarray, pair)) for name, pair in found.items()}


def measure(scale: Scale) -> Outcome:
    """Python's help topics as five data sets: windows of 16, 64 and 256 characters, single lines padded to the longest one,
    and windows of 64 words out of 2 000. For each the loss and the gradient's norm of a batch of 32 at the initial weights of
    an LSTM of 32 units, under each reduction. Judged is log₁₀ of the largest set's loss over the smallest's, seed by seed:
    under "max_length" (the lecture's) it must be below one half, a factor of √10, and below that of plain sums. On whole
    windows dividing by the maximum length is the mean over tokens; on padded lines it is less. Nothing is trained.
    """
    datas, units = sets(scale), scale.pick(smoke=4, cpu=32, full=256)
    found = {name: first_steps(data, units, scale.restarts) for name, data in datas.items()}
    decades = {
        what: {
            reduction: Estimate.of(np.ptp(np.log10([each[reduction][place] for each in found.values()]), axis=0))
            for reduction in REDUCTIONS
        }
        for place, what in enumerate(("loss", "gradient"))
    }
    losses = {reduction: {name: each[reduction][0] for name, each in found.items()} for reduction in REDUCTIONS}
    more = Estimate.of(
        np.ptp(np.log10(list(losses["sum"].values())), axis=0) - np.ptp(np.log10(list(losses["max_length"].values())), axis=0)
    )
    spans = "; ".join(f"{decades['loss'][name]:.2f} ({name})" for name in REDUCTIONS)
    steps = "; ".join(f"{decades['gradient'][name]:.2f} ({name})" for name in REDUCTIONS)
    return Outcome(
        parts=[
            settle("losses are of one magnitude", decades["loss"]["max_length"], below=SIMILAR, scope="these examples"),
            settle("more so than sums", more, above=0, scope="these examples"),
        ],
        effect=f"first losses of {len(found)} data sets span {spans} decades; gradient norms {steps}",
        numbers={
            "decades": decades,
            "sum_minus_max_length": more,
            "losses": {name: estimates(values) for name, values in losses.items()},
        },
        series=tuple(
            Curve.over_seeds(name, range(1, len(found) + 1), np.log10(np.stack(list(values.values()), axis=1)))
            for name, values in losses.items()
        ),
        axes=Axes("data set", "log₁₀ of the first loss (nats)", places=tuple(found)),
    )


CLAIM = Claim(
    rows=("T051",),
    lecture=2,
    statement="Normalizing the loss. (To get losses of similar magnitude across datasets) … sum the loss terms along the "
    "sequence and divide them by the maximum seq length.",
    papers=(Paper("Hafner 2017, Tips for training recurrent neural networks, whose words these are", "V"),),
    refuted_by="The 95% interval of the mean of log₁₀(largest/smallest first loss over the data sets) lies at or above 0.5 where "
    "sums are divided by the maximum length, or that of this number for plain sums minus it at or below 0.",
    measure=measure,
    kind="effect",
    trains=False,
)
