"""An LSTM goes through a sequence step by step; a convolutional network takes all steps at once."""

from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

import jaxtricks as jt
from experiments.recurrent._timing import seconds
from jaxtricks import rng
from jaxtricks.evaluate.claim import Axes, Claim, Curve, Estimate, Outcome, Paper, Scale, settle

FEATURES, OUTPUTS = 16, 10


def drawn(model: nn.Module, seed: Any, total: int) -> tuple[Any, Array, Array]:
    """Parameters, inputs, and what scores are multiplied by to give a loss."""
    key = rng.root(seed)
    x = jax.random.normal(rng.stream(key, "x"), (total, FEATURES))
    slope = jax.random.normal(rng.stream(key, "slope"), (total, OUTPUTS))
    return model.init({"params": rng.stream(key, "params")}, x[None, :4], train=False)["params"], x, slope


def training_step(model: nn.Module, length: int) -> Any:
    """(parameters, x, slope) → parameters after gradient descent on the mean of scores times slope, with x cut into sequences."""

    def run(params: Any, x: Array, slope: Array) -> Any:
        def loss(params: Any) -> Array:
            scores: Any = model.apply({"params": params}, x.reshape(-1, length, FEATURES), train=True)
            return jnp.mean(scores.reshape(slope.shape) * slope)

        return jax.tree.map(lambda w, g: w - g, params, jax.grad(loss)(params))

    return jax.jit(run)


def measure(scale: Scale) -> Outcome:
    """An LSTM of 64 units and a TCN of eight levels of 21 channels (kernels of 3 steps, which see 1 021; without weight norm),
    about 21 500 parameters each. A training step (forward, backward, gradient descent) on the same 4 096 steps of 16 numbers,
    cut into sequences of 32, 256 or 1 024 steps, so that a batch holds 128, 16 or 4. What can be computed at once takes the
    same time however it is cut. Each seed draws weights and inputs and is a round: all take turns on one device, the fastest of
    five calls counts, compilation left out. Judged is how much the LSTM's time grows from the shortest to the longest sequences
    over how much the TCN's does.
    """
    lengths, total = scale.pick(smoke=((4, 8), 16), cpu=((32, 256, 1024), 4_096), full=((32, 256, 1024), 65_536))
    units, channels = scale.pick(smoke=(4, (4,)), cpu=(64, (21,) * 8), full=(512, (154,) * 8))
    filled: dict[str, Any] = {"outputs": OUTPUTS, "read": "every"}
    models = {"LSTM": jt.RNN(widths=(units,), **filled), "TCN": jt.TCN(channels=channels, weight_norm=False, **filled)}
    draws = {name: jax.jit(lambda seed, model=model: drawn(model, seed, total)) for name, model in models.items()}
    problems = [{name: draw(seed) for name, draw in draws.items()} for seed in scale.restarts]
    sizes = {name: sum(leaf.size for leaf in jax.tree.leaves(problems[0][name][0])) for name in models}
    times = {}
    for length in lengths:
        steps = {name: training_step(model, length) for name, model in models.items()}
        arms = {name: lambda problem, name=name, steps=steps: steps[name](*problem[name]) for name in models}
        times[length] = seconds(arms, [(problem,) for problem in problems])
    growth = {name: times[lengths[-1]][name] / times[lengths[0]][name] for name in models}
    ratio = Estimate.of(growth["LSTM"] / growth["TCN"], "these examples")
    each = {name: np.stack([1e6 * times[length][name] / total for length in lengths], axis=1) for name in models}
    grown = {name: Estimate.of(values) for name, values in growth.items()}
    return Outcome(
        parts=[settle("the LSTM's time grows more with the length", ratio, above=1)],
        effect=f"from sequences of {lengths[0]} to {lengths[-1]} steps, {total} steps in all, a training step of the LSTM takes "
        f"{grown['LSTM']:.2f} times as long and one of the TCN {grown['TCN']:.2f} times, a growth {ratio:.2f} times as large",
        numbers={
            "growth": grown,
            "ratio": ratio,
            "parameters": sizes,
            "microseconds_a_step": {name: [Estimate.of(column) for column in values.T] for name, values in each.items()},
        },
        series=tuple(Curve.over_seeds(name, lengths, values) for name, values in each.items()),
        axes=Axes("steps of a sequence, of equally many steps in all", "training time of a step of a sequence (µs)", log="xy"),
    )


CLAIM = Claim(
    rows=("T089",),
    lecture=2,
    statement="Sequential in nature, very little parallelism. … (Compare, e.g., to a Convolutional Network)",
    papers=(Paper("Bai+ 2018: all steps of a convolution are computed at once, a recurrent network's wait for each other", "R"),),
    refuted_by="The 95% interval of the growth of the LSTM's time from sequences of 32 to 1 024 steps, of equally many steps in "
    "all, over the TCN's lies at or below 1.",
    measure=measure,
    kind="effect",
    trains=False,
)
