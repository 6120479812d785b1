"""One update of each rule on ten million parameters, beside its floor: the bytes that it must move, at the machine's own rate.

The floor is parameters, gradients and state read once, parameters and state written once. The problem is Σ c w²/2, whose gradient
c w costs the one read that a gradient lying ready would. `python -m experiments.speed.optimizers --help`.
"""

import dataclasses
import functools
from typing import Any

import tyro
from tqdm.auto import tqdm

import jaxtricks as jt
from experiments.speed.harness import Target, Timed, Worker, device_name, show
from jaxtricks.config import choices

LAYERS, WIDTH = 10, 1000
MODULE = "experiments.speed.optimizers"


def update(rule: str) -> Timed:
    """One step of the engine's method, compiled, its parameters and state updated in place."""
    import jax
    import jax.numpy as jnp

    from jaxtricks.optim.method import Problem, Validation
    from jaxtricks.optim.optimizer import assemble

    def layers(key: Any) -> Any:
        keys = jax.random.split(key, LAYERS)
        return {
            f"hidden_{i}": {"kernel": jax.random.normal(keys[i], (WIDTH, WIDTH)) / 30, "bias": jnp.ones(WIDTH)}
            for i in range(LAYERS)
        }

    method = assemble(jt.Optimizer(rule=rule), 1000)  # type: ignore[arg-type]
    validation = Validation(jnp.asarray(jnp.inf), jnp.int32(0))

    @functools.partial(jax.jit, donate_argnums=(0, 1))
    def step(params: Any, state: Any, curvature: Any) -> Any:
        def loss(params: Any, _: Any) -> Any:
            return sum(jax.tree.leaves(jax.tree.map(lambda c, w: jnp.sum(c * w * w) / 2, curvature, params)))

        new = method.step(Problem(lambda params: (params, None), loss), params, state, validation)
        return new.params, new.state

    curvature = jax.tree.map(jnp.abs, layers(jax.random.key(1)))
    params = layers(jax.random.key(0))
    state = jax.jit(method.init)(params)
    size = sum(leaf.nbytes for leaf in jax.tree.leaves(params))
    memory = sum(leaf.nbytes for leaf in jax.tree.leaves(state))
    params, state = jax.block_until_ready(step(params, state, curvature))  # compiled here, outside the timing

    def timed() -> dict[str, Any]:
        nonlocal params, state
        params, state = jax.block_until_ready(step(params, state, curvature))
        return {"state": memory / size, "bytes": 3 * size + 2 * memory}

    return timed


def in_place() -> Timed:
    """The machine's rate: an array of 400 MB read and written in place, by JAX."""
    import jax
    import jax.numpy as jnp

    add = jax.jit(lambda x: x + 1, donate_argnums=0)
    x = jax.block_until_ready(add(jnp.zeros(LAYERS * LAYERS * WIDTH * WIDTH)))

    def timed() -> dict[str, Any]:
        nonlocal x
        x = jax.block_until_ready(add(x))
        return {"bytes": 2 * x.nbytes}

    return timed


CONTESTANTS = dict.fromkeys(choices(jt.optim.Rule), update) | {"in place": in_place}


@dataclasses.dataclass(frozen=True)
class Arguments:
    """Times one update of each rule against the bytes that it must move.

    Args:
        rounds: how often every rule takes its step; the fastest counts, since whatever else a machine does only adds.
        json: print one JSON object instead of text.
    """

    rounds: int = 7
    json: bool = False


def measure(rounds: int) -> tuple[list[dict[str, Any]], list[Target]]:
    """Rows and targets of one run of the benchmark."""
    machine = Worker(MODULE, "in place", {}, {})
    rates: list[float] = []

    def timed(worker: Worker) -> dict[str, Any]:
        copied = machine.go()  # between any two steps, since the machine's rate changes from minute to minute
        rates.append(copied["bytes"] / copied["seconds"])
        return worker.go()

    figures: dict[str, list[dict[str, Any]]] = {}
    for rule in tqdm(choices(jt.optim.Rule), desc="rules"):
        worker = Worker(MODULE, rule, {"rule": rule}, {})  # one after the other, since they are large
        figures[rule] = [timed(worker) for _ in range(rounds)]
        worker.stop()
    machine.stop()
    rate = max(rates)
    rows: list[dict[str, Any]] = []
    for rule, runs in figures.items():
        seconds, floor = min(run["seconds"] for run in runs), runs[0]["bytes"] / rate
        row = {"name": rule, "seconds": seconds, "ms": 1e3 * seconds, "floor ms": 1e3 * floor, "times the floor": seconds / floor}
        rows.append(row | {"state per parameter": runs[0]["state"]})
    rows.append({"name": "the machine's rate, read and written in place", "seconds": 4e8 * 2 / rate, "GB/s": rate / 1e9})
    near = ("sgd", "momentum", "adam")
    targets = [
        Target(f"{row['name']}: times its floor", row["times the floor"], 1.5, False) for row in rows if row["name"] in near
    ]
    return rows, targets


def main() -> None:
    """The command line."""
    arguments = tyro.cli(Arguments, config=(tyro.conf.FlagCreatePairsOff,))
    rows, targets = measure(arguments.rounds)
    show(device_name(), rows, targets, arguments.json)


if __name__ == "__main__":
    main()
