"""One restart, as pure functions: its state, its examples, and one step.

Nothing here prints, logs or calls the host. All random numbers come from the restart's seed, by named streams.
"""

from collections.abc import Callable
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, Key, Num

from jaxtricks import rng
from jaxtricks.data import Dataset, Examples
from jaxtricks.data.principal import Principal
from jaxtricks.experiment.experiment import Experiment
from jaxtricks.experiment.order import Seen
from jaxtricks.experiment.stopping import Best
from jaxtricks.models.contract import CARRY, PENALTIES, Variables, contract
from jaxtricks.nn.masks import true_steps
from jaxtricks.nn.quotient import Quotient
from jaxtricks.nn.stacks import apart
from jaxtricks.objectives.counting import Counting
from jaxtricks.objectives.scaling import Scaling
from jaxtricks.objectives.task import Task, task_of
from jaxtricks.optim.layers import keep
from jaxtricks.optim.method import Info, Problem, Validation
from jaxtricks.optim.optimizer import assemble
from jaxtricks.restart.accumulation import accumulated, split

TRAINING = ("train_loss", "grad_norm", "largest_grad_norm")  # measured in an epoch; the other curves after it


class Pool(NamedTuple):
    """The data, shared by all members; or a batch of them.

    Args:
        x: the inputs, [examples, ...], as stored.
        y: the labels of the task: class numbers, [examples] or [examples, time], 0 and 1, [examples, labels], or values,
            [examples, outputs].
        task: what is predicted.
        lengths: the true number of steps of each sequence, [examples]; None where no sequence is padded.
        weights: how much each example counts in the loss, [examples]; None where all count alike.
        counted: which steps have a label that counts, [examples, time]; None where all true steps have.
    """

    x: Num[Array, "examples ..."]
    y: Num[Array, "examples ..."]
    task: Task
    lengths: Int[Array, " examples"] | None = None
    weights: Float[Array, " examples"] | None = None
    counted: Bool[Array, "examples time"] | None = None

    @property
    def steps(self) -> Bool[Array, "examples time"] | None:
        """Which steps have a label that counts: those that are neither padding nor masked; None where all labels count."""
        if not self.task.kind.per_step or self.lengths is None:
            return self.counted
        true = true_steps(self.lengths, self.y.shape[1])
        return true if self.counted is None else true & self.counted

    @classmethod
    def of(cls, data: Dataset, examples: Examples | None = None) -> "Pool":
        """Puts all examples of a data set's pool, or the given ones, on the device."""
        return jax.tree.map(jnp.asarray, cls.on_host(data, examples))

    @classmethod
    def on_host(cls, data: Dataset, examples: Examples | None = None) -> "Pool":
        """Gives the same as NumPy arrays, which are put on devices later."""
        arrays: Any = data.pool if examples is None else examples
        return cls(arrays.x, arrays.y, task_of(data), arrays.lengths, arrays.weights, arrays.counted)


class Outputs(NamedTuple):
    """The outputs of a model for a batch.

    Args:
        scores: the scores of the classes, [batch, classes] or [batch, time, classes], or a `Deferred`.
        penalties: what the model adds to the loss.
    """

    scores: Any
    penalties: tuple[Quotient, ...]


class Keys(NamedTuple):
    """The random keys of a step.

    Args:
        dropout: the key of masks.
        augment: the key of changes of inputs.
    """

    dropout: Key[Array, ""]
    augment: Key[Array, ""]


