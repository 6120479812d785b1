"""How much each loss of a batch counts: steps that are padding or masked, weights of examples, and how rare classes are."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Array, Bool, Float


class Counting(NamedTuple):
    """What the data say of how much each loss of a batch counts; by default all count alike.

    Args:
        steps: which steps count, [batch, time]; None where all do, or where examples have one label each.
        examples: the weight of each example, [batch]; None where all have weight 1.
        balance: `n/(k n_c)` of each class in the training split, see `jaxtricks.data.balance`; None where nothing asks for it.

    >>> counting = jt.extend.Counting(steps=jnp.array([[True, False]]), examples=jnp.array([3.0]))
    >>> counting.of_steps(jnp.ones((1, 2))).tolist(), counting.of_examples(jnp.ones((1, 2))).tolist()
    ([[1.0, 0.0]], [3.0])
    """

    steps: Bool[Array, "batch time"] | None = None
    examples: Float[Array, " batch"] | None = None
    balance: Float[Array, " classes"] | None = None

    def of_steps(self, losses: Float[Array, "batch time"]) -> Float[Array | np.ndarray, "batch time"]:
        """Gives the weight of each loss within its example, [batch, time]: 1, or 0 where it does not count.

        Where all count, these are constants of NumPy, and so is what losses are divided by: nothing is left to compute, or to be
        summed over devices.
        """
        return np.ones(losses.shape, losses.dtype) if self.steps is None else self.steps.astype(losses.dtype)

    def of_examples(self, losses: Float[Array, "batch time"]) -> Float[Array | np.ndarray, " batch"]:
        """Gives the weight of each example, [batch]; where all have weight 1, these are constants, too."""
        return np.ones(len(losses), losses.dtype) if self.examples is None else self.examples.astype(losses.dtype)
