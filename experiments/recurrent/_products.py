"""A recurrence whose products with the inputs are taken step by step, or once for the whole sequence."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from experiments.recurrent._timing import difference, over_sizes, seconds
from jaxtricks import rng
from jaxtricks.evaluate.claim import Axes, Estimate, Outcome, Scale, exact, settle

SAME, GAIN, BATCH = 1e-6, 1.05, 32
REFUTED_BY = (
    "At one of the sizes the 95% interval of the time with the product in the loop over the time with it before the loop lies at "
    "or below 1.05 (the compiler does it by itself, or it does not matter), or the 95% interval of the mean largest difference "
    "lies at or above 10⁻⁶ of the largest number."
)


class Weights(NamedTuple):
    """The kernel of what comes in, and that of h."""

    kernel: Float[Array, "units units"]
    recurrent: Float[Array, "units units"]


States = Callable[[Weights, Float[Array, "batch units"], Float[Array, "time batch units"]], Float[Array, "time batch units"]]


def recurrence(weights: Weights, summands: Callable[[Array], Array], x: Float[Array, "time batch units"]) -> Array:
    """The states h' = tanh(summands(x) + hU) of a scan, from zero on."""

    def step(h: Array, x: Array) -> tuple[Array, Array]:
        h = jnp.tanh(summands(x) + h @ weights.recurrent)
        return h, h

    return jax.lax.scan(step, jnp.zeros_like(x[0]), x)[1]


def drawn(seed: Any, units: int, time: int) -> tuple[Weights, Array, Array, Array]:
    """Weights whose products have a variance of about 1, a context, inputs, and what states are multiplied by for a loss."""
    key = rng.root(seed)
    weights = jax.random.normal(rng.stream(key, "weights"), (2, units, units)) / np.sqrt(units)
    context = jax.random.normal(rng.stream(key, "context"), (BATCH, units))
    x, slope = jax.random.normal(rng.stream(key, "data"), (2, time, BATCH, units))
    return Weights(*weights), context, x, slope


def trained(states: States) -> Callable[..., tuple[Array, Weights]]:
    """(weights, context, x, slope) → the states, and the gradients of all weights."""

    def run(weights: Weights, context: Array, x: Array, slope: Array) -> tuple[Array, Weights]:
        def loss(weights: Weights) -> tuple[Array, Array]:
            found = states(weights, context, x)
            return jnp.mean(found * slope), found

        gradient, found = jax.grad(loss, has_aux=True)(weights)
        return found, gradient

    return run


def compared(inside: States, before: States, scale: Scale) -> Outcome:
    """Both ways to take a product: equality in double precision, and the time of a training step, in the loop over before it.

    Args:
        inside: takes it in every step.
        before: takes it once for all steps.
        scale: how large; each seed is a problem and a round.
    """
    sizes, time = scale.pick(smoke=((4,), 4), cpu=((32, 128), 32), full=((128, 1024), 64))
    arms = {"in the loop": jax.jit(trained(inside)), "before it": jax.jit(trained(before))}
    draw = jax.jit(drawn, static_argnums=(1, 2))
    with jax.enable_x64(True):
        doubled = [jax.tree.map(lambda leaf: leaf.astype(jnp.float64), draw(seed, sizes[0], time)) for seed in scale.restarts]
        off = np.array([difference(*(run(*problem) for run in arms.values())) for problem in doubled])
    times = {units: seconds(arms, [draw(seed, units, time) for seed in scale.restarts]) for units in sizes}
    ratios = {units: Estimate.of(taken["in the loop"] / taken["before it"], "these examples") for units, taken in times.items()}
    said = ", ".join(f"{ratio:.2f} times at {units} units" for units, ratio in ratios.items())
    return Outcome(
        parts=[
            exact("both are the same", off, SAME),
            *(settle(f"before the loop is faster at {units} units", ratio, above=GAIN) for units, ratio in ratios.items()),
        ],
        effect=f"with the product inside of the compiled loop a training step takes {said} as long as with the product before "
        f"it; states and gradients differ by {off.mean():.0e} of the largest",
        numbers={
            "ratio": ratios,
            "difference": off,
            "milliseconds": {units: {arm: Estimate.of(1e3 * t) for arm, t in taken.items()} for units, taken in times.items()},
        },
        series=over_sizes(times),
        axes=Axes("units", "a training step (ms)", log="xy"),
    )
