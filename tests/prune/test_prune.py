"""Pruning in rounds: masks nest, arms share them, and what is wrong is said before anything trains."""

import functools
import json

import numpy as np
import pytest

import jaxtricks as jt
from jaxtricks.prune import kernel_counts, sparse_size, stopping_steps
from jaxtricks.prune.result import WHOLE, PrunedLevel, at_stopping

prune = functools.partial(jt.prune, progress=False)


@functools.cache
def digits() -> jt.Dataset:
    return jt.load("digits").subset(120, seed=0)


@functools.cache
def base() -> jt.Experiment:
    return jt.Experiment(model=jt.MLP(widths=(8,)), optimizer=jt.Optimizer(jt.Adam(learning_rate=0.01)), batch_size=16, epochs=2)


@functools.cache
def found() -> jt.prune.Pruning:
    return prune(base(), digits(), rounds=2, remove=0.5, output=0.25, seeds=6)


def there(runs: jt.Runs) -> dict[str, np.ndarray]:
    return {path: array != 0 for path, array in runs.weights.arrays.items() if path.endswith("kernel")}


def test_masks_nest_and_arms_share_them():
    first, second = found().levels
    for level in (first, second):
        for path, kept in there(level.arms["initial"]).items():
            np.testing.assert_array_equal(kept, there(level.arms["random"])[path])
    for path, kept in there(second.arms["initial"]).items():
        assert not (kept & ~there(first.arms["initial"])[path]).any()
    counts = kernel_counts(second.arms["initial"])
    assert [counts[path].kept[0] for path in ("hidden_0/dense/kernel", "head/kernel")] == [128, 45]
    assert second.kept == pytest.approx((128 + 45) / 592)


def test_a_round_removes_what_the_first_arm_s_weights_are_least_in():
    first, second = found().levels
    for path, before in first.arms["initial"].weights.arrays.items():
        if path.endswith("kernel"):
            kept = there(second.arms["initial"])[path]
            for member in range(6):
                gone = there(first.arms["initial"])[path][member] & ~kept[member]
                assert np.abs(before[member][gone]).max() <= np.abs(before[member][kept[member]]).min()


def test_several_shares_at_once_are_removed_from_the_whole_network():
    once = prune(base(), digits(), remove=(0.5, 0.75), one_shot=True, arms=("given",), seeds=3)
    alone = prune(base(), digits(), rounds=1, remove=0.75, arms=("given",), seeds=3)
    for path, array in alone.levels[0].arms["given"].weights.arrays.items():
        np.testing.assert_allclose(once.levels[1].arms["given"].weights.arrays[path], array, rtol=1e-3, atol=1e-5)
    assert [level.kept for level in once.levels] == [0.5, 0.25]


def test_runs_that_were_trained_already_are_taken():
    whole = jt.fit(base(), digits(), seeds=6, progress=False)
    again = prune(base(), digits(), rounds=1, remove=0.5, output=0.25, seeds=6, whole=whole)
    for path, array in found().levels[0].arms["initial"].weights.arrays.items():
        np.testing.assert_array_equal(again.levels[0].arms["initial"].weights.arrays[path], array)


def test_it_goes_on_from_checkpoints(tmp_path):
    options = {"rounds": 2, "remove": 0.5, "output": 0.25, "seeds": 6}
    prune(base(), digits(), **(options | {"rounds": 1}), checkpoints=jt.Checkpoints(tmp_path))
    whole = prune(base(), digits(), **options, checkpoints=jt.Checkpoints(tmp_path))
    for path, array in found().levels[1].arms["random"].weights.arrays.items():
        np.testing.assert_array_equal(whole.levels[1].arms["random"].weights.arrays[path], array)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["round-1", "round-2", "whole"]


def test_weights_are_set_back_to_a_snapshot(tmp_path):
    whole = jt.fit(base(), digits(), seeds=6, checkpoints=jt.Checkpoints(tmp_path, newest=2, every=1), progress=False)
    early = jt.snapshots(tmp_path, digits())[1]
    again = prune(base(), digits(), rounds=1, remove=0.5, output=0.25, seeds=6, whole=whole, rewind=early)
    here, there = (each.levels[0].arms["initial"].curves["train_loss"][:, 0] for each in (again, found()))
    assert (here < there).all()  # an epoch's training ahead
    with pytest.raises(jt.ConfigError, match="rewind: 6 restarts from seed 0 on are not those"):
        prune(base(), digits(), rounds=1, seeds=5, rewind=early)


def test_verdicts_are_one_family_against_the_whole_network():
    assert [verdict.label for verdict in found().verdicts] == [name for name in found().arms if name != WHOLE]
    assert len(found().arms) == 5 and "Holm over 4" in str(found().verdicts[0])


