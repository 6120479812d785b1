"""What it costs to watch every step of every restart for values that are not finite: `python -m experiments.speed.divergence`.

The program of a fit, as it is, against the same program without the watch: no check of loss, gradient and metrics, and no way
back to the last finite state. Both are compiled in one process and take turns.
"""

import contextlib
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import jax
import jax.numpy as jnp
import numpy as np
import tyro

import jaxtricks as jt
from jaxtricks.engine import resident
from jaxtricks.engine.cohort import planned_for, rows_of
from jaxtricks.engine.layout import Layout
from jaxtricks.engine.orders import orders_of
from jaxtricks.engine.plan import Members
from jaxtricks.engine.processes import placed
from jaxtricks.report.environment import environment
from jaxtricks.restart import epoch as epochs
from jaxtricks.restart.member import Pool
from jaxtricks.train.cohorts import readied

RESULT = Path(__file__).parents[1] / "results" / "speed" / "divergence.json"


@dataclass(frozen=True)
class Arguments:
    """How it is run.

    Args:
        restarts: in the program.
        epochs: of a segment, each of 22 steps.
        turns: of each program.
        keep: write the result.
    """

    restarts: int = 8
    epochs: int = 4
    turns: int = 15
    keep: bool = False


@contextlib.contextmanager
def unwatched() -> Iterator[None]:
    """Within it programs are traced without the watch."""
    update, close, yes = epochs.update, epochs.close, jnp.bool_(True)

    def step(experiment: Any, member: Any, state: Any, batch: Any) -> Any:
        new, info = update(experiment, member, state, batch)
        return new._replace(alive=state.alive, step=state.step + 1), info

    def end(experiment: Any, member: Any, shared: Any, progress: Any, window: Any) -> Any:
        before, state = (each._replace(alive=yes) for each in (progress.before, progress.state))
        return close(experiment, member, shared, progress._replace(before=before, state=state), window)

    phases = (*epochs.EPOCH[:-1], epochs.EPOCH[-1]._replace(run=end))
    with (
        mock.patch.object(epochs, "update", step),
        mock.patch.object(epochs, "EPOCH", phases),
        mock.patch.object(jt.Experiment, "sound", return_value=yes),
    ):
        yield


def measure(arguments: Arguments) -> dict[str, Any]:
    """The seconds of each turn of both programs, and the watch's share of the time."""
    experiment, digits = jt.Experiment(model=jt.MLP(widths=(128, 128)), batch_size=64, epochs=arguments.epochs), jt.load("digits")
    _, (cohort,) = readied([experiment], digits, jt.Seeds(arguments.restarts).sampling(digits), None)
    planned = planned_for(cohort, Pool.on_host(digits), Layout(runs=1), arguments.epochs)
    plan, rows = planned.plan, planned.batches(np.arange(planned.size))[0][1]
    members, data = Members.placed(rows_of(planned.population, rows), plan), placed(planned.data, plan.shared)
    orders = orders_of(members.order, data, 0, plan.epochs, plan)
    given = members.training, resident.start(members, {}, data, orders, plan), None, data, orders

    def compiled() -> Any:
        # A function of its own, or JAX would find what it traced before.
        return jax.jit(lambda *arrays: resident.advance.__wrapped__(*arrays, plan=plan)).lower(*given).compile()  # type: ignore[attr-defined]

    watched = compiled()
    with unwatched():
        bare = compiled()
    same = jax.tree.map(np.array_equal, watched(*given)[0].params, bare(*given)[0].params)
    programs: dict[str, Any] = {"watched": watched, "bare": bare}
    seconds: dict[str, list[float]] = {name: [] for name in programs}
    for turn in range(arguments.turns):
        for name, run in sorted(programs.items(), reverse=bool(turn % 2)):
            seconds[name].append(_timed(run, given))
    fastest = {name: min(each) for name, each in seconds.items()}
    middle = {name: float(np.median(each)) for name, each in seconds.items()}
    return {
        "seconds": seconds,
        "share_of_the_fastest": 1 - fastest["bare"] / fastest["watched"],
        "share_of_the_median": 1 - middle["bare"] / middle["watched"],
        "same_weights": all(jax.tree.leaves(same)),
    }


def _timed(run: Any, given: Any) -> float:
    began = time.process_time()  # of all threads: other processes take turns on the cores
    jax.block_until_ready(run(*given))
    return time.process_time() - began


def main(arguments: Arguments) -> None:
    """Measures, and prints the watch's share of the time."""
    where = environment()
    found = measure(arguments)
    print(
        f"the watch takes {found['share_of_the_fastest']:.1%} of the time by the fastest of {arguments.turns} turns, "
        f"{found['share_of_the_median']:.1%} by the median; same weights: {found['same_weights']}"
    )
    if arguments.keep:
        RESULT.parent.mkdir(parents=True, exist_ok=True)
        RESULT.write_text(json.dumps({"environment": where, **found}, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(tyro.cli(Arguments))
