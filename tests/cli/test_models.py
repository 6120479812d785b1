"""A model of one's own on the command line, `--model module:Class` or `--model module:name`."""

import json
import sys

import jax
import numpy as np
import pytest

import jaxtricks as jt
from jaxtricks import cli
from jaxtricks.cli import flags, train
from jaxtricks.engine import preemption

OWN = """
import flax.linen as nn
from flax import nnx

import jaxtricks as jt


class Net(nnx.Module):
    def __init__(self, rngs):
        self.below, self.above = nnx.Linear(64, 8, rngs=rngs), nnx.Linear(8, 10, rngs=rngs)
        self.norm = nnx.BatchNorm(8, rngs=rngs)

    def __call__(self, x):
        return self.above(nnx.relu(self.norm(self.below(x.reshape(len(x), -1)))))


class Plain(nn.Module):
    width: int = 4

    @nn.compact
    def __call__(self, x, deterministic):
        x = nn.Dense(self.width, name="below")(x.reshape(len(x), -1))
        return nn.Dense(10, name="above")(nn.Dropout(0.2)(x, deterministic=deterministic))


def build(rngs):
    return Net(rngs)


wide, functional, net = Plain(width=6), jt.models.NNX(build), Net(nnx.Rngs(0))
"""
WORDS = ["run", "--data", "digits", "--seeds", "2", "--epochs", "2", "--json"]


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    (tmp_path / "own_models.py").write_text(OWN)
    yield tmp_path
    sys.modules.pop("own_models", None)


@pytest.mark.parametrize(
    ("name", "width"),
    [("Net", 8), ("functional", 8), ("Plain", 4), ("wide", 6)],
    ids=["class", "builder", "linen class", "linen"],
)
def test_a_model_is_found_by_its_name_and_written_down(name, width, here, monkeypatch):
    found = []
    monkeypatch.setattr(train, "fit", lambda experiment, *args, **options: found.append(experiment) or sys.exit())
    with pytest.raises(SystemExit):
        cli.main([*WORDS, "--model", f"own_models:{name}"])
    (experiment,) = found
    assert jt.Experiment.from_json(json.loads(json.dumps(experiment.to_json()))) == experiment
    drawn = jt.extend.contract(experiment.model).drawn(jax.random.key(0), np.ones((2, 64), np.float32), None)
    assert drawn["params"]["below"]["kernel"].shape == (64, width)


def test_a_run_with_a_module_of_nnx_goes_on_after_it_was_cut_off(capsys, here, monkeypatch):
    words = [*WORDS, "--model", "own_models:Net"]
    cli.main([*words, "--out", "whole"])
    asked = iter([True])
    with monkeypatch.context() as patch:
        patch.setattr(preemption, "asked", lambda: next(asked))
        with pytest.raises(SystemExit):
            cli.main([*words, "--out", "cut"])
    sys.modules.pop("own_models")
    monkeypatch.chdir(here.parent)
    cli.main(["resume", str(here / "cut")])
    whole, cut = (json.loads((here / name / "metrics.json").read_text()) | {"command": None} for name in ("whole", "cut"))
    whole_model, cut_model = (json.loads((here / name / "config.json").read_text())["model"] for name in ("whole", "cut"))
    assert whole_model == cut_model and whole_model["build"] == {"callable": "own_models:Net"}
    assert whole["arms"][0]["metrics"] == cut["arms"][0]["metrics"]


@pytest.mark.parametrize(
    ("name", "says"),
    [
        (
            "net",
            "this Net is built already, and all restarts would begin with its weights; write jaxtricks.models.NNX(build) with ",
        ),
        ("build", "is not one of cnn, masked, mlp, rnn, tcn, transformer, a Linen module, a class of NNX or Equinox modules, "),
        ("Nett", "own_models:Nett cannot be imported: own_models has no 'Nett'; did you mean "),
    ],
)
def test_what_is_no_model_is_one_sentence(name, says, capsys):
    with pytest.raises(SystemExit) as stop:
        cli.main([*WORDS, "--model", f"own_models:{name}"])
    said = capsys.readouterr().err
    assert stop.value.code == 2 and said.count("\n") == 1 and says in said


def test_devices_are_set_up_before_a_module_of_the_user_is_imported(monkeypatch):
    """As it may make arrays, which starts JAX's backend."""
    imported = []
    monkeypatch.setattr(flags, "set_up", lambda members: imported.append("own_models" in sys.modules))
    with pytest.raises(SystemExit):
        cli.main([*WORDS, "--model", "own_models:net"])
    assert imported == [False] and "own_models" in sys.modules
