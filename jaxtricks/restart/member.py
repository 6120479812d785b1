"""One restart, as pure functions: its state, what it sees, one step. `epochs` and `evaluation` make more of it, `program` many.

Nothing here prints, logs or calls back. Everything random comes from the restart's seed by named streams.
"""

from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, Key, Num

from jaxtricks import rng
from jaxtricks.data import Dataset, Examples
from jaxtricks.experiment.experiment import Experiment
from jaxtricks.experiment.order import Seen
from jaxtricks.experiment.stopping import Best
from jaxtricks.models.contract import CARRY, PENALTIES, Variables, contract
from jaxtricks.objectives.task import Task, task_of
from jaxtricks.optim.layers import keep
from jaxtricks.optim.method import Info, Problem, Validation
from jaxtricks.optim.optimizer import assemble
from jaxtricks.restart.accumulation import accumulated, split

TRAINING = ("train_loss", "grad_norm", "largest_grad_norm")  # measured in an epoch; the other curves after it


class Pool(NamedTuple):
    """The data, shared by all members; or a batch of them.

    Args:
        x: inputs, [examples, ...], as stored.
        y: labels, as the task has them: class numbers, [examples] or [examples, time], 0 and 1, [examples, labels], or values,
            [examples, outputs].
        task: what is predicted.
        lengths: true steps of each sequence, [examples]; None where all are whole.
    """

    x: Num[Array, "examples ..."]
    y: Num[Array, "examples ..."]
    task: Task
    lengths: Int[Array, " examples"] | None = None

    @classmethod
    def of(cls, data: Dataset, examples: Examples | None = None) -> "Pool":
        """All examples of a data set's pool, or those given, on the device."""
        return jax.tree.map(jnp.asarray, cls.on_host(data, examples))

    @classmethod
    def on_host(cls, data: Dataset, examples: Examples | None = None) -> "Pool":
        """The same as NumPy's arrays, until they are put on their devices."""
        arrays: Any = data.pool if examples is None else examples
        return cls(arrays.x, arrays.y, task_of(data), arrays.lengths)


class Outputs(NamedTuple):
    """What a model gives for a batch.

    Args:
        scores: of the classes, [batch, classes] or [batch, time, classes], or `Deferred`.
        penalties: what it adds to the loss, [] each.
    """

    scores: Any
    penalties: tuple[Float[Array, ""], ...]


class Keys(NamedTuple):
    """A step's own, of what is random in it.

    Args:
        dropout: masks.
        augment: changes of inputs.
    """

    dropout: Key[Array, ""]
    augment: Key[Array, ""]


class Member(NamedTuple):
    """What sets one restart apart, beside its experiment's floats.

    Args:
        seed: the restart's number, [].
        train: positions of its training examples in the pool, [train].
        validation: positions of its validation examples, [validation].
        shift: subtracted from inputs, of an example's shape.
        scale: what inputs are divided by, of an example's shape.
        weights: the seed of its initial weights, [], where that is not its own; None: its own.
        order: the same of its order of examples.
        masks: the same of its masks and augmentation.
        labels: of the whole pool, as it trains on them, [examples, ...]; None: the data's.
        features: which feature of a scaled input stands at each place, [features]; None: as the data have them.
    """

    seed: Int[Array, ""]
    train: Int[Array, " train"]
    validation: Int[Array, " validation"]
    shift: Float[Array, "..."]
    scale: Float[Array, "..."]
    weights: Int[Array, ""] | None = None
    order: Int[Array, ""] | None = None
    masks: Int[Array, ""] | None = None
    labels: Num[Array, "examples ..."] | None = None
    features: Int[Array, " features"] | None = None


class State(NamedTuple):
    """What training changes.

    Args:
        params: the model's parameters.
        collections: its other variables, such as running averages.
        method: the optimization method's state.
        step: optimizer steps done, []; in a member that diverged, those before the loss or gradient that was not finite.
        alive: whether loss, gradient and validation metrics have been finite so far, [].
        metrics: validation metric → its last value, [].
        best: what early stopping goes back to; None without.
    """

    params: Any
    collections: Any
    method: Any
    step: Int[Array, ""]
    alive: Bool[Array, ""]
    metrics: dict[str, Float[Array, ""]]
    best: Best | None = None


def root(member: Member, source: Literal["weights", "order", "masks"]) -> Key[Array, ""]:
    """The key of a member's initial weights, of its order of examples, or of its masks and augmentation."""
    own = getattr(member, source)
    return rng.root(member.seed if own is None else own)


