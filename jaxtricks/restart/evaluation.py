"""The predictions of a restart's model, and their metrics."""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, Key

from jaxtricks import rng
from jaxtricks.experiment.experiment import Experiment
from jaxtricks.experiment.masks import MonteCarlo
from jaxtricks.models.contract import CARRY, Variables
from jaxtricks.objectives.metric import finished, sums
from jaxtricks.restart.member import Member, Pool, State, applied, drawn, evaluated, inputs, labelled, root, scaled, typed
from jaxtricks.restart.phase import EvaluationSums, Over, Phase, Progress, Shared, Window, drive, put, whole
from jaxtricks.restart.reach import reaches

EVALUATION_BATCH = 1024  # the most examples of one forward pass without gradients
SEQUENCES = 64  # the most sequences of one forward pass where each step has a label, and so scores
TRACK = 32  # the fewest windows of a text that a model reads on from one to the next, if there are so many


class Found(NamedTuple):
    """The results of batches of validation examples, with a leading axis [batches].

    Args:
        rows: the number of rows that count.
        sums: metric → sums over these rows.
        kept: all scores and labels, [batches, batch, ...], if some metric needs them; None if none does.
    """

    rows: Float[Array, " batches"]
    sums: dict[str, Any]
    kept: tuple[Array, Array] | None


def predict(experiment: Experiment, state: State, member: Member, pool: Pool, indices: Int[Array, " n"]) -> Float[Array, "n ..."]:
    """Gives the predictions for the examples at the given positions, some examples at a time, see `Task.log_probs`.

    These are log-probabilities of the classes of examples or steps, or of having each label; or values. The parameters are those
    that the method evaluates.
    """
    given = evaluated(experiment, member, state)

    def said(chunk: Int[Array, " chunk"]) -> Any:
        scores, _ = applied(experiment, given, inputs(experiment, pool, member, chunk), train=False)
        return pool.task.log_probs(experiment.objective.loss, scores, member.targets)

    return chunked(said, indices)


def read(
    experiment: Experiment, state: State, member: Member, batch: Pool, carry: Variables
) -> tuple[Float[Array, "batch ..."], Variables]:
    """Gives the predictions for a whole batch, see `Task.log_probs`, and the state that the model carries on from it.

    Args:
        experiment: the settings.
        state: whose parameters are evaluated.
        member: the restart.
        batch: the examples, as stored.
        carry: what the last batch left; see `empty_carry`.
    """
    given, every = evaluated(experiment, member, state), jnp.arange(len(batch.x))
    scores, after = applied(experiment, given | carry, inputs(experiment, batch, member, every), train=False, mutable=list(carry))
    return batch.task.log_probs(experiment.objective.loss, scores, member.targets), dict(after)


def evaluate(
    experiment: Experiment, state: State, member: Member, pool: Pool, masks: MonteCarlo | None = None
) -> dict[str, Float[Array, ""]]:
    """Gives every metric on the validation split, where the device holds the data; where asked, of averages over masks."""
    pool = labelled(member, pool)
    order, shared = validation_order(member.validation.size, pool), Shared.of(pool)
    window = whole(member.validation[order.places], pool, order.counted)

    def call(phase: Phase, left: Any, window: Any) -> Any:
        return phase.run(experiment, member, shared, left, window)

    return drive(phases(masks), state, lambda over: window if over is Over.VALIDATION else (None,), call)  # type: ignore[no-any-return]


def draws_masks(experiment: Experiment, member: Member, state: State, batch: Pool) -> bool:
    """Tells whether the predictions for a batch, as stored, depend on a key of masks that comes with an evaluation.

    The state may be one of shapes: nothing is computed.
    """

    def scores(key: Key[Array, ""], state: State) -> Any:
        seen = inputs(experiment, batch, member, jnp.arange(len(batch.x)))
        return applied(experiment, evaluated(experiment, member, state), seen, train=False, key=key)[0]

    return reaches(scores, rng.root(0), state)


