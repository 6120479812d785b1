"""Gradients vanish exponentially with depth under sigmoid, and do not under ReLU with He's initialization."""

import math
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int
from tqdm.auto import tqdm

import jaxtricks as jt
from jaxtricks import rng
from jaxtricks.evaluate.claim import Axes, Claim, Curve, Estimate, Outcome, Paper, Scale, Scales, settle

WIDTH, BATCH = 128, 256
STRAIGHT = 0.95  # the share of the variance of ln‖∂L/∂W₁‖ that a straight line must explain to be called exponential
FLAT = 0.1  # nats a layer: over 20 layers a factor of 7, where 4²⁰ is 10¹²
SIGMOID, RELU = "sigmoid, Glorot", "ReLU, He"
ARMS: dict[str, tuple[jt.nn.Activation, jt.nn.Initializer]] = {
    SIGMOID: (jt.nn.Sigmoid(), jt.nn.GlorotNormal()),
    RELU: (jt.nn.ReLU(), jt.nn.HeNormal()),
}


def log_norms(
    model: jt.MLP, seeds: Sequence[int], x: Float[Array, "seeds batch 64"], y: Int[Array, "seeds batch"]
) -> Float[np.ndarray, " seeds"]:
    """ln‖∂L/∂W₁‖ of every restart at its initial weights, on its own batch."""

    def one(seed: Array, x: Array, y: Array) -> Array:
        params = model.init({"params": rng.stream(rng.root(seed), "params")}, x, train=False)["params"]

        def loss(params: Any) -> Array:
            logits: Any = model.apply({"params": params}, x, train=True)
            return jt.losses.CrossEntropy()(logits, jax.nn.one_hot(y, 10)).mean()

        return jnp.log(jnp.linalg.norm(jax.grad(loss)(params)["hidden_0"]["dense"]["kernel"]))

    return np.asarray(jax.jit(jax.vmap(one))(jnp.asarray(seeds), x, y))


def measure(scale: Scale) -> Outcome:
    """At initialization, the norm of the cross-entropy's gradient in the first layer's weights, against the number of hidden
    layers of 128 units: sigmoid with Glorot's weights, and ReLU with He's. Each seed draws its weights and 256 standardized
    digits of its training split. A straight line through ln‖∂L/∂W₁‖ is fitted over depth, seed by seed; the slope that a
    chain of sigmoids at their steepest would have is ln ¼ = -1.386 a layer, the lecture's bound.
    """
    digits, depths = jt.load("digits"), scale.pick(smoke=range(1, 4), cpu=range(2, 21, 2), full=range(2, 41, 2))
    batches = []
    for seed in scale.restarts:
        train = digits.split(seed).train
        shift, spread = (part[0] for part in jt.experiment.Standardize().moments(digits, train[None]))
        drawn = rng.host(seed, "batch").choice(train, BATCH, replace=False)
        batches.append(((digits.x[drawn] - shift) / spread, digits.y[drawn]))
    x, y = (jnp.asarray(np.stack(arrays)) for arrays in zip(*batches, strict=True))

    norms, slopes, straightness = {}, {}, {}
    for arm, (activation, kernel_init) in ARMS.items():
        models = [jt.MLP(widths=(WIDTH,) * depth, activation=activation, kernel_init=kernel_init, outputs=10) for depth in depths]
        norms[arm] = np.stack([log_norms(model, scale.restarts, x, y) for model in tqdm(models, desc=arm, unit="depth")], axis=1)
        slopes[arm] = Estimate.of(np.polyfit(depths, norms[arm].T, 1)[0])
        straightness[arm] = Estimate.of(np.array([np.corrcoef(depths, seed)[0, 1] ** 2 for seed in norms[arm]]))
    sigmoid, relu, straight = slopes[SIGMOID], slopes[RELU], straightness[SIGMOID]
    return Outcome(
        parts=[
            settle("gradients shrink with depth", sigmoid, below=0),
            settle("exponentially", straight, above=STRAIGHT),
            settle("and not under ReLU from He's weights", relu, above=-FLAT, below=FLAT),
        ],
        effect=f"ln‖∂L/∂W₁‖ changes by {sigmoid:+.3f} a layer under sigmoid (ln ¼ is -1.386), along a line with "
        f"R² = {straight:.3f}; under ReLU with He's weights by {relu:+.3f} a layer",
        numbers={"slope": slopes, "r_squared": straightness, "bound": math.log(0.25)},
        series=tuple(Curve.over_seeds(arm, depths, values / math.log(10)) for arm, values in norms.items()),
        axes=Axes("hidden layers", "log₁₀ ‖∂L/∂W₁‖"),
    )


CLAIM = Claim(
    rows=("T002",),
    lecture=0,
    statement="You are effectively multiplying n of these small numbers to compute gradients for the early layers of an n-layer "
    "network … The size of the gradient decreases exponentially with n",
    papers=(
        Paper("σ' ≤ ¼, so a chain of n sigmoids shrinks a gradient to at most 0.25ⁿ: 9.5e-7 at n = 10, 9.1e-13 at n = 20", "M"),
        Paper("Glorot & Bengio 2010, Fig. 7: back-propagated gradients shrink from layer to layer (tanh)", "R"),
    ),
    refuted_by="The 95% interval of the mean slope of ln‖∂L/∂W₁‖ over depth lies at or above 0 under sigmoid, or that of the "
    "mean R² of its straight line at or below 0.95 (then it is not exponential), or that of the slope under ReLU with He's "
    "weights outside ±0.1 a layer.",
    measure=measure,
    kind="effect",
    seeds=Scales(cpu=24, full=64),
    trains=False,
)