class Member(NamedTuple):
    """What makes one restart different from another, beside the floats of its experiment.

    Args:
        seed: the number of the restart, [].
        train: the positions of its training examples in the pool, [train].
        validation: the positions of its validation examples, [validation].
        shift: what is subtracted from inputs, of an example's shape.
        scale: what inputs are divided by, of an example's shape.
        weights: the seed of its initial weights, []; None: `seed`.
        order: the seed of its order of examples, []; None: `seed`.
        masks: the seed of its masks and augmentation, []; None: `seed`.
        labels: the labels of the whole pool that it trains on, [examples, ...]; None: those of the data.
        features: for each place of a scaled input, which feature stands there, [features]; None: the order of the data.
        targets: of the values that it learns; None: it learns labels as they are stored.
        balance: how rare each class is among its training labels, [classes], see `jaxtricks.data.balance`; None: not asked for.
        fill: what stands for a missing number (NaN) of an input, of an example's shape; None: no number is missing.
        principal: what scaled inputs are turned by; None: they are not.
        rarity: as `balance`, but largest for classes that are not among its training labels; None: not asked for.
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
    targets: Scaling | None = None
    balance: Float[Array, " classes"] | None = None
    fill: Float[Array, "..."] | None = None
    principal: Principal | None = None
    rarity: Float[Array, " classes"] | None = None


class State(NamedTuple):
    """The state of a restart, which training changes.

    Args:
        params: the parameters of the model.
        collections: its other variables, such as running averages.
        method: the state of the optimization method.
        step: the number of optimizer steps done, []; of a diverged member, before the first loss or gradient that was not finite.
        alive: whether loss, gradient and validation metrics have been finite so far, [].
        metrics: validation metric → its last value, [].
        best: the best epoch, to which early stopping goes back; None without early stopping.
        mask: True for the weights that were not removed, a tree like the parameters; None where nothing is pruned.
    """

    params: Any
    collections: Any
    method: Any
    step: Int[Array, ""]
    alive: Bool[Array, ""]
    metrics: dict[str, Float[Array, ""]]
    best: Best | None = None
    mask: Any = None


def root(member: Member, source: Literal["weights", "order", "masks"]) -> Key[Array, ""]:
    """The key of a member's initial weights, of its order of examples, or of its masks and augmentation."""
    own = getattr(member, source)
    return rng.root(member.seed if own is None else own)


def steps_per_epoch(experiment: Experiment, train: int) -> int:
    """The number of whole batches in `train` examples; whole rounds of batches where these take turns."""
    turns = len(experiment.order.cuts)
    return train // experiment.batch_size // turns * turns


def total_steps(experiment: Experiment, train: int) -> int:
    """The number of optimizer steps of the whole run."""
    return experiment.epochs * steps_per_epoch(experiment, train)


def taken(pool: Pool, indices: Int[Array, "..."]) -> Pool:
    """Gives the examples at the given positions, with inputs of the right dtype."""
    return typed(jax.tree.map(lambda array: array[indices], pool))


def typed(batch: Pool) -> Pool:
    """Gives a batch whose inputs are tokens, or numbers in JAX's default precision; not scaled."""
    x = batch.x
    return batch if x.dtype == jnp.int32 else batch._replace(x=x.astype(jnp.zeros(()).dtype))


def scaled(experiment: Experiment, member: Member, x: Num[Array, "batch ..."]) -> Num[Array, "batch ..."]:
    """Scales stored inputs, [batch, ...], for the model of a member; tokens do not change."""
    if x.dtype == jnp.int32:
        return x
    if member.fill is not None:
        x = jnp.where(jnp.isnan(x), member.fill.astype(x.dtype)[None], x)
    x = (x - member.shift.astype(x.dtype)[None]) / member.scale.astype(x.dtype)[None]
    if member.principal is not None:
        x = experiment.inputs.turned(x, member.principal)
    return x if member.features is None else x.reshape(len(x), -1)[:, member.features].reshape(x.shape)


def labelled(member: Member, pool: Pool) -> Pool:
    """Gives the data with the labels that a member trains on."""
    return pool if member.labels is None else pool._replace(y=member.labels)


def inputs(experiment: Experiment, pool: Pool, member: Member, indices: Int[Array, " batch"]) -> Pool:
    """Gives the examples at the given positions, with scaled inputs."""
    batch = taken(pool, indices)
    return batch._replace(x=scaled(experiment, member, batch.x))


def shortened(member: Member, batch: Pool, cut: int | None) -> tuple[Member, Pool]:
    """Cuts the sequences of a batch to `cut` steps, and the member's scaling with them; None: no cut."""
    if cut is None:
        return member, batch
    shift, scale = (part[:cut] if part.ndim else part for part in (member.shift, member.scale))
    batch = batch._replace(x=batch.x[:, :cut])
    if batch.task.kind.per_step:
        batch = batch._replace(y=batch.y[:, :cut], counted=None if batch.counted is None else batch.counted[:, :cut])
    return member._replace(shift=shift, scale=scale), batch


