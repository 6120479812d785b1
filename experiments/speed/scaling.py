"""Restarts of one small network from one to hundreds: the time of each, and the memory of all.

The digits MLP of 2×128, batch 64, AdamW, 20 epochs, programs compiled beforehand; each number in a process of its own.
Memory is what the program of a segment plans with on one device, by XLA's account, and the peak of the whole process (the
device's own peak, where it counts one). `python -m experiments.speed.scaling --memory 0.02` bounds the former: restarts then
take turns on the device, with the same result.
"""

import dataclasses
import statistics
from typing import Any

import tyro
from tqdm.auto import tqdm

from experiments.speed.harness import Target, Timed, Worker, device_name, show

WIDTH, BATCH, EPOCHS = 128, 64, 20
MODULE = "experiments.speed.scaling"


def fitting(restarts: int, memory: float | None) -> Timed:
    """The engine, as a user calls it."""
    from jaxtricks.engine.layout import set_up

    set_up(restarts)
    import resource

    import jax

    import jaxtricks as jt
    from jaxtricks.engine import layout as placement

    planned: list[float] = []
    fits = placement.fits

    def noted(compiled: jax.stages.Compiled, limit: float) -> bool:
        account = compiled.memory_analysis()
        if account is not None:
            planned.append(account.temp_size_in_bytes + account.argument_size_in_bytes)
        return fits(compiled, limit)

    placement.fits = noted
    data = jt.load("digits")
    experiment = jt.Experiment(
        model=jt.MLP(widths=(WIDTH, WIDTH)),
        optimizer=jt.Optimizer(rule=jt.AdamW(weight_decay=jt.optim.Decoupled(rate=1e-4))),
        batch_size=BATCH,
        epochs=EPOCHS,
    )

    def timed() -> dict[str, Any]:
        runs = jt.fit(experiment, data, seeds=restarts, layout=jt.Layout(memory=memory), progress=False)
        stats = jax.local_devices()[0].memory_stats() or {}
        peak = stats.get("peak_bytes_in_use", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)
        return {"accuracy": float(runs.metrics["accuracy"].mean()), "planned_MB": planned[-1] / 1e6, "peak_MB": peak / 1e6}

    timed()  # compiled here, outside the timing
    return timed


CONTESTANTS = {"restarts": fitting}


@dataclasses.dataclass(frozen=True)
class Arguments:
    """Times 1, 2, 4 … restarts of one small network.

    Args:
        most: the largest number of restarts.
        memory: GB that a program may plan with on one device; by default a share of what it has.
        rounds: how often every number takes its turn; the median counts.
        json: print one JSON object instead of text.
    """

    most: int = 256
    memory: float | None = None
    rounds: int = 3
    json: bool = False


def measure(most: int, memory: float | None, rounds: int) -> tuple[list[dict[str, Any]], list[Target]]:
    """Rows and targets of one run of the benchmark."""
    numbers = [2**power for power in range(most.bit_length())]
    rows = []
    for number in tqdm(numbers, desc="restarts"):
        worker = Worker(MODULE, "restarts", {"restarts": number, "memory": memory}, {})
        figures = [worker.go() for _ in range(rounds)]
        worker.stop()
        seconds = statistics.median(figure["seconds"] for figure in figures)
        each = {"ms_a_restart": 1000 * seconds / number, "ratio": 0.0}
        rows.append({"name": f"{number}", "seconds": seconds} | each | {k: v for k, v in figures[-1].items() if k != "seconds"})
    best = min(row["ms_a_restart"] for row in rows)
    for row in rows:
        row["ratio"] = row["ms_a_restart"] / best
    full = next(row for row in rows if row["ratio"] <= 1.25)
    after = [row["ratio"] for row in rows[rows.index(full) :]]
    targets = [
        Target(f"times the best time of a restart, at most, from {full['name']} restarts on", max(after), 1.25, False),
    ]
    if memory is not None:
        targets.append(Target("MB planned with, at most", max(row["planned_MB"] for row in rows), memory * 1e3, False))
    return rows, targets


def main() -> None:
    """The command line."""
    arguments = tyro.cli(Arguments, config=(tyro.conf.FlagCreatePairsOff,))
    rows, targets = measure(arguments.most, arguments.memory, arguments.rounds)
    show(device_name(), rows, targets, arguments.json)


if __name__ == "__main__":
    main()
