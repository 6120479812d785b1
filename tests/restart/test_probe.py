"""Features of a frozen body: where they are held, and that training on them is the same training."""

import re

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxtricks as jt
from jaxtricks.engine import program, resident
from jaxtricks.engine.cohort import planned_for
from jaxtricks.restart import epoch as epochs
from jaxtricks.restart import probe
from jaxtricks.restart.member import Member, Pool
from jaxtricks.train.cohorts import readied
from jaxtricks.train.prepare import prepare

DIGITS = jt.load("digits").subset(150, seed=0)
WORDS = jt.Dataset.from_texts(
    ["a good film", "the bad film", "good", "bad bad bad", "so good so far"] * 12, [1, 0, 1, 0, 1] * 12, text=jt.Text("word", 4)
)
BASE = jt.Experiment(optimizer=jt.Optimizer(rule=jt.Adam(learning_rate=1e-2)), batch_size=16, epochs=3)
MLP = {"model": jt.MLP(widths=(8, 6)), "optimizer.frozen": ("hidden_*",)}
ALL_OF_IT = MLP | {"objective.l2": 1e-3, "optimizer.averaging": "ema", "stopping": jt.EarlyStopping(patience=1)}
RECURRENT = {"model": jt.RNN(cell="gru", embedding=4, widths=(5,)), "optimizer.frozen": ("embed", "layer_*")}
ATTENTIVE = {"model": jt.Transformer(layers=2, width=8, heads=2, hidden=8), "optimizer.frozen": ("embed", "block_0")}


def held(changes, data):
    """The shape of the features of an example; None where none are held."""
    split, pool = data.split(0), Pool.of(data)
    experiment = prepare(BASE.replace(changes), data, len(split.train))
    moments = (jnp.asarray(part[0]) for part in experiment.inputs.moments(data, split.train[None]))
    member = Member(jnp.int32(0), jnp.asarray(split.train), jnp.asarray(split.validation), *moments)

    def features(floats):
        return probe.features(floats, member, pool, epochs.start(floats, member, pool, {}))

    found = jax.eval_shape(features, jax.tree.map(jnp.asarray, experiment))
    assert found is None or len(found) == len(data)
    return None if found is None else found.shape[1:]


def both(experiment, data, monkeypatch):
    """The runs with held features, and those of the whole network."""
    held = jt.fit(experiment, data, seeds=2, progress=False)
    with monkeypatch.context() as patch:
        patch.setattr(resident, "features_like", lambda *_: None)
        program.forget()  # it would be found again, with the features
        return held, jt.fit(experiment, data, seeds=2, progress=False)


@pytest.mark.parametrize(
    ("changes", "data"), [(ALL_OF_IT, DIGITS), (RECURRENT, WORDS), (ATTENTIVE, WORDS)], ids=["mlp", "rnn", "transformer"]
)
def test_training_on_features_is_the_same_training(changes, data, monkeypatch, float64):
    assert held(changes, data) is not None
    with float64():
        few, whole = both(BASE.replace(changes), data, monkeypatch)
    for name, curve in whole.curves.items():
        np.testing.assert_allclose(few.curves[name], curve, rtol=1e-10, err_msg=name)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-13), few.variables, whole.variables)
    assert not np.allclose(whole.curves["train_loss"][:, 0], whole.curves["train_loss"][:, -1])


def test_other_segments_have_the_same_bits(monkeypatch, tmp_path):
    runs = [
        jt.fit(
            BASE.replace(MLP | {"epochs": 4}),
            DIGITS,
            seeds=2,
            progress=False,
            checkpoints=jt.Checkpoints(tmp_path / name, every=every),
        )
        for name, every in (("short", 1), ("long", 2))
    ]
    again = jt.resume(tmp_path / "short", DIGITS, epochs=6, progress=False)
    for name, curve in runs[0].curves.items():
        np.testing.assert_array_equal(curve, runs[1].curves[name])
        np.testing.assert_array_equal(curve, again.curves[name][:, :4])


