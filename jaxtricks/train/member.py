"""One restart, as pure functions: start, step, epoch, evaluate. `program` makes many of them.

Nothing here prints, logs or calls back. Everything random comes from the restart's seed by named streams.
"""

import math
from collections.abc import Callable
from operator import itemgetter
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
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
        arrays: Any = data if isinstance(data, Examples) else data.pool
        return jax.tree.map(jnp.asarray, cls(*arrays))


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
    """The examples at the given positions, inputs as the data set stores them: tokens, or numbers in JAX's default precision."""
    x, y, lengths = pool.x[indices], pool.y[indices], None if pool.lengths is None else pool.lengths[indices]
    return Pool(x if x.dtype == jnp.int32 else x.astype(jnp.zeros(()).dtype), y, lengths)


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
    weights = root(member, "weights")
    key = rng.stream(weights, "params")
    # A whole batch, for initializers that look at what a layer makes of it; where none does, the compiler leaves it out.
    batch = inputs(pool, member, shuffle(experiment, member, pool, jnp.int32(0))[: experiment.batch_size])
    variables = _replaced(_settled(drawn(experiment, key, batch)), given)
    params = variables.pop("params")
    method = assemble(experiment.optimizer, total_steps(experiment, member.train.size))
    state = State(params, variables, method.init(params), jnp.int32(0), jnp.bool_(True), {})
    state = state._replace(metrics=evaluate(experiment, state, member, pool))
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
    given = evaluated(experiment, member, state)

    def scores(chunk: Int[Array, " chunk"]) -> Any:
        return applied(experiment, given, inputs(pool, member, chunk), train=False)

    whole = indices.size - indices.size % EVALUATION_BATCH
    parts = []
    if whole:
        chunks = jax.lax.map(scores, indices[:whole].reshape(-1, EVALUATION_BATCH))
        parts.append(chunks.reshape(whole, *chunks.shape[2:]))
    if whole < indices.size:
        parts.append(scores(indices[whole:]))
    together = jnp.concatenate(parts) if len(parts) > 1 else parts[0]
    return jax.nn.log_softmax(together) if jnp.issubdtype(pool.y.dtype, jnp.integer) else together


def evaluate(experiment: Experiment, state: State, member: Member, pool: Pool) -> dict[str, Float[Array, ""]]:
    """Every metric on the validation split; sequences by the batch, since all scores of their steps would fill the memory."""
    if pool.y.ndim == 1:
        return measure(predict(experiment, state, member, pool, member.validation), pool.y[member.validation])
    given, batch = evaluated(experiment, member, state), experiment.batch_size
    steps = -(-member.validation.size // batch)
    # In parallel tracks, as they lie in the data: one batch of windows goes on where the last one ended.
    places = jnp.arange(steps * batch).reshape(batch, steps).T
    carry = {CARRY: jax.tree.map(jnp.zeros_like, state.collections[CARRY])} if CARRY in state.collections else {}

    def body(carry: Variables, places: Int[Array, " batch"]) -> tuple[Variables, dict[str, Array]]:
        whole = inputs(pool, member, member.validation[jnp.minimum(places, member.validation.size - 1)])
        scores, carry = applied(experiment, given | carry, whole, train=False, mutable=list(carry))
        return dict(carry), tally(scores, whole.y, whole.lengths, places < member.validation.size)

    _, sums = jax.lax.scan(body, carry, places)
    return finish(jax.tree.map(lambda leaf: jnp.sum(leaf, axis=0), sums))


def _reestimated(experiment: Experiment, member: Member, state: State, given: Any, batches: Callable[[Any], Pool]) -> Any:
    """Batch norm's averages at the parameters that are evaluated: the plain mean over all batches of an epoch.

    Args:
        experiment: the settings.
        member: the restart.
        state: after the epoch's last step.
        given: what `batches` makes an epoch's batches of, [rounds, turns, ...].
        batches: the same for one round.
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

    (collections, _), _ = jax.lax.scan(body, (state.collections, jnp.zeros(())), given)
    return collections[STATISTICS]


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
    steps, cuts = steps_per_epoch(experiment, member.train.size), experiment.order.cuts
    order = shuffle(experiment, member, pool, number)[: steps * experiment.batch_size]
    order = order.reshape(steps // len(cuts), len(cuts), experiment.batch_size)

    # One gather of a whole epoch is faster than one a step, as long as the epoch is small.
    small = order.size * math.prod(pool.x.shape[1:]) <= GATHERED
    ready = place(taken(pool, order) if small else order)

    def body(state: State, given: Any) -> tuple[State, Info]:
        batches, infos = given if small else taken(pool, given), []
        for turn, cut in enumerate(cuts):
            cut_member, batch = shortened(member, jax.tree.map(itemgetter(turn), batches), cut)
            state, info = update(experiment, cut_member, state, batch)
            infos.append(info)
        return state, jax.tree.map(lambda *leaves: jnp.stack(leaves), *infos)

    if CARRY in state.collections:
        state = state._replace(collections=state.collections | {CARRY: jax.tree.map(jnp.zeros_like, state.collections[CARRY])})
    after, info = jax.lax.scan(body, state, ready)
    averaging = experiment.optimizer.averaging
    if averaging is not None and averaging.REESTIMATES and STATISTICS in after.collections:
        again = _reestimated(
            experiment, member, after, ready if small else order, lambda given: given if small else taken(pool, given)
        )
        after = after._replace(collections=after.collections | {STATISTICS: again})
    latest = after._replace(best=None)
    metrics = evaluate(experiment, latest, member, pool)
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
