"""How the losses of a batch of sequences become one number."""

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from jaxtricks.config import Family, config
from jaxtricks.nn.masks import true_steps


class Reduction(Family):
    """How the losses of all steps, [batch, time], become one number, []; padding does not count.

    >>> jt.Objective(reduction="sum").reduction
    Summed()
    """

    def __call__(self, losses: Float[Array, "batch time"], lengths: Int[Array, " batch"] | None) -> Float[Array, ""]:
        """Gives the loss of a batch.

        Args:
            losses: the loss of each step, [batch, time].
            lengths: true steps of each sequence, [batch]; None where all are whole.
        """
        valid = jnp.ones(losses.shape, bool) if lengths is None else true_steps(lengths, losses.shape[1])
        # Not a product: a model's loss on padding need not be finite.
        return self.reduced(jnp.sum(jnp.where(valid, losses, 0)), valid)

    def reduced(self, total: Float[Array, ""], valid: Bool[Array, "batch time"]) -> Float[Array, ""]:
        """Divides the sum of all losses, []; `valid`, [batch, time], is 1 at true steps."""
        raise NotImplementedError


@config("tokens", rows=["T051"], paper="lecture 2")
class PerToken(Reduction):
    """`Σ loss/Σ length`: the mean over the true steps of the batch, as perplexity is defined; 0 if there are none.

    >>> losses, lengths = jnp.ones((2, 4)), jnp.array([1, 3])
    >>> float(jt.losses.PerToken()(losses, lengths))
    1.0
    """

    def reduced(self, total: Float[Array, ""], valid: Bool[Array, "batch time"]) -> Float[Array, ""]:
        return total / jnp.maximum(jnp.sum(valid), 1)


@config("max_length", rows=["T051"], paper="lecture 2")
class PerMaxLength(Reduction):
    """`Σ loss/(batch · time)`: the sum of each sequence divided by the maximum length, averaged over the batch (lecture 2).

    The maximum length is the number of steps of the padded batch; with `ByLength` that of its bucket.

    >>> losses, lengths = jnp.ones((2, 4)), jnp.array([1, 3])
    >>> float(jt.losses.PerMaxLength()(losses, lengths))
    0.5
    """

    def reduced(self, total: Float[Array, ""], valid: Bool[Array, "batch time"]) -> Float[Array, ""]:
        return total / valid.size


@config("sum", rows=["T051"], paper="Zaremba+ 2014")
class Summed(Reduction):
    """`Σ loss/batch`: the sum of each sequence, averaged over the batch, as in Zaremba's code.

    >>> losses, lengths = jnp.ones((2, 4)), jnp.array([1, 3])
    >>> float(jt.losses.Summed()(losses, lengths))
    2.0
    """

    def reduced(self, total: Float[Array, ""], valid: Bool[Array, "batch time"]) -> Float[Array, ""]:
        return total / len(valid)
