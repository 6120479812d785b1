"""Nothing is lost: cut off and resumed is uninterrupted, damaged checkpoints are named and passed over (issue of long runs)."""

import json
import os
import shutil
import warnings
from functools import partial
from pathlib import Path

import jax
import numpy as np
import orbax.checkpoint as ocp
import pytest
from hypothesis import given
from hypothesis import strategies as st

import jaxtricks as jt
from jaxtricks.engine import preemption
from jaxtricks.engine.preemption import Preempted
from jaxtricks.store import checkpoint, manifest
from jaxtricks.store.checkpoint import CheckpointError

fit, resume = partial(jt.fit, progress=False), partial(jt.resume, progress=False)
BASE = jt.Experiment(
    model=jt.MLP(widths=(8,), dropout=0.2, normalization="batch"),
    optimizer=jt.Optimizer(rule=jt.AdamW(learning_rate=3e-3, epsilon=1e-5), schedule="warmup_cosine"),
    batch_size=32,
    epochs=4,
)
PLACE = jt.Layout(runs=1, width=2)
HOW = {"seeds": 3, "layout": PLACE}


@pytest.fixture(scope="module")
def data(digits):
    return digits.subset(150, 0)


@pytest.fixture(scope="module")
def whole(data):
    return fit(BASE, data, **HOW)


def cut(experiments, data, folder, epoch, monkeypatch, **policy):
    """A fit that is asked to end once it has so many epochs."""
    asked = iter(range(1, 100))
    with monkeypatch.context() as patch:
        patch.setattr(preemption, "asked", lambda: next(asked) == epoch)
        with pytest.raises(Preempted):
            fit(experiments, data, **HOW, checkpoints=jt.Checkpoints(folder, **policy))


def assert_same(a, b):
    for one, other in ((a.curves, b.curves), (a.states, b.states)):
        jax.tree.map(np.testing.assert_array_equal, one, other)


def names(folder, cohort=0):
    return sorted(path.name for path in (folder / f"cohort-{cohort}").iterdir())


class TestResumed:
    def test_bit_for_bit_on_the_same_devices_and_to_rounding_on_others(self, data, whole, tmp_path, monkeypatch):
        cut(BASE, data, tmp_path / "a", 2, monkeypatch)
        shutil.copytree(tmp_path / "a", tmp_path / "b")
        assert_same(resume(tmp_path / "a", data, layout=PLACE), whole)
        other = resume(tmp_path / "b", data, layout=jt.Layout(runs=3))
        assert other.plan.width == 2
        np.testing.assert_array_equal(other.curves["nll"][:, :2], whole.curves["nll"][:, :2])
        np.testing.assert_allclose(other.curves["nll"], whole.curves["nll"], rtol=1e-3)

    def test_the_same_call_goes_on_and_a_finished_one_trains_no_more(self, data, whole, tmp_path, monkeypatch, compiled):
        policy = jt.Checkpoints(tmp_path)
        cut(BASE, data, tmp_path, 3, monkeypatch)
        assert_same(fit(BASE, data, **HOW, checkpoints=policy), whole)
        compiled.clear()
        assert_same(fit(BASE, data, **HOW, checkpoints=policy), whole)
        assert not compiled

    def test_several_programs_go_on_where_each_of_them_was(self, data, tmp_path, monkeypatch):
        arms = [BASE, BASE.replace({"model.dropout": None, "epochs": 2})]
        expected = fit(arms, data, **HOW)
        cut(arms, data, tmp_path, 5, monkeypatch)  # the first of the second program's two
        assert [names(tmp_path, cohort) for cohort in (0, 1)] == [["000003", "000004"], ["000001"]]
        for run, same in zip(resume(tmp_path, data, layout=PLACE), expected, strict=True):
            assert_same(run, same)

    def test_one_experiment_comes_back_as_one_and_a_list_as_a_list(self, data, tmp_path, whole):
        fit([BASE], data, **HOW, checkpoints=jt.Checkpoints(tmp_path))
        (runs,) = resume(tmp_path, data, layout=PLACE)
        assert_same(runs, whole)


