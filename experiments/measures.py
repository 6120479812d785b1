"""What many claims measure alike: settings tuned on restarts that nothing is judged on, and when a curve gets somewhere."""

import dataclasses
import functools
import time
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Bool, Float

import jaxtricks as jt
from jaxtricks.evaluate.claim import Chosen, Estimate, Scale, Training
from jaxtricks.restart import epoch as epochs
from jaxtricks.restart.member import Member, Pool, State
from jaxtricks.train.prepare import prepare

WIDENED = 4  # steps by which a ladder grows at most, beyond either edge
RATE = "optimizer.rule.learning_rate"

Score = Callable[[jt.Runs], Float[np.ndarray, " runs"]]


def halved(pool: jt.Dataset, *, rounded: bool = True) -> jt.Dataset:
    """The images at half their size: the mean of each 2 × 2 places.

    Args:
        pool: images, [examples, rows, columns, channels].
        rounded: whether means are rounded and stored as the images were; else they are floats.
    """
    n, rows, columns, channels = pool.x.shape
    blocks = pool.x[:, : rows // 2 * 2, : columns // 2 * 2].reshape(n, rows // 2, 2, columns // 2, 2, channels)
    means = blocks.mean(axis=(2, 4))
    return dataclasses.replace(pool, x=means.round().astype(pool.x.dtype) if rounded else means.astype(np.float32))


def estimates(values: Mapping[str, Float[np.ndarray, " seeds"]]) -> dict[str, Estimate]:
    """The mean of each arm, with its interval."""
    return {name: Estimate.of(array) for name, array in values.items()}


def final_loss(runs: jt.Runs) -> Float[np.ndarray, " runs"]:
    """The validation loss after the last epoch, in nats; inf for a run that diverged."""
    return np.where(np.isin(runs.names, list(runs.diverged)), np.inf, runs.metrics["nll"])


def wrong(runs: jt.Runs) -> Float[np.ndarray, " runs"]:
    """The share of validation examples that are classified wrongly after the last epoch; 1 for a run that diverged."""
    return np.where(np.isin(runs.names, list(runs.diverged)), 1.0, 1 - runs.metrics["accuracy"])


def messed_up(runs: jt.Runs, spike: float = 1.1) -> Bool[np.ndarray, " runs"]:
    """Which runs diverged, or had an epoch whose mean training loss lay a tenth above that of an earlier one.

    Args:
        runs: any number of restarts.
        spike: a loss that counts, as a multiple of the lowest one before.
    """
    loss = np.nan_to_num(runs.curves["train_loss"], nan=np.inf)
    lowest = np.minimum.accumulate(loss, axis=1)[:, :-1]
    return (loss[:, 1:] > spike * lowest).any(axis=1) | np.isin(runs.names, list(runs.diverged))


def slowness(runs: jt.Runs) -> Float[np.ndarray, " runs"]:
    """The training loss averaged over all epochs, in nats: small where it falls early; inf for a run that diverged."""
    mean = runs.curves["train_loss"].mean(axis=1)
    return np.where(np.isfinite(mean), mean, np.inf)


def widened(tried: Sequence[float], best: float) -> float | None:
    """The next value beyond the edge of a ladder that the best of its values stands on; None where it has a neighbour each side.

    The step is the last one of the ladder, as a ratio.

    Args:
        tried: at least two positive values, from small to large.
        best: one of them.
    """
    if best == tried[0]:
        return float(f"{tried[0] ** 2 / tried[1]:.3g}")
    return float(f"{tried[-1] ** 2 / tried[-2]:.3g}") if best == tried[-1] else None


def picked(value: float, grid: Sequence[float]) -> Chosen:
    """A value chosen out of a grid that was not widened, with whether it lies at the grid's edge."""
    return Chosen(value, tuple(grid), edge=value in (grid[0], grid[-1]))


def climbed(gain: Callable[[float], float], ladder: Sequence[float]) -> Chosen:
    """The value with the largest gain, on a ladder that is widened while it lies at the edge, one trial after the other.

    Args:
        gain: value → what is made large, on restarts and examples that nothing is judged on.
        ladder: positive values, from small to large, to begin with; one value is taken as it is.
    """
    if len(ladder) == 1:
        return Chosen(ladder[0], tuple(ladder), edge=True)
    gains = {value: gain(value) for value in ladder}
    for _ in range(WIDENED):
        tried = sorted(gains)
        following = widened(tried, max(tried, key=gains.__getitem__))
        if following is None:
            break
        gains[following] = gain(following)
    tried = sorted(gains)
    best = max(tried, key=gains.__getitem__)
    return Chosen(best, tuple(tried), edge=best in (tried[0], tried[-1]))


def tuned(
    arms: Mapping[str, jt.Experiment],
    data: jt.Dataset,
    ladder: Sequence[float],
    *,
    score: Score,
    seeds: Sequence[int] | jt.Seeds,
    path: str = RATE,
    checkpoints: Callable[[str], jt.Checkpoints | None] = lambda name: None,
) -> dict[str, Chosen]:
    """Each arm's best value at a dotted path: the smallest mean score, on a ladder that is widened while the best is at its edge.

    Args:
        arms: name → experiment.
        data: examples that nothing is judged on, such as `Scale.tuning_examples` gives.
        ladder: positive values, from small to large, to begin with; one value is taken as it is.
        score: what is made small.
        seeds: restarts that nothing is judged on, such as `Scale.tuning`.
        path: the traced setting.
        checkpoints: where each round of the ladder keeps them, by its name.

    Returns:
        The choices; one has `edge` set where its best was still at the edge after `WIDENED` steps.
    """
    if len(ladder) == 1:
        return {name: Chosen(ladder[0], tuple(ladder), edge=True) for name in arms}
    scores: dict[str, dict[float, float]] = {name: {} for name in arms}
    waiting: list[tuple[str, float]] = [(name, value) for name in arms for value in ladder]
    for number in range(1 + WIDENED):
        trials = [arms[name].replace({path: value}) for name, value in waiting]
        tried = jt.fit(trials, data, seeds=seeds, checkpoints=checkpoints(f"ladder-{number}"), progress=False)
        for (name, value), runs in zip(waiting, tried, strict=True):
            scores[name][value] = float(score(runs).mean())
        found = {name: (sorted(known), min(sorted(known), key=known.__getitem__)) for name, known in scores.items()}
        following = {name: widened(*place) for name, place in found.items()}
        waiting = [(name, value) for name, value in following.items() if value is not None]
        if not waiting:
            break
    return {name: Chosen(best, tuple(values), edge=following[name] is not None) for name, (values, best) in found.items()}


def fit_tuned(
    arms: Mapping[str, jt.Experiment],
    pool: jt.Dataset,
    ladder: Sequence[float],
    scale: Scale,
    *,
    score: Score,
    size: int | None = None,
    validation: float | None = None,
) -> tuple[dict[str, jt.Runs], dict[str, Chosen]]:
    """The judged restarts of every arm at its own best learning rate, and those rates.

    Rates are chosen on `Scale.tuning_examples` of the pool, and judged on its `Scale.examples`.

    Args:
        arms: name → experiment.
        pool: the data set that both are taken from.
        ladder: learning rates to begin with, see `tuned`.
        scale: of the claim.
        score: what is made small.
        size: how many examples, of each of the two; None for all that there are.
        validation: the share of them that is validated on; by default that of the pool.
    """
    few = scale.tuning_examples(pool, size, validation)
    best = tuned(arms, few, ladder, score=score, seeds=scale.tuning, checkpoints=scale.checkpoints)
    trials = [experiment.replace({RATE: best[name].value}) for name, experiment in arms.items()]
    judged, kept = scale.examples(pool, size, validation), scale.checkpoints("judged")
    fitted = jt.fit(trials, judged, seeds=scale.restarts, checkpoints=kept)
    return dict(zip(arms, fitted, strict=True)), best


class Contest(NamedTuple):
    """Arms at their own best learning rates, see `fit_tuned`.

    Args:
        arms: name → experiment.
        pool: the data set that examples to tune and to judge on are taken from.
        ladder: learning rates to begin with.
        size: how many examples, of each of the two; None for all that there are.
        validation: the share of them that is validated on; None: that of the pool.
    """

    arms: Mapping[str, jt.Experiment]
    pool: jt.Dataset
    ladder: Sequence[float]
    size: int | None = None
    validation: float | None = None

    def fitted(self, scale: Scale, score: Score) -> tuple[dict[str, jt.Runs], dict[str, Chosen]]:
        """The judged restarts of every arm, and the rates."""
        arms, pool, ladder, size, validation = self
        return fit_tuned(arms, pool, ladder, scale, score=score, size=size, validation=validation)

    def trainings(self, scale: Scale) -> list[Training]:
        """What that trains, if no ladder is widened; each arm is a program of its own."""
        places = self.size, self.validation
        few, judged = scale.tuning_examples(self.pool, *places), scale.examples(self.pool, *places)
        trials = len(scale.tuning) * len(self.ladder) if len(self.ladder) > 1 else 0
        return [
            Training(experiment, data, restarts)
            for data, restarts in ((few, trials), (judged, scale.seeds))
            for experiment in self.arms.values()
            if restarts
        ]


def seconds_an_epoch(arms: Mapping[str, jt.Experiment], data: jt.Dataset, rounds: int) -> dict[str, Float[np.ndarray, " rounds"]]:
    """Wall time of an epoch of one restart on one device, compiled beforehand; the arms take turns, so that all see one machine.

    Args:
        arms: name → experiment.
        data: the data set; the validation examples are looked at within the epoch, as always.
        rounds: turns of each arm.
    """
    split, pool = data.split(0), Pool.of(data)
    runs = {}
    for name, given in arms.items():
        experiment = jax.tree.map(jnp.float32, prepare(given, data, len(split.train)))
        shift, scale = (jnp.asarray(part[0]) for part in experiment.inputs.moments(data, split.train[None]))
        member = Member(jnp.int32(0), jnp.asarray(split.train), jnp.asarray(split.validation), shift, scale)
        state = jax.jit(epochs.start)(experiment, member, pool, {})
        run = jax.jit(_first_epoch).lower(experiment, member, pool, state).compile()
        runs[name] = functools.partial(run, experiment, member, pool, state)
    seconds: dict[str, list[float]] = {name: [] for name in arms}
    for turn in range(rounds + 1):
        for name, epoch in runs.items():
            began = time.perf_counter()
            jax.block_until_ready(epoch())
            if turn:  # the first one warms up
                seconds[name].append(time.perf_counter() - began)
    return {name: np.array(values) for name, values in seconds.items()}


def _first_epoch(experiment: jt.Experiment, member: Member, pool: Pool, state: State) -> tuple[State, dict[str, jax.Array]]:
    return epochs.epoch(experiment, member, pool, state, epochs.positions(experiment, member, pool, jnp.int32(0)))


def epochs_until(curves: Float[np.ndarray, "runs epochs"], level: float) -> Float[np.ndarray, " runs"]:
    """Epochs until a falling curve first lies at or below a level, on straight lines between the epochs' ends.

    A run that never does counts with one epoch more than there were, and so does too well.

    Args:
        curves: the values at the ends of epochs 1, 2, …; for what rises, negate both curves and level.
        level: in the curves' units.
    """
    reached = curves <= level
    first = reached.argmax(axis=1)
    rows = np.arange(len(curves))
    before, here = curves[rows, np.maximum(first - 1, 0)], curves[rows, first]
    share = np.where(first > 0, (before - level) / np.where(first > 0, before - here, 1), 1)
    return np.where(reached.any(axis=1), first + share, curves.shape[1] + 1)
