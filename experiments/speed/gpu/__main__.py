"""The command line: programs are compiled side by side, then pieces are timed one by one, as long as there is time."""

import dataclasses
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Literal

import tyro
from tqdm.auto import tqdm

from experiments.speed.gpu.figures import table
from experiments.speed.gpu.pieces import MODULE, PIECES, Piece
from experiments.speed.gpu.work import SCALES
from experiments.speed.harness import alone, device_name, show

LONGEST = 60.0  # seconds that one piece may take
REPETITIONS = 2  # timed; the faster one counts


@dataclasses.dataclass(frozen=True)
class Arguments:
    """Times whole fits on one GPU beside PyTorch.

    Args:
        device: "cpu" only tries the benchmark out.
        scale: "tiny" only tries it out.
        minutes: for all; what does not fit into them is named as not measured.
        only: parts of the names of the pieces to measure; all by default.
        json: print one JSON object instead of text.
    """

    device: Literal["cuda", "cpu"] = "cuda"
    scale: Literal["full", "tiny"] = "full"
    minutes: float = 6.0
    only: tuple[str, ...] = ()
    json: bool = False


def there_is_a_gpu() -> bool:
    """Whether JAX finds one; asked in another process, since one that has asked keeps the device's memory."""
    code = "import jax; print(jax.default_backend())"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    return found.stdout.strip() in ("gpu", "cuda", "rocm")


def measured(wanted: list[Piece], scale: str, environment: dict[str, str], deadline: float) -> tuple[Any, dict[Piece, str]]:
    """The faster repetition's figures of each piece, and why others have none."""

    def left() -> float:
        return deadline - time.monotonic()

    def run(piece: Piece, repetitions: int, seconds: float) -> list[dict[str, Any]]:
        return alone(MODULE, piece.contestant, piece.arguments(scale), environment, repetitions, seconds)

    def compile(piece: Piece) -> None:
        try:
            run(piece, 0, left() / 2)
        except RuntimeError:
            return  # said when it is timed

    with ThreadPoolExecutor(max_workers=os.cpu_count()) as workers:
        list(workers.map(compile, [piece for piece in wanted if piece.compiles]))
    figures, missing = {}, {}
    for piece in tqdm(wanted, desc="pieces"):
        if left() <= 0:
            missing[piece] = "no time was left"
            continue
        try:
            figures[piece] = min(run(piece, REPETITIONS, min(LONGEST, left())), key=lambda found: found["seconds"])
        except RuntimeError as error:
            missing[piece] = str(error)
    return figures, missing


def main() -> None:
    """The command line."""
    arguments = tyro.cli(Arguments, config=(tyro.conf.FlagCreatePairsOff,))
    deadline = time.monotonic() + 60 * arguments.minutes
    if arguments.device == "cuda" and not there_is_a_gpu():
        sentence = "There is no GPU here, so nothing is measured; --device cpu --scale tiny tries the benchmark out."
        show(device_name(), [], [], arguments.json, [sentence])
        return
    environment = {"XLA_PYTHON_CLIENT_PREALLOCATE": "false", "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0"}
    if "JAX_COMPILATION_CACHE_DIR" not in os.environ:
        from jaxtricks.data.cache import cache_dir

        environment["JAX_COMPILATION_CACHE_DIR"] = str(cache_dir() / "xla")
    if arguments.device == "cpu":
        environment |= {"JAX_PLATFORMS": "cpu", "CUDA_VISIBLE_DEVICES": ""}
    wanted = [piece for piece in PIECES if not arguments.only or any(part in piece.name for part in arguments.only)]
    figures, missing = measured(wanted, arguments.scale, environment, deadline)
    rows, targets, unmeasured = table(figures, missing, SCALES[arguments.scale])
    show(device_name(), rows, targets, arguments.json, unmeasured)


if __name__ == "__main__":
    main()
