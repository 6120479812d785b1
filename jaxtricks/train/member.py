"""One restart, as pure functions: start, step, epoch, evaluate. `program` makes many of them.

Nothing here prints, logs or calls back. Everything random comes from the restart's seed by named streams.
"""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, Num

from jaxtricks import rng
from jaxtricks.objectives.metrics import measure
from jaxtricks.optim.layers import keep
from jaxtricks.optim.method import Info, Problem, Validation
from jaxtricks.optim.optimizer import assemble
from jaxtricks.train.experiment import Experiment

EVALUATION_BATCH = 1024  # examples of one forward pass without gradients
GATHERED = 2**24  # numbers, 64 MB: the largest epoch of inputs that is copied as a whole

Variables = dict[str, Any]  # collection → tree of arrays, as Linen has them: {"params": …, "batch_stats": …}, or a part of it


class Pool(NamedTuple):
    """The data, shared by all members.

    Args:
        x: inputs, [examples, ...], as stored.
        y: class numbers, [examples].
    """

    x: Num[Array, "examples ..."]
    y: Int[Array, " examples"]


class Member(NamedTuple):
    """What sets one restart apart, beside its experiment's floats.

    Args:
        seed: the restart's number, [].
        train: positions of its training examples in the pool, [train].
        validation: positions of its validation examples, [validation].
        shift: subtracted from inputs, of an example's shape.
        scale: what inputs are divided by, of an example's shape.
    """

    seed: Int[Array, ""]
    train: Int[Array, " train"]
    validation: Int[Array, " validation"]
    shift: Float[Array, "..."]
    scale: Float[Array, "..."]


class State(NamedTuple):
    """What training changes.

    Args:
        params: the model's parameters.
        collections: its other variables, such as running averages.
        method: the optimization method's state.
        step: optimizer steps done, []; in a member that diverged, those before the loss or gradient that was not finite.
        alive: whether loss, gradient and validation metrics have been finite so far, [].
        metrics: validation metric → its last value, [].
    """

    params: Any
    collections: Any
    method: Any
    step: Int[Array, ""]
    alive: Bool[Array, ""]
    metrics: dict[str, Float[Array, ""]]


def steps_per_epoch(experiment: Experiment, train: int) -> int:
    """Whole batches in `train` examples."""
    return train // experiment.batch_size


def total_steps(experiment: Experiment, train: int) -> int:
    """Optimizer steps of the whole run."""
    return experiment.epochs * steps_per_epoch(experiment, train)


def stored(pool: Pool, indices: Int[Array, "..."]) -> Float[Array, "..."]:
    """The inputs at the given positions as the data set stores them, in JAX's default precision."""
    return pool.x[indices].astype(jnp.zeros(()).dtype)


def scaled(member: Member, x: Float[Array, "batch ..."]) -> Float[Array, "batch ..."]:
    """Stored inputs, [batch, ...], as a member's model sees them."""
    return (x - member.shift.astype(x.dtype)[None]) / member.scale.astype(x.dtype)[None]


def inputs(pool: Pool, member: Member, indices: Int[Array, " batch"]) -> Float[Array, "batch ..."]:
    """The inputs at the given positions, scaled."""
    return scaled(member, stored(pool, indices))


def start(experiment: Experiment, member: Member, pool: Pool, given: Variables) -> State:
    """The state before the first step: variables drawn from the stream "params", and those of `given` in their place."""
    key = rng.stream(rng.root(member.seed), "params")
    # A whole batch, for initializers that look at what a layer makes of it; where none does, the compiler leaves it out.
    x = inputs(pool, member, shuffle(experiment, member, pool, jnp.int32(0))[: experiment.batch_size])
    drawn = _replaced(_settled(dict(experiment.model.init({"params": key}, x, train=False))), given)
    params = drawn.pop("params")
    method = assemble(experiment.optimizer, total_steps(experiment, member.train.size))
    state = State(params, drawn, method.init(params), jnp.int32(0), jnp.bool_(True), {})
    state = state._replace(metrics=evaluate(experiment, state, member, pool))
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


