"""The benchmarks' machinery at sizes that take seconds; what they measure is not judged here."""

import json
import subprocess
import sys

import jax
import pytest

import jaxtricks as jt
from experiments.speed import depth, hardware
from experiments.speed.fixed import unpacked
from experiments.speed.gpu import ours, peers, pieces
from experiments.speed.gpu.figures import table
from experiments.speed.gpu.work import FULL, TINY, Perceptron
from experiments.speed.harness import alone
from experiments.speed.segments import Watch
from jaxtricks.engine.resident import Resident


@pytest.fixture
def watch(monkeypatch):
    monkeypatch.setattr(Resident, "__call__", Resident.__call__)  # what a watch changes is undone afterwards
    return Watch()


def test_a_watch_sees_every_segment(watch):
    work = TINY["digits"]
    found = watch.measure(lambda: jt.fit(work.experiment(), work.dataset(), seeds=2, progress=False))
    assert found["count"] == work.epochs
    assert 0 < found["count"] * found["fastest"] <= found["segments"] < found["whole"]
    assert found["share"] == pytest.approx(1 - found["segments"] / found["whole"])


@pytest.mark.parametrize("name", ["digits", "CNN", "LSTM 650"])
def test_a_network_is_the_same_for_jaxtricks_and_for_pytorch(name):
    torch = pytest.importorskip("torch")
    work = TINY[name]
    runs = jt.fit(work.experiment(), work.dataset(), seeds=1, progress=False)
    sizes = sorted(leaf.size for leaf in jax.tree.leaves(runs.states.params))
    module = work.module()
    if name == "LSTM 650":  # cuDNN's layout has two biases a layer
        layers = [parameter for key, parameter in module.named_parameters() if "bias_hh" not in key]
    else:
        layers = list(module.parameters())
    assert sizes == sorted(parameter.numel() for parameter in layers)
    if isinstance(work, Perceptron):
        assert work.weights == sum(sizes)
    x, y = work.arrays()
    with torch.no_grad():
        scores = module(torch.from_numpy(work.inputs(x[:3])))
    assert scores.shape[: y.ndim] == y[:3].shape


def test_the_validation_split_has_the_size_that_pytorch_takes():
    for work in TINY.values():
        split = work.dataset().split(0)
        assert (split.train.size, split.validation.size) == (work.train, work.validation)


def test_floors_of_a_perceptron():
    lenet = FULL["LeNet"]
    assert lenet.weights == 785 * 300 + 301 * 100 + 101 * 10
    assert lenet.traffic == 40 * lenet.weights
    # Forward, and the gradients of the weights; those of the inputs of all layers but the first.
    assert lenet.flop == 64 * (4 * (784 * 300 + 300 * 100 + 100 * 10) + 2 * (300 * 100 + 100 * 10))


@pytest.mark.parametrize("work", ["digits", "CNN"])
def test_pytorch_pieces_train_as_many_networks_as_they_say(work):
    pytest.importorskip("torch")
    assert peers.eager(work, "tiny", 2)() == {"members": 2}
    assert peers.func(work, "tiny", 3)() == {"members": 3}


def test_pytorch_trains_words():
    pytest.importorskip("torch")
    assert peers.eager("LSTM 200", "tiny", 1)() == {"members": 1}


def test_pieces_of_jaxtricks_and_the_rates(watch):
    found = ours.jaxtricks("CNN", "tiny", 2, "direct")()
    assert found["members"] == 2 and found["count"] == 1
    assert all(rate > 0 for rate in ours.rates("tiny")().values())


def test_the_table_has_a_row_for_each_piece_and_says_what_is_missing():
    ours_, eager = pieces.WIDE, pieces.WIDE_EAGER
    work = FULL["wide MLP"]
    step = work.flop * 16 / 1e14
    found = {
        pieces.RATES: {"seconds": 1.0, "bytes_a_second": 4e12, "default": 4e14},
        ours_: {"seconds": 0.2, "members": 16, "fastest": step * work.steps, "count": 1, "share": 0.1},
        eager: {"seconds": 0.1, "members": 2},
    }
    rows, targets, unmeasured = table(found, {pieces.LENET: "no time was left"}, FULL)
    by_name = {row["name"]: row for row in rows}
    assert by_name[ours_.name]["share of the product rate"] == pytest.approx(0.25)
    assert by_name[pieces.LENET.name] == {"name": pieces.LENET.name, "not measured": "no time was left"}
    assert [(t.value, t.target) for t in targets] == [(pytest.approx(0.05 / (0.2 / 16)), 2)]
    assert sum(pieces.LENET.name in sentence for sentence in unmeasured) == 3  # PyTorch, torch.func, the floor