def contributions(experiment: Experiment, state: State, member: Member, pool: Pool, metric: str) -> Float[Array, " validation"]:
    """Gives what each validation example adds to a metric that is computed from means over examples; the mean is the metric.

    That is the delta method: `f(x̄) + f'(x̄) (x_i − x̄)`, with x_i the example's row and f what makes the metric of the means.
    """
    given, loss = evaluated(experiment, member, state), experiment.objective.loss
    measured = experiment.measured(pool.task)[metric]

    def rows(chunk: Int[Array, " chunk"]) -> Any:
        batch = inputs(experiment, pool, member, chunk)
        scores, _ = applied(experiment, given, batch, train=False)
        return measured.of_rows(pool.task.rows(loss, scores, batch.y, None, jnp.ones(len(chunk), bool), member.targets))

    each = chunked(rows, member.validation)
    means = jax.tree.map(lambda leaf: jnp.mean(leaf, axis=0), each)
    value, slope = jax.value_and_grad(lambda means: measured.value(means, None))(means)

    def added(slope: Array, leaf: Array, mean: Array) -> Array:
        # Where the slope is infinite, as of a root at zero, nothing deviates.
        return jnp.sum((jnp.where(jnp.isfinite(slope), slope, 0)[None] * (leaf - mean[None])).reshape(len(leaf), -1), axis=1)

    return value + sum(jax.tree.leaves(jax.tree.map(added, slope, each, means)))  # type: ignore[no-any-return]


def chunked(said: Callable[[Int[Array, " chunk"]], Any], indices: Int[Array, " n"], most: int = EVALUATION_BATCH) -> Any:
    """What a function says of examples, so many at a time that they fit.

    Args:
        said: places of examples in the pool → what is said of them, with a leading axis.
        indices: the places.
        most: examples at a time.
    """
    whole = indices.size - indices.size % most
    parts = []
    if whole:
        chunks = jax.lax.map(said, indices[:whole].reshape(-1, most))
        parts.append(jax.tree.map(lambda leaf: leaf.reshape(whole, *leaf.shape[2:]), chunks))
    if whole < indices.size:
        parts.append(said(indices[whole:]))
    return jax.tree.map(lambda *leaves: jnp.concatenate(leaves), *parts) if len(parts) > 1 else parts[0]


class ValidationOrder(NamedTuple):
    """The order in which the examples of a validation split are evaluated.

    Args:
        places: places in the split, [n]; some are repeated to fill the last batch.
        counted: which of them count, [n].
        unit: the number of places in a batch; `Found` has one row for each batch.
    """

    places: Int[np.ndarray, " n"]
    counted: Bool[np.ndarray, " n"]
    unit: int


