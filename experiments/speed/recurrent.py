"""A word-level LSTM: jaxtricks beside PyTorch and Flax, all doing the same work.

The work: two layers of LSTM of 200 or 650 units, a word's vector as long, 10 000 words, batches of 20 windows of 35 steps
that start from zeros, the mean cross entropy of the next word, its gradient clipped to norm 5, SGD; twice 10 steps and then
the loss of 20 other windows. PyTorch runs `nn.LSTM` with 1 and with 2 threads; Flax `linen.RNN(OptimizedLSTMCell)` with all
steps in one scan. Initial weights are each library's own, which the losses at the end tell. What each draws and validates is
in the time of its steps; jaxtricks validates once more, at the start. On CPUs only: the PyTorch here stays there.
`python -m experiments.speed.recurrent --help`.
"""

import dataclasses
import statistics
from collections.abc import Callable
from typing import Any

import numpy as np
import tyro
from tqdm.auto import tqdm

from experiments.speed.harness import Target, Timed, Worker, device_name, show

WORDS, BATCH, TIME, STEPS, EPOCHS, RATE, CLIP = 10_000, 20, 35, 10, 2, 0.1, 5.0
MODULE = "experiments.speed.recurrent"


def _text() -> tuple[np.ndarray, np.ndarray]:
    """Words and the words after them, [windows, time], of one random text: as many windows as are trained and validated on."""
    windows = (STEPS + 1) * BATCH
    text = np.random.default_rng(0).zipf(1.3, windows * TIME + 1) % WORDS
    x, y = (part.reshape(windows, TIME).astype(np.int32) for part in (text[:-1], text[1:]))
    return x, y


def jaxtricks(units: int, members: int) -> Timed:
    """The engine, as a user calls it."""
    from jaxtricks.engine.layout import set_up

    set_up(members)
    import jaxtricks as jt
    from jaxtricks.data.vocabulary import Tokenizer

    x, y = _text()
    words = tuple(str(word) for word in range(WORDS))
    split = jt.data.Split(np.arange(STEPS * BATCH), np.arange(STEPS * BATCH, len(x)))
    data = jt.Dataset("words", x, y, words, split, vocabulary=jt.data.Vocabulary(words, Tokenizer("word")), stream=True)
    experiment = jt.Experiment(
        model=jt.RNN(embedding=units, widths=(units, units)),
        optimizer=jt.Optimizer(rule=jt.SGD(learning_rate=RATE), clip_norm=CLIP),
        batch_size=BATCH,
        epochs=EPOCHS,
    )

    def timed() -> dict[str, Any]:
        runs = jt.fit(experiment, data, seeds=members, progress=False)
        return {"nll": float(runs.metrics["nll"].mean())}

    return timed


def torch_eager(units: int, threads: int) -> Timed:
    """PyTorch as most people write it."""
    import torch
    from torch import nn

    torch.set_num_threads(threads)
    x, y = (torch.from_numpy(part.astype(np.int64)) for part in _text())

    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embed = nn.Embedding(WORDS, units)
            self.lstm = nn.LSTM(units, units, 2, batch_first=True)
            self.head = nn.Linear(units, WORDS)

        def forward(self, words: Any) -> Any:
            return self.head(self.lstm(self.embed(words))[0])

    def loss(model: Any, places: Any) -> Any:
        return nn.functional.cross_entropy(model(x[places]).reshape(-1, WORDS), y[places].reshape(-1))

    def timed() -> dict[str, Any]:
        model = Model()
        optimizer = torch.optim.SGD(model.parameters(), lr=RATE)
        for _ in range(EPOCHS):
            for places in torch.randperm(STEPS * BATCH).reshape(STEPS, BATCH):
                optimizer.zero_grad()
                loss(model, places).backward()
                nn.utils.clip_grad_norm_(model.parameters(), CLIP)
                optimizer.step()
            with torch.no_grad():
                nll = float(loss(model, torch.arange(STEPS * BATCH, len(x))))
        return {"nll": nll}

    return timed


