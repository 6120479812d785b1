"""What the command line refuses before it trains, and what it says of training that came to nothing."""

import os
from pathlib import Path

import numpy as np
import pytest

from jaxtricks import cli, report
from jaxtricks.evaluate import compare
from jaxtricks.report.folder import FolderError

pytestmark = pytest.mark.usefixtures("unoptimized")


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch) -> Path:
    """An empty folder, with a file in it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(cli, "set_up", lambda members: None)  # a test session's devices are there already
    (tmp_path / "file").write_bytes(np.arange(256, dtype=np.uint8).tobytes())
    return tmp_path


@pytest.fixture
def untrained(monkeypatch):
    """Whatever trains fails the test."""
    for module in (cli, compare):
        monkeypatch.setattr(module, "fit", lambda *args, **options: pytest.fail("trained"))


def refused(capsys, *words) -> str:
    with pytest.raises(SystemExit) as stop:
        cli.main(words)
    said = capsys.readouterr().err
    assert stop.value.code == 2 and said.startswith("jaxtricks: ") and said.count("\n") == 1 and said.endswith(".\n")
    return said


@pytest.mark.usefixtures("untrained")
@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["fit", "--seeds", "3"], "no command 'fit'; there are: run, compare, ablate, list, report, sample, check-gradient."),
        (["compare", "--change", "epochs=3", "--margin", "-1"], "margin = -1.0 is not a number >= 0"),
        (["compare", "--change", "epochs=3", "--margin", "nan"], "margin = nan is not a number >= 0"),
        (["ablate", "--margin", "-1"], "margin = -1.0 is not a number >= 0"),
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
    assert "seeds 0, 1" in said and "not finite at the initial weights" in said
    assert [path.name for path in here.iterdir()] == ["file"]
