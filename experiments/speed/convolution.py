"""A small convolutional network: jaxtricks beside PyTorch and beside vmap over lax.conv, all doing the same work.

The work: scikit-learn's digits blown up to 28×28, batches of 64, two convolutions of 32 and 64 channels with kernels 3×3, each
followed by ReLU and max pooling 2×2, a linear head, Adam; 3 epochs of 20 steps, and after each accuracy and loss on 64 other
examples. XLA's own convolution does 2 steps, for it takes seconds each. Below stands one convolution alone, forward and both
gradients, in a scan of 3 steps, for some shapes: as patches, mixed and as lax.conv, and so under vmap over 2 kernels. That table
is what `jaxtricks.nn.convolution` goes by. `python -m experiments.speed.convolution --help`.
"""

import dataclasses
import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import tyro
from sklearn.datasets import load_digits
from tqdm.auto import tqdm

from experiments.speed.harness import Target, Timed, Worker, device_name, show

BATCH, EPOCHS, TRAIN, VALIDATION, RATE = 64, 3, 1280, 64, 1e-3
STEPS, FEW = TRAIN // BATCH, 2
MODULE = "experiments.speed.convolution"
SHAPES = [  # image, kernel, stride
    ((28, 28, 1), (3, 3, 1, 32), 1),
    ((14, 14, 32), (3, 3, 32, 64), 1),
    ((14, 14, 32), (5, 5, 32, 64), 1),
    ((28, 28, 32), (3, 3, 32, 64), 2),
    ((32, 32, 3), (3, 3, 3, 64), 1),
    ((8, 8, 128), (3, 3, 128, 128), 1),
    ((32, 32, 16), (3, 3, 16, 16), 1),
    ((16, 16, 32), (3, 3, 32, 32), 1),
    ((8, 8, 64), (3, 3, 64, 64), 1),
]


def _images() -> tuple[np.ndarray, np.ndarray]:
    """Images [examples, 28, 28, 1] from 0 to 16, and labels."""
    x, y = load_digits(return_X_y=True)
    large = np.kron(x.reshape(-1, 8, 8), np.ones((4, 4)))[:, 2:-2, 2:-2, None]
    return large[: TRAIN + VALIDATION].astype(np.uint8), y[: TRAIN + VALIDATION].astype(np.int64)


def _arrays() -> tuple[np.ndarray, ...]:
    x, y = _images()
    scaled = ((x - x[:TRAIN].mean()) / x[:TRAIN].std()).astype(np.float32)
    return scaled[:TRAIN], y[:TRAIN], scaled[TRAIN:], y[TRAIN:]


def jaxtricks(members: int) -> Timed:
    """The engine, as a user calls it."""
    from jaxtricks.engine.layout import set_up

    set_up(members)
    import jaxtricks as jt

    x, y = _images()
    digits = jt.Dataset.from_arrays(x[:TRAIN], y[:TRAIN], validation=(x[TRAIN:], y[TRAIN:]), scale=16)
    optimizer = jt.Optimizer(rule=jt.Adam(learning_rate=RATE))
    experiment = jt.Experiment(model=jt.CNN(channels=(32, 64)), optimizer=optimizer, batch_size=BATCH, epochs=EPOCHS)

    def timed() -> dict[str, Any]:
        runs = jt.fit(experiment, digits, seeds=members, progress=False)
        return {"accuracy": float(runs.metrics["accuracy"].mean())}

    return timed


def torch_eager(threads: int) -> Timed:
    """PyTorch as most people write it."""
    import torch
    from torch import nn

    torch.set_num_threads(threads)
    train_x, train_y, test_x, test_y = map(torch.from_numpy, _arrays())
    train_x, test_x = (x.permute(0, 3, 1, 2).contiguous() for x in (train_x, test_x))

    def timed() -> dict[str, Any]:
        layers: list[nn.Module] = []
        for inputs, outputs in ((1, 32), (32, 64)):
            layers += [nn.Conv2d(inputs, outputs, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)]
        model = nn.Sequential(*layers, nn.Flatten(), nn.Linear(7 * 7 * 64, 10))
        optimizer = torch.optim.Adam(model.parameters(), lr=RATE)
        for _ in range(EPOCHS):
            for indices in torch.randperm(TRAIN).reshape(STEPS, BATCH):
                optimizer.zero_grad()
                nn.functional.cross_entropy(model(train_x[indices]), train_y[indices]).backward()
                optimizer.step()
            with torch.no_grad():
                logits = model(test_x)
                nn.functional.cross_entropy(logits, test_y)
        return {"accuracy": float((logits.argmax(-1) == test_y).float().mean())}

    return timed


