"""Rows of regression."""

from collections.abc import Callable, Iterator
from typing import Any

import flax.linen as nn
import jax
from jaxtyping import Array, Float

import jaxtricks as jt
from experiments.doctor.deepfd import pictures, points, tables
from experiments.doctor.deepfd.models import EndedMLP
from experiments.doctor.deepfd.row import Row
from jaxtricks.experiment import Raw, RawTargets, Standardize, StandardizedTargets, Unit
from jaxtricks.losses import FunctionLoss, Squared
from jaxtricks.nn import GlorotNormal, ReLU, Sigmoid, Tanh
from jaxtricks.optim import RMSProp

RATE = "optimizer.rule.learning_rate"
SCALED = {"inputs": Standardize(), "targets": StandardizedTargets()}


def binary(scores: Float[Array, "batch outputs"], targets: Float[Array, "batch outputs"]) -> Float[Array, " batch"]:
    """Binary cross-entropy, which has no bottom where targets are beyond 1."""
    return (jax.nn.softplus(scores) - targets * scores).mean(axis=-1)


def _narrow(layers: int) -> Iterator[Callable[..., Any]]:
    for _ in range(layers):
        yield nn.Dense(10)
        yield nn.relu


ROWS = (
    Row(
        13,  # steps too large for values of a hundred
        ("high rate",),
        jt.Experiment(
            model=jt.MLP(widths=(50, 30)),
            optimizer=jt.Optimizer(jt.SGD(learning_rate=0.1)),
            inputs=Raw(),
            targets=RawTargets(),
            batch_size=40,
            epochs=1000,
        ),
        points.quadratic,
        {RATE: 2e-4},
    ),
    Row(
        17,  # inputs of a hundred, values of a hundred million
        ("inputs", "targets"),
        jt.Experiment(
            model=nn.Sequential([nn.Dense(50), nn.sigmoid, nn.Dense(50), nn.elu, nn.Dense(1)]),
            optimizer=jt.Optimizer(jt.Adam(learning_rate=3e-3)),
            inputs=Raw(),
            targets=RawTargets(),
            batch_size=320,
            epochs=1000,
        ),
        points.quartic,
        SCALED,
    ),
    Row(
        40,  # scores end in a sigmoid, and half of what they should be is below zero
        ("activation",),
        jt.Experiment(
            model=EndedMLP(widths=(26, 26, 10, 26, 26), ending=Sigmoid()),
            optimizer=jt.Optimizer(jt.Adam(learning_rate=3e-3)),
            inputs=Raw(),
            targets=RawTargets(),
            batch_size=16,
            epochs=100,
        ),
        tables.mirrored,
        {"model.activation": Tanh(), "model.ending": Tanh()},
        note="in the row the loss rose while the accuracy did not",
    ),
    Row(
        42,  # few and small steps
        ("low rate", "epochs"),
        jt.Experiment(
            model=jt.MLP(widths=(128, 45)),
            optimizer=jt.Optimizer(jt.SGD(learning_rate=0.003)),
            inputs=Raw(),
            targets=RawTargets(),
            batch_size=10,
            epochs=2,
        ),
        points.polynomial,
        {RATE: 0.03, "epochs": 100},
    ),
    Row(
        43,  # a loss of probabilities, of values of hundreds
        ("rule", "high rate", "loss", "inputs", "targets"),
        jt.Experiment(
            model=jt.MLP(widths=(16,)),
            optimizer=jt.Optimizer(jt.SGD(learning_rate=0.01)),
            objective=jt.Objective(FunctionLoss(function=binary)),
            inputs=Raw(),
            targets=RawTargets(),
            batch_size=32,
            epochs=20,
        ),
        tables.diabetes,
        {**SCALED, "objective.loss": Squared(), "optimizer.rule": jt.Adam(learning_rate=3e-3)},
    ),
    Row(
        44,  # a layer of tanh that gets large numbers, and nine narrow layers
        ("activation", "inputs", "too deep"),
        jt.Experiment(
            model=nn.Sequential([nn.Dense(90), nn.tanh, *_narrow(9), nn.Dense(1)]),
            optimizer=jt.Optimizer(jt.Adam(learning_rate=3e-3)),
            inputs=Raw(),
            batch_size=32,
            epochs=20,
        ),
        tables.diabetes,
        {"inputs": Standardize(), "model": jt.MLP(widths=(25, 10))},
    ),
    Row(
        45,  # small steps
        ("low rate",),
        jt.Experiment(
            model=jt.MLP(widths=()),
            optimizer=jt.Optimizer(RMSProp(learning_rate=1e-3)),
            inputs=Raw(),
            targets=RawTargets(),
            batch_size=16,
            epochs=40,
        ),
        points.line,
        {RATE: 0.1},
    ),
    Row(
        46,  # inputs and values as they are
        ("inputs", "targets"),
        jt.Experiment(
            model=jt.MLP(widths=(32, 16)),
            optimizer=jt.Optimizer(jt.Adam(learning_rate=3e-3)),
            inputs=Raw(),
            targets=RawTargets(),
            batch_size=32,
            epochs=20,
        ),
        tables.diabetes,
        SCALED,
    ),
    Row(
        49,  # Adam with steps as large as those of plain descent, and few epochs
        ("rule", "high rate", "epochs"),
        jt.Experiment(
            model=jt.MLP(widths=(50, 100)),
            optimizer=jt.Optimizer(jt.Adam(learning_rate=0.1)),
            inputs=Unit(),
            batch_size=32,
            epochs=10,
        ),
        pictures.keypoints,
        {"optimizer.rule": jt.SGD(learning_rate=0.1), "epochs": 100},
    ),
    Row(
        52,  # values of hundreds of thousands
        ("activation", "too small", "no regularization", "targets"),
        jt.Experiment(
            model=jt.MLP(widths=(20, 20), activation=Tanh(), kernel_init=GlorotNormal()),
            optimizer=jt.Optimizer(jt.Adam(learning_rate=1e-3)),
            targets=RawTargets(),
            batch_size=32,
            epochs=30,
        ),
        tables.prices,
        {
            "model.widths": (64, 64, 32),
            "model.activation": ReLU(),
            "objective.l1": 1e-4,
            "targets": StandardizedTargets(),
        },
        note="the values are scaled in the repaired one, as the row's error says that they should be",
    ),
)
