"""Losses that are added up on the device: what they hold in memory, and what it costs to read each of them."""

import time
from collections.abc import Callable, Iterator

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxtricks import rng
from jaxtricks.evaluate.claim import Axes, Claim, Curve, Estimate, Outcome, Paper, Scale, holds, settle

UNITS, BATCH = 64, 32

Weights = Float[Array, "inputs units"]
Loop = Callable[[Iterator[Array]], Iterator[object]]


@jax.jit
def step(weights: Weights, x: Float[Array, "batch inputs"]) -> tuple[Weights, Array]:
    """One step of gradient descent on a small problem, and its loss."""
    loss, gradient = jax.value_and_grad(lambda w: jnp.mean(jnp.tanh(x @ w) ** 2))(weights)
    return weights - 0.01 * gradient, loss


def added(losses: Iterator[Array]) -> Iterator[object]:
    """`running_loss += l`, on the device."""
    running: object = 0.0
    for loss in losses:
        running = running + loss  # type: ignore[operator]
        yield running


def read(losses: Iterator[Array]) -> Iterator[object]:
    """`running_loss += l.item()`: each loss is waited for."""
    running = 0.0
    for loss in losses:
        running += loss.item()
        yield running


def listed(losses: Iterator[Array]) -> Iterator[object]:
    """Losses kept in a list, on the device."""
    kept = []
    for loss in losses:
        kept.append(loss)
        yield kept


LOOPS: dict[str, Loop] = {"added": added, "read": read, "listed": listed}


def measure(scale: Scale) -> Outcome:
    """The lecture's loop, in JAX: steps of gradient descent on a layer of 64 units, whose losses are added up as they are, added
    up after `.item()`, or kept in a list. Counted are the arrays that are alive (`jax.live_arrays`) after the first tenth of the
    steps and after the last: what grows is a leak. Beside it the seconds that 1,000 steps take. PyTorch, of which the lecture
    speaks, keeps the graph of each loss; JAX has no graph once a step has run.
    """
    steps = scale.pick(smoke=20, cpu=1_000, full=10_000)
    grown, seconds = dict[str, np.ndarray](), dict[str, np.ndarray]()
    alive = dict[str, np.ndarray]()
    for name, loop in LOOPS.items():
        found = [_lived(loop, seed, steps) for seed in scale.restarts]
        alive[name] = np.array([counts for counts, _ in found], float)
        grown[name] = alive[name][:, -1] - alive[name][:, 0]
        seconds[name] = np.array([took for _, took in found])
    ratio = Estimate.of(np.log(seconds["read"] / seconds["added"]))
    none, whole = bool((grown["added"] == 0).all()), bool((grown["listed"] == steps - steps // 10).all())
    leak = bool((grown["added"] > 0).all())
    return Outcome(
        parts=[
            holds("running_loss += l holds more and more", leak, f"{grown['added'].mean():.1f} arrays in {steps} steps"),
            holds("running_loss += l.item() does not", bool((grown["read"] == 0).all()), f"{grown['read'].mean():.1f} arrays"),
            holds("a list of losses holds one for each step", whole, f"{grown['listed'].mean():.1f} arrays"),
            settle("reading each loss takes longer", ratio, above=0, kind="paper", scope="new data"),
        ],
        effect=f"in JAX, adding losses up on the device holds {'nothing' if none else 'more'} "
        f"({grown['added'].mean():.0f} arrays in {steps} steps), a list of them {grown['listed'].mean():.0f}; a loop that reads "
        f"each loss takes {np.exp(ratio.mean):.2f} times as long",
        numbers={"grown": grown, "log_seconds_ratio": ratio},
        series=tuple(Curve.over_seeds(name, np.linspace(steps / 10, steps, 10), each) for name, each in alive.items()),
        axes=Axes("step", "arrays that are alive"),
    )


def _lived(loop: Loop, seed: int, steps: int) -> tuple[list[int], float]:
    """Arrays alive after each tenth of the steps, without those before, and seconds."""
    x = jnp.asarray(rng.host(seed, "running loss").normal(size=(BATCH, UNITS)), jnp.float32)
    weights = jnp.eye(UNITS)
    jax.block_until_ready(step(weights, x))
    list(loop(_losses(weights, x, 2)))  # compiles what the loop does, too
    before, counts, began, held = len(jax.live_arrays()), list[int](), time.perf_counter(), None
    for number, held in enumerate(loop(_losses(weights, x, steps)), 1):  # noqa: B007
        if number % (steps // 10) == 0:
            counts.append(len(jax.live_arrays()) - before)
    jax.block_until_ready(held)
    return counts, time.perf_counter() - began


def _losses(weights: Weights, x: Array, steps: int) -> Iterator[Array]:
    for _ in range(steps):
        weights, loss = step(weights, x)
        yield loss


CLAIM = Claim(
    rows=("T103",),
    lecture=3,
    statement="MEMORY LEAK … running_loss += l … running_loss += l.item()",
    papers=(Paper("PyTorch's FAQ: do not accumulate history across your training loop", "R"),),
    refuted_by="In JAX, the number of arrays that are alive does not grow from the first tenth of the steps to the last while "
    "losses are added up as they are, for any seed; or grows while they are added up after .item().",
    measure=measure,
    kind="identity",
    trains=False,
)
