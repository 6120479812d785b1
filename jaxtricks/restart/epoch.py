"""The start and the epochs of one restart, as chains of phases."""

import math
from collections.abc import Callable, Iterable, Mapping
from operator import itemgetter
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Int

from jaxtricks import rng
from jaxtricks.config import rebuild
from jaxtricks.experiment.experiment import Experiment
from jaxtricks.experiment.matching import Given
from jaxtricks.experiment.transfer import replaced
from jaxtricks.models.contract import CARRY, contract
from jaxtricks.nn.stacks import apart
from jaxtricks.optim.method import Info
from jaxtricks.optim.optimizer import assemble
from jaxtricks.restart import reestimate
from jaxtricks.restart.evaluation import VALIDATE, metrics_of, validation_order
from jaxtricks.restart.histogram import PICTURE
from jaxtricks.restart.member import (
    Member,
    Pool,
    State,
    drawn,
    drawn_stacked,
    evaluated,
    labelled,
    resting,
    root,
    scaled,
    settled,
    shortened,
    shuffle,
    steps_per_epoch,
    taken,
    total_steps,
    update,
)
from jaxtricks.restart.phase import Over, Phase, Progress, Shared, Window, drive, put, whole
from jaxtricks.restart.prior_bias import begun
from jaxtricks.restart.pruning import Unpruned, pruned

Order = Int[Array, "rounds turns batch"]
AFTER_THE_START = ("optimizer", "augmentation", "stopping", "accumulate", "histograms", "epochs")  # parts of an experiment
GATHERED = 2**24  # numbers, 64 MB: the largest epoch of inputs that is copied as a whole


def start(experiment: Experiment, member: Member, pool: Pool, given: Mapping[str, Given]) -> State:
    """Gives the state before the first step, where the device holds the data, with every layer by itself.

    Args:
        experiment: the settings, their floats of shape [].
        member: the restart.
        pool: the data.
        given: variables of the model that replace drawn ones.
    """
    order = positions(experiment, member, pool, jnp.int32(0))
    return apart(ready(experiment, member, initial_state(bare(experiment), member, pool, given, order)))  # type: ignore[no-any-return]


def initial_state(experiment: Experiment, member: Member, pool: Pool, given: Mapping[str, Given], order: Order) -> State:
    """Gives the drawn weights and their metrics, as a state without an optimization method.

    Args:
        experiment: the settings, as `bare` gives them.
        member: the restart.
        pool: the data.
        given: as for `start`.
        order: the order of the first epoch, see `positions`.
    """
    windows = resident_windows(experiment, member, pool, order)
    return drive(START, given, windows, _here(experiment, member, pool))  # type: ignore[no-any-return]


def epoch(
    experiment: Experiment,
    member: Member,
    pool: Pool,
    state: State,
    order: Order,
    place: Callable[[Any], Any] = lambda batches: batches,
) -> tuple[State, dict[str, Array]]:
    """Trains for one pass over the training split and evaluates, where the device holds the data.

    Args:
        experiment: the settings, their floats of shape [].
        member: the restart.
        pool: the data.
        state: the state before the epoch.
        order: the places of the examples of the epoch's batches, see `positions`.
        place: spreads batches, [rounds, turns, batch, ...], over devices.
    """
    windows = resident_windows(experiment, member, pool, order, place)
    return drive(phases(experiment, state), state, windows, _here(experiment, member, pool))  # type: ignore[no-any-return]


def picture(experiment: Experiment, member: Member, pool: Pool, state: State, order: Order) -> dict[str, Array]:
    """Gives a restart's histograms, see `jaxtricks.restart.histogram`, where the device holds the data.

    Args:
        experiment: the settings, their floats of shape [].
        member: the restart.
        pool: the data.
        state: where training stands.
        order: the order of the first epoch, see `positions`.
    """
    windows = resident_windows(experiment, member, pool, order)
    return drive(PICTURE, state, windows, _here(experiment, member, pool))  # type: ignore[no-any-return]


def _here(experiment: Experiment, member: Member, pool: Pool) -> Callable[[Phase, Any, Any], Any]:
    shared = Shared.of(pool)
    return lambda phase, left, window: phase.run(experiment, member, shared, left, window)


