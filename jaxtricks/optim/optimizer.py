"""The optimizer: everything that turns gradients into steps, put together in one place, in one fixed order."""

import dataclasses
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float, Int

from jaxtricks.config import ConfigError, NonNegative, Positive, config, rebuild, trick
from jaxtricks.nn.stacks import takes_stacks
from jaxtricks.optim.averaging import Averaging
from jaxtricks.optim.clipping import LearntClip, QuantileClip, clip_by_unit
from jaxtricks.optim.holding import hold
from jaxtricks.optim.layers import Rates, check_frozen, freeze, unfrozen
from jaxtricks.optim.method import Info, Method, Params, Problem, Update, Validation
from jaxtricks.optim.projections import max_norm, soft_threshold
from jaxtricks.optim.rules import Adam, Rule
from jaxtricks.optim.schedules import Constant, Schedule


@config()
class Optimizer:
    """How gradients become steps.

    Args:
        rule: the update rule, with its learning rate and weight decay.
        schedule: the shape of the learning rate over the run, in [0, 1].
        sam: ρ, how far uphill from the weights the gradient is computed, in units of weights.
        averaging: the average of weights that is evaluated.
        clip_value: the largest size of one element of the gradient, in loss per weight.
        clip_norm: the largest global norm of the gradient, in loss per weight.
        clip_adaptive: the largest norm of a unit's gradient, for a weight vector of length 1.
        clip_learnt: a largest global norm that is learnt from the norms of earlier steps; a number is their quantile.
        proximal: λ of an L1 penalty on kernels that gives exact zeros, in loss per weight. With rules that step along the
            gradient, such as SGD, training ends at the minimum of the loss plus λ ‖w‖₁; with rules that rescale it, such as Adam,
            weights move towards zero by α_t λ in each step, as in AdamW.
        max_norm: the largest length of a unit's incoming weight vector, in units of weights.
        frozen: the layers whose parameters and running averages do not change, by path: "hidden_0", "hidden_*",
            "hidden_0/dense". In training they still draw masks and normalize by the batch; where the first layers do neither,
            what they give for each example is computed once, see `jaxtricks.restart.probe`.
        rates: the learning rates of layers, as factors of the rule's learning rate.

    >>> optimizer = jt.Optimizer(rule=jt.Adam(learning_rate=1e-3), schedule="warmup_cosine", clip_norm=1.0)
    >>> optimizer.schedule
    WarmupCosine(warmup=0.05, floor=0.0)
    >>> jt.Optimizer("sgd").rule.learning_rate, jt.Experiment(optimizer="sgd").optimizer == jt.Optimizer("sgd")
    (0.1, True)
    """

    rule: Rule = dataclasses.field(default=Adam(), kw_only=False)
    schedule: Schedule = Constant()
    sam: Positive | None = trick(
        default=None,
        rows=[],
        paper="Foret+ 2021",
        summary="Take the gradient where the loss nearby is worst, for flat minima",
        on=0.05,
        neutral=1e-9,
    )
    averaging: Averaging | None = trick(
        default=None, rows=["T040"], paper="Zhang+ 2019", summary="Average the points that steps come to", on="lookahead"
    )
    clip_value: Positive | None = trick(
        default=None,
        rows=["T049"],
        paper="lecture 3",
        summary="Clip each element of the gradient",
        on=1e-3,
        neutral=1e9,
        trial=0.5,
    )
    clip_norm: Positive | None = trick(
        default=None,
        rows=["T049"],
        paper="Pascanu+ 2013",
        summary="Scale the gradient down to a largest global norm",
        on=0.1,
        neutral=1e9,
        trial=1.0,
    )
    clip_adaptive: Positive | None = trick(
        default=None,
        rows=["T049"],
        paper="Brock+ 2021",
        summary="Scale each unit's gradient down to a share of its weight vector's length",
        on=1e-3,
        neutral=1e9,
        trial=1e-2,
    )
    clip_learnt: LearntClip | None = trick(
        default=None,
        rows=["T049"],
        paper="lectures 2 and 3; Pascanu+ 2013",
        summary="Scale the gradient down to a quantile of the norms that the first steps showed",
        on=QuantileClip(quantile=0.1, window=2),
        trial=QuantileClip(),
    )
    proximal: NonNegative | None = trick(
        default=None,
        rows=["T053"],
        paper="Tibshirani 1996; Beck & Teboulle 2009",
        summary="L1 on kernels by a proximal step, which gives exact zeros",
        on=0.1,
        neutral=0.0,
        trial=1e-4,
    )
    max_norm: Positive | None = trick(
        default=None,
        rows=["T056"],
        paper="Srivastava+ 2014",
        summary="Scale each unit's incoming weight vector down to a largest length",
        on=0.5,
        neutral=1e9,
        trial=3.0,
    )
    frozen: tuple[str, ...] | None = trick(
        default=None,
        rows=["T062"],
        paper="Yosinski+ 2014",
        summary="Keep layers as they are",
        on=("hidden_0",),
        assumes="the first layer's initial weights are worth keeping",
    )
    rates: Rates | None = trick(
        default=None, rows=["T062"], paper="Howard & Ruder 2018", summary="Give layers learning rates of their own", on="layers"
    )

    @property
    def takes_stacks(self) -> bool:
        """Whether all of it takes stacks of equal layers, see `jaxtricks.nn.stacks.takes_stacks`; what names layers does not."""
        parts = (self.rule, self.rule.weight_decay, self.averaging, self.clip_learnt)
        return all(map(takes_stacks, parts)) and self.frozen is None and self.rates is None

    @classmethod
    def coerce(cls, value: Any) -> Any:
        """The optimizer with a rule, or with what is taken for a rule: a name, or a chain of Optax."""
        return cls(value)

    def check(self, params: Params, *, steps: int, batch: int, examples: int) -> None:
        """Checks that the settings fit a run, before anything compiles.

        Args:
            params: the parameters of the model, or a tree of their shapes.
            steps: the number of optimizer steps of the whole run.
            batch: the number of examples in a step.
            examples: the number of examples of the training split.

        Raises:
            ConfigError: for layers that the model does not have, nothing left to train, a schedule, an average or a learnt
                threshold that does not fit into the run, an average of projected points, or a rule that needs other batches or
                another weight decay.
        """
        whole = params
        if self.frozen is not None:
            check_frozen(self.frozen, params)
            params = unfrozen(params, self.frozen)
        if self.rates is not None:
            self.rates.check(whole)
        self.schedule.check(steps)
        if self.clip_learnt is not None:
            self.clip_learnt.check(steps)
        if self.averaging is not None:
            self.averaging.check(steps)
            for name in ("proximal", "max_norm"):
                if getattr(self, name) is not None:
                    raise ConfigError(
                        f"Optimizer.{name} = {getattr(self, name)!r} is undone by Optimizer.averaging = {self.averaging!r}: an "
                        "average of points is not where the projection put them; leave one of the two off."
                    )
        self.rule.check(params, batch=batch, examples=examples)

    def longer(self, times: float) -> "Optimizer":
        """Gives the optimizer of a run that is `times` as long and begins with this one.

        Raises:
            ConfigError: for a schedule or an average that depends on the end of the run.

        >>> jt.Optimizer(schedule="inverse_sqrt").longer(2).schedule
        InverseSqrt(warmup=0.025)
        """
        averaging = None if self.averaging is None else self.averaging.longer(times)
        return rebuild(self, schedule=self.schedule.longer(times), averaging=averaging)