def test_the_step_of_least_loss_is_that_of_the_curve():
    runs = found().whole
    least = runs.curves["nll"].argmin(axis=1)
    np.testing.assert_array_equal(stopping_steps(runs), 6 * (1 + least))
    np.testing.assert_array_equal(at_stopping(runs, "accuracy"), runs.curves["accuracy"][np.arange(6), least])


def test_the_result_is_plain_data_a_table_and_a_page(tmp_path):
    content = json.loads(json.dumps(found().to_dict()))
    assert [row["kept"] for row in content["rows"]] == [1.0, *(level.kept for level in found().levels for _ in range(2))]
    assert len(set(found().frame()["experiment"].to_pylist())) == 5
    folder = found().save(tmp_path / "page")
    assert {path.name for path in folder.iterdir()} == {"report.html", "pruning.json", "pruning.csv"}
    page = (folder / "report.html").read_text()
    assert page.count("<svg") == 3 and "592 weights, pruned to 29.2%" in page
    assert len((folder / "pruning.csv").read_text().splitlines()) == 1 + 5 * 6


def test_levels_that_look_alike_are_told_apart_by_number():
    whole, level = found().whole, found().levels[0]
    twice = jt.prune.Pruning(whole, (level, jt.prune.PrunedLevel(level.kept, level.arms)), found().metric)
    assert [name.rpartition(",")[0] for name in list(twice.arms)[1:]] == [
        f"{arm}, level {number}" for number in (1, 2) for arm in ("initial", "random")
    ]


def test_one_share_at_once_is_one_level():
    assert len(prune(base(), digits(), remove=0.5, one_shot=True, arms=("given",), seeds=2).levels) == 1


def test_an_emptied_layer_is_named():
    small = prune(base(), digits(), rounds=1, remove=0.999, arms=("initial",), seeds=2)
    assert small.levels[0].emptied == ("head/kernel",)
    assert "warning: at 0.2% of the weights none is left in head/kernel" in str(small)


def test_sizes():
    assert sparse_size(weights=8, kept=2, others=1) == (36, 20, 13)
    assert found().size(PrunedLevel(0.5, {})).dense == 4 * (592 + 18)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"remove": 0.0}, "remove = 0.0 is not a share of weights between 0 and 1"),
        ({"remove": 1.0}, "remove = 1.0 is not a share of weights between 0 and 1"),
        ({"remove": ()}, "remove holds no share"),
        ({"remove": (0.5, 2.0)}, "remove = 2.0 is not a share"),
        ({"rounds": 0}, "rounds = 0 is not a number of rounds"),
        ({"output": (0.5, 0.5)}, "output has 2 shares for 5 rounds"),
        ({"arms": ()}, "arms names nothing"),
        ({"arms": ("initial", "initial")}, "arms has 'initial' twice"),
        ({"arms": ("inital",)}, "did you mean 'initial'"),
        ({"by": "size"}, "Score.'size'. is no score; there are: grasp, magnitude"),
        ({"seeds": jt.Seeds(2, transfer=jt.Transfer(None))}, "Seeds.transfer is what rounds set"),
        ({"metric": "acuracy"}, "did you mean 'accuracy'"),
    ],
    ids=str,
)
def test_bad_input_is_refused_before_anything_trains(options, sentence, compiled):
    with pytest.raises(jt.ConfigError, match=sentence):
        prune(base(), digits(), **options)
    assert not [name for name in compiled if "epoch" in name or "start" in name]


def test_restarts_of_something_else_are_refused():
    whole = found().whole
    with pytest.raises(jt.ConfigError, match=r"trained with another optimizer\.rule\.learning_rate"):
        prune(base().replace({"optimizer.rule.learning_rate": 0.02}), digits(), seeds=6, whole=whole)
    with pytest.raises(jt.ConfigError, match="other data"):
        prune(base(), jt.load("digits").subset(120, seed=1), seeds=6, whole=whole)
    with pytest.raises(jt.ConfigError, match="are not those of `seeds`"):
        prune(base(), digits(), seeds=7, whole=whole)
    noisy = jt.Seeds(6, labels=jt.experiment.NoisyLabels(0.5))
    for given in ({"whole": whole}, {"rewind": whole}):
        with pytest.raises(jt.ConfigError, match="saw other data"):
            prune(base(), digits(), seeds=noisy, **given)
    with pytest.raises(jt.ConfigError, match="is what rounds set"):
        prune(base().replace({"pruned": jt.optim.Pruned()}), digits(), seeds=6)
