"""Batch norm beside an average of weights: its running averages, taken anew at the average."""

from collections.abc import Callable
from operator import itemgetter
from typing import Any

import jax
from jaxtyping import Array, Float

from jaxtricks import rng
from jaxtricks.experiment.experiment import Experiment
from jaxtricks.nn.normalization import plain_mean
from jaxtricks.restart.member import STATISTICS, Member, Pool, State, Variables, applied, root, scaled, shortened, variables


def reestimates(experiment: Experiment, state: State) -> bool:
    """Whether batch norm's averages are taken anew at the end of an epoch."""
    averaging = experiment.optimizer.averaging
    return averaging is not None and averaging.REESTIMATES and STATISTICS in state.collections


def reestimated(
    experiment: Experiment,
    member: Member,
    state: State,
    given: Any,
    batches: Callable[[Any], Pool],
    sofar: tuple[Any, Float[Array, ""]],
) -> tuple[Any, Float[Array, ""]]:
    """Batch norm's averages at the parameters that are evaluated: the plain mean over all batches of an epoch.

    Args:
        experiment: the settings.
        member: the restart.
        state: after the epoch's last step.
        given: what `batches` makes the batches of, [rounds, turns, ...].
        batches: the same for one round.
        sofar: the collections after the batches so far, and how many these were; the state's own and none at first.
    """
    params = variables(experiment, member, state._replace(best=None))["params"]
    masks = root(member, "masks")
    rngs = {"dropout": rng.stream(masks, "reestimate", state.step)}
    cuts = experiment.order.cuts

    def body(carry: tuple[Any, Array], given: Any) -> tuple[tuple[Any, Array], None]:
        collections, seen = carry
        for turn, cut in enumerate(cuts):
            cut_member, batch = shortened(member, jax.tree.map(itemgetter(turn), batches(given)), cut)
            batch = batch._replace(x=scaled(cut_member, batch.x))
            collections, seen = after_batch(experiment, params, collections, batch, seen, rngs), seen + 1
        return (collections, seen), None

    return jax.lax.scan(body, sofar, given)[0]


def after_batch(
    experiment: Experiment, params: Any, collections: Variables, batch: Pool, seen: Float[Array, ""], rngs: dict[str, Any]
) -> Variables:
    """The collections after one more batch, batch norm's averages as plain means.

    Args:
        experiment: the settings.
        params: the parameters.
        collections: the model's other variables after the batches so far.
        batch: inputs scaled, [batch, ...].
        seen: how many batches there were so far, [].
        rngs: of the masks.
    """

    def after(averages: Any) -> tuple[Any, Variables]:
        given = {"params": params, **collections, STATISTICS: averages}
        _, changed = applied(experiment, given, batch, train=True, mutable=[*collections, "penalties"], rngs=rngs)
        return changed[STATISTICS], {name: changed[name] for name in collections}

    means, others = plain_mean(after, collections[STATISTICS], seen)
    return others | {STATISTICS: means}


def corrected(state: State, collections: Any) -> State:
    """The state with batch norm's averages out of other collections."""
    return state._replace(collections=state.collections | {STATISTICS: collections[STATISTICS]})
