"""Training losses as plain functions of the parameters, for whoever wants their derivatives."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from jaxtricks.train import member as one
from jaxtricks.train.experiment import Experiment
from jaxtricks.train.member import Member, Pool, Variables
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
        x, y = one.inputs(pool, member, indices), pool.y[indices]
        logits: Any = experiment.model.apply({"params": params, **collections}, x, train=False)
        return experiment.objective(logits, jax.nn.one_hot(y, logits.shape[-1], dtype=logits.dtype), params, member.train.size)

    return loss


def training_loss(runs: Runs, run: int) -> tuple[Callable[[Params], Float[Array, ""]], Params]:
    """The objective of one run on its whole training split, and the parameters that it ended with.

    Args:
        runs: the runs.
        run: its position among them.
    """
    member, variables = jax.tree.map(lambda leaf: jnp.asarray(leaf[run]), (runs.members, runs.variables))
    params = variables.pop("params")
    pool = Pool(jnp.asarray(runs.data.x), jnp.asarray(runs.data.y))
    return loss_at(runs.experiments[run], member, pool, variables, member.train), params
