import dataclasses
import json
import re

import numpy as np
import pytest

import jaxtricks as jt
from jaxtricks import cli
from jaxtricks.baselines import BASELINES, Majority
from jaxtricks.data.text import windows
from jaxtricks.data.vocabulary import Tokenizer
from jaxtricks.evaluate.compare import study
from jaxtricks.report.beside import compared, yardsticks
from jaxtricks.report.page import page
from jaxtricks.report.record import Record, record_study
from jaxtricks.report.recorded import from_json, to_json
from jaxtricks.train import beside as room
from jaxtricks.train.beside import Beside, Simple, beside, fitted

BASE = jt.Experiment(model=jt.MLP(widths=(16,)), epochs=3)


@pytest.fixture(scope="module")
def digits() -> jt.Dataset:
    return jt.load("digits").subset(200, seed=0)


@pytest.fixture(scope="module")
def record(digits) -> Record:
    found = study(BASE, {"wider": BASE.replace({"model.widths": (32,)})}, digits, seeds=4, progress=False, tune=None)
    return record_study(found, command="", baselines=found.baseline.baselines(progress=False))


def test_the_metrics_are_those_of_the_data_set_on_the_restarts_own_splits(digits, record):
    row = {row.name: row for row in record.baselines.rows}["linear"]
    for split in range(3):
        places = digits.split(split).validation
        scores = BASELINES["linear"].predict(digits, digits.split(split), places).astype(float)
        assert row.metrics["accuracy"][split] == pytest.approx((scores.argmax(axis=1) == digits.y[places]).mean())
        assert row.metrics["nll"][split] == pytest.approx(-scores[np.arange(len(places)), digits.y[places]].mean(), rel=1e-4)
    assert record.baselines.members == ((0,), (1,), (2,)) and record.baselines.splits == 4


def test_restarts_that_share_a_split_have_one_row(digits, monkeypatch):
    monkeypatch.setattr(room, "BASELINES", {"majority": BASELINES["majority"]})
    sampling = jt.Seeds(4, split=7).sampling(digits)
    found = beside(digits, sampling, {"accuracy": jt.metrics.METRICS["accuracy"]}, progress=False)
    assert found.members == ((0, 1, 2, 3),) and found.splits == 1


def test_changed_labels_are_learnt_and_validation_keeps_its_own(digits, monkeypatch):
    monkeypatch.setattr(room, "BASELINES", {"nearest": BASELINES["nearest"]})
    seeds = jt.Seeds(1, labels=jt.experiment.PermutedLabels())
    found = beside(digits, seeds.sampling(digits), {"accuracy": jt.metrics.METRICS["accuracy"]}, progress=False)
    assert {row.name: row for row in found.rows}["nearest"].mean("accuracy") < 0.4


def test_nothing_is_fitted_twice(digits, monkeypatch):
    split, metrics = digits.split(11), {"accuracy": jt.metrics.METRICS["accuracy"]}
    first = fitted(digits, [(Majority(), split, None)], metrics, progress=False)
    monkeypatch.setattr(Majority, "learn", None)
    assert fitted(digits, [(Majority(), split, None)], metrics, progress=False) == first
    with pytest.raises(TypeError):
        fitted(digits, [(Majority(), digits.split(12), None)], metrics, progress=False)


def test_the_perplexity_of_a_language_model_in_blocks(monkeypatch):
    letters = jt.data.Vocabulary(tuple("abcd"), Tokenizer("char"))
    x, y, *_ = windows(letters.encode("abcabcabdabc" * 40), 6)
    data = jt.Dataset("letters", x, y, tuple("abcd"), vocabulary=letters, stream=True)
    split, names = data.split(0), ("perplexity", "accuracy")
    metrics = {name: jt.metrics.METRICS[name] for name in names}
    monkeypatch.setattr(room, "AT_ONCE", 50)  # two windows of 24 scores each
    alone, pairs = fitted(data, [(BASELINES[name], split, None) for name in ("majority", "bigram")], metrics, progress=False)
    shares = (np.bincount(y[split.train].ravel(), minlength=4) + 0.25) / (y[split.train].size + 1)
    assert alone.metrics["perplexity"] == pytest.approx(np.exp(-np.log(shares[y[split.validation]]).mean()), rel=1e-4)
    assert pairs.metrics["perplexity"] < alone.metrics["perplexity"] / 1.5


