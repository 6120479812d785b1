"""Clipping: gradients that are too large are made smaller, by a given threshold, one for each unit, or a learnt one."""

from typing import Any, ClassVar, NamedTuple

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float, Int

from jaxtricks.config import ConfigError, Count, Family, Fraction, Positive, config
from jaxtricks.nn.kernels import unit_norm
from jaxtricks.nn.stacks import by_layer

FLOOR = 1e-3  # Brock+ 2021: a unit whose weights start at zero must be able to leave it


def clip_by_unit(threshold: Positive) -> optax.GradientTransformation:
    """Scales each unit's gradient G_i down to ‖G_i‖ ≤ λ max(‖W_i‖, 10⁻³) (adaptive gradient clipping).

    This is done in every layer; the paper leaves the output layer out.

    Args:
        threshold: λ, the largest gradient for a weight vector of length 1.

    >>> kernel, gradient = jnp.ones((4, 1)), jnp.full((4, 1), 3.0)
    >>> clip_by_unit(0.5).update(gradient, optax.EmptyState(), kernel)[0].ravel().tolist()
    [0.5, 0.5, 0.5, 0.5]
    """

    def clip(g: Float[Array, "*shape"], w: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
        largest = threshold * jnp.maximum(unit_norm(w), FLOOR)
        return g * shrinkage(unit_norm(g), largest).astype(g.dtype)

    return optax.stateless(lambda grads, params: by_layer(clip, grads, params))


def shrinkage(norm: Array, largest: Array) -> Array:
    """min(1, largest/norm), and 1 where the norm is zero.

    >>> float(shrinkage(jnp.array(4.0), jnp.array(1.0))), float(shrinkage(jnp.array(0.0), jnp.array(1.0)))
    (0.25, 1.0)
    """
    return jnp.where(norm > largest, largest / jnp.where(norm > largest, norm, 1), 1)


class LearntState(NamedTuple):
    """The state of a learnt threshold.

    Args:
        norms: the gradient norms of the first steps, zero for later ones, [window].
        seen: the number of steps seen, at most the window, [].
        threshold: the largest norm that is not clipped, []; the largest float while norms are recorded.
    """

    norms: Float[Array, " window"]
    seen: Int[Array, ""]
    threshold: Float[Array, ""]


class LearntClip(Family):
    """Clips at a global norm that is learnt from the norms of earlier steps; a bare number is the quantile of `QuantileClip`.

    The threshold is in the state: `optax.tree.get(state, "threshold")`.

    >>> jt.Optimizer(clip_learnt=0.9).clip_learnt
    QuantileClip(quantile=0.9, window=100)
    """

    @classmethod
    def coerce(cls, value: Any) -> Any:
        return value if isinstance(value, LearntClip | str | bool) else QuantileClip(quantile=value)

    def transformation(self) -> optax.GradientTransformation:
        """The Optax transformation of gradients, with a `LearntState`."""
        raise NotImplementedError

    def check(self, steps: int) -> None:
        """Raises ConfigError if nothing would be learnt in a run of so many steps."""


@config("quantile", rows=["T049"], paper="lectures 2 and 3; Pascanu+ 2013")
class QuantileClip(LearntClip):
    """Records the norms of the first steps without clipping, and then scales gradients down to a quantile of these norms.

    Args:
        quantile: the quantile of the norms that becomes the threshold.
        window: the number of steps that are recorded.

    >>> jt.Optimizer(clip_learnt=jt.optim.QuantileClip(quantile=0.5, window=20)).clip_learnt.window
    20
    """

    TAKES_STACKS: ClassVar[bool] = True

    quantile: Fraction = 0.9
    window: Count = 100

    def check(self, steps: int) -> None:
        if self.window >= steps:
            raise ConfigError(f"QuantileClip.window = {self.window} is not a number of steps below the run's {steps}.")

    def transformation(self) -> optax.GradientTransformation:
        def init(params: Any) -> LearntState:
            norms = jnp.zeros(self.window)
            return LearntState(norms, jnp.int32(0), jnp.asarray(jnp.finfo(norms.dtype).max))

        def update(grads: Any, state: LearntState, params: Any = None) -> tuple[Any, LearntState]:
            norm = optax.tree.norm(grads)
            scale = shrinkage(norm, state.threshold)
            norms = state.norms.at[state.seen].set(norm, mode="drop")  # nothing is recorded after the window
            learnt = jnp.where(state.seen == self.window - 1, jnp.quantile(norms, self.quantile), state.threshold)
            grads = jax.tree.map(lambda g: g * scale.astype(g.dtype), grads)
            return grads, LearntState(norms, jnp.minimum(state.seen + 1, self.window), learnt.astype(norms.dtype))

        return optax.GradientTransformation(init, update)
