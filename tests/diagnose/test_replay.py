"""Replays: the numbers of the training to the bit, exact addresses, and no false ones."""

import json
import shutil
from dataclasses import replace

import jax
import numpy as np
import pytest

import jaxtricks as jt
from experiments.doctor import addresses
from jaxtricks.diagnose.past import Epoch, of_folder, of_runs
from jaxtricks.engine.layout import Layout

TRICKS = {"model.normalization": "batch", "model.dropout": 0.3, "accumulate": 2}


def equal(one, other):
    leaves = zip(jax.tree.leaves(one), jax.tree.leaves(other), strict=True)
    return all(np.array_equal(np.asarray(a), np.asarray(b)) for a, b in leaves)


def first(tree):
    return jax.tree.map(lambda leaf: leaf[0], tree)


@pytest.fixture(scope="module")
def wild(base):
    return base.replace({"optimizer.rule": jt.SGD(learning_rate=1e12)})


@pytest.fixture(scope="module")
def lost(wild, blobs):
    return jt.fit(wild, blobs, seeds=2, progress=False)


@pytest.mark.parametrize(
    ("changes", "layout"),
    [(TRICKS, Layout(width=2, runs=1)), ({}, Layout(stream=True, runs=1, width=1))],
    ids=["resident", "streamed"],
)
def test_each_restart_alone_passes_the_checkpoints_of_all_to_the_bit(base, blobs, tmp_path, changes, layout):
    kept = jt.Checkpoints(tmp_path, every=1)
    jt.fit(base.replace(changes), blobs, seeds=3, layout=layout, checkpoints=kept, progress=False)
    past = of_folder(tmp_path, blobs, 0, 2, layout, None)
    assert past.name == "seed 2" and set(past.saved) == {1, 2, 3}
    state, since = past.before(1)
    assert since == "the checkpoint after epoch 1"
    if layout.stream:  # in windows of a round each
        past = replace(past, note={**past.note, "window": 1})
    epoch = Epoch(past, 1, state, past.order(1))
    ended = epoch.after(len(epoch.order))
    wanted = first(past.saved[2]())
    assert equal((ended.params, ended.method, ended.step), (wanted.params, wanted.method, wanted.step))
    alone = replace(past, saved={})
    again, since = alone.before(2)
    assert since == "the start" and equal(again, past.saved[2]())


def test_the_first_rounds_are_those_of_the_whole_epoch(base, blobs):
    """Steps taken in two parts come to the state of those taken at once."""
    past = of_runs(jt.fit(base, blobs, seeds=2, progress=False), 1)
    state, _ = past.before(0)
    whole = Epoch(past, 0, state, past.order(0))
    part = whole.after(1)
    rest = Epoch(past, 0, jax.tree.map(lambda leaf: np.asarray(leaf)[None], part), whole.order[1:])
    assert equal(rest.after(len(whole.order) - 1).params, whole.after(len(whole.order)).params)


def test_restarts_that_are_well_have_the_same_bits_beside_one_that_diverges(base, blobs):
    layout = Layout(width=2, runs=1)
    rates = [{"optimizer.rule.learning_rate": rate} for rate in (0.01, 0.02, 1e30)]
    well, beside, ill = (base.replace(rate) for rate in rates)
    alone, _ = jt.fit([well, beside], blobs, seeds=2, layout=layout, progress=False)
    same, lost = jt.fit([well, ill], blobs, seeds=2, layout=layout, progress=False)
    assert not lost.alive.any() and same.alive.all()
    assert equal(alone.states.params, same.states.params) and equal(alone.curves, same.curves)


def test_planted_values_have_their_exact_address():
    ways = ("log of zero", "root at zero", "step of SGD", "log at validation")
    rows = list(addresses.measured(ways))
    assert len(rows) == len(ways) * addresses.DRAWS * addresses.RESTARTS
    assert [row for row in rows if not row["exact"]] == []
    assert {row["found"]["address"]["direction"] for row in rows} == {"forward", "backward", "update", "validation"}
    assert len({row["found"]["step"] for row in rows}) > 5 and len({row["found"]["since"] for row in rows}) > 1


