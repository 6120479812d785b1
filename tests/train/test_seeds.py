"""Fits of folds and parts, end to end: trained, named, paired, resumed, averaged, transferred."""

import dataclasses
from functools import partial

import jax
import numpy as np
import pytest

import jaxtricks as jt
from jaxtricks.engine import preemption
from jaxtricks.engine.preemption import Preempted
from jaxtricks.experiment.changes import NoisyLabels, PermutedInputs, PermutedLabels
from jaxtricks.store.checkpoint import CheckpointError

BASE = jt.Experiment(model=jt.MLP(widths=(4,)), optimizer=jt.Optimizer(rule=jt.SGD(learning_rate=0.1)), batch_size=8, epochs=2)
GROUPS = tuple(range(12)) * 5
FOLDS = jt.Seeds((4, 1), examples=jt.Folds(3))
PLACE = jt.Layout(runs=1, width=2)
NAMES = ("seed 4 fold 0", "seed 4 fold 1", "seed 4 fold 2", "seed 1 fold 0", "seed 1 fold 1", "seed 1 fold 2")

fit, resume = partial(jt.fit, layout=PLACE, progress=False), partial(jt.resume, layout=PLACE, progress=False)


@pytest.fixture(scope="module")
def runs(blobs):
    return fit(BASE, blobs, seeds=FOLDS)


def assert_same(a, b):
    assert a.names == b.names
    for one, other in ((a.curves, b.curves), (a.states, b.states)):
        jax.tree.map(np.testing.assert_array_equal, one, other)


def test_each_run_trains_and_validates_on_its_fold(runs, blobs):
    assert runs.names == NAMES and runs.seeds.tolist() == [4] * 3 + [1] * 3 and runs.parts.tolist() == [0, 1, 2] * 2
    table = FOLDS.sampling(blobs)
    np.testing.assert_array_equal(runs.members.validation, table.validation[table.split])
    scores = runs.log_probs(blobs.x)
    for row, places in enumerate(table.validation):
        right = scores[row, places].argmax(axis=1) == blobs.y[places]
        assert right.mean() == pytest.approx(runs.metrics["accuracy"][row])
        mean, std = blobs.standardization(table.train[row])
        np.testing.assert_array_equal([runs.members.shift[row], runs.members.scale[row]], [mean, std])


def test_folds_of_one_seed_start_from_the_same_weights_and_end_with_others(runs, blobs):
    still = fit(BASE.replace({"optimizer.rule.learning_rate": 1e-30}), blobs, seeds=FOLDS).variables["params"]["head"]["kernel"]
    np.testing.assert_allclose(still[0], still[1], atol=1e-12)
    assert not np.allclose(still[0], still[3])
    ended = runs.variables["params"]["head"]["kernel"]
    assert not np.allclose(ended[0], ended[1])


def test_runs_out_of_the_middle_keep_their_names(runs):
    some = runs.at([4, 0])
    assert some.names == (NAMES[4], NAMES[0]) and some.parts.tolist() == [1, 0]


def test_arms_are_paired_by_seed_and_fold(runs, blobs):
    study = jt.study(BASE, {"same": BASE}, blobs, seeds=FOLDS, layout=PLACE, progress=False, tune=None)
    verdict = study.verdicts[0]
    assert (verdict.seeds, verdict.paired, verdict.difference, verdict.decision) == (6, "member", 0.0, "no difference")
    assert "6 paired members" in str(verdict)
    np.testing.assert_array_equal(study.baseline.members.validation, study.changes["same"].members.validation)
    with pytest.raises(jt.ConfigError, match=r"^other: seed 1 fold 0, seed 1 fold 1, …, seed 4 fold 2 cannot be paired with"):
        jt.evaluate.verdicts(runs, {"other": runs.at([3, 4, 5, 0, 1, 2])})


def test_each_example_is_predicted_by_the_runs_that_held_it_out(runs, blobs):
    report = jt.ensemble(runs).evaluate(blobs)
    assert (report.members, report.examples, report.members_an_example) == (6, len(blobs), 2)
    with pytest.raises(jt.ConfigError, match="different validation splits"):
        jt.ensemble(runs, choose=jt.evaluate.TopK(1))


@pytest.mark.parametrize("seeds", [FOLDS, jt.Seeds(3, examples=jt.Folds(2, groups=GROUPS))], ids=["folds", "groups"])
def test_a_resumed_fit_of_folds_has_the_same_bits(blobs, seeds, tmp_path, monkeypatch):
    asked = iter(range(1, 100))
    with monkeypatch.context() as patch:
        patch.setattr(preemption, "asked", lambda: next(asked) == 1)
        with pytest.raises(Preempted):
            fit(BASE, blobs, seeds=seeds, checkpoints=jt.Checkpoints(tmp_path, every=1))
    given = None if seeds is FOLDS else seeds
    if given is not None:
        with pytest.raises(jt.ConfigError, match=r"^Folds\.groups is an array, which is not written down; give the same `seeds`"):
            resume(tmp_path, blobs)
        with pytest.raises(CheckpointError, match="holds checkpoints of another fit: here examples "):
            resume(tmp_path, blobs, seeds=jt.Seeds(3, examples=jt.Folds(2, groups=GROUPS[::-1])))
        with pytest.raises(CheckpointError, match="holds checkpoints of another fit: here examples "):
            jt.snapshots(tmp_path, blobs, seeds=jt.Seeds(3, examples=jt.Folds(2, groups=GROUPS[::-1])))
    resumed = resume(tmp_path, blobs, seeds=given)
    assert_same(resumed, fit(BASE, blobs, seeds=seeds))
    last = jt.snapshots(tmp_path, blobs, layout=PLACE, seeds=given)[BASE.epochs]
    assert_same(last, resumed)


