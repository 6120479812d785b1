"""The scale on which values are regressed on."""

from typing import NamedTuple

from jaxtyping import Array, Float


class Scaling(NamedTuple):
    """The shift and the scale of each output: a model learns `(y - shift)/scale`, and its scores are turned back for all else.

    Args:
        shift: subtracted from values, [outputs], in the units of the values.
        scale: what values are divided by, [outputs], in the same units.

    >>> prices = Scaling(jnp.array([3e5]), jnp.array([1e5]))
    >>> prices.scaled(jnp.array([[5e5]])), prices.restored(jnp.array([[2.0]]))
    (Array([[2.]], dtype=float32), Array([[500000.]], dtype=float32))
    """

    shift: Float[Array, " outputs"]
    scale: Float[Array, " outputs"]

    def scaled(self, values: Float[Array, "rows outputs"]) -> Float[Array, "rows outputs"]:
        """Gives values as the model learns them."""
        return (values - self.shift.astype(values.dtype)[None]) / self.scale.astype(values.dtype)[None]

    def restored(self, scores: Float[Array, "rows outputs"]) -> Float[Array, "rows outputs"]:
        """Gives scores of the model in the units of the values."""
        return self.shift.astype(scores.dtype)[None] + self.scale.astype(scores.dtype)[None] * scores
