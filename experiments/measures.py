"""What many claims measure alike: settings tuned on restarts that nothing is judged on, and when a curve gets somewhere."""

import functools
import time
from collections.abc import Callable, Mapping, Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

import jaxtricks as jt
from jaxtricks.evaluate.claim import Estimate
from jaxtricks.restart import epoch as epochs
from jaxtricks.restart.member import Member, Pool, State
from jaxtricks.train.prepare import prepare

TUNING = range(1_000, 1_004)  # restarts, with splits of their own, on which settings are chosen and nothing is judged
RATE = "optimizer.rule.learning_rate"

Score = Callable[[jt.Runs], Float[np.ndarray, " runs"]]


def estimates(values: Mapping[str, Float[np.ndarray, " seeds"]]) -> dict[str, Estimate]:
    """The mean of each arm, with its interval."""
    return {name: Estimate.of(array) for name, array in values.items()}


def final_loss(runs: jt.Runs) -> Float[np.ndarray, " runs"]:
    """The validation loss after the last epoch, in nats; inf for a run that diverged."""
    return np.where(np.isin(runs.names, list(runs.diverged)), np.inf, runs.metrics["nll"])


def slowness(runs: jt.Runs) -> Float[np.ndarray, " runs"]:
    """The training loss averaged over all epochs, in nats: small where it falls early; inf for a run that diverged."""
    mean = runs.curves["train_loss"].mean(axis=1)
    return np.where(np.isfinite(mean), mean, np.inf)


def tuned(
    arms: Mapping[str, jt.Experiment], data: jt.Dataset, values: Sequence[float], *, score: Score, path: str = RATE
) -> dict[str, float]:
    """Each arm's best value at a dotted path, out of one grid for all: the smallest mean score over the restarts of `TUNING`.

    Args:
        arms: name → experiment.
        data: the data set.
        values: the grid.
        score: what is made small.
        path: the traced setting.
    """
    if len(values) == 1:
        return dict.fromkeys(arms, values[0])
    trials = [experiment.replace({path: value}) for experiment in arms.values() for value in values]
    scores = np.array([score(runs).mean() for runs in jt.fit(trials, data, seeds=TUNING)]).reshape(len(arms), len(values))
    return {name: values[int(best)] for name, best in zip(arms, scores.argmin(axis=1), strict=True)}


def fit_tuned(
    arms: Mapping[str, jt.Experiment], data: jt.Dataset, rates: Sequence[float], seeds: int, *, score: Score
) -> tuple[dict[str, jt.Runs], dict[str, float]]:
    """The restarts of every arm at its own best learning rate of one grid, and those rates; arguments as for `tuned`."""
    best = tuned(arms, data, rates, score=score)
    fitted = jt.fit([experiment.replace({RATE: best[name]}) for name, experiment in arms.items()], data, seeds=seeds)
    return dict(zip(arms, fitted, strict=True)), best


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
