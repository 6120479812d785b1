"""One round of lottery tickets: every seed and every sparsity in one program, beside PyTorch with one replicate after the other.

The work: LeNet-300-100 on 6,000 images of MNIST, batches of 60, Adam (1.2e-3), 1,000 steps of each of 32 seeds × 8 sparsities,
and after every 100 steps the accuracy on 1,000 other images. Masks come from trained weights, by size and layer by layer, and
weights are set back to those that the seed drew. PyTorch works as facebookresearch/open_lth does: eager, a mask multiplied onto
the weights before each forward pass, one replicate after the other; a few replicates are timed, and the others taken to last as
long. Masked weights are multiplied like others in both: unstructured sparsity saves no time on this hardware.
On 2 cores of an AMD EPYC the engine ran at 93 GFLOP/s, the rate at which this CPU multiplies two matrices of 2,048 × 2,048: dense
products cannot be faster there, whatever the program around them. `python -m experiments.speed.tickets --help`.
"""

import dataclasses
import statistics
from collections.abc import Sequence
from typing import Any

import numpy as np
import tyro
from tqdm.auto import tqdm

from experiments.speed.harness import Target, Timed, Worker, device_name, show

MODULE = "experiments.speed.tickets"
TRAIN, VALIDATED, BATCH, RATE = 6_000, 1_000, 60, 1.2e-3
AN_EPOCH = TRAIN // BATCH
WIDTHS = (300, 100)
WEIGHTS = 784 * 300 + 300 * 100 + 100 * 10
FLOP_A_SAMPLE = 6 * WEIGHTS - 2 * 784 * 300  # without the gradient of the input


def _images() -> tuple[np.ndarray, np.ndarray]:
    import jaxtricks as jt

    pool = jt.load("mnist").subset(TRAIN + VALIDATED, seed=0)
    return pool.x.reshape(len(pool.x), -1).astype(np.float32) / 255, pool.y.astype(np.int64)


def jaxtricks(seeds: int, shares: Sequence[float], steps: int) -> Timed:
    """The engine: the round of `jt.prune`, from networks that have been trained already."""
    import os

    import jax

    jax.config.update("jax_num_cpu_devices", os.cpu_count() or 1)
    import jaxtricks as jt

    x, y = _images()
    data = jt.Dataset.from_arrays(x[:TRAIN], y[:TRAIN], validation=(x[TRAIN:], y[TRAIN:]))
    experiment = jt.Experiment(
        model=jt.MLP(widths=WIDTHS, kernel_init=jt.nn.GlorotNormal()),
        optimizer=jt.Optimizer(rule=jt.Adam(learning_rate=RATE)),
        inputs=jt.experiment.Raw(),
        batch_size=BATCH,
        epochs=steps // AN_EPOCH,
    )
    dense = jt.fit(experiment.replace({"epochs": 1}), data, seeds=seeds, progress=False)
    start = jt.Seeds(seeds, transfer=jt.Transfer(dense))
    arms = [experiment.replace({"pruned": jt.optim.Pruned(keep=share, to=jt.optim.Initial())}) for share in shares]

    def timed() -> dict[str, Any]:
        found = jt.fit(arms, data, seeds=start, progress=False)
        return {"accuracy": float(np.mean([runs.metrics["accuracy"].mean() for runs in found]))}

    return timed


