"""Deep networks of equal blocks, one after the other in a scan, so that a hundred layers compile as fast as two."""

from collections.abc import Sequence
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

import jaxtricks as jt
from jaxtricks import rng
from jaxtricks.nn.layer import Dense


class Block(nn.Module):
    """Dense layers, each followed by its normalization and its activation; around all of them a residual path if asked for."""

    widths: tuple[int, ...]
    activation: jt.nn.Activation
    kernel_init: jt.nn.Initializer
    normalization: jt.nn.Normalization | None
    residual: bool

    @nn.compact
    def __call__(self, x: Float[Array, "batch inputs"], train: bool) -> Float[Array, "batch outputs"]:
        y = x
        for i, width in enumerate(self.widths):
            y = Dense(width, self.kernel_init, name=f"dense_{i}")(y)
            if self.normalization is not None:
                y = self.normalization(y, train=train, name=f"norm_{i}")
            y = self.activation(y)
        return x + y if self.residual else y


class Deep(nn.Module):
    """A first layer, equal blocks with weights of their own, and a linear head.

    Args:
        depth: the hidden layers in all, the first one included.
        widths: the units of a block's layers; the first layer has as many as the last of them.
        activation: of each layer.
        kernel_init: how all kernels are drawn; biases start at zero.
        normalization: of the pre-activations; None for none.
        residual: whether each block is added to what goes into it.
        outputs: the classes.
    """

    depth: int
    widths: tuple[int, ...]
    activation: jt.nn.Activation = jt.nn.ReLU()
    kernel_init: jt.nn.Initializer = jt.nn.HeNormal()
    normalization: jt.nn.Normalization | None = None
    residual: bool = False
    outputs: int = 10

    @nn.compact
    def __call__(self, x: Float[Array, "batch ..."], train: bool) -> Float[Array, "batch outputs"]:
        x = x.reshape(x.shape[0], -1)
        parts = self.activation, self.kernel_init, self.normalization
        x = Block(self.widths[-1:], *parts, residual=False, name="first")(x, train)
        if count := (self.depth - 1) // len(self.widths):
            blocks = nn.scan(
                lambda block, x, _: (block(x, train), None),
                variable_axes={"params": 0, "batch_stats": 0},
                split_rngs={"params": True},
                length=count,
            )
            x, _ = blocks(Block(self.widths, *parts, residual=self.residual, name="blocks"), x, None)
        return Dense(self.outputs, self.kernel_init, name="head")(x)


Batches = tuple[Float[Array, "seeds batch ..."], Int[Array, "seeds batch"]]


def batches(seeds: Sequence[int], size: int) -> Batches:
    """Standardized digits of each seed's training split, with their classes."""
    digits, found = jt.load("digits"), []
    for seed in seeds:
        train = digits.split(seed).train
        shift, spread = (part[0] for part in jt.experiment.Standardize().moments(digits, train[None]))
        drawn = rng.host(seed, "batch").choice(train, size, replace=False)
        found.append(((digits.x[drawn] - shift) / spread, digits.y[drawn]))
    x, y = (jnp.asarray(np.stack(arrays)) for arrays in zip(*found, strict=True))
    return x, y


def first_gradients(model: Deep, seeds: Sequence[int], given: Batches) -> Float[np.ndarray, "seeds two"]:
    """ln of the norms of the first layer's gradient and of its weights, before the first step, of every restart on its own batch.

    The gradient is that of the mean cross-entropy.
    """

    def one(seed: Array, x: Array, y: Array) -> Array:
        variables = model.init({"params": rng.stream(rng.root(seed), "params")}, x, train=False)
        rest = {name: tree for name, tree in variables.items() if name != "params"}

        def loss(params: Any) -> Array:
            logits: Any = model.apply({"params": params, **rest}, x, train=True, mutable=list(rest))[0]
            return jt.losses.CrossEntropy()(logits, jax.nn.one_hot(y, 10)).mean()

        params = variables["params"]
        kernels = (tree["first"]["dense_0"]["kernel"] for tree in (jax.grad(loss)(params), params))
        return jnp.stack([log_norm(kernel) for kernel in kernels])

    return np.asarray(jax.jit(lambda *arrays: jax.lax.map(lambda each: one(*each), arrays))(jnp.asarray(seeds), *given))


def log_norm(array: Float[Array, "..."]) -> Float[Array, ""]:
    """ln of the Euclidean norm, also where the squares are too large for a number."""
    largest = jnp.max(jnp.abs(array))
    return jnp.log(largest) + jnp.log(jnp.linalg.norm(array / largest))