class Odd(nn.Module):
    """A network whose head gets, beside what the body gives, something of the input, of a trained number, or nothing."""

    way: str = "plain"

    @nn.compact
    def __call__(self, x, train):
        x = x.reshape(len(x), -1)
        h = nn.Dense(4, name="body")(x)
        if self.way == "mask":
            h = h * (x[:, :4] > 0)
        if self.way == "trained":
            h = h * self.param("gain", nn.initializers.ones, (4,))[None]
        if self.way == "random":
            h = nn.Dropout(0.5, deterministic=not train)(h)
        h = nn.remat(nn.Dense)(5, name="top")(h) if self.way == "remat" else h
        scores = nn.Dense(10, name="head")(h)
        return scores + nn.Dense(10, name="head_too")(x) if self.way == "shortcut" else scores


@pytest.mark.parametrize(
    ("changes", "data", "shape"),
    [
        (MLP, DIGITS, (6,)),
        (MLP | {"optimizer.frozen": ("hidden_0",)}, DIGITS, (8,)),
        (MLP | {"compute": "bfloat16"}, DIGITS, (6,)),
        (MLP | {"inputs": "raw"}, DIGITS, (6,)),
        ({"model": jt.CNN(channels=(3, 4)), "optimizer.frozen": ("stage_*",)}, DIGITS, (16,)),
        (RECURRENT, WORDS, (5,)),
        (ATTENTIVE, WORDS, (4, 8)),
        ({"model": Odd(), "optimizer.frozen": ("body",)}, DIGITS, (4,)),
        ({"model": Odd("mask"), "optimizer.frozen": ("body",)}, DIGITS, (4,)),
    ],
)
def test_what_the_first_trained_layer_gets_is_held(changes, data, shape):
    assert held(changes, data) == shape


@pytest.mark.parametrize(
    ("changes", "data"),
    [
        ({"model": jt.MLP(widths=(8, 6))}, DIGITS),
        (MLP | {"optimizer.frozen": ("head",)}, DIGITS),
        (MLP | {"model.dropout": 0.3}, DIGITS),
        (MLP | {"model.dropout": 0.0}, DIGITS),
        (MLP | {"model.normalization": "batch"}, DIGITS),
        (MLP | {"augmentation": jt.data.Augmentation(noise=0.1)}, DIGITS),
        (RECURRENT | {"order": jt.experiment.ByLength(buckets=2)}, WORDS),
        ({"model": Odd("trained"), "optimizer.frozen": ("body",)}, DIGITS),
        ({"model": Odd("random"), "optimizer.frozen": ("body",)}, DIGITS),
        ({"model": Odd("remat"), "optimizer.frozen": ("body",)}, DIGITS),
        ({"model": Odd("shortcut"), "optimizer.frozen": ("body",)}, DIGITS),
    ],
)
def test_where_it_would_not_be_the_same_the_body_stays(changes, data):
    assert held(changes, data) is None


def test_more_than_memory_should_hold_is_not_held(monkeypatch):
    monkeypatch.setattr(probe, "HELD", 6 * len(DIGITS) - 1)
    assert held(MLP, DIGITS) is None


def test_features_are_computed_for_one_member_and_a_batch_at_a_time_and_are_counted():
    _, (cohort,) = readied([BASE.replace(MLP)], DIGITS, jt.Seeds(4).sampling(DIGITS), None)
    planned = planned_for(cohort, Pool.on_host(DIGITS), jt.Layout(runs=1, width=2), 1)
    population, states = planned._together
    traced = str(jax.make_jaxpr(lambda *given: resident.features(*given, planned.plan))(population, states, planned.data))
    assert planned.plan.width == 2 and "f32[16,8]" in traced and "f32[2,16,8]" not in traced
    widths = {int(rows) for rows in re.findall(r"f32\[(\d+),8\] = dot_general", traced)}
    assert 16 in widths and max(widths) == 16
    whole = planned_for(cohort, Pool.on_host(DIGITS), jt.Layout(runs=1, width=2, stream=True), 1)
    assert planned.bytes_held - whole.bytes_held == 4 * len(DIGITS) * 6 * 4
