"""Restarts of one small network: jaxtricks beside PyTorch, torch.func and a Flax loop, all doing the same work.

The work: scikit-learn's digits, 1437 examples to train on, an MLP of 2×128, AdamW, batch 64, 20 epochs of 22 steps in an order
shuffled anew, and after each epoch accuracy and loss on 360 other examples. `python -m experiments.speed.restarts --help`.
"""

import dataclasses
import statistics
import subprocess
import sys
import time
from typing import Any

import numpy as np
import tyro
from sklearn.datasets import load_digits
from tqdm.auto import tqdm

from experiments.speed.harness import Target, Timed, Worker, device_name, show

TRAIN, WIDTH, BATCH, EPOCHS, RATE, DECAY = 1437, 128, 64, 20, 1e-3, 1e-4
STEPS = TRAIN // BATCH
FLOP_A_SAMPLE = 138_752  # forward and backward products of 64-128-128-10, without the gradient of the input
MODULE = "experiments.speed.restarts"


def _arrays() -> tuple[np.ndarray, ...]:
    x, y = load_digits(return_X_y=True)
    x = x.astype(np.float32)
    mean, std = x[:TRAIN].mean(0), x[:TRAIN].std(0)
    scaled = (x - mean) / np.where(std > 0, std, 1)
    return scaled[:TRAIN], y[:TRAIN].astype(np.int64), scaled[TRAIN:], y[TRAIN:].astype(np.int64)


def jaxtricks(restarts: int) -> Timed:
    """The engine, as a user calls it."""
    import os

    import jax

    jax.config.update("jax_num_cpu_devices", os.cpu_count() or 1)
    import jaxtricks as jt

    x, y = load_digits(return_X_y=True)
    x = x.astype(np.uint8)
    digits = jt.Dataset.from_arrays(x[:TRAIN], y[:TRAIN], validation=(x[TRAIN:], y[TRAIN:]), scale=16)
    model = jt.MLP(widths=(WIDTH, WIDTH))
    rule = jt.AdamW(learning_rate=RATE, weight_decay=jt.optim.Decoupled(rate=DECAY))
    experiment = jt.Experiment(model=model, optimizer=jt.Optimizer(rule=rule), batch_size=BATCH, epochs=EPOCHS)

    def timed() -> dict[str, Any]:
        runs = jt.fit(experiment, digits, seeds=restarts, progress=False)
        return {"accuracy": float(runs.metrics["accuracy"].mean())}

    return timed


def flax_loop(restarts: int) -> Timed:
    """A plain Flax and Optax loop, as Flax's own examples: one jitted call a step, one restart after the other."""
    import flax.linen as nn
    import jax
    import jax.numpy as jnp
    import optax
    from flax.training.train_state import TrainState

    train_x, train_y, test_x, test_y = map(jnp.asarray, _arrays())

    class MLP(nn.Module):
        @nn.compact
        def __call__(self, x: Any) -> Any:
            for _ in range(2):
                x = nn.relu(nn.Dense(WIDTH)(x))
            return nn.Dense(10)(x)

    model = MLP()

    def loss(params: Any, x: Any, y: Any) -> Any:
        return optax.softmax_cross_entropy_with_integer_labels(model.apply(params, x), y).mean()

    @jax.jit
    def train_step(state: TrainState, x: Any, y: Any) -> Any:
        value, grads = jax.value_and_grad(loss)(state.params, x, y)
        return state.apply_gradients(grads=grads), value

    @jax.jit
    def evaluate(params: Any) -> Any:
        logits: Any = model.apply(params, test_x)
        return jnp.mean(logits.argmax(-1) == test_y), loss(params, test_x, test_y)

    optimizer = optax.adamw(RATE, weight_decay=DECAY)

    def train(seed: int, epochs: int) -> float:
        rng = np.random.default_rng(seed)
        state = TrainState.create(apply_fn=model.apply, params=model.init(jax.random.key(seed), train_x[:1]), tx=optimizer)
        for _ in range(epochs):
            order = rng.permutation(TRAIN)[: STEPS * BATCH].reshape(STEPS, BATCH)
            for indices in order:
                state, _ = train_step(state, train_x[indices], train_y[indices])
            accuracy, _ = evaluate(state.params)
        return float(accuracy)

    train(0, 1)  # compiled here, outside the timing
    return lambda: {"accuracy": float(np.mean([train(seed, EPOCHS) for seed in range(restarts)]))}


