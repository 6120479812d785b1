"""Gradients explode with depth where the non-linearity is steep, and learning becomes unstable."""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

import jaxtricks as jt
from experiments.feedforward._deep import Deep, batches, first_gradients
from experiments.measures import estimates, final_loss, fit_tuned, messed_up, wrong
from jaxtricks.evaluate.claim import Axes, Claim, Curve, Estimate, Outcome, Paper, Scale, settle, sizes
from jaxtricks.nn.activations import Custom

STEEP, WIDTH, BATCH = 4.0, 64, 256
STRAIGHT = 0.95  # the share of the variance of ln‖∂L/∂W₁‖ that a straight line must explain to be called exponential
RELU, TANH = "max(0, 4x)", "tanh(4x)"
LADDER = (1e-7, 1e-5, 1e-3, 1e-1)


def steep_relu(x: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """max(0, 4x), whose slope is 4."""
    return jnp.maximum(STEEP * x, 0)


def steep_tanh(x: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """tanh(4x), whose slope is at most 4."""
    return jnp.tanh(STEEP * x)


ACTIVATIONS: dict[str, jt.nn.Activation] = {RELU: Custom(function=steep_relu), TANH: Custom(function=steep_tanh)}


def network(name: str, depth: int) -> Deep:
    """Hidden layers of 64 units from Glorot's weights."""
    return Deep(depth, (WIDTH,), ACTIVATIONS[name], jt.nn.GlorotNormal())


def measure(scale: Scale) -> Outcome:
    """Non-linearities whose slope is up to 4, as that of a sigmoid is up to ¼: max(0, 4x), and tanh(4x), which is bounded. Hidden
    layers of 64 units, Glorot's weights, digits. At initialization, the norm of the cross-entropy's gradient in the first layer's
    weights over 2 to 20 hidden layers, each seed on 256 digits of its own; a straight line through its logarithm, seed by seed.
    Then networks of 2 and of 20 layers are trained, plain SGD in batches of 64 for 20 epochs, each at its best rate by the final
    validation loss, on a ladder from 1e-7 to 0.1 that goes on by factors of a hundred while the best lies at its edge, on four
    restarts and on digits that nothing is judged on. Updates are overly large if the first step of the deep network, at the rate
    that suits the shallow one, is longer than the weights that it changes; unstable is a restart that diverges or has an epoch
    whose training loss lies a tenth above that of an earlier one, at that rate. Impossible to optimize well: at the deep
    network's own best rate it makes more mistakes than the shallow one at its own.
    """
    depths = scale.pick(smoke=range(2, 4), cpu=range(2, 21, 3), full=range(2, 41, 2))
    given = batches(scale.restarts, BATCH)
    found = {
        name: np.stack([first_gradients(network(name, depth), scale.restarts, given) for depth in depths], axis=1)
        for name in ACTIVATIONS
    }
    norms = {name: values[..., 0] for name, values in found.items()}
    slopes = {name: Estimate.of(np.polyfit(depths, values.T, 1)[0]) for name, values in norms.items()}
    squares = {name: np.array([np.corrcoef(depths, seed)[0, 1] ** 2 for seed in values]) for name, values in norms.items()}
    straight = Estimate.of(np.minimum(*squares.values()))

    ends = {"shallow": depths[0], "deep": depths[-1]}
    base = jt.Experiment(optimizer=jt.Optimizer(jt.SGD()), epochs=scale.budget(smoke=1, cpu=20, full=50))
    arms = {
        f"{name}, {depth} layers": base.replace({"model": network(name, depth)})
        for name in ACTIVATIONS
        for depth in ends.values()
    }
    ladder = scale.pick(smoke=(1e-3,), cpu=LADDER, full=LADDER)
    runs, chosen = fit_tuned(arms, jt.load("digits"), ladder, scale, score=final_loss)
    parts = [settle(f"gradients grow with depth: {name}", each, above=0) for name, each in slopes.items()]
    parts.append(settle("exponentially", straight, above=STRAIGHT))
    first_steps, unstable, lost = {}, {}, {}
    for name in ACTIVATIONS:
        shallow, deep = (f"{name}, {depth} layers" for depth in ends.values())
        rate = chosen[shallow].value
        at_that_rate = jt.fit(arms[deep].replace({"optimizer.rule.learning_rate": rate}), runs[deep].data, seeds=scale.restarts)
        relative = found[name][:, -1, 0] - found[name][:, -1, 1] + np.log(rate)
        first_steps[name] = Estimate.of(relative / np.log(10))
        unstable[name] = Estimate.share(messed_up(at_that_rate))
        lost[name] = Estimate.over(runs[shallow], wrong(runs[deep]) - wrong(runs[shallow]))
        parts += [
            settle(f"updates are overly large: {name}", first_steps[name], above=0),
            settle(f"learning is unstable: {name}", unstable[name], above=0.5, scope="these examples"),
            settle(f"the deep network is not optimized well: {name}", lost[name], above=0),
        ]
    said = "; ".join(
        f"{name}: ln‖∂L/∂W₁‖ grows by {slopes[name]:.2f} a layer, the first update of {ends['deep']} layers is 10 to the "
        f"{first_steps[name]:.1f} times its weights, {unstable[name]:.0%} of the restarts are unstable, and at its own rate the "
        f"deep network makes {lost[name]:+.1%} more mistakes"
        for name in ACTIVATIONS
    )
    return Outcome(
        parts=parts,
        effect=said,
        numbers={
            "slope": slopes,
            "r_squared": straight,
            "log10_first_step_over_weights": first_steps,
            "unstable": unstable,
            "more_mistakes": lost,
            "mistakes": estimates({name: wrong(each) for name, each in runs.items()}),
        },
        series=tuple(Curve.over_seeds(name, depths, values / np.log(10)) for name, values in norms.items()),
        axes=Axes("hidden layers", "log₁₀ ‖∂L/∂W₁‖"),
        chosen=chosen,
        sizes=sizes(next(iter(runs.values()))),
    )


CLAIM = Claim(
    rows=("T002",),
    lecture=0,
    statement="If instead you have a non-linearity whose derivatives can take larger values … the gradients can become overly "
    "large (explode) and training updates will make overly large changes to parameters. … Learning becomes highly unstable and "
    "in practice it is impossible to optimize well",
    papers=(
        Paper("a chain of n layers multiplies a gradient by the product of n slopes", "M"),
        Paper("Pascanu+ 2013: gradients that explode", "R"),
    ),
    refuted_by="For one of max(0, 4x) and tanh(4x) the 95% interval of the mean slope of ln‖∂L/∂W₁‖ over depth lies at or below "
    "0, or that of the mean log₁₀ ratio of the deep network's first update, at the shallow one's best rate, to its weights does, "
    "or that of the share of its restarts that are unstable there at or below one half, or that of the mistakes that it makes "
    "more at its own best rate at or below 0; or that of the mean R² of the straight line at or below 0.95.",
    measure=measure,
    kind="effect",
)
