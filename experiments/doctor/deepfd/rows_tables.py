"""Rows whose stand-ins are tables with classes."""

import jaxtricks as jt
from experiments.doctor.deepfd import pictures, tables
from experiments.doctor.deepfd.models import LINEAR, SOFTMAX, EndedMLP
from experiments.doctor.deepfd.row import Row
from jaxtricks.experiment import Raw, Standardize
from jaxtricks.losses import CrossEntropy, Squared
from jaxtricks.nn import BatchNorm, Inverted, Normal, Sigmoid, Tanh, Uniform
from jaxtricks.optim import RMSProp

RATE = "optimizer.rule.learning_rate"

ROWS = (
    Row(
        11,  # columns of unlike scale
        ("activation", "low rate", "inputs"),
        jt.Experiment(
            model=jt.MLP(widths=(12, 3), kernel_init=Uniform(scale=0.05)),
            optimizer=jt.Optimizer(jt.Adam(learning_rate=1e-4)),
            inputs=Raw(),
            batch_size=1,
            epochs=25,
        ),
        tables.tumours,
        {"inputs": Standardize(), RATE: 2e-3},
    ),
    Row(
        14,  # a column of huge numbers, and small steps
        ("rule", "low rate", "inputs", "epochs"),
        jt.Experiment(
            model=jt.MLP(widths=(21,)),
            optimizer=jt.Optimizer(jt.Adam(learning_rate=1e-3)),
            inputs=Raw(),
            batch_size=100,
            epochs=50,
        ),
        tables.census,
        {"inputs": Standardize(), RATE: 0.01},
    ),
    Row(
        19,  # squared errors of a softmax after layers of tanh that get large numbers
        ("no normalization", "activation", "loss"),
        jt.Experiment(
            model=EndedMLP(widths=(64, 64), activation=Tanh(), dropout=Inverted(rate=0.5), ending=SOFTMAX),
            optimizer=jt.Optimizer(jt.Momentum(learning_rate=0.1, momentum=0.9)),
            objective=jt.Objective(Squared()),
            inputs=Raw(),
            batch_size=16,
            epochs=20,
        ),
        tables.sixteen,
        {"model.normalization": BatchNorm(), "model.ending": LINEAR, "objective.loss": CrossEntropy()},
        note="the benchmark scores it as faulty, though its patches say that it has no fault",
    ),
    Row(
        23,  # an address that is read as a number
        ("inputs",),
        jt.Experiment(
            model=jt.MLP(widths=(12, 12), kernel_init=Normal(scale=0.05)),
            optimizer=jt.Optimizer(jt.Adam(learning_rate=1e-3)),
            inputs=Raw(),
            batch_size=4,
            epochs=100,
        ),
        tables.packets,
        {"inputs": Standardize()},
        note="the relu after its last layer, which the benchmark does not call a fault, is left out of both",
    ),
    Row(
        24,  # scores end in a sigmoid
        ("activation",),
        jt.Experiment(
            model=EndedMLP(widths=(4,), kernel_init=Normal(scale=0.05), ending=Sigmoid()),
            optimizer=jt.Optimizer(jt.Adam(learning_rate=0.01)),
            inputs=Raw(),
            batch_size=5,
            epochs=50,
        ),
        tables.iris,
        {"model.ending": LINEAR},
        note="the benchmark exchanged the two versions, for the repaired one was worse",
    ),
    Row(
        28,  # a softmax before a loss that takes one
        ("rule", "activation", "loss"),
        jt.Experiment(
            model=EndedMLP(widths=(128,), dropout=Inverted(rate=0.5), ending=SOFTMAX),
            optimizer=jt.Optimizer(jt.Adam(learning_rate=1e-3)),
            inputs=Raw(),
            batch_size=4,
            epochs=10,
        ),
        tables.ten,
        {"model.ending": LINEAR, "optimizer.rule": jt.SGD(learning_rate=0.01)},
        note="both are right about as often: the repair helps the probabilities more than the answers",
    ),
    Row(
        35,  # the numbers of classes where the loss wants one output for each class
        ("loss", "refused"),
        jt.Experiment(
            model=EndedMLP(widths=(16, 16), outputs=3),
            optimizer=jt.Optimizer(jt.Adam(learning_rate=0.01)),
            inputs=Raw(),
            batch_size=8,
            epochs=30,
        ),
        tables.iris_numbers,
        {},
        tables.iris,
        note="the repair changes little, by the benchmark's own remark",
    ),
    Row(
        37,  # one epoch, example by example
        ("rule", "loss", "epochs", "batch size"),
        jt.Experiment(
            model=jt.MLP(widths=(128, 100)),
            optimizer=jt.Optimizer(RMSProp(learning_rate=1e-3)),
            inputs=Raw(),
            batch_size=1,
            epochs=1,
        ),
        tables.all_columns,
        {"optimizer.rule": jt.Adam(learning_rate=1e-3), "batch_size": 64, "epochs": 100},
    ),
    Row(
        41,  # the softmax of one output is always 1
        ("activation",),
        jt.Experiment(
            model=EndedMLP(widths=(32,), ending=SOFTMAX),
            optimizer=jt.Optimizer(jt.Adam(learning_rate=3e-3)),
            batch_size=32,
            epochs=20,
        ),
        tables.all_columns,
        {"model.ending": LINEAR},
    ),
    Row(
        50,  # four epochs, without dropout
        ("epochs", "no regularization"),
        jt.Experiment(
            model=jt.MLP(widths=(16, 16)),
            optimizer=jt.Optimizer(RMSProp(learning_rate=1e-3)),
            inputs=Raw(),
            batch_size=64,
            epochs=4,
        ),
        pictures.reviews,
        {"model.dropout": Inverted(rate=0.5), "epochs": 30},
    ),
)
