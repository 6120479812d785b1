"""Histograms of weights, gradients and activations along a run, row T105."""

from functools import partial

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import jaxtricks as jt
from jaxtricks.engine import preemption
from jaxtricks.engine.preemption import Preempted
from jaxtricks.restart.histogram import BINS, LOST, ZERO, counted, edges
from jaxtricks.store import histograms as stored
from jaxtricks.train.buffers import PictureBuffer

fit = partial(jt.fit, progress=False)
BASE = jt.Experiment(
    model=jt.MLP(widths=(8, 8), normalization="batch", dropout=0.2),
    optimizer=jt.Optimizer(rule=jt.Adam(learning_rate=3e-2, epsilon=1e-5)),
    batch_size=32,
    epochs=4,
    histograms=2,
)
PLACE = jt.Layout(runs=1, width=2)


@pytest.fixture(scope="module")
def data(digits):
    return digits.subset(150, 0)


@pytest.fixture(scope="module")
def whole(data):
    return fit(BASE, data, seeds=3, layout=PLACE)


def same(one, other):
    assert list(one.counts) == list(other.counts) and np.array_equal(one.epochs, other.epochs)
    return all(np.array_equal(counts, other.counts[name]) for name, counts in one.counts.items())


@settings(deadline=None, max_examples=50)
@given(st.lists(st.floats(width=32, allow_subnormal=False), min_size=12, max_size=12))
def test_each_number_is_in_the_bin_whose_edges_are_around_it(numbers):
    values = np.array(numbers, np.float32)
    finite = values[np.isfinite(values)]
    inside = np.where(finite == 0, 0, np.sign(finite) * np.clip(np.abs(finite), 2.0**-30, np.nextafter(2.0**10, 0)))
    above, below = inside[inside > 0], -inside[inside < 0]
    powers = np.exp2(np.arange(-30, 11))
    expected = [
        np.histogram(below, powers)[0][::-1],
        [np.sum(inside == 0)],
        np.histogram(above, powers)[0],
        [len(values) - len(finite)],
    ]
    assert len(edges()) == BINS
    np.testing.assert_array_equal(counted(jnp.asarray(values)), np.concatenate(expected))


def test_counts_add_up_to_the_number_of_elements(whole):
    found = whole.histograms
    assert found.epochs.tolist() == [0, 2, 4]
    sizes = {"weights/hidden_0/dense/kernel": 64 * 8, "gradients/head/bias": 10, "activations/hidden_1": 32 * 8}
    for name, size in sizes.items():
        assert (found.counts[name].sum(axis=2) == size).all() and found.counts[name].shape == (3, 3, BINS)
    assert {name.partition("/")[0] for name in found.counts} == {"weights", "gradients", "activations"}
    layers = [name for name in found.counts if name.startswith("activations/")]
    assert layers.index("activations/hidden_0") < layers.index("activations/hidden_1") < layers.index("activations/head")


def test_the_last_picture_is_of_the_last_weights(whole):
    kernel = np.asarray(whole.states.params["head"]["kernel"])
    for run in range(3):
        expected = counted(jnp.asarray(kernel[run]))
        np.testing.assert_array_equal(whole.histograms.counts["weights/head/kernel"][run, -1], expected)
    assert not (
        whole.histograms.counts["weights/head/kernel"][:, 0] == whole.histograms.counts["weights/head/kernel"][:, -1]
    ).all()


def test_the_training_is_the_same_to_the_bit_with_and_without(data, whole):
    off = fit(BASE.replace({"histograms": None}), data, seeds=3, layout=PLACE)
    assert off.histograms is None
    jax.tree.map(np.testing.assert_array_equal, (off.curves, off.states), (whole.curves, whole.states))


def test_a_restart_alone_gives_what_it_gives_among_others(data, whole):
    alone = fit(BASE, data, seeds=[1], layout=PLACE)
    assert same(alone.histograms, whole.at([1]).histograms)


