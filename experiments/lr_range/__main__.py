"""Whether the interval of a range test holds the best rate of a sweep: `python -m experiments.lr_range`."""

import dataclasses
import json
import math
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import tyro

import jaxtricks as jt
from experiments.lr_range.tasks import TASKS, Task
from experiments.speed.harness import Target
from jaxtricks.engine.layout import set_up
from jaxtricks.report.environment import environment

SWEPT = (100, 101, 102, 103)  # restarts at each of 64 rates, none of which a range test has
SEEDS = {"chosen": 0, "first": 1_000, "second": 2_000}  # the first restart of range tests


@dataclasses.dataclass(frozen=True)
class Found:
    """What came of a task.

    Args:
        name: of the task.
        test: of its range test.
        steps: of the training.
        rate: the suggestion; nan where there is none.
        low: the lower end of its interval.
        high: the upper end.
        best: the best rate of the sweep.
        lost: how much worse the sweep is at the rate next to the suggestion, as a share of its best value.
        error: the standard error of the suggestion over restarts, in octaves.
        alone: the standard deviation of what single restarts suggest, in octaves.
        trouble: why there is no suggestion.
    """

    name: str
    test: str
    steps: int
    rate: float
    low: float
    high: float
    best: float
    lost: float
    error: float
    alone: float
    trouble: str | None

    @property
    def holds(self) -> bool:
        """Whether the interval holds the best rate."""
        return self.low <= self.best <= self.high

    @property
    def off(self) -> float:
        """How far the best rate lies above the suggestion, in octaves."""
        return math.log2(self.best / self.rate)


def found(task: Task, first: int, size: int) -> Found:
    """The range test of a task, and the sweep beside it.

    Args:
        task: the task.
        first: the first restart of the range test.
        size: how many there are.
    """
    test = jt.lr_range(task.experiment, task.data(), seeds=range(first, first + size), sweep=SWEPT, progress=False)
    assert test.sweep is not None
    said, sweep = test.suggestion, test.sweep
    rate, low, high, error = (math.nan,) * 4 if said is None else (said.rate, said.low, said.high, said.error)
    near = int(np.abs(np.log(sweep.rates / rate)).argmin()) if said is not None else 0
    lost = abs(float(sweep.mean[near]) / float(sweep.mean[sweep.rates == sweep.best][0]) - 1) if said is not None else math.nan
    alone = float(np.log2(test.alone).std(ddof=1))
    return Found(task.name, task.test, test.steps, rate, low, high, sweep.best, lost, error, alone, test.trouble)


@dataclasses.dataclass(frozen=True)
class Command:
    """Judges suggested learning rates against sweeps of 64 rates, on 20 tasks.

    Args:
        on: the tasks: "second", 20 that nothing was chosen on; "first", 20 that gave the interval its width; "chosen", 30 that
            the rule was chosen on.
        only: the tasks whose name has this in it.
        restarts: of each range test.
        json: print one JSON object instead of a table.
    """

    on: Literal["second", "first", "chosen"] = "second"
    only: str = ""
    restarts: int = 32
    json: bool = False

    def __call__(self) -> None:
        set_up(self.restarts)
        every = []
        for task in TASKS[self.on]():
            if self.only in task.name:
                every.append(found(task, SEEDS[self.on], self.restarts))
                if not self.json:
                    print(line(every[-1]), flush=True)
        report = summary(every)
        if self.json:
            print(json.dumps({"environment": environment(), **report}))
        else:
            print("\n".join(f"{name}: {value}" for name, value in report.items() if name not in ("tasks", "targets")))
            print(report["targets"])


def line(one: Found) -> str:
    """A task in one line."""
    mark = "inside" if one.holds else one.trouble or "outside"
    return (
        f"{one.name:36} {one.steps:5} steps  {one.rate:8.2g} [{one.low:.2g}, {one.high:.2g}]  best {one.best:8.2g}  "
        f"{one.off:+5.2f} octaves  loses {one.lost:6.1%}  over seeds ± {one.error:.2f}, one run ± {one.alone:.2f}  {mark}"
    )


def summary(every: Sequence[Found]) -> dict[str, Any]:
    """All tasks together: how many intervals hold the best rate, and how far off suggestions are, in octaves."""
    known = [one for one in every if one.trouble is None]
    off = np.array([one.off for one in known])
    inside, asked = sum(one.holds for one in every), 0.9 * len(every)
    return {
        "inside": inside,
        "of": len(every),
        "tests": len({one.test for one in every}),
        "mean_off": float(off.mean()),
        "spread": float(off.std(ddof=1)) if len(off) > 1 else None,
        "median_lost": float(np.median([one.lost for one in known])),
        "over_seeds": float(np.median([one.error for one in known])),
        "one_run": float(np.median([one.alone for one in known])),
        "tasks": [
            {name: _plain(value) for name, value in dataclasses.asdict(one).items()} | {"holds": one.holds} for one in every
        ],
        "targets": [Target("intervals that hold the best rate of the sweep", inside, asked).to_json()],
    }


def _plain(value: Any) -> Any:
    """A value for JSON, which has no nan."""
    return None if isinstance(value, float) and math.isnan(value) else value


if __name__ == "__main__":
    tyro.cli(Command)()
