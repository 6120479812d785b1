"""Deep networks: what compiling and a step take, with equal layers scanned and with each written out, beside Flax and Optax.

A network of some layers trains for one epoch of 8 steps of 64 digits, with AdamW, as several restarts in one program, and is
validated after it. The MLP has layers of 64 ReLU units; the Transformer reads the 8 rows of a digit, in blocks of width 32 with 4
heads and 64 GEGLU units, pre-norm. "cold" is that epoch in a new process with no compilation cache, "warm" is the same call once
more, and "compiling" the difference; each in seconds of the processor over all cores, which other work on the machine changes
less than the time on the wall. A step is timed on the wall. `python -m experiments.speed.depth --help`.

Of Flax and Optax there is a loop by hand, as one would write it for several restarts: `nn.scan` over the layers, `vmap` over the
restarts, `lax.scan` over the steps.
"""

import dataclasses
import os
import time
from collections.abc import Callable
from typing import Any

import tyro
from tqdm.auto import tqdm

from experiments.speed.harness import Target, Timed, Worker, device_name, show

MODULE = "experiments.speed.depth"
NO_CACHE = {"JAX_ENABLE_COMPILATION_CACHE": "false"}
EXAMPLES, BATCH, STEPS = 640, 64, 8
WIDTH, BLOCK, HEADS, HIDDEN = 64, 32, 4, 64
DEPTHS = {"MLP": (2, 20, 100), "Transformer": (2, 12, 24)}
RATE, DECAY = 1e-3, 1e-4


def _digits(kind: str) -> Any:
    import jaxtricks as jt

    digits = jt.load("digits").subset(EXAMPLES, seed=0)
    rows = digits.x.reshape(len(digits.x), 8, 8)
    return digits if kind == "MLP" else jt.Dataset.from_arrays(rows, digits.y, name="rows of digits", scale=16)


def fitted(kind: str, layers: int, restarts: int, scan: bool | None) -> Timed:
    """The engine, as a user calls it.

    Args:
        kind: "MLP" or "Transformer".
        layers: how many.
        restarts: that train together.
        scan: whether equal layers are scanned, as `MLP.scan_layers`.
    """
    import jax

    # A CPU's cores as devices; not `set_up`, which would also keep compiled programs for the next process.
    jax.config.update("jax_num_cpu_devices", os.cpu_count() or 1)
    import jaxtricks as jt
    from experiments.speed.segments import Watch

    watch, data = Watch(), _digits(kind)
    model: Any = jt.MLP(widths=(WIDTH,) * layers, scan_layers=scan)
    if kind == "Transformer":
        model = jt.Transformer(layers=layers, width=BLOCK, heads=HEADS, hidden=HIDDEN, scan_layers=scan)
    optimizer = jt.Optimizer(rule=jt.AdamW(learning_rate=RATE, weight_decay=jt.optim.Decoupled(rate=DECAY)))
    experiment = jt.Experiment(model=model, optimizer=optimizer, batch_size=BATCH, epochs=1)

    def timed() -> dict[str, Any]:
        began = time.process_time()
        found = watch.measure(lambda: jt.fit(experiment, data, seeds=restarts, progress=False))
        return {"cpu": time.process_time() - began, "step": found["fastest"] / STEPS}

    return timed


