"""The command that measures curvature along a run."""

import json
import re

import pytest

from jaxtricks.cli.entry import main


def words(line):
    return line.split(" ")


def test_it_writes_the_curvature_of_a_run_onto_its_page(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    main(words("run --data digits --seeds 2 --epochs 2 --model.widths 4 --keep-every 1 --no-baselines --out here"))
    capsys.readouterr()
    main(words("curvature here --examples 60 --products 3 --probes 1"))
    said = capsys.readouterr().out
    assert re.findall(r"^ +(\d) ", said, re.MULTILINE) == ["0", "1", "2"] and said.endswith("here/report.html\n")
    assert "Curvature along the run" in (tmp_path / "here" / "report.html").read_text()
    main(words("curvature here --examples 60 --products 3 --probes 1 --json"))
    found = json.loads(capsys.readouterr().out)
    assert found["page"].endswith("report.html") and len(found["rows"]) == 3 * 2 * 6


def test_what_is_no_run_is_said_in_one_sentence(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as stop:
        main(["curvature", "nowhere"])
    assert stop.value.code == 2 and "nowhere is not a run's folder" in capsys.readouterr().err