def test_a_killed_fit_goes_on_with_the_same_pictures(data, whole, tmp_path, monkeypatch):
    asked = iter([False, True])
    with monkeypatch.context() as patch:
        patch.setattr(preemption, "asked", lambda: next(asked))
        with pytest.raises(Preempted):
            fit(BASE.replace({"epochs": 4}), data, seeds=3, layout=PLACE, checkpoints=jt.Checkpoints(tmp_path))
    assert stored.read(tmp_path / "histograms-0.npz").every == 2
    resumed = jt.resume(tmp_path, data, layout=PLACE, progress=False)
    assert same(resumed.histograms, whole.histograms)
    kept = jt.snapshots(tmp_path, data, layout=PLACE)
    assert same(kept[4].histograms, whole.histograms)
    longer = jt.resume(tmp_path, data, epochs=6, layout=PLACE, progress=False)
    assert same(longer.histograms, fit(BASE.replace({"epochs": 6}), data, seeds=3, layout=PLACE).histograms)


@pytest.mark.parametrize(
    "layout", [{"runs": 2, "width": 1}, {"runs": 1, "data": 2}, {"runs": 1, "width": 2, "stream": True}], ids=str
)
def test_several_devices_and_a_stream_give_the_same(layout, data, float64):
    base = BASE.replace({"model.normalization": None})  # before a batch norm biases stay zero but for rounding
    one, other = (fit(base, data, seeds=2, layout=place).histograms for place in (PLACE, jt.Layout(**layout)))
    for name, counts in one.counts.items():
        moved = np.abs(counts.astype(int) - other.counts[name]).sum(axis=2) / 2
        assert (moved <= 1).all(), name  # a number at an edge may round to its other side


def test_one_that_stopped_early_keeps_its_last_picture(data):
    base = BASE.replace({"stopping": jt.EarlyStopping(patience=1, min_change=10.0), "histograms": 1, "epochs": 6})
    found = fit(base, data, seeds=2, layout=PLACE).histograms
    weights = found.counts["weights/head/kernel"]
    assert weights.shape[1] == 7 and (weights[:, -1] == weights[:, -2]).all() and (weights.sum(axis=2) == 80).all()


class Faulty(nn.Module):
    """Three ReLU layers; after one of them the gradient is cut, or one of them never gives anything."""

    cut: int | None = None
    dead: int | None = None
    outputs: int = 10

    @nn.compact
    def __call__(self, x):
        x = x.reshape(len(x), -1)
        for place in range(3):
            low = nn.initializers.constant(-1e4) if place == self.dead else nn.initializers.zeros
            x = nn.Dense(6, bias_init=low, name=f"dense_{place}")(x)
            x = Relu(name=f"relu_{place}")(x)
            x = jax.lax.stop_gradient(x) if place == self.cut else x
        return nn.Dense(self.outputs, name="head")(x)


class Relu(nn.Module):
    """As a layer, so that its outputs are looked at."""

    def __call__(self, x):
        return nn.relu(x)


@pytest.mark.parametrize(
    ("fault", "expected"),
    [({}, (None, None)), ({"cut": 1}, (None, "dense_1")), ({"dead": 1}, ("relu_1", None)), ({"dead": 0}, ("relu_0", None))],
)
def test_a_layer_that_died_and_a_gradient_that_was_cut_are_named(fault, expected, data):
    base = jt.Experiment(model=Faulty(**fault), batch_size=32, epochs=1, histograms=1)
    found = fit(base, data, seeds=1).histograms
    assert [found.stopped(0, time) for time in (0, 1)] == [expected] * 2
    if fault:
        assert found.zeros("gradients/dense_0/kernel").tolist() == [[1.0, 1.0]]


def test_numbers_that_are_not_finite_have_a_bin_of_their_own():
    assert counted(jnp.array([jnp.nan, jnp.inf, -jnp.inf, 1e30, -1e-30]))[jnp.array([LOST, LOST - 1, ZERO - 1])].tolist() == [
        3,
        1,
        1,
    ]


def test_pictures_of_members_that_left_stay():
    buffer = PictureBuffer(2, {}, 3)
    buffer.put(np.arange(3), {"a": jnp.array([[1, 0], [0, 1], [1, 0], [9, 9]])})  # the last is padding
    buffer.put(np.array([0, 2]), {"a": jnp.array([[0, 1], [0, 1]])})
    buffer.rest(6)
    assert buffer.until(6)["a"][1].tolist() == [[0, 1]] * 4 and buffer.until(6)["a"][0].tolist() == [[1, 0]] + [[0, 1]] * 3
    assert buffer.until(3)["a"].shape == (3, 2, 2) and [buffer.due(epoch) for epoch in range(3)] == [True, False, True]


def test_bad_settings_are_named():
    with pytest.raises(jt.ConfigError, match=r"Experiment\.histograms = 0"):
        jt.Experiment(histograms=0)
