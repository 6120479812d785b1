"""Optax chains that a user builds in a module of their own."""

import optax

import jaxtricks as jt


@jt.extend.config()
def clipped_adam(learning_rate: float = 1e-3, b1: float = 0.9, largest: float = 1e9) -> optax.GradientTransformation:
    """Adam of a clipped gradient."""
    return optax.chain(optax.clip(largest), optax.adam(learning_rate, b1=b1))


@jt.extend.config()
def signs(nesterov: bool, momentum: float = 0.5) -> optax.GradientTransformation:
    return optax.chain(optax.trace(momentum, nesterov=nesterov), optax.scale_by_sign(), optax.scale(-0.01))
