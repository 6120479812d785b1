"""Batch norm beside an average of weights: its running averages, taken anew at the average from an epoch's batches."""

from operator import itemgetter
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from jaxtricks import rng
from jaxtricks.experiment.experiment import Experiment
from jaxtricks.models.contract import PENALTIES, Variables, contract
from jaxtricks.nn.normalization import plain_mean
from jaxtricks.restart.member import Member, Pool, State, applied, root, scaled, shortened, variables
from jaxtricks.restart.phase import Over, Phase, Progress, Shared, Window


def applies(experiment: Experiment, state: State) -> bool:
    """Whether batch norm's averages are taken anew at the end of an epoch."""
    averaging = experiment.optimizer.averaging
    return averaging is not None and averaging.REESTIMATES and bool(statistics(experiment, state.collections))


def statistics(experiment: Experiment, collections: Variables) -> Variables:
    """The collections of running averages among all."""
    return {name: collections[name] for name in contract(experiment.model).traits.statistics if name in collections}


def begin(experiment: Experiment, member: Member, shared: Shared, progress: Progress, window: None) -> Progress:
    """The progress with the collections after no batch, and how many that was."""
    return progress._replace(extra=(progress.state.collections, jnp.zeros(())))


def batches(experiment: Experiment, member: Member, shared: Shared, progress: Progress, window: Window) -> Progress:
    """The progress with the collections after a window's batches: batch norm's averages are the plain mean so far.

    At the parameters that are evaluated, after the epoch's last step.
    """
    state = progress.state
    params = variables(experiment, member, state)["params"]
    key = rng.stream(root(member, "masks"), "reestimate", state.step)

    def body(sofar: tuple[Any, Array], given: Any) -> tuple[tuple[Any, Array], None]:
        collections, seen = sofar
        examples = window.examples(given)
        for turn, cut in enumerate(experiment.order.cuts):
            cut_member, batch = shortened(member, jax.tree.map(itemgetter(turn), examples), cut)
            batch = batch._replace(x=scaled(cut_member, batch.x))
            collections, seen = after_batch(experiment, params, collections, batch, seen, key), seen + 1
        return (collections, seen), None

    return progress._replace(extra=jax.lax.scan(body, progress.extra, window.given)[0])


def end(experiment: Experiment, member: Member, shared: Shared, progress: Progress, window: None) -> Progress:
    """The progress with these averages in the place of those that training left."""
    collections = progress.state.collections | statistics(experiment, progress.extra[0])
    return progress._replace(state=progress.state._replace(collections=collections), extra=None)


def after_batch(
    experiment: Experiment, params: Any, collections: Variables, batch: Pool, seen: Float[Array, ""], key: Key[Array, ""]
) -> Variables:
    """The collections after one more batch, batch norm's averages as plain means.

    Args:
        experiment: the settings.
        params: the parameters.
        collections: the model's other variables after the batches so far.
        batch: inputs scaled, [batch, ...].
        seen: how many batches there were so far, [].
        key: of the masks.
    """

    def after(averages: Any) -> tuple[Any, Variables]:
        given, mutable = {"params": params, **collections, **averages}, [*collections, PENALTIES]
        _, changed = applied(experiment, given, batch, train=True, key=key, mutable=mutable)
        return statistics(experiment, changed), {name: changed[name] for name in collections}

    means, others = plain_mean(after, statistics(experiment, collections), seen)
    return others | means


PHASES = (Phase(begin, applies=applies), Phase(batches, Over.BATCHES, applies), Phase(end, applies=applies, in_place=False))
