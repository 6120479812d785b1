"""The main job in small, through the command line, on every supported set of versions."""

import json
from pathlib import Path

import numpy as np
import pytest
from flax import nnx

import jaxtricks as jt
from jaxtricks.cli import main

SMALL = ["--data", "digits", "--epochs", "2", "--model.widths", "8", "--seeds", "3"]


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    # The suite's devices and cache are set already, and a backend that has started cannot be set up again.
    monkeypatch.setattr("jaxtricks.cli.flags.set_up", lambda members: None)


def _json(capsys: pytest.CaptureFixture[str]) -> dict:
    return json.loads(capsys.readouterr().out)


def test_run_writes_a_folder_that_the_next_run_reads(capsys, tmp_path):
    main(["run", *SMALL, "--optimizer.rule.learning-rate", "3e-3", "--json"])
    folder = Path(_json(capsys)["folder"])
    written = jt.Experiment.from_json(json.loads((folder / "config.json").read_text()))
    assert written.optimizer.rule.learning_rate == 3e-3
    assert written.model.widths == (8,)
    main(["run", "--config", str(folder / "config.json"), "--seeds", "3", "5", "--out", str(tmp_path / "again"), "--json"])
    assert (tmp_path / "again" / "report.html").exists()
    main(["list", "runs"])
    assert folder.name in capsys.readouterr().out.splitlines()[-1]


def test_compare_judges_each_change(capsys):
    main(["compare", *SMALL, "--change", "model.dropout=0.5", "--change", "model.normalization=batch", "optimizer.clip_norm=1"])
    out = capsys.readouterr().out
    assert "model.dropout=0.5" in out
    assert "model.normalization=batch optimizer.clip_norm=1" in out
    assert "too few seeds" in out or "no difference" in out
    page = Path(out.strip().splitlines()[-1])
    before = page.read_text()
    main(["report", str(page.parent)])
    assert page.read_text() == before


def test_a_metric_of_one_s_own_is_compared_and_is_on_the_page(capsys):
    own = ["--metric", "tests.user_code:share_right", "--better", "higher"]
    main(["compare", *SMALL, *own, "--metrics", "macro_f1", "--tune", "none", "--change", "epochs=1"])
    out = capsys.readouterr().out
    assert out.startswith("Dataset(digits: 1437 examples of 8x8x1, 10 classes, test split locked)\nvalidation share right; ")
    page = Path(out.strip().splitlines()[-1]).read_text()
    assert "Share right" in page and "Macro F1, %" in page


def test_ablate_and_ensemble(capsys):
    few = ("model.dropout", "model.normalization", "objective.prior")  # every trick is a program that has to compile
    given = [*SMALL, "--tune", "none", "--optimizer.clip-norm", "1.0"]
    main(["ablate", *given, "--metric", "nll", "--json", "--tricks", *few, "optimizer.clip_norm"])
    labels = [verdict["label"] for verdict in _json(capsys)["verdicts"]]
    assert len(labels) == 1 + len(few) and "without optimizer.clip_norm=1" in labels
    assert "with model.dropout=0.5" in labels
    digits = jt.load("digits")
    runs = jt.fit(jt.Experiment(model=jt.MLP(widths=(8,)), epochs=2), digits, seeds=jt.Seeds(3, split=0), progress=False)
    report = jt.ensemble(runs).evaluate(digits)
    assert report.members_an_example == 3
    assert np.isfinite(report.gain["nll"])
    assert not digits.openings


def test_a_ladder_is_climbed_and_resumed_and_does_not_go_on_for_longer(capsys):
    main(["ladder", *SMALL, "--tune", "none", "--json", "--step", "learning_rate=0.01", "--step", "dropout=0.9"])
    found = _json(capsys)
    assert [verdict["label"] for verdict in found["verdicts"]] == ["learning_rate=0.01", "dropout=0.9"]
    assert "dropout=0.9: not kept: " in found["text"]
    folder = Path(found["folder"])
    for path in [path for path in folder.iterdir() if path.is_file() and path.name != "command.json"]:
        path.unlink()  # as if it had been cut off
    main(["resume", str(folder)])
    assert _json(capsys)["text"] == found["text"]
    with pytest.raises(SystemExit):
        main(["resume", str(folder), "--epochs", "9"])
    assert "is a ladder, whose rungs decided what was tried next" in capsys.readouterr().err


def test_batches_may_be_shared_among_devices():
    digits, layout = jt.load("digits").subset(200, 0), jt.Layout(runs=2, data=2)
    # Plain SGD: batch norm leaves the biases before it no gradient but rounding, which Adam would make steps of.
    model, optimizer = jt.MLP(widths=(8,), normalization="batch"), jt.Optimizer(rule="sgd")
    experiment = jt.Experiment(model=model, optimizer=optimizer, epochs=1, batch_size=32)
    alone = jt.fit(experiment, digits, seeds=3, layout=jt.Layout(runs=1), progress=False)
    shared = jt.fit(experiment, digits, seeds=3, layout=layout, progress=False)
    np.testing.assert_allclose(shared.metrics["nll"], alone.metrics["nll"], rtol=1e-5)


