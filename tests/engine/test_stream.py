"""Data that stay on the host: fed window by window, they train as data do that the devices hold."""

import gc
import threading
from functools import partial

import jax
import numpy as np
import pytest

import jaxtricks as jt
from jaxtricks.config import ConfigError
from jaxtricks.data.vocabulary import Tokenizer, Vocabulary
from jaxtricks.engine import layout as placement
from jaxtricks.engine import preemption, windows
from jaxtricks.engine.preemption import Preempted
from jaxtricks.experiment.order import ByLength
from jaxtricks.restart import evaluation

fit = partial(jt.fit, progress=False)
BASE = jt.Experiment(
    model=jt.MLP(widths=(8,), dropout=0.2, normalization="batch"),
    optimizer=jt.Optimizer(rule=jt.AdamW(learning_rate=3e-3, epsilon=1e-5), schedule="warmup_cosine"),
    batch_size=16,
    epochs=2,
)
LETTERS = Vocabulary(tuple("abcdef"), Tokenizer("char"))


def language():
    tokens = np.random.default_rng(0).integers(0, 6, 25 * 4 + 1).astype(np.int32)
    x, y = tokens[:-1].reshape(25, 4), tokens[1:].reshape(25, 4)
    return jt.Dataset("letters", x, y, tuple("abcdef"), vocabulary=LETTERS, stream=True)


def texts():
    random = np.random.default_rng(1)
    lengths = random.integers(1, 9, 60).astype(np.int32)
    x = np.where(np.arange(8) < lengths[:, None], random.integers(0, 6, (60, 8)), 0).astype(np.int32)
    return jt.Dataset("texts", x, x % 3, tuple("abc"), vocabulary=LETTERS, lengths=lengths)


def values():
    x = np.random.default_rng(0).normal(size=(60, 3))
    return jt.Dataset.from_arrays(x, x @ np.ones((3, 2)), name="sums")


def masked():
    """Sequences of some lengths with weights, of whose labels some do not count."""
    random = np.random.default_rng(1)
    lengths, y = random.integers(1, 9, 60), random.integers(0, 3, (60, 8))
    y[random.random(y.shape) < 0.2] = -100
    x = random.normal(size=(60, 8, 2))
    return jt.Dataset.from_arrays(x, y, lengths=lengths, weights=random.exponential(size=60), classes="abc")


@pytest.fixture
def short(monkeypatch):
    """Windows of few examples: several in each epoch, and in each validation."""
    monkeypatch.setattr(placement, "WINDOW", 3000)
    monkeypatch.setattr(evaluation, "EVALUATION_BATCH", 8)


def both(experiment, data, layout, **how):
    """The fit with its data on the devices, and with its data on the host."""
    seeds = jt.Seeds(3, **how)
    held, streamed = (fit(experiment, data, seeds=seeds, layout=jt.Layout(**layout, stream=fed)) for fed in (False, True))
    assert held.plan.window is None and streamed.plan.window is not None
    return held, streamed


def assert_close(a, b, rtol=1e-9):
    for one, other in ((a.curves, b.curves), (a.states, b.states)):
        jax.tree.map(partial(np.testing.assert_allclose, rtol=rtol, atol=1e-12), one, other)


