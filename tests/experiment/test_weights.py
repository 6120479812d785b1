"""Weights from files and trees as a start, and weights written into files."""

import json

import jax
import ml_dtypes
import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

import jaxtricks as jt
from jaxtricks.config import ConfigError

STILL = jt.Experiment(
    model=jt.MLP(widths=(4,)), optimizer=jt.Optimizer(rule=jt.SGD(learning_rate=1e-30)), batch_size=16, epochs=1
)


@pytest.fixture(scope="module")
def runs(blobs):
    return jt.fit(STILL.replace({"optimizer.rule.learning_rate": 0.1}), blobs, seeds=[3, 5], progress=False)


def params(runs):
    return runs.variables["params"]


def started(blobs, transfer, seeds=(5, 3)):
    return jt.fit(STILL, blobs, seeds=jt.Seeds(seeds, transfer=transfer), progress=False)


def one(runs, row):
    return jax.tree.map(lambda leaf: leaf[row], params(runs))


def same(given, wanted):
    jax.tree.map(np.testing.assert_array_equal, given, wanted)


def test_one_set_of_weights_is_where_all_restarts_start(runs, blobs):
    given = started(blobs, jt.Transfer.of({"params": one(runs, 0)}))
    for row in range(2):
        same(one(given, row), one(runs, 0))
    same(params(started(blobs, jt.Transfer.of(one(runs, 0)))), params(given))  # without "params" it is the same


def test_a_set_for_each_restart_in_turn(runs, blobs):
    same(params(started(blobs, jt.Transfer.of(params(runs), each=True))), params(runs))


def test_a_file_of_runs_starts_the_runs_of_the_same_names(runs, blobs, tmp_path):
    file = runs.weights.save(tmp_path / "runs.safetensors")
    given = started(blobs, jt.Transfer.of(file))
    same(params(given), jax.tree.map(lambda leaf: leaf[::-1], params(runs)))
    assert sorted(load_file(file)) == sorted(runs.weights.arrays)
    with pytest.raises(ConfigError, match=r"^Transfer\.source has no run of seed 4; it has seed 3, seed 5\.$"):
        started(blobs, jt.Transfer.of(file), seeds=[3, 4])


def test_a_file_of_one_run_starts_all(runs, blobs, tmp_path):
    file = runs.weights.save(tmp_path / "one.safetensors", restart=1)
    given = started(blobs, jt.Transfer.of(str(file)))
    for row in range(2):
        same(one(given, row), one(runs, 1))


def test_a_file_says_what_its_classes_are_called(runs, blobs, tmp_path):
    file = runs.weights.save(tmp_path / "runs.safetensors")
    other = jt.Dataset.from_arrays(blobs.x, blobs.y, classes=("2", "9", "0"))
    given = started(other, jt.Transfer.of(file), seeds=(3, 5))
    assert given.transferred.matched == {"outputs": (2, 3)}
    np.testing.assert_array_equal(params(given)["head"]["bias"][:, [0, 2]], params(runs)["head"]["bias"][:, [2, 0]])
    told = started(other, jt.Transfer.of(params(runs), each=True, classes=("2", "9", "0")), seeds=(3, 5))
    same(params(told), params(runs))


def test_a_vocabulary_that_is_told_says_what_belongs_to_a_token(blobs):
    state = {"embed/embedding": np.arange(6.0).reshape(3, 2)}
    model = jt.RNN(cell="tanh", embedding=2, widths=(2,), vocabulary=2, outputs=3, read="last")
    shapes = jax.eval_shape(lambda: model.init(jax.random.key(0), np.zeros((1, 3), np.int32), train=False))
    transfer, here = jt.Transfer.of(state, vocabulary=("a", "b", "c")), {"tokens": ("c", "x")}
    given, said = transfer.given(jt.Seeds(1).sampling(blobs), shapes, model, here)
    values, known = given["params/embed/embedding"]
    np.testing.assert_array_equal(values[0, 0], [4, 5])
    assert known[0, :, 0].tolist() == [True, False] and said.matched == {"tokens": (1, 2)}


def test_names_of_another_tree_are_mapped(runs, blobs):
    theirs = {"encoder": {"w": params(runs)["hidden_0"]["dense"]["kernel"][0]}, "extra": np.zeros(2)}
    by_mapping = started(blobs, jt.Transfer.of(theirs, names={"encoder.w": "hidden_0/dense/kernel"}))
    by_function = started(blobs, jt.Transfer.of(theirs, names=lambda name: {"encoder/w": "hidden_0/dense/kernel"}.get(name)))
    assert by_mapping.transferred.taken == by_function.transferred.taken == ("params/hidden_0/dense/kernel",)
    assert by_mapping.transferred.unused == ("extra",) and by_function.transferred.unused == ()
    assert "drawn: params/head/bias, params/head/kernel, params/hidden_0/dense/bias; not used: extra" in str(
        by_mapping.transferred
    )


def test_halves_become_the_models_own_precision(runs, blobs, tmp_path):
    for dtype in (np.float16, ml_dtypes.bfloat16, np.float64):
        file = tmp_path / "halves.safetensors"
        save_file({"head/bias": np.array([0.5, -1, 2], dtype)}, file)
        given = params(started(blobs, jt.Transfer.of(file)))["head"]["bias"]
        assert given.dtype == np.float32 and given[0].tolist() == [0.5, -1, 2]