def test_list_tricks_as_programs_read_it(capsys):
    main(["list", "tricks", "--json"])
    tricks = json.loads(capsys.readouterr().out)
    assert {"path", "rows", "paper", "summary"} == set(tricks[0])
    assert any(trick["path"] == "model.dropout" and "T056" in trick["rows"] for trick in tricks)
    main(["list", "data"])
    assert "digits" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["run", "--model.dropuot", "0.5"], "did you mean 'model.dropout'"),
        (["run", "--model.dropout", "1.5"], "[0, 1)"),
        (["run", "--model.dropout"], "takes one value"),
        (["run", "--sedes", "3"], "did you mean '--seeds'"),
        (["run", "--data", "digitz"], "digits"),
        (["run", "--batch-size", "100000"], "batch_size"),
        (["run", "--config", "nowhere.json"], "nowhere.json"),
        (["compare"], "--change"),
        (["compare", "--change", "model.dropout"], "path=value"),
        (["compare", "--change", "model.dropout=0.5", "--metric", "acuracy"], "did you mean 'accuracy'"),
        (["list", "tricks", "--model.widths", "3"], "no flag of this command"),
        (
            ["sample", "nowhere", "--prompt", "a", "--beams", "2", "--temperature", "0.8"],
            "--temperature 0.8 is for draws, and --beams 2 draws nothing; one of them is allowed.",
        ),
        (
            ["sample", "nowhere", "--prompt", "a", "--beams", "2", "--seed", "0"],
            "--seed 0 is for draws, and --beams 2 ",
        ),
        (["report", "nowhere"], "nowhere"),
    ],
)
def test_bad_input_ends_in_one_sentence(capsys, words, says):
    with pytest.raises(SystemExit) as stop:
        main(words)
    captured = capsys.readouterr()
    assert stop.value.code == 2
    assert says in captured.err
    assert captured.err.count("\n") == 1
    assert "Traceback" not in captured.err
    assert not Path("runs").exists()


def test_a_language_model_is_trained_and_writes(capsys):
    text = ["--data", "python_topics", "--level", "char", "--length", "64"]
    short = ["--seeds", "2", "--epochs", "1", "--batch-size", "256"]
    model = ["--model", "rnn", "--model.widths", "8", "--model.embedding", "4", "--model.cell", "gru"]
    main(["run", *text, *short, *model, "--json"])
    folder = _json(capsys)["folder"]
    main(["sample", folder, "--prompt", "The ", "--tokens", "20", "--json"])
    first = _json(capsys)["text"]
    assert first.startswith("The ") and len(first) == 24
    main(["sample", folder, "--prompt", "The ", "--tokens", "20", "--restart", "1"])
    assert capsys.readouterr().out.rstrip("\n") != first
    main(["sample", folder, "--prompt", "The ", "--tokens", "20", "--beams", "2", "--json"])
    assert len(_json(capsys)["text"]) == 24
    for words, message in (
        (["--prompt", "\u2603"], "is not in the vocabulary"),
        (["--prompt", "a", "--beams", "0"], "beams = 0 is not an integer >= 1."),
        (["--prompt", "a", "--restart", "2"], "has 2 restarts, numbered from 0, and 2 is none of them"),
    ):
        with pytest.raises(SystemExit) as stopped:
            main(["sample", folder, *words])
        assert stopped.value.code == 2
        assert message in capsys.readouterr().err


def test_only_runs_on_texts_write(capsys):
    main(["run", *SMALL, "--json"])
    with pytest.raises(SystemExit) as stopped:
        main(["sample", _json(capsys)["folder"], "--prompt", "a"])
    assert stopped.value.code == 2
    assert "holds no language model" in capsys.readouterr().err


class Network(nnx.Module):
    """Flax changed NNX between the supported versions."""

    def __init__(self, rngs):
        self.below, self.above = nnx.Linear(64, 8, rngs=rngs), nnx.Linear(8, 10, rngs=rngs)
        self.norm, self.dropout = nnx.BatchNorm(8, rngs=rngs), nnx.Dropout(0.2, rngs=rngs)

    def __call__(self, x):
        return self.above(self.dropout(nnx.relu(self.norm(self.below(x.reshape(len(x), -1))))))


def test_a_network_of_nnx_trains_and_its_batch_norm_fits_averaged_weights():
    digits = jt.load("digits").subset(200, 0)
    experiment = jt.Experiment(model=Network, optimizer=jt.Optimizer(averaging=jt.optim.EMA(decay=0.8)), epochs=3)
    runs = jt.fit(experiment, digits, seeds=2, progress=False)
    linear = nnx.eval_shape(lambda: Network(nnx.Rngs(0)))
    assert runs.variables["params"]["below"]["kernel"].shape == (2, *linear.below.kernel.shape)
    assert (runs.curves["nll"][:, -1] < runs.curves["nll"][:, 0]).all()
    assert (runs.variables["batch_stats"]["norm"]["var"] != 1).all()
