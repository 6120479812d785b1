"""Update rules: from a gradient to a direction, by the lectures' equations, on Optax."""

from typing import Any

import optax

from jaxtricks.config import Family, NonNegative, Positive, Rate, config, trick
from jaxtricks.optim.method import Method, gradient_method


class Rule(Family):
    """Turns gradients g into directions d; the step is `w ← w - α_t (d + λ w)`.

    Every rule has a learning rate α and an optional decoupled weight decay λ, which acts on kernels only.
    """

    learning_rate: Positive
    weight_decay: NonNegative | None

    def direction(self) -> optax.GradientTransformation:
        """The Optax transformation from gradients to directions (the sign of the gradient, no learning rate)."""
        raise NotImplementedError

    def method(self, chain: optax.GradientTransformation) -> Method:
        """The optimization method, given the whole chain around this rule's direction; by default one gradient a step."""
        return gradient_method(chain)


def _decay() -> Any:
    return trick(
        default=None,
        rows=["T036", "T052", "T054"],
        paper="Loshchilov & Hutter 2019",
        summary="Shrink kernels by learning rate × λ in each step, apart from the gradient",
        on=0.1,
        neutral=0.0,
    )


@config("sgd", rows=["T027"], paper="Robbins & Monro 1951")
class SGD(Rule):
    """d = g.

    Args:
        learning_rate: α.
        weight_decay: λ, decoupled.
    """

    learning_rate: Positive = 0.1
    weight_decay: NonNegative | None = _decay()

    def direction(self) -> optax.GradientTransformation:
        return optax.identity()


@config("momentum", rows=["T029"], paper="Polyak 1964")
class Momentum(Rule):
    """m ← γ m + g, d = m (the heavy ball).

    Args:
        learning_rate: α.
        weight_decay: λ, decoupled.
        momentum: γ; the lectures' values are 0.5, 0.9 and 0.99.
    """

    learning_rate: Positive = 0.01
    weight_decay: NonNegative | None = _decay()
    momentum: Rate = 0.9

    def direction(self) -> optax.GradientTransformation:
        return optax.trace(self.momentum)


@config("nesterov", rows=["T030"], paper="Sutskever+ 2013")
class Nesterov(Rule):
    """m ← γ m + g, d = γ m + g (the gradient seen from where the momentum leads).

    Args:
        learning_rate: α.
        weight_decay: λ, decoupled.
        momentum: γ.
    """

    learning_rate: Positive = 0.01
    weight_decay: NonNegative | None = _decay()
    momentum: Rate = 0.9

    def direction(self) -> optax.GradientTransformation:
        return optax.trace(self.momentum, nesterov=True)


@config("adagrad", rows=["T031"], paper="Duchi+ 2011")
class AdaGrad(Rule):
    """v ← v + g², d = g/√(v + ε).

    Args:
        learning_rate: α.
        weight_decay: λ, decoupled.
        epsilon: ε, under the root.
    """

    learning_rate: Positive = 0.01
    weight_decay: NonNegative | None = _decay()
    epsilon: Positive = 1e-7

    def direction(self) -> optax.GradientTransformation:
        return optax.scale_by_rss(initial_accumulator_value=0.0, eps=self.epsilon)


@config("rmsprop", rows=["T031"], paper="Tieleman & Hinton 2012")
class RMSProp(Rule):
    """v ← ρ v + (1 - ρ) g², d = g/(√v + ε), from v = 0.

    Args:
        learning_rate: α.
        weight_decay: λ, decoupled.
        decay: ρ.
        epsilon: ε, outside the root.
    """

    learning_rate: Positive = 1e-3
    weight_decay: NonNegative | None = _decay()
    decay: Rate = 0.9
    epsilon: Positive = 1e-8

    def direction(self) -> optax.GradientTransformation:
        return optax.scale_by_rms(decay=self.decay, eps=self.epsilon, eps_in_sqrt=False)


@config("adam", rows=["T032", "T033"], paper="Kingma & Ba 2015")
class Adam(Rule):
    """m ← β₁ m + (1 - β₁) g, v ← β₂ v + (1 - β₂) g², d = m̂/(√v̂ + ε) with m̂ = m/(1 - β₁ᵗ), v̂ = v/(1 - β₂ᵗ).

    Args:
        learning_rate: α.
        weight_decay: λ, decoupled.
        b1: β₁.
        b2: β₂.
        epsilon: ε, outside the root.
    """

    learning_rate: Positive = 1e-3
    weight_decay: NonNegative | None = _decay()
    b1: Rate = 0.9
    b2: Rate = 0.999
    epsilon: Positive = 1e-8

    def direction(self) -> optax.GradientTransformation:
        return optax.scale_by_adam(b1=self.b1, b2=self.b2, eps=self.epsilon)


@config("adamw", rows=["T036"], paper="Loshchilov & Hutter 2019")
class AdamW(Adam):
    """Adam with decoupled weight decay, on from the start: w ← w - α(m̂/(√v̂ + ε) + λ w).

    Args:
        learning_rate: α.
        weight_decay: λ; None makes it Adam.
        b1: β₁.
        b2: β₂.
        epsilon: ε, outside the root.
    """

    weight_decay: NonNegative | None = 1e-4
