"""Early stopping, restart by restart."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from jaxtricks.config import Count, NonNegative, config
from jaxtricks.objectives.metrics import loss_of


class Best(NamedTuple):
    """The best that a restart has come to.

    Args:
        variables: what its model was evaluated with then.
        metrics: validation metric → its value then, [].
        waited: epochs since, [].
    """

    variables: Any
    metrics: dict[str, Float[Array, ""]]
    waited: Int[Array, ""]


@config()
class EarlyStopping:
    """Ends a restart whose validation loss has not fallen for so many epochs, and goes back to its best weights.

    A loss counts as fallen if it is below the best one, of the initial weights at first, minus `min_change`. A restart that runs
    to its last epoch goes back to its best weights, too.

    Args:
        patience: epochs without a fall after which it ends.
        min_change: by how much the loss has to fall, in its own units (nats, or squared units of the values).
    """

    patience: Count = 5
    min_change: NonNegative = 0.0

    def start(self, variables: Any, metrics: dict[str, Array]) -> Best:
        """Nothing better than the initial weights is known."""
        return Best(variables, metrics, jnp.int32(0))

    def stopped(self, best: Best) -> Bool[Array, ""]:
        """Whether a restart has ended."""
        return best.waited >= self.patience

    def after(self, best: Best, variables: Any, metrics: dict[str, Array]) -> Best:
        """The best after one more epoch."""
        fallen = loss_of(metrics) < loss_of(best.metrics) - jnp.asarray(self.min_change, loss_of(metrics).dtype)

        def better(new: Any, old: Any) -> Any:
            return jax.tree.map(lambda new, old: jnp.where(fallen, new, old), new, old)

        waited = jnp.where(fallen, 0, best.waited + 1)
        return Best(better(variables, best.variables), better(metrics, best.metrics), waited)
