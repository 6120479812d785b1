"""Two real processes on one machine: what they train, what they leave, and what becomes of one when the other dies."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

WORDS = ["--epochs", "3", "--model.widths", "8", "--seeds", "2", "--json"]
# A long run, which is not to come to its end.
LONG = ["--epochs", "4000", "--model.widths", "8", "--seeds", "2"]


def port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def environment(tmp_path: Path) -> dict[str, str]:
    """As a user has it: without the devices that the suite pretends."""
    kept = {name: value for name, value in os.environ.items() if name not in ("XLA_FLAGS", "JAX_NUM_CPU_DEVICES")}
    return kept | {"XDG_CACHE_HOME": str(tmp_path / "cache")}


def start(words: list[str], folder: Path, tmp_path: Path, where: int = 0, index: int | None = None) -> subprocess.Popen[str]:
    together = (
        []
        if index is None
        else ["--distributed", "--coordinator", f"127.0.0.1:{where}", "--processes", "2", "--process", str(index)]
    )
    command = [sys.executable, "-m", "jaxtricks.cli", *words, *together]
    return subprocess.Popen(
        command, cwd=folder, env=environment(tmp_path), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def pair(words: list[str], folder: Path, tmp_path: Path) -> list[subprocess.Popen[str]]:
    where = port()
    return [start(words, folder, tmp_path, where, index) for index in range(2)]


def results(folder: Path) -> np.ndarray:
    (path,) = (folder / "runs").glob("*/metrics.json")
    arm = json.loads(path.read_text())["arms"][0]
    return np.array([arm["curves"][name] for name in sorted(arm["curves"])])


@pytest.fixture
def folders(tmp_path: Path) -> list[Path]:
    made = [tmp_path / "one", tmp_path / "two"]
    for path in made:
        path.mkdir()
    return made


@pytest.mark.timeout(300)
def test_two_processes_train_what_one_does_and_only_the_first_writes(folders, tmp_path):
    one, two = folders
    alone = start(["run", *WORDS], one, tmp_path)
    assert alone.wait(timeout=120) == 0, alone.stderr.read()
    both = pair(["run", *WORDS], two, tmp_path)
    said = [process.communicate(timeout=120) for process in both]
    assert [process.returncode for process in both] == [0, 0], said
    assert json.loads(said[0][0])["folder"] and not said[1][0]
    np.testing.assert_allclose(results(two), results(one), rtol=1e-5)


@pytest.mark.timeout(300)
def test_one_is_killed_and_the_other_ends_with_a_word_and_one_process_goes_on(folders, tmp_path):
    folder, _ = folders
    first, second = pair(["run", *LONG], folder, tmp_path)
    deadline = time.monotonic() + 90
    while not list(folder.glob("runs/*/checkpoints/cohort-0/[0-9]*")):
        assert time.monotonic() < deadline and first.poll() is None, first.communicate()
        time.sleep(0.2)
    began = time.monotonic()
    second.send_signal(signal.SIGKILL)  # its child ends with it
    _, said = first.communicate(timeout=90)
    assert time.monotonic() - began < 60
    assert first.returncode == 76 and "this process of the run was ended" in said.splitlines()[-1]
    second.communicate()
    (run,) = folder.glob("runs/*")
    alone = start(["resume", str(run)], folder, tmp_path)
    time.sleep(0)
    kept = lambda: max(int(path.name) for path in run.glob("checkpoints/cohort-0/[0-9]*") if re.fullmatch(r"\d+", path.name))  # noqa: E731
    reached = kept()
    while kept() <= reached:
        assert time.monotonic() - began < 200 and alone.poll() is None, alone.communicate()
        time.sleep(0.2)
    alone.send_signal(signal.SIGTERM)
    _, said = alone.communicate(timeout=60)
    assert alone.returncode == 75 and "ended by SIGTERM after epoch" in said
