"""How the losses of a batch of sequences become one number."""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxtricks.config import Family, config
from jaxtricks.nn.quotient import Quotient

Weights = Float[Array | np.ndarray, "..."]  # [batch, time] or [batch]; NumPy's where they are constants


class Reduction(Family):
    """How the losses of all steps, [batch, time], become one number, []: their weighted sum, divided by some number.

    Padding and masked steps have weight 0. A sequence of weight 2 counts as two sequences.

    >>> jt.Objective(reduction="sum").reduction
    Summed()
    """

    def __call__(self, losses: Float[Array, "batch time"], steps: Weights, examples: Weights) -> Quotient:
        """Gives the loss of a batch, `Σ_it e_i s_it loss_it/divisor`.

        Args:
            losses: the loss of each step, [batch, time].
            steps: s, the weight of each step within its sequence, [batch, time]; 0 at steps that do not count.
            examples: e, the weight of each sequence, [batch].
        """
        weights = steps * examples[:, None]
        # Where, beside the product: a model's loss on padding need not be finite.
        return Quotient(jnp.sum(jnp.where(weights > 0, weights * losses, 0)), self.divisor(steps, examples))

    def divisor(self, steps: Weights, examples: Weights) -> Float[Array, ""]:
        """Gives the number that the weighted sum of all losses is divided by, []; arguments as for a call."""
        raise NotImplementedError


@config("tokens", rows=["T051"], paper="lecture 2")
class PerToken(Reduction):
    """`Σ e s loss/Σ e s`: the mean over the true steps of the batch, as perplexity is defined; 0 if there are none.

    >>> losses, steps = jnp.ones((2, 4)), jnp.array([[1.0, 0, 0, 0], [1, 1, 1, 0]])
    >>> float(jt.losses.PerToken()(losses, steps, jnp.ones(2)).value)
    1.0
    """

    def divisor(self, steps: Weights, examples: Weights) -> Float[Array, ""]:
        return (steps * examples[:, None]).sum()


@config("max_length", rows=["T051"], paper="lecture 2")
class PerMaxLength(Reduction):
    """`Σ e s loss/(time Σ e)`: the sum of each sequence divided by the maximum length, averaged over the batch (lecture 2).

    The maximum length is the number of steps of the padded batch; with `ByLength` that of its bucket.

    >>> losses, steps = jnp.ones((2, 4)), jnp.array([[1.0, 0, 0, 0], [1, 1, 1, 0]])
    >>> float(jt.losses.PerMaxLength()(losses, steps, jnp.ones(2)).value)
    0.5
    """

    def divisor(self, steps: Weights, examples: Weights) -> Float[Array, ""]:
        return steps.shape[1] * examples.sum()


@config("sum", rows=["T051"], paper="Zaremba+ 2014")
class Summed(Reduction):
    """`Σ e s loss/Σ e`: the sum of each sequence, averaged over the batch, as in Zaremba's code.

    >>> losses, steps = jnp.ones((2, 4)), jnp.array([[1.0, 0, 0, 0], [1, 1, 1, 0]])
    >>> float(jt.losses.Summed()(losses, steps, jnp.ones(2)).value)
    2.0
    """

    def divisor(self, steps: Weights, examples: Weights) -> Float[Array, ""]:
        return examples.sum()
