"""Two real processes on one machine: what they train, what they leave, and what becomes of one when the other dies."""

import json
import os
import signal
import socket
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np
import pytest

from jaxtricks.config import ConfigError
from jaxtricks.engine import preemption
from jaxtricks.engine import processes as machines
from jaxtricks.engine.processes import Place

# Some seconds of training in twenty segments, so that there is time to end it early. One device of each of two processes, and two
# of one, run the same program: results are equal to the bit.
WORDS = ["run", "--epochs", "1000", "--model.widths", "8", "--seeds", "4", "--devices", "2", "--json"]
START_S = 120  # what a start may take on a busy machine
pytestmark = pytest.mark.timeout(500)


class Shell:
    """Command lines as users start them, without the devices that the suite pretends.

    Args:
        folder: where they run, process 0 in `folder/0` and so on.
    """

    def __init__(self, folder: Path) -> None:
        self.folder, self._started = folder, []
        hidden = ("XLA_FLAGS", "JAX_NUM_CPU_DEVICES", "JAX_COMPILATION_CACHE_DIR")
        kept = {name: value for name, value in os.environ.items() if name not in hidden}
        self._environment = kept | {"XDG_CACHE_HOME": str(folder / "cache")}

    def start(self, words: list[str], index: int = 0, **variables: str) -> subprocess.Popen[str]:
        where = self.folder / str(index)
        where.mkdir(exist_ok=True)
        process = subprocess.Popen(
            [sys.executable, "-m", "jaxtricks.cli", *words],
            cwd=where,
            env=self._environment | variables,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._started.append(process)
        return process

    def pair(self, words: list[str]) -> list[subprocess.Popen[str]]:
        """Both processes, told who they are by flags and by the environment."""
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            address = f"127.0.0.1:{free.getsockname()[1]}"
        flags = ["--distributed", "--coordinator", address, "--processes", "2", "--process", "0"]
        told = {"JAXTRICKS_COORDINATOR": address, "JAXTRICKS_PROCESSES": "2", "JAXTRICKS_PROCESS": "1"}
        return [self.start([*words, *flags]), self.start([*words, "--distributed"], 1, **told)]

    def close(self) -> None:
        for process in self._started:
            process.kill()  # and with it the process that it watches over
            process.communicate()


@pytest.fixture(scope="module")
def shell(tmp_path_factory) -> Iterator[Shell]:
    shell = Shell(tmp_path_factory.mktemp("machines"))
    yield shell
    shell.close()


class Ended(NamedTuple):
    code: int
    out: str
    errors: str

    @property
    def said(self) -> str:
        return (self.errors.splitlines() or [""])[-1]


def ended(process: subprocess.Popen[str], seconds: float = START_S + 60) -> Ended:
    out, errors = process.communicate(timeout=seconds)
    return Ended(process.returncode, out, errors)


def until(happened: Callable[[], bool], *going: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + START_S
    while not happened():
        assert time.monotonic() < deadline and all(process.poll() is None for process in going), [
            (process.kill(), process.communicate()) for process in going
        ]
        time.sleep(0.05)


def newest(run: Path) -> int:
    return max((int(path.name) for path in run.glob("checkpoints/cohort-0/[0-9]*")), default=0)


def curves(run: Path) -> dict[str, np.ndarray]:
    arm = json.loads((run / "metrics.json").read_text())["arms"][0]
    return {name: np.array(curve) for name, curve in arm["curves"].items()}


@pytest.fixture(scope="module")
def whole(shell) -> dict[str, np.ndarray]:
    """What one process trains without a break."""
    alone = ended(shell.start([*WORDS, "--out", "alone"]))
    assert alone.code == 0, alone
    return curves(shell.folder / "0" / "alone")


def assert_same(run: Path, whole: dict[str, np.ndarray]) -> None:
    found = curves(run)
    assert found.keys() == whole.keys() and found["nll"].shape == (4, 1000)
    for name, values in whole.items():
        np.testing.assert_array_equal(found[name], values, err_msg=name)


def test_two_processes_train_what_one_does_and_only_the_first_writes(shell, whole):
    first, second = (ended(process) for process in shell.pair([*WORDS, "--out", "together"]))
    assert (first.code, second.code) == (0, 0), (first, second)
    assert json.loads(first.out)["folder"] == "together" and not second.out
    assert not list((shell.folder / "1").iterdir())
    assert_same(shell.folder / "0" / "together", whole)


def test_two_are_asked_to_end_one_of_two_is_killed_and_one_goes_on_to_the_same_bits(shell, whole):
    run = shell.folder / "0" / "broken"

    going = shell.pair([*WORDS, "--out", "broken"])
    until(lambda: newest(run) > 0, *going)
    going[1].terminate()  # what one is asked all do
    first, second = (ended(process) for process in going)
    assert (first.code, second.code) == (75, 75), (first, second)
    reached = newest(run)
    assert first.said == f"jaxtricks: ended by SIGTERM after epoch {reached} of 1000. `jaxtricks resume broken` goes on."

    going = shell.pair(["resume", str(run)])
    until(lambda: newest(run) > reached, *going)
    (child,) = Path(f"/proc/{going[1].pid}/task/{going[1].pid}/children").read_text().split()
    os.kill(int(child), signal.SIGKILL)
    began = time.monotonic()
    second, first = ended(going[1]), ended(going[0])
    assert time.monotonic() - began < 60
    assert (first.code, second.code) == (76, 76), (first, second)
    assert first.said.startswith("jaxtricks: this process of the run was ended, since another one has died"), first
    assert second.said.startswith("jaxtricks: this process of the run was killed (SIGKILL)."), second
    assert reached < newest(run) < 1000

    alone = ended(shell.start(["resume", str(run)]))
    assert alone.code == 0, alone
    assert_same(run, whole)


def test_a_process_ends_with_the_parent_that_watches_over_it(shell):
    """Nobody would hear of it any more, and it would hold its devices."""
    process = shell.start([*WORDS, "--distributed", "--coordinator", "127.0.0.1:9", "--processes", "2", "--process", "1"])
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    until(lambda: bool(children.read_text().split()), process)
    (child,) = children.read_text().split()
    process.kill()
    until(lambda: not Path(f"/proc/{child}/cmdline").exists() or not Path(f"/proc/{child}/cmdline").read_bytes())


FLAGS = {"coordinator": "host:1234", "processes": 2, "process": 1}
VARIABLES = {"JAXTRICKS_COORDINATOR": "host:1234", "JAXTRICKS_PROCESSES": "2", "JAXTRICKS_PROCESS": "1"}


def test_a_process_that_is_silent_for_half_a_minute_counts_as_lost(monkeypatch):
    given: dict[str, Any] = {}
    monkeypatch.setattr(jax.distributed, "initialize", lambda *place, **options: given.update(options, place=place))
    monkeypatch.setattr(preemption, "listen", lambda: None)
    machines.join(Place(**FLAGS))
    assert given["place"] == ("host:1234", 2, 1) and given["heartbeat_timeout_seconds"] <= 30


class TestPlace:
    def test_flags_come_before_the_environment_and_neither_leaves_it_to_jax(self):
        place = Place(**FLAGS)
        assert place.found({}) == Place().found(VARIABLES) == place
        assert Place(process=0).found(VARIABLES) == place._replace(process=0)
        assert Place().found({}) == Place() == (None, None, None)

    @pytest.mark.parametrize(
        ("flags", "variables", "message"),
        [
            ({"process": 1}, {}, r"^--coordinator is missing: --coordinator, --processes and --process go together, by flag"),
            (FLAGS | {"process": None}, {}, r"^--process is missing: "),
            (FLAGS | {"process": 2}, {}, r"^--process 2 is not one of 0 to 1, as --processes says\.$"),
            (FLAGS | {"process": -1}, {}, r"^--process -1 is not one of 0 to 1"),
            (FLAGS | {"processes": 0}, {}, r"^--processes 0 is not an integer >= 1\.$"),
            (FLAGS | {"coordinator": "host"}, {}, r"^--coordinator 'host' is not host:port, such as 10\.0\.0\.5:1234\.$"),
            (FLAGS | {"coordinator": "host:99999"}, {}, r"^--coordinator 'host:99999' is not host:port"),
            ({}, VARIABLES | {"JAXTRICKS_PROCESS": "one"}, r"^\$JAXTRICKS_PROCESS = 'one' is not an integer >= 0\.$"),
            ({}, VARIABLES | {"JAXTRICKS_PROCESS": "2"}, r"^--process 2 is not one of 0 to 1"),
        ],
    )
    def test_what_does_not_go_together(self, flags, variables, message):
        with pytest.raises(ConfigError, match=message):
            Place(**flags).found(variables)


FITS = """
    import sys, jax, numpy as np
    processes, process, address, out = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4]
    jax.config.update("jax_num_cpu_devices", 4 // processes)
    if processes > 1:
        jax.distributed.initialize(address, num_processes=processes, process_id=process)
    import jaxtricks as jt
    from jaxtricks.engine import layout
    layout.WINDOW = 20_000
    data = jt.load("digits").subset(200, 0)
    experiment = jt.Experiment(model=jt.MLP(widths=(256,), dropout=0.2, normalization="batch"), batch_size=32, epochs=2)
    found = []
    shared = dict(split=0, vary=("weights", "masks"))
    for place, how in (
        (dict(runs=2, data=2, stream=True), {}),
        (dict(runs=4, stream=True), shared),
        (dict(data=2, model=2), {}),
        (dict(runs=4, width=1, memory=0.0016), {}),
    ):
        runs = jt.fit(experiment, data, seeds=jt.Seeds(6, **how), layout=jt.Layout(**place), progress=False)
        found += [*runs.curves.values(), *runs.evaluate("train").values(), *jax.tree.leaves(runs.variables)]
    np.savez(out, *found)
"""


def paired(script: str, files: dict[tuple[str, str], Path]) -> None:
    """Runs a script in two processes that train together and in one; each is told how many, which of them it is, and its file."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    program = textwrap.dedent(script)
    alone, *both = [[sys.executable, "-c", program, *who, address, str(file)] for who, file in files.items()]
    pair = [subprocess.Popen(each, stdout=subprocess.DEVNULL) for each in both]
    assert [process.wait(timeout=300) for process in pair] == [0, 0]
    subprocess.run(alone, check=True, timeout=300)


def test_windows_and_wide_layers_are_shared_by_processes_as_by_devices(tmp_path):
    files = {who: tmp_path / f"{'-'.join(who)}.npz" for who in (("1", "0"), ("2", "0"), ("2", "1"))}
    paired(FITS, files)
    alone, *each = (np.load(file) for file in files.values())
    for found in each:
        for name in alone.files:
            np.testing.assert_array_equal(found[name], alone[name])


REPLAYS = """
    import json, sys, jax
    from pathlib import Path
    processes, process, address, out = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], Path(sys.argv[4])
    jax.config.update("jax_num_cpu_devices", 4 // processes)
    if processes > 1:
        jax.distributed.initialize(address, num_processes=processes, process_id=process)
    import jaxtricks as jt
    from experiments.doctor import addresses
    data, planted = addresses.examples(), addresses.Planted("log of zero", layer=1, example=5, epoch=1)
    ill, well = (addresses.experiment(planted._replace(epoch=epoch)) for epoch in (1, 99))
    folder = out.parent / f"kept-{processes}"
    fine, lost = jt.fit([well, ill], data, seeds=2, checkpoints=jt.Checkpoints(folder), layout=jt.Layout(runs=4), progress=False)
    assert fine.alive.all() and not lost.alive.any()
    found = [jt.replay(lost, member=1), jt.replay(folder, data, experiment=1, member=1)]
    if processes == 1:
        found.append(jt.replay(folder.with_name("kept-2"), data, experiment=1, member=1))
    out.write_text(json.dumps([each.to_dict() for each in found]))
"""


def test_a_value_that_two_processes_met_has_the_address_that_one_finds(tmp_path):
    """Replayed by both of them, from memory and from their checkpoints, and from these by one process alone."""
    files = {who: tmp_path / f"{'-'.join(who)}.json" for who in (("1", "0"), ("2", "0"), ("2", "1"))}
    paired(REPLAYS, files)
    alone, first, second = (json.loads(file.read_text()) for file in files.values())
    assert first == second == alone[:2] and alone[2] == alone[1]
    address = alone[0]["address"]
    assert (address["layer"], address["operation"], alone[0]["step"] // 6) == ("hidden_1", "log", 1)
    assert [each["since"] for each in alone] == ["the start", *["the checkpoint after epoch 1"] * 2]
