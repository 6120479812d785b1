"""Update rules, from a gradient to a direction, by the equations of the lectures, with Optax."""

from typing import ClassVar, NamedTuple

import optax

from jaxtricks.config import ConfigError, Family, Positive, Rate, config, trick
from jaxtricks.config.families import name_of
from jaxtricks.optim.decay import Decay, Decoupled
from jaxtricks.optim.method import Params


class Needs(NamedTuple):
    """What a rule needs beside the gradient of a batch.

    Args:
        curvature: the curvature of a whole batch's loss, so that a batch cannot be cut into parts.
        forward_mode: a model that can be differentiated forwards.
        whole_set: the whole training split in each batch.
    """

    curvature: bool = False
    forward_mode: bool = False
    whole_set: bool = False


@config()
class Rule(Family):
    """Turns gradients g into directions d; the step is `w ← w - α_t d`, with the weight decay at the place of its kind.

    Every rule has a learning rate α and an optional weight decay. `optim/optimizer.py` calls its transformations with
    `problem` (the batch's loss as a function), and with `value` and `grad` of it, for rules that want more than a gradient.

    A rule of your own is a class with a `direction`; see `jaxtricks.optim.chains` for a rule made of a whole Optax chain. With
    `TAKES_STACKS: ClassVar[bool] = True` deep networks compile faster, see `jaxtricks.nn.stacks.takes_stacks`.

    Args:
        learning_rate: α.
        weight_decay: how weights are made smaller; a number is the rate λ of decoupled decay.

    >>> import optax
    >>> from jaxtricks.config import Positive, config
    >>> @config()
    ... class SignDescent(Rule):
    ...     learning_rate: Positive = 0.01
    ...
    ...     def direction(self) -> optax.GradientTransformation:
    ...         return optax.scale_by_sign()
    >>> SignDescent(learning_rate=0.1).needs.curvature
    False
    """

    learning_rate: Positive
    weight_decay: Decay | None = trick(
        default=None,
        rows=["T036", "T052", "T054"],
        paper="Loshchilov & Hutter 2019",
        summary="Shrink kernels in each step; a number is the rate of decoupled decay",
        on=0.1,
        neutral=0.0,
        trial=0.01,
    )

    @property
    def needs(self) -> Needs:
        """What the rule needs beside the gradient; by default nothing."""
        return Needs()

    @property
    def line_search(self) -> bool:
        """Whether the rule finds the length of each step itself, so that its learning rate is none; by default it does not."""
        return False

    def direction(self) -> optax.GradientTransformation:
        """The Optax transformation from gradients to directions (the sign of the gradient, no learning rate)."""
        raise NotImplementedError

    def rescale(self) -> optax.GradientTransformation:
        """Rescales a direction after decoupled decay was added; by default it is not changed."""
        return optax.identity()

    def check(self, params: Params, *, batch: int, examples: int) -> None:
        """Checks that the rule can train such parameters, before anything compiles.

        Args:
            params: the parameters of the model, or a tree of their shapes.
            batch: the number of examples in a step.
            examples: the number of examples of the training split.

        Raises:
            ConfigError: for a batch that is too small, or settings that do not fit together.
        """
        if self.needs.whole_set and batch < examples:
            raise ConfigError(
                f"Experiment.batch_size = {batch} is a mini-batch of {examples} training examples; "
                f"the rule {name_of(type(self)) or type(self).__name__} takes all of them in a step."
            )


@config("sgd", rows=["T027"], paper="Robbins & Monro 1951")
class SGD(Rule):
    """d = g.

    Args:
        learning_rate: α.
        weight_decay: how weights are made smaller; a number is the rate λ of decoupled decay.

    >>> direction = jt.SGD().direction()
    >>> d, state = direction.update(jnp.array([0.5, -2.0]), direction.init(jnp.zeros(2)), jnp.zeros(2))
    >>> [round(float(x), 2) for x in d]
    [0.5, -2.0]
    """

    TAKES_STACKS: ClassVar[bool] = True

    learning_rate: Positive = 0.1

    def direction(self) -> optax.GradientTransformation:
        return optax.identity()


@config("momentum", rows=["T029"], paper="Polyak 1964")
class Momentum(Rule):
    """m ← γ m + g, d = m (the heavy ball).

    Args:
        learning_rate: α.
        weight_decay: how weights are made smaller; a number is the rate λ of decoupled decay.
        momentum: γ; the lectures' values are 0.5, 0.9 and 0.99.

    >>> direction = jt.Momentum().direction()
    >>> d, state = direction.update(jnp.array([0.5, -2.0]), direction.init(jnp.zeros(2)), jnp.zeros(2))
    >>> [round(float(x), 2) for x in d]
    [0.5, -2.0]
    """

    TAKES_STACKS: ClassVar[bool] = True

    learning_rate: Positive = 0.01
    momentum: Rate = 0.9

    def direction(self) -> optax.GradientTransformation:
        return optax.trace(self.momentum)


