"""What a restart's model says of examples, and how good that is."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from jaxtricks.experiment.experiment import Experiment
from jaxtricks.objectives.metrics import finish, measure, tally
from jaxtricks.restart.member import CARRY, Member, Pool, State, Variables, applied, evaluated, inputs

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