def flax_scan(kind: str, layers: int, restarts: int) -> Timed:
    """Flax's `nn.scan` and Optax in a loop by hand."""
    import flax.linen as nn
    import jax
    import jax.numpy as jnp
    import numpy as np
    import optax

    class Hidden(nn.Module):
        """A layer of the MLP."""

        @nn.compact
        def __call__(self, x: Any, _: Any) -> Any:
            return nn.relu(nn.Dense(WIDTH)(x)), None

    class Block(nn.Module):
        """A block of the Transformer."""

        @nn.compact
        def __call__(self, x: Any, _: Any) -> Any:
            seen = nn.make_causal_mask(jnp.ones(x.shape[:-1]))
            x = x + nn.MultiHeadDotProductAttention(HEADS)(nn.LayerNorm()(x), mask=seen)
            gate, up = jnp.split(nn.Dense(2 * HIDDEN)(nn.LayerNorm()(x)), 2, axis=-1)
            return x + nn.Dense(x.shape[-1])(nn.gelu(gate) * up), None

    layer, first = (Hidden, nn.Dense(WIDTH)) if kind == "MLP" else (Block, nn.Dense(BLOCK))

    class Network(nn.Module):
        """Layers in a scan, and a linear head."""

        @nn.compact
        def __call__(self, x: Any) -> Any:
            count = layers - 1 if kind == "MLP" else layers
            x = first.copy(name="first")(x)
            x = nn.relu(x) if kind == "MLP" else x
            deep = nn.scan(layer, variable_axes={"params": 0}, split_rngs={"params": True}, length=count)
            x, _ = deep(name="layers")(x, None)
            return nn.Dense(10, name="head")(x if kind == "MLP" else x[:, -1])

    data = _digits(kind)
    x = np.asarray(data.x, np.float32).reshape((-1, 64) if kind == "MLP" else (-1, 8, 8)) / 16
    y, train = np.asarray(data.y), BATCH * STEPS
    network, adamw = Network(), optax.adamw(RATE, weight_decay=DECAY)

    def init(key: Any) -> Any:
        params = network.init(key, jnp.asarray(x[:BATCH]))
        return params, adamw.init(params)

    def loss(params: Any, batch: Any) -> Any:
        return optax.softmax_cross_entropy_with_integer_labels(network.apply(params, batch[0]), batch[1]).mean()

    def epoch(state: Any, key: Any) -> Any:
        order = jax.random.permutation(key, train).reshape(STEPS, BATCH)

        def step(state: Any, places: Any) -> Any:
            value, slope = jax.value_and_grad(loss)(state[0], (jnp.asarray(x)[places], jnp.asarray(y)[places]))
            updates, moments = adamw.update(slope, state[1], state[0])
            return (optax.apply_updates(state[0], updates), moments), value

        state, losses = jax.lax.scan(step, state, order)
        return state, losses.mean(), loss(state[0], (jnp.asarray(x[train:]), jnp.asarray(y[train:])))

    keys = jax.random.split(jax.random.key(0), restarts)
    begin, advance = jax.jit(jax.vmap(init)), jax.jit(jax.vmap(epoch))

    def timed() -> dict[str, Any]:
        began = time.process_time()
        states = jax.block_until_ready(begin(keys))
        since = time.perf_counter()
        jax.block_until_ready(advance(states, keys))
        return {"cpu": time.process_time() - began, "step": (time.perf_counter() - since) / STEPS}

    return timed


CONTESTANTS: dict[str, Callable[..., Timed]] = {"jaxtricks": fitted, "Flax and Optax": flax_scan}
WAYS: dict[str, tuple[str, dict[str, Any]]] = {
    "as it is by itself": ("jaxtricks", {"scan": None}),
    "written out": ("jaxtricks", {"scan": False}),
    "nn.scan and Optax": ("Flax and Optax", {}),
}


@dataclasses.dataclass(frozen=True)
class Arguments:
    """Times an epoch of deep networks with compiling and without, scanned, written out, and in Flax.

    Args:
        kinds: "MLP", "Transformer".
        ways: which of the contestants take part.
        restarts: that train together.
        json: print one JSON object instead of text.
    """

    kinds: tuple[str, ...] = tuple(DEPTHS)
    ways: tuple[str, ...] = tuple(WAYS)
    restarts: int = 4
    json: bool = False


def measure(arguments: Arguments) -> tuple[list[dict[str, Any]], list[Target]]:
    """Rows and targets of one run of the benchmark."""
    rows: list[dict[str, Any]] = []
    targets: list[Target] = []
    for kind in arguments.kinds:
        found: dict[tuple[str, int], float] = {}
        for layers, way in tqdm([(layers, way) for layers in DEPTHS[kind] for way in arguments.ways], desc=kind):
            contestant, more = WAYS[way]
            work = {"kind": kind, "layers": layers, "restarts": arguments.restarts} | more
            worker = Worker(MODULE, contestant, work, NO_CACHE)
            cold, *warm = (worker.go() for _ in range(3))
            worker.stop()
            again = min(call["cpu"] for call in warm)
            found[way, layers] = cold["cpu"] - again
            figures = {"compiling": found[way, layers], "warm": again, "step ms": 1e3 * min(call["step"] for call in warm)}
            rows.append({"name": f"{kind} of {layers} layers, {way}", "seconds": cold["cpu"]} | figures)
        fewest, most = DEPTHS[kind][0], DEPTHS[kind][-1]
        for way in arguments.ways:
            if way == "as it is by itself":
                name = f"{kind}: compiling {most} layers, times {fewest}"
                targets.append(Target(name, found[way, most] / found[way, fewest], 1.5, higher_is_better=False))
    return rows, targets


def main() -> None:
    """The command line."""
    arguments = tyro.cli(Arguments, config=(tyro.conf.FlagCreatePairsOff,))
    rows, targets = measure(arguments)
    show(device_name(), rows, targets, arguments.json)


if __name__ == "__main__":
    main()
