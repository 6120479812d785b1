"""Shared searches of networks: the bits of one alone, programs that are compiled once, and processes of the command line."""

import collections
import json
import os
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import jax
import pytest

import jaxtricks as jt
from jaxtricks import cli
from jaxtricks.engine import preemption
from jaxtricks.search import Certainty, SharedFolder, SharedStorage, runner
from jaxtricks.search.journal import JOURNAL

RATE = "optimizer.rule.learning_rate"
BASE = jt.Experiment(model=jt.MLP(widths=(4,)), batch_size=16, epochs=2)
SPACE = {RATE: "log:1e-3:1", "model.activation": "relu,tanh"}
HOW = {"strategy": "random", "budget": 6, "seeds": 2, "batch": 4, "certainty": Certainty(fresh=4), "layout": jt.Layout(runs=1)}
FEW = HOW | {"progress": False}


def known(search):
    """All that a search knows but for how long it took."""
    return {name: value for name, value in search.to_dict().items() if name not in ("seconds", "compiling")}


@pytest.fixture(scope="module")
def alone(blobs):
    return jt.search(BASE, SPACE, blobs, **FEW)


def test_shared_it_has_the_bits_of_one_alone_where_programs_have_one_size(blobs, alone, tmp_path, compiled):
    """Half of the points of a batch have another structure, so that programs hold one trial each in any case."""
    found = jt.search(BASE, SPACE, blobs, **FEW, share=tmp_path / "shared", folder=tmp_path / "own")
    assert known(found) == known(alone)
    assert collections.Counter(compiled)["jit(advance)"] <= found.programs
    again = jt.search(BASE, SPACE, blobs, **FEW, share=SharedFolder(tmp_path / "shared"))
    assert again.to_dict() == found.to_dict()  # seconds, too
    assert [path.name for path in (tmp_path / "own").iterdir()] == [JOURNAL]


def test_through_a_storage_it_has_the_same(blobs, alone, tmp_path):
    pytest.importorskip("optuna")
    storage = SharedStorage(f"journal:{tmp_path}/search.log")
    assert known(jt.search(BASE, SPACE, blobs, **FEW, share=storage)) == known(alone)


def test_a_batch_that_a_scheme_trains_is_one_job(blobs, tmp_path):
    options = FEW | {"scheme": jt.search.Halving(eta=2), "batch": 4, "budget": 8}
    single = jt.search(BASE, {RATE: "log:1e-3:1"}, blobs, **options)
    shared = jt.search(BASE, {RATE: "log:1e-3:1"}, blobs, **options, share=tmp_path)
    assert [each.batch for each in shared.course.judged] == [each.batch for each in single.course.judged]
    assert [len(list(tmp_path.glob(f"batch-0000{number}/job-*.json"))) for number in (0, 1)] == [1, 1]


def test_asked_to_end_it_leaves_what_it_has_not_begun_to_others(blobs, alone, tmp_path, monkeypatch):
    train, trained = runner.metric_of, []
    with monkeypatch.context() as patch:
        patch.setattr(runner, "metric_of", lambda *args, **options: trained.append(1) or train(*args, **options))
        patch.setattr(preemption, "asked", lambda: len(trained) == 2)
        with pytest.raises(preemption.Preempted, match=r"^ended by SIGTERM after 0 batches\.$"):
            jt.search(BASE, SPACE, blobs, **FEW, share=tmp_path)
    assert len(trained) == 2 and known(jt.search(BASE, SPACE, blobs, **FEW, share=tmp_path)) == known(alone)


@pytest.mark.parametrize("change", [{"seeds": 3}, {"budget": 7}])
def test_another_search_is_refused_before_anything_compiles(blobs, alone, tmp_path, compiled, change):
    jt.search(BASE, SPACE, blobs, **FEW, share=tmp_path / "shared")
    compiled.clear()
    with pytest.raises(jt.CheckpointError, match=r"shared holds another search: here .*; name another folder\.$"):
        jt.search(BASE, SPACE, blobs, **FEW | change, share=tmp_path / "shared", folder=tmp_path / "own")
    assert not compiled and not (tmp_path / "own").exists()


WORDS = shlex.split(
    "search --data digits --model.widths 4 --epochs 1 --batch-size 256 --space learning_rate=log:1e-3:1 --strategy sobol "
    "--trials 8 --seeds 2 --batch 8 --fresh-seeds 2 --devices 1 --json"
)


@pytest.mark.timeout(600)
def test_two_processes_of_the_command_line_one_of_them_killed(tmp_path, monkeypatch, capsys):
    """Both do the same command; the one that goes on takes over what the killed one had begun, and resumed that one agrees."""
    kept = {"JAX_COMPILATION_CACHE_DIR": jax.config.jax_compilation_cache_dir, "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0"}
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("jaxtricks.cli.flags.set_up", lambda members: None)

    def start(out):
        line = [sys.executable, "-m", "jaxtricks.cli", *WORDS, "--share", "shared", "--lease", "4", "--out", out]
        return subprocess.Popen(line, env=os.environ | kept, stdout=subprocess.PIPE)

    def here(*words):
        cli.main(words)
        return json.loads(capsys.readouterr().out)

    victim, other = start("victim"), start("other")
    held = f"{os.uname().nodename} {victim.pid}\n"
    while other.poll() is None and held not in {path.read_text() for path in Path("shared").rglob("*.claim-*")}:
        time.sleep(0.02)
    victim.send_signal(signal.SIGKILL)
    victim.communicate()
    told, resumed = json.loads(other.communicate()[0]), here("resume", "victim")
    alone = here(*WORDS, "--share", "shared-by-one", "--out", "alone")
    times = ("folder", "seconds", "compiling")
    assert [told[name] for name in told if name not in times] == [alone[name] for name in alone if name not in times]
    assert resumed | {"folder": ""} == told | {"folder": ""}
    assert Path("other/search.csv").read_bytes() == Path("alone/search.csv").read_bytes()


class TestCommand:
    @pytest.fixture(autouse=True)
    def here(self, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr("jaxtricks.cli.flags.set_up", lambda members: None)
        return tmp_path

    @pytest.mark.parametrize(
        ("words", "says"),
        [
            (
                ["--share", "a", "--storage", "sqlite:///b"],
                "--share a and --storage sqlite:///b are two places to meet; one",
            ),
            (["--share", "a", "--lease", "0"], "SharedFolder.lease = 0.0 is not a number of seconds > 0."),
            (["--storage", "journal:no/such.log"], "storage = 'journal:no/such.log' cannot be used: [Errno 2]"),
            (["--storge", "a"], "there is no flag --storge; did you mean '--storage'?"),
        ],
    )
    def test_it_refuses_in_one_sentence_and_leaves_nothing(self, here, capsys, words, says):
        with pytest.raises(SystemExit) as stop:
            cli.main([*WORDS, *words])
        said = capsys.readouterr().err
        assert stop.value.code == 2 and said.count("\n") == 1 and says in said and not list(here.iterdir())
