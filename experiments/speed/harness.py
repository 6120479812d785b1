"""What all benchmarks share: workers that take turns in one process tree, a table, and targets.

A benchmark is a module with `CONTESTANTS`: name → a function that sets up and returns a function to be timed. Every contestant
lives in a process of its own, with its own environment and threads, and does nothing while another one runs.
"""

import dataclasses
import importlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

Timed = Callable[[], dict[str, Any]]


@dataclasses.dataclass(frozen=True)
class Target:
    """A figure to reach.

    Args:
        name: what is measured.
        value: what was measured.
        target: what was to be reached.
        higher_is_better: the direction.
    """

    name: str
    value: float
    target: float
    higher_is_better: bool = True

    @property
    def met(self) -> bool:
        """Whether the figure was reached."""
        return self.value >= self.target if self.higher_is_better else self.value <= self.target

    def to_json(self) -> dict[str, Any]:
        """Name, value, target, met."""
        return {"name": self.name, "value": round(self.value, 3), "target": self.target, "met": self.met}


class Worker:
    """One contestant in a process of its own, which runs when told to.

    Args:
        module: where it is found.
        name: which one of the module's contestants.
        arguments: what it is called with.
        environment: variables of the process's own.
        folder: where the process starts, and so which copy of the project it imports; None for here.
    """

    def __init__(
        self,
        module: str,
        name: str,
        arguments: Mapping[str, Any],
        environment: Mapping[str, str],
        folder: Path | None = None,
    ) -> None:
        command = [sys.executable, "-m", "experiments.speed.harness", module, name, json.dumps(dict(arguments))]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env={**os.environ, **environment}, cwd=folder
        )
        self.ready()

    def ready(self) -> dict[str, Any]:
        """Waits for the worker's next line.

        Raises:
            RuntimeError: if the worker died.
        """
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"the worker {self.process.args!r} died")
        return json.loads(line)

    def go(self) -> dict[str, Any]:
        """One timed repetition: its own figures and "seconds"."""
        assert self.process.stdin is not None
        self.process.stdin.write("go\n")
        self.process.stdin.flush()
        return self.ready()

    def stop(self) -> None:
        """Ends the process."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait(timeout=30)


def alone(
    module: str, name: str, arguments: Mapping[str, Any], environment: Mapping[str, str], repetitions: int, seconds: float
) -> list[dict[str, Any]]:
    """The figures of each repetition of one contestant, in a process that ends with it.

    Args:
        module: where it is found.
        name: which one of the module's contestants.
        arguments: what it is called with.
        environment: variables of the process's own.
        repetitions: how often it is timed; 0 only sets it up.
        seconds: after which the process is ended.

    Raises:
        RuntimeError: with the last line that the process printed, if it died or was ended.
    """
    command = [sys.executable, "-m", "experiments.speed.harness", module, name, json.dumps(dict(arguments))]
    process = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **environment},
    )
    try:
        answers, printed = process.communicate("go\n" * repetitions, timeout=seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        raise RuntimeError(f"more than {seconds:.0f} s") from None
    if process.returncode:
        raise RuntimeError((printed.strip() or f"exit code {process.returncode}").splitlines()[-1])
    return [json.loads(line) for line in answers.splitlines()[1:]]


def serve(contestant: Callable[..., Timed], arguments: Mapping[str, Any]) -> None:
    """The worker's side: set up, then one repetition for each line on the standard input."""
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever a library prints must not end up among the answers
    timed = contestant(**arguments)
    print(json.dumps({"ready": True}), file=out, flush=True)
    for _ in sys.stdin:
        began = time.perf_counter()
        figures = timed()
        print(json.dumps({"seconds": time.perf_counter() - began} | figures), file=out, flush=True)


def show(device: str, rows: list[dict[str, Any]], targets: list[Target], as_json: bool, unmeasured: Sequence[str] = ()) -> None:
    """Prints the benchmark's outcome, as text or as the one JSON object that programs read.

    Args:
        device: what it ran on.
        rows: the table; a row that nothing was measured for has no "seconds".
        targets: figures to reach.
        as_json: whether programs read it.
        unmeasured: sentences about what could not be measured here.
    """
    if as_json:
        outcome: dict[str, Any] = {"device": device, "rows": rows, "targets": [t.to_json() for t in targets]}
        print(json.dumps(outcome | ({"unmeasured": list(unmeasured)} if unmeasured else {})))
        return
    print(device)
    width = max((len(row["name"]) for row in rows), default=0)
    for row in rows:
        more = "  ".join(
            f"{k} {v:.3g}" if isinstance(v, float) else f"{k} {v}" for k, v in row.items() if k not in ("name", "seconds")
        )
        seconds = f"{row['seconds']:8.2f} s" if "seconds" in row else " " * 10
        print(f"{row['name']:{width}}  {seconds}  {more}")
    for target in targets:
        sign = ">=" if target.higher_is_better else "<="
        print(f"{'met  ' if target.met else 'SHORT'}  {target.name}: {target.value:.2f} (to reach: {sign} {target.target:g})")
    for sentence in unmeasured:
        print(sentence)


def device_name() -> str:
    """Processor, cores and, where there is one, the accelerator, as JAX names them."""
    code = "import jax; d = jax.devices()[0]; print(d.device_kind if d.platform != 'cpu' else '')"
    kind = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()
    model = "CPU"
    if os.path.exists("/proc/cpuinfo"):
        with open("/proc/cpuinfo") as file:
            model = next((line.split(":", 1)[1].strip() for line in file if line.startswith("model name")), model)
    return (f"{kind}, " if kind else "") + f"{model}, {os.cpu_count()} cores"


if __name__ == "__main__":
    module, name, arguments = sys.argv[1:]
    serve(importlib.import_module(module).CONTESTANTS[name], json.loads(arguments))
