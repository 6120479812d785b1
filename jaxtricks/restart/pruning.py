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
from jaxtricks.models.contract import PARAMS, contract
from jaxtricks.nn.kernels import is_kernel
from jaxtricks.optim.pruning import masked
from jaxtricks.optim.reversion import Weighed
from jaxtricks.optim.scores import Probe
from jaxtricks.restart.member import Keys, Member, Pool, applied, drawn, halves, root, scaled


class Unpruned(NamedTuple):
    """The variables of a member before pruning.

    Args:
        initial: the parameters as they were drawn.
        params: the parameters with those of earlier runs in their places.
        collections: the other variables.
        given: path → what came from earlier runs.
    """

    initial: Any
    params: Any
    collections: Any
    given: Mapping[str, Given]


def pruned(experiment: Experiment, member: Member, batch: Pool, there: Unpruned) -> tuple[Any, Any]:
    """Gives the parameters that a pruned network begins with, and its mask, see `jaxtricks.optim.pruning.Pruned.mask`.

    Args:
        experiment: the settings, with `pruned`.
        member: the restart.
        batch: the first batch, its inputs as stored.
        there: its variables.
    """
    pruning, weights = experiment.pruned, root(member, "weights")
    assert pruning is not None
    outputs, quotients = halves(experiment, member, batch, Keys(weights, weights), there.collections)

    def loss(params: Any) -> Any:
        return sum((quotient.value for quotient in quotients(outputs(params)[0])), start=jnp.zeros(()))

    def flow(params: Any) -> Any:
        ones = batch._replace(x=jnp.ones_like(scaled(member, batch.x[:1])), lengths=None)
        scores, _ = applied(experiment, {PARAMS: params, **there.collections}, ones, train=False)
        return sum((jnp.sum(leaf) for leaf in jax.tree.leaves(scores)), start=jnp.zeros(()))

    def redrawn() -> Any:
        seen = batch._replace(x=scaled(member, batch.x))
        return drawn(experiment, rng.stream(weights, "params drawn again"), seen)[PARAMS]

    probe = Probe(loss, flow, rng.stream(weights, "pruning"))
    mask = pruning.mask(there.params, _still_there(there), probe, output_kernels(experiment.model))
    weighed = Weighed(there.params, rewound(there.initial, there.given), redrawn, mask, rng.stream(weights, "reversion"))
    return masked(pruning.to.start(weighed), mask), mask


def _still_there(there: Unpruned) -> Any:
    """True for the weights that earlier runs have not removed: those that are not zero there. Drawn zeros are weights."""

    def kept(path: Any, w: Any) -> Any:
        if not is_kernel(w):
            return None
        return w != 0 if f"{PARAMS}/{path_of(path)}" in there.given else jnp.ones(w.shape, bool)

    return jax.tree_util.tree_map_with_path(kept, there.params)


def output_kernels(model: Any) -> tuple[str, ...] | None:
    """Gives the paths of the kernels that give a model's outputs, such as "head/kernel"; None where it does not say.

    >>> output_kernels(jt.MLP())
    ('head/kernel',)
    """
    axes = contract(model).traits.axes
    return None if axes is None else tuple(axis.path for axis in axes if axis.of == "outputs" and axis.axis not in (0, None))
