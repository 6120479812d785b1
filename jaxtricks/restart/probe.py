"""What a frozen body gives for each example, computed once: training what is above it costs no more than that alone.

Where the first layers are frozen (`Optimizer.frozen`), an example becomes the same features in every step. So these are computed
once for all examples, and the rest of the network is trained on them in place of the inputs: the same experiment on other data.
That gives the same numbers up to rounding, and is not done where it would not: where something random, or batch norm, acts in
the body; where inputs are augmented or cut; where something that is trained, or a way around, leads from the inputs to the head.
"""

import dataclasses
import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, Key

from jaxtricks import rng
from jaxtricks.config import rebuild
from jaxtricks.experiment.experiment import Experiment
from jaxtricks.models.contract import PENALTIES, contract
from jaxtricks.models.cut import BodyAndHead, cut
from jaxtricks.optim.layers import select
from jaxtricks.restart.evaluation import EVALUATION_BATCH, chunked
from jaxtricks.restart.member import Member, Pool, State, applied, inputs
from jaxtricks.restart.reach import reaches

HELD = 2**26  # numbers, 256 MB: the most features of a restart that are held

Features = Float[Array, "examples ..."]


def features(experiment: Experiment, member: Member, pool: Pool, state: State) -> Features | None:
    """Gives what the frozen body gives for each example of a restart, at its place in the pool; None: it stays in the program.

    Args:
        experiment: the settings, their floats of shape [].
        member: the restart.
        pool: the data.
        state: has the parameters.
    """
    parts = _cut(experiment, member, pool, state)
    if parts is None or not _apart(experiment, member, pool, state, parts):
        return None
    body, key = rebuild(experiment, model=parts.body), rng.root(0)

    def given(train: bool) -> Callable[[Int[Array, " n"]], Any]:
        return lambda places: _called(body, state.params, inputs(experiment, pool, member, places), train, key)[0]

    found = jax.eval_shape(given(True), jnp.arange(1))
    if len(pool.x) * math.prod(found.shape[1:]) > HELD:
        return None
    most = min(experiment.batch_size, EVALUATION_BATCH)  # what a step of the whole network would have at once
    table = jnp.zeros((len(pool.x), *found.shape[1:]), found.dtype)
    for places, train in ((member.train, True), (member.validation, False)):  # each as it is in the whole network
        table = table.at[places].set(chunked(given(train), places, most))
    return table


def above(
    experiment: Experiment, member: Member, pool: Pool, state: State, features: Features | None
) -> tuple[Experiment, Member, Pool]:
    """Gives the same training with features in place of inputs; as it is where there are none. Arguments as for `features`."""
    if features is None:
        return experiment, member, pool
    parts = _cut(experiment, member, pool, state)
    assert parts is not None
    shift, scale = jnp.zeros_like(features[0]), jnp.ones_like(features[0])
    plain = member._replace(shift=shift, scale=scale, features=None, fill=None, principal=None)
    return rebuild(experiment, model=parts.head), plain, pool._replace(x=features)


def _cut(experiment: Experiment, member: Member, pool: Pool, state: State) -> BodyAndHead | None:
    """The network, cut before the first layer that is trained; None where it has no frozen layer or cannot be cut."""
    if experiment.optimizer.frozen is None:
        return None
    leaves = jax.tree_util.tree_leaves_with_path(select(state.params, experiment.optimizer.frozen))
    trained = {str(path[0].key) for path, frozen in leaves if not frozen and hasattr(path[0], "key")}
    stand_in = inputs(experiment, pool, member, jnp.zeros(1, jnp.int32)).x[0]
    return cut(contract(experiment.model), tuple(sorted(trained)), stand_in)


def _apart(experiment: Experiment, member: Member, pool: Pool, state: State, parts: BodyAndHead) -> bool:
    """Whether the body gives the same in every step, and the head gets nothing of an example but what the body gives."""
    augmented = bool(jax.tree.leaves(experiment.augmentation))  # none of its changes is on without a number
    if augmented or experiment.order.cuts != Experiment().order.cuts or state.collections:
        return False
    batch, key = inputs(experiment, pool, member, jnp.arange(2)), rng.root(0)
    still = select(state.params, experiment.optimizer.frozen or ())

    def body(frozen: Any, trained: Any, key: Key[Array, ""], train: bool) -> Any:
        params = jax.tree.map(lambda one, other, own: one if own else other, frozen, trained, still)
        return _called(rebuild(experiment, model=parts.body), params, batch, train, key)[0]

    try:
        given = jax.eval_shape(lambda: body(state.params, state.params, key, True))
    except jax.errors.UnexpectedTracerError:  # the layer is inside of a transformation, such as `nn.remat`
        return False
    if not isinstance(given, jax.ShapeDtypeStruct) or given.shape[:1] != (2,):
        return False
    seen = jnp.zeros(given.shape, given.dtype)

    def head(x: Array, features: Array, train: bool) -> Any:
        own = rebuild(experiment, model=dataclasses.replace(parts.head, stand_in=x))
        return _called(own, state.params, batch._replace(x=features), train, key)

    return all(
        not reaches(lambda own: body(state.params, own[0], own[1], train), (state.params, key))  # noqa: B023 (called at once)
        and reaches(lambda frozen: body(frozen, state.params, key, train), state.params)  # noqa: B023
        and not reaches(lambda x: head(x, seen, train), batch.x[0])  # noqa: B023
        and reaches(lambda features: head(batch.x[0], features, train), seen)  # noqa: B023
        for train in (True, False)
    )


def _called(experiment: Experiment, params: Any, batch: Pool, train: bool, key: Key[Array, ""]) -> Any:
    """What the model gives for a batch, and what it adds to the loss."""
    return applied(experiment, {"params": params}, batch, train=train, key=key, mutable=[PENALTIES] * train)
