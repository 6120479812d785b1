"""At test, batch norm is folded into the convolution before it, and costs nothing."""

from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

import jaxtricks as jt
from experiments.measures import estimates
from experiments.normalization._networks import inputs
from jaxtricks.config import rebuild
from jaxtricks.evaluate.claim import Axes, Claim, Curve, Outcome, Paper, Scale, exact

NORMED, FOLDED, WITHOUT = "with batch norm", "folded", "without"
SAME = 1e-4


def operations(model: nn.Module, x: Float[Array, "batch ..."]) -> dict[str, float]:
    """Floating-point operations of one batch, by the compiler's count, of a network with batch norm and its two rivals."""

    def shapes(network: nn.Module) -> Any:  # all that a count depends on
        return jax.eval_shape(lambda key: dict(network.init(key, x, train=False)), jax.random.key(0))

    bare, normed = rebuild(model, normalization=None), shapes(model)
    folded: list[nn.Module] = []

    def fold(variables: Any) -> Any:
        network, rest = jt.models.fold(model, variables)
        folded.append(network)
        return rest

    weights = jax.eval_shape(fold, normed)
    arms = {NORMED: (model, normed), FOLDED: (folded[0], weights), WITHOUT: (bare, shapes(bare))}
    counts = {}
    for name, (network, variables) in arms.items():
        apply = jax.jit(lambda variables, x, network=network: network.apply(variables, x, train=False))
        analysis: Any = apply.lower(variables, x).compile().cost_analysis()
        counts[name] = float(analysis["flops"])
    return counts


def measure(scale: Scale) -> Outcome:
    """A convolutional network of two stages (8 and 16 channels) and a fully connected one of 2×64, with batch norm, trained on
    digits for 8 epochs of Adam (batch 64); each is folded, W' = Wγ/√(σ² + ε) and b' = (b - μ)γ/√(σ² + ε) + β, and compared on
    its validation examples with the network that has batch norm: the largest difference of the logits, as a share of the largest
    logit. Counted are the operations of the compiled programs for 64 examples, folded, with batch norm, and of the same network
    that never had any; the plot has convolutional networks of other sizes too.
    """
    networks: dict[str, nn.Module] = {
        "convolutional": jt.CNN(channels=scale.pick(smoke=(4,), cpu=(8, 16), full=(32, 64)), normalization=jt.nn.BatchNorm()),
        "fully connected": jt.MLP(widths=scale.pick(smoke=(8,), cpu=(64, 64), full=(512, 512)), normalization=jt.nn.BatchNorm()),
    }
    epochs, data = scale.pick(smoke=1, cpu=8, full=20), jt.load("digits")
    errors, counts = {}, {}
    for name, network in networks.items():
        runs = jt.fit(jt.Experiment(model=network, batch_size=64, epochs=epochs), data, seeds=scale.restarts)
        x, model = jnp.asarray(inputs(runs, "validation")), runs.experiment.model
        folded, variables = jt.models.fold(model, runs.variables)
        outputs = [
            np.asarray(jax.lax.map(lambda args, model=model: model.apply(*args, train=False), (tree, x)))
            for model, tree in ((model, runs.variables), (folded, variables))
        ]
        errors[name] = np.abs(outputs[1] - outputs[0]).max(axis=(1, 2)) / np.abs(outputs[0]).max(axis=(1, 2))
        counts[name] = operations(model, x[0, :64])
    image = jnp.zeros((64, *data.shape))
    sizes = scale.pick(smoke=(4,), cpu=(4, 8, 16, 32), full=(8, 16, 32, 64, 128))
    grown = [operations(jt.CNN(channels=(n, 2 * n), normalization=jt.nn.BatchNorm(), outputs=10), image) for n in sizes]
    overhead = {arm: np.array([[count[arm] / count[WITHOUT] - 1 for count in grown]] * 2) for arm in (NORMED, FOLDED)}
    differences = estimates(errors)
    more = {name: max(0.0, count[FOLDED] / count[WITHOUT] - 1) for name, count in counts.items()}
    over = {name: count[NORMED] / count[WITHOUT] - 1 for name, count in counts.items()}
    return Outcome(
        parts=[
            *(exact(f"the folded {name} network is the same", values, SAME) for name, values in errors.items()),
            *(exact(f"the folded {name} network costs nothing", more[name], 1e-9) for name in networks),
        ],
        effect=f"folded, the logits differ by {differences['convolutional'].mean:.1e} (convolutional) and "
        f"{differences['fully connected'].mean:.1e} (fully connected) of the largest, and a batch takes "
        f"{more['convolutional']:+.1%} operations against a network that never had batch norm; left as it is, it takes "
        f"{over['convolutional']:+.1%} (convolutional) and {over['fully connected']:+.1%} (fully connected)",
        numbers={"difference": differences, "operations": counts},
        series=tuple(Curve.over_seeds(name, sizes, values) for name, values in overhead.items()),
        axes=Axes("channels of the first stage", "operations more than without batch norm, as a share", log="x"),
    )


CLAIM = Claim(
    rows=("T020",),
    lecture=1,
    statement="Zero overhead at test-time: can be fused with conv!",
    papers=(Paper("γ(Wx + b - μ)/√(σ² + ε) + β is one linear map of x", "M"),),
    refuted_by="For one of the networks, the 95% interval of the mean largest difference of the logits lies at or above 10⁻⁴ of "
    "the largest logit, or the folded network takes more operations than one that never had batch norm.",
    measure=measure,
    kind="identity",
)