RNN = jt.RNN(widths=(4,), embedding=3)
CASES = {
    "images": (BASE, None),
    "averaged": (BASE.replace({"optimizer.averaging": jt.optim.EMA(decay=0.8)}), None),
    "stopping": (BASE.replace({"epochs": 5, "stopping": jt.EarlyStopping(patience=1)}), None),
    "sorted": (BASE.replace({"order": "by_class"}), None),
    "values": (BASE.replace({"objective.loss": "squared"}), values),
    "carried": (
        jt.Experiment(model=jt.RNN(widths=(4,), embedding=3, carry_state=True), order="contiguous", batch_size=4, epochs=2),
        language,
    ),
    "buckets": (jt.Experiment(model=RNN, order=ByLength(buckets=2), batch_size=4, epochs=2), texts),
    "masked": (
        jt.Experiment(
            model=jt.RNN(widths=(4,)),
            objective=jt.Objective(class_weights="balanced"),
            prior_bias=1.0,
            order=ByLength(buckets=2),
            batch_size=4,
            accumulate=2,
            epochs=2,
        ),
        masked,
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_a_stream_gives_what_data_on_the_device_give(case, digits, short, float64):
    experiment, data = CASES[case]
    with float64():
        assert_close(*both(experiment, digits if data is None else data(), {"runs": 1, "width": 2}))


def test_one_member_at_a_time_gives_the_same_bits(digits, short, monkeypatch):
    monkeypatch.setattr(placement, "WINDOW", 12000)  # a scan over a window of one step is no loop, and rounds as one step does
    held, streamed = both(BASE, digits, {"runs": 2, "width": 1})
    for one, other in ((held.curves, streamed.curves), (held.states, streamed.states)):
        jax.tree.map(np.testing.assert_array_equal, one, other)


@pytest.mark.parametrize("devices", [{"runs": 2, "data": 4, "width": 1}, {"runs": 4, "data": 2, "width": 1}])
def test_devices_get_their_parts_of_a_window(devices, digits, short, float64):
    with float64():
        assert_close(*both(BASE, digits, devices))


def test_members_that_share_order_and_split_share_windows(digits, short, float64, monkeypatch):
    read = []
    rows = windows.rows
    monkeypatch.setattr(windows, "rows", lambda array, places: read.append(places.size) or rows(array, places))
    with float64():
        held, streamed = both(BASE, digits, {"runs": 1, "width": 4}, split=0, vary=("weights", "masks"))
    assert_close(held, streamed)
    assert len({float(loss) for loss in streamed.curves["nll"][:, -1]}) == 3
    # Inputs and labels: the first batch, two epochs of ten batches, and the validation split three times.
    assert sum(read) == 2 * (16 + 2 * 160 + 3 * 40)


def test_each_member_pays_for_a_window_of_its_own_order(digits, short, monkeypatch):
    read = []
    rows = windows.rows
    monkeypatch.setattr(windows, "rows", lambda array, places: read.append(places.size) or rows(array, places))
    fit(BASE, digits, seeds=3, layout=jt.Layout(runs=1, width=1, stream=True))
    assert sum(read) == 3 * 2 * (16 + 2 * 160 + 3 * 40)


def test_a_cut_off_stream_goes_on_to_the_same_bits(digits, short, tmp_path, monkeypatch):
    experiment, how = BASE.replace({"epochs": 4}), {"seeds": 3, "layout": jt.Layout(runs=1, width=2, stream=True)}
    whole = fit(experiment, digits, **how)
    asked = iter([False, True])
    with monkeypatch.context() as patch:
        patch.setattr(preemption, "asked", lambda: next(asked))
        with pytest.raises(Preempted):
            fit(experiment, digits, **how, checkpoints=jt.Checkpoints(tmp_path))
    resumed = jt.resume(tmp_path, digits, layout=how["layout"], progress=False)
    for one, other in ((whole.curves, resumed.curves), (whole.states, resumed.states)):
        jax.tree.map(np.testing.assert_array_equal, one, other)


def test_data_that_the_devices_cannot_hold_are_streamed(digits, monkeypatch):
    size = sum(array.nbytes for array in (digits.x, digits.y))
    for limit, streams in ((3 * size, False), (1.5 * size, True)):
        monkeypatch.setattr(placement, "memory_limit", lambda device, limit=limit: limit)
        assert (placement.window(jt.Layout(), size, None) is not None) == streams
    assert placement.window(jt.Layout(stream=False), size, None) is None


@pytest.mark.parametrize("case", ["images", "carried", "values"])
def test_runs_of_a_stream_are_evaluated_by_windows(case, digits, short, float64):
    experiment, data = CASES[case]
    data = digits if data is None else data()
    with float64():
        held, streamed = both(experiment, data, {"runs": 1, "width": 2})
        for split in ("train", "validation"):
            jax.tree.map(partial(np.testing.assert_allclose, rtol=1e-9), held.evaluate(split), streamed.evaluate(split))
        for name, value in streamed.evaluate("validation").items():
            np.testing.assert_allclose(value, streamed.metrics[name], rtol=1e-9)


def test_nothing_is_left_on_its_way_when_restarts_take_turns_or_a_fit_ends(digits, short, tmp_path, monkeypatch):
    def gathering():
        return [thread for thread in threading.enumerate() if thread.name.startswith("window")]

    fits, asked = placement.fits, []
    monkeypatch.setattr(placement, "fits", lambda compiled, limit: bool(asked.append(limit)) or len(asked) > 2)
    gc.disable()
    try:
        runs = fit(BASE, digits, seeds=8, layout=jt.Layout(runs=1, width=1, stream=True))
        assert len(asked) == 3 and not gathering()
        monkeypatch.setattr(placement, "fits", fits)
        monkeypatch.setattr(preemption, "asked", lambda: True)
        with pytest.raises(Preempted):
            fit(BASE, digits, seeds=2, layout=jt.Layout(runs=1, stream=True), checkpoints=jt.Checkpoints(tmp_path))
        assert not gathering()
    finally:
        gc.enable()
    assert not runs.diverged


def test_windows_fit_the_memory_that_they_are_given(digits):
    tight = placement.window(jt.Layout(stream=True, memory=0.01), 1, jax.devices()[0])
    assert tight == 0.01e9 * placement.WINDOW_SHARE
    assert placement.window(jt.Layout(stream=True, memory=100), 1, jax.devices()[0]) == placement.WINDOW


def test_a_resumed_stream_stays_one(digits, short, tmp_path, monkeypatch):
    how = {"seeds": 2, "layout": jt.Layout(runs=1, stream=True)}
    with monkeypatch.context() as patch:
        patch.setattr(preemption, "asked", lambda: True)
        with pytest.raises(Preempted):
            fit(BASE, digits, **how, checkpoints=jt.Checkpoints(tmp_path))
    resumed = jt.resume(tmp_path, digits, layout=jt.Layout(runs=1), progress=False)
    assert resumed.plan.window == placement.WINDOW


def test_windows_have_one_or_two_lengths_and_cover_all():
    for total in (1, 7, 100, 187):
        for most in (1, 3, 50, 1000):
            for unit in (1, 4):
                parts = windows.cut(total, most, unit)
                assert [first for first, _ in parts] == [0, *(last for _, last in parts[:-1])] and parts[-1][1] == total
                lengths = [last - first for first, last in parts]
                assert len(set(lengths)) <= 2 and set(lengths[:-1]) <= {lengths[0]}
                assert max(lengths) <= max(most, unit) and all(length % unit == 0 for length in lengths[:-1])


def test_an_exception_of_the_gathering_thread_reaches_the_caller(digits, short, monkeypatch):
    def broken(*_, **__):
        raise OSError("the disk is gone")

    monkeypatch.setattr(windows, "rows", broken)
    with pytest.raises(OSError, match="the disk is gone"):
        fit(BASE, digits, seeds=1, layout=jt.Layout(stream=True))


def test_a_layout_refuses_what_is_no_choice():
    with pytest.raises(ConfigError, match=r"Layout\.stream = 1 is not True, False or None"):
        jt.Layout(stream=1)
