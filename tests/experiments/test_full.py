"""Full scale: what does not fit is put off, what is cut off goes on to the same bits, and estimates count what is trained."""

import subprocess

import numpy as np
import pytest

import jaxtricks as jt
from experiments import __main__ as cli
from experiments import claims as shelf
from experiments import full, record
from jaxtricks.evaluate.claim import Axes, Claim, Curve, Estimate, Outcome, Paper, Scales, Training, settle
from jaxtricks.evaluate.work import H100, total

EXPERIMENT = jt.Experiment(model=jt.MLP(widths=(8,)), batch_size=16, epochs=40)


@pytest.fixture
def claim(monkeypatch):
    """One claim in place of the real ones, of two fits with checkpoints, and what its fits came to."""
    data, losses = jt.load("digits").subset(100, seed=0), []

    def measure(scale):
        """Trains twice."""
        runs = [jt.fit(EXPERIMENT, data, seeds=2, checkpoints=scale.checkpoints(name), progress=False) for name in ("a", "b")]
        losses.append(np.stack([each.curves["nll"] for each in runs]))
        found = Estimate.of(losses[-1][0, :, -1])
        curve = Curve("loss", (1.0, 2.0), (0.0, 0.5), (-1.0, 0.0), (1.0, 1.0))
        parts = [settle("is above", found, above=0, scope="new data")]
        return Outcome(parts, "it trains", {"loss": found}, (curve,), Axes("x", "y"))

    measure.__module__ = "experiments.stage.slow"
    made = Claim(
        rows=("T056",),
        lecture=0,
        statement="It is so",
        papers=(Paper("P", "R"),),
        refuted_by="Otherwise.",
        measure=measure,
        kind="effect",
        seeds=Scales(full=2),
        trainings=lambda scale: [Training(EXPERIMENT, data, 2)] * 2,
    )
    monkeypatch.setattr(shelf, "claims", lambda: {"slow": made})
    monkeypatch.setattr(full, "ORDER", ("slow",))
    return losses


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "book").mkdir()
    return lambda *words: cli.main(["full", "--folder", "book", *words])


def test_a_claim_that_is_cut_off_goes_on_to_the_same_bits(claim, run, tmp_path, capsys, monkeypatch):
    assert run("--minutes", "0") == 0
    assert capsys.readouterr().out.startswith("slow: put off; an H100 takes about ") and not claim

    slow = full.H100._replace(product=1e9)
    monkeypatch.setattr(full, "H100", slow)
    assert run() == 0 and "slow: put off" in capsys.readouterr().out and not claim

    alarm = full._alarm
    monkeypatch.setattr(full, "_alarm", lambda seconds: alarm(0.0))
    assert run("--parts") == 75
    assert "slow: cut off; the same command goes on" in capsys.readouterr().out and not claim
    assert list(tmp_path.glob("runs/full/slow-full/a/cohort-0/[0-9]*"))
    assert run() == 75 and not claim  # it is begun, and goes on whatever the estimate says

    monkeypatch.setattr(full, "_alarm", alarm)
    assert run() == 0
    (result,) = record.load(tmp_path / "book")
    assert (result["scale"], result["claim"]) == ("full", "slow") and result["device"]
    assert not list(tmp_path.glob("runs/full/*")) and (tmp_path / "book" / "EVIDENCE.md").exists()
    whole = jt.fit(EXPERIMENT, jt.load("digits").subset(100, seed=0), seeds=2, progress=False)
    np.testing.assert_array_equal(claim[0], np.stack([whole.curves["nll"]] * 2))
    capsys.readouterr()
    assert run() == 0 and capsys.readouterr().out == "slow: has a result of this scale.\n" and len(claim) == 1


def test_a_result_is_committed_alone_and_only_when_asked(claim, run, tmp_path):
    def git(*words):
        return subprocess.run(["git", *words], cwd=tmp_path, check=True, capture_output=True, text=True).stdout

    git("init")
    git("config", "user.email", "a@b")
    git("config", "user.name", "a")
    (tmp_path / "mine.txt").write_text("not to be committed")
    git("add", "mine.txt")
    assert run("--commit") == 0
    assert git("log", "--format=%s").startswith("slow at full scale on ")
    assert git("show", "--name-only", "--format=").split() == [
        "book/EVIDENCE.md",
        "book/results/slow-full.json",
        "book/results/slow-full.svg",
    ]


def test_the_estimate_is_a_table_and_runs_nothing(claim, run, capsys):
    assert run("--estimate") == 0
    head, line, *notes = capsys.readouterr().out.splitlines()
    assert head.split()[:2] == ["claim", "rows"] and line.split()[:2] == ["slow", "T056"] and "estimate" in notes[0]
    assert not claim


def test_the_roofline_of_a_fully_connected_network_by_hand():
    data = jt.load("digits").subset(100, seed=0)
    experiment = jt.Experiment(model=jt.MLP(widths=(8,)), optimizer=jt.Optimizer(rule=jt.SGD()), batch_size=16, epochs=1)
    work, seconds = total([Training(experiment, data, restarts=3)], H100)
    steps = len(data.split(0).train) // 16
    forward = 2 * 16 * (64 * 8 + 8 * 10)
    assert work.flops == 3 * steps * (3 * forward - 2 * 16 * 64 * 8)  # the inputs need no gradient
    assert work.products == 5 * steps and seconds == work.products * H100.product


def test_a_recurrent_networks_loop_counts_as_often_as_it_turns():
    data = jt.data.pixels(jt.load("digits").subset(60, seed=0))
    model = jt.RNN(widths=(8,), cell=jt.nn.GRU())
    experiment = jt.Experiment(model=model, optimizer=jt.Optimizer(rule=jt.SGD()), batch_size=16, epochs=1)
    products = Training(experiment, data, 1).work.products
    # One forward and one backward at each of 64 steps; four of the layer and three of the head, which are done for all at once.
    assert products / (len(data.split(0).train) // 16) == 2 * 64 + 7
