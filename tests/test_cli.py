"""What the command line refuses before it trains, and what it says of training that came to nothing."""

import json
import os
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from safetensors.numpy import save_file

from jaxtricks import cli, report
from jaxtricks.cli import flags, train
from jaxtricks.cli.entry import COMMANDS
from jaxtricks.engine import preemption
from jaxtricks.evaluate import compare
from jaxtricks.report import watch
from jaxtricks.store.folder import FolderError


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch) -> Path:
    """An empty folder, with a file in it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(flags, "set_up", lambda members: None)  # a test session's devices are there already
    (tmp_path / "file").write_bytes(np.arange(256, dtype=np.uint8).tobytes())
    return tmp_path


@pytest.fixture
def untrained(monkeypatch):
    """Whatever trains fails the test."""
    for module in (train, compare):
        monkeypatch.setattr(module, "fit", lambda *args, **options: pytest.fail("trained"))


def refused(capsys, *words) -> str:
    with pytest.raises(SystemExit) as stop:
        cli.main(words)
    said = capsys.readouterr().err
    assert stop.value.code == 2 and said.startswith("jaxtricks: ") and said.count("\n") == 1 and said.endswith((".\n", "?\n"))
    return said


@pytest.mark.usefixtures("untrained")
@pytest.mark.parametrize(
    ("words", "says"),
    [
        (
            ["fit", "--seeds", "3"],
            f"no command 'fit'; there are: {', '.join(COMMANDS)}.",
        ),
        (["compare", "--change", "epochs=3", "--margin", "-1"], "margin = -1.0 is not a number >= 0"),
        (["compare", "--change", "epochs=3", "--margin", "nan"], "margin = nan is not a number >= 0"),
        (["compare", "--change", "epochs=3", "--metric", "macro_f2"], "metric = 'macro_f2' is unknown; did you mean 'macro_f1'?"),
        (
            ["compare", "--change", "epochs=3", "--metric", "nowhere:f"],
            "nowhere:f cannot be imported: No module named 'nowhere'.",
        ),
        (["run", "--metric", "tests.user_code:share_right"], "so --better higher or --better lower has to say more."),
        (["run", "--metric", "nll", "--better", "higher"], "is for --metric module:function, and the metric is nll."),
        (["run", "--metrics", "roc_auk"], "metric = 'roc_auk' is unknown; did you mean 'roc_auc'?"),
        (["ladder"], "--step is missing; name at least one, such as --step model.dropout=0.5."),
        (["ladder", "--step", "dropout"], "--step 'dropout' is not path=value, such as model.dropout=0.5."),
        (["ladder", "--step", "epochs=20"], "step 'epochs=20' changes nothing."),
        (["ladder", "--step", "epochs=3", "--margin", "-1"], "margin = -1.0 is not a number >= 0"),
        (["ablate", "--margin", "-1"], "margin = -1.0 is not a number >= 0"),
        (
            ["run", "--mesh", "runs=2,rows=2"],
            "mesh: 'rows=2' is not runs=<devices>, data=<devices> or model=<devices>, such as runs=4,data=2",
        ),
        (["run", "--mesh", "runs=2", "--devices", "2"], "--devices and --mesh both say how many devices there are"),
        (
            ["run", "--folds", "3", "--part", "0.5"],
            "--folds and --part say which examples a restart sees",
        ),
        (["run", "--repeats", "2"], "--repeats is for --folds, which is missing"),
        (["run", "--label-noise", "0.2", "--permute-labels"], "--label-noise and --permute-labels both change labels"),
        (["run", "--random-labels", "0.2", "--permute-labels"], "--random-labels and --permute-labels both change labels"),
        (["run", "--random-labels", "2"], "RandomLabels.probability = 2.0 is not a probability from 0 to 1"),
        (["run", "--label-noise", "2"], "NoisyLabels.share = 2.0 is not a share above 0, up to 1"),
        (["run", "--fresh", "head"], "--fresh is for --transfer, which is missing"),
        (["run", "--five-by-two", "--seeds", "4"], "--five-by-two has five seeds, and --seeds asks for others"),
        (["compare", "--vary", "mask", "--change", "epochs=2"], "nothing that restarts differ in; did you mean 'masks'?"),
        (["run", "--process", "1"], "--process is for --distributed, which is missing"),
        (["run", "--config", "file"], "--config file is not JSON: byte 128 is not UTF-8"),
        (["run", "--out", "file"], "file holds something already"),
        (["run", "--out", "."], "holds something already"),
        (["run", "--out", "file/run"], "file cannot be written (Not a directory)"),
        (["run", "--out", "file/some/run"], "file/some cannot be written (Not a directory)"),
    ],
)
def test_it_is_refused_in_one_sentence_before_training(words, says, capsys, here):
    assert says in refused(capsys, *words)
    assert [path.name for path in here.iterdir()] == ["file"]


@pytest.mark.usefixtures("untrained")
@pytest.mark.parametrize("out", [[], ["--out", "new/run"], ["--out", "run"]])
def test_a_folder_that_cannot_be_made_is_refused_before_training(out, capsys, here, monkeypatch):
    def locked(path, mode=0o777):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "mkdir", locked)  # root may write anywhere
    assert "cannot be written (Permission denied)" in refused(capsys, "run", *out)
    assert [path.name for path in here.iterdir()] == ["file"]


def test_a_file_in_the_place_of_all_runs_is_refused(here):
    with pytest.raises(FolderError, match=r"^file cannot be written \(File exists\)\.$"):
        report.fresh("file", "run")


@pytest.mark.parametrize("command", [["run"], ["compare", "--metric", "nll", "--change", "epochs=2"]])
def test_training_that_was_never_finite_ends_in_one_sentence(command, capsys, here):
    words = ["--seeds", "2", "--epochs", "1", "--model.kernel-init", "normal", "--model.kernel-init.scale", "1e30", "--json"]
    said = refused(capsys, *command, *words)
    assert "seed 0, seed 1" in said and "not finite at the initial weights" in said
    assert [path.name for path in here.iterdir()] == ["file"]


def test_settings_that_hold_settings_are_listed_where_they_can_be_switched(capsys):
    cli.main(["list", "settings", "--json"])
    allowed = {row["path"]: row["allowed"] for row in json.loads(capsys.readouterr().out)}
    assert allowed["stopping"] == "on, or off" and "optimizer" not in allowed


@pytest.mark.parametrize("command", list(COMMANDS))
def test_help_shows_no_default_that_is_only_absence(command, capsys):
    with pytest.raises(SystemExit) as stop:
        cli.main([command, "--help"])
    said = " ".join(capsys.readouterr().out.split())
    assert stop.value.code == 0 and f"usage: jaxtricks {command}" in said
    assert "None" not in said and "(default: False)" not in said and "(default: )" not in said


def test_a_folder_of_pictures_of_two_sizes_is_trained_on_and_found_again(capsys, here):
    for place, (kind, width) in enumerate([("light", 8), ("dark", 9)] * 6):
        (here / "shades" / kind).mkdir(parents=True, exist_ok=True)
        Image.new("L", (width, 8), 200 if kind == "light" else 20 + place).save(here / "shades" / kind / f"{place}.png")
    words = ["run", "--data", "shades", "--seeds", "2", "--epochs", "2", "--batch-size", "4", "--model.widths", "4"]
    said = refused(capsys, *words)
    assert "light/0.png: 8×8 pixels, and shades/dark/1.png has 8×9; size = (height, width) makes all alike." in said
    cli.main([*words, "--size", "4", "4", "--out", "kept"])
    assert "Dataset(shades: 12 examples of 4x4x1, 2 classes (dark, light), no test split)" in capsys.readouterr().out
    cli.main(["resume", "kept", "--epochs", "3"])


class TestResume:
    WORDS = ("run", "--epochs", "3", "--model.widths", "8", "--seeds", "2", "--json")

    @staticmethod
    def metrics(folder):
        return json.loads((folder / "metrics.json").read_text()) | {"command": None}

    def test_a_run_that_was_asked_to_end_goes_on(self, capsys, here, monkeypatch):
        cli.main([*self.WORDS, "--out", "whole"])
        asked = iter([False, True])
        with monkeypatch.context() as patch:
            patch.setattr(preemption, "asked", lambda: next(asked))
            with pytest.raises(SystemExit) as stop:
                cli.main(self.WORDS)
        (folder,) = (here / "runs").iterdir()
        said = capsys.readouterr().err
        assert stop.value.code == 75
        assert said == f"jaxtricks: ended by SIGTERM after epoch 2 of 3. `jaxtricks resume runs/{folder.name}` goes on.\n"
        cli.main(["list", "runs"])
        assert f"{folder.name}  unfinished: jaxtricks resume runs/{folder.name}" in capsys.readouterr().out
        monkeypatch.chdir(here / "runs")  # its data and files are found from where it began
        cli.main(["resume", folder.name])
        assert self.metrics(folder) == self.metrics(here / "whole")
        monkeypatch.chdir(here)
        assert "is finished; its page is" in refused(capsys, "resume", str(folder))

    def test_folds_that_start_from_an_earlier_run_go_on(self, capsys, here, monkeypatch):
        words = ("run", "--model.widths", "8", "--seeds", "2", "--folds", "2", "--json")
        cli.main([*words, "--epochs", "1", "--out", "earlier"])
        words += ("--epochs", "2", "--keep-every", "1", "--transfer", "earlier", "--fresh", "head")
        cli.main([*words, "--out", "whole"])
        with monkeypatch.context() as patch:
            patch.setattr(preemption, "asked", lambda: True)
            with pytest.raises(SystemExit):
                cli.main([*words, "--out", "again"])
        monkeypatch.chdir(here / "again")
        cli.main(["resume", "."])
        assert self.metrics(here / "again") == self.metrics(here / "whole")
        (arm,) = self.metrics(here / "whole")["arms"]
        assert arm["names"] == ["seed 0 fold 0", "seed 0 fold 1", "seed 1 fold 0", "seed 1 fold 1"]
        capsys.readouterr()
        assert "Transfer.fresh = 'heat' names no layer" in refused(capsys, *words[:-1], "heat")

    def test_seeds_are_added_to_a_finished_comparison(self, capsys, here):
        words = ("compare", "--epochs", "1", "--model.widths", "8", "--change", "optimizer.rule.learning_rate=0.1", "--json")
        cli.main([*words, "--seeds", "3", "--out", "first"])
        cli.main([*words, "--seeds", "7", "--out", "whole"])
        capsys.readouterr()
        cli.main(["compare", "--add-seeds", "2", "first", "--json", "--out", "second"])
        cli.main(["compare", "--add-seeds", "2", "second", "--out", "third"])
        assert "p after look 3" in (said := capsys.readouterr().out) and "99.375% interval" in said
        arms, whole = ((self.metrics(here / name)["arms"]) for name in ("third", "whole"))
        for arm, same in zip(arms, whole, strict=True):
            assert (arm["names"], arm["label"]) == (same["names"], same["label"])
            assert arm["metrics"]["nll"] == pytest.approx(same["metrics"]["nll"], rel=1e-4)
        (verdict,) = json.loads((here / "third" / "verdicts.json").read_text())
        assert (verdict["look"], verdict["seeds"]) == (3, 7)
        assert "this is look 3" in (here / "third" / "report.html").read_text()
        assert "this is look" not in (here / "first" / "report.html").read_text()
        for arguments, words in (
            (("resume", "second", "--epochs", "2"), "has seeds that were added to first, and cannot go on without them"),
            (("compare", "--add-seeds", "first"), "is not a number and a run, such as 16 runs/digits-compare-1"),
            (("compare", "--add-seeds", "1", "first"), "--add-seeds 1 is not a number of seeds >= 2"),
            (("ablate", "--add-seeds", "4", "first"), "is what `jaxtricks compare` made"),
            (("compare", "--add-seeds", "4", "none"), "command.json is missing"),
            (("compare", "--add-seeds", "4", "first", "--epochs", "3"), "--epochs is for a new run"),
            (("compare", "--add-seeds", "4", "first", "--change", "dropout=0.1"), "--change is for a new run"),
            (("compare", "--add-seeds", "4", "first", "--metric", "nll"), "--metric is for a new run"),
        ):
            assert words in refused(capsys, *arguments)

    def test_a_finished_comparison_goes_on_for_more_epochs(self, capsys, here):
        words = ("compare", *self.WORDS[1:], "--tune", "none", "--change", "model.dropout=0.5")
        rest = [word for word in words if word not in ("--epochs", "3")]
        cli.main([*rest, "--epochs", "2", "--out", "short"])
        cli.main([*rest, "--epochs", "4", "--out", "whole"])
        cli.main(["resume", "short", "--epochs", "4"])
        assert self.metrics(here / "short") == self.metrics(here / "whole")
        assert json.loads((here / "short" / "config.json").read_text())["epochs"] == 4
        assert "resume short --epochs 4" in json.loads((here / "short" / "metrics.json").read_text())["command"]
        assert json.loads((here / "short/earlier/epochs-2/config.json").read_text())["epochs"] == 2
        capsys.readouterr()
        assert "has 4 epochs already" in refused(capsys, "resume", "short", "--epochs", "4")
        assert "epochs = 3 is less than the 4" in refused(capsys, "resume", "short", "--epochs", "3")
        assert (here / "short" / "report.html").is_file()

    def test_a_run_starts_from_a_file_of_weights_and_says_what_it_took(self, capsys, here):
        arrays = {"fc1.weight": np.ones((8, 64), np.float32), "fc1.bias": np.ones(8, np.float32), "fc2.bias": np.ones(3)}
        save_file(arrays, "net.safetensors")
        words = ["run", "--model.widths", "8", "--seeds", "2", "--epochs", "1", "--transfer", "net.safetensors"]
        torch = [*words, "--transfer-layout", "torch", "--transfer-names", "fc1=hidden_0/dense"]
        cli.main([*torch, "--out", "a"])
        said = "starts from other weights: 2 of 4 arrays; drawn: params/head/bias, params/head/kernel; not used: fc2.bias"
        assert said in capsys.readouterr().out
        assert f"Each restart {said}." in (here / "a" / "report.html").read_text()
        assert "names: 'hidden_9' is in no name of the model" in refused(capsys, *torch[:-1], "fc1=hidden_9")
        assert "no layer that the model has: it has fc1.bias, fc1.weight, fc2.bias" in refused(capsys, *words)
        assert "none.safetensors: there is no such file" in refused(capsys, *words[:-1], "none.safetensors")
        assert "--transfer-names: 'fc1' is no pair" in refused(capsys, *torch[:-1], "fc1")
        assert "head=x is no pair layer=channels" in refused(capsys, *torch, "--transfer-flattened", "head=x")
        assert "--transfer-layout is for --transfer, which is missing" in refused(capsys, "run", "--transfer-layout", "torch")
        assert "is the name of a run" in refused(capsys, "run", "--transfer", "runs/a", "--transfer-names", "a=b")

    def test_what_cannot_go_on(self, capsys, here):
        assert "runs/none is not a run's folder: command.json is missing" in refused(capsys, "resume", "runs/none")
        (here / "command.json").write_text("{")
        assert "command.json cannot be read" in refused(capsys, "resume", ".")


class TestWatch:
    WORDS = ("run", "--epochs", "3", "--model.widths", "8", "--seeds", "2", "--json")

    def test_a_run_that_was_cut_off_and_one_that_is_finished(self, capsys, here, monkeypatch):
        asked = iter([False, True])
        with monkeypatch.context() as patch:
            patch.setattr(preemption, "asked", lambda: next(asked))
            with pytest.raises(SystemExit):
                cli.main(self.WORDS)
        capsys.readouterr()
        before = {path: path.read_bytes() for path in here.rglob("*") if path.is_file()}
        for words in (["runs/digits-run-1"], ["digits-run-1", "--once"]):
            with pytest.raises(SystemExit) as stop:
                cli.main(["watch", *words])
            said = capsys.readouterr()
            assert stop.value.code == 1
            assert said.out.startswith("cut off, epoch 2 of 3: training loss ") and said.out.count("\n") == 1
            assert said.err == "jaxtricks: runs/digits-run-1 was cut off; `jaxtricks resume runs/digits-run-1` goes on.\n"
        assert {path: path.read_bytes() for path in here.rglob("*") if path.is_file()} == before
        with pytest.raises(SystemExit):
            cli.main(["track", "digits-run-1", "tensorboard"])
        cli.main(["resume", "runs/digits-run-1"])
        capsys.readouterr()
        cli.main(["watch", "digits-run-1", "--metric", "nll"])
        first, page = capsys.readouterr().out.splitlines()
        assert first.startswith("finished, epoch 3 of 3: training loss ") and "negative log-likelihood" in first
        assert page == "runs/digits-run-1/report.html" and Path(page).is_file()

    def test_whoever_trains_is_seen_to_and_nobody_else(self, here, monkeypatch):
        seen = []

        def asked():
            seen.append(watch.view_of(here / "run"))
            return False

        monkeypatch.setattr(preemption, "asked", asked)
        cli.main([*self.WORDS, "--out", "run"])
        assert len(seen) == 3 and not any(view.over for view in seen)
        assert watch.view_of(here / "run").phase is watch.Activity.FINISHED

    def test_refused(self, capsys, here, monkeypatch):
        for command, *more in (["watch"], ["track", "tensorboard"]):
            assert "nowhere is not a run's folder: command.json is missing" in refused(capsys, command, "nowhere", *more)
        cli.main([*self.WORDS, "--out", "run"])
        capsys.readouterr()
        assert "metric = 'x' is unknown; there are: " in refused(capsys, "watch", "run", "--metric", "x")
        assert "--seeds is no flag of this command" in refused(capsys, "watch", "run", "--seeds", "3")
        monkeypatch.setitem(sys.modules, "tensorboardX", None)
        assert "pip install jaxtricks[tensorboard]" in refused(capsys, "track", "run", "tensorboard")


class TestEnsemble:
    @pytest.fixture
    def runs(self, here, capsys):
        words = ["run", "--epochs", "2", "--model.widths", "8", "--seeds", "2", "--split", "0", "--json"]
        for name, more in (("a", ["--keep-every", "1"]), ("b", ["--model.dropout", "0.2"])):
            cli.main([*words, "--out", name, *more])
        capsys.readouterr()

    @pytest.mark.parametrize(
        ("words", "members", "examples", "epochs"),
        [
            (["a"], 2, 287, 4),
            (["a", "b"], 4, 287, 8),
            (["a", "--of", "checkpoints"], 4, 287, 4),
            (["a", "b", "--choose", "top", "--size", "3"], 3, 144, 8),
            (["a", "--choose", "greedy", "--average", "logits"], 2, 144, 4),
        ],
    )
    def test_of_what_runs_left(self, runs, capsys, words, members, examples, epochs):
        cli.main(["ensemble", *words, "--json"])
        report = json.loads(capsys.readouterr().out)
        assert 1 <= report["members"] <= members and report["examples"] == examples and report["training_epochs"] == epochs
        assert (report["members"] == members) or "greedy" in words

    def test_refused(self, runs, capsys):
        assert "FOLDERS is missing; see `jaxtricks ensemble --help`" in refused(capsys, "ensemble")
        assert "TopK.k = 5 is not an integer from 1 to 2" in refused(capsys, "ensemble", "a", "--choose", "top")
        assert "nowhere is not a run's folder" in refused(capsys, "ensemble", "nowhere")
        assert "sizes: 3 is not an integer from 1 to 2" in refused(capsys, "ensemble", "a", "--sizes", "1", "3")
        assert "masks: MLP draws no masks where it is evaluated" in refused(capsys, "ensemble", "a", "--of", "masks")
        assert "passes = 0 is not" in refused(capsys, "ensemble", "b", "--of", "masks", "--passes", "0")

    @pytest.mark.parametrize(
        ("words", "says"),
        [
            ("--of masks --choose top", "--choose top is for --of restarts and checkpoints, and --of is masks."),
            ("--of masks --sizes 1 2", "--sizes 1 2 is for --of restarts and checkpoints, and --of is masks."),
            ("--of masks --average logits", "--average logits is for --of restarts and checkpoints, and --of is masks."),
            ("--passes 20", "--passes 20 is for --of masks, and --of is restarts."),
            ("--of checkpoints --passes 3", "--passes 3 is for --of masks, and --of is checkpoints."),
            ("--size 5", "--size 5 is for --choose top and greedy, and --choose is all."),
        ],
    )
    def test_flags_that_would_do_nothing_are_refused(self, capsys, words, says):
        assert says in refused(capsys, "ensemble", "no-folder-is-read", *words.split())

    def test_of_masks_and_of_several_sizes(self, runs, capsys):
        cli.main(["ensemble", "b", "--of", "masks", "--passes", "3", "--json"])
        found = json.loads(capsys.readouterr().out)
        assert found["passes"] == 3 and len(found["averaged"]["nll"]) == 2 and found["once"]["nll"] != found["averaged"]["nll"]
        cli.main(["ensemble", "b", "--of", "masks", "--passes", "3"])
        lines = capsys.readouterr().out.splitlines()
        assert lines[0] == "predictions averaged over 3 masks, mean over 2 restarts" and "mean of 3" in lines[1]
        cli.main(["ensemble", "b", "--sizes", "1", "2"])
        assert [line.split()[0] for line in capsys.readouterr().out.splitlines() if line[:1] in "m12"] == ["members", "1", "2"]
