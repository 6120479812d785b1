"""Dropout of a state, with new masks in each step, at the places of zoneout."""

import jax.numpy as jnp
from jaxtyping import Array, Bool

from jaxtricks.config import NonNegative, config
from jaxtricks.nn.cells import CellState
from jaxtricks.nn.recurrent_dropout import Zoneout


@config()
class Zeroed(Zoneout):
    """Dropout of the state, at zoneout's places: single units are zero, s' = (1 - d) s̃ and at test (1 - rate) s̃.

    Args:
        inverted: 0 for that, the lecture's way; at 1 what is kept is divided by 1 - rate in training, and not scaled at test.
    """

    inverted: NonNegative = 0.0

    def __call__(self, old: CellState, new: CellState, masks: tuple[Bool[Array, "batch units"], ...] | None) -> CellState:
        keep = [1 - jnp.asarray(rate, new[0].dtype) for rate in self.rates()]
        if masks is None:
            return tuple(a * k ** (1 - self.inverted) for a, k in zip(new, keep, strict=True))
        return tuple(jnp.where(drop, 0, a / k**self.inverted) for drop, a, k in zip(masks, new, keep, strict=True))
