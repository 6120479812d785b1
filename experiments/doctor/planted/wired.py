"""A fully connected network as users write it, in parts that can each be wired wrongly."""

from collections.abc import Callable

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

Part = Callable[[Array, bool], Array]  # (what comes in, whether it is training) → what goes on
MASKED = 0.5  # the share of units that a mask drops


def same(x: Array, train: bool) -> Array:
    """Nothing is done."""
    return x


def relu(x: Array, train: bool) -> Array:
    """The usual activation."""
    return nn.relu(x)


class Wired(nn.Module):
    """Dense hidden layers and a dense head, with a part before, one between and one after them.

    Args:
        widths: units of the hidden layers.
        outputs: units of the head.
        before: on the flattened inputs.
        between: after each hidden layer.
        after: on the scores.
        bias: where biases of hidden layers start.

    >>> model = Wired((8,), 3)
    >>> model.init_with_output(jax.random.key(0), jnp.ones((2, 5)), train=False)[0].shape
    (2, 3)
    """

    widths: tuple[int, ...]
    outputs: int
    before: Part = same
    between: Part = relu
    after: Part = same
    bias: float = 0.0

    @nn.compact
    def __call__(self, x: Float[Array, "batch ..."], train: bool) -> Float[Array, "batch outputs"]:
        x = self.before(x.reshape(len(x), -1), train)
        for number, width in enumerate(self.widths):
            x = nn.Dense(width, bias_init=nn.initializers.constant(self.bias), name=f"hidden_{number}")(x)
            x = self.between(x, train)
        return self.after(nn.Dense(self.outputs, name="head")(x), train)


# Ends


def softmax(x: Array, train: bool) -> Array:
    """Probabilities where the loss takes scores."""
    return nn.softmax(x)


def softmax_over_batch(x: Array, train: bool) -> Array:
    """Normalized over the examples in place of the classes."""
    return nn.softmax(x, axis=0)


def sigmoid(x: Array, train: bool) -> Array:
    """Bounded scores."""
    return nn.sigmoid(x)


def nothing_below_zero(x: Array, train: bool) -> Array:
    """No negative score."""
    return nn.relu(x)


def one_row(x: Array, train: bool) -> Array:
    """The whole batch as one example."""
    return x.mean(axis=0, keepdims=True)


# Between


def hidden_softmax(x: Array, train: bool) -> Array:
    """A softmax for an activation."""
    return nn.softmax(x)


def stopped(x: Array, train: bool) -> Array:
    """No gradient goes further back."""
    return jax.lax.stop_gradient(nn.relu(x))


def rounded(x: Array, train: bool) -> Array:
    """Whole numbers, which have no gradient."""
    return jnp.round(4 * nn.relu(x)) / 4


def silent(x: Array, train: bool) -> Array:
    """The next layer gets nothing of it."""
    return 0 * nn.relu(x)


def same_mask(x: Array, train: bool) -> Array:
    """Dropout whose key is the same at every step."""
    x = nn.relu(x)
    keep = jax.random.bernoulli(jax.random.key(0), 1 - MASKED, x.shape)
    return jnp.where(keep, x / (1 - MASKED), 0.0) if train else x


def always_dropped(x: Array, train: bool) -> Array:
    """Dropout that evaluation does not turn off."""
    return nn.Dropout(MASKED, deterministic=False)(nn.relu(x))


def always_masked(x: Array, train: bool) -> Array:
    """Dropout that evaluation does not turn off, with a key of its own there."""
    x = nn.relu(x)
    key = jax.random.key(1)
    if train:
        return nn.Dropout(MASKED, deterministic=False)(x)
    return jnp.where(jax.random.bernoulli(key, 1 - MASKED, x.shape), x / (1 - MASKED), 0.0)


def batch_statistics(x: Array, train: bool) -> Array:
    """Batch norm by the batch's own statistics in evaluation, too."""
    return nn.relu(nn.BatchNorm(use_running_average=False)(x))


def own_batch_norm(x: Array, train: bool) -> Array:
    """Batch norm of a user's own that keeps no averages, so that it is by the batch in evaluation, too."""
    return nn.relu((x - x.mean(axis=0)) / jnp.sqrt(x.var(axis=0) + 1e-5))


# Before


def mixed(x: Array, train: bool) -> Array:
    """Turned and given the old shape again, so that a row holds numbers of many examples."""
    return x.T.reshape(x.shape)


def scaled_over_batch(x: Array, train: bool) -> Array:
    """Each number beside the largest one of its column in the batch."""
    return x / (jnp.abs(x).max(axis=0, keepdims=True) + 1e-6)


def less_the_others(x: Array, train: bool) -> Array:
    """Each example less the batch's mean of all examples up to it."""
    return x - jnp.cumsum(x, axis=0) / jnp.arange(1, len(x) + 1)[:, None]
