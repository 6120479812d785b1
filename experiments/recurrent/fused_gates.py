"""The products of all gates of an LSTM are one product."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key

from experiments.recurrent._timing import difference, over_sizes, seconds
from jaxtricks import rng
from jaxtricks.evaluate.claim import Axes, Claim, Earlier, Estimate, Outcome, Paper, Ruling, Scale, exact, settle

SAME, BATCH, GATES = 1e-6, 32, 4  # the gates are i, f, g, o
FUSED, APART = "one product", "a product a gate"


class Problem(NamedTuple):
    """Weights of both ways to write them, inputs, and what the states are multiplied by to give a loss."""

    fused: Float[Array, "below gates"]
    apart: tuple[tuple[Float[Array, "features units"], Float[Array, "units units"]], ...]
    x: Float[Array, "time batch features"]
    slope: Float[Array, "time batch units"]


def drawn(key: Key[Array, ""], units: int, time: int) -> Problem:
    """Weights whose products have a variance of about 1; as many features as units."""
    fused = jax.random.normal(rng.stream(key, "weights"), (2 * units, GATES * units)) / np.sqrt(2 * units)
    x, slope = jax.random.normal(rng.stream(key, "data"), (2, time, BATCH, units))
    blocks = jnp.split(fused, GATES, axis=1)
    return Problem(fused, tuple((block[:units], block[units:]) for block in blocks), x, slope)


def cell(c: Array, i: Array, f: Array, g: Array, o: Array) -> tuple[Array, Array]:
    """The next h and c."""
    c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
    return jax.nn.sigmoid(o) * jnp.tanh(c), c


def fused_step(kernel: Array, state: tuple[Array, Array], x: Array) -> tuple[tuple[Array, Array], Array]:
    """[x; h] times all weights."""
    h, c = state
    state = cell(c, *jnp.split(jnp.concatenate([x, h], axis=1) @ kernel, GATES, axis=1))
    return state, state[0]


def apart_step(kernels: Any, state: tuple[Array, Array], x: Array) -> tuple[tuple[Array, Array], Array]:
    """Every gate as the slide writes it, with a product of x and one of h."""
    h, c = state
    state = cell(c, *(x @ below + h @ recurrent for below, recurrent in kernels))
    return state, state[0]


def trained(step: Callable[..., Any], loop: Callable[..., Any]) -> Callable[..., tuple[Array, Any]]:
    """(weights, x, slope) → the states, and the weights after a step of gradient descent."""

    def run(weights: Any, x: Array, slope: Array) -> tuple[Array, Any]:
        def loss(weights: Any) -> tuple[Array, Array]:
            zero = jnp.zeros(slope.shape[1:], x.dtype)
            states = loop(lambda state, x: step(weights, state, x), (zero, zero), x)[1]
            return jnp.mean(states * slope), states

        gradient, states = jax.grad(loss, has_aux=True)(weights)
        return states, jax.tree.map(lambda w, g: w - g, weights, gradient)

    return run


def unrolled(step: Callable[..., Any], state: Any, x: Array) -> tuple[Any, Array]:
    """A loop of Python, which the compiler sees as one step after the other."""
    outputs = []
    for value in x:
        state, y = step(state, value)
        outputs.append(y)
    return state, jnp.stack(outputs)


def errors(seeds: Sequence[int], units: int) -> Float[np.ndarray, " seeds"]:
    """How far states and new weights are apart, in double precision, of the scan and of a loop gate by gate, over 4 steps."""

    def both(seed: Array) -> tuple[Any, Any]:
        problem = jax.tree.map(lambda leaf: leaf.astype(jnp.float64), drawn(rng.root(seed), units, 4))
        found, new = trained(fused_step, jax.lax.scan)(problem.fused, problem.x, problem.slope)
        states, apart = trained(apart_step, unrolled)(problem.apart, problem.x, problem.slope)
        together = jnp.concatenate([jnp.concatenate(pair) for pair in apart], axis=1)
        return (found, new - problem.fused), (states, together - problem.fused)

    with jax.enable_x64(True):
        found, wanted = jax.jit(lambda: jax.lax.map(both, jnp.asarray(seeds)))()
    return np.array(
        [difference(*(jax.tree.map(lambda leaf, i=i: leaf[i], tree) for tree in (found, wanted))) for i in range(len(seeds))]
    )


def measure(scale: Scale) -> Outcome:
    """An LSTM without biases, of 16, 64 and 256 units and as many features, batches of 32 and 32 steps; each seed draws weights
    and inputs and is a round of timing. Equality: states and gradients of the scanned step with one product [x; h]W against a
    Python loop with two products a gate, 4 steps in double precision, as a share of the largest. Time: a training step
    (forward, backward, gradient descent) compiled on one device, the step inside `lax.scan` both times, with one product and
    with eight; the arms take turns, the fastest of five calls counts. The compiler may join products by itself. The lecture
    says that it can be done in one operation: that decides. That it is faster is our claim and stands beside it.
    """
    sizes, time = scale.pick(smoke=((4,), 4), cpu=((16, 64, 256), 32), full=((64, 256, 1024), 64))
    off = errors(scale.restarts, sizes[0])
    fused, apart = (jax.jit(trained(step, jax.lax.scan)) for step in (fused_step, apart_step))
    arms = {
        FUSED: lambda problem: fused(problem.fused, problem.x, problem.slope),
        APART: lambda problem: apart(problem.apart, problem.x, problem.slope),
    }
    draw = jax.jit(lambda seed, units: drawn(rng.root(seed), units, time), static_argnums=1)
    times = {units: seconds(arms, [(draw(seed, units),) for seed in scale.restarts]) for units in sizes}
    ratios = {units: Estimate.of(taken[APART] / taken[FUSED], "these examples") for units, taken in times.items()}
    said = ", ".join(f"{ratio:.2f} times at {units} units" for units, ratio in ratios.items())
    return Outcome(
        parts=[
            exact("one product gives the same", off, SAME),
            *(settle(f"and faster at {units} units", ratio, above=1, kind="paper") for units, ratio in ratios.items()),
        ],
        effect=f"one product for all gates gives the same states and gradients but for {off.mean():.0e} of the largest; a "
        f"training step with products gate by gate takes {said} as long",
        numbers={
            "difference": off,
            "ratio": ratios,
            "milliseconds": {units: {arm: Estimate.of(1e3 * t) for arm, t in taken.items()} for units, taken in times.items()},
        },
        series=over_sizes(times),
        axes=Axes("units", "a training step (ms)", log="xy"),
    )


CLAIM = Claim(
    rows=("T090",),
    lecture=2,
    statement="all gates computations can be done in single mat-mat op.",
    papers=(Paper("[Wⁱ; Wᶠ; Wᵍ; Wᵒ]x stacks the four products", "M"),),
    refuted_by="The largest difference, of any seed, is 10⁻⁶ of the largest number or more. Beside it, our claim that it "
    "is faster: "
    "refuted if at one of the sizes the interval of the time gate by gate over the time with one product lies at or below 1.",
    measure=measure,
    kind="identity",
    history=(
        Earlier(
            "2026-11-28",
            "that it can be done decides alone, and the time stands beside it",
            "the lecture says that it can be done and not how fast; the result had been seen",
            Ruling.REFUTED,
            criterion="4d95cafed1c6",
        ),
    ),
)
