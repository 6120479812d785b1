"""The command line of the calibration: `python -m experiments.calibration`."""

import dataclasses
import functools
import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal

import tyro
from tqdm.auto import tqdm

import jaxtricks as jt
from experiments.calibration import halves, pages, planted, samples, simulation
from experiments.calibration.noises import PLAIN, UNEVEN, normal
from experiments.record import replace
from jaxtricks.config import ConfigError
from jaxtricks.data import DataError
from jaxtricks.engine.layout import set_up
from jaxtricks.report.environment import environment

Part = Literal["simulation", "power", "halves", "linear", "mlp", "cnn"]


@dataclasses.dataclass(frozen=True)
class Size:
    """How much is run.

    Args:
        repeats: pools of a cell.
        examples: sizes of the pools.
        seeds: members of an arm.
        halves: examples of a pool of the 5×2cv.
        samples: disjoint samples of real data.
        data: the name of the data set that they are of.
        short: whether one pair of each model is run, for one epoch.
    """

    repeats: int
    examples: tuple[int, ...]
    seeds: tuple[int, ...]
    halves: int
    samples: int
    data: str
    short: bool


WHOLE = Size(1_000, (400, 1_000, 3_000, 10_000), (8, 16, 32), 300, samples.SAMPLES, "fashion_mnist", False)
SMOKE = Size(10, (100,), (6,), 100, 3, "digits", True)


@dataclasses.dataclass(frozen=True)
class Calibration:
    """Measures how often verdicts err, and writes results/*.json and CALIBRATION.md.

    Args:
        parts: what is measured; all of it if nothing is named.
        smoke: a few repeats of each, in seconds, for the machinery only.
        folder: where results/ and CALIBRATION.md are written.
    """

    parts: tyro.conf.Positional[tuple[Part, ...]] = ()
    smoke: bool = False
    folder: Path = Path(__file__).parent

    def __call__(self) -> int:
        """Runs, saves each part as soon as it is there, and writes the page of all that there are."""
        size = SMOKE if self.smoke else WHOLE
        for name in self.parts or PARTS:
            where, start = environment(), time.perf_counter()
            rows = PARTS[name](size)
            result = {"part": name, "rows": rows, "seconds": round(time.perf_counter() - start, 1), **where}
            replace(
                self.folder / f"results/{name}.json", json.dumps(result, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
            )
        kept = sorted((self.folder / "results").glob("*.json"))
        replace(self.folder / "CALIBRATION.md", pages.page({path.stem: json.loads(path.read_text("utf-8")) for path in kept}))
        return 0


def _simulation(size: Size) -> list[dict[str, Any]]:
    noises = (*PLAIN, *UNEVEN)
    rows: list[dict[str, Any]] = []
    with tqdm(total=size.repeats * len(size.examples) * len(size.seeds) * len(noises), unit="pool", desc="simulation") as bar:
        for examples in size.examples:
            drawn = list(simulation.pools(examples, max(size.seeds), size.repeats))
            rows += simulation.cells(drawn, examples, size.seeds, noises, bar)
    return [{"repeats": size.repeats, **row} for row in rows]


def _power(size: Size) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    with tqdm(total=size.repeats * len(size.examples) * len(size.seeds), unit="pool", desc="power") as bar:
        for examples in size.examples:
            drawn = list(simulation.pools(examples, max(size.seeds), size.repeats))
            rows += planted.rows(drawn, examples, size.seeds, normal(1), bar)
    return [{"repeats": size.repeats, **row} for row in rows]


def _halves(size: Size) -> list[dict[str, Any]]:
    with tqdm(total=size.repeats * len(halves.BETTER), unit="pool", desc="halves") as bar:
        return [{"repeats": size.repeats, **row} for row in halves.rows(size.halves, size.repeats, bar)]


def _samples(model: str, size: Size) -> list[dict[str, Any]]:
    data = jt.load(size.data)  # the training examples; the test split stays locked
    pairs = samples.PAIRS[model]
    if size.short:
        changes = dict(list(pairs.changes.items())[:1])
        pairs = samples.Pairs(pairs.base.replace({"epochs": 1}), 6, changes)
    with tqdm(total=1 + len(pairs.changes), unit="arm", desc=model) as bar:
        found = list(samples.rows(data, size.samples, pairs, bar))
    return [{"data": size.data, "images": len(data) // size.samples, "model": model, **row} for row in found]


PARTS: dict[str, Callable[[Size], list[dict[str, Any]]]] = {
    "simulation": _simulation,
    "power": _power,
    "halves": _halves,
    **{model: functools.partial(_samples, model) for model in samples.PAIRS},
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Parses and calls; returns 0, or 2 for bad input, which ends in one sentence."""
    command = tyro.cli(
        Calibration,
        prog="python -m experiments.calibration",
        description="How often verdicts err: false alarms, width, power and coverage.",
        args=arguments,
        config=(tyro.conf.FlagCreatePairsOff,),
    )
    try:
        return command()
    except (ConfigError, DataError) as error:
        print(f"experiments.calibration: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    set_up(os.cpu_count() or 1)
    sys.exit(main())
