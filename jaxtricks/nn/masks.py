"""Which steps of padded sequences are true."""

import jax.numpy as jnp
from jaxtyping import Array, Bool, Int


def true_steps(lengths: Int[Array, " batch"], time: int) -> Bool[Array, "batch time"]:
    """Tells for each step whether it belongs to its sequence (`t < length`) or is padding.

    Args:
        lengths: the true number of steps of each sequence, [batch].
        time: the number of steps, with padding.

    >>> true_steps(jnp.array([1, 3]), time=3).astype(int).tolist()
    [[1, 0, 0], [1, 1, 1]]
    """
    return jnp.arange(time)[None] < lengths[:, None]