def steps_per_epoch(experiment: Experiment, train: int) -> int:
    """Whole batches in `train` examples, and whole rounds of them where batches take turns."""
    turns = len(experiment.order.cuts)
    return train // experiment.batch_size // turns * turns


def total_steps(experiment: Experiment, train: int) -> int:
    """Optimizer steps of the whole run."""
    return experiment.epochs * steps_per_epoch(experiment, train)


def taken(pool: Pool, indices: Int[Array, "..."]) -> Pool:
    """The examples at the given positions, ready to compute with."""
    return typed(jax.tree.map(lambda array: array[indices], pool))


def typed(batch: Pool) -> Pool:
    """A batch as the data set stores it, its inputs tokens, or numbers in JAX's default precision."""
    x = batch.x
    return batch if x.dtype == jnp.int32 else batch._replace(x=x.astype(jnp.zeros(()).dtype))


def scaled(member: Member, x: Num[Array, "batch ..."]) -> Num[Array, "batch ..."]:
    """Stored inputs, [batch, ...], as a member's model sees them; tokens stay as they are."""
    if x.dtype == jnp.int32:
        return x
    x = (x - member.shift.astype(x.dtype)[None]) / member.scale.astype(x.dtype)[None]
    return x if member.features is None else x.reshape(len(x), -1)[:, member.features].reshape(x.shape)


def labelled(member: Member, pool: Pool) -> Pool:
    """The data with the labels that a member trains on."""
    return pool if member.labels is None else pool._replace(y=member.labels)


def inputs(pool: Pool, member: Member, indices: Int[Array, " batch"]) -> Pool:
    """The examples at the given positions, inputs scaled."""
    batch = taken(pool, indices)
    return batch._replace(x=scaled(member, batch.x))


def shortened(member: Member, batch: Pool, cut: int | None) -> tuple[Member, Pool]:
    """A batch whose sequences are cut to so many steps, and the member with the scaling of those; None: as they are."""
    if cut is None:
        return member, batch
    shift, scale = (part[:cut] if part.ndim else part for part in (member.shift, member.scale))
    batch = batch._replace(x=batch.x[:, :cut], y=batch.y[:, :cut] if batch.task.kind.per_step else batch.y)
    return member._replace(shift=shift, scale=scale), batch


def applied(experiment: Experiment, variables: Variables, batch: Pool, *, train: bool, key: Any = None, mutable: Any = ()) -> Any:
    """What the model gives for a batch of scaled inputs, and the collections that it changed, in the experiment's arithmetic.

    Args:
        experiment: whose model it is.
        variables: what it is called with, by collection.
        batch: the inputs.
        train: whether it is trained, and not evaluated.
        key: of the masks; None where there is nothing random.
        mutable: the collections that it may change.
    """
    model, how = contract(experiment.model), {"train": train, "key": key, "mutable": mutable}
    if experiment.compute == "full":
        return model.called(variables, batch.x, batch.lengths, **how)
    low = {**variables, "params": _cast(variables["params"], jnp.bfloat16)}
    return _cast(model.called(low, _cast(batch.x, jnp.bfloat16), batch.lengths, **how), jnp.zeros(()).dtype)


def _cast(tree: Any, dtype: Any) -> Any:
    """Its floats in another precision."""

    def cast(leaf: Any) -> Any:
        return leaf.astype(dtype) if jnp.issubdtype(leaf.dtype, jnp.floating) else leaf

    return jax.tree.map(cast, tree)


def drawn(experiment: Experiment, key: Key[Array, ""], batch: Pool) -> Variables:
    """The model's variables for a batch of scaled inputs, drawn from the key of the stream "params"."""
    return contract(experiment.model).drawn(key, batch.x, batch.lengths)


def targets(batch: Pool, scores: Any) -> Num[Array, "batch ..."]:
    """What the scores of a batch should be, see `Task.targets`.

    Args:
        batch: the examples.
        scores: what the model gave for them.
    """
    return batch.task.targets(batch.y, scores)


