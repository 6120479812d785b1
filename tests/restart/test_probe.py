"""Features of a frozen body: where they are held, and that training on them is the same training."""

import jax
import numpy as np
import pytest

import jaxtricks as jt
from jaxtricks.engine import program, resident
from jaxtricks.restart import probe

DIGITS = jt.load("digits").subset(150, seed=0)
WORDS = jt.Dataset.from_texts(
    ["a good film", "the bad film", "good", "bad bad bad", "so good so far"] * 12, [1, 0, 1, 0, 1] * 12, text=jt.Text("word", 4)
)
BASE = jt.Experiment(optimizer=jt.Optimizer(rule=jt.Adam(learning_rate=1e-2)), batch_size=16, epochs=3)
MLP = {"model": jt.MLP(widths=(8, 6)), "optimizer.frozen": ("hidden_*",)}


@pytest.fixture
def shapes(monkeypatch):
    """The shapes of the features that fits hold; None where they hold none."""
    found, like = [], resident.features_like

    def seen(*arguments):
        found.append(like(*arguments))
        return found[-1]

    monkeypatch.setattr(resident, "features_like", seen)
    return found


def both(experiment, data, monkeypatch, seeds=2):
    """The runs with held features, and those of the whole network."""
    held = jt.fit(experiment, data, seeds=seeds, progress=False)
    with monkeypatch.context() as patch:
        patch.setattr(resident, "features_like", lambda *_: None)
        patch.setattr(probe, "above", lambda experiment, member, pool, *_: (experiment, member, pool))
        program.forget()  # it would be found again, with the features
        return held, jt.fit(experiment, data, seeds=seeds, progress=False)


def same(held, whole):
    for name, curve in whole.curves.items():
        np.testing.assert_allclose(held.curves[name], curve, rtol=1e-10, err_msg=name)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-12), held.variables, whole.variables)


RECURRENT = {"model": jt.RNN(cell="gru", embedding=4, widths=(5,)), "optimizer.frozen": ("embed", "layer_*")}
ATTENTIVE = {
    "model": jt.Transformer(layers=2, width=8, heads=2, hidden=8),
    "optimizer.frozen": ("embed", "block_0"),
}


@pytest.mark.parametrize(
    ("changes", "data", "shape"),
    [
        (MLP, DIGITS, (6,)),
        (MLP | {"objective.l2": 1e-3, "optimizer.averaging": "ema", "stopping": jt.EarlyStopping(patience=1)}, DIGITS, (6,)),
        ({"model": jt.MLP(widths=(8, 6), dropout=0.3), "optimizer.frozen": ("hidden_0",)}, DIGITS, None),
        ({"model": jt.CNN(channels=(3, 4)), "optimizer.frozen": ("stage_*",)}, DIGITS, (16,)),
        (RECURRENT, WORDS, (5,)),
        (ATTENTIVE, WORDS, (4, 8)),
    ],
    ids=["mlp", "much", "dropout", "cnn", "rnn", "transformer"],
)
def test_training_on_features_is_the_same_training(changes, data, shape, shapes, monkeypatch, float64):
    with float64():
        held, whole = both(BASE.replace(changes), data, monkeypatch)
    assert (None if shapes[0] is None else shapes[0].shape[2:]) == shape
    same(held, whole)