def open_lth(replicates: int, share: float, steps: int, threads: int) -> Timed:
    """PyTorch eager, as open_lth prunes: masks are buffers that are multiplied onto the weights before each forward pass."""
    import torch
    from torch import nn

    torch.set_num_threads(threads)
    x, y = map(torch.from_numpy, _images())
    train_x, train_y, test_x, test_y = x[:TRAIN], y[:TRAIN], x[TRAIN:], y[TRAIN:]

    def one(seed: int) -> float:
        torch.manual_seed(seed)
        model = nn.Sequential(nn.Linear(784, 300), nn.ReLU(), nn.Linear(300, 100), nn.ReLU(), nn.Linear(100, 10))
        masks = {}
        for name, parameter in model.named_parameters():
            if parameter.ndim > 1:
                nn.init.xavier_normal_(parameter)
                cut = parameter.detach().abs().flatten().kthvalue(round((1 - share) * parameter.numel())).values
                masks[name] = (parameter.detach().abs() > cut).float()
            else:
                nn.init.zeros_(parameter)

        def prune() -> None:
            with torch.no_grad():
                for name, parameter in model.named_parameters():
                    if name in masks:
                        parameter.mul_(masks[name])

        optimizer = torch.optim.Adam(model.parameters(), lr=RATE)
        accuracy = torch.zeros(())
        for _ in range(steps // AN_EPOCH):
            for indices in torch.randperm(TRAIN).reshape(AN_EPOCH, BATCH):
                prune()
                optimizer.zero_grad()
                nn.functional.cross_entropy(model(train_x[indices]), train_y[indices]).backward()
                optimizer.step()
            prune()
            with torch.no_grad():
                logits = model(test_x)
                nn.functional.cross_entropy(logits, test_y)
                accuracy = (logits.argmax(-1) == test_y).float().mean()
        return float(accuracy)

    return lambda: {"accuracy": float(np.mean([one(seed) for seed in range(replicates)]))}


CONTESTANTS = {
    "jaxtricks": jaxtricks,
    "PyTorch eager, 1 thread": open_lth,
    "PyTorch eager, 2 threads": open_lth,
}


@dataclasses.dataclass(frozen=True)
class Arguments:
    """Times a round of lottery tickets, jaxtricks beside PyTorch.

    Args:
        seeds: restarts.
        shares: shares of weights that are kept, each with all seeds.
        steps: of each restart, a multiple of 100.
        replicates: how many PyTorch trains; the time of all is in proportion.
        rounds: how often PyTorch takes its turn; the median counts. jaxtricks is timed once, after a first call that compiles.
        json: print one JSON object instead of text.
    """

    seeds: int = 32
    shares: tuple[float, ...] = (0.8, 0.64, 0.512, 0.41, 0.328, 0.262, 0.21, 0.036)
    steps: int = 1_000
    replicates: int = 4
    rounds: int = 3
    json: bool = False


def measure(given: Arguments) -> tuple[list[dict[str, Any]], list[Target]]:
    """Rows and targets of one run of the benchmark."""
    networks = given.seeds * len(given.shares)
    quiet = {"OMP_WAIT_POLICY": "passive"}
    short = Worker(MODULE, "jaxtricks", {"seeds": given.seeds, "shares": given.shares, "steps": AN_EPOCH}, quiet)
    cold = short.go()["seconds"]
    short.stop()
    ours = Worker(MODULE, "jaxtricks", {"seeds": given.seeds, "shares": given.shares, "steps": given.steps}, quiet)
    peers = {
        name: Worker(
            MODULE,
            name,
            {"replicates": given.replicates, "share": given.shares[-1], "steps": given.steps, "threads": int(name.split()[-2])},
            quiet,
        )
        for name in CONTESTANTS
        if name != "jaxtricks"
    }
    seconds: dict[str, list[float]] = {name: [] for name in peers}
    accuracy: dict[str, float] = {}
    for _ in tqdm(range(given.rounds), desc="PyTorch's turns"):
        for name, worker in peers.items():
            figures = worker.go()
            seconds[name].append(figures["seconds"])
            accuracy[name] = figures["accuracy"]
    first, again = (ours.go() for _ in range(2))
    for worker in (ours, *peers.values()):
        worker.stop()
    mine = again["seconds"]
    each = {name: statistics.median(values) / given.replicates for name, values in seconds.items()}
    flop = FLOP_A_SAMPLE * BATCH * given.steps * networks
    rows: list[dict[str, Any]] = [
        {"name": f"jaxtricks, {networks} networks", "seconds": mine, "ratio": 1.0, "GFLOP/s": flop / mine / 1e9},
        {"name": "jaxtricks, with compiling", "seconds": first["seconds"]},
        {"name": "jaxtricks, 100 steps, compiled anew after a first training", "seconds": cold},
    ]
    rows += [
        {
            "name": f"{name}, {networks} networks",
            "seconds": networks * value,
            "ratio": networks * value / mine,
            "ms each": 1e3 * value,
            "accuracy": accuracy[name],
        }
        for name, value in each.items()
    ]
    return rows, [Target("times PyTorch eager", networks * min(each.values()) / mine, 8)]


def main() -> None:
    """The command line."""
    given = tyro.cli(Arguments, config=(tyro.conf.FlagCreatePairsOff,))
    if given.steps % AN_EPOCH or given.steps < AN_EPOCH:
        raise SystemExit(f"tickets: --steps {given.steps} is not a multiple of {AN_EPOCH}.")
    rows, targets = measure(given)
    show(device_name(), rows, targets, given.json)


if __name__ == "__main__":
    main()