def applied(experiment: Experiment, variables: Variables, batch: Pool, *, train: bool, key: Any = None, mutable: Any = ()) -> Any:
    """Applies the model to a batch of scaled inputs, in the experiment's precision; also gives the collections that it changed.

    Args:
        experiment: the experiment with the model.
        variables: the variables, by collection.
        batch: the inputs.
        train: whether the model is trained (True) or evaluated.
        key: the key of the masks; None where nothing is random.
        mutable: the collections that the model may change.
    """
    model, how = contract(experiment.model), {"train": train, "key": key, "mutable": mutable}
    if experiment.compute == "full":
        return model.called(variables, batch.x, batch.lengths, **how)
    low = {**variables, "params": _cast(variables["params"], jnp.bfloat16)}
    return _cast(model.called(low, _cast(batch.x, jnp.bfloat16), batch.lengths, **how), jnp.zeros(()).dtype)


def _cast(tree: Any, dtype: Any) -> Any:
    """Gives a tree with its floats in another precision."""

    def cast(leaf: Any) -> Any:
        return leaf.astype(dtype) if jnp.issubdtype(leaf.dtype, jnp.floating) else leaf

    return jax.tree.map(cast, tree)


def drawn(experiment: Experiment, key: Key[Array, ""], batch: Pool) -> Variables:
    """Draws the variables of the model for a batch of scaled inputs, from the key of the stream "params"."""
    return settled(contract(experiment.model).drawn(key, batch.x, batch.lengths))  # type: ignore[no-any-return]


def drawn_stacked(experiment: Experiment, key: Key[Array, ""], batch: Pool) -> Variables:
    """Draws the same as `drawn`, with equal layers stacked, see `jaxtricks.nn.stacks`, as far as the model allows it."""
    return settled(contract(experiment.model).drawn_stacked(key, batch.x, batch.lengths))  # type: ignore[no-any-return]


def settled(tree: Any) -> Any:
    """Gives the arrays the dtypes that they will keep: if a step changed the dtypes, the program would compile again, or fail."""

    def settle(leaf: Any) -> Array:
        # Python numbers leave weak types behind. Linen's own layers start in float32, whatever JAX's default precision is.
        dtype = jnp.asarray(leaf).dtype
        return jax.lax.convert_element_type(leaf, jnp.zeros(()).dtype if dtype == jnp.float32 else dtype)

    return jax.tree.map(settle, tree)


def targets(member: Member, batch: Pool, scores: Any) -> Num[Array, "batch ..."]:
    """Gives the targets of a batch, see `Task.targets`.

    Args:
        member: the restart, which scales values.
        batch: the examples.
        scores: the scores that the model gave for them.
    """
    return batch.task.targets(batch.y, scores, member.targets)


def counting(member: Member, batch: Pool) -> Counting:
    """Gives how much each loss of a batch counts."""
    return Counting(batch.steps, batch.weights, member.balance)