def resident_windows(
    experiment: Experiment,
    member: Member,
    pool: Pool,
    order: Order,
    place: Callable[[Any], Any] = lambda batches: batches,
) -> Callable[[Over], Iterable[Window | None]]:
    """Gives the windows of an epoch where the device holds the data: one of each kind; arguments as for `epoch`."""
    # One gather of a whole epoch is faster than one a step, as long as the epoch is small.
    small = order.size * math.prod(pool.x.shape[1:]) <= GATHERED
    own = labelled(member, pool)
    batches = whole(place(taken(own, order))) if small else whole(place(order), own)
    checked = validation_order(member.validation.size, pool)
    windows: dict[Over, Iterable[Window | None]] = {
        Over.NOTHING: (None,),
        Over.FIRST: whole(order[:1, :1], own),
        Over.BATCHES: batches,
        Over.VALIDATION: whole(member.validation[checked.places], pool, checked.counted),
    }
    return windows.__getitem__


def ordering(experiment: Experiment) -> Experiment:
    """Gives an experiment with the same order of examples and defaults for all else, so that most experiments share it."""
    return rebuild(Experiment(), order=experiment.order, batch_size=experiment.batch_size)


def positions(experiment: Experiment, member: Member, pool: Pool, number: Int[Array, ""]) -> Order:
    """Gives the places in the pool of the examples of an epoch's batches; `ordering(experiment)` is enough for it.

    Args:
        experiment: the settings.
        member: the restart.
        pool: the data, or only their labels and lengths.
        number: the number of the epoch, from 0, [].
    """
    count, turns = steps_per_epoch(experiment, member.train.size), len(experiment.order.cuts)
    order = shuffle(experiment, member, pool, number)[: count * experiment.batch_size]
    return order.reshape(count // turns, turns, experiment.batch_size)


def bare(experiment: Experiment) -> Experiment:
    """Gives the experiment with defaults for everything that initial weights and their metrics do not depend on.

    Experiments that differ only in such settings share one program of initial weights.

    Args:
        experiment: the settings; floats may be of any shape.
    """
    plain = Experiment()
    later = {name: getattr(plain, name) for name in AFTER_THE_START}
    return rebuild(experiment, model=contract(experiment.model).at_test(), **later)


def running(experiment: Experiment) -> Experiment:
    """Gives the experiment with defaults for what only the start depends on, so that others share one program of training."""
    return rebuild(experiment, pruned=None, prior_bias=None)


def draw(experiment: Experiment, member: Member, shared: Shared, given: Mapping[str, Given], window: Window) -> Progress:
    """Starts a run: draws variables from the stream "params", replaces those in `given`, and prunes the network if asked to.

    Equal layers are stacked, see `jaxtricks.nn.stacks`; those of a pruned network stay apart, since its mask is found by path.
    """
    # A whole batch, for initializers that look at what a layer makes of it; where none does, the compiler leaves it out.
    batch = jax.tree.map(lambda leaf: leaf[0, 0], window.examples(window.given))
    seen = batch._replace(x=scaled(experiment, member, batch.x))
    key, mask = rng.stream(root(member, "weights"), "params"), None
    own = begun(experiment, member, key, seen, drawn_stacked if experiment.pruned is None else drawn)
    variables = replaced(own, given)
    if experiment.pruned is not None:
        variables, mask = pruned(experiment, member, batch, Unpruned(own, variables, given))
    params = variables.pop("params")
    return Progress(None, State(params, variables, None, jnp.int32(0), jnp.bool_(True), {}, mask=mask))


def first(experiment: Experiment, member: Member, shared: Shared, progress: Progress, window: None) -> State:
    """Gives the drawn weights with their metrics, as a state without an optimization method."""
    assert progress.answers is not None
    return progress.state._replace(metrics=metrics_of(experiment, member, shared, progress.answers))


def ready(experiment: Experiment, member: Member, state: State) -> State:
    """Gives the state before the first step, from the state that `START` gave for `bare(experiment)`.

    Equal layers stay stacked where the optimizer takes them so.
    """
    if not experiment.optimizer.takes_stacks:
        state = apart(state)
    method = assemble(experiment.optimizer, total_steps(experiment, member.train.size))
    state = state._replace(method=method.init(state.params))
    if (stopping := experiment.stopping) is not None:
        state = state._replace(best=stopping.start(evaluated(experiment, member, state), state.metrics))
    return settled(state)  # type: ignore[no-any-return]


def begin(experiment: Experiment, member: Member, shared: Shared, state: State, window: None) -> Progress:
    """Begins an epoch: a model carries no state on from the last epoch."""
    turns = len(experiment.order.cuts)
    nothing = jnp.zeros((steps_per_epoch(experiment, member.train.size) // turns, turns), jnp.zeros(()).dtype)
    fresh = {name: jax.tree.map(jnp.zeros_like, tree) for name, tree in state.collections.items() if name == CARRY}
    latest = state._replace(collections=state.collections | fresh, best=None)
    return Progress(state, latest, Info(nothing, nothing))


def steps(experiment: Experiment, member: Member, shared: Shared, progress: Progress, window: Window) -> Progress:
    """Takes optimizer steps, one for each batch of a window."""

    def body(state: State, given: Any) -> tuple[State, Info]:
        return one_round(experiment, member, state, window.examples(given))

    state, info = jax.lax.scan(body, progress.state, window.given)
    return progress._replace(state=state, info=put(window.first, progress.info, info))


def one_round(experiment: Experiment, member: Member, state: State, turns: Pool) -> tuple[State, Info]:
    """Takes the optimizer steps of one round of batches, [turns, batch, ...]; their reports are [turns]."""
    infos = []
    for turn, cut in enumerate(experiment.order.cuts):
        state, info = one_turn(experiment, member, state, turns, turn, cut)
        infos.append(info)
    return state, jax.tree.map(lambda *leaves: jnp.stack(leaves), *infos)


def one_turn(experiment: Experiment, member: Member, state: State, turns: Pool, turn: int, cut: int | None) -> tuple[State, Info]:
    """Takes one optimizer step on the batch of one turn of a round, its sequences cut to `cut` steps."""
    cut_member, batch = shortened(member, jax.tree.map(itemgetter(turn), turns), cut)
    return update(experiment, cut_member, state, batch)


def first_rounds(
    experiment: Experiment,
    member: Member,
    pool: Pool,
    state: State,
    order: Order,
    count: Int[Array, ""],
    place: Callable[[Any], Any] = lambda batches: batches,
) -> State:
    """Gives the state after the first rounds of an epoch.

    Args:
        experiment: the settings, their floats of shape [].
        member: the restart.
        pool: the data.
        state: the state before the epoch, as `begin` leaves it.
        order: the places of the examples of the epoch's batches, see `positions`.
        count: how many rounds, [].
        place: as for `epoch`.
    """
    (window,) = resident_windows(experiment, member, pool, order, place)(Over.BATCHES)
    assert window is not None

    def body(number: Array, state: State) -> State:
        given = jax.tree.map(lambda leaf: jax.lax.dynamic_index_in_dim(leaf, number, keepdims=False), window.given)
        return one_round(experiment, member, state, window.examples(given))[0]

    after: State = jax.lax.fori_loop(0, count, body, state)
    return after


def close(
    experiment: Experiment, member: Member, shared: Shared, progress: Progress, window: None
) -> tuple[State, dict[str, Array]]:
    """Ends an epoch: gives the state to go on from, and the values of the curves.

    The state of a member that diverged or stopped does not change.
    """
    assert progress.before is not None and progress.info is not None and progress.answers is not None
    state, latest, info = progress.before, progress.state, progress.info
    metrics = metrics_of(experiment, member, shared, progress.answers)
    # Quarantine: a member that diverged goes back to the last epoch's end and stays there. The state just before the first
    # loss that is not finite would not do: it is the one that gave that loss.
    alive = latest.alive & experiment.sound(metrics)
    best, active = state.best, alive
    if experiment.stopping is not None and best is not None:
        stopped = experiment.stopping.stopped(best)
        best = experiment.stopping.after(best, evaluated(experiment, member, latest), metrics, experiment.cost)
        active = alive & ~stopped
    new = latest._replace(metrics=metrics, best=best)
    kept = jax.tree.map(lambda new, old: jnp.where(active, new, old), new, state)
    training = {
        "train_loss": jnp.mean(info.loss),
        "grad_norm": jnp.mean(info.grad_norm),
        "largest_grad_norm": jnp.max(info.grad_norm),  # with the mean, the usual range that a clipping threshold is set by
    }
    curves = {name: jnp.where(alive, value, jnp.nan) for name, value in training.items()}
    if experiment.stopping is None or state.best is None:
        return kept._replace(step=latest.step, alive=alive), kept.metrics | curves
    # A member that has stopped reports its best epoch, whatever further steps would do, even if they would diverge.
    kept = kept._replace(step=jnp.where(stopped, state.step, latest.step), alive=jnp.where(stopped, state.alive, alive))
    rest = resting(state)
    return kept, {name: jnp.where(stopped, rest[name], value) for name, value in (kept.metrics | curves).items()}


START = (Phase(draw, Over.FIRST, in_place=False), *VALIDATE, Phase(first, in_place=False))
EPOCH = (Phase(begin), Phase(steps, Over.BATCHES), *reestimate.PHASES, *VALIDATE, Phase(close, in_place=False))


def phases(experiment: Experiment, state: State) -> list[Phase]:
    """Gives the phases of an epoch that an experiment has; `state` may hold only shapes."""
    return [phase for phase in EPOCH if phase.applies(experiment, state)]