def flax_scan(units: int) -> Timed:
    """Flax's own recurrent layers and Optax, all steps in one compiled scan."""
    import flax.linen as nn
    import jax
    import jax.numpy as jnp
    import optax

    x, y = map(jnp.asarray, _text())

    class Model(nn.Module):
        @nn.compact
        def __call__(self, words: Any) -> Any:
            h = nn.Embed(WORDS, units)(words)
            for _ in range(2):
                h = nn.RNN(nn.OptimizedLSTMCell(units))(h)
            return nn.Dense(WORDS)(h)

    model, rule = Model(), optax.chain(optax.clip_by_global_norm(CLIP), optax.sgd(RATE))

    def loss(params: Any, places: Any) -> Any:
        return optax.softmax_cross_entropy_with_integer_labels(model.apply({"params": params}, x[places]), y[places]).mean()

    def step(carry: Any, places: Any) -> Any:
        params, state = carry
        updates, state = rule.update(jax.grad(loss)(params, places), state)
        return (optax.apply_updates(params, updates), state), None

    @jax.jit
    def train(key: Any) -> Any:
        params = model.init(key, x[:BATCH])["params"]

        def epoch(carry: Any, key: Any) -> Any:
            carry, _ = jax.lax.scan(step, carry, jax.random.permutation(key, STEPS * BATCH).reshape(STEPS, BATCH))
            return carry, loss(carry[0], jnp.arange(STEPS * BATCH, len(x)))

        return jax.lax.scan(epoch, (params, rule.init(params)), jax.random.split(key, EPOCHS))[1][-1]

    def timed() -> dict[str, Any]:
        return {"nll": float(train(jax.random.key(0)))}

    return timed


CONTESTANTS: dict[str, Callable[..., Timed]] = {
    f"{name}, {units} units, {count}": function
    for units in (200, 650)
    for name, function, counts in (
        ("jaxtricks", jaxtricks, ("1 members", "8 members")),
        ("PyTorch", torch_eager, ("1 threads", "2 threads")),
        ("Flax", flax_scan, ("1 scan",)),
    )
    for count in counts
}


@dataclasses.dataclass(frozen=True)
class Arguments:
    """Times a training step of a word-level LSTM, jaxtricks beside its peers, interleaved.

    Args:
        rounds: how often every contestant takes its turn; the median counts.
        units: of each layer; both sizes by default.
        json: print one JSON object instead of text.
    """

    rounds: int = 5
    units: tuple[int, ...] = (200, 650)
    json: bool = False


def _arguments(name: str) -> dict[str, int]:
    """What a contestant's name says: its units, and its members or threads."""
    _, units, count = name.split(", ")
    number, kind = count.split()
    return {"units": int(units.split()[0])} | ({} if kind == "scan" else {kind: int(number)})


def measure(rounds: int, units: tuple[int, ...]) -> tuple[list[dict[str, Any]], list[Target]]:
    """Rows and targets of one run of the benchmark."""
    names = [name for name in CONTESTANTS if _arguments(name)["units"] in units]
    workers = {name: Worker(MODULE, name, _arguments(name), {"OMP_WAIT_POLICY": "passive"}) for name in names}
    for worker in workers.values():
        worker.go()  # what compiles at the first call
    figures: dict[str, list[dict[str, Any]]] = {name: [] for name in workers}
    for _ in tqdm(range(rounds), desc="rounds"):
        for name, worker in workers.items():
            figures[name].append(worker.go())
    for worker in workers.values():
        worker.stop()
    step = {name: statistics.median(run["seconds"] for run in runs) / (EPOCHS * STEPS) for name, runs in figures.items()}
    rows = [
        {"name": name, "seconds": step[name], "milliseconds a member": 1e3 * step[name] / _arguments(name).get("members", 1)}
        | {"nll": runs[-1]["nll"]}
        for name, runs in figures.items()
    ]
    targets = []
    for size, most in ((200, 1.05), (650, 1.2)):
        if size not in units:
            continue
        one, eight = (step[f"jaxtricks, {size} units, {members} members"] for members in (1, 8))
        torch = min(step[f"PyTorch, {size} units, {threads} threads"] for threads in (1, 2))
        flax = step[f"Flax, {size} units, 1 scan"]
        targets += [
            Target(f"{size} units: one member's step, times PyTorch's", one / torch, most, higher_is_better=False),
            Target(f"{size} units: times faster than Flax", flax / one, 1.4),
            Target(f"{size} units: 8 members, times 8 of PyTorch in turn", eight / (8 * torch), 1, higher_is_better=False),
        ]
    return rows, targets


def main() -> None:
    """The command line."""
    arguments = tyro.cli(Arguments, config=(tyro.conf.FlagCreatePairsOff,))
    rows, targets = measure(arguments.rounds, arguments.units)
    show(device_name(), rows, targets, arguments.json)


if __name__ == "__main__":
    main()