def test_a_deep_network_of_flax_trains():
    assert depth.flax_scan("MLP", 3, 2)()["step"] > 0
    assert {contestant for contestant, _ in depth.WAYS.values()} == set(depth.CONTESTANTS)


def test_every_piece_can_be_set_up_at_both_scales():
    assert len({piece.name for piece in pieces.PIECES}) == len(pieces.PIECES)
    for piece in pieces.PIECES:
        assert piece.contestant in pieces.CONTESTANTS
        assert piece.work is None or {piece.work} <= FULL.keys() & TINY.keys()


def test_a_piece_in_a_process_of_its_own_answers_or_says_why_not():
    environment = {"JAX_PLATFORMS": "cpu"}
    (found,) = alone(pieces.MODULE, "rates", {"scale": "tiny"}, environment, 1, 60)
    assert found["seconds"] > 0 and found["bytes_a_second"] > 0
    with pytest.raises(RuntimeError, match="KeyError: 'huge'"):
        alone(pieces.MODULE, "rates", {"scale": "huge"}, environment, 1, 60)
    with pytest.raises(RuntimeError, match="more than 0 s"):
        alone(pieces.MODULE, "rates", {"scale": "tiny"}, environment, 1, 0.1)


def test_the_gpu_benchmark_says_in_one_sentence_that_there_is_no_gpu():
    if jax.default_backend() != "cpu":
        pytest.skip("there is a GPU")
    command = [sys.executable, "-m", "experiments.speed.gpu", "--json"]
    outcome = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    assert outcome["rows"] == outcome["targets"] == []
    (sentence,) = outcome["unmeasured"]
    assert sentence.startswith("There is no GPU here")


def test_an_earlier_commit_is_unpacked_with_the_benchmarks_of_today(tmp_path):
    if not unpacked("HEAD", tmp_path / "here"):
        pytest.skip("not in a repository")
    assert (tmp_path / "here/jaxtricks/__init__.py").exists() and (tmp_path / "here/experiments/speed/fixed.py").exists()
    assert not unpacked("0" * 40, tmp_path / "there")


@pytest.mark.parametrize(
    ("part", "arguments"),
    [
        ("products", {"platform": "cpu", "sizes": (4, 8)}),
        ("small", {"platform": "cpu", "sizes": (2,)}),
        ("transfers", {"platform": "cpu", "sizes": (64,)}),
        ("operations", {"platform": "cpu", "sizes": (4,)}),
        ("data", {"platform": "cpu", "batch": 8, "width": 4}),
        ("threads", {"sizes": (4,)}),
    ],
)
def test_each_part_of_the_hardware_benchmark_gives_a_table(part, arguments, monkeypatch):
    monkeypatch.setattr(hardware, "two_cores", lambda: None)  # the session has its devices
    figures = json.loads(json.dumps(hardware.CONTESTANTS[part](**arguments, rounds=1)()))
    title = {"small": "many small"}.get(part, part)
    rows = hardware.table(f"{title}, cpu", figures)
    assert rows and all(value > 0 for row in rows for name, value in row.items() if name not in ("name", "gradients differ by"))
    assert all(row.get("gradients differ by", 0) < 1e-5 for row in rows)


def test_the_hardware_benchmark_measures_what_is_there_and_says_what_is_not(monkeypatch):
    given = {name: arguments for name, _, arguments in hardware.parts({"cpu": 2, "accelerator": 1}, 3)}
    assert {"products, accelerator", "transfers, cpu", "data, cpu", "threads, cpu"} <= set(given)
    assert "data, accelerator" not in given

    def answered(module, name, *rest):
        if name == "platforms":
            return [{"platforms": {"cpu": 2, "accelerator": 0}}]
        if name == "products":
            return [{"times": {"16": 1e-6, "32": 2e-6}}]
        raise RuntimeError("no memory")

    monkeypatch.setattr(hardware, "alone", answered)
    rows, targets, sentences = hardware.measure(1)
    assert [row["name"] for row in rows] == ["16×16 product, cpu", "32×32 product, cpu"] and not targets
    said = " ".join(sentences)
    assert "data, cpu: not measured; no memory." in said and "JAX shows no accelerator here" in said and "T093" in said


def test_the_crossover_is_where_all_larger_products_are_faster():
    cpu = {"16": 1.0, "32": 2.0, "64": 8.0}
    assert "none up to 64×64" in hardware.crossover({"cpu": cpu, "accelerator": {"16": 0.5, "32": 1.0, "64": 9.0}})
    assert "from 64×64 on" in hardware.crossover({"cpu": cpu, "accelerator": {"16": 0.5, "32": 3.0, "64": 4.0}})
