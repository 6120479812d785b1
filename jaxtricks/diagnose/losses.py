"""Training losses as plain functions of the parameters, for whoever wants their derivatives."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from jaxtricks.experiment.experiment import Experiment
from jaxtricks.restart import member as one
from jaxtricks.restart.member import Member, Pool, Variables
from jaxtricks.train.runs import Runs

Params = Any


def loss_at(
    experiment: Experiment, member: Member, pool: Pool, collections: Variables, indices: Int[Array, " examples"]
) -> Callable[[Params], Float[Array, ""]]:
    """The objective of the examples at the given positions as they are: no masks, no augmentation, running averages as given.

    Args:
        experiment: whose objective it is, penalties and all.
        member: the restart, which scales its inputs.
        pool: the data.
        collections: the model's variables but its parameters.
        indices: positions in the pool, [examples].
    """

    def loss(params: Params) -> Float[Array, ""]:
        batch = one.inputs(pool, member, indices)
        scores: Any = one.applied(experiment, {"params": params, **collections}, batch, train=False)
        return experiment.objective(scores, one.targets(batch, scores), params, member.train.size, batch.lengths)

    return loss


def training_loss(runs: Runs, run: int) -> tuple[Callable[[Params], Float[Array, ""]], Params]:
    """The objective of one run on its whole training split, and the parameters that it ended with.

    Args:
        runs: the runs.
        run: its position among them.
    """
    member, variables = jax.tree.map(lambda leaf: jnp.asarray(leaf[run]), (runs.members, runs.variables))
    params = variables.pop("params")
    pool = Pool.of(runs.data)
    return loss_at(runs.experiments[run], member, pool, variables, member.train), params
