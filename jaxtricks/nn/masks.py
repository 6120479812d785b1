"""Which steps of padded sequences are true."""

import jax.numpy as jnp
from jaxtyping import Array, Bool, Int


def true_steps(lengths: Int[Array, " batch"], time: int) -> Bool[Array, "batch time"]:
    """`t < length`: whether each step belongs to its sequence and is no padding.

    Args:
        lengths: true steps of each sequence, [batch].
        time: steps with padding.
    """
    return jnp.arange(time)[None] < lengths[:, None]
