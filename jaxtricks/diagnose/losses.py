"""Training losses as plain functions of the parameters, so that they can be differentiated."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from jaxtricks.experiment.experiment import Experiment
from jaxtricks.restart.member import Member, Pool, Variables, applied, counting, inputs, labelled, targets
from jaxtricks.train.runs import Runs

Params = Any


def loss_at(
    experiment: Experiment, member: Member, pool: Pool, collections: Variables, indices: Int[Array, " examples"]
) -> Callable[[Params], Float[Array, ""]]:
    """The objective of some examples as a function of the parameters, without masks or augmentation, with running averages.

    Args:
        experiment: the experiment with the objective, its penalties included.
        member: the restart, which says how inputs and values are scaled.
        pool: the data.
        collections: the model's variables without its parameters, such as the running averages of batch norm.
        indices: positions in the pool, [examples].
    """

    def loss(params: Params) -> Float[Array, ""]:
        batch = inputs(experiment, labelled(member, pool), member, indices)
        scores, _ = applied(experiment, {"params": params, **collections}, batch, train=False)
        return experiment.objective(scores, targets(member, batch, scores), params, member.train.size, counting(member, batch))

    return loss


def training_loss(runs: Runs, run: int) -> tuple[Callable[[Params], Float[Array, ""]], Params]:
    """The objective of one run on its whole training split as a function of the parameters, and the run's final parameters.

    Args:
        runs: the runs.
        run: its position among them.
    """
    member, variables = jax.tree.map(lambda leaf: jnp.asarray(leaf[run]), (runs.members, runs.variables))
    params = variables.pop("params")
    pool = Pool.of(runs.data)
    return loss_at(runs.experiment, member, pool, variables, member.train), params
