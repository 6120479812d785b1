"""One restart whose learning rate changes with each step, as the range test of learning rates asks for."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from jaxtricks.config import rebuild
from jaxtricks.experiment.experiment import Experiment
from jaxtricks.restart.epoch import begin, resident_windows, steps
from jaxtricks.restart.member import Member, Pool, State
from jaxtricks.restart.phase import Over, Progress, Shared


def rising(
    experiment: Experiment,
    member: Member,
    pool: Pool,
    state: State,
    orders: Int[Array, "epochs rounds turns batch"],
    rates: Float[Array, "epochs rounds"],
    place: Callable[[Any], Any] = lambda batches: batches,
) -> Float[Array, "epochs rounds"]:
    """Gives the training losses of a restart that takes each round of batches at a learning rate of its own.

    Each step is the one of training, `jaxtricks.restart.epoch.steps`, of an experiment with that rate; there is no validation
    between epochs.

    Args:
        experiment: the settings, their floats of shape [], but for the learning rate.
        member: the restart.
        pool: the data, which the device holds.
        state: the state before the first step.
        orders: the places of the examples of each epoch's batches; rounds at the end of an epoch may be left out.
        rates: the learning rate of each round.
        place: spreads batches, [rounds, turns, batch, ...], over devices.

    Returns:
        the mean loss of each round's batches before their steps, in the loss's unit; nan from the first round on whose loss or
        gradient is not finite.
    """
    shared = Shared.of(pool)

    def one_epoch(state: State, given: tuple[Array, Array]) -> tuple[State, tuple[Array, Array]]:
        order, rates = given
        (window,) = resident_windows(experiment, member, pool, order, place)(Over.BATCHES)
        assert window is not None

        def one_round(progress: Progress, given: tuple[Array, Any, Array]) -> tuple[Progress, Array]:
            number, batches, rate = given
            alone = window._replace(given=jax.tree.map(lambda leaf: leaf[None], batches), first=number)
            progress = steps(at_rate(experiment, rate), member, shared, progress, alone)
            return progress, progress.state.alive

        start = begin(experiment, member, shared, state, None)
        progress, alive = jax.lax.scan(one_round, start, (jnp.arange(len(rates)), window.given, rates))
        assert progress.info is not None
        return progress.state, (jnp.mean(progress.info.loss[: len(rates)], axis=1), alive)

    _, (losses, alive) = jax.lax.scan(one_epoch, state, (orders, rates))
    return jnp.where(alive, losses, jnp.nan)


def at_rate(experiment: Experiment, rate: Float[Array, ""]) -> Experiment:
    """Gives the experiment with another learning rate, which may be a tracer."""
    optimizer = experiment.optimizer
    return rebuild(experiment, optimizer=rebuild(optimizer, rule=rebuild(optimizer.rule, learning_rate=rate)))
