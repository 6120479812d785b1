"""One restart, as pure functions: start, step, epoch, evaluate. `program` makes many of them.

Nothing here prints, logs or calls back. Everything random comes from the restart's seed by named streams.
"""

import math
from collections.abc import Callable
from operator import itemgetter
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, Key, Num

from jaxtricks import rng
from jaxtricks.data import Dataset, Examples
from jaxtricks.objectives.metrics import finish, loss_of, measure, tally
from jaxtricks.optim.layers import keep
from jaxtricks.optim.method import Info, Problem, Validation
from jaxtricks.optim.optimizer import assemble
from jaxtricks.train.accumulation import accumulated, split
from jaxtricks.train.experiment import Experiment
from jaxtricks.train.order import Seen
from jaxtricks.train.stopping import Best

EVALUATION_BATCH = 1024  # examples of one forward pass without gradients
GATHERED = 2**24  # numbers, 64 MB: the largest epoch of inputs that is copied as a whole

TRAINING = ("train_loss", "grad_norm", "largest_grad_norm")  # measured in an epoch; the other curves after it
STATISTICS = "batch_stats"  # the collection of batch norm's averages
CARRY = "carry"  # the collection of the states that a model carries from batch to batch; zeros before an epoch's first

Variables = dict[str, Any]  # collection → tree of arrays, as Linen has them: {"params": …, "batch_stats": …}, or a part of it


class Pool(NamedTuple):
    """The data, shared by all members; or a batch of them.

    Args:
        x: inputs, [examples, ...], as stored.
        y: class numbers, [examples] or [examples, time], or values, [examples, outputs].
        lengths: true steps of each sequence, [examples]; None where all are whole.
    """

    x: Num[Array, "examples ..."]
    y: Num[Array, "examples ..."]
    lengths: Int[Array, " examples"] | None = None

    @classmethod
    def of(cls, data: Dataset | Examples) -> "Pool":
        """All examples of a data set's pool, or those given, on the device."""
        return jax.tree.map(jnp.asarray, cls.on_host(data))

    @classmethod
    def on_host(cls, data: Dataset | Examples) -> "Pool":
        """The same as NumPy's arrays, until they are put on their devices."""
        arrays: Any = data if isinstance(data, Examples) else data.pool
        return cls(*arrays)


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
    """

    seed: Int[Array, ""]
    train: Int[Array, " train"]
    validation: Int[Array, " validation"]
    shift: Float[Array, "..."]
    scale: Float[Array, "..."]
    weights: Int[Array, ""] | None = None
    order: Int[Array, ""] | None = None
    masks: Int[Array, ""] | None = None


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
    return (x - member.shift.astype(x.dtype)[None]) / member.scale.astype(x.dtype)[None]


def inputs(pool: Pool, member: Member, indices: Int[Array, " batch"]) -> Pool:
    """The examples at the given positions, inputs scaled."""
    batch = taken(pool, indices)
    return batch._replace(x=scaled(member, batch.x))


def shortened(member: Member, batch: Pool, cut: int | None) -> tuple[Member, Pool]:
    """A batch whose sequences are cut to so many steps, and the member with the scaling of those; None: as they are."""
    if cut is None:
        return member, batch
    steps = jnp.issubdtype(batch.y.dtype, jnp.integer) and batch.y.ndim > 1
    shift, scale = (part[:cut] if part.ndim else part for part in (member.shift, member.scale))
    batch = batch._replace(x=batch.x[:, :cut], y=batch.y[:, :cut] if steps else batch.y)
    return member._replace(shift=shift, scale=scale), batch


def applied(experiment: Experiment, variables: Variables, batch: Pool, **how: Any) -> Any:
    """The model's `apply` on a batch of scaled inputs; only a model of padded sequences is asked to know lengths.

    Args:
        experiment: whose model it is.
        variables: what it is applied with.
        batch: the inputs.
        how: `train`, and Linen's `mutable` and `rngs`.
    """
    if experiment.compute == "full":
        return experiment.model.apply(variables, batch.x, **_lengths(batch), **how)
    low = {**variables, "params": _cast(variables["params"], jnp.bfloat16)}
    given = experiment.model.apply(low, _cast(batch.x, jnp.bfloat16), **_lengths(batch), **how)
    full = jnp.zeros(()).dtype
    if how.get("mutable") is None:
        return _cast(given, full)
    scores, changed = given
    return _cast(scores, full), _cast(changed, full)


def _cast(tree: Any, dtype: Any) -> Any:
    """Its floats in another precision."""

    def cast(leaf: Any) -> Any:
        return leaf.astype(dtype) if jnp.issubdtype(leaf.dtype, jnp.floating) else leaf

    return jax.tree.map(cast, tree)


def _lengths(batch: Pool) -> dict[str, Any]:
    return {} if batch.lengths is None else {"lengths": batch.lengths}


def drawn(experiment: Experiment, key: Key[Array, ""], batch: Pool) -> Variables:
    """The model's variables for a batch of scaled inputs, drawn from the key of the stream "params"."""
    return dict(experiment.model.init({"params": key}, batch.x, **_lengths(batch), train=False))


