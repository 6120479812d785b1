"""Data fed from the host, window by window, beside data that the device holds: Fashion-MNIST in batches of 256.

Restarts that share one order and one split, and restarts that each pay for their own; three epochs of 187 steps with validation
after each, programs compiled beforehand. `python -m experiments.speed.stream --help`.
"""

import dataclasses
import statistics
from typing import Any

import tyro
from tqdm.auto import tqdm

from experiments.speed.harness import Target, Timed, Worker, device_name, show

BATCH, EPOCHS = 256, 3
MODULE = "experiments.speed.stream"


def fitting(stream: bool, restarts: int, shared: bool) -> Timed:
    """The engine, as a user calls it."""
    from jaxtricks.engine.layout import set_up

    set_up(restarts)
    import jaxtricks as jt

    data = jt.load("fashion_mnist")
    experiment = jt.Experiment(model=jt.MLP(widths=(128, 128)), batch_size=BATCH, epochs=EPOCHS)
    options: dict[str, Any] = {"split": 0, "vary": ("weights", "masks")} if shared else {}

    def timed() -> dict[str, Any]:
        runs = jt.fit(experiment, data, seeds=restarts, layout=jt.Layout(stream=stream), progress=False, **options)
        return {"nll": float(runs.metrics["nll"].mean())}

    timed()  # compiled here, outside the timing
    return timed


CONTESTANTS = {"held": fitting, "streamed": fitting}


@dataclasses.dataclass(frozen=True)
class Arguments:
    """Times data from the host beside data on the device, interleaved.

    Args:
        restarts: how many networks, beside one alone.
        rounds: how often every contestant takes its turn; the median counts.
        json: print one JSON object instead of text.
    """

    restarts: int = 8
    rounds: int = 5
    json: bool = False


def measure(restarts: int, rounds: int) -> tuple[list[dict[str, Any]], list[Target]]:
    """Rows and targets of one run of the benchmark."""
    cases = {"1 restart": (1, True), f"{restarts} in one order": (restarts, True), f"{restarts}, each its own": (restarts, False)}
    rows, targets = [], []
    for case, (members, shared) in cases.items():
        workers = {
            name: Worker(MODULE, name, {"stream": name == "streamed", "restarts": members, "shared": shared}, {})
            for name in CONTESTANTS
        }
        figures: dict[str, list[dict[str, Any]]] = {name: [] for name in workers}
        for _ in tqdm(range(rounds), desc=case):
            for name, worker in workers.items():
                figures[name].append(worker.go())
        for worker in workers.values():
            worker.stop()
        seconds = {name: statistics.median(figure["seconds"] for figure in found) for name, found in figures.items()}
        rows += [{"name": f"{case}, {name}", "seconds": seconds[name], "nll": figures[name][-1]["nll"]} for name in seconds]
        targets.append(Target(f"speed of the stream, {case}", seconds["held"] / seconds["streamed"], 0.9))
    return rows, targets


def main() -> None:
    """The command line."""
    arguments = tyro.cli(Arguments, config=(tyro.conf.FlagCreatePairsOff,))
    rows, targets = measure(arguments.restarts, arguments.rounds)
    show(device_name(), rows, targets, arguments.json)


if __name__ == "__main__":
    main()