def validation_order(size: int, pool: Pool) -> ValidationOrder:
    """Gives the order in which a validation split of `size` examples is evaluated, in batches.

    Whole sequences with a label for each step go in parallel tracks, so that a batch of windows goes on where the last one ended;
    other examples go in their order, in batches of one size. Repeated places fill the last batch, and do not count. All that
    depends on the data alone: a track begins without a state, so that more tracks would measure a larger loss.

    Args:
        size: the size of the split.
        pool: the data, or any part of it.
    """
    batch = _batch(size, pool)
    places = np.arange(-(-size // batch) * batch)
    if _tracks(pool):
        places = places.reshape(batch, -1).T.ravel()
    return ValidationOrder(np.minimum(places, size - 1), places < size, batch)


def _tracks(pool: Pool) -> bool:
    """Whether examples may be windows of one text, each a track's next one: padded sequences are not."""
    return pool.task.kind.per_step and pool.lengths is None


def _batch(size: int, pool: Pool) -> int:
    """The number of examples in a batch: that of tracks, or so many that few are left over."""
    if _tracks(pool):
        return min(max(size // TRACK, 1), SEQUENCES)
    most = SEQUENCES if pool.task.kind.per_step else EVALUATION_BATCH
    return -(-size // -(-size // most))


def empty_carry(experiment: Experiment, member: Member, state: State, batch: Pool) -> Variables:
    """Gives the carried state of a model before the first batch of an evaluation; `batch` has the shapes of one."""
    if CARRY not in state.collections:
        return {}

    def carry() -> Any:
        return drawn(experiment, rng.root(0), typed(batch)._replace(x=scaled(experiment, member, typed(batch).x)))[CARRY]

    shapes = jax.eval_shape(carry)  # not those of training, which has other batches
    return {CARRY: jax.tree.map(lambda leaf, like: jnp.zeros(leaf.shape, like.dtype), shapes, state.collections[CARRY])}


def begin(experiment: Experiment, member: Member, shared: Shared, state: State, window: None) -> Progress:
    """Begins the evaluation of a state, without training."""
    return Progress(None, state)


def reserve(
    experiment: Experiment,
    member: Member,
    shared: Shared,
    progress: Progress,
    window: None,
    masks: MonteCarlo | None = None,
) -> Progress:
    """Gives the progress with room for the results of all batches."""
    state, order = progress.state, validation_order(member.validation.size, shared.like)
    unit = order.unit
    some = jax.tree.map(lambda array: jnp.zeros((unit, *array.shape[1:]), array.dtype), shared.like)
    carry = empty_carry(experiment, member, state, some)
    if masks is not None:  # a state for each pass
        carry = jax.tree.map(lambda leaf: jnp.broadcast_to(leaf, (masks.passes, *leaf.shape)), carry)
    everything = Window(jnp.arange(unit), jnp.int32(0), jnp.ones(unit, bool), some)
    _, found = jax.eval_shape(lambda: _scored(experiment, member, state, everything, carry, masks))
    units = len(order.places) // unit
    return progress._replace(
        answers=EvaluationSums(carry, jax.tree.map(lambda leaf: jnp.zeros((units, *leaf.shape[1:]), leaf.dtype), found))
    )


def score(
    experiment: Experiment,
    member: Member,
    shared: Shared,
    progress: Progress,
    window: Window,
    masks: MonteCarlo | None = None,
) -> Progress:
    """Gives the progress with the results for a window of validation examples."""
    assert progress.answers is not None and window.counted is not None
    if window.pool is None:
        window = window._replace(given=jnp.arange(len(window.counted)), pool=window.given)
    carry, found = _scored(experiment, member, progress.state, window, progress.answers.carry, masks)
    return progress._replace(answers=EvaluationSums(carry, put(window.first, progress.answers.found, found)))


def _scored(
    experiment: Experiment, member: Member, state: State, window: Window, carry: Variables, masks: MonteCarlo | None
) -> tuple[Variables, Found]:
    """What `metrics_of` makes metrics of, batch by batch, since all scores may fill the memory; and what the model carries on.

    Args:
        experiment: the settings.
        member: the restart.
        state: whose parameters are evaluated.
        window: positions in a pool, in the order of `validation_order`: whole batches; and which of them count.
        carry: what the last batch left.
        masks: what predictions are averaged over; None where no mask is drawn.
    """
    assert window.pool is not None and window.counted is not None
    pool, batch = window.pool, _batch(member.validation.size, window.pool)
    given, task, loss = evaluated(experiment, member, state), pool.task, experiment.objective.loss
    metrics = experiment.measured(task)

    def body(carry: Variables, part: tuple[Array, Array, Array]) -> tuple[Variables, Found]:
        places, counts, number = part
        batch = inputs(experiment, pool, member, places)

        def once(carry: Variables, key: Key[Array, ""] | None) -> tuple[Any, Variables]:
            scores, after = applied(experiment, given | carry, batch, train=False, key=key, mutable=list(carry))
            return scores, dict(after)

        if masks is None:
            scores, after = once(carry, None)
        else:
            several, after = jax.lax.map(lambda one: once(*one), (carry, masks.keys(root(member, "masks"), number)))
            scores = task.averaged(loss, several)
        count, summed = sums(metrics, task.rows(loss, scores, batch.y, batch.steps, counts, member.targets))
        kept = (scores, batch.y) if any(metric.needs_all for metric in metrics.values()) else None
        return after, Found(count, summed, kept)

    parts = (window.given.reshape(-1, batch), window.counted.reshape(-1, batch))
    return jax.lax.scan(body, carry, (*parts, window.first + jnp.arange(len(parts[0]))))


def metrics_of(experiment: Experiment, member: Member, shared: Shared, answers: EvaluationSums) -> dict[str, Float[Array, ""]]:
    """Gives every metric from the results for the whole validation split."""
    found, task = answers.found, shared.like.task
    count, totals = jax.tree.map(lambda leaf: jnp.sum(leaf, axis=0), (found.rows, found.sums))
    every = None
    if found.kept is not None:
        size = member.validation.size
        scores, y = (leaf.reshape(-1, *leaf.shape[2:])[:size] for leaf in found.kept)
        every = task.rows(experiment.objective.loss, scores, y, None, jnp.ones(size, bool), member.targets)
    return finished(experiment.measured(task), count, totals, every)


def finish(
    experiment: Experiment, member: Member, shared: Shared, progress: Progress, window: None
) -> dict[str, Float[Array, ""]]:
    """Ends the evaluation: gives every metric."""
    assert progress.answers is not None
    return metrics_of(experiment, member, shared, progress.answers)


VALIDATE = (Phase(reserve), Phase(score, Over.VALIDATION))


@functools.cache
def phases(masks: MonteCarlo | None) -> tuple[Phase, ...]:
    """The phases of an evaluation without training; the same ones each time, so that their programs are compiled once.

    Args:
        masks: what predictions are averaged over; None where no mask is drawn.
    """
    room, scores = (functools.partial(phase, masks=masks) for phase in (reserve, score))
    return Phase(begin, in_place=False), Phase(room), Phase(scores, Over.VALIDATION), Phase(finish, in_place=False)
