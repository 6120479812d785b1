"""The start of a pruned network: which of a member's weights are removed, and what the others begin with."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from jaxtricks import rng
from jaxtricks.experiment.experiment import Experiment
from jaxtricks.experiment.matching import Given
from jaxtricks.experiment.transfer import rewound
from jaxtricks.experiment.weights import path_of
from jaxtricks.models.contract import PARAMS, Variables, contract
from jaxtricks.nn.kernels import is_kernel
from jaxtricks.optim.holding import masked
from jaxtricks.optim.reversion import Weighed
from jaxtricks.optim.scores import Probe
from jaxtricks.restart.member import Keys, Member, Pool, applied, halves, root, scaled
from jaxtricks.restart.prior_bias import begun


class Unpruned(NamedTuple):
    """The variables of a member before pruning.

    Args:
        drawn: as they were drawn.
        there: with those of earlier runs in their places.
        given: path → what came from earlier runs.
    """

    drawn: Variables
    there: Variables
    given: Mapping[str, Given]


def pruned(experiment: Experiment, member: Member, batch: Pool, before: Unpruned) -> tuple[Variables, Any]:
    """Gives the variables that a pruned network begins with, and its mask, see `jaxtricks.optim.pruning.Pruned.mask`.

    Args:
        experiment: the settings, with `pruned`.
        member: the restart.
        batch: the first batch, its inputs as stored.
        before: its variables.
    """
    pruning, weights = experiment.pruned, root(member, "weights")
    assert pruning is not None
    params, collections = before.there[PARAMS], {name: tree for name, tree in before.there.items() if name != PARAMS}
    outputs, quotients = halves(experiment, member, batch, Keys(weights, weights), collections)

    def loss(params: Any) -> Any:
        return sum((quotient.value for quotient in quotients(outputs(params)[0])), start=jnp.zeros(()))

    def flow(params: Any) -> Any:
        ones = batch._replace(x=jnp.ones_like(scaled(experiment, member, batch.x[:1])), lengths=None)
        scores, _ = applied(experiment, {PARAMS: params, **collections}, ones, train=False)
        return sum((jnp.sum(leaf) for leaf in jax.tree.leaves(scores)), start=jnp.zeros(()))

    def redrawn() -> Any:
        seen = batch._replace(x=scaled(experiment, member, batch.x))
        return begun(experiment, member, rng.stream(weights, "params drawn again"), seen)[PARAMS]

    probe = Probe(loss, flow, rng.stream(weights, "pruning"))
    mask = pruning.mask(params, _still_there(params, before.given), probe, output_kernels(experiment.model))
    back = rewound(before.drawn, before.given)
    weighed = Weighed(params, back[PARAMS], redrawn, mask, rng.stream(weights, "reversion"))
    others = before.there if pruning.to.GOES_ON else back
    return {**others, PARAMS: masked(pruning.to.start(weighed), mask)}, mask


def _still_there(params: Any, given: Mapping[str, Given]) -> Any:
    """True for the weights that earlier runs have not removed: those that are not zero there. Drawn zeros are weights."""

    def kept(path: Any, w: Any) -> Any:
        if not is_kernel(w):
            return None
        return w != 0 if f"{PARAMS}/{path_of(path)}" in given else jnp.ones(w.shape, bool)

    return jax.tree_util.tree_map_with_path(kept, params)


def output_kernels(model: Any) -> tuple[str, ...] | None:
    """Gives the paths of the kernels that give a model's outputs, such as "head/kernel"; None where it does not say.

    >>> output_kernels(jt.MLP())
    ('head/kernel',)
    """
    axes = contract(model).traits.axes
    return None if axes is None else tuple(axis.path for axis in axes if axis.of == "outputs" and axis.axis not in (0, None))
