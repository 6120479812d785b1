"""An own chain, loss, metric, schedule, activation and initializer from the command line, as `module:name`."""

import json
import sys

import pytest

import jaxtricks as jt
from jaxtricks import cli
from jaxtricks.engine import preemption

OWN = '''
import jax
import jax.numpy as jnp
import optax

import jaxtricks as jt

chain = optax.chain(optax.clip(1.0), optax.adam(1e-2))


def built():
    return optax.sgd(0.1)


@jt.extend.config()
def clipped(learning_rate: float = 1e-2) -> optax.GradientTransformation:
    return optax.chain(optax.clip(1.0), optax.sgd(learning_rate))


squared_hinge = lambda scores, targets: jnp.maximum(0, 1 - (2 * targets - 1) * scores) ** 2
halving = optax.exponential_decay(1.0, 20, 0.5)
draw = jax.nn.initializers.variance_scaling(1.0, "fan_avg", "normal")


def falling(step, total):
    return 1 - step / total


def bent(x):
    return jnp.maximum(x, 0.3 * x)


@jt.extend.config()
class Cubed(jt.nn.Activation):
    """x^3."""

    def __call__(self, x):
        return x**3


def plain(scores, targets):
    return jnp.mean(scores.argmax(-1) == targets)


share = jt.Metric("share", plain, higher_is_better=True, unit="points")

'''
SETTINGS = {
    "optimizer.rule": ["chain", "built", "clipped"],
    "optimizer.schedule": ["halving", "falling"],
    "objective.loss": ["squared_hinge"],
    "model.activation": ["bent", "Cubed"],
    "model.kernel_init": ["draw"],
    "metrics": ["share"],
}


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    (tmp_path / "own_parts.py").write_text(OWN)
    yield tmp_path
    sys.modules.pop("own_parts", None)


@pytest.mark.parametrize(("path", "name"), [(path, name) for path, names in SETTINGS.items() for name in names])
def test_each_is_written_down_and_read_again(path, name):
    sys.path.append("")
    experiment = jt.config.replace(jt.Experiment(), {path: jt.config.parse(jt.Experiment(), path, [f"own_parts:{name}"])})
    again = jt.Experiment.from_json(json.loads(json.dumps(experiment.to_json())))
    assert again == experiment and hash(again) == hash(experiment) and again.fingerprint() == experiment.fingerprint()
    assert experiment != jt.Experiment()


def test_a_run_with_all_of_them_goes_on_after_it_was_cut_off(capsys, here, monkeypatch):
    words = ["run", "--seeds", "2", "--epochs", "2", "--widths", "8", "--json"]
    for path, names in SETTINGS.items():
        words += [f"--{path}", f"own_parts:{names[0]}"]
    cli.main([*words, "--out", "whole"])
    asked = iter([True])
    with monkeypatch.context() as patch:
        patch.setattr(preemption, "asked", lambda: next(asked))
        with pytest.raises(SystemExit):
            cli.main([*words, "--out", "cut"])
    sys.modules.pop("own_parts")
    monkeypatch.chdir(here.parent)
    cli.main(["resume", str(here / "cut")])
    whole, cut = (json.loads((here / name / "metrics.json").read_text()) | {"command": None} for name in ("whole", "cut"))
    assert whole == cut and "share" in whole["arms"][0]["metrics"]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--loss", "own_parts:bnt"], "own_parts:bnt cannot be imported: own_parts has no 'bnt'; did you mean 'bent'?"),
        (["--loss", "no_parts:f"], "no_parts:f cannot be imported: No module named 'no_parts'."),
        (["--loss", "broken:f"], "broken:f cannot be imported: division by zero."),
        (["--rule", "own_parts:share"], "optimizer.rule: Optimizer.rule = Metric("),
        (["--metrics", "own_parts:plain"], "metrics: metric = plain is a function, "),
    ],
)
def test_what_cannot_be_found_is_one_sentence(words, says, capsys, here):
    (here / "broken.py").write_text("1 / 0\n")
    with pytest.raises(SystemExit) as stop:
        cli.main(["run", *words])
    said = capsys.readouterr().err
    assert stop.value.code == 2 and said.count("\n") == 1 and said.startswith(f"jaxtricks: {says}")