class OptimizerState(NamedTuple):
    """The state of an optimizer.

    Args:
        step: the number of steps done, [].
        factor: the factor of the schedule in the last step, [].
        schedule: the state of the schedule.
        chain: the states of the parts, by name.
    """

    step: Int[Array, ""]
    factor: Float[Array, ""]
    schedule: Any
    chain: dict[str, Any]


def assemble(optimizer: Optimizer, total: int, mask: Any = None) -> Method:
    """Puts the method of a run together: the step with its gradient (or SAM's), pruning around it, averaging, and freezing.

    Args:
        optimizer: the settings; floats may be tracers.
        total: the number of optimizer steps of the whole run.
        mask: of a pruned network, True for the weights that are kept, see `jaxtricks.optim.holding.hold`; None: no pruning.

    >>> method = assemble(jt.Optimizer(rule=jt.SGD(learning_rate=0.5)), total=10)
    >>> method.init(jnp.zeros(2)).step.item()
    0
    """
    method = _steps(optimizer, total)
    if mask is not None:
        method = hold(method, mask)
    if optimizer.averaging is not None:
        method = optimizer.averaging.around(method, total)
    if optimizer.frozen is not None:
        method = freeze(method, optimizer.frozen)
    return method


def _steps(optimizer: Optimizer, total: int) -> Method:
    """The step: gradient → chain → weights → soft threshold → max-norm."""
    chain, schedule = _chain(optimizer), optimizer.schedule

    def init(params: Params) -> OptimizerState:
        return OptimizerState(jnp.int32(0), jnp.ones(()), schedule.init(), chain.init(params))

    def step(problem: Problem, params: Params, state: OptimizerState, validation: Validation) -> Update:
        (loss, auxiliary), here = jax.value_and_grad(problem, has_aux=True)(params)
        grads = here if optimizer.sam is None else _uphill(problem, params, here, optimizer.sam)
        factor, carried = schedule.advance(state.schedule, state.step, total, validation)
        alphas = _alphas(optimizer, params, factor)
        known = {"problem": problem, "value": loss, "grad": here, "factor": factor, "alphas": alphas}
        updates, parts = chain.update(grads, state.chain, params, **known)
        params = optax.apply_updates(params, updates)
        if optimizer.proximal is not None:
            params = soft_threshold(params, optimizer.proximal, alphas)
        if optimizer.max_norm is not None:
            params = max_norm(params, optimizer.max_norm)
        return Update(
            params, OptimizerState(state.step + 1, factor, carried, parts), auxiliary, Info(loss, optax.tree.norm(here))
        )

    return Method(init, step)


