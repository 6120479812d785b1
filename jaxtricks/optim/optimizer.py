"""The optimizer: clipping, rule, decay and schedule, put together in one place and one fixed order."""

from typing import Any

import jax
import optax

from jaxtricks.config import Positive, config, trick
from jaxtricks.optim.method import Method
from jaxtricks.optim.rules import Adam, Rule
from jaxtricks.optim.schedules import Constant, Schedule


@config()
class Optimizer:
    """What turns gradients into steps.

    Args:
        rule: the update rule, with its learning rate and decoupled weight decay.
        schedule: the learning rate's unit shape over the run.
        clip_value: largest size of one gradient element, in loss per weight.
        clip_norm: largest global norm of the gradient, in loss per weight.
    """

    rule: Rule = Adam()
    schedule: Schedule = Constant()
    clip_value: Positive | None = trick(
        default=None, rows=["T049"], paper="lecture 3", summary="Clip each element of the gradient", on=1e-3, neutral=1e9
    )
    clip_norm: Positive | None = trick(
        default=None,
        rows=["T049"],
        paper="Pascanu+ 2013",
        summary="Scale the gradient down to a largest global norm",
        on=0.1,
        neutral=1e9,
    )


def _kernels(params: Any) -> Any:
    return jax.tree.map(lambda leaf: leaf.ndim > 1, params)


def assemble(optimizer: Optimizer, total: int) -> Method:
    """The method of a run: clip by value → clip by norm → rule → + λ w → × -α · schedule(t).

    Args:
        optimizer: the settings; its floats may be tracers.
        total: optimizer steps of the whole run.
    """
    rule = optimizer.rule
    chain = []
    if optimizer.clip_value is not None:
        chain.append(optax.clip(optimizer.clip_value))
    if optimizer.clip_norm is not None:
        chain.append(optax.clip_by_global_norm(optimizer.clip_norm))
    chain.append(rule.direction())
    if rule.weight_decay is not None:
        chain.append(optax.add_decayed_weights(rule.weight_decay, mask=_kernels))
    chain.append(optax.scale_by_schedule(lambda step: -rule.learning_rate * optimizer.schedule(step, total)))
    return rule.method(optax.chain(*chain))