def torch_eager(restarts: int, threads: int) -> Timed:
    """PyTorch as most people write it: one restart after the other."""
    import torch
    from torch import nn

    torch.set_num_threads(threads)
    train_x, train_y, test_x, test_y = map(torch.from_numpy, _arrays())

    def timed() -> dict[str, Any]:
        accuracies = []
        for seed in range(restarts):
            torch.manual_seed(seed)
            model = nn.Sequential(nn.Linear(64, WIDTH), nn.ReLU(), nn.Linear(WIDTH, WIDTH), nn.ReLU(), nn.Linear(WIDTH, 10))
            optimizer = torch.optim.AdamW(model.parameters(), lr=RATE, weight_decay=DECAY)
            for _ in range(EPOCHS):
                order = torch.randperm(TRAIN)[: STEPS * BATCH].reshape(STEPS, BATCH)
                for indices in order:
                    optimizer.zero_grad()
                    nn.functional.cross_entropy(model(train_x[indices]), train_y[indices]).backward()
                    optimizer.step()
                with torch.no_grad():
                    logits = model(test_x)
                    nn.functional.cross_entropy(logits, test_y)
                    accuracy = (logits.argmax(-1) == test_y).float().mean()
            accuracies.append(float(accuracy))
        return {"accuracy": float(np.mean(accuracies))}

    return timed


def torch_func(restarts: int) -> Timed:
    """PyTorch's own way to many models at once: torch.func with vmap, and one AdamW over the stacked parameters."""
    import os

    import torch
    from torch import nn
    from torch.func import functional_call, grad, stack_module_state, vmap

    torch.set_num_threads(os.cpu_count() or 1)
    train_x, train_y, test_x, test_y = map(torch.from_numpy, _arrays())

    def net() -> nn.Module:
        return nn.Sequential(nn.Linear(64, WIDTH), nn.ReLU(), nn.Linear(WIDTH, WIDTH), nn.ReLU(), nn.Linear(WIDTH, 10))

    skeleton = net()

    def loss(params: Any, x: Any, y: Any) -> Any:
        return nn.functional.cross_entropy(functional_call(skeleton, params, (x,)), y)

    gradients = vmap(grad(loss))
    forward = vmap(lambda params, x: functional_call(skeleton, params, (x,)), in_dims=(0, None))

    def timed() -> dict[str, Any]:
        models = []
        for seed in range(restarts):
            torch.manual_seed(seed)
            models.append(net())
        params, _ = stack_module_state(models)
        params = {name: p.detach().requires_grad_() for name, p in params.items()}
        optimizer = torch.optim.AdamW(params.values(), lr=RATE, weight_decay=DECAY)
        for _ in range(EPOCHS):
            order = torch.stack([torch.randperm(TRAIN)[: STEPS * BATCH] for _ in range(restarts)])
            for indices in order.reshape(restarts, STEPS, BATCH).unbind(1):
                plain = {name: p.detach() for name, p in params.items()}
                for name, g in gradients(plain, train_x[indices], train_y[indices]).items():
                    params[name].grad = g
                optimizer.step()
            with torch.no_grad():
                logits = forward(params, test_x)
                nn.functional.cross_entropy(logits.reshape(-1, 10), test_y.repeat(restarts))
                accuracy = (logits.argmax(-1) == test_y).float().mean()
        return {"accuracy": float(accuracy)}

    return timed


def products() -> Timed:
    """The machine's matrix-product rate: the best square product of float32 on all cores, by JAX."""
    import jax
    import jax.numpy as jnp

    sizes = (512, 1024, 2048)
    product = jax.jit(jnp.matmul)
    squares = {n: jnp.ones((n, n)) for n in sizes}
    for square in squares.values():
        product(square, square).block_until_ready()

    def timed() -> dict[str, Any]:
        best = 0.0
        for n, square in squares.items():
            for _ in range(5):
                began = time.perf_counter()
                product(square, square).block_until_ready()
                best = max(best, 2 * n**3 / (time.perf_counter() - began))
        return {"flops": best}

    return timed