def update(
    experiment: Experiment, member: Member, state: State, x: Float[Array, "batch ..."], y: Int[Array, " batch"]
) -> tuple[State, Info]:
    """One optimizer step of one member on one batch of inputs, as stored, and labels."""
    train, root = member.train.size, rng.root(member.seed)
    rngs = {"dropout": rng.stream(root, "dropout", state.step)}
    key = rng.stream(root, "augment", state.step)
    change = experiment.augmentation
    x = change.mix(key, change.values(key, scaled(member, change.geometry(key, x))))

    def outputs(params: Any) -> tuple[Float[Array, "batch classes"], Any]:
        variables = {"params": params, **state.collections}
        logits, collections = experiment.model.apply(variables, x, train=True, mutable=list(state.collections), rngs=rngs)
        return logits, dict(collections)

    def loss(logits: Float[Array, "batch classes"], params: Any) -> Float[Array, ""]:
        targets = change.mix(key, jax.nn.one_hot(y, logits.shape[-1], dtype=logits.dtype))
        return experiment.objective(logits, targets, params, train)

    method = assemble(experiment.optimizer, total_steps(experiment, train))
    validation = Validation(state.metrics["nll"], state.step // steps_per_epoch(experiment, train))
    new = method.step(Problem(outputs, loss), state.params, state.method, validation)
    # A gradient so large that its norm overflows counts as diverged.
    alive = state.alive & jnp.isfinite(new.info.loss) & jnp.isfinite(new.info.grad_norm)
    collections = new.auxiliary
    if (frozen := experiment.optimizer.frozen) is not None:
        collections = {name: keep(frozen, collection, state.collections[name]) for name, collection in collections.items()}
    return State(new.params, collections, new.state, state.step + alive, alive, state.metrics), new.info


def shuffle(experiment: Experiment, member: Member, pool: Pool, epoch: Int[Array, ""]) -> Int[Array, " train"]:
    """The training positions in the order of one epoch."""
    return member.train[experiment.order(rng.root(member.seed), pool.y[member.train], epoch)]


def variables(experiment: Experiment, member: Member, state: State) -> Variables:
    """What a member's model is evaluated with: the parameters that the optimization method evaluates, and the collections."""
    method = assemble(experiment.optimizer, total_steps(experiment, member.train.size))
    return {"params": method.eval_params(state.params, state.method), **state.collections}


def predict(
    experiment: Experiment, state: State, member: Member, pool: Pool, indices: Int[Array, " n"]
) -> Float[Array, "n classes"]:
    """Log-probabilities of the examples at the given positions, by the parameters that the method evaluates."""
    evaluated = variables(experiment, member, state)

    def logits(chunk: Int[Array, " chunk"]) -> Any:
        return experiment.model.apply(evaluated, inputs(pool, member, chunk), train=False)

    whole = indices.size - indices.size % EVALUATION_BATCH
    parts = []
    if whole:
        chunks = indices[:whole].reshape(-1, EVALUATION_BATCH)
        parts.append(jax.lax.map(logits, chunks).reshape(whole, -1))
    if whole < indices.size:
        parts.append(logits(indices[whole:]))
    return jax.nn.log_softmax(jnp.concatenate(parts) if len(parts) > 1 else parts[0])


def evaluate(experiment: Experiment, state: State, member: Member, pool: Pool) -> dict[str, Float[Array, ""]]:
    """Every metric on the validation split."""
    return measure(predict(experiment, state, member, pool, member.validation), pool.y[member.validation])


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
        place: lays batches, [steps, batch, ...], out over devices.
    """
    steps = steps_per_epoch(experiment, member.train.size)
    order = shuffle(experiment, member, pool, number)[: steps * experiment.batch_size].reshape(steps, experiment.batch_size)

    def batches(indices: Int[Array, "..."]) -> tuple[Array, Array]:
        return stored(pool, indices), pool.y[indices]

    # One gather of a whole epoch is faster than one a step, as long as the epoch is small.
    small = order.size * math.prod(pool.x.shape[1:]) <= GATHERED
    ready = place(batches(order) if small else order)

    def body(state: State, batch: Any) -> tuple[State, Info]:
        return update(experiment, member, state, *(batch if small else batches(batch)))

    after, info = jax.lax.scan(body, state, ready)
    metrics = evaluate(experiment, after, member, pool)
    # Quarantine: a member that diverged goes back to the last epoch's end and stays there. The state just before the first
    # loss that is not finite would not do: it is the one that gave that loss.
    alive = after.alive & jnp.isfinite(jnp.stack(list(metrics.values()))).all()
    kept = jax.tree.map(lambda new, old: jnp.where(alive, new, old), after._replace(metrics=metrics), state)
    training = {
        "train_loss": jnp.mean(info.loss),
        "grad_norm": jnp.mean(info.grad_norm),
        "largest_grad_norm": jnp.max(info.grad_norm),  # with the mean, the usual range that a clipping threshold is set by
    }
    curves = {name: jnp.where(alive, value, jnp.nan) for name, value in training.items()}
    return kept._replace(step=after.step, alive=alive), kept.metrics | curves