def test_a_metric_of_all_examples_together_and_one_of_your_own():
    x = np.random.default_rng(0).normal(size=(100, 3))
    data = jt.Dataset.from_arrays(x, x @ np.array([1.0, 2, 3]))
    own = jt.Metric("worst", lambda scores, targets: abs(scores - targets).max(), higher_is_better=False)
    measured = {"r2": jt.metrics.METRICS["r2"], "rmse": jt.metrics.METRICS["rmse"], "worst": own}
    (found,) = fitted(data, [(BASELINES["linear"], data.split(0), None)], measured, progress=False)
    assert found.metrics["r2"] > 0.999 and found.metrics["worst"] >= found.metrics["rmse"] > 0


def test_the_record_keeps_them_as_json(record):
    read = from_json(json.loads(json.dumps(to_json(record))))
    assert read.baselines == record.baselines
    old = to_json(record)
    old["metrics.json"].pop("baselines")
    assert from_json(old).baselines is None


def test_the_page_and_the_terminal_show_them(record):
    text, shown = yardsticks(record), page(record)
    mean = {row.name: row for row in record.baselines.rows}["linear"].mean("accuracy")
    assert re.search(rf"^linear +{100 * mean:.2f}  ", text, flags=re.MULTILINE)
    assert "the first 3 splits of 4" in text
    for row in record.baselines.rows:
        assert f'<th scope="row">{row.name}</th>' in shown
    assert "Simple models" not in page(dataclasses.replace(record, baselines=None))
    assert yardsticks(dataclasses.replace(record, baselines=None)) == ""


@pytest.mark.parametrize(
    ("simple", "says"),
    [(0.9, "A linear model does better here"), (0.601, "A linear model does as well here"), (0.599, "as well"), (0.5, "")],
)
def test_a_simple_model_within_the_margin_is_named(record, simple, says):
    arms = tuple(dataclasses.replace(arm, metrics=arm.metrics | {"accuracy": (0.6,) * 4}) for arm in record.arms)
    verdicts = tuple(dataclasses.replace(verdict, margin=0.005) for verdict in record.verdicts)
    row = Simple("linear", "a linear model", {"accuracy": (simple,) * 3}, 10, 20)
    changed = dataclasses.replace(record, arms=arms, verdicts=verdicts, baselines=Beside((row,), ((0,), (1,), (2,)), 4))
    (*sentences,) = compared(changed).sentences
    assert says in "".join(sentences) and bool(sentences) == bool(says)
    assert compared(changed).rows[-1][3] == "10 of 20 examples"


def test_a_lower_loss_is_better(record):
    row = Simple("linear", "a linear model", {"rmse": (1.0,) * 3}, 10, 10)
    declared = {"rmse": jt.metrics.METRICS["rmse"].declared}
    arm = dataclasses.replace(record.baseline, metrics={"rmse": (2.0,) * 4}, declared=declared)
    changed = dataclasses.replace(record, arms=(arm,), verdicts=(), baselines=Beside((row,), ((0,), (1,), (2,)), 4))
    assert compared(changed).sentences[0].startswith("A linear model does better here")


@pytest.mark.parametrize("flags", [[], ["--no-baselines"]])
def test_a_run_prints_them_unless_told_otherwise(tmp_path, monkeypatch, capsys, flags):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("jaxtricks.cli.flags.set_up", lambda members: None)
    monkeypatch.setattr(room, "BASELINES", {"majority": BASELINES["majority"]})
    cli.main(["run", "--epochs", "1", "--seeds", "2", "--model.widths", "8", *flags])
    assert ("majority" in capsys.readouterr().out) == (not flags)
    assert ("Simple models" in (tmp_path / "runs/digits-run-1/report.html").read_text()) == (not flags)