def start(experiment: Experiment, member: Member, pool: Pool, given: Variables) -> State:
    """The state before the first step: variables drawn from the stream "params", and those of `given` in their place."""
    first = shuffle(experiment, member, pool, jnp.int32(0))[: experiment.batch_size]
    state = initial(experiment, member, taken(pool, first), given)
    return ready(experiment, member, state, evaluate(experiment, state, member, pool))


def initial(experiment: Experiment, member: Member, batch: Pool, given: Variables) -> State:
    """The state that `start` gives, without its metrics, from the first batch, inputs as stored."""
    # A whole batch, for initializers that look at what a layer makes of it; where none does, the compiler leaves it out.
    seen = batch._replace(x=scaled(member, batch.x))
    variables = _replaced(_settled(drawn(experiment, rng.stream(root(member, "weights"), "params"), seen)), given)
    params = variables.pop("params")
    method = assemble(experiment.optimizer, total_steps(experiment, member.train.size))
    return State(params, variables, method.init(params), jnp.int32(0), jnp.bool_(True), {})


def ready(experiment: Experiment, member: Member, state: State, metrics: dict[str, Float[Array, ""]]) -> State:
    """An initial state with its metrics."""
    state = state._replace(metrics=metrics)
    if (stopping := experiment.stopping) is not None:
        state = state._replace(best=stopping.start(evaluated(experiment, member, state), state.metrics))
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


