"""Members that leave, or go on from another's state: the others do not notice, and a stop in between changes nothing."""

import contextlib
import dataclasses
from functools import partial

import jax
import numpy as np
import pytest

import jaxtricks as jt
from jaxtricks.config import ConfigError
from jaxtricks.engine import preemption, resident
from jaxtricks.engine.preemption import Preempted
from jaxtricks.restart.member import TRAINING
from jaxtricks.store.checkpoint import CheckpointError
from jaxtricks.train import loop
from jaxtricks.train.fit import How, fit_in_turns
from jaxtricks.train.turn import Turned

RATE = "optimizer.rule.learning_rate"
PLACE = jt.Layout(runs=1, width=2)
SEEDS = jt.Seeds(2)
EPOCHS = 5
BASE = jt.Experiment(
    model=jt.MLP(widths=(8,), dropout=0.2, normalization="batch"),
    optimizer=jt.Optimizer(rule=jt.Adam(learning_rate=1e-2), schedule="warmup_cosine"),
    batch_size=16,
    epochs=EPOCHS,
)
ARMS = [BASE.replace({RATE: rate}) for rate in (1e-2, 3e-2, 1e-3)] + [
    BASE.replace({"model.dropout": None, RATE: rate}) for rate in (1e-2, 3e-2, 1e-3)
]  # two programs of three experiments
fit = partial(jt.fit, seeds=SEEDS, layout=PLACE, progress=False)


class Scripted:
    """Does at each epoch what stands there: who leaves, who takes whose state, and which settings all have then."""

    def __init__(self, script):
        self.script = script

    def epochs(self, whole):
        return tuple(sorted(self.script))

    def __call__(self, epoch, curves, standing):
        assert all(values.shape == (*standing.until.shape, epoch) for values in curves.values())
        shape, then = standing.until.shape, self.script[epoch]
        leaving, source = np.zeros(shape, bool), Turned.nothing(shape).source.copy()
        for experiment in then.get("leave", ()):
            leaving[experiment] = True
        for taker, giver in then.get("copy", {}).items():
            source[taker] = giver
        settings = {path: np.broadcast_to(np.array(v)[:, None], shape) for path, v in then.get("set", {}).items()}
        return Turned(leaving, source, settings)

    def to_json(self):
        return {"kind": "scripted", "script": repr(self.script)}


def in_turns(script, data, arms=ARMS, checkpoints=None):
    return fit_in_turns(arms, data, SEEDS, Scripted(script), How(PLACE, checkpoints, False))


def assert_same(some, others):
    for a, b in zip(some, others, strict=True):
        jax.tree.map(np.testing.assert_array_equal, (a.curves, a.states), (b.curves, b.states))


@pytest.fixture(scope="module")
def data(digits):
    return digits.subset(80, 0)


@pytest.fixture(scope="module")
def whole(data):
    return fit(ARMS, data)


def test_turns_at_which_nothing_happens_change_no_bit(data, whole):
    runs, standing = in_turns({1: {}, 3: {}}, data)
    assert_same(runs, whole)
    assert (standing.until == EPOCHS).all() and standing.until.shape == (6, 2)


LEAVES = {1: {"leave": [0, 3, 4]}, 3: {"leave": [0, 1, 5]}}  # of the second program nobody is left


