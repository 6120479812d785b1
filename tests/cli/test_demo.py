"""The first command comes to a table, a page, and the ensemble of the best rate."""

import json

import pytest

from jaxtricks import cli
from jaxtricks.cli import demo


def test_the_demo_judges_its_changes_and_writes_a_page(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(demo, "CHANGES", {"dropout 0.5": demo.CHANGES["dropout 0.5"]})  # each is a program that has to compile
    cli.main(["demo", "--seeds", "2", "--epochs", "1", "--tune", "none"])
    said = capsys.readouterr().out
    assert "dropout 0.5" in said and "on new data" in said and "ensemble of 2" in said
    page = tmp_path / said.splitlines()[-1].removeprefix("The page: ")
    assert page.parent.parent == tmp_path / "runs" and "<svg" in page.read_text()
    record = json.loads((page.parent / "metrics.json").read_text())
    assert record["command"] == "jaxtricks demo --seeds 2 --epochs 1 --tune none"
    assert record["ensemble"] is not None and len(record["arms"]) == 2


def test_the_demo_s_changes_change_what_they_say():
    assert len(demo.CHANGES) == 5
    for change in demo.CHANGES.values():
        assert set(demo.PLAIN.diff(demo.PLAIN.replace(change))) == set(change)


def test_a_demo_whose_folder_is_taken_is_refused_before_it_trains(capsys, tmp_path):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(SystemExit) as stop:
        cli.main(["demo", "--out", str(tmp_path)])
    assert stop.value.code == 2 and "holds something already" in capsys.readouterr().err
