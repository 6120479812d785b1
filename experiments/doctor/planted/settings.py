"""Faults of optimizers, hyperparameters and initial weights, and symptoms that come of them."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import optax

import jaxtricks as jt
from experiments.doctor import sets
from experiments.doctor.healthy import Row, adam, ball, mlp
from experiments.doctor.planted import kind as of
from experiments.doctor.planted import wired as parts
from experiments.doctor.planted.kind import Kind, Plant, changed, kind, wired
from jaxtricks.diagnose.causes import Cause

RATE = "optimizer.rule.learning_rate"
INIT = "model.kernel_init"
STEPS_DONE = 3


def _rate(row: Row, factor: float) -> Plant:
    """A healthy experiment at another rate."""
    return changed(row, {RATE: factor * row.rule.learning_rate})


def _chain(row: Row, chain: Callable[[], optax.GradientTransformation]) -> Plant:
    """A healthy experiment with an Optax chain of a user's own."""
    return changed(row, {"optimizer.rule": jt.Optax(chain)})


def uphill_adam() -> optax.GradientTransformation:
    """Adam without the sign."""
    return optax.chain(optax.scale_by_adam(), optax.scale(3e-3))


def uphill_sgd() -> optax.GradientTransformation:
    """Plain steps without the sign."""
    return optax.scale(0.05)


def clipped_steps() -> optax.GradientTransformation:
    """Adam whose steps are clipped, where its gradients were meant."""
    return optax.chain(optax.adam(5e-3), optax.clip_by_global_norm(1e-3))


def body_stands() -> optax.GradientTransformation:
    """Adam for the head alone: all other layers have the label of those that stand still."""

    def labels(params: Any) -> Any:
        return jax.tree_util.tree_map_with_path(lambda path, _: "moves" if path[0].key == "head" else "stands", params)

    return optax.multi_transform({"moves": optax.adam(5e-3), "stands": optax.set_to_zero()}, labels)


def three_steps() -> optax.GradientTransformation:
    """Adam that stands still after three steps."""
    return optax.chain(optax.scale_by_adam(), optax.scale_by_schedule(lambda step: jnp.where(step < STEPS_DONE, -5e-3, 0.0)))


def few(make: Callable[[], jt.Dataset], count: int) -> Callable[[], jt.Dataset]:
    """So many examples of a data set, half of which are validated on."""
    return lambda: make().subset(count, seed=0, validation=0.5)


GREEDY = (
    Row(few(sets.friedman, 60), mlp(64, 64), adam(1e-2), 8, 60),
    Row(few(sets.diabetes, 80), mlp(64, 64), adam(1e-2), 8, 40),
    Row(few(sets.reviews, 100), mlp(64), adam(1e-2), 10, 40),
)
LAZY = (
    Row(few(sets.line, 40), mlp(64, 64), adam(2e-2), 8, 60),
    Row(few(sets.tags, 60), mlp(64), adam(2e-2), 8, 60),
    Row(few(sets.friedman, 80), mlp(64), ball(0.03), 8, 80),
)
DEEP = (*(8 * [16]),)
ELMAN = {"model.cell": "tanh", "model.recurrent_init": jt.nn.Normal(scale=1.0), INIT: jt.nn.Normal(scale=1.0)}
EPSILON, UNCLIPPED = "optimizer.rule.epsilon", jt.nn.Normal(scale=1.0)
DECAYED = {"optimizer.rule.weight_decay": 1.0, "objective.l2": 0.1}

