"""A quotient of two sums over a batch, kept apart so that parts of a batch add up to the whole."""

from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Float


class Quotient(NamedTuple):
    """`above/below`, such as the sum of some losses over their number.

    A module that sows one in the collection "penalties" says what its penalty is divided by. With `Experiment.accumulate` both
    are summed over the parts of a batch, and the result is that of the whole batch.

    Args:
        above: the numerator, [].
        below: the denominator, [], at least 0; it does not depend on the parameters.

    >>> float(jt.extend.Quotient(jnp.float32(3.0), jnp.float32(2.0)).value)
    1.5
    """

    above: Float[Array, ""]
    below: Float[Array, ""]

    @property
    def value(self) -> Float[Array, ""]:
        """The quotient, []; 0 if the denominator is 0."""
        return divided(self.above, self.below)


def divided(above: Float[Array, ""], below: Float[Array, ""]) -> Float[Array, ""]:
    """`above/below`, []; above if the denominator is 0, since a sum over nothing is 0.

    >>> float(divided(jnp.float32(0.0), jnp.float32(0.0)))
    0.0
    """
    return above / jnp.where(below > 0, below, 1)