@config("nesterov", rows=["T030"], paper="Sutskever+ 2013")
class Nesterov(Rule):
    """m ← γ m + g, d = γ m + g (the gradient at the point that the momentum leads to).

    Args:
        learning_rate: α.
        weight_decay: how weights are made smaller; a number is the rate λ of decoupled decay.
        momentum: γ.

    >>> direction = jt.optim.Nesterov().direction()
    >>> d, state = direction.update(jnp.array([0.5, -2.0]), direction.init(jnp.zeros(2)), jnp.zeros(2))
    >>> [round(float(x), 2) for x in d]
    [0.95, -3.8]
    """

    TAKES_STACKS: ClassVar[bool] = True

    learning_rate: Positive = 0.01
    momentum: Rate = 0.9

    def direction(self) -> optax.GradientTransformation:
        return optax.trace(self.momentum, nesterov=True)


@config("adagrad", rows=["T031"], paper="Duchi+ 2011")
class AdaGrad(Rule):
    """v ← v + g², d = g/√(v + ε), with ε under the root as in Optax; Duchi+ add it to the root, √v + ε, as PyTorch does.

    Args:
        learning_rate: α.
        weight_decay: how weights are made smaller; a number is the rate λ of decoupled decay.
        epsilon: ε, under the root.

    >>> direction = jt.optim.AdaGrad().direction()
    >>> d, state = direction.update(jnp.array([0.5, -2.0]), direction.init(jnp.zeros(2)), jnp.zeros(2))
    >>> [round(float(x), 2) for x in d]
    [1.0, -1.0]
    """

    TAKES_STACKS: ClassVar[bool] = True

    learning_rate: Positive = 0.01
    epsilon: Positive = 1e-7

    def direction(self) -> optax.GradientTransformation:
        return optax.scale_by_rss(initial_accumulator_value=0.0, eps=self.epsilon)


@config("rmsprop", rows=["T031"], paper="Tieleman & Hinton 2012")
class RMSProp(Rule):
    """v ← ρ v + (1 - ρ) g², d = g/(√v + ε), from v = 0.

    Args:
        learning_rate: α.
        weight_decay: how weights are made smaller; a number is the rate λ of decoupled decay.
        decay: ρ.
        epsilon: ε, outside the root.

    >>> direction = jt.optim.RMSProp().direction()
    >>> d, state = direction.update(jnp.array([0.5, -2.0]), direction.init(jnp.zeros(2)), jnp.zeros(2))
    >>> [round(float(x), 2) for x in d]
    [3.16, -3.16]
    """

    TAKES_STACKS: ClassVar[bool] = True

    learning_rate: Positive = 1e-3
    decay: Rate = 0.9
    epsilon: Positive = 1e-8

    def direction(self) -> optax.GradientTransformation:
        return optax.scale_by_rms(decay=self.decay, eps=self.epsilon, eps_in_sqrt=False)


@config("adam", rows=["T032", "T033"], paper="Kingma & Ba 2015")
class Adam(Rule):
    """m ← β₁ m + (1 - β₁) g, v ← β₂ v + (1 - β₂) g², d = m̂/(√v̂ + ε) with m̂ = m/(1 - β₁ᵗ), v̂ = v/(1 - β₂ᵗ).

    Args:
        learning_rate: α.
        weight_decay: how weights are made smaller; a number is the rate λ of decoupled decay.
        b1: β₁.
        b2: β₂.
        epsilon: ε, outside the root.

    >>> direction = jt.Adam().direction()
    >>> d, state = direction.update(jnp.array([0.5, -2.0]), direction.init(jnp.zeros(2)), jnp.zeros(2))
    >>> [round(float(x), 2) for x in d]
    [1.0, -1.0]
    """

    TAKES_STACKS: ClassVar[bool] = True

    learning_rate: Positive = 1e-3
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
        weight_decay: how weights are made smaller; a number is the rate λ of decoupled decay, and None makes it Adam.
        b1: β₁.
        b2: β₂.
        epsilon: ε, outside the root.

    >>> direction = jt.AdamW().direction()
    >>> d, state = direction.update(jnp.array([0.5, -2.0]), direction.init(jnp.zeros(2)), jnp.zeros(2))
    >>> [round(float(x), 2) for x in d]
    [1.0, -1.0]
    """

    TAKES_STACKS: ClassVar[bool] = True

    weight_decay: Decay | None = Decoupled(rate=1e-4)
