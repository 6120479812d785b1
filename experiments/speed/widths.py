"""Networks of several widths: one program a width, or one of the largest width that masks the units beyond a member's own.

One hidden layer of 2, 4 … 256 ReLU units on the digits, batch 64, Adam, so many epochs and restarts of each. A width is the shape
of an array, and so by itself a program of its own. Masked, it is a float like any other: all widths are members of one program,
which is compiled once, and each of them costs what the largest one does. Both draw units from the same distribution, and a masked
unit gets no gradient, so that a member is the narrow network.

"cold" is a call in a new process with no compilation cache, "warm" the same call once more; "cpu" is the processor time of the
process, over all cores, which other work on the machine changes less than the time on the wall.
`python -m experiments.speed.widths --help`.

Eight widths up to 256 units, 8 restarts of 20 epochs, one round on two busy cores (experiments/results/speed/widths-cpu.json):
cold, masked units take 0.22 times the processor time of one program a width, as compiling is most of it; warm 2.1 times. Masks
save some 40 s of compiling here, and cost 1.8 s more for each 8 × 20 epochs: they should be the cheaper way up to some 20 times
as much training. The claim `width_descent` trains some 30 times as much, and so has one program a width.
"""

import dataclasses
import os
import statistics
import time
from collections.abc import Callable
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import tyro
from jaxtyping import Array, Float
from tqdm.auto import tqdm

from experiments.speed.harness import Timed, Worker, device_name, show
from jaxtricks.config import Positive
from jaxtricks.extend import config

MODULE = "experiments.speed.widths"
NO_CACHE = {"JAX_ENABLE_COMPILATION_CACHE": "false"}


@config()
class Narrowed(nn.Module):
    """A network of one hidden layer of ReLU, of whose units the first `width` act.

    Its weights are those of an `MLP` of that width in distribution: kernels from N(0, 1/fan-in), biases 0.

    Args:
        width: how many units act; traced.
        most: how many there are.
        outputs: classes.
    """

    width: Positive = 512.0
    most: int = 512
    outputs: int = 10

    @nn.compact
    def __call__(self, x: Float[Array, "batch ..."]) -> Float[Array, "batch outputs"]:
        x = x.reshape(len(x), -1)
        acts = jnp.arange(self.most) < self.width
        x = nn.relu(nn.Dense(self.most, kernel_init=nn.initializers.lecun_normal(), name="hidden")(x)) * acts[None]
        kernel = self.param("kernel", lambda key: jax.random.normal(key, (self.most, self.outputs)) / jnp.sqrt(self.width))
        return x @ kernel + self.param("bias", nn.initializers.zeros, (self.outputs,))[None]


def _timed(models: Callable[[Any], list[Any]], restarts: int, epochs: int) -> Timed:
    """Restarts of several networks in one call of `fit`; nothing is compiled yet.

    Args:
        models: the networks, made of the library once the devices are there.
        restarts: of each.
        epochs: of the digits.
    """
    # A CPU's cores as devices; not `set_up`, which would also keep compiled programs for the next process.
    jax.config.update("jax_num_cpu_devices", os.cpu_count() or 1)
    import jaxtricks as jt

    data = jt.load("digits")
    trials = [jt.Experiment(model=model, batch_size=64, epochs=epochs) for model in models(jt)]

    def timed() -> dict[str, Any]:
        began = time.process_time()
        runs = jt.fit(trials, data, seeds=restarts, progress=False)
        narrowest, widest = (float(runs[place].metrics["accuracy"].mean()) for place in (0, -1))
        return {"cpu": time.process_time() - began, "narrowest": narrowest, "widest": widest}

    return timed


def each(widths: list[int], restarts: int, epochs: int) -> Timed:
    """One program a width."""
    return _timed(lambda jt: [jt.MLP(widths=(width,)) for width in widths], restarts, epochs)


def masked(widths: list[int], restarts: int, epochs: int) -> Timed:
    """All widths in one program."""
    return _timed(lambda jt: [Narrowed(width=float(width), most=max(widths)) for width in widths], restarts, epochs)


CONTESTANTS = {"each": each, "masked": masked}
NAMES = {"each": "one program a width", "masked": "one program, units masked"}


@dataclasses.dataclass(frozen=True)
class Arguments:
    """Times networks of several widths, with one program a width and with one for all.

    Args:
        powers: the widths are 2, 4 … 2^powers units.
        restarts: of each width.
        epochs: of the digits, from few to many.
        rounds: how often each takes its turn in a new process; the median counts.
        json: print one JSON object instead of text.
    """

    powers: int = 8
    restarts: int = 8
    epochs: tuple[int, ...] = (20,)
    rounds: int = 3
    json: bool = False


def measure(arguments: Arguments) -> list[dict[str, Any]]:
    """Rows of one run of the benchmark."""
    widths = [2**power for power in range(1, arguments.powers + 1)]
    rows: list[dict[str, Any]] = []
    for epochs in arguments.epochs:
        figures: dict[str, list[list[dict[str, Any]]]] = {name: [] for name in CONTESTANTS}
        for _ in tqdm(range(arguments.rounds), desc=f"{epochs} epochs"):
            for name, turns in figures.items():
                work = {"widths": widths, "restarts": arguments.restarts, "epochs": epochs}
                worker = Worker(MODULE, name, work, NO_CACHE)
                turns.append([worker.go(), worker.go()])
                worker.stop()
        middle = {
            (name, call, unit): statistics.median(turn[call][unit] for turn in turns)
            for name, turns in figures.items()
            for call in (0, 1)
            for unit in ("seconds", "cpu")
        }
        for name, turns in figures.items():
            last = turns[-1][-1]
            row: dict[str, Any] = {"name": f"{NAMES[name]}, {epochs} epochs", "seconds": middle[name, 0, "seconds"]}
            row |= {"cpu": middle[name, 0, "cpu"], "warm": middle[name, 1, "seconds"], "warm cpu": middle[name, 1, "cpu"]}
            rows.append(row | {key: last[key] for key in ("narrowest", "widest")})
    return rows


def main() -> None:
    """The command line."""
    arguments = tyro.cli(Arguments, config=(tyro.conf.FlagCreatePairsOff,))
    show(device_name(), measure(arguments), [], arguments.json)


if __name__ == "__main__":
    main()