def update(experiment: Experiment, member: Member, state: State, batch: Pool) -> tuple[State, Info]:
    """One optimizer step of one member on one batch, its inputs as stored."""
    train, masks = member.train.size, root(member, "masks")
    keys = Keys(rng.stream(masks, "dropout", state.step), rng.stream(masks, "augment", state.step))
    if (parts := experiment.accumulate) == 1:
        problem = _problem(experiment, member, batch, keys, state.collections)
    else:
        own = Keys(*(jax.random.split(key, parts) for key in keys))

        def part_problem(part: tuple[Pool, Keys], collections: Any) -> Problem:
            return _problem(experiment, member, part[0], part[1], collections)

        problem = accumulated(part_problem, state.collections, (split(batch, parts), own))
    method = assemble(experiment.optimizer, total_steps(experiment, train))
    cost = experiment.cost(state.metrics, experiment.optimizer.schedule.follows)
    validation = Validation(cost, state.step // steps_per_epoch(experiment, train))
    new = method.step(problem, state.params, state.method, validation)
    # A gradient so large that its norm overflows counts as diverged.
    alive = state.alive & jnp.isfinite(new.info.loss) & jnp.isfinite(new.info.grad_norm)
    collections = new.auxiliary
    if (frozen := experiment.optimizer.frozen) is not None:
        kept = {name: tree for name, tree in collections.items() if name != CARRY}  # a frozen layer reads on as any other
        collections = collections | {name: keep(frozen, tree, state.collections[name]) for name, tree in kept.items()}
    return State(new.params, collections, new.state, state.step + alive, alive, state.metrics, state.best), new.info


def _problem(experiment: Experiment, member: Member, batch: Pool, keys: Keys, collections: Any) -> Problem:
    """The loss of a batch, or of a part of one, its inputs as stored."""
    change = experiment.augmentation
    x = change.mix(keys.augment, change.values(keys.augment, scaled(member, change.geometry(keys.augment, batch.x))))

    def outputs(params: Any) -> tuple[Outputs, Any]:
        variables, mutable = {"params": params, **collections}, [*collections, PENALTIES]
        scores, changed = applied(experiment, variables, batch._replace(x=x), train=True, key=keys.dropout, mutable=mutable)
        penalties = tuple(jax.tree.leaves(changed.get(PENALTIES, {})))
        return Outputs(scores, penalties), {name: changed[name] for name in collections}

    def loss(outputs: Outputs, params: Any) -> Float[Array, ""]:
        wanted = change.mix(keys.augment, targets(batch, outputs.scores))
        total = experiment.objective(outputs.scores, wanted, params, member.train.size, batch.lengths)
        return sum(outputs.penalties, start=total)

    return Problem(outputs, loss)


def shuffle(experiment: Experiment, member: Member, pool: Pool, epoch: Int[Array, ""]) -> Int[Array, " train"]:
    """The training positions in the order of one epoch."""
    lengths = None if pool.lengths is None else pool.lengths[member.train]
    seen = Seen(labelled(member, pool).y[member.train], lengths, experiment.batch_size)
    return member.train[experiment.order(root(member, "order"), seen, epoch)]


def variables(experiment: Experiment, member: Member, state: State) -> Variables:
    """What a member's model is evaluated with: the parameters that the optimization method evaluates, and the collections.

    Where it stops early, those of its best epoch.
    """
    return _variables(experiment, member.train.size, state)


def _variables(experiment: Experiment, train: int, state: State) -> Variables:
    if state.best is not None:
        return dict(state.best.variables)
    method = assemble(experiment.optimizer, total_steps(experiment, train))
    return {"params": method.eval_params(state.params, state.method), **state.collections}


def after_training(experiment: Experiment, train: int, state: State) -> State:
    """What is left of a state once training is over: its parameters are those that are evaluated, the method's state is gone.

    Args:
        experiment: the settings.
        train: the number of training examples.
        state: after the last step.
    """
    collections = _variables(experiment, train, state)
    params = collections.pop("params")
    best = None if state.best is None else state.best._replace(variables=None)
    return state._replace(params=params, collections=collections, method=None, best=best)


def evaluated(experiment: Experiment, member: Member, state: State) -> Variables:
    """`variables` without the state that a model carried from the last batch: every sequence starts anew."""
    return {name: tree for name, tree in variables(experiment, member, state).items() if name != CARRY}


def finished(experiment: Experiment, state: State) -> Bool[Array, ""]:
    """Whether no further epoch changes a member: it diverged, or stopped early."""
    if experiment.stopping is None or state.best is None:
        return ~state.alive
    return ~state.alive | experiment.stopping.stopped(state.best)


def resting(state: State) -> dict[str, Array]:
    """What every further epoch of a finished member reports."""
    metrics = state.metrics if state.best is None else state.best.metrics
    return metrics | dict.fromkeys(TRAINING, jnp.asarray(jnp.nan, jnp.zeros(()).dtype))