class TestKept:
    def test_the_newest_the_best_and_every_kth(self, data, whole, tmp_path):
        fit(BASE, data, **HOW, checkpoints=jt.Checkpoints(tmp_path, newest=1, every=2, best="nll"))
        best = 1 + int(np.argmin(whole.curves["nll"].mean(axis=0)))
        assert names(tmp_path) == sorted({f"{epoch:06}" for epoch in (2, 4, best)})

    @given(
        st.dictionaries(st.integers(1, 60), st.none() | st.floats(-5, 5), min_size=1),
        st.integers(1, 4),
        st.none() | st.integers(1, 10),
        st.sampled_from([None, "nll"]),
    )
    def test_what_stays(self, values, newest, every, best):
        stay = jt.Checkpoints("x", newest=newest, every=every, best=best).stay(values)
        assert max(values) in stay <= set(values)
        assert set(sorted(values)[-newest:]) <= stay
        assert every is None or {epoch for epoch in values if epoch % every == 0} <= stay
        known = {epoch: value for epoch, value in values.items() if value is not None}
        if best and known:
            assert max(known.values()) == max(known[epoch] for epoch in stay if epoch in known)
        assert len(stay) <= newest + (len(values) if every else 0) + (best is not None)

    def test_segments_end_where_checkpoints_are_to_stay(self, data, tmp_path):
        long = BASE.replace({"epochs": 60})  # three epochs a segment, if nothing else is asked for
        assert jt.fit(long, data, seeds=1, progress=False).plan.epochs == 3
        fit(long, data, seeds=1, checkpoints=jt.Checkpoints(tmp_path, newest=1, every=20))
        assert names(tmp_path) == ["000020", "000040", "000060"]


def files(folder):
    return sorted(path for path in folder.rglob("*") if path.is_file() and path.stat().st_size)


