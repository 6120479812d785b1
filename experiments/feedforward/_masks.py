"""A network trained with dropout, and what it says with other masks and other scales than those it is used with."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

import jaxtricks as jt
from jaxtricks import rng
from jaxtricks.evaluate.claim import Scale


def trained(dropout: jt.Dropout, scale: Scale) -> jt.Runs:
    """A ReLU network of 2×128 on 2 000 MNIST images (1 000 more to validate on), 30 epochs of Adam (1e-3, batch 100).

    Args:
        dropout: of the hidden units.
        scale: of the claim; at full scale 3×1024 on 50 000 images.
    """
    pool = jt.load(scale.pick(smoke="digits", cpu="mnist", full="mnist"))
    size, held_out = scale.pick(smoke=(200, 1 / 2), cpu=(3_000, 1 / 3), full=(60_000, 1 / 6))
    experiment = jt.Experiment(
        model=jt.MLP(widths=scale.pick(smoke=(8,), cpu=(128, 128), full=(1024, 1024, 1024)), dropout=dropout),
        inputs=jt.experiment.Unit(),
        batch_size=100,
        epochs=scale.budget(smoke=2, cpu=30, full=60),
    )
    return jt.fit(experiment, scale.examples(pool, size, held_out), seeds=scale.restarts)


def validation(runs: jt.Runs) -> tuple[Float[np.ndarray, "runs examples ..."], Int[np.ndarray, "runs examples"]]:
    """Every restart's validation examples, scaled as its model takes them, and their labels."""
    member = runs.members
    return (runs.data.x[member.validation] - member.shift[:, None]) / member.scale[:, None], runs.data.y[member.validation]


def scaled(runs: jt.Runs, dropout: jt.Dropout) -> Float[np.ndarray, "runs examples classes"]:
    """Logits of the whole network on the validation examples, its units scaled for test as `dropout` says."""
    model = runs.experiment.replace({"model.dropout": dropout}).model

    def one(args: tuple[Any, Array]) -> Any:
        return model.apply(args[0], args[1], train=False)

    return np.asarray(jax.lax.map(one, (runs.variables, jnp.asarray(validation(runs)[0]))))


def averaged(runs: jt.Runs, masks: int) -> Float[np.ndarray, "runs examples classes"]:
    """Probabilities of the validation examples, averaged over networks with masks as in training."""
    model = runs.experiment.model

    def one(args: tuple[Any, Array, Array]) -> Array:
        variables, x, seed = args

        def add(total: Array, mask: Array) -> tuple[Array, None]:
            key = rng.stream(rng.root(seed), "masks", mask)
            logits: Any = model.apply(variables, x, train=True, rngs={"dropout": key})
            return total + jax.nn.softmax(logits), None

        shape: Any = jax.eval_shape(lambda: model.apply(variables, x, train=False))
        return jax.lax.scan(add, jnp.zeros(shape.shape), jnp.arange(masks))[0] / masks

    arrays = (runs.variables, jnp.asarray(validation(runs)[0]), jnp.asarray(runs.seeds))
    return np.asarray(jax.lax.map(one, arrays))


def accuracy(scores: Float[np.ndarray, "runs examples classes"], runs: jt.Runs) -> Float[np.ndarray, " runs"]:
    """Share of validation examples whose highest score is their class."""
    return (scores.argmax(axis=2) == validation(runs)[1]).mean(axis=1)
