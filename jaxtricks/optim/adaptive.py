"""Variants of Adam: without bias correction, with a maximum, a rectifier, a trust ratio, or signs only."""

from typing import Any, ClassVar, NamedTuple

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Bool, Float, Int

from jaxtricks.config import ConfigError, Positive, Rate, config
from jaxtricks.nn.kernels import kernel_mask
from jaxtricks.optim.method import Params
from jaxtricks.optim.rules import Adam, Rule


class AdamMoments(NamedTuple):
    """Running averages of the gradient and of its square."""

    m: Any
    v: Any


@config("adam_uncorrected", rows=["T032"], paper="lecture 1")
class AdamUncorrected(Adam):
    """m ← β₁ m + (1 - β₁) g, v ← β₂ v + (1 - β₂) g², d = m/(√v + ε): lecture 1's Adam.

    Its first step is (1 - β₁)/√(1 - β₂) = 3.162 times as long as that of `Adam`.

    Args:
        learning_rate: α.
        weight_decay: how weights are made smaller; a number is the rate λ of decoupled decay.
        b1: β₁.
        b2: β₂.
        epsilon: ε, outside the root.

    >>> direction = jt.optim.AdamUncorrected().direction()
    >>> d, state = direction.update(jnp.array([0.5, -2.0]), direction.init(jnp.zeros(2)), jnp.zeros(2))
    >>> [round(float(x), 2) for x in d]
    [3.16, -3.16]
    """

    TAKES_STACKS: ClassVar[bool] = True

    epsilon: Positive = 1e-7

    def direction(self) -> optax.GradientTransformation:
        def init(params: Any) -> AdamMoments:
            return AdamMoments(optax.tree.zeros_like(params), optax.tree.zeros_like(params))

        def update(grads: Any, state: AdamMoments, params: Any = None) -> tuple[Any, AdamMoments]:
            m = optax.tree.update_moment(grads, state.m, self.b1, 1)
            v = optax.tree.update_moment(grads, state.v, self.b2, 2)
            return jax.tree.map(lambda m, v: m / (jnp.sqrt(v) + self.epsilon), m, v), AdamMoments(m, v)

        return optax.GradientTransformation(init, update)


@config("amsgrad", rows=["T033"], paper="Reddi+ 2018")
class AMSGrad(Adam):
    """Adam with the largest second moment so far: u ← max(u, v), d = m̂/(√û + ε) with û = u/(1 - β₂ᵗ).

    The maximum is over v as it is, so that no rate ever grows but for the correction of the first steps. This is PyTorch's
    AMSGrad; Reddi+ correct neither moment, d = m/√u. (Optax takes the maximum of v̂, in which a large first gradient stays.)

    Args:
        learning_rate: α.
        weight_decay: how weights are made smaller; a number is the rate λ of decoupled decay.
        b1: β₁.
        b2: β₂.
        epsilon: ε, outside the root.

    >>> direction = jt.optim.AMSGrad().direction()
    >>> d, state = direction.update(jnp.array([0.5, -2.0]), direction.init(jnp.zeros(2)), jnp.zeros(2))
    >>> [round(float(x), 2) for x in d]
    [1.0, -1.0]
    """

    TAKES_STACKS: ClassVar[bool] = True

    def direction(self) -> optax.GradientTransformation:
        def init(params: Any) -> AMSGradState:
            zeros = optax.tree.zeros_like(params)
            return AMSGradState(zeros, zeros, zeros, jnp.int32(0))

        def update(grads: Any, state: AMSGradState, params: Any = None) -> tuple[Any, AMSGradState]:
            m = optax.tree.update_moment(grads, state.m, self.b1, 1)
            v = optax.tree.update_moment(grads, state.v, self.b2, 2)
            largest, step = jax.tree.map(jnp.maximum, state.largest, v), state.step + 1
            corrected = optax.tree.bias_correction(m, self.b1, step), optax.tree.bias_correction(largest, self.b2, step)
            directions = jax.tree.map(lambda m, u: m / (jnp.sqrt(u) + self.epsilon), *corrected)
            return directions, AMSGradState(m, v, largest, step)

        return optax.GradientTransformation(init, update)


class AMSGradState(NamedTuple):
    """Adam's moments, the largest second one so far, and the number of gradients in them.

    Args:
        m: the running average of the gradient.
        v: the running average of its square.
        largest: the largest v so far.
        step: the number of gradients seen, [].
    """

    m: Any
    v: Any
    largest: Any
    step: Int[Array, ""]