def update(experiment: Experiment, member: Member, state: State, batch: Pool) -> tuple[State, Info]:
    """Takes one optimizer step of one member on one batch, whose inputs are as stored."""
    train, masks = member.train.size, root(member, "masks")
    keys = Keys(rng.stream(masks, "dropout", state.step), rng.stream(masks, "augment", state.step))

    def of_params(params: Any) -> Float[Array, ""]:
        return experiment.objective.of_params(params, train)

    if (parts := experiment.accumulate) == 1:
        outputs, quotients = halves(experiment, member, batch, keys, state.collections)
        problem = Problem(outputs, lambda outputs, params: _summed(quotients(outputs)) + of_params(params))
    else:
        own = Keys(*(jax.random.split(key, parts) for key in keys))

        def part_loss(part: tuple[Pool, Keys], collections: Any) -> Any:
            outputs, quotients = halves(experiment, member, part[0], part[1], collections)

            def loss(params: Any) -> tuple[tuple[Quotient, ...], Any]:
                found, after = outputs(params)
                return quotients(found), after

            return loss

        problem = accumulated(part_loss, of_params, state.collections, (split(batch, parts), own))
    method = assemble(experiment.optimizer, total_steps(experiment, train), state.mask)
    cost = experiment.cost(state.metrics, experiment.optimizer.schedule.follows)
    validation = Validation(cost, state.step // steps_per_epoch(experiment, train))
    new = method.step(problem, state.params, state.method, validation)
    # A gradient so large that its norm overflows counts as diverged.
    alive = state.alive & jnp.isfinite(new.info.loss) & jnp.isfinite(new.info.grad_norm)
    collections = new.auxiliary
    if (frozen := experiment.optimizer.frozen) is not None:
        kept = {name: tree for name, tree in collections.items() if name != CARRY}  # a frozen layer reads on as any other
        collections = collections | {name: keep(frozen, tree, state.collections[name]) for name, tree in kept.items()}
    return state._replace(
        params=new.params, collections=collections, method=new.state, step=state.step + alive, alive=alive
    ), new.info


def _summed(quotients: tuple[Quotient, ...]) -> Float[Array, ""]:
    return sum((quotient.value for quotient in quotients), start=jnp.zeros(()))


def halves(
    experiment: Experiment, member: Member, batch: Pool, keys: Keys, collections: Any
) -> tuple[Callable[[Any], tuple[Outputs, Any]], Callable[[Outputs], tuple[Quotient, ...]]]:
    """Gives the loss of a batch, or of a part of one, whose inputs are as stored, in two halves.

    The first is parameters → (outputs, the collections after the batch); the second is outputs → the quotients whose sum is the
    loss, without penalties of the parameters.
    """
    change = experiment.augmentation
    x = change.mix(keys.augment, change.values(keys.augment, scaled(experiment, member, change.geometry(keys.augment, batch.x))))

    def outputs(params: Any) -> tuple[Outputs, Any]:
        variables, mutable = {"params": params, **collections}, [*collections, PENALTIES]
        scores, changed = applied(experiment, variables, batch._replace(x=x), train=True, key=keys.dropout, mutable=mutable)
        return Outputs(scores, _penalties(changed)), {name: changed[name] for name in collections}

    def quotients(outputs: Outputs) -> tuple[Quotient, ...]:
        with jax.named_scope("loss"):
            wanted, counts = change.mix(keys.augment, targets(member, batch, outputs.scores)), counting(member, batch)
            if counts.examples is not None:
                counts = counts._replace(examples=change.mix(keys.augment, counts.examples))
            return (experiment.objective.of_batch(outputs.scores, wanted, counts), *outputs.penalties)

    return outputs, quotients


def _penalties(changed: Variables) -> tuple[Quotient, ...]:
    """Gives what a model adds to the loss; a plain number is taken as a mean over examples."""
    leaves = jax.tree.leaves(apart(changed.get(PENALTIES, {})), is_leaf=lambda leaf: isinstance(leaf, Quotient))
    return tuple(leaf if isinstance(leaf, Quotient) else Quotient(leaf, jnp.ones(())) for leaf in leaves)


def shuffle(experiment: Experiment, member: Member, pool: Pool, epoch: Int[Array, ""]) -> Int[Array, " train"]:
    """Gives the training positions in the order of one epoch."""
    lengths = None if pool.lengths is None else pool.lengths[member.train]
    seen = Seen(labelled(member, pool).y[member.train], lengths, experiment.batch_size)
    return member.train[experiment.order(root(member, "order"), seen, epoch)]


def variables(experiment: Experiment, member: Member, state: State) -> Variables:
    """Gives the variables that a member's model is evaluated with: the parameters that the method evaluates, and the collections.

    With early stopping, those of the best epoch.
    """
    return _variables(experiment, member.train.size, state)


def _variables(experiment: Experiment, train: int, state: State) -> Variables:
    if state.best is not None:
        return dict(state.best.variables)
    method = assemble(experiment.optimizer, total_steps(experiment, train))
    return {"params": method.eval_params(state.params, state.method), **state.collections}


def after_training(experiment: Experiment, train: int, state: State) -> State:
    """Gives the state to keep after training: with the parameters that are evaluated, and without the state of the method.

    Args:
        experiment: the settings.
        train: the number of training examples.
        state: the state after the last step.
    """
    collections = _variables(experiment, train, state)
    params = collections.pop("params")
    best = None if state.best is None else state.best._replace(variables=None)
    return state._replace(params=params, collections=collections, method=None, best=best, mask=None)


def evaluated(experiment: Experiment, member: Member, state: State) -> Variables:
    """Gives `variables` without the state that a model carried from the last batch, so that every sequence starts anew."""
    return {name: tree for name, tree in variables(experiment, member, state).items() if name != CARRY}


def finished(experiment: Experiment, state: State) -> Bool[Array, ""]:
    """Tells whether a member is finished, because it diverged or stopped early: no further epoch changes it."""
    if experiment.stopping is None or state.best is None:
        return ~state.alive
    return ~state.alive | experiment.stopping.stopped(state.best)


def resting(state: State) -> dict[str, Array]:
    """Gives the values that every further epoch of a finished member reports."""
    metrics = state.metrics if state.best is None else state.best.metrics
    return metrics | dict.fromkeys(TRAINING, jnp.asarray(jnp.nan, jnp.zeros(()).dtype))
