"""Rows whose stand-ins are drawn: two answers, several answers, and sequences."""

import jax.numpy as jnp
from jaxtyping import Array, Float

import jaxtricks as jt
from experiments.doctor.deepfd import points
from experiments.doctor.deepfd.models import LINEAR, SOFTMAX, EndedMLP, EndedRNN, Piled
from experiments.doctor.deepfd.row import Row
from jaxtricks.experiment import Raw
from jaxtricks.losses import BinaryCrossEntropy, FunctionLoss, Squared
from jaxtricks.nn import LSTM, Inverted, LecunNormal, Normal, ReLU, Sigmoid, Uniform


def absolute(scores: Float[Array, "batch outputs"], targets: Float[Array, "batch outputs"]) -> Float[Array, " batch"]:
    """The mean absolute error of each example."""
    return jnp.abs(scores - targets).mean(axis=-1)


def categorical(scores: Float[Array, "batch outputs"], targets: Float[Array, "batch outputs"]) -> Float[Array, " batch"]:
    """Cross-entropy of the softmax over all outputs, for one yes among them."""
    return -jnp.sum(targets * (scores - jnp.log(jnp.exp(scores).sum(axis=-1, keepdims=True))), axis=-1)


RATE = "optimizer.rule.learning_rate"

ROWS = (
    Row(
        3,  # absolute errors of a small network of sigmoids, by slow steps
        ("loss", "epochs", "low rate", "rule"),
        jt.Experiment(
            model=EndedMLP(widths=(4,), activation=Sigmoid(), ending=Sigmoid()),
            optimizer=jt.Optimizer(jt.Momentum(learning_rate=0.05, momentum=0.11)),
            objective=jt.Objective(FunctionLoss(function=absolute)),
            inputs=Raw(),
            batch_size=64,
            epochs=200,
        ),
        points.xor,
        {"objective.loss": Squared(), "optimizer.rule": jt.Adam(learning_rate=0.1), "epochs": 2000},
    ),
    Row(
        4,  # five epochs of small steps
        ("low rate", "epochs"),
        jt.Experiment(
            model=jt.MLP(widths=(2,), activation=Sigmoid()),
            optimizer=jt.Optimizer(jt.Adam(learning_rate=1e-3)),
            inputs=Raw(),
            batch_size=32,
            epochs=5,
        ),
        points.clouds,
        {RATE: 0.1, "epochs": 10},
    ),
    Row(
        9,  # the softmax of one output is always 1
        ("low rate", "activation", "initial weights", "epochs", "batch size"),
        jt.Experiment(
            model=EndedMLP(widths=(4, 3), activation=Sigmoid(), kernel_init=Uniform(scale=0.05), ending=SOFTMAX),
            optimizer=jt.Optimizer(jt.Momentum(learning_rate=1e-3, momentum=0.9)),
            objective=jt.Objective(Squared()),
            inputs=Raw(),
            batch_size=64,
            epochs=20,
        ),
        points.xor,
        {
            "model.ending": Sigmoid(),
            "model.kernel_init": LecunNormal(),
            "optimizer.rule": jt.Adam(learning_rate=0.02),
            "batch_size": 4,
            "epochs": 125,
        },
        note="the first layer is wider than that of two units in the row, with which some restarts stick",
    ),
    Row(
        12,  # layers of sigmoids, from small weights, with large batches
        ("activation", "batch size"),
        jt.Experiment(
            model=EndedMLP(widths=(16, 16), activation=Sigmoid(), kernel_init=Normal(scale=0.3), ending=Sigmoid()),
            optimizer=jt.Optimizer(jt.SGD(learning_rate=0.3)),
            objective=jt.Objective(Squared()),
            inputs=Raw(),
            batch_size=50,
            epochs=9,
        ),
        points.bits,
        {"model.activation": ReLU(), "batch_size": 1},
    ),
    Row(
        18,  # nothing is wrong
        (),
        jt.Experiment(
            model=jt.MLP(widths=(8, 8)),
            optimizer=jt.Optimizer(jt.Adam(learning_rate=0.01)),
            inputs=Raw(),
            batch_size=8,
            epochs=50,
        ),
        points.sines,
        note="the layers are wider than those of two units in the row, which die at times",
    ),
    Row(
        22,  # the softmax of one output is always 1
        ("activation",),
        jt.Experiment(
            model=EndedMLP(widths=(60, 50), ending=SOFTMAX),
            optimizer=jt.Optimizer(jt.Adam(learning_rate=1e-3)),
            inputs=Raw(),
            batch_size=16,
            epochs=30,
        ),
        points.features,
        {"model.ending": LINEAR},
        note="the labels follow from the features, as they did not in the row, so that there is something to learn",
    ),
    Row(
        29,  # a cross-entropy for one answer of several, where each answer is judged by itself
        ("loss",),
        jt.Experiment(
            model=jt.MLP(widths=(64, 64, 64)),
            optimizer=jt.Optimizer(jt.Adam(learning_rate=3e-3)),
            objective=jt.Objective(FunctionLoss(function=categorical)),
            inputs=Raw(),
            batch_size=50,
            epochs=100,
        ),
        points.bins,
        {"objective.loss": BinaryCrossEntropy()},
        note="the row's repaired accuracy is that of answering no to all; here the answers can be learnt",
    ),
    Row(
        30,  # nearly all examples have one label
        ("activation", "loss"),
        jt.Experiment(
            model=jt.MLP(widths=(10, 20, 30, 40, 50)),
            optimizer=jt.Optimizer(jt.Adam(learning_rate=1e-3)),
            inputs=Raw(),
            batch_size=32,
            epochs=50,
        ),
        points.rare,
        {},
        points.rare_classes,
        note="the benchmark exchanged the two versions, for the repaired one was worse: both do as well as each other",
    ),
    Row(
        32,  # padding has a class that counts, scores end in a sigmoid, and ten epochs
        ("epochs", "labels", "outputs"),
        jt.Experiment(
            model=EndedRNN(cell=LSTM(), widths=(20,), bidirectional=True, dropout=Inverted(rate=0.2), ending=Sigmoid()),
            optimizer=jt.Optimizer(jt.Momentum(learning_rate=0.01, momentum=0.9)),
            inputs=Raw(),
            batch_size=4,
            epochs=10,
        ),
        points.padded,
        {"model.ending": LINEAR, "epochs": 30},
        points.lengths_known,
    ),
    Row(
        33,  # an axis too many, and a mean over the wrong one, so that examples are mixed
        ("low rate", "mixed examples"),
        jt.Experiment(
            model=Piled(widths=(16,)),
            optimizer=jt.Optimizer(jt.Adam(learning_rate=1e-3)),
            inputs=Raw(),
            batch_size=16,
            epochs=10,
        ),
        points.piles,
        {"model": jt.MLP(widths=(16,)), RATE: 0.01},
        points.volumes,
    ),
)
