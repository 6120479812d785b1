"""The command that replays one step of a run."""

import json

import pytest

from jaxtricks import cli


def test_a_step_of_a_run(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    words = ["run", "--data", "digits", "--epochs", "1", "--model.widths", "4", "--seeds", "2", "--json", "--no-baselines"]
    cli.main([*words, "--optimizer.rule", "sgd", "--learning-rate", "1e20", "--out", "wild"])
    capsys.readouterr()
    cli.main(["replay", "wild", "--json"])
    found = json.loads(capsys.readouterr().out)
    assert found["member"] == "seed 0" and found["address"]["value"] in ("nan", "inf", "-inf")
    cli.main(["replay", "wild", "--member", "1", "--step", "0"])
    assert "seed 1, step 0 (epoch 1)" in capsys.readouterr().out
    cli.main(["replay", "wild/checkpoints", "--json"])
    assert json.loads(capsys.readouterr().out) == found
    (tmp_path / "runs").mkdir()
    (tmp_path / "wild").rename(tmp_path / "runs" / "wild")
    cli.main(["replay", "wild", "--json"])  # the name alone
    assert json.loads(capsys.readouterr().out) == found
    for more, says in (
        (["--member", "5"], "member = 5 is not one of the 2 restarts of "),
        (["--member", "0", "--step", "99"], "step = 99 is not one of the 17 of seed 0"),
        (["--experiment", "3"], "experiment = 3 is not one of the 1 of "),
    ):
        with pytest.raises(SystemExit) as stop:
            cli.main(["replay", "wild", *more])
        said = capsys.readouterr().err
        assert stop.value.code == 2 and says in said and said.count("\n") == 1
    with pytest.raises(SystemExit):
        cli.main(["replay", "nowhere"])
    assert "nowhere is not a run's folder: command.json is missing." in capsys.readouterr().err