def test_from_the_checkpoint_is_from_the_start(wild, blobs, tmp_path, lost):
    slow = wild.replace({"optimizer.rule.learning_rate": 30.0, "epochs": 8, "model.widths": (6, 6)})
    kept = jt.Checkpoints(tmp_path, every=1)
    runs = jt.fit(slow, blobs, seeds=2, checkpoints=kept, progress=False)
    step = 2 * 3 + 1
    from_folder, from_start = jt.replay(tmp_path, blobs, member=1, step=step), jt.replay(runs, member=1, step=step)
    assert from_folder.since == "the checkpoint after epoch 2" and from_start.since == "the start"
    assert replace(from_folder, since="") == replace(from_start, since="")


def test_a_checkpoint_after_the_divergence_has_the_state_from_before_it(tmp_path):
    planted, data = addresses.Planted("log of zero", layer=0, example=5, epoch=1), addresses.examples()
    longer, kept = addresses.experiment(planted).replace({"epochs": 4}), jt.Checkpoints(tmp_path, newest=1, every=4)
    runs = jt.fit(longer, data, seeds=1, checkpoints=kept, progress=False)
    from_folder, from_start = jt.replay(tmp_path, data), jt.replay(runs)
    assert from_folder.epoch == 2 and from_folder.since == "the checkpoint after epoch 4" and from_start.since == "the start"
    assert str(replace(from_folder, since="")) == str(replace(from_start, since=""))


def test_the_address_says_what_a_user_needs(lost):
    found = jt.replay(lost)
    assert found.member == "seed 0" and found.address is not None and found.step <= lost.diverged["seed 0"]
    assert found.address.layer in ("hidden_0/dense", "head", "loss") and found.address.line is not None
    assert found.address.operands and all(operand.finite == 1 for operand in found.address.operands)
    plain = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert plain["address"]["operation"] == found.address.operation
    assert found.address.operation in str(found) and "  read: float32" in str(found)


def test_masks_of_attention_are_no_false_address_and_batches_take_turns():
    generator = np.random.default_rng(0)
    x, lengths = generator.integers(0, 6, (48, 5)), generator.integers(1, 6, 48)
    data = jt.Dataset.from_arrays(x, x[:, 0] % 2, lengths=lengths, vocabulary=tuple("abcdef"), name="words")
    order, model = jt.experiment.ByLength(buckets=2), jt.Transformer(width=8, heads=2, layers=1)
    well = jt.Experiment(model=model, order=order, optimizer=jt.Optimizer(jt.SGD(learning_rate=0.1)), batch_size=8, epochs=2)
    wild = well.replace({"optimizer.rule.learning_rate": 1e25})
    steady, lost = jt.fit([well, wild], data, seeds=1, progress=False)
    for step in (0, 1, 5):
        found = jt.replay(steady, member=0, step=step)
        assert found.address is None and "all values are finite" in str(found) and np.isfinite(found.grad_norm)
    found = jt.replay(lost)
    assert found.step == lost.diverged["seed 0"] == 1 and found.address is not None
    assert found.address.direction == "forward" and found.address.operation in ("dot_general", "mul", "integer_pow", "square")
    assert all(operand.finite == 1 for operand in found.address.operands)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"member": 2}, r"^member = 2 is not one of the 2 restarts of Runs\(.*\), from 0 on\.$"),
        ({"member": -1}, r"^member = -1 is not one of the 2 restarts"),
        ({"step": 9}, r"^step = 9 is not one of the 9 of seed 0, from 0 on\.$"),
        ({"step": -1}, r"^step = -1 is not one of the 9"),
        ({"step": 8}, r"^step = 8 was not trained: seed 0 diverged at step \d, which is allowed, as all before\.$"),
    ],
)
def test_what_is_not_there_is_refused_in_a_sentence(lost, options, says):
    with pytest.raises(jt.ConfigError, match=says):
        jt.replay(lost, **{"member": 0, **options})


