"""What a probe costs: a new head on a frozen body, beside a linear model of the body's features, and the whole network.

Fashion-MNIST, 4,000 images, a fifth of them validated on; 8 restarts, batches of 64, Adam, one after the other in a process
each, compiled beforehand. `probe` trains the head of a network whose other layers are frozen; `linear` the same head as a network
of its own, on data that hold as many features; `whole, one epoch` all layers, for one epoch only. What a probe takes more
than the linear model is one pass of all images through the body, before the first epoch; with more epochs it matters less.
"""

import dataclasses
import statistics
from typing import Any

import tyro
from tqdm.auto import tqdm

from experiments.speed.harness import Target, Timed, Worker, device_name, show

IMAGES, RESTARTS, BATCH = 4_000, 8, 64
MODULE = "experiments.speed.probe"
CONTESTANTS_OF = ("linear", "probe", "whole, one epoch")
NETWORKS = ("MLP 2×256", "CNN 8, 16")


def _contestant(network: str, kind: str, epochs: int) -> Timed:
    from jaxtricks.engine.layout import set_up

    set_up(RESTARTS)
    import numpy as np

    import jaxtricks as jt

    networks = {
        "MLP 2×256": (jt.MLP(widths=(256, 256)), ("hidden_*",), 256),
        "CNN 8, 16": (jt.CNN(channels=(8, 16)), ("stage_*",), 784),
    }
    model, body, features = networks[network]
    data = jt.load("fashion_mnist").subset(IMAGES, seed=0)
    base = jt.Experiment(model=model, optimizer=jt.Optimizer(rule=jt.Adam(learning_rate=1e-3)), batch_size=BATCH, epochs=epochs)
    if kind == "probe":
        base = base.replace({"optimizer.frozen": body})
    if kind == "linear":  # of as many features; what they are takes no time
        drawn = np.random.default_rng(0).normal(size=(IMAGES, features)).astype(np.float32)
        data = jt.Dataset.from_arrays(drawn, data.y)
        base = base.replace({"model": jt.MLP(widths=())})
    if kind == "whole, one epoch":
        base = base.replace({"epochs": 1})

    def timed() -> dict[str, Any]:
        jt.fit(base, data, seeds=RESTARTS, progress=False)
        return {}

    timed()  # compiled here, outside the timing
    return timed


CONTESTANTS = {"fit": _contestant}


@dataclasses.dataclass(frozen=True)
class Arguments:
    """Times a probe, a linear model of features and a whole network.

    Args:
        epochs: of each fit.
        rounds: how often every one takes its turn; the median counts.
        json: print one JSON object instead of text.
    """

    epochs: int = 60
    rounds: int = 3
    json: bool = False


def measure(epochs: int, rounds: int) -> tuple[list[dict[str, Any]], list[Target]]:
    """Rows and targets of one run of the benchmark."""
    rows, targets = [], []
    for network in tqdm(NETWORKS, desc="networks"):
        seconds = {}
        for kind in CONTESTANTS_OF:
            worker = Worker(MODULE, "fit", {"network": network, "kind": kind, "epochs": epochs}, {})
            seconds[kind] = statistics.median(worker.go()["seconds"] for _ in range(rounds))
            worker.stop()
        for kind, each in seconds.items():
            rows.append({"name": f"{network}, {kind}", "seconds": each, "ratio": each / seconds["linear"]})
        targets.append(Target(f"{network}: times a linear model's time, at most", rows[-2]["ratio"], 3.0, False))
    return rows, targets


def main() -> None:
    """The command line."""
    arguments = tyro.cli(Arguments, config=(tyro.conf.FlagCreatePairsOff,))
    rows, targets = measure(arguments.epochs, arguments.rounds)
    show(device_name(), rows, targets, arguments.json)


if __name__ == "__main__":
    main()