@config("radam", rows=["T039"], paper="Liu+ 2020")
class RAdam(Adam):
    """Adam that trusts its second moment only after enough gradients: d = r m̂/(√v̂ + ε) where ρ ≥ 5, else d = m̂.
    ρ∞ = 2/(1 - β₂) - 1, ρ = ρ∞ - 2 t β₂ᵗ/(1 - β₂ᵗ), r² = (ρ - 4)(ρ - 2) ρ∞ / ((ρ∞ - 4)(ρ∞ - 2) ρ).

    Args:
        learning_rate: α.
        weight_decay: how weights are made smaller; a number is the rate λ of decoupled decay.
        b1: β₁.
        b2: β₂.
        epsilon: ε, outside the root.

    >>> direction = jt.optim.RAdam().direction()
    >>> d, state = direction.update(jnp.array([0.5, -2.0]), direction.init(jnp.zeros(2)), jnp.zeros(2))
    >>> [round(float(x), 2) for x in d]
    [0.5, -2.0]
    """

    TAKES_STACKS: ClassVar[bool] = True

    def direction(self) -> optax.GradientTransformation:
        def init(params: Any) -> RAdamState:
            return RAdamState(optax.tree.zeros_like(params), optax.tree.zeros_like(params), jnp.int32(0))

        def update(grads: Any, state: RAdamState, params: Any = None) -> tuple[Any, RAdamState]:
            m = optax.tree.update_moment(grads, state.m, self.b1, 1)
            v = optax.tree.update_moment(grads, state.v, self.b2, 2)
            step = state.step + 1
            trusted, r = _rectifier(step, jnp.asarray(self.b2))

            def direction(m: Any, v: Any) -> Any:
                return jnp.where(trusted, r.astype(m.dtype) * m / (jnp.sqrt(v) + self.epsilon), m)

            corrected = optax.tree.bias_correction(m, self.b1, step), optax.tree.bias_correction(v, self.b2, step)
            return jax.tree.map(direction, *corrected), RAdamState(m, v, step)

        return optax.GradientTransformation(init, update)


class RAdamState(NamedTuple):
    """Adam's moments and the number of gradients in them.

    Args:
        m: the running average of the gradient.
        v: the running average of its square.
        step: the number of gradients seen, [].
    """

    m: Any
    v: Any
    step: Int[Array, ""]


def _rectifier(step: Int[Array, ""], b2: Float[Array, ""]) -> tuple[Bool[Array, ""], Float[Array, ""]]:
    """Whether ρ ≥ 5 after so many steps, and r."""
    # 1 - β₂ᵗ by expm1: optax subtracts nearly equal numbers, which makes ρ noisy in float32 where β₂ is 0.9999. Some rounding
    # is left near ρ = 5; since ρ < t for t > 1, the first five steps never count.
    log = step * jnp.log(b2)
    limit = 2 / (1 - b2) - 1
    rho = limit + 2 * step * jnp.exp(log) / jnp.expm1(log)
    trusted = (step > 5) & (rho >= 5)
    square = (rho - 4) * (rho - 2) * limit / ((limit - 4) * (limit - 2) * rho)
    return trusted, jnp.sqrt(jnp.where(trusted, square, 1))


@config("lamb", rows=["T041"], paper="You+ 2020")
class LAMB(Adam):
    """Adam whose direction (with its decoupled decay) is as long as the kernel that it changes: d ← d ‖w‖/‖d‖.

    Kernels only; biases and the scales of normalization take Adam's step, since their length says nothing, and must not decay. A
    kernel of zeros takes Adam's step too.

    Args:
        learning_rate: α; a kernel moves by about this share of its length in a step.
        weight_decay: how weights are made smaller; a number is the rate λ of decoupled decay.
        b1: β₁.
        b2: β₂.
        epsilon: ε, outside the root.

    >>> jt.Optimizer(rule=jt.optim.LAMB(learning_rate=2e-3)).rule.learning_rate
    0.002
    """

    epsilon: Positive = 1e-6

    def rescale(self) -> optax.GradientTransformation:
        return optax.masked(optax.scale_by_trust_ratio(), kernel_mask)

    def check(self, params: Params, *, batch: int, examples: int) -> None:
        super().check(params, batch=batch, examples=examples)
        if self.weight_decay is not None and self.weight_decay.mask == "all":
            raise ConfigError("LAMB.weight_decay.mask = 'all' would shrink biases and norms too; LAMB takes 'kernels'.")


@config("lion", rows=["T033"], paper="Chen+ 2023")
class Lion(Rule):
    """d = sign(β₁ m + (1 - β₁) g), then m ← β₂ m + (1 - β₂) g: one running average, and steps of one size.

    Args:
        learning_rate: α; a third to a tenth of Adam's.
        weight_decay: how weights are made smaller; a number is the rate λ of decoupled decay.
        b1: β₁, for the direction.
        b2: β₂, for the running average.

    >>> direction = jt.optim.Lion().direction()
    >>> d, state = direction.update(jnp.array([0.5, -2.0]), direction.init(jnp.zeros(2)), jnp.zeros(2))
    >>> [round(float(x), 2) for x in d]
    [1.0, -1.0]
    """

    TAKES_STACKS: ClassVar[bool] = True

    learning_rate: Positive = 1e-4
    b1: Rate = 0.9
    b2: Rate = 0.99

    def direction(self) -> optax.GradientTransformation:
        return optax.scale_by_lion(b1=self.b1, b2=self.b2)