def test_steps_after_early_stopping_are_refused(base, blobs, tmp_path):
    """A restart that does not get better stops after its patience; in runs as in a folder."""
    still = base.replace({"optimizer.rule.learning_rate": 1e-30, "stopping": jt.EarlyStopping(patience=1), "epochs": 4})
    runs = jt.fit(still, blobs, seeds=2, checkpoints=jt.Checkpoints(tmp_path), progress=False)
    assert runs.stopped == {"seed 0": 1, "seed 1": 1}
    says = r"^step = 3 was not trained: seed 1 stopped early after 3 steps; 0 to 2 are allowed\.$"
    for given in ((runs,), (tmp_path, blobs)):
        with pytest.raises(jt.ConfigError, match=says):
            jt.replay(*given, member=1, step=3)
    assert jt.replay(runs, member=1, step=2).address is None


def test_what_is_for_a_folder_is_refused_for_runs(plain, blobs):
    for given in ({"data": blobs}, {"experiment": 1}, {"seeds": jt.Seeds(2)}, {"layout": Layout(runs=1)}):
        (name,) = given
        with pytest.raises(
            jt.ConfigError, match=rf"^replay: {name} is for the folder of a fit, and runs know it; member and step "
        ):
            jt.replay(plain, member=0, step=0, **given)


def test_other_seeds_than_those_of_the_fit_are_refused_and_a_damaged_checkpoint_is_left_out(base, blobs, tmp_path):
    jt.fit(base, blobs, seeds=2, checkpoints=jt.Checkpoints(tmp_path, every=1), progress=False)
    found = jt.replay(tmp_path, blobs, member=1, step=7)
    assert found == jt.replay(tmp_path, blobs, member=1, step=7, seeds=jt.Seeds(2))
    assert found.since == "the checkpoint after epoch 2"
    with pytest.raises(jt.CheckpointError, match=r" holds checkpoints of another fit: here seeds "):
        jt.replay(tmp_path, blobs, member=1, step=7, seeds=jt.Seeds(3))
    for epoch in (2, 3):
        shutil.rmtree(tmp_path / "cohort-0" / f"{epoch:06}" / "state")
    with pytest.warns(UserWarning, match="00000[23]"):
        again = jt.replay(tmp_path, blobs, member=1, step=7)
    assert again.since == "the checkpoint after epoch 1" and replace(again, since=found.since) == found


def test_runs_without_a_value_that_is_not_finite_say_so(plain, blobs, tmp_path):
    with pytest.raises(
        jt.ConfigError, match=r"^no restart of Runs\(.*\) met a value that is not finite; a member and a step are "
    ):
        jt.replay(plain)
    with pytest.raises(jt.ConfigError, match=r"^seed 1 of Runs\(.*\) met no value that is not finite; a step is allowed\.$"):
        jt.replay(plain, member=1)
    with pytest.raises(jt.CheckpointError, match=r" holds no checkpoints: fit\.json is missing\.$"):
        jt.replay(tmp_path, blobs)
    with pytest.raises(jt.ConfigError, match=r"^data = None does not go with the folder "):
        jt.replay(str(tmp_path))  # type: ignore[call-overload]


def test_a_folder_whose_checkpoints_are_gone_is_replayed_from_the_start(base, blobs, tmp_path):
    runs = jt.fit(base, blobs, seeds=2, checkpoints=jt.Checkpoints(tmp_path), progress=False)
    shutil.rmtree(tmp_path / "cohort-0")
    found = jt.replay(tmp_path, blobs, member=1, step=2)
    assert found == jt.replay(runs, member=1, step=2)
    with pytest.raises(jt.ConfigError, match=r"holds no checkpoint, so that no step is known that diverged; step = 0 and more "):
        jt.replay(tmp_path, blobs, member=1)
    with pytest.raises(jt.ConfigError, match=r"^experiment = 1 is not one of the 1 of "):
        jt.replay(tmp_path, blobs, experiment=1, member=0, step=0)
