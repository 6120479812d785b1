"""What a restart's model says of examples, and how good that is."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from jaxtricks.experiment.experiment import Experiment
from jaxtricks.objectives.metrics import finish, measure, tally
from jaxtricks.restart.member import CARRY, Member, Pool, State, Variables, applied, evaluated, inputs
from jaxtricks.restart.phase import Answers, Over, Phase, Progress, Shared, Window, drive, put, whole

EVALUATION_BATCH = 1024  # examples of one forward pass without gradients


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
    """Every metric on the validation split, of data that the device holds."""
    questions, shared = asked(experiment, member.validation.size, pool), Shared.of(pool)
    window = whole(member.validation[questions.places], pool, questions.counted)

    def call(phase: Phase, left: Any, window: Any) -> Any:
        return phase.run(experiment, member, shared, left, window)

    return drive(EVALUATION, state, lambda over: window if over is Over.VALIDATION else (None,), call)  # type: ignore[no-any-return]


class Questions(NamedTuple):
    """In which order the examples of a validation split are looked at.

    Args:
        places: in the split, [n]; those that fill the last batch stand for others.
        counted: which of them count, [n].
        unit: how many of them `Answers.found` has one row for.
    """

    places: Int[np.ndarray, " n"]
    counted: Bool[np.ndarray, " n"]
    unit: int


def asked(experiment: Experiment, size: int, pool: Pool) -> Questions:
    """The order in which a validation split of `size` examples is looked at.

    Examples with one class each as they lie. Others by the batch, and in parallel tracks, so that a batch of windows goes on
    where the last one ended; places beyond the end fill the last batch, and do not count.

    Args:
        experiment: the settings.
        size: of the split.
        pool: the data, or any part of it.
    """
    if pool.y.ndim == 1:
        return Questions(np.arange(size), np.ones(size, bool), 1)
    batch = experiment.batch_size
    places = np.arange(-(-size // batch) * batch).reshape(batch, -1).T.ravel()
    return Questions(np.minimum(places, size - 1), places < size, batch)


def unasked(state: State) -> Variables:
    """What a model carries before the first batch of an evaluation."""
    return {name: jax.tree.map(jnp.zeros_like, tree) for name, tree in state.collections.items() if name == CARRY}


def look(experiment: Experiment, member: Member, shared: Shared, state: State, window: None) -> Progress:
    """A state that is to be evaluated as it is."""
    return Progress(None, state)


def ask(experiment: Experiment, member: Member, shared: Shared, progress: Progress, window: None) -> Progress:
    """The progress with room for all answers."""
    state, questions = progress.state, asked(experiment, member.validation.size, shared.like)
    carry, unit = unasked(state), questions.unit
    some = jax.tree.map(lambda array: jnp.zeros((unit, *array.shape[1:]), array.dtype), shared.like)
    indices, counts = jnp.arange(unit), jnp.ones(unit, bool)
    _, found = jax.eval_shape(lambda: _answered(experiment, member, state, some, indices, counts, carry))
    units = len(questions.places) // unit
    return progress._replace(
        answers=Answers(carry, jax.tree.map(lambda leaf: jnp.zeros((units, *leaf.shape[1:]), leaf.dtype), found))
    )


def answer(experiment: Experiment, member: Member, shared: Shared, progress: Progress, window: Window) -> Progress:
    """The progress with the answers for a window of validation examples."""
    assert progress.answers is not None and window.counted is not None
    pool = window.given if window.pool is None else window.pool
    indices = jnp.arange(len(window.counted)) if window.pool is None else window.given
    carry, found = _answered(experiment, member, progress.state, pool, indices, window.counted, progress.answers.carry)
    return progress._replace(answers=Answers(carry, put(window.first, progress.answers.found, found)))


def _answered(
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


def judged(member: Member, shared: Shared, answers: Answers) -> dict[str, Float[Array, ""]]:
    """Every metric, of all answers for the validation split."""
    if shared.like.y.ndim == 1:
        return measure(jax.nn.log_softmax(answers.found), shared.pool.y[member.validation])
    return finish(jax.tree.map(lambda leaf: jnp.sum(leaf, axis=0), answers.found))


def judge(
    experiment: Experiment, member: Member, shared: Shared, progress: Progress, window: None
) -> dict[str, Float[Array, ""]]:
    """Every metric."""
    assert progress.answers is not None
    return judged(member, shared, progress.answers)


VALIDATE = (Phase(ask), Phase(answer, Over.VALIDATION))
EVALUATION = (Phase(look, in_place=False), *VALIDATE, Phase(judge, in_place=False))
