"""Batch norm with averaged weights: its running averages are computed again for these weights, from the batches of an epoch."""

from operator import itemgetter
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from jaxtricks import rng
from jaxtricks.experiment.experiment import Experiment
from jaxtricks.models.contract import PENALTIES, Variables, contract
from jaxtricks.nn.normalization import plain_mean
from jaxtricks.optim.layers import keep
from jaxtricks.restart.member import Member, Pool, State, applied, root, scaled, shortened, variables
from jaxtricks.restart.phase import Over, Phase, Progress, Shared, Window


def applies(experiment: Experiment, state: State) -> bool:
    """Tells whether batch norm's averages are computed again at the end of an epoch."""
    averaging = experiment.optimizer.averaging
    return averaging is not None and averaging.REESTIMATES and bool(statistics(experiment, state.collections))


def statistics(experiment: Experiment, collections: Variables) -> Variables:
    """Gives the collections of running averages."""
    return {name: collections[name] for name in contract(experiment.model).traits.statistics if name in collections}


def begin(experiment: Experiment, member: Member, shared: Shared, progress: Progress, window: None) -> Progress:
    """Gives the progress before the first batch: the collections, and the number of batches."""
    return progress._replace(extra=(progress.state.collections, jnp.zeros(())))


def batches(experiment: Experiment, member: Member, shared: Shared, progress: Progress, window: Window) -> Progress:
    """Gives the progress after the batches of a window; batch norm's averages are the plain mean over all batches so far.

    The model has the parameters that are evaluated, after the last step of the epoch.
    """
    state = progress.state
    params = variables(experiment, member, state)["params"]
    key = rng.stream(root(member, "masks"), "reestimate", state.step)

    def body(sofar: tuple[Any, Array], given: Any) -> tuple[tuple[Any, Array], None]:
        collections, seen = sofar
        examples = window.examples(given)
        for turn, cut in enumerate(experiment.order.cuts):
            cut_member, batch = shortened(member, jax.tree.map(itemgetter(turn), examples), cut)
            batch = batch._replace(x=scaled(experiment, cut_member, batch.x))
            collections, seen = after_batch(experiment, params, collections, batch, seen, key), seen + 1
        return (collections, seen), None

    return progress._replace(extra=jax.lax.scan(body, progress.extra, window.given)[0])


def end(experiment: Experiment, member: Member, shared: Shared, progress: Progress, window: None) -> Progress:
    """Gives the progress with these averages in place of those of training."""
    old, new = progress.state.collections, statistics(experiment, progress.extra[0])
    if (frozen := experiment.optimizer.frozen) is not None:
        new = {name: keep(frozen, tree, old[name]) for name, tree in new.items()}
    return progress._replace(state=progress.state._replace(collections=old | new), extra=None)


def after_batch(
    experiment: Experiment, params: Any, collections: Variables, batch: Pool, seen: Float[Array, ""], key: Key[Array, ""]
) -> Variables:
    """Gives the collections after one more batch, with batch norm's averages as plain means.

    Args:
        experiment: the settings.
        params: the parameters.
        collections: the other variables of the model after the batches so far.
        batch: scaled inputs, [batch, ...].
        seen: the number of batches so far, [].
        key: the key of the masks.
    """

    def after(averages: Any) -> tuple[Any, Variables]:
        given = {"params": params, **collections, **contract(experiment.model).blank(averages)}
        mutable = [*collections, PENALTIES]
        _, changed = applied(experiment, given, batch, train=True, key=key, mutable=mutable)
        return statistics(experiment, changed), {name: changed[name] for name in collections}

    means, others = plain_mean(after, statistics(experiment, collections), seen)
    return others | means


PHASES = (Phase(begin, applies=applies), Phase(batches, Over.BATCHES, applies), Phase(end, applies=applies, in_place=False))