def _chain(optimizer: Optimizer) -> optax.GradientTransformationExtraArgs:
    """Clips → L2 decay → rule → decoupled decay → the rule's rescaling → × -α_t → independent decay.

    Every part is called with `problem`, the loss of the batch as a function, its `value` and `grad` at the parameters, the
    schedule's `factor`, and `alphas`, each parameter's step size.
    """
    rule, decay = optimizer.rule, optimizer.rule.weight_decay
    parts = {
        "clip_value": _given(optimizer.clip_value, optax.clip),
        "clip_norm": _given(optimizer.clip_norm, optax.clip_by_global_norm),
        "clip_adaptive": _given(optimizer.clip_adaptive, clip_by_unit),
        "clip_learnt": _given(optimizer.clip_learnt, lambda clip: clip.transformation()),
        "decay_in_gradient": _given(decay, lambda decay: decay.in_gradient()),
        "direction": rule.direction(),
        "decay_in_direction": _given(decay, lambda decay: decay.in_direction()),
        "rescale": rule.rescale(),
        "rate": _scale_by_rate(),
        "decay_in_step": _given(decay, lambda decay: decay.in_step()),
    }
    return optax.named_chain(*((name, part) for name, part in parts.items() if part is not None))


def _given(value: Any, make: Callable[[Any], Any]) -> Any:
    """Gives what `make` makes of a setting, or None where the setting is off (a tracer cannot be tested for truth)."""
    return None if value is None else make(value)


def _alphas(optimizer: Optimizer, params: Params, factor: Float[Array, ""]) -> Any:
    """Each parameter's step size: learning rate × schedule × the layer's factor, a tree of shapes []."""
    alpha = optimizer.rule.learning_rate * factor
    if optimizer.rates is None:
        return jax.tree.map(lambda _: alpha, params)
    return jax.tree.map(lambda own: alpha * own, optimizer.rates.factors(params))


def _scale_by_rate() -> optax.GradientTransformationExtraArgs:
    def update(updates: Any, state: Any, params: Any = None, *, alphas: Any, **extra: Any) -> Any:
        return jax.tree.map(lambda d, alpha: -alpha.astype(d.dtype) * d, updates, alphas), state

    return optax.GradientTransformationExtraArgs(lambda params: optax.EmptyState(), update)


def _uphill(problem: Problem, params: Params, grads: Params, radius: Positive) -> Params:
    """The gradient at w + ρ ∇/‖∇‖ (sharpness-aware minimization)."""
    reach = radius / jnp.maximum(optax.tree.norm(grads), 1e-12)
    worst = jax.tree.map(lambda w, g: w + reach.astype(w.dtype) * g, params, grads)
    return jax.grad(problem, has_aux=True)(worst)[0]
