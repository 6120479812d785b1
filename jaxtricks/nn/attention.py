"""Self-attention, over a whole sequence or over one that comes in several calls."""

from collections.abc import Callable

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from jaxtricks.nn.causal import with_past
from jaxtricks.nn.initializers import Initializer
from jaxtricks.nn.layer import Dense
from jaxtricks.nn.masks import true_steps
from jaxtricks.nn.positions import Positions, Rotary


def seen(queries: Int[Array, " queries"], keys: Int[Array, " keys"], context: int, causal: bool) -> Bool[Array, "queries keys"]:
    """Tells whether a query's step sees a key's step: less than `context` steps away, and not later if `causal`.

    >>> seen(jnp.arange(3), jnp.arange(3), context=2, causal=True).astype(int).tolist()
    [[1, 0, 0], [1, 1, 0], [0, 1, 1]]
    """
    distance = queries[:, None] - keys[None]
    return (distance < context) & (distance >= 0 if causal else -distance < context)


def attend(
    query: Float[Array, "batch queries heads features"],
    key: Float[Array, "batch keys heads features"],
    value: Float[Array, "batch keys heads features"],
    mask: Bool[Array, "#batch #heads #queries keys"],
) -> Float[Array, "batch queries heads features"]:
    """Gives softmax(Q Kᵀ/√F) V, with F the number of features, in the precision of its arguments.

    JAX's own function takes the softmax of doubles in single precision, so those are computed here.

    Args:
        query: one for each step that looks.
        key: one for each step that is looked at.
        value: what is seen there.
        mask: where a query sees a key.

    >>> one = jnp.ones((1, 1, 1, 2))
    >>> attend(one, one, 3 * one, jnp.ones((1, 1, 1, 1), bool)).tolist()
    [[[[3.0, 3.0]]]]
    """
    if query.dtype != jnp.float64:
        return jax.nn.dot_product_attention(query, key, value, mask=mask)
    scores = jnp.einsum("bqhf,bkhf->bhqk", query, key) / query.shape[-1] ** 0.5
    shares = jax.nn.softmax(jnp.where(mask, scores, jnp.finfo(scores.dtype).min), axis=-1)
    return jnp.einsum("bhqk,bkhf->bqhf", shares, value)


class Attention(nn.Module):
    """y = W_o [heads of softmax(Q Kᵀ/√F) V], with Q, K and V linear maps of x and F the features of a head (Vaswani+ 2017).

    Args:
        heads: the number of heads; each has width / heads features, with rotary positions an even number.
        context: the number of steps that a step sees: itself and those before it; if not causal, as many after it.
        causal: whether a step sees no later step.
        kernel_init: how the four maps are drawn.
        drop_connect: a `Dropout` of their single weights; None for none.
        positions: how queries and keys know the places of their steps.

    >>> attention = jt.nn.Attention(heads=2, context=8, causal=True, kernel_init=jt.nn.GlorotNormal())
    >>> attention.init_with_output(jax.random.key(0), jnp.ones((1, 5, 4)), train=False)[0].shape
    (1, 5, 4)
    """

    heads: int
    context: int
    causal: bool
    kernel_init: Initializer
    drop_connect: Callable[..., Array] | None = None
    positions: Positions = Rotary()

    @nn.compact
    def __call__(
        self, x: Float[Array, "batch time width"], train: bool, lengths: Int[Array, " batch"] | None = None, decode: bool = False
    ) -> Float[Array, "batch time width"]:
        query, key, value = (self._linear(x, train, name) for name in ("query", "key", "value"))
        steps = jnp.arange(x.shape[1])
        if decode:
            # The cache holds keys before they are turned; they turn by their place in the cache, so that angles stay small.
            past = self.context - 1
            key, value = (with_past(self, f"past_{name}", a, past, True) for name, a in (("key", key), ("value", value)))
            begun = self.variable("cache", "steps", jnp.zeros, (), jnp.int32)
            places = jnp.arange(past + x.shape[1])
            visible = seen(past + steps, places, self.context, self.causal) & (places >= past - begun.value)[None]
            begun.value = jnp.minimum(begun.value + x.shape[1], past)
        else:
            past, visible = 0, seen(steps, steps, self.context, self.causal)
        mask = visible[None, None]
        if lengths is not None:
            mask = mask & true_steps(lengths, x.shape[1])[:, None, None]
        query, key, value = (a.reshape(*a.shape[:2], self.heads, -1) for a in (query, key, value))
        y = attend(self.positions.turned(query, past), self.positions.turned(key, 0), value, mask)
        return self._linear(y.reshape(x.shape), train, "out")

    def _linear(self, x: Array, train: bool, name: str) -> Array:
        return Dense(x.shape[-1], self.kernel_init, self.drop_connect, name=name)(x, train)
