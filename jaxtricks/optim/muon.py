"""Muon: momentum made orthogonal, for kernels; the other parameters by Adam."""

import math
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float

from jaxtricks.config import Count, Positive, Rate, config
from jaxtricks.nn.kernels import kernel_mask
from jaxtricks.nn.stacks import by_layer
from jaxtricks.optim.rules import Rule

QUINTIC = (3.4445, -4.7750, 2.0315)  # Jordan+ 2024: drives singular values into about 0.7 … 1.2 in five iterations
ADAM_RMS = 0.2  # Liu+ 2025: about the size of Adam's steps, so that one learning rate serves all parameters


@config("muon", rows=["T033"], paper="Jordan+ 2024; Liu+ 2025")
class Muon(Rule):
    """m ← γ m + g, d = 0.2 √max(i, o) NS(γ m + g) for a kernel [i, o], where NS(U S Vᵀ) ≈ U Vᵀ; other parameters by Adam.

    NS repeats X ← a X + b (X Xᵀ) X + c (X Xᵀ)² X, starting from X/‖X‖. The kernel [h, w, i, o] of a convolution is taken as
    [h w i, o]. The kernel of the output layer is treated like the others; Jordan+ leave it to Adam.

    Args:
        learning_rate: α, of the size that is usual for Adam.
        weight_decay: how weights are made smaller; a number is the rate λ of decoupled decay.
        momentum: γ.
        b1: Adam's β₁.
        b2: Adam's β₂.
        epsilon: Adam's ε.
        iterations: the number of iterations of NS.

    >>> jt.Optimizer(rule="muon").rule.learning_rate
    0.001
    """

    TAKES_STACKS: ClassVar[bool] = True

    learning_rate: Positive = 1e-3
    momentum: Rate = 0.95
    b1: Rate = 0.9
    b2: Rate = 0.999
    epsilon: Positive = 1e-8
    iterations: Count = 5

    def direction(self) -> optax.GradientTransformation:
        def turn(updates: Any, params: Any = None) -> Any:
            return by_layer(lambda u: _orthogonalized(u, self.iterations), updates)

        orthogonal = optax.chain(optax.trace(self.momentum, nesterov=True), optax.stateless(turn))
        others = optax.scale_by_adam(b1=self.b1, b2=self.b2, eps=self.epsilon)
        return optax.chain(
            optax.masked(orthogonal, kernel_mask),
            optax.masked(others, lambda params: jax.tree.map(lambda kernel: not kernel, kernel_mask(params))),
        )


def _orthogonalized(update: Float[Array, "*inputs outputs"], iterations: int) -> Float[Array, "*inputs outputs"]:
    """Gives approximately the nearest matrix with orthogonal rows or columns, times 0.2 √(its longer side)."""
    x = update.reshape(-1, update.shape[-1])
    fan_in, fan_out = x.shape
    x = x.T if fan_in > fan_out else x  # the smaller product
    norm = jnp.linalg.norm(x)
    x = x / jnp.where(norm > 0, norm, 1)
    a, b, c = QUINTIC
    for _ in range(iterations):
        square = x @ x.T
        x = a * x + (b * square + c * square @ square) @ x
    x = x.T if fan_in > fan_out else x
    return ADAM_RMS * math.sqrt(max(fan_in, fan_out)) * x.reshape(update.shape)
