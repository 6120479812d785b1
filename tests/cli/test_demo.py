"""The first command comes to a table, a page, and the ensemble of the best rate."""

import json

import pytest

from jaxtricks import cli


def test_the_demo_judges_five_changes_and_writes_a_page(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    cli.main(["demo", "--seeds", "2", "--epochs", "1", "--tune", "none"])
    said = capsys.readouterr().out
    assert "dropout 0.5" in said and "weight decay 0.1" in said and "on new data" in said
    page = tmp_path / said.splitlines()[-1].removeprefix("The page: ")
    assert page.parent.parent == tmp_path / "runs" and "<svg" in page.read_text()
    record = json.loads((page.parent / "metrics.json").read_text())
    assert record["command"] == "jaxtricks demo --seeds 2 --epochs 1 --tune none"
    assert record["ensemble"] is not None and len(record["arms"]) == 6


def test_a_demo_whose_folder_is_taken_is_refused_before_it_trains(capsys, tmp_path):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(SystemExit) as stop:
        cli.main(["demo", "--out", str(tmp_path)])
    assert stop.value.code == 2 and "holds something already" in capsys.readouterr().err
