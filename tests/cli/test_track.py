"""Tracking from the command line: a finished run, one that trains, and what is refused before it trains."""

import json
import sys
import time

import pytest

from jaxtricks import cli
from jaxtricks.cli import tracked, train
from jaxtricks.cli.alone import alone
from jaxtricks.store import folder as folders

WORDS = ["run", "--data", "iris", "--epochs", "2", "--model.widths", "4", "--seeds", "2", "--no-baselines", "--json"]


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.filterwarnings("ignore")  # TensorBoard's own
def test_a_run_is_tracked_while_it_trains_by_a_process_of_its_own(here, capfd):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    cli.main([*WORDS, "--track", "tensorboard"])
    said = capfd.readouterr()
    assert json.loads(said.out)["folder"] == "runs/iris-run-1"
    assert "tensorboard --logdir runs/iris-run-1\n" in said.err and "finished, epoch 2 of 2" in said.err
    places = {path.name: path for path in (here / "runs" / "iris-run-1" / "tensorboard").iterdir()}
    assert set(places) == {"seed-0", "seed-1", "mean", "mean-sd", "mean+sd"}
    events = EventAccumulator(str(places["seed-1"])).Reload().Scalars("nll")
    assert [event.step for event in events] == [1, 2]
    cli.main(["tensorboard", "iris-run-1"])  # as the command was called before
    said = capfd.readouterr()
    assert said.err.startswith("jaxtricks: `tensorboard` is now `track RUN tensorboard`.\n")
    assert said.out.startswith("tensorboard --logdir runs/iris-run-1\n") and "report.html" in said.out


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ([*WORDS, "--track", "wandbb:a"], "track: 'wandbb' is no tracker; did you mean 'wandb'?"),
        ([*WORDS, "--track", "wandb:a"], "track: wandb needs wandb; `pip install jaxtricks[wandb]` installs it."),
        (
            ["compare", "--add-seeds", "2", "a", "--track", "tensorboard"],
            "--track tensorboard is for a new run; with --add-seeds, `jaxtricks track` sends it when it has ended.",
        ),
    ],
)
def test_what_cannot_be_tracked_is_not_trained(words, says, here, capsys, monkeypatch):
    monkeypatch.setattr(train, "fit", lambda *args, **options: pytest.fail("trained"))
    monkeypatch.setitem(sys.modules, "wandb", None)
    with pytest.raises(SystemExit) as stop:
        cli.main(words)
    assert stop.value.code == 2 and capsys.readouterr().err == f"jaxtricks: {says}\n"
    assert not list(here.iterdir())


def test_a_run_that_was_tracked_is_looked_at_without_the_tracker(here, monkeypatch):
    monkeypatch.setitem(sys.modules, "wandb", None)
    training, data = alone(folders.claim(here / "a", "jaxtricks run --data iris --track wandb:a"))
    assert training.track is None and data.name == "iris"


@pytest.mark.parametrize(("word", "seconds"), [("sleep 60", 0.0), ("sleep 0", 60.0)])
def test_a_training_that_ends_badly_waits_for_no_tracker_that_does_not_end(word, seconds, here, monkeypatch):
    (here / "python").write_text(f"#!/bin/sh\nexec {word}\n")
    (here / "python").chmod(0o700)
    monkeypatch.setattr(sys, "executable", str(here / "python"))
    monkeypatch.setattr(tracked, "GRACE", seconds)
    began = time.monotonic()
    with pytest.raises(SystemExit) as stop, tracked.tracked(here, "wandb:a"):
        sys.exit(75)
    assert stop.value.code == 75 and time.monotonic() - began < 20


def test_a_search_has_no_curves_to_track(here, capsys):
    place = folders.claim(here / "found", "jaxtricks search")
    (place / "checkpoints").mkdir()
    (place / "checkpoints" / "search.jsonl").write_text('{}\n{"points": [1], "restarts": [1, 2]}\n')
    with pytest.raises(SystemExit) as stop:
        cli.main(["track", "found", "tensorboard"])
    assert stop.value.code == 2
    assert capsys.readouterr().err == (
        "jaxtricks: found is a search, which has no curves to track; `jaxtricks table found out.csv` has its trials.\n"
    )
