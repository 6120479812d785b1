"""He's variance by a layer's inputs, by its outputs, and by the average of the two."""

import importlib.util
import math
from collections.abc import Sequence

import jax
import numpy as np
from jaxtyping import Float

import jaxtricks as jt
from experiments.feedforward._deep import Deep
from experiments.measures import estimates, final_loss, fit_tuned, wrong
from experiments.optimization._sweep import decades
from jaxtricks.evaluate.claim import Axes, Claim, Estimate, Outcome, Paper, Scale, curves, premise, settle, sizes

OUTPUTS, INPUTS = 100, 400  # lecture 3's n and m: y = Wx with W of n rows and m columns
CLOSE = 0.02  # of a standard deviation
NARROW, WIDE = 32, 128
CHANCE = math.log(10)  # the loss of knowing nothing about ten classes, in nats
FANS: dict[str, jt.nn.Initializer] = {
    "inputs": jt.nn.Initializer(jax.nn.initializers.variance_scaling(2.0, "fan_in", "normal")),
    "outputs": jt.nn.Initializer(jax.nn.initializers.variance_scaling(2.0, "fan_out", "normal")),
    "average": jt.nn.Initializer(jax.nn.initializers.variance_scaling(2.0, "fan_avg", "normal")),
}


def defaults(seeds: Sequence[int]) -> dict[str, Float[np.ndarray, " seeds"]]:
    """The standard deviation of He's weights, n×m, as three libraries draw them where they are told no more."""
    import torch  # type: ignore[import-not-found, unused-ignore]  # which few users of the library have

    found: dict[str, list[float]] = {"PyTorch": [], "JAX": [], "jaxtricks": []}
    for seed in seeds:
        torch.manual_seed(seed)
        key, shape = jax.random.key(seed), (INPUTS, OUTPUTS)
        found["PyTorch"].append(float(torch.nn.init.kaiming_normal_(torch.empty(OUTPUTS, INPUTS)).std()))
        found["JAX"].append(float(jax.nn.initializers.he_normal()(key, shape).std()))
        found["jaxtricks"].append(float(jt.nn.HeNormal()(key, shape, float).std()))
    return {name: np.array(values) for name, values in found.items()}


def measure(scale: Scale) -> Outcome:
    """The slide has y = Wx with W ∈ ℝⁿˣᵐ, so that its n is the number of outputs and m that of inputs. What PyTorch's, JAX's
    and this library's He initialization draw for a layer of n = 100 outputs and m = 400 inputs where nothing else is asked
    for: the standard deviation over √(2/n), which the sentence says, and over √(2/m), which He+ say of their equation 10.
    Without PyTorch there is nothing to test. Beside it, whether it matters: ReLU networks on digits, a layer of 128 units and
    then 30 whose widths take turns, 32 and 128, with the variance by the inputs, by the outputs, and by the average of both,
    which the slide prints for ReLU; batch 64, 30 epochs of SGD with momentum 0.9, each at its best rate by the final
    validation loss, on a ladder from 0.001 to 0.1 that goes on while the best lies at its edge, on four restarts and on
    digits that nothing is judged on. He+: by inputs or by outputs, both train. By the average, two layers together keep
    128/80 · 32/80 = 0.64 of the variance. Trained: a validation loss below half of ln 10 at the end.
    """
    there = importlib.util.find_spec("torch") is not None
    parts = [premise("PyTorch is installed", there, "torch is there" if there else "torch is not there")]
    drawn = defaults(scale.restarts) if there else {}
    by_outputs = {name: Estimate.of(std / math.sqrt(2 / OUTPUTS), "these examples") for name, std in drawn.items()}
    by_inputs = {name: Estimate.of(std / math.sqrt(2 / INPUTS), "these examples") for name, std in drawn.items()}
    for name, ratio in by_outputs.items():
        said = f"{name} takes n, the outputs"
        parts.append(settle(said, ratio, above=1 - CLOSE, below=1 + CLOSE, kind="identity", spec=".3f"))
    pairs = scale.pick(smoke=1, cpu=15, full=15)
    base = jt.Experiment(
        optimizer=jt.Optimizer(jt.Momentum(momentum=0.9)), batch_size=64, epochs=scale.budget(smoke=1, cpu=30, full=100)
    )
    arms = {name: base.replace({"model": Deep(1 + 2 * pairs, (NARROW, WIDE), jt.nn.ReLU(), init)}) for name, init in FANS.items()}
    ladder = scale.pick(smoke=(0.01,), cpu=decades(-3, -1), full=decades(-3, -1))
    runs, chosen = fit_tuned(arms, jt.load("digits"), ladder, scale, score=final_loss)
    trained = {name: Estimate.share(final_loss(each) < 0.5 * CHANCE) for name, each in runs.items()}
    parts += [
        settle("most train by inputs", trained["inputs"], above=0.5, kind="paper", scope="these examples"),
        settle("most train by outputs", trained["outputs"], above=0.5, kind="paper", scope="these examples"),
        settle("most do not by the average", trained["average"], below=0.5, kind="paper", scope="these examples"),
    ]
    ratios = ", ".join(f"{name} {by_outputs[name].mean:.3f} and {by_inputs[name].mean:.3f}" for name in by_outputs)
    return Outcome(
        parts=parts,
        effect=f"standard deviation over √(2/n), n outputs, and over √(2/m), m inputs: {ratios or 'none drawn'}; of deep "
        f"networks of alternating widths {trained['inputs']:.0%} train by inputs, {trained['outputs']:.0%} by outputs and "
        f"{trained['average']:.0%} by their average",
        numbers={
            "over_outputs": by_outputs,
            "over_inputs": by_inputs,
            "trained": trained,
            "accuracy": estimates({name: 1 - wrong(each) for name, each in runs.items()}),
        },
        series=curves(runs, "accuracy"),
        axes=Axes("epoch", "validation accuracy"),
        chosen=chosen,
        sizes=sizes(runs["inputs"]),
    )


CLAIM = Claim(
    rows=("T012",),
    lecture=3,
    statement="Glorot averages n and m by default, He takes n by default.",
    papers=(Paper("He+ 2015, §2.2: equation 10 takes the inputs, 14 the outputs; it is enough to use either alone", "R"),),
    refuted_by="For one of PyTorch, JAX and this library the 95% interval of the mean standard deviation of He's weights over "
    "√(2/n), n the outputs, lies outside 0.98 to 1.02. Beside it: the interval of the share of restarts that train by inputs, or "
    "by outputs, lies at or below one half, or that by their average at or above one half.",
    measure=measure,
    kind="identity",
)
