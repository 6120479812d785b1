"""The commands that prune a network and say what one costs."""

import json

import pytest

from jaxtricks.cli import main
from jaxtricks.evaluate import latency

SMALL = ["--data", "digits", "--model.widths", "8", "--epochs", "1", "--batch_size", "300"]


def test_prune_prints_a_table_and_writes_a_page(tmp_path, capsys):
    main(["prune", *SMALL, "--rounds", "1", "--remove", "0.5", "--seeds", "2", "--out", str(tmp_path / "found")])
    said = capsys.readouterr().out
    assert "initial, 50.0%" in said and "it runs no faster" in said and said.rstrip().endswith("report.html")
    assert (tmp_path / "found" / "pruning.csv").exists()


def test_several_shares_at_once_as_json(tmp_path, capsys):
    line = ["--remove", "0.5", "0.9", "--one-shot", "--arms", "given", "--by", "snip", "--scope", "global", "--seeds", "2"]
    main(["prune", *SMALL, *line, "--out", str(tmp_path / "found"), "--json"])
    found = json.loads(capsys.readouterr().out)
    assert [round(row["kept"], 3) for row in found["rows"]] == [1, 0.5, 0.1]


def test_cost_counts_subnetworks(capsys):
    main(["cost", *SMALL, "--counted"])
    said = capsys.readouterr().out
    assert "592 weights: 2^592 (a number of 179 digits) subnetworks" in said and "p99" not in said
    main(["cost", *SMALL, "--counted", "--json"])
    found = json.loads(capsys.readouterr().out)
    assert found["parameters"] == 610 and found["serving"] is None


def test_cost_times_predictions_and_prices_them(capsys, monkeypatch):
    monkeypatch.setattr(latency, "CALLS", 3)
    monkeypatch.setattr(latency, "LEAST", 0.0)
    main(["cost", *SMALL, "--price", "0.1"])
    said = capsys.readouterr().out
    assert "592 weights" in said and "$/million" in said and ("no counter of energy" in said or "energy by" in said)
    main(["cost", *SMALL, "--batches", "2", "--json"])
    (row,) = json.loads(capsys.readouterr().out)["serving"]["rows"]
    assert row["batch"] == 2 and row["calls"] == 3 and row["dollars_a_million"] is None


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        (["prune", *SMALL, "--remove", "1.5"], "remove = 1.5 is not a share of weights between 0 and 1, such as 0.2."),
        (["prune", *SMALL, "--arms", "inital"], "did you mean 'initial'"),
        (["cost", *SMALL, "--model.width", "8"], "did you mean"),
        (
            ["cost", *SMALL, "--counted", "--price", "1"],
            "--price 1.0 is for predictions that are timed, and --counted times none.",
        ),
    ],
)
def test_bad_input_ends_in_one_sentence(line, sentence, capsys):
    with pytest.raises(SystemExit) as ended:
        main(line)
    said = capsys.readouterr().err
    assert ended.value.code == 2 and sentence in said and "Traceback" not in said
