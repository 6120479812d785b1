"""The members' predictions as StableHLO: one file that JAX alone opens, for any number of examples and on any device."""

from typing import Any

import jax
import jax.export  # a module of its own
import jax.numpy as jnp
import numpy as np

from jaxtricks.data import Dataset
from jaxtricks.objectives.task import task_of
from jaxtricks.publish.forward import outputs_of, predictors
from jaxtricks.train.runs import Runs

PLATFORMS = ("cpu", "cuda", "tpu")


def compiled(runs: Runs) -> jax.export.Exported:
    """Gives the function (inputs as stored, and lengths where sequences are padded) → (outputs, mean) of all members.

    `outputs` are the members' log-probabilities, or values, [members, examples, …]. They are computed as by `Runs.log_probs`, as
    many members at a time as the runs were trained with (`runs.plan.width`), and are equal to the bit on the same machine with
    the same jax, for up to 1,024 examples at a time. `mean` is the mean of the probabilities, or of the values, in float32.

    Args:
        runs: the members.

    >>> digits, base = jt.load("digits").subset(100, seed=0), jt.Experiment(model=jt.MLP(widths=(8,)), epochs=1)
    >>> runs = jt.fit(base, digits, seeds=3, progress=False)
    >>> found = compiled(runs)
    >>> outputs, mean = found.call(digits.x[:4])
    >>> outputs.shape, mean.shape, bool((outputs == runs.log_probs(digits.x[:4])).all())
    ((3, 4, 10), (4, 10), True)
    """
    each, outputs, width, scales = predictors(runs), outputs_of(runs), runs.plan.width, task_of(runs.data).kind.scales
    rows = np.minimum(np.arange(-(-len(runs) // width) * width), len(runs) - 1)  # whole chunks, as in training

    def model(x: Any, lengths: Any = None) -> Any:
        # Behind a barrier the compiler sees no constants, which it would compute with in another way.
        held = jax.lax.optimization_barrier(jax.tree.map(jnp.asarray, each))
        chunks = jax.tree.map(lambda leaf: leaf[rows], held)
        batch = width if width > 1 else None
        found = jax.lax.map(lambda one: outputs(one, x, lengths), chunks, batch_size=batch)[: len(runs)]
        return found, jnp.mean(found if scales else jnp.exp(found), axis=0)

    (examples,) = jax.export.symbolic_shape("examples")
    given = inputs_like(runs.data, examples)
    try:
        return jax.export.export(jax.jit(model), platforms=PLATFORMS)(*given)
    except NotImplementedError:  # an operation that some of these have not
        return jax.export.export(jax.jit(model))(*given)


def inputs_like(data: Dataset, examples: Any) -> list[jax.ShapeDtypeStruct]:
    """The shapes and types of the inputs of a model: of x as it is stored, and of lengths where sequences are padded.

    Args:
        data: the data set.
        examples: their number, or a symbol of it.

    >>> inputs_like(jt.load("digits"), 5)
    [ShapeDtypeStruct(shape=(5, 8, 8, 1), dtype=uint8)]
    """
    x = jax.ShapeDtypeStruct((examples, *data.shape), data.x.dtype)
    return [x] if data.lengths is None else [x, jax.ShapeDtypeStruct((examples,), np.int32)]