class TestDamaged:
    @pytest.fixture
    def kept(self, data, tmp_path, monkeypatch):
        cut(BASE, data, tmp_path, 3, monkeypatch)
        return tmp_path

    @pytest.mark.parametrize("harm", ["flip", "cut", "delete"])
    def test_it_is_named_passed_over_and_left_in_place(self, kept, data, whole, harm):
        newest = kept / "cohort-0" / "000003"
        target = max(files(newest), key=lambda path: path.stat().st_size)
        if harm == "flip":
            content = bytearray(target.read_bytes())
            content[len(content) // 2] ^= 1
            target.write_bytes(content)
        elif harm == "cut":
            os.truncate(target, target.stat().st_size // 2)
        else:
            target.unlink()
        left = {path: path.read_bytes() for path in files(newest)}
        with pytest.warns(UserWarning, match=r"cohort-0/000003 is damaged: .*\.$"):
            assert_same(resume(kept, data, layout=PLACE), whole)
        assert {path: path.read_bytes() for path in files(newest)} == left
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it still lies there
            assert_same(resume(kept, data, layout=PLACE), whole)

    def test_where_none_can_be_read_training_starts_anew(self, kept, data, whole):
        for path in files(kept / "cohort-0"):
            path.write_bytes(b"")
        with pytest.warns(UserWarning, match="is damaged"):
            assert_same(resume(kept, data, layout=PLACE), whole)

    def test_a_changed_manifest_is_refused(self, kept, data):
        path = kept / manifest.MANIFEST
        path.write_text(path.read_text().replace('"seed 0"', '"seed 7"'))
        with pytest.raises(CheckpointError, match=r"fit\.json is damaged: it does not hold what was written\.$"):
            resume(kept, data)

    def test_a_later_format_is_refused(self, kept, data, monkeypatch):
        monkeypatch.setattr(checkpoint, "FORMAT", 0)
        with pytest.raises(CheckpointError, match=r"written by a later version: its format is 1, and 0 is known here\.$"):
            checkpoint.read(kept / "cohort-0" / "000003")

    def test_what_a_killed_process_left_is_swept_away(self, kept, data, whole):
        for name in (".000001-gone", ".000004-unfinished", ".000004-unfinished.orbax-checkpoint-tmp-7"):
            (kept / "cohort-0" / name).mkdir()
        assert_same(resume(kept, data, layout=PLACE), whole)
        assert names(kept) == ["000003", "000004"]


class TestRefused:
    @pytest.fixture(scope="class")
    @staticmethod
    def taken(data, tmp_path_factory):
        folder = tmp_path_factory.mktemp("taken")
        fit(BASE, data, **HOW, checkpoints=jt.Checkpoints(folder))
        return folder

    @pytest.mark.parametrize(
        ("change", "how", "said"),
        [
            ({"model.dropout.rate": 0.5}, {}, "experiment 0 has model.dropout.rate 0.5 in place of 0.2"),
            ({}, {"seeds": [5, 6]}, r"seeds \[5, 6\] in place of \[0, 1, 2\]"),
            ({}, {"seeds": jt.Seeds(3, split=4)}, "split 4 in place of None"),
        ],
    )
    def test_a_folder_of_another_fit(self, taken, data, change, how, said):
        before = {path: path.read_bytes() for path in files(taken)}
        with pytest.raises(CheckpointError, match=rf"holds checkpoints of another fit: here {said}; name another folder\.$"):
            fit(BASE.replace(change), data, **(HOW | how), checkpoints=jt.Checkpoints(taken))
        assert {path: path.read_bytes() for path in files(taken)} == before

    def test_other_data(self, taken, data):
        with pytest.raises(CheckpointError, match="of another fit: here data "):
            resume(taken, data.subset(100, 0))

    def test_a_folder_that_another_process_trains_in(self, taken, data):
        of, policy = manifest.manifest_of(taken)
        with (
            manifest.opened(policy, of),
            pytest.raises(CheckpointError, match=r"is in use by another process, which trains there now\.$"),
        ):
            resume(taken, data)

    def test_a_folder_of_something_else_and_none(self, tmp_path, data):
        with pytest.raises(CheckpointError, match=r"holds no checkpoints: fit\.json is missing\.$"):
            resume(tmp_path, data)
        (tmp_path / "thesis.tex").write_text("…")
        with pytest.raises(CheckpointError, match=r"holds something else than checkpoints; name another folder\.$"):
            fit(BASE, data, **HOW, checkpoints=jt.Checkpoints(tmp_path))
        with pytest.raises(CheckpointError, match=r"thesis\.tex cannot be written \((File exists|Not a directory)\)\.$"):
            fit(BASE, data, **HOW, checkpoints=jt.Checkpoints(tmp_path / "thesis.tex"))

    def test_settings_without_meaning(self, data, tmp_path):
        for field, value in (("newest", 0), ("every", 0), ("newest", None)):
            with pytest.raises(jt.ConfigError, match=rf"^Checkpoints\.{field} = {value} is not an integer >= 1\.$"):
                jt.Checkpoints("x", **{field: value})
        with pytest.raises(jt.ConfigError, match=r"^Checkpoints\.best = 'acuracy' is unknown; did you mean 'accuracy'\?$"):
            fit(BASE, data, **HOW, checkpoints=jt.Checkpoints(tmp_path, best="acuracy"))

    def test_a_disk_that_is_full(self, data, tmp_path, monkeypatch):
        def full(*args, **kwargs):
            raise ValueError("RESOURCE_EXHAUSTED: Error writing [os_error_code='28']")

        monkeypatch.setattr(ocp.Checkpointer, "save", full)
        with pytest.raises(CheckpointError, match=r"cohort-0/000001 cannot be written: No space left on device\.$"):
            fit(BASE, data, **HOW, checkpoints=jt.Checkpoints(tmp_path))

    def test_a_disk_that_has_too_little_room(self, data, tmp_path, monkeypatch):
        usage = shutil.disk_usage(tmp_path)
        monkeypatch.setattr(checkpoint.shutil, "disk_usage", lambda folder: usage._replace(free=1000))
        with pytest.raises(CheckpointError, match=r"No space left on device, 0\.0 MB are free of the 0\.\d MB that it needs\.$"):
            fit(BASE, data, **HOW, checkpoints=jt.Checkpoints(tmp_path))
        assert not list((tmp_path / "cohort-0").iterdir())


def test_the_manifest_says_what_it_belongs_to(data, tmp_path):
    fit(BASE, data, **HOW, checkpoints=jt.Checkpoints(tmp_path))
    content = json.loads(Path(tmp_path / manifest.MANIFEST).read_text())["fit"]
    assert jt.Experiment.from_json(content["experiments"][0]) == BASE and content["seeds"]["seeds"] == [0, 1, 2]