def test_weights_come_from_the_run_of_the_same_fold_or_else_of_the_same_seed(runs, blobs):
    still = BASE.replace({"optimizer.rule.learning_rate": 1e-30, "epochs": 1})
    order = [5, 3, 4, 2, 0, 1]
    given = fit(still, blobs, seeds=jt.Seeds((1, 4), examples=jt.Folds(3), transfer=jt.Transfer(runs.at(order))))
    np.testing.assert_allclose(
        given.variables["params"]["head"]["kernel"], runs.variables["params"]["head"]["kernel"][[3, 4, 5, 0, 1, 2]], atol=1e-12
    )
    one = runs.at([0, 3])  # one run a seed
    given = fit(still, blobs, seeds=jt.Seeds((1, 4), examples=jt.Folds(2), transfer=jt.Transfer(one)))
    np.testing.assert_allclose(
        given.variables["params"]["head"]["kernel"], one.variables["params"]["head"]["kernel"][[1, 1, 0, 0]], atol=1e-12
    )
    with pytest.raises(jt.ConfigError, match=r"^Transfer\.source has no run of seed 1 fold 3; it has seed 4 fold 0, "):
        fit(still, blobs, seeds=jt.Seeds((1, 4), examples=jt.Folds(4), transfer=jt.Transfer(runs)))


def test_a_transferred_fit_asks_for_its_source_to_be_resumed(runs, blobs, tmp_path):
    seeds = jt.Seeds((1, 4), transfer=jt.Transfer(runs.at([0, 3])))
    whole = fit(BASE, blobs, seeds=seeds, checkpoints=jt.Checkpoints(tmp_path))
    with pytest.raises(jt.ConfigError, match=r"^Seeds\.transfer holds earlier runs, which are not written down; give the same"):
        resume(tmp_path, blobs)
    with pytest.raises(CheckpointError, match="of another fit: here transfer "):
        resume(tmp_path, blobs, seeds=jt.Seeds((1, 4), transfer=jt.Transfer(runs.at([1, 4]))))
    assert_same(resume(tmp_path, blobs, seeds=seeds), whole)


@pytest.mark.parametrize(
    ("examples", "message"),
    [
        (jt.experiment.Part(7), "Experiment.batch_size = 8 is not a number of examples that the training split has: 7."),
        (jt.experiment.Disjoint(8), "Experiment.batch_size = 8 is not a number of examples that the training split has: 6."),
        (jt.Folds(21), "Folds.folds = 21 is more than the 20 examples of class '0' of blobs, and stratified=False allows more."),
    ],
)
def test_too_little_to_train_on_is_said_before_anything_compiles(blobs, examples, message, compiled):
    for call in (lambda seeds: fit(BASE, blobs, seeds=seeds), lambda seeds: jt.ablate(BASE, blobs, seeds=seeds, tune=None)):
        with pytest.raises(jt.ConfigError) as error:
            call(jt.Seeds(2, examples=examples))
        assert str(error.value) == message
    assert not compiled


class TestChanged:
    """Labels and inputs of a member's own: as if the data had been such."""

    SEEDS = (4, 1)
    PERMUTED = BASE.replace({"order": jt.experiment.ByClass(), "optimizer.rule.learning_rate": 0.3})

    @staticmethod
    def changed(blobs, table, member):
        """The data as a member sees them, with its split fixed."""
        row = table.split[member]
        y = blobs.y if table.labels is None else table.labels[row]
        x = blobs.x if table.features is None else blobs.x[:, table.features[row]]
        return dataclasses.replace(blobs, x=x, y=y, validation=jt.data.Split(table.train[row], table.validation[row]))

    @pytest.mark.parametrize("stream", [False, True], ids=["resident", "streamed"])
    @pytest.mark.parametrize(
        "change", [{"labels": NoisyLabels(0.5)}, {"inputs": PermutedInputs()}, {"labels": PermutedLabels(), "split": 0}]
    )
    def test_a_run_is_that_of_data_so_changed(self, blobs, change, stream, float64):
        seeds, layout = jt.Seeds(self.SEEDS, **change), dataclasses.replace(PLACE, stream=stream)
        with float64():
            runs = jt.fit(self.PERMUTED, blobs, seeds=seeds, layout=layout, progress=False)
            plain = jt.fit(self.PERMUTED, blobs, seeds=self.SEEDS, layout=layout, progress=False)
            table = seeds.sampling(blobs)
            for row, seed in enumerate(self.SEEDS):
                alone = fit(self.PERMUTED, self.changed(blobs, table, row), seeds=[seed])
                for name, curve in alone.curves.items():
                    np.testing.assert_allclose(runs.curves[name][row], curve[0], rtol=1e-9, err_msg=name)
                for name, value in alone.evaluate("train").items():
                    np.testing.assert_allclose(runs.evaluate("train")[name][row], value[0], rtol=1e-9, err_msg=name)
            assert not np.allclose(runs.curves["nll"], plain.curves["nll"], rtol=1e-2)


def test_400_members_of_16_splits_have_tables_of_16_rows():
    x, y = np.zeros((1_600, 1), np.float32), np.arange(1_600) % 2
    data = jt.Dataset.from_arrays(x, y)
    tiny = jt.Experiment(model=jt.MLP(widths=()), batch_size=1_000, epochs=1)
    trials = [tiny.replace({"optimizer.rule.learning_rate": 1e-3 * (trial + 1)}) for trial in range(25)]
    runs = jt.fit(trials, data, seeds=16, progress=False)
    (tables,) = {id(each.trained.tables): each.trained.tables for each in runs}.values()
    assert sum(map(len, runs)) == 400
    assert tables.train.nbytes + tables.validation.nbytes == 16 * len(data) * 4
