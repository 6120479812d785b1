"""The table *What "the same" means*: bit for bit in one program and width, to rounding across layouts."""

import os
import subprocess
import sys
from functools import partial
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxtricks as jt
from jaxtricks.engine import layout as placement
from jaxtricks.restart import epoch as epochs
from jaxtricks.restart.member import Member, Pool
from jaxtricks.train.prepare import prepare

fit = partial(jt.fit, progress=False)
# Draws masks, keeps statistics and counts steps. The gradient of a bias before batch normalization is zero but for rounding,
# which Adam's usual ε of 1e-8 would blow up to steps of some size.
FULL = jt.Experiment(
    model=jt.MLP(widths=(8,), dropout=0.2, normalization="batch"),
    optimizer=jt.Optimizer(rule=jt.AdamW(learning_rate=3e-3, epsilon=1e-5), schedule="warmup_cosine"),
    batch_size=32,
    epochs=4,
)
# Six members, in chunks of four, the last one padded.
PLACE = jt.Layout(runs=1, width=4)


def outcome(runs, rows=slice(None)):
    """Curves and final states, of the runs at the given places."""
    return jax.tree.map(lambda leaf: np.asarray(leaf)[rows], (runs.curves, runs.states))


def assert_equal_bits(a, b):
    jax.tree.map(np.testing.assert_array_equal, a, b)


class TestBitsInOneProgram:
    """As optimized as it is for users, since slots of a vectorized loop might round apart."""

    @pytest.fixture(scope="class")
    @staticmethod
    def first(digits):
        return outcome(fit(FULL, digits, seeds=6, layout=PLACE))

    def test_run_again(self, first, digits, compiled):
        assert_equal_bits(outcome(fit(FULL, digits, seeds=6, layout=PLACE)), first)
        assert not compiled

    def test_another_slot(self, first, digits, compiled):
        seeds = [3, 5, 1, 0, 4, 2]
        runs = fit(FULL, digits, seeds=seeds, layout=PLACE)
        assert_equal_bits(outcome(runs, np.argsort(seeds)), first)
        assert not compiled

    def test_other_companions(self, first, digits, compiled):
        runs = fit(FULL, digits, seeds=[0, 9, 5, 8, 7, 6], layout=PLACE)
        assert_equal_bits(outcome(runs, [0, 2]), jax.tree.map(lambda leaf: leaf[[0, 5]], first))
        assert not compiled

    def test_companions_of_another_experiment(self, first, digits):
        other = FULL.replace({"optimizer.rule.learning_rate": 0.1, "model.dropout.rate": 0.9})
        beside, runs = fit([other, FULL], digits, seeds=[0, 4, 5], layout=PLACE)
        assert_equal_bits(outcome(runs), jax.tree.map(lambda leaf: leaf[[0, 4, 5]], first))
        assert not np.array_equal(beside.curves["train_loss"], runs.curves["train_loss"])

    def test_other_seeds_differ(self, first):
        losses = first[0]["train_loss"]
        assert len(np.unique(losses)) == losses.size


class TestBitsInAnother:
    """Of the same width."""

    PLACE = jt.Layout(runs=1, width=3)

    @pytest.fixture(scope="class")
    @staticmethod
    def first(digits):
        return outcome(fit(FULL, digits, seeds=5, layout=TestBitsInAnother.PLACE))

    def test_other_segment_lengths(self, first, digits, monkeypatch):
        monkeypatch.setattr(placement, "segment_epochs", lambda epochs, every: 2)
        runs = fit(FULL, digits, seeds=5, layout=self.PLACE)
        assert runs.plan.epochs == 2
        assert_equal_bits(outcome(runs), first)

    def test_another_process(self, first, tmp_path):
        script = f"""
            import sys; sys.path.insert(0, {str(Path(__file__).parent)!r})
            import jax; jax.config.update("jax_num_cpu_devices", 2); jax.config.update("jax_disable_most_optimizations", True)
            import numpy as np, jaxtricks as jt, test_same as there
            runs = there.fit(there.FULL, jt.load("digits").subset(200, 0), seeds=5, layout=there.TestBitsInAnother.PLACE)
            np.savez({str(tmp_path / "runs.npz")!r}, *jax.tree.leaves(there.outcome(runs)))
        """
        # It compiles for itself, and hashes otherwise.
        environment = os.environ | {"JAX_PLATFORMS": "cpu", "JAX_ENABLE_COMPILATION_CACHE": "0", "PYTHONHASHSEED": "7"}
        lines = "\n".join(line.strip() for line in script.splitlines())
        subprocess.run([sys.executable, "-c", lines], check=True, env=environment, timeout=300)
        with np.load(tmp_path / "runs.npz") as there:
            assert_equal_bits(list(there.values()), jax.tree.leaves(first))


LAYOUTS = {
    "alone": (jt.Layout(runs=1), 1),
    "among 32": (jt.Layout(runs=1, width=32), 32),
    "8 devices": (jt.Layout(), 32),
    "8 devices, padded": (jt.Layout(), 11),
    "shared batches": (jt.Layout(runs=2, data=2, width=2), 5),
}


def seed_2(data, name, **changes):
    """Seed 2, which is in all layouts."""
    layout, members = LAYOUTS[name]
    runs = fit(FULL.replace(changes), data, seeds=[2] if members == 1 else members, layout=layout)
    assert len(runs) == members
    return outcome(runs, 0 if members == 1 else 2)


@pytest.fixture(scope="module")
def alone(digits, float64):
    with float64():
        return seed_2(digits, "alone", epochs=20)


class TestRounding:
    @pytest.mark.parametrize("name", list(LAYOUTS)[1:])
    def test_float64_after_20_epochs(self, name, alone, digits, float64):
        with float64():
            here = seed_2(digits, name, epochs=20)
        jax.tree.map(partial(np.testing.assert_allclose, rtol=1e-10, atol=1e-12), here, alone)

    @pytest.mark.parametrize("name", ["8 devices, padded", "shared batches"])
    def test_float32_after_one_epoch(self, name, digits):
        ours, theirs = (seed_2(digits, n, epochs=1)[0] for n in (name, "alone"))
        for metric in ("train_loss", "grad_norm", "nll"):
            np.testing.assert_allclose(ours[metric], theirs[metric], rtol=1e-5)


def test_a_large_epoch_is_gathered_step_by_step_to_the_same_bits(digits, monkeypatch):
    split = digits.split(0)
    experiment = prepare(FULL, digits, len(split.train))
    places = (part.astype(np.int32) for part in split)
    member = jax.tree.map(
        jnp.asarray, Member(np.int32(0), *places, *(part[0] for part in experiment.inputs.moments(digits, split.train[None])))
    )
    pool = Pool.of(digits)
    state = epochs.start(experiment, member, pool, {})

    def epoch():
        return jax.jit(
            lambda state: epochs.epoch(experiment, member, pool, state, epochs.positions(experiment, member, pool, jnp.int32(0)))
        )(state)

    whole = epoch()
    monkeypatch.setattr(epochs, "GATHERED", 0)
    assert_equal_bits(whole, epoch())
