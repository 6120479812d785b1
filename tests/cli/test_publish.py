"""The commands that publish what a run has trained."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from huggingface_hub import constants

import jaxtricks as jt
from jaxtricks.cli.entry import main
from jaxtricks.publish import hub
from jaxtricks.store.mirror import working_copy
from tests.publish.test_hub import FakeHub

SMALL = ["--data", "digits", "--model.widths", "8", "--epochs", "2", "--batch_size", "300", "--seeds", "3", "--no-baselines"]


def test_a_run_is_exported_pushed_and_pulled(monkeypatch, capsys, tmp_path):
    monkeypatch.chdir(tmp_path)
    main(["compare", *SMALL, "--tune", "none", "--change", "model.dropout=0.5", "--out", "a"])
    capsys.readouterr()
    main(["export", "a", "--arm", "model.dropout=0.5", "--ensemble", "2", "--license", "mit"])
    place = Path(capsys.readouterr().out.strip())
    assert place == tmp_path / "a-model-1"
    model = jt.publish.Published.of(place)
    digits = jt.load("digits")
    kept = jt.snapshots("a/checkpoints", digits, experiment=1)[2]
    np.testing.assert_array_equal(model.probabilities(digits.x[:9]), kept.at([0, 1]).probabilities(digits.x[:9]))
    assert "jaxtricks compare --data digits" in model.card and "dropout" in model.card and model.record.verdicts

    with working_copy("memory:///there/far") as copy:
        shutil.copytree("a", copy, dirs_exist_ok=True)
    main(["export", "memory:///there/far", "--ensemble", "1", "--no-numpy"])
    place = Path(capsys.readouterr().out.strip())
    assert place == tmp_path / "runs/far-model-1" and jt.publish.Published.of(place).about["members"] == ["seed 0"]

    monkeypatch.setattr(hub, "_hub", lambda: FakeHub(tmp_path / "cache"))
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    main(["export", "a-model-1", "--push", "me/digits"])
    assert capsys.readouterr().out == "a-model-1\nme/digits: digits-mlp: 2 members\n"
    main(["pull", "me/digits", "--json"])
    assert json.loads(capsys.readouterr().out)["members"] == ["seed 0", "seed 1"]
    main(["pull", "me/digits"])
    assert "# digits-mlp" in capsys.readouterr().out

    for words, says in {
        (
            "export",
            "a",
            "--arm",
            "model.dropuot=0.5",
        ): "--arm 'model.dropuot=0.5' is no arm of a; did you mean 'model.dropout=0.5'",
        ("export", "a", "--private"): "--private is for --push, and nothing is pushed.",
        ("export", "a-model-1"): "a-model-1 was exported already; --push user/name puts it on the Hugging Face Hub.",
        ("export", "a-model-1", "--push", "me/x", "--license", "mit"): "--license is for a run's folder, and a-model-1 was",
        ("export", "a-model-1", "--push", "me/x", "--no-numpy"): "--no-numpy is for a run's folder, and a-model-1 was",
        ("export", "a-model-1", "--push", "me/x", "--out", "b"): "--out is for a run's folder, and a-model-1 was",
        ("export", "nowhere"): "nowhere is not a run's folder",
        ("export", "a", "--ensemble", "5"): "ensemble = 5 is not a number from 1 to 3",
        ("pull", "me/nothing"): "me/nothing cannot be pulled: ",
    }.items():
        with pytest.raises(SystemExit) as stop:
            main(list(words))
        assert stop.value.code == 2 and says in capsys.readouterr().err
    assert not (tmp_path / "a-model-2").exists()