CONTESTANTS = {
    "jaxtricks": jaxtricks,
    "Flax loop": flax_loop,
    "PyTorch eager, 1 thread": torch_eager,
    "PyTorch eager, 2 threads": torch_eager,
    "torch.func + vmap": torch_func,
    "matrix products": products,
}


def second_process(restarts: int) -> float:
    """Seconds from the start of a process to its first result, when an earlier one filled the compilation cache."""
    code = (
        "import jax, sys; from jaxtricks.data.cache import cache_dir;"
        "jax.config.update('jax_compilation_cache_dir', str(cache_dir() / 'xla'));"
        "jax.config.update('jax_persistent_cache_min_compile_time_secs', 0.0);"
        f"from {MODULE} import jaxtricks; jaxtricks({restarts})()"
    )
    for _ in range(2):  # the first one fills the cache
        began = time.perf_counter()
        subprocess.run([sys.executable, "-c", code], check=True)
    return time.perf_counter() - began


@dataclasses.dataclass(frozen=True)
class Arguments:
    """Times restarts of one small network, jaxtricks beside its peers, interleaved.

    Args:
        restarts: how many networks.
        rounds: how often every contestant takes its turn; the median counts.
        json: print one JSON object instead of text.
    """

    restarts: int = 32
    rounds: int = 3
    json: bool = False


def measure(restarts: int, rounds: int) -> tuple[list[dict[str, Any]], list[Target]]:
    """Rows and targets of one run of the benchmark."""
    first = second_process(restarts)
    workers: dict[str, Worker] = {}
    for name in CONTESTANTS:
        arguments: dict[str, Any] = {} if name == "matrix products" else {"restarts": restarts}
        if "thread" in name:
            arguments["threads"] = int(name.split()[-2])
        workers[name] = Worker(MODULE, name, arguments, {"OMP_WAIT_POLICY": "passive"})
    cold = workers["jaxtricks"].go()["seconds"]
    figures: dict[str, list[dict[str, Any]]] = {name: [] for name in workers}
    for _ in tqdm(range(rounds), desc="rounds"):
        for name, worker in workers.items():
            figures[name].append(worker.go())
    for worker in workers.values():
        worker.stop()

    seconds = {name: statistics.median(f["seconds"] for f in runs) for name, runs in figures.items()}
    rate = statistics.median(f["flops"] for f in figures.pop("matrix products"))
    ours = seconds["jaxtricks"]
    eager = min(seconds[name] for name in seconds if "eager" in name)
    flop = FLOP_A_SAMPLE * STEPS * BATCH * EPOCHS * restarts
    rows = [
        {"name": name, "seconds": seconds[name], "ratio": seconds[name] / ours, "accuracy": figures[name][-1]["accuracy"]}
        for name in figures
    ]
    rows.insert(1, {"name": "jaxtricks, cold", "seconds": cold, "ratio": cold / ours})
    rows.append({"name": "second process, to the first result", "seconds": first})
    rows.append({"name": "the products alone, at the machine's rate", "seconds": flop / rate, "GFLOP/s": rate / 1e9})
    targets = [
        Target("times PyTorch eager", eager / ours, 10),
        Target("times the Flax loop", seconds["Flax loop"] / ours, 12),
        Target("times torch.func + vmap", seconds["torch.func + vmap"] / ours, 3),
        Target("share of the matrix-product rate", flop / ours / rate, 0.55),
        Target("seconds to a second process's first result", first, 8, higher_is_better=False),
    ]
    return rows, targets


def main() -> None:
    """The command line."""
    arguments = tyro.cli(Arguments, config=(tyro.conf.FlagCreatePairsOff,))
    rows, targets = measure(arguments.restarts, arguments.rounds)
    show(device_name(), rows, targets, arguments.json)


if __name__ == "__main__":
    main()