KINDS: tuple[Kind, ...] = (
    kind(
        16,
        "steps with the gradient, not against it",
        {Cause.SIGN},
        _chain(of.DIGITS, uphill_adam),
        _chain(of.CANCER, uphill_sgd),
        _chain(of.LINE, uphill_adam),
    ),
    kind(
        17,
        "a learning rate 30 times too high",
        {Cause.RATE_HIGH},
        _rate(of.DIGITS_BALL, 30),
        _rate(of.IMAGES, 30),
        _rate(of.FRIEDMAN, 30),
    ),
    kind(
        18,
        "a learning rate 100 times too low",
        {Cause.RATE_LOW},
        *(_rate(row, 0.01) for row in (of.DIGITS, of.WINE, of.FRIEDMAN)),
    ),
    kind(19, "two epochs", {Cause.EPOCHS}, *(changed(row, {"epochs": 2}) for row in (of.DIGITS_BALL, of.FRIEDMAN, of.TONES_GRU))),
    kind(
        20,
        "batches of one at the rate of large ones, or a batch of all in few epochs",
        {Cause.BATCH, Cause.RATE_HIGH, Cause.EPOCHS},
        changed(of.DIGITS_SGD, {"batch_size": 1, "epochs": 5}),
        changed(of.CANCER, {"batch_size": 364, "epochs": 8}),
        changed(of.FRIEDMAN, {"batch_size": 320}),
    ),
    kind(
        21,
        "an ε of Adam that makes it another rule",
        {Cause.RULE, Cause.RATE_LOW, Cause.RATE_HIGH},
        changed(of.DIGITS, {EPSILON: 1.0}),
        changed(of.FRIEDMAN, {EPSILON: 1.0}),
        changed(of.DIGITS, {EPSILON: 1e-16, RATE: 0.3}),
    ),
    kind(
        27,
        "layers that the optimizer leaves alone by accident",
        {Cause.FROZEN},
        _chain(of.FRIEDMAN_BALL, body_stands),
        _chain(of.MOONS._replace(model=mlp(4)), body_stands),
        _chain(of.DIGITS._replace(model=mlp(8, 8, 8)), body_stands),
    ),
    kind(
        30,
        "a penalty of squared weights beside decoupled decay",
        {Cause.REGULARIZED},
        *(changed(row, DECAYED) for row in (of.DIGITS, of.FRIEDMAN, of.WAVE)),
    ),
    kind(
        31,
        "a regularization that drowns the loss",
        {Cause.REGULARIZED},
        changed(of.DIGITS, {"objective.l2": 0.3}),
        changed(of.FRIEDMAN, {"objective.l1": 0.3}),
        changed(of.WINE, {"model.dropout": 0.95}),
    ),
    kind(32, "no regularization of a large network on few examples", {Cause.OVERFITTED}, *(row.make for row in GREEDY)),
    kind(
        33,
        "steps that are clipped where gradients were meant",
        {Cause.CLIPPING, Cause.RATE_LOW},
        *(_chain(row, clipped_steps) for row in (of.DIGITS, of.CANCER, of.FRIEDMAN)),
    ),
    kind(
        37,
        "initial weights out of scale",
        {Cause.INIT},
        changed(of.DIGITS._replace(model=mlp(64, 64)), {INIT: jt.nn.Normal(scale=1.0)}),
        changed(of.FRIEDMAN._replace(model=mlp(32, 32, 32)), {INIT: jt.nn.Normal(scale=1e-4)}),
        changed(of.IMAGES, {INIT: jt.nn.Normal(scale=1.0)}),
    ),
    kind(
        79,
        "an augmentation that leaves nothing of the input",
        {Cause.REGULARIZED},
        changed(of.DIGITS, {"augmentation.noise": 5.0}),
        changed(of.IMAGES, {"augmentation.rotation": 180.0, "augmentation.shift": 3.0, "augmentation.cutout": 0.8}),
        changed(of.FRIEDMAN, {"augmentation.noise": 3.0}),
    ),
    kind(
        88,
        "gradients that vanish in many layers of sigmoids",
        {Cause.GRADIENTS, Cause.ACTIVATION},
        *(changed(row, {"model.widths": DEEP, "model.activation": "sigmoid"}) for row in (of.DIGITS, of.BLOBS, of.FRIEDMAN)),
    ),
    kind(
        89,
        "gradients that explode",
        {Cause.GRADIENTS, Cause.INIT},
        changed(of.TONES, ELMAN),
        changed(of.TONES_GRU, {"model.recurrent_init": jt.nn.Normal(scale=2.0), INIT: jt.nn.Normal(scale=2.0)}),
        changed(of.DIGITS_SGD._replace(model=mlp(*DEEP)), {INIT: UNCLIPPED}),
    ),
    kind(
        90,
        "units that are zero for all inputs",
        {Cause.ACTIVATION, Cause.INIT},
        *(wired(row, widths=(32, 32), bias=-10.0) for row in (of.DIGITS_SGD, of.WINE, of.FRIEDMAN_BALL)),
    ),
    kind(
        91,
        "tanh at its ends, for inputs that are not scaled",
        {Cause.ACTIVATION, Cause.INPUTS},
        *(changed(row, {"model.activation": "tanh", "inputs": "raw"}) for row in (of.CANCER, of.WINE, of.DIABETES)),
    ),
    kind(
        92,
        "a loss that goes up and down, at ten times the rate with momentum",
        {Cause.RATE_HIGH},
        _rate(of.DIGITS_BALL, 15),
        _rate(of.FRIEDMAN_BALL, 10),
        _rate(of.MOONS, 15),
    ),
    kind(
        93,
        "a rate 30 times too low",
        {Cause.RATE_LOW},
        *(_rate(row, 1 / 30) for row in (of.CANCER, of.TONES, of.DIGITS_SGD)),
    ),
    kind(94, "a validation loss that rises again", {Cause.OVERFITTED}, *(row.make for row in LAZY)),
    kind(
        106,
        "steps that stop after the first three",
        {Cause.FROZEN, Cause.RATE_LOW, Cause.EPOCHS},
        *(_chain(row, three_steps) for row in (of.DIGITS, of.WINE, of.FRIEDMAN)),
    ),
    kind(
        42,
        "a mask that is the same at every step",
        {Cause.MASKS},
        *(wired(row, between=parts.same_mask) for row in (of.DIGITS, of.CANCER, of.FRIEDMAN)),
    ),
    kind(
        68,
        "dropout that evaluation does not turn off",
        {Cause.MASKS, Cause.MODEL},
        wired(of.DIGITS, between=parts.always_dropped),
        wired(of.FRIEDMAN, between=parts.always_masked),
        wired(of.WINE, between=parts.always_masked),
    ),
)