def targets(batch: Pool, scores: Any) -> Num[Array, "batch ..."]:
    """What the scores of a batch should be: a distribution over the classes of each example, its values, or its steps' labels.

    Args:
        batch: the examples.
        scores: what the model gave for them.
    """
    if batch.y.ndim > 1 or not isinstance(scores, jax.Array):
        return batch.y
    return jax.nn.one_hot(batch.y, scores.shape[-1], dtype=scores.dtype)


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
    validation = Validation(loss_of(state.metrics), state.step // steps_per_epoch(experiment, train))
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
    rngs = {"dropout": keys.dropout}

    def outputs(params: Any) -> tuple[Outputs, Any]:
        variables, mutable = {"params": params, **collections}, [*collections, "penalties"]
        scores, changed = applied(experiment, variables, batch._replace(x=x), train=True, mutable=mutable, rngs=rngs)
        changed = dict(changed)
        return Outputs(scores, tuple(jax.tree.leaves(changed.pop("penalties", {})))), changed

    def loss(outputs: Outputs, params: Any) -> Float[Array, ""]:
        wanted = change.mix(keys.augment, targets(batch, outputs.scores))
        total = experiment.objective(outputs.scores, wanted, params, member.train.size, batch.lengths)
        return sum(outputs.penalties, start=total)

    return Problem(outputs, loss)


def shuffle(experiment: Experiment, member: Member, pool: Pool, epoch: Int[Array, ""]) -> Int[Array, " train"]:
    """The training positions in the order of one epoch."""
    lengths = None if pool.lengths is None else pool.lengths[member.train]
    seen = Seen(pool.y[member.train], lengths, experiment.batch_size)
    return member.train[experiment.order(root(member, "order"), seen, epoch)]


def variables(experiment: Experiment, member: Member, state: State) -> Variables:
    """What a member's model is evaluated with: the parameters that the optimization method evaluates, and the collections.

    Where it stops early, those of its best epoch.
    """
    if state.best is not None:
        return dict(state.best.variables)
    method = assemble(experiment.optimizer, total_steps(experiment, member.train.size))
    return {"params": method.eval_params(state.params, state.method), **state.collections}


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


def predict(experiment: Experiment, state: State, member: Member, pool: Pool, indices: Int[Array, " n"]) -> Float[Array, "n ..."]:
    """Log-probabilities of the classes of the examples at the given positions, or of their steps; of data with values, those.

    By the parameters that the method evaluates.
    """
    together = _scores(experiment, evaluated(experiment, member, state), member, pool, indices)
    return jax.nn.log_softmax(together) if jnp.issubdtype(pool.y.dtype, jnp.integer) else together


def _scores(experiment: Experiment, given: Variables, member: Member, pool: Pool, indices: Int[Array, " n"]) -> Any:
    """What the model gives for the examples at the given positions, [n, ...], so many at a time."""

    def scores(chunk: Int[Array, " chunk"]) -> Any:
        return applied(experiment, given, inputs(pool, member, chunk), train=False)

    whole = indices.size - indices.size % EVALUATION_BATCH
    parts = []
    if whole:
        chunks = jax.lax.map(scores, indices[:whole].reshape(-1, EVALUATION_BATCH))
        parts.append(chunks.reshape(whole, *chunks.shape[2:]))
    if whole < indices.size:
        parts.append(scores(indices[whole:]))
    return jnp.concatenate(parts) if len(parts) > 1 else parts[0]


def evaluate(experiment: Experiment, state: State, member: Member, pool: Pool) -> dict[str, Float[Array, ""]]:
    """Every metric on the validation split."""
    size = member.validation.size
    places = asked(experiment, size, pool.y.ndim)
    indices = member.validation if pool.y.ndim == 1 else member.validation[np.minimum(places, size - 1)]
    _, answers = answered(experiment, member, state, pool, indices, jnp.asarray(places < size), unasked(state))
    return judged(member, pool, answers)


def asked(experiment: Experiment, size: int, axes: int) -> Int[np.ndarray, " asked"]:
    """Places in a validation split of `size` examples, in the order in which `answered` goes through them.

    Examples with one class each as they lie. Others by the batch, and in parallel tracks, so that a batch of windows goes on
    where the last one ended; places beyond the end fill the last batch, and do not count.

    Args:
        experiment: the settings.
        size: of the split.
        axes: of the labels.
    """
    if axes == 1:
        return np.arange(size)
    batch = experiment.batch_size
    return np.arange(-(-size // batch) * batch).reshape(batch, -1).T.ravel()


def unasked(state: State) -> Variables:
    """What a model carries before the first batch of an evaluation."""
    return {name: jax.tree.map(jnp.zeros_like, tree) for name, tree in state.collections.items() if name == CARRY}


def answered(
    experiment: Experiment,
    member: Member,
    state: State,
    pool: Pool,
    indices: Int[Array, " n"],
    counted: Bool[Array, " n"],
    carry: Variables,
) -> tuple[Variables, Any]:
    """What `judged` makes metrics of: scores, [n, classes]; or sums of each batch, since scores of all steps fill the memory.

    Args:
        experiment: the settings.
        member: the restart.
        state: whose parameters are evaluated.
        pool: the data.
        indices: positions in it, in the order of `asked`.
        counted: which of them count.
        carry: what the last batch left.
    """
    given = evaluated(experiment, member, state)
    if pool.y.ndim == 1:
        return carry, _scores(experiment, given, member, pool, indices)

    def body(carry: Variables, part: tuple[Array, Array]) -> tuple[Variables, dict[str, Array]]:
        places, counts = part
        whole = inputs(pool, member, places)
        scores, carry = applied(experiment, given | carry, whole, train=False, mutable=list(carry))
        return dict(carry), tally(scores, whole.y, whole.lengths, counts)

    parts = indices.reshape(-1, experiment.batch_size), counted.reshape(-1, experiment.batch_size)
    return jax.lax.scan(body, carry, parts)


def judged(member: Member, pool: Pool, answers: Any) -> dict[str, Float[Array, ""]]:
    """Every metric, of all that `answered` gave for the validation split."""
    if pool.y.ndim == 1:
        return measure(jax.nn.log_softmax(answers), pool.y[member.validation])
    return finish(jax.tree.map(lambda leaf: jnp.sum(leaf, axis=0), answers))


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
            # A running average whose momentum is n/(n + 1) in step n is the plain one.
            model = with_momentum(experiment.model, seen / (seen + 1))
            x = batch._replace(x=scaled(cut_member, batch.x))
            _, changed = model.apply(
                {"params": params, **collections}, x.x, **_lengths(x), train=True, mutable=[*collections, "penalties"], rngs=rngs
            )
            collections, seen = {name: changed[name] for name in collections}, seen + 1
        return (collections, seen), None

    return jax.lax.scan(body, sofar, given)[0]


def with_momentum(model: Any, momentum: Float[Array, ""]) -> Any:
    """A model whose batch norms give their old averages this weight."""

    def changed(path: Any, leaf: Any) -> Any:
        return jnp.asarray(momentum, jnp.asarray(leaf).dtype) if getattr(path[-1], "name", None) == "momentum" else leaf

    return jax.tree_util.tree_map_with_path(changed, model)


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
        place: lays batches, [rounds, turns, batch, ...], out over devices.
    """
    order = positions(experiment, member, pool, number)
    # One gather of a whole epoch is faster than one a step, as long as the epoch is small.
    small = order.size * math.prod(pool.x.shape[1:]) <= GATHERED
    given = place(taken(pool, order) if small else order)

    def batches(given: Any) -> Pool:
        return given if small else taken(pool, given)

    after, info = steps(experiment, member, begun(state), given, batches)
    if reestimates(experiment, after):
        sofar = (after.collections, jnp.zeros(()))
        after = corrected(after, reestimated(experiment, member, after, given, batches, sofar)[0])
    return closed(experiment, member, state, after, info, evaluate(experiment, after._replace(best=None), member, pool))


def positions(experiment: Experiment, member: Member, pool: Pool, number: Int[Array, ""]) -> Int[Array, "rounds turns batch"]:
    """Where the examples of an epoch's batches lie in the pool."""
    count, turns = steps_per_epoch(experiment, member.train.size), len(experiment.order.cuts)
    order = shuffle(experiment, member, pool, number)[: count * experiment.batch_size]
    return order.reshape(count // turns, turns, experiment.batch_size)


def begun(state: State) -> State:
    """The state before an epoch's first step: a model carries nothing on from the last epoch."""
    return state._replace(collections=state.collections | unasked(state))


def steps(experiment: Experiment, member: Member, state: State, given: Any, batches: Callable[[Any], Pool]) -> tuple[State, Info]:
    """Optimizer steps, one a batch; what each says of itself, [rounds, turns]; arguments as for `reestimated`."""

    def body(state: State, given: Any) -> tuple[State, Info]:
        turns, infos = batches(given), []
        for turn, cut in enumerate(experiment.order.cuts):
            cut_member, batch = shortened(member, jax.tree.map(itemgetter(turn), turns), cut)
            state, info = update(experiment, cut_member, state, batch)
            infos.append(info)
        return state, jax.tree.map(lambda *leaves: jnp.stack(leaves), *infos)

    return jax.lax.scan(body, state, given)


def corrected(state: State, collections: Any) -> State:
    """The state with batch norm's averages out of other collections."""
    return state._replace(collections=state.collections | {STATISTICS: collections[STATISTICS]})


def closed(
    experiment: Experiment, member: Member, state: State, after: State, info: Info, metrics: dict[str, Float[Array, ""]]
) -> tuple[State, dict[str, Array]]:
    """The end of an epoch: members that diverged or stopped stay where they were.

    Args:
        experiment: the settings.
        member: the restart.
        state: before the epoch.
        after: after its last step.
        info: what the steps said of themselves, [rounds, turns].
        metrics: measured after it.

    Returns:
        the state to go on from, and what the curves show.
    """
    latest = after._replace(best=None)
    # Quarantine: a member that diverged goes back to the last epoch's end and stays there. The state just before the first
    # loss that is not finite would not do: it is the one that gave that loss.
    # (Not by perplexity: the exponential of a finite loss overflows.)
    alive = after.alive & jnp.isfinite(jnp.stack([value for name, value in metrics.items() if name != "perplexity"])).all()
    best, going = state.best, alive
    if experiment.stopping is not None and best is not None:
        stopped = experiment.stopping.stopped(best)
        best = experiment.stopping.after(best, evaluated(experiment, member, latest), metrics)
        going = alive & ~stopped
    new = after._replace(metrics=metrics, best=best)
    kept = jax.tree.map(lambda new, old: jnp.where(going, new, old), new, state)
    training = {
        "train_loss": jnp.mean(info.loss),
        "grad_norm": jnp.mean(info.grad_norm),
        "largest_grad_norm": jnp.max(info.grad_norm),  # with the mean, the usual range that a clipping threshold is set by
    }
    curves = {name: jnp.where(alive, value, jnp.nan) for name, value in training.items()}
    if experiment.stopping is None or state.best is None:
        return kept._replace(step=after.step, alive=alive), kept.metrics | curves
    # What a member that has stopped would go on to do is nobody's business, not even that it diverges.
    kept = kept._replace(step=jnp.where(stopped, state.step, after.step), alive=jnp.where(stopped, state.alive, alive))
    rest = resting(state)
    return kept, {name: jnp.where(stopped, rest[name], value) for name, value in (kept.metrics | curves).items()}
