"""Early stopping, restart by restart."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from jaxtricks.config import Count, NonNegative, config


class Best(NamedTuple):
    """The best epoch of a restart so far.

    Args:
        variables: the model's variables, as they were evaluated after that epoch.
        metrics: validation metric → its value after that epoch, [].
        waited: the number of epochs since, [].
    """

    variables: Any
    metrics: dict[str, Float[Array, ""]]
    waited: Int[Array, ""]


@config()
class EarlyStopping:
    """Ends a restart whose validation loss has not fallen for `patience` epochs, and goes back to its best weights.

    The loss has fallen if it is below the best one so far minus `min_change`; at first the best one is that of the initial
    weights. A restart that runs to its last epoch also goes back to its best weights.

    Args:
        patience: the number of epochs without a fall after which a restart ends.
        min_change: how far the loss has to fall, in its own units (nats, or the square of a standard deviation of the values).
        metric: the validation metric that has to get better instead, by its own direction; None: the loss that is trained, as
            `Loss.validation` measures it.

    >>> jt.Experiment(stopping=jt.EarlyStopping(patience=3)).stopping.patience
    3
    """

    patience: Count = 5
    min_change: NonNegative = 0.0
    metric: str | None = None

    def start(self, variables: Any, metrics: dict[str, Array]) -> Best:
        """Gives the best of a restart that has not trained yet: its initial weights."""
        return Best(variables, metrics, jnp.int32(0))

    def stopped(self, best: Best) -> Bool[Array, ""]:
        """Whether a restart has ended."""
        return best.waited >= self.patience

    def after(self, best: Best, variables: Any, metrics: dict[str, Array], cost: Callable[..., Float[Array, ""]]) -> Best:
        """Gives the best after one more epoch.

        Args:
            best: the best before it.
            variables: what the model is evaluated with after it.
            metrics: validation metric → its value after it, [].
            cost: (metrics, `metric`) → what has to fall, see `Experiment.cost`.
        """
        now, before = cost(metrics, self.metric), cost(best.metrics, self.metric)
        fallen = now < before - jnp.asarray(self.min_change, now.dtype)

        def better(new: Any, old: Any) -> Any:
            return jax.tree.map(lambda new, old: jnp.where(fallen, new, old), new, old)

        waited = jnp.where(fallen, 0, best.waited + 1)
        return Best(better(variables, best.variables), better(metrics, best.metrics), waited)
