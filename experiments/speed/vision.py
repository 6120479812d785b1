"""ResNet-20: jaxtricks beside PyTorch, both doing the same work.

The work: random images of 32 × 32 in three colours, batches of 128, the residual network of 20 layers of He+ 2016 with batch norm
(shortcuts padded by zeros), the mean cross entropy of ten classes, SGD with momentum 0.9; 4 steps, and then accuracy and loss on
128 other images. PyTorch has its images channels first and channels last, whichever is faster. What each draws
at its start is in its time. `python -m experiments.speed.vision --help`.
"""

import dataclasses
import statistics
from collections.abc import Callable
from typing import Any

import numpy as np
import tyro
from tqdm.auto import tqdm

from experiments.speed.harness import Target, Timed, Worker, device_name, show

BATCH, STEPS, RATE, MOMENTUM = 128, 4, 0.05, 0.9
TRAIN = BATCH * STEPS
MODULE = "experiments.speed.vision"


def _images() -> tuple[np.ndarray, np.ndarray]:
    """Images, [examples, 32, 32, 3], and classes, as many as are trained and validated on."""
    draw = np.random.default_rng(0)
    return draw.integers(0, 256, (TRAIN + BATCH, 32, 32, 3), dtype=np.uint8), draw.integers(0, 10, TRAIN + BATCH)


def jaxtricks(members: int) -> Timed:
    """The engine, as a user calls it."""
    from jaxtricks.engine.layout import set_up

    set_up(members)
    import jaxtricks as jt

    x, y = _images()
    data = jt.Dataset.from_arrays(x[:TRAIN], y[:TRAIN], validation=(x[TRAIN:], y[TRAIN:]))
    rule = jt.Momentum(learning_rate=RATE, momentum=MOMENTUM)
    experiment = jt.Experiment(
        model=jt.models.resnet20(), optimizer=jt.Optimizer(rule=rule), inputs=jt.experiment.Unit(), batch_size=BATCH, epochs=1
    )

    def timed() -> dict[str, Any]:
        runs = jt.fit(experiment, data, seeds=members, progress=False)
        return {"nll": float(runs.metrics["nll"].mean())}

    return timed


def torch_eager(threads: int, last: bool) -> Timed:
    """PyTorch as most people write it."""
    import torch
    from torch import nn

    torch.set_num_threads(threads)
    x, y = _images()
    layout = torch.channels_last if last else torch.contiguous_format
    images = torch.from_numpy(x.transpose(0, 3, 1, 2).astype(np.float32) / 255).contiguous(memory_format=layout)
    classes = torch.from_numpy(y)

    class Block(nn.Module):
        def __init__(self, below: int, features: int, stride: int) -> None:
            super().__init__()
            self.conv_1, self.norm_1 = nn.Conv2d(below, features, 3, stride, padding=1), nn.BatchNorm2d(features)
            self.conv_2, self.norm_2 = nn.Conv2d(features, features, 3, padding=1), nn.BatchNorm2d(features)
            self.stride, self.missing = stride, features - below

        def forward(self, x: Any) -> Any:
            y = self.norm_2(self.conv_2(torch.relu(self.norm_1(self.conv_1(x)))))
            short = nn.functional.pad(x[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, 0, self.missing))
            return torch.relu(y + short)

    def network() -> Any:
        layers: list[nn.Module] = [nn.Conv2d(3, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU()]
        below = 16
        for features in (16, 32, 64):
            for i in range(3):
                layers.append(Block(below, features, 2 if i == 0 and features > 16 else 1))
                below = features
        return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10))

    def timed() -> dict[str, Any]:
        model = network().to(memory_format=layout)
        optimizer = torch.optim.SGD(model.parameters(), lr=RATE, momentum=MOMENTUM)
        for indices in torch.randperm(TRAIN).reshape(STEPS, BATCH):
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(images[indices]), classes[indices]).backward()
            optimizer.step()
        model.eval()
        with torch.no_grad():
            return {"nll": float(nn.functional.cross_entropy(model(images[TRAIN:]), classes[TRAIN:]))}

    return timed


CONTESTANTS: dict[str, Callable[..., Timed]] = {
    "jaxtricks, 1 member": jaxtricks,
    "jaxtricks, 8 members": jaxtricks,
    "PyTorch eager, channels first, 2 threads": torch_eager,
    "PyTorch eager, channels last, 2 threads": torch_eager,
}


@dataclasses.dataclass(frozen=True)
class Arguments:
    """Times the training of ResNet-20, jaxtricks beside PyTorch, interleaved.

    Args:
        rounds: how often every contestant takes its turn; the median counts.
        json: print one JSON object instead of text.
    """

    rounds: int = 3
    json: bool = False


def measure(rounds: int) -> tuple[list[dict[str, Any]], list[Target]]:
    """Rows and targets of one run of the benchmark."""
    workers: dict[str, Worker] = {}
    for name in CONTESTANTS:
        number, unit = name.rsplit(", ")[-1].split()
        arguments = {"threads": 2, "last": "last" in name} if unit == "threads" else {"members": int(number)}
        workers[name] = Worker(MODULE, name, arguments, {"OMP_WAIT_POLICY": "passive"})
    for worker in workers.values():
        worker.go()  # what compiles at the first call
    figures: dict[str, list[dict[str, Any]]] = {name: [] for name in workers}
    for _ in tqdm(range(rounds), desc="rounds"):
        for name, worker in workers.items():
            figures[name].append(worker.go())
    for worker in workers.values():
        worker.stop()
    step = {name: statistics.median(f["seconds"] for f in runs) / STEPS for name, runs in figures.items()}
    rows = [
        {"name": name, "seconds": step[name], "images a second": BATCH * (8 if "8 members" in name else 1) / step[name]}
        | {"nll": runs[-1]["nll"]}
        for name, runs in figures.items()
    ]
    one, eight = step["jaxtricks, 1 member"], step["jaxtricks, 8 members"]
    eager = min(seconds for name, seconds in step.items() if "eager" in name)
    targets = [
        Target("a member's step, times that of PyTorch eager with 2 threads", one / eager, 1, higher_is_better=False),
        Target("8 members, times one of PyTorch", eight / eager, 6, higher_is_better=False),
        Target("8 members, times one member", eight / one, 6, higher_is_better=False),
    ]
    return rows, targets


def main() -> None:
    """The command line."""
    arguments = tyro.cli(Arguments, config=(tyro.conf.FlagCreatePairsOff,))
    rows, targets = measure(arguments.rounds)
    show(device_name(), rows, targets, arguments.json)


if __name__ == "__main__":
    main()
