"""What the claims on normalization have in common: a layer alone, Ioffe and Szegedy's network, and trained networks applied."""

from typing import Any, Literal

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

import jaxtricks as jt
from jaxtricks.evaluate.claim import Scale

UNITS = 100


class Alone(nn.Module):
    """A normalization and nothing else.

    Args:
        normalization: the layer.
    """

    normalization: jt.nn.Normalization

    @nn.compact
    def __call__(self, x: Float[Array, "batch features"], train: bool) -> Float[Array, "batch features"]:
        return self.normalization(x, train=train, name="norm")


def three_layers(activation: jt.nn.Activation, scale: Scale) -> tuple[jt.Experiment, jt.Dataset, int, float]:
    """Ioffe and Szegedy's network of three layers of 100 units, on 2 000 MNIST images (1 000 more to validate on).

    Batches are of 50 and there are 12 epochs of SGD; Glorot's weights. The paper's units are sigmoids, its batches of 60 of all
    of MNIST, its steps 50 000, which are about those of full scale.

    Args:
        activation: of the units.
        scale: of the claim.

    Returns:
        The experiment, the pool of its images, how many are taken, and the share of them that is validated on.
    """
    pool = jt.load(scale.pick(smoke="digits", cpu="mnist", full="mnist"))
    size, held_out = scale.pick(smoke=(200, 1 / 2), cpu=(3_000, 1 / 3), full=(60_000, 1 / 6))
    experiment = jt.Experiment(
        model=jt.MLP(
            widths=scale.pick(smoke=(8,), cpu=(UNITS,) * 3, full=(UNITS,) * 3),
            activation=activation,
            kernel_init=jt.nn.GlorotNormal(),
        ),
        optimizer=jt.Optimizer(rule=jt.SGD()),
        inputs=jt.experiment.Unit(),
        batch_size=scale.pick(smoke=50, cpu=50, full=60),
        epochs=scale.budget(smoke=2, cpu=12, full=60),
    )
    return experiment, pool, size, held_out


def inputs(runs: jt.Runs, split: Literal["train", "validation"]) -> Float[np.ndarray, "runs examples ..."]:
    """Every restart's examples, scaled as its model takes them."""
    member = runs.members
    return (runs.data.x[getattr(member, split)] - member.shift[:, None]) / member.scale[:, None]


def logits(
    runs: jt.Runs, x: Float[np.ndarray, "runs batches batch ..."], *, train: bool
) -> Float[np.ndarray, "runs batches batch classes"]:
    """Every restart's logits for batches of its own, as in training, with the statistics of the batch, or as at test."""
    model = runs.experiment.model

    def one(args: tuple[Any, Array]) -> Array:
        variables, batches = args
        kept = [name for name in variables if name != "params"]
        return jax.lax.map(lambda batch: model.apply(variables, batch, train=train, mutable=kept)[0], batches)

    return np.asarray(jax.jit(lambda args: jax.lax.map(one, args))((runs.variables, jnp.asarray(x))))


def batches(order: Int[np.ndarray, "runs examples"], size: int) -> Int[np.ndarray, "runs batches size"]:
    """An order of examples as whole batches; the rest is left out."""
    return order[:, : order.shape[1] // size * size].reshape(len(order), -1, size)
