"""Rows of pictures."""

import functools

import flax.linen as nn

import jaxtricks as jt
from experiments.doctor.deepfd import pictures
from experiments.doctor.deepfd.models import LINEAR, Coloured, ConvDense, EndedMLP
from experiments.doctor.deepfd.row import Row
from jaxtricks.experiment import Raw, Unit
from jaxtricks.losses import BinaryCrossEntropy, CrossEntropy, Squared
from jaxtricks.nn import ELU, LSTM, HeNormal, Inverted, Normal, ReLU, Sigmoid
from jaxtricks.optim import Nesterov, RMSProp

RATE = "optimizer.rule.learning_rate"

ROWS = (
    Row(
        1,  # linear layers, squared errors, large steps
        ("activation", "loss", "rate"),
        jt.Experiment(
            model=EndedMLP(widths=(30,), activation=LINEAR, kernel_init=Normal(scale=1.0)),
            optimizer=jt.Optimizer(jt.SGD(learning_rate=3.0)),
            objective=jt.Objective(Squared()),
            inputs=Unit(),
            batch_size=10,
            epochs=20,
        ),
        pictures.digits,
        {"model.activation": Sigmoid(), "objective.loss": CrossEntropy()},
        note="a learning rate that the benchmark calls a fault, and does not change",
    ),
    Row(
        8,  # pixels as they are, small steps, scores that end in a sigmoid
        ("activation", "rule", "inputs"),
        jt.Experiment(
            model=nn.Sequential([nn.Dense(128), nn.Dense(50), nn.relu, nn.Dense(10), nn.sigmoid]),
            optimizer=jt.Optimizer(jt.SGD(learning_rate=1e-4)),
            inputs=Raw(),
            batch_size=32,
            epochs=20,
        ),
        functools.partial(pictures.flat, "mnist"),
        {
            "model": nn.Sequential([nn.Dense(128), nn.Dense(50), nn.relu, nn.Dense(10)]),
            "inputs": Unit(),
            "optimizer.rule": jt.Adam(learning_rate=3e-3),
        },
    ),
    Row(
        15,  # labels that were divided by 255, where it should have been pictures
        ("loss", "labels", "inputs"),
        jt.Experiment(
            model=ConvDense(channels=(16, 8), stage=LINEAR, widths=(64,)),
            optimizer=jt.Optimizer(jt.Adam(learning_rate=3e-3)),
            inputs=Raw(),
            batch_size=32,
            epochs=10,
        ),
        pictures.divided_labels,
        {},
        pictures.divided_pictures,
    ),
    Row(
        21,  # one output for three classes
        ("epochs", "low rate", "activation", "loss", "outputs", "refused"),
        jt.Experiment(
            model=ConvDense(channels=(8, 8, 16), widths=(64,), dropout=Inverted(rate=0.5), ending=Sigmoid(), outputs=1),
            optimizer=jt.Optimizer(RMSProp(learning_rate=1e-3)),
            objective=jt.Objective(BinaryCrossEntropy()),
            inputs=Unit(),
            batch_size=32,
            epochs=10,
        ),
        pictures.three_kinds,
        {
            "model.ending": LINEAR,
            "model.outputs": None,
            "objective.loss": CrossEntropy(),
            RATE: 5e-3,
            "epochs": 20,
        },
    ),
    Row(
        25,  # scores end in a relu
        ("activation", "epochs"),
        jt.Experiment(
            model=ConvDense(channels=(8, 16), kernel_size=5, widths=(128,), dropout=Inverted(rate=0.5), ending=ReLU()),
            optimizer=jt.Optimizer(jt.Adam(learning_rate=1e-3)),
            inputs=Unit(),
            batch_size=25,
            epochs=10,
        ),
        functools.partial(pictures.small, "mnist"),
        {"model.ending": LINEAR, "epochs": 20},
    ),
    Row(
        27,  # large batches, few epochs, pixels as they are
        ("epochs", "batch size", "inputs"),
        jt.Experiment(
            model=ConvDense(channels=(8, 16), widths=(128,), kernel_init=HeNormal(), dropout=Inverted(rate=0.3)),
            optimizer=jt.Optimizer(jt.Adam(learning_rate=1e-3)),
            inputs=Raw(),
            batch_size=200,
            epochs=5,
        ),
        functools.partial(pictures.small, "fashion_mnist"),
        {"batch_size": 32, "epochs": 20, "inputs": Unit()},
        note="that the pixels are scaled, too, is the repair of an earlier study of the same program",
    ),
    Row(
        34,  # large steps
        ("high rate",),
        jt.Experiment(
            model=ConvDense(channels=(8, 16, 16), widths=(64, 64)),
            optimizer=jt.Optimizer(Nesterov(learning_rate=0.1, momentum=0.9)),
            batch_size=32,
            epochs=20,
        ),
        functools.partial(pictures.small, "fashion_mnist"),
        {RATE: 0.01},
    ),
    Row(
        39,  # few and small steps
        ("rule", "low rate", "epochs"),
        jt.Experiment(
            model=jt.RNN(cell=LSTM(), widths=(32,)),
            optimizer=jt.Optimizer(RMSProp(learning_rate=1e-3)),
            inputs=Raw(),
            batch_size=64,
            epochs=5,
        ),
        pictures.digit_rows,
        {"optimizer.rule": jt.Adam(learning_rate=0.01), "epochs": 50},
    ),
    Row(
        51,  # hardly a fault
        ("activation",),
        jt.Experiment(
            model=Coloured(dropout=Inverted(rate=0.5)),
            optimizer=jt.Optimizer(jt.Adam(learning_rate=1e-3)),
            inputs=Unit(),
            batch_size=32,
            epochs=30,
        ),
        functools.partial(pictures.small, "fashion_mnist"),
        {"model.colour": Sigmoid(), "model.early": ELU()},
        note="a step of tuning, hardly a fault",
    ),
)
