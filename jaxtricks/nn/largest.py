"""The largest of many values, where how many are wanted may be traced."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int


def largest(values: Float[Array, "*shape"], count: Int[Array, ""]) -> Bool[Array, "*shape"]:
    """Which values are the `count` largest ones, exactly so many; of equal ones those that come first.

    The count may be traced. The least value that is kept is found bit by bit: floats are in the order of their bits, once those
    of negative ones are turned over. That takes some 50 sums over all values, and is faster than sorting them.

    Args:
        values: none of them nan; -0 counts as less than 0.
        count: how many, at most as many as there are.

    >>> from jaxtricks.nn.largest import largest
    >>> largest(jnp.array([0.3, -0.1, 0.2, 0.2]), jnp.int32(2)).tolist()
    [True, False, True, False]
    """
    size = 8 * values.dtype.itemsize
    bits = jax.lax.bitcast_convert_type(jax.lax.stop_gradient(values).ravel(), jnp.dtype(f"uint{size}"))
    places, one = jnp.arange(bits.size, dtype=jnp.int32), jnp.ones((), bits.dtype)
    bits = jnp.where(bits >> (size - 1) == 1, ~bits, bits | (one << (size - 1)))

    def higher(step: Array, least: Array) -> Array:
        more = least | (one << (size - 1 - step).astype(bits.dtype))
        return jnp.where(jnp.sum(bits >= more) >= count, more, least)

    least = jax.lax.fori_loop(0, size, higher, jnp.zeros((), bits.dtype))
    above, level = bits > least, bits == least
    needed, width = count - jnp.sum(above), bits.size.bit_length()

    def further(step: Array, last: Array) -> Array:
        more = last | (1 << (width - 1 - step))
        return jnp.where(jnp.sum(level & (places < more)) < needed, more, last)

    last = jax.lax.fori_loop(0, width, further, jnp.int32(0))
    return (above | (level & (places <= last))).reshape(values.shape) & (count > 0)
