"""Glorot's weights keep the variance of signals and of gradients, where layers are as wide as their inputs."""

import math
from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

import jaxtricks as jt
from experiments.feedforward._signal import signal, slope
from experiments.measures import estimates
from jaxtricks import rng
from jaxtricks.evaluate.claim import Axes, Claim, Curve, Estimate, Outcome, Paper, Scale, Scales, settle

KEPT = 0.02  # nats a layer: over 10 layers a fifth, where the 6 that the slide also prints multiplies by 3¹⁰ = 59 049
IDENTITY = jt.nn.LeakyReLU(slope=1.0)
SHAPES = ((64, 512), (512, 64), (256, 256), (100, 300))
ARMS: dict[str, tuple[jt.nn.Initializer, jt.nn.Activation, float]] = {
    "normal": (jt.nn.GlorotNormal(), IDENTITY, 1.0),
    "uniform": (jt.nn.GlorotUniform(), IDENTITY, 1.0),
    "tanh": (jt.nn.GlorotNormal(), jt.nn.Tanh(), 1.0),
    "6 in place of 2": (jt.nn.GlorotNormal(), IDENTITY, math.sqrt(3)),
}


def variances(init: jt.nn.Initializer, seeds: Sequence[int]) -> Float[np.ndarray, " seeds"]:
    """Var(W) (n + m)/2 of kernels of several shapes [n, m], which should be 1; [seeds], averaged over the shapes."""

    def one(seed: Array, shape: tuple[int, int]) -> Array:
        return jnp.var(init(rng.stream(rng.root(seed), "params"), shape, float)) * sum(shape) / 2

    return np.mean([jax.vmap(one, in_axes=(0, None))(jnp.asarray(seeds), shape) for shape in SHAPES], axis=0)


def measure(scale: Scale) -> Outcome:
    """Glorot's normal and uniform weights: the variance of kernels of four shapes [n, m] against 2/(n + m); and in linear
    networks of 10 layers of 256 units at initialization the change of the variance, over 256 examples, from layer to layer, of
    signals for normal inputs and of gradients for normal ones at the end (slopes of ln variance over depth, seed by seed). Beside
    them N(0, √(6/(n + m))), which the slide also prints, and a tanh network. Layers of other widths than their inputs change both
    variances, by 2m/(n + m) and 2n/(n + m) for m inputs: Glorot's is the compromise of the two.
    """
    depth = scale.pick(smoke=2, cpu=10, full=20)
    signals = {name: signal(init, activation, depth, scale.restarts, gain) for name, (init, activation, gain) in ARMS.items()}
    forward = estimates({name: slope(signal.forward) for name, signal in signals.items()})
    backward = estimates({name: -slope(signal.backward) for name, signal in signals.items()})
    ratios = {name: Estimate.of(variances(ARMS[name][0], scale.restarts)) for name in ("normal", "uniform")}
    return Outcome(
        parts=[
            *(
                settle(f"{name} weights keep the variance {way}", part[name], above=-KEPT, below=KEPT, kind="identity")
                for way, part in (("of signals", forward), ("of gradients", backward))
                for name in ("normal", "uniform")
            ),
            *(
                settle(f"{name} weights have variance 2/(n + m)", ratio, above=0.99, below=1.01, kind="identity")
                for name, ratio in ratios.items()
            ),
        ],
        effect=f"Var(W) is {ratios['normal']:.4f} (normal) and {ratios['uniform']:.4f} (uniform) times 2/(n + m); in a linear "
        f"network ln variance changes by {forward['normal']:+.4f} a layer forwards and {backward['normal']:+.4f} backwards, with "
        f"the slide's 6 by {forward['6 in place of 2']:+.3f} (ln 3 is 1.099), with tanh by {forward['tanh']:+.3f} and "
        f"{backward['tanh']:+.3f}",
        numbers={"variance": ratios, "forward": forward, "backward": backward},
        series=tuple(
            Curve.over_seeds(name, range(depth + 1), (layers.forward - layers.forward[:, :1]) / math.log(10))
            for name, layers in signals.items()
        ),
        axes=Axes("layer", "log₁₀ variance of the signal, over that of the inputs"),
    )


CLAIM = Claim(
    rows=("T011",),
    lecture=3,
    statement="Initialize your layer weights so that if the input has mean … covariance … then the output does too. Same for the "
    "backward function. … Glorot Initialization",
    papers=(
        Paper("Var(W) = 2/(n + m) keeps both variances where n = m; 6/(n + m), of a normal distribution, triples them", "M"),
        Paper("Glorot & Bengio 2010, Table 1, tanh networks, test error: Shapeset 27.15% → 15.60%, MNIST 1.76% → 1.64%", "V"),
    ),
    refuted_by="For normal or uniform weights, the 95% interval of the mean slope of ln variance in the linear network lies "
    "outside ±0.02 a layer, forwards or backwards, or that of the mean of Var(W) (n + m)/2 outside 0.99 to 1.01.",
    measure=measure,
    kind="identity",
    seeds=Scales(cpu=24, full=64),
)
