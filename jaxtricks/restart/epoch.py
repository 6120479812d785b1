"""One restart's start and its epochs, as pure functions: whole, or in parts for data that come in windows."""

import math
from collections.abc import Callable
from operator import itemgetter
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from jaxtricks import rng
from jaxtricks.experiment.experiment import Experiment
from jaxtricks.optim.method import Info
from jaxtricks.optim.optimizer import assemble
from jaxtricks.restart.evaluation import evaluate, unasked
from jaxtricks.restart.member import (
    Member,
    Pool,
    State,
    Variables,
    drawn,
    evaluated,
    resting,
    root,
    scaled,
    shortened,
    shuffle,
    steps_per_epoch,
    taken,
    total_steps,
    update,
)
from jaxtricks.restart.reestimate import corrected, reestimated, reestimates

GATHERED = 2**24  # numbers, 64 MB: the largest epoch of inputs that is copied as a whole


def start(experiment: Experiment, member: Member, pool: Pool, given: Variables) -> State:
    """The state before the first step: variables drawn from the stream "params", and those of `given` in their place."""
    first = shuffle(experiment, member, pool, jnp.int32(0))[: experiment.batch_size]
    state = initial(experiment, member, taken(pool, first), given)
    return ready(experiment, member, state, evaluate(experiment, state, member, pool))


def initial(experiment: Experiment, member: Member, batch: Pool, given: Variables) -> State:
    """The state that `start` gives, without its metrics, from the first batch, inputs as stored."""
    # A whole batch, for initializers that look at what a layer makes of it; where none does, the compiler leaves it out.
    seen = batch._replace(x=scaled(member, batch.x))
    weights = root(member, "weights")
    variables = _replaced(_settled(drawn(experiment, rng.stream(weights, "params"), seen)), given)
    params = variables.pop("params")
    method = assemble(experiment.optimizer, total_steps(experiment, member.train.size))
    return State(params, variables, method.init(params), jnp.int32(0), jnp.bool_(True), {})


def ready(experiment: Experiment, member: Member, state: State, metrics: dict[str, Float[Array, ""]]) -> State:
    """An initial state with its metrics."""
    state = state._replace(metrics=metrics)
    if (stopping := experiment.stopping) is not None:
        state = state._replace(best=stopping.start(evaluated(experiment, member, state), state.metrics))
    return _settled(state)


def _settled(tree: Any) -> Any:
    """The arrays with the types that they will keep: a state that comes back with others compiles once more, or not at all."""

    def settle(leaf: Any) -> Array:
        # Python numbers leave weak types behind. Linen's own layers start in float32, whatever JAX's default precision is.
        dtype = jnp.asarray(leaf).dtype
        return jax.lax.convert_element_type(leaf, jnp.zeros(()).dtype if dtype == jnp.float32 else dtype)

    return jax.tree.map(settle, tree)


def _replaced(drawn: Any, given: Any) -> Any:
    """`drawn` with the leaves that `given`, a part of the same tree, has."""
    if not isinstance(drawn, dict):
        return given
    return {name: _replaced(value, given[name]) if name in given else value for name, value in drawn.items()}


def epoch(
    experiment: Experiment, member: Member, pool: Pool, state: State, number: Int[Array, ""], place: Callable[[Any], Any]
) -> tuple[State, dict[str, Array]]:
    """One pass over the training split, and the validation metrics after it.

    Args:
        experiment: the settings, their floats of shape [].
        member: the restart.
        pool: the data.
        state: where it stands.
        number: the epoch, from 0, [].
        place: lays batches, [rounds, turns, batch, ...], out over devices.
    """
    order = positions(experiment, member, pool, number)
    # One gather of a whole epoch is faster than one a step, as long as the epoch is small.
    small = order.size * math.prod(pool.x.shape[1:]) <= GATHERED
    given = place(taken(pool, order) if small else order)

    def batches(given: Any) -> Pool:
        return given if small else taken(pool, given)

    after, info = steps(experiment, member, begun(state), given, batches)
    if reestimates(experiment, after):
        sofar = (after.collections, jnp.zeros(()))
        after = corrected(after, reestimated(experiment, member, after, given, batches, sofar)[0])
    return closed(experiment, member, state, after, info, evaluate(experiment, after._replace(best=None), member, pool))


def positions(experiment: Experiment, member: Member, pool: Pool, number: Int[Array, ""]) -> Int[Array, "rounds turns batch"]:
    """Where the examples of an epoch's batches lie in the pool."""
    count, turns = steps_per_epoch(experiment, member.train.size), len(experiment.order.cuts)
    order = shuffle(experiment, member, pool, number)[: count * experiment.batch_size]
    return order.reshape(count // turns, turns, experiment.batch_size)


def begun(state: State) -> State:
    """The state before an epoch's first step: a model carries nothing on from the last epoch."""
    return state._replace(collections=state.collections | unasked(state))


def steps(experiment: Experiment, member: Member, state: State, given: Any, batches: Callable[[Any], Pool]) -> tuple[State, Info]:
    """Optimizer steps, one a batch; what each says of itself, [rounds, turns]; arguments as for `reestimated`."""

    def body(state: State, given: Any) -> tuple[State, Info]:
        turns, infos = batches(given), []
        for turn, cut in enumerate(experiment.order.cuts):
            cut_member, batch = shortened(member, jax.tree.map(itemgetter(turn), turns), cut)
            state, info = update(experiment, cut_member, state, batch)
            infos.append(info)
        return state, jax.tree.map(lambda *leaves: jnp.stack(leaves), *infos)

    return jax.lax.scan(body, state, given)


def closed(
    experiment: Experiment, member: Member, state: State, after: State, info: Info, metrics: dict[str, Float[Array, ""]]
) -> tuple[State, dict[str, Array]]:
    """The end of an epoch: members that diverged or stopped stay where they were.

    Args:
        experiment: the settings.
        member: the restart.
        state: before the epoch.
        after: after its last step.
        info: what the steps said of themselves, [rounds, turns].
        metrics: measured after it.

    Returns:
        the state to go on from, and what the curves show.
    """
    latest = after._replace(best=None)
    # Quarantine: a member that diverged goes back to the last epoch's end and stays there. The state just before the first
    # loss that is not finite would not do: it is the one that gave that loss.
    # (Not by perplexity: the exponential of a finite loss overflows.)
    alive = after.alive & jnp.isfinite(jnp.stack([value for name, value in metrics.items() if name != "perplexity"])).all()
    best, going = state.best, alive
    if experiment.stopping is not None and best is not None:
        stopped = experiment.stopping.stopped(best)
        best = experiment.stopping.after(best, evaluated(experiment, member, latest), metrics)
        going = alive & ~stopped
    new = after._replace(metrics=metrics, best=best)
    kept = jax.tree.map(lambda new, old: jnp.where(going, new, old), new, state)
    training = {
        "train_loss": jnp.mean(info.loss),
        "grad_norm": jnp.mean(info.grad_norm),
        "largest_grad_norm": jnp.max(info.grad_norm),  # with the mean, the usual range that a clipping threshold is set by
    }
    curves = {name: jnp.where(alive, value, jnp.nan) for name, value in training.items()}
    if experiment.stopping is None or state.best is None:
        return kept._replace(step=after.step, alive=alive), kept.metrics | curves
    # What a member that has stopped would go on to do is nobody's business, not even that it diverges.
    kept = kept._replace(step=jnp.where(stopped, state.step, after.step), alive=jnp.where(stopped, state.alive, alive))
    rest = resting(state)
    return kept, {name: jnp.where(stopped, rest[name], value) for name, value in (kept.metrics | curves).items()}
