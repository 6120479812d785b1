"""What a user keeps in a module of their own: a function, a plain Linen module, and one whose floats are traced."""

from typing import Any

import flax.linen as nn
import jax.numpy as jnp

import jaxtricks as jt


def cube(x):
    return x**3


class Plain(nn.Module):
    """A model that knows nothing of jaxtricks: all of it is static, its float too."""

    outputs: int = 10
    widths: tuple[int, ...] = (4,)
    gain: float = 1.0
    inner: Any = None

    @nn.compact
    def __call__(self, x, train):
        x = x.reshape(x.shape[0], -1)
        for i, width in enumerate(self.widths):
            x = jnp.tanh(self.gain * nn.Dense(width, name=f"dense_{i}")(x))
        return nn.Dense(self.outputs, name="head")(x if self.inner is None else self.inner(x, train))


@jt.extend.config()
class Scaled(nn.Module):
    """A module whose float is traced, around another one."""

    scale: float = 1.0
    shift: float | None = None
    inner: nn.Module | None = None
    outputs: int = 3

    @nn.compact
    def __call__(self, x, train):
        if self.inner is not None:
            x = self.inner(x, train)
        x = nn.Dense(self.outputs, name="dense")(x) * self.scale
        return x if self.shift is None else x + self.shift


def share_right(scores, targets):
    """A metric of classes."""
    return jnp.mean(scores.argmax(axis=-1) == targets)


def largest_error(scores, targets):
    """A metric of values."""
    return jnp.max(jnp.abs(scores - targets))


def farthest(scores, targets):
    """A metric of classes that is better when lower."""
    return jnp.max(scores.max(axis=-1) - jnp.take_along_axis(scores, targets[:, None], axis=-1)[:, 0])


def pseudo_huber(scores, targets):
    """A loss of values."""
    return (jnp.sqrt(1 + (scores - targets) ** 2) - 1).mean(axis=-1)
