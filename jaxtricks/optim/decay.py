"""Weight decay: how weights are made smaller in every step, and which."""

from typing import Any, ClassVar, Literal

import jax
import optax

from jaxtricks.config import Family, NonNegative, config
from jaxtricks.nn.kernels import kernel_mask

Mask = Literal["kernels", "all"]


class Decay(Family):
    """Makes weights smaller in every step; a bare number is the rate of `Decoupled`.

    A member says at one of three places what it adds: to the gradient, to the rule's direction, or to the step itself.

    >>> jt.Adam(weight_decay=0.1).weight_decay
    Decoupled(rate=0.1, mask='kernels')
    """

    rate: NonNegative
    mask: Mask

    @classmethod
    def coerce(cls, value: Any) -> Any:
        return value if isinstance(value, Decay | str | bool) else Decoupled(rate=value)

    def in_gradient(self) -> optax.GradientTransformation | None:
        """What changes the gradient before the rule sees it."""
        return None

    def in_direction(self) -> optax.GradientTransformation | None:
        """What changes the rule's direction, before it is multiplied by the learning rate."""
        return None

    def in_step(self) -> optax.GradientTransformationExtraArgs | None:
        """What changes the step, after it was multiplied by the learning rate; it is called with the schedule's `factor`."""
        return None

    def _mask(self) -> Any:
        return kernel_mask if self.mask == "kernels" else None


@config("decoupled", rows=["T036", "T054"], paper="Loshchilov & Hutter 2019")
class Decoupled(Decay):
    """w ← w - α_t λ w beside the rule's step, as AdamW in PyTorch and Optax; for SGD the penalty λ/2 ‖w‖².

    Args:
        rate: λ, per learning rate.
        mask: which parameters: kernels, or all.

    >>> jt.SGD(weight_decay=jt.optim.Decoupled(rate=0.1, mask="all")).weight_decay.mask
    'all'
    """

    TAKES_STACKS: ClassVar[bool] = True

    rate: NonNegative = 0.01
    mask: Mask = "kernels"

    def in_direction(self) -> optax.GradientTransformation:
        return optax.add_decayed_weights(self.rate, mask=self._mask())


@config("independent", rows=["T036"], paper="Loshchilov & Hutter 2019")
class Independent(Decay):
    """w ← w - η_t λ w with the schedule's factor η_t and not the learning rate: the paper's own algorithm.

    Args:
        rate: λ, the share of a weight that a step takes away while the schedule stands at 1.
        mask: which parameters: kernels, or all.

    >>> jt.AdamW(weight_decay=jt.optim.Independent(rate=1e-4)).weight_decay
    Independent(rate=0.0001, mask='kernels')
    """

    TAKES_STACKS: ClassVar[bool] = True

    rate: NonNegative = 1e-3
    mask: Mask = "kernels"

    def in_step(self) -> optax.GradientTransformationExtraArgs:
        def update(updates: Any, state: Any, params: Any, *, factor: Any, **extra: Any) -> Any:
            return jax.tree.map(lambda u, w: u - (factor * self.rate).astype(w.dtype) * w, updates, params), state

        shrink = optax.GradientTransformationExtraArgs(lambda params: optax.EmptyState(), update)
        return shrink if self.mask == "all" else optax.masked(shrink, kernel_mask)


@config("l2", rows=["T036", "T054"], paper="lecture 3; Loshchilov & Hutter 2019")
class L2(Decay):
    """g ← g + 2 λ w before the rule: the gradient of the penalty λ ‖w‖², which adaptive rules then divide by √v.

    For SGD this is w ← (1 - 2 α λ) w - α g, lecture 3's weight decay, and `Decoupled` at rate 2 λ.

    Args:
        rate: λ, in loss per squared weight.
        mask: which parameters: kernels, or all.

    >>> decay = jt.optim.L2(rate=0.5).in_gradient()
    >>> params = {"kernel": jnp.ones((1, 2)), "bias": jnp.ones(2)}
    >>> changed, _ = decay.update(jax.tree.map(jnp.zeros_like, params), decay.init(params), params)
    >>> changed["kernel"].tolist(), changed["bias"].tolist()
    ([[1.0, 1.0]], [0.0, 0.0])
    """

    TAKES_STACKS: ClassVar[bool] = True

    rate: NonNegative = 1e-3
    mask: Mask = "kernels"

    def in_gradient(self) -> optax.GradientTransformation:
        return optax.add_decayed_weights(2 * self.rate, mask=self._mask())