def vmapped(members: int) -> Timed:
    """Members under vmap over lax.conv and lax.reduce_window, steps in a scan: the first thing to try in JAX."""
    import jax
    import jax.numpy as jnp
    import optax

    train_x, train_y, _, _ = map(jnp.asarray, _arrays())
    batches = jax.tree.map(lambda a: a[: FEW * BATCH].reshape(FEW, BATCH, *a.shape[1:]), (train_x, train_y))
    adam = optax.adam(RATE)

    def init(key: Any) -> Any:
        shapes = {"first": (3, 3, 1, 32), "second": (3, 3, 32, 64), "head": (7 * 7 * 64, 10)}
        keys = jax.random.split(key, len(shapes))
        return {
            name: (jax.nn.initializers.lecun_normal()(k, shape), jnp.zeros(shape[-1]))
            for k, (name, shape) in zip(keys, shapes.items(), strict=True)
        }

    def loss(params: Any, x: Any, y: Any) -> Any:
        for name in ("first", "second"):
            kernel, bias = params[name]
            x = jax.lax.conv_general_dilated(x, kernel, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC"))
            x = jax.nn.relu(x + bias)
            x = jax.lax.reduce_window(x, -jnp.inf, jax.lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID")
        kernel, bias = params["head"]
        return optax.softmax_cross_entropy_with_integer_labels(x.reshape(BATCH, -1) @ kernel + bias, y).mean()

    def step(carry: Any, batch: Any) -> Any:
        params, state = carry
        updates, state = adam.update(jax.grad(loss)(params, *batch), state)
        return (optax.apply_updates(params, updates), state), None

    def train(params: Any) -> Any:
        return jax.lax.scan(step, (params, adam.init(params)), batches)[0][0]

    params = jax.vmap(init)(jax.random.split(jax.random.key(0), members))
    run = jax.jit(jax.vmap(train)).lower(params).compile()

    def timed() -> dict[str, Any]:
        jax.block_until_ready(run(params))
        return {}

    return timed


def lowerings() -> Timed:
    """One convolution, forward and both gradients in a scan, in each way, alone and under vmap over 2 kernels."""
    import jax
    import jax.numpy as jnp

    from jaxtricks.nn.convolution import Lowering, convolve

    def seconds(x: Any, kernel: Any, stride: int, lowering: Lowering) -> float:
        def loss(x: Any, kernel: Any) -> Any:
            return jnp.sum(jnp.square(convolve(x, kernel, strides=(stride, stride), padding="SAME", lowering=lowering)))

        def step(carry: Any, _: Any) -> Any:
            return jax.tree.map(lambda a, g: a - 1e-6 * g, carry, jax.grad(loss, argnums=(0, 1))(*carry)), None

        def steps(x: Any, kernel: Any) -> Any:
            return jax.lax.scan(step, (x, kernel), length=3)[0]

        run = jax.jit(steps if kernel.ndim == 4 else jax.vmap(steps)).lower(x, kernel).compile()
        jax.block_until_ready(run(x, kernel))
        began = time.perf_counter()
        jax.block_until_ready(run(x, kernel))
        return (time.perf_counter() - began) / 3

    def timed() -> dict[str, Any]:
        found = {}
        for image, kernel, stride in SHAPES:
            x, w = jnp.ones((BATCH, *image)), jnp.full(kernel, 0.01)
            name = f"{'×'.join(map(str, image))} by {'×'.join(map(str, kernel))}, stride {stride}"
            for members, arguments in {"": (x, w), ", 2 kernels": (jnp.stack([x] * 2), jnp.stack([w] * 2))}.items():
                found[name + members] = [seconds(*arguments, stride, way) for way in ("patches", "mixed", "direct")]
        return {"found": found}

    return timed


CONTESTANTS: dict[str, Callable[..., Timed]] = {
    "jaxtricks, 1 member": jaxtricks,
    "jaxtricks, 8 members": jaxtricks,
    "PyTorch eager, 1 thread": torch_eager,
    "PyTorch eager, 2 threads": torch_eager,
    "vmap over lax.conv, 1 member": vmapped,
    "vmap over lax.conv, 8 members": vmapped,
    "lowerings": lowerings,
}


@dataclasses.dataclass(frozen=True)
class Arguments:
    """Times the training of one small convolutional network, jaxtricks beside its peers, interleaved.

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
        number, *unit = name.rsplit(", ")[-1].split()
        arguments = {"threads" if "thread" in unit[0] else "members": int(number)} if unit else {}
        workers[name] = Worker(MODULE, name, arguments, {"OMP_WAIT_POLICY": "passive"})
    alone = workers.pop("lowerings")
    for worker in workers.values():
        worker.go()  # what compiles at the first call
    figures: dict[str, list[dict[str, Any]]] = {name: [] for name in workers}
    for _ in tqdm(range(rounds), desc="rounds"):
        for name, worker in workers.items():
            figures[name].append(worker.go())
    found = alone.go()["found"]
    for worker in (*workers.values(), alone):
        worker.stop()

    step = {}
    for name, runs in figures.items():
        step[name] = statistics.median(f["seconds"] for f in runs) / (FEW if "lax.conv" in name else EPOCHS * STEPS)
    rows: list[dict[str, Any]] = []
    for name, runs in figures.items():
        members = 8 if "8 members" in name else 1
        accuracy = {"accuracy": runs[-1]["accuracy"]} if "accuracy" in runs[-1] else {}
        rows.append({"name": name, "seconds": step[name], "milliseconds a member": 1e3 * step[name] / members} | accuracy)
    for name, (patches, mixed, direct) in found.items():
        rows.append({"name": name, "seconds": patches, "mixed": mixed, "lax.conv": direct, "times as long": direct / patches})
    one, eight = step["jaxtricks, 1 member"], step["jaxtricks, 8 members"]
    eager = min(seconds for name, seconds in step.items() if "eager" in name)
    targets = [
        Target("a member's step, times that of PyTorch eager", one / eager, 1, higher_is_better=False),
        Target("8 members, times one member", eight / one, 6, higher_is_better=False),
        Target("8 members, times faster than vmap over lax.conv", step["vmap over lax.conv, 8 members"] / eight, 20),
    ]
    return rows, targets


def main() -> None:
    """The command line."""
    arguments = tyro.cli(Arguments, config=(tyro.conf.FlagCreatePairsOff,))
    rows, targets = measure(arguments.rounds)
    show(device_name(), rows, targets, arguments.json)


if __name__ == "__main__":
    main()
