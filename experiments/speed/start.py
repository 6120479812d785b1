"""What comes before any training: the package's size, the time to import it, and the time to the first word of the command line.

Each time is that of a new process that has been started before, so that files are in memory and compiled. The import is that of
`jaxtricks` and all names of its first page, beyond `import jax` alone; names are loaded when they are first asked for.
`python -m experiments.speed.start --help`.
"""

import dataclasses
import statistics
import subprocess
import sys
import time
from pathlib import Path

import tyro

import jaxtricks
from experiments.speed.harness import Target, device_name, show

EVERYTHING = "import jaxtricks as jt\nfor name in jt.__all__: getattr(jt, name)"
STARTS = {
    "python": "pass",
    "import jax": "import jax",
    "import jax, jaxtricks": "import jax, jaxtricks",
    "import jax, jaxtricks and all names of its first page": f"import jax\n{EVERYTHING}",
    "jaxtricks --help": "from jaxtricks.cli import main; main(['--help'])",
    "jaxtricks --version": "from jaxtricks.cli import main; main(['--version'])",
    "jaxtricks compare --help": "from jaxtricks.cli import main; main(['compare', '--help'])",
}


@dataclasses.dataclass(frozen=True)
class Arguments:
    """Times imports and helps.

    Args:
        rounds: how often each is started, after a first time that does not count; the median counts.
        json: print one JSON object instead of text.
    """

    rounds: int = 5
    json: bool = False


def seconds(code: str) -> float:
    """How long a new Python takes to run a program.

    Args:
        code: the program.
    """
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began


def main() -> None:
    """The command line."""
    arguments = tyro.cli(Arguments, config=(tyro.conf.FlagCreatePairsOff,))
    times: dict[str, list[float]] = {name: [] for name in STARTS}
    for _ in range(1 + arguments.rounds):
        for name, code in STARTS.items():
            times[name].append(seconds(code))
    middle = {name: statistics.median(each[1:]) for name, each in times.items()}
    rows = [{"name": name, "seconds": each} for name, each in middle.items()]
    jax = middle["import jax"]
    bare, whole = (middle[name] - jax for name in list(STARTS)[2:4])
    files = [path for path in Path(jaxtricks.__file__).parent.rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    size = sum(path.stat().st_size for path in files) / 1e6
    targets = [
        Target("import jaxtricks, seconds beyond import jax", bare, 1.0, higher_is_better=False),
        Target("all names of the first page, seconds beyond import jax", whole, 1.0, higher_is_better=False),
        Target("jaxtricks --help, seconds", middle["jaxtricks --help"], 1.0, higher_is_better=False),
        Target("the package's files, MB", size, 5.0, higher_is_better=False),
    ]
    show(device_name(), rows, targets, arguments.json)


if __name__ == "__main__":
    main()