def test_weights_of_pytorch_in_a_file_start_a_fit(runs, blobs, tmp_path):
    names = {"0": "hidden_0/dense", "2": "head"}
    file = runs.weights.save(tmp_path / "torch.safetensors", "torch", restart=0, names=names)
    assert {name: array.shape for name, array in load_file(file).items()} == {
        "0.weight": (4, 5),
        "0.bias": (4,),
        "2.weight": (3, 4),
        "2.bias": (3,),
    }
    same(one(started(blobs, jt.Transfer.of(file, layout="torch", names=names)), 1), one(runs, 0))


def test_a_fit_that_started_from_a_file_goes_on_with_the_same_file_alone(runs, blobs, tmp_path):
    seeds = jt.Seeds([3, 5], transfer=jt.Transfer.of(params(runs), each=True))
    jt.fit(STILL, blobs, seeds=seeds, checkpoints=jt.Checkpoints(tmp_path / "run"), progress=False)
    same(params(jt.resume(tmp_path / "run", blobs, seeds=seeds, progress=False)), params(runs))
    other = jt.Seeds([3, 5], transfer=jt.Transfer.of(one(runs, 0)))
    with pytest.raises(jt.CheckpointError, match="of another fit: here transfer "):
        jt.resume(tmp_path / "run", blobs, seeds=other, progress=False)


def test_what_is_no_file_of_weights(tmp_path):
    (tmp_path / "text.safetensors").write_text("no weights")
    with pytest.raises(ConfigError, match=r"text\.safetensors is no safetensors file that can be read \(.*\)\.$"):
        jt.Transfer.of(tmp_path / "text.safetensors")
    with pytest.raises(ConfigError, match=r"none\.safetensors: there is no such file of weights\.$"):
        jt.Transfer.of(tmp_path / "none.safetensors")
    with pytest.raises(ConfigError, match=r"is no safetensors file that can be read"):
        jt.Transfer.of(tmp_path)
    for nothing in ({}, None, 42, jt.MLP()):
        with pytest.raises(
            ConfigError, match=r"^Transfer\.of takes a file or arrays by name, and \w+ is none; runs are given as "
        ):
            jt.Transfer.of(nothing)
    with pytest.raises(ConfigError, match=r"^Transfer: head/bias is a str, and weights are arrays by name\.$"):
        jt.Transfer.of({"head": {"bias": "zeros"}})


@pytest.mark.parametrize(
    ("change", "how", "words"),
    [
        (
            lambda tree: tree,
            {},
            r"^Transfer: params/head/bias has the shape \(2, 3\) there and \(3,\) .* each = True takes ",
        ),
        (
            lambda tree: jax.tree.map(lambda a: a[:1].repeat(3, 0), tree),
            {"each": True},
            "^Transfer: 3 sets of weights are not ",
        ),
        (
            lambda tree: tree | {"more": np.zeros(3)},
            {"each": True},
            r"^each = True asks for a first axis \[restarts\]",
        ),
        (
            lambda tree: {"head": {"bias": np.zeros(4)}},
            {},
            r"^Transfer: params/head/bias has the shape \(4,\) there and \(3,\)",
        ),
        (
            lambda tree: {"heads": np.zeros(4)},
            {},
            r"^Transfer\.source has no layer that the model has: it has heads,",
        ),
        (lambda tree: one_of(tree), {"names": {"hide": "head"}}, "^names: 'hide' is in no name of the weights"),
        (lambda tree: one_of(tree), {"names": {"head": "tail"}}, "^names: 'tail' is in no name of the model"),
        (
            lambda tree: one_of(tree),
            {"flattened": {"head": 3}},
            r"^flattened = \{'head': 3\} is for weights laid out",
        ),
        (
            lambda tree: one_of(tree),
            {"fresh": ("heat",)},
            "^Transfer.fresh = 'heat' names no layer of the model",
        ),
    ],
)
def test_weights_that_do_not_fit_are_refused_before_training(runs, blobs, change, how, words):
    with pytest.raises(ConfigError, match=words):
        started(blobs, jt.Transfer.of(change(params(runs)), **how))


def one_of(tree):
    return jax.tree.map(lambda leaf: leaf[0], tree)


def test_what_cannot_be_written(runs, tmp_path):
    with pytest.raises(ConfigError, match=r"^restart = 2 is not one of the 2, which are numbered from 0\.$"):
        runs.weights.named(restart=2)
    with pytest.raises(ConfigError, match=r"absent/a\.safetensors cannot be written"):
        runs.weights.save(tmp_path / "absent" / "a.safetensors")
    with pytest.raises(ConfigError, match=r"^names is a function from their names to ours; a mapping"):
        runs.weights.named("torch", names=str)


def test_damaged_words_beside_weights_are_no_harm(runs, blobs, tmp_path):
    file = tmp_path / "odd.safetensors"
    for words in ("[1", json.dumps([1, 2]), json.dumps("a")):
        save_file({"head/bias": np.zeros(3, np.float32)}, file, {"jaxtricks": words})
        assert started(blobs, jt.Transfer.of(file)).transferred.taken == ("params/head/bias",)