def test_who_leaves_stays_as_it_was_and_the_others_do_not_notice(data, whole):
    runs, standing = in_turns(LEAVES, data)
    assert standing.until[:, 0].tolist() == [1, 3, 5, 1, 1, 3] == standing.until[:, 1].tolist()
    assert_same(runs[2:3], whole[2:3])
    for run, same, until in zip(runs, whole, standing.until[:, 0], strict=True):
        for name, curve in run.curves.items():
            np.testing.assert_array_equal(curve[:, :until], same.curves[name][:, :until])
            rest = np.nan if name in TRAINING else same.curves[name][:, until - 1 : until]
            np.testing.assert_array_equal(curve[:, until:], np.broadcast_to(rest, curve[:, until:].shape))
        assert (run.states.step == until * (64 // 16)).all()
        np.testing.assert_allclose(run.evaluate("validation")["nll"], run.metrics["nll"], rtol=1e-5)


def test_the_program_shrinks(data, monkeypatch):
    sizes, lower = [], resident.lower
    monkeypatch.setattr(
        resident, "lower", lambda population, *rest: sizes.append(len(population.numbers.seed)) or lower(population, *rest)
    )
    in_turns({1: {"leave": [0]}, 3: {"leave": [1]}}, data, arms=ARMS[:3])
    assert list(dict.fromkeys(sizes)) == [6, 4, 2]


def test_those_that_stopped_early_leave_beside_those_that_are_sent(data):
    stops = {"stopping": jt.EarlyStopping(patience=1), "optimizer.rule": jt.Adam(learning_rate=0.3)}
    arms = [arm.replace(stops) for arm in ARMS[:2]] + ARMS[2:3]
    expected = fit(arms, data)
    assert expected[0].stopped or expected[1].stopped
    runs, _ = in_turns({2: {"leave": [2]}, 4: {}}, data, arms=arms)
    assert_same(runs[:2], expected[:2])


def test_members_that_wait_on_the_host_leave_alike(data, whole, monkeypatch):
    monkeypatch.setattr(loop, "fitting", lambda planned, layout: dataclasses.replace(planned, chunks=1))
    runs, _ = in_turns(LEAVES, data)
    assert_same(runs[2:3], whole[2:3])


COPIES = {2: {"copy": {1: 0, 4: 3}, "set": {RATE: [1e-2, 1e-2, 1e-3] * 2}}}


def test_a_copy_with_its_sources_settings_goes_on_as_the_source(data, whole):
    runs, standing = in_turns(COPIES, data)
    for taker, giver in ((1, 0), (4, 3)):
        assert_same(runs[giver : giver + 1], whole[giver : giver + 1])
        jax.tree.map(np.testing.assert_array_equal, runs[taker].states, runs[giver].states)
        for name, curve in runs[taker].curves.items():
            np.testing.assert_array_equal(curve[:, 2:], runs[giver].curves[name][:, 2:])
            np.testing.assert_array_equal(curve[:, :2], whole[taker].curves[name][:, :2])
    assert_same(runs[2:3], whole[2:3])
    assert standing.settings[RATE][:, 1].tolist() == [1e-2, 1e-2, 1e-3] * 2


def test_a_copy_has_the_weights_of_that_epoch_to_the_bit(data):
    """With a rate that is too small to change a weight, they are still there at the end."""
    arms = [arm.replace({"model.normalization": None, "optimizer.schedule": "constant"}) for arm in ARMS[:2]]
    runs, _ = in_turns({2: {"copy": {1: 0}, "set": {RATE: [1e-2, 1e-30]}}}, data, arms=arms)
    there = fit(arms[0].replace({"epochs": 2}), data)
    jax.tree.map(np.testing.assert_array_equal, runs[1].states.params, there.states.params)


# What one turn has done, the next one changes again: to do it twice would be seen.
SWAPS = {2: {"copy": {0: 1, 1: 0, 4: 3}, "set": {RATE: [2e-2, 5e-3, 1e-3] * 2}}, 4: {"copy": {2: 0}, "leave": [1]}}


@pytest.mark.parametrize("script", [LEAVES, SWAPS], ids=["leaves", "swaps"])
@pytest.mark.parametrize("stop", range(1, 2 * EPOCHS))
def test_cut_off_and_called_again_is_uninterrupted(data, tmp_path, monkeypatch, script, stop, request):
    expected = request.getfixturevalue("uninterrupted")[repr(script)]
    asked = iter(range(1, 100))
    with monkeypatch.context() as patch:
        patch.setattr(preemption, "asked", lambda: next(asked) == stop)
        with contextlib.suppress(Preempted):
            in_turns(script, data, checkpoints=jt.Checkpoints(tmp_path))
    runs, standing = in_turns(script, data, checkpoints=jt.Checkpoints(tmp_path))
    assert_same(runs, expected[0])
    np.testing.assert_array_equal(standing.until, expected[1].until)
    assert standing.settings.keys() == expected[1].settings.keys()


@pytest.fixture(scope="module")
def uninterrupted(data):
    return {repr(script): in_turns(script, data) for script in (LEAVES, SWAPS)}


def test_a_folder_of_turns_belongs_to_them(data, tmp_path):
    in_turns({1: {"leave": [0]}}, data, arms=ARMS[:2], checkpoints=jt.Checkpoints(tmp_path))
    with pytest.raises(CheckpointError, match="another fit: here turn"):
        in_turns({1: {"leave": [1]}}, data, arms=ARMS[:2], checkpoints=jt.Checkpoints(tmp_path))
    with pytest.raises(CheckpointError, match="another fit: here turn None"):
        fit(ARMS[:2], data, checkpoints=jt.Checkpoints(tmp_path))
    for read in (jt.resume, jt.snapshots):
        with pytest.raises(CheckpointError, match="the call that began it goes on there"):
            read(tmp_path, data)


def test_what_cannot_be_is_one_sentence(data):
    with pytest.raises(ConfigError, match="epochs = 4, 5: members that leave"):
        in_turns({1: {}}, data, arms=[ARMS[0], ARMS[0].replace({"epochs": 4})])
    with pytest.raises(ConfigError, match="experiment 0 has another structure, and no state for experiment 3"):
        in_turns({1: {"copy": {3: 0}}}, data)
    with pytest.raises(ConfigError, match=r"optimizer.rule.learning_rat is no float that is on; did you mean"):
        in_turns({1: {"set": {"optimizer.rule.learning_rat": [1.0] * 6}}}, data)
