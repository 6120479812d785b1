"""PyTorch's first weights of a linear layer know its inputs only, and are too small for a deep network."""

import math

import jaxtricks as jt
from experiments.feedforward._signal import signal, slope
from experiments.measures import estimates, final_loss, fit_tuned
from jaxtricks.evaluate.claim import Axes, Claim, Curve, Estimate, Outcome, Paper, Scale, settle, sizes

EXACT = 0.03  # nats a layer
CHANCE = math.log(10)
RATES = (0.001, 0.003, 0.01, 0.03, 0.1)


def measure(scale: Scale) -> Outcome:
    """torch.nn.Linear draws weights from U(-1/√n, 1/√n) for n inputs, whatever follows the layer. The change of ln variance from
    layer to layer at initialization, in 20 linear layers of 256 units without biases, should be ln ⅓ a layer, and 0 from LeCun's;
    in ReLU layers another ln ½, and 0 from He's. Then ReLU networks of 20 hidden layers of 64 units on digits, batch 64, 30
    epochs of SGD with momentum 0.9, from the default (biases U(-1/√n, 1/√n) too) and from He's; each has the best of the learning
    rates 0.001, 0.003, 0.01, 0.03 and 0.1 on four seeds that are not judged, by the final validation loss. Stalled: a validation
    loss above 95% of ln 10 after the last epoch.
    """
    depth = scale.pick(smoke=1, cpu=20, full=20)
    linear = jt.nn.LeakyReLU(slope=1.0)
    networks: dict[str, tuple[jt.nn.Initializer, jt.nn.Activation]] = {
        "default, linear": (jt.nn.TorchDefault(), linear),
        "LeCun, linear": (jt.nn.LecunNormal(), linear),
        "default, ReLU": (jt.nn.TorchDefault(), jt.nn.ReLU()),
        "He, ReLU": (jt.nn.HeNormal(), jt.nn.ReLU()),
    }
    layers = {name: signal(*network, depth, scale.restarts).forward for name, network in networks.items()}
    slopes = estimates({name: slope(values) for name, values in layers.items()})
    he = jt.Experiment(
        model=jt.MLP(widths=(64,) * depth, kernel_init=jt.nn.HeNormal()),
        optimizer=jt.Optimizer(rule=jt.Momentum(momentum=0.9)),
        batch_size=64,
        epochs=scale.pick(smoke=1, cpu=30, full=100),
    )
    arms = {"default": he.replace({"model.kernel_init": "torch_default"}), "He": he}
    rates = scale.pick(smoke=RATES[2:3], cpu=RATES, full=RATES)
    fitted, best = fit_tuned(arms, jt.load("digits"), rates, scale, score=final_loss)
    stalled = {name: Estimate.share(runs.metrics["nll"] > 0.95 * CHANCE) for name, runs in fitted.items()}
    accuracy = estimates({name: runs.metrics["accuracy"] for name, runs in fitted.items()})
    third = math.log(1 / 3)
    return Outcome(
        parts=[
            settle(
                "a linear layer leaves a third",
                slopes["default, linear"],
                above=third - EXACT,
                below=third + EXACT,
                kind="identity",
            ),
            settle("deep networks stall from the default", stalled["default"], above=0.5, kind="paper"),
            settle("and not from He's", stalled["He"], below=0.5, kind="paper"),
        ],
        effect=f"from the default ln variance changes by {slopes['default, linear']:+.3f} a linear layer (ln ⅓ is -1.099) and by "
        f"{slopes['default, ReLU']:+.3f} a ReLU layer; {stalled['default']:.0%} of the networks of {depth} hidden layers stall "
        f"(accuracy {accuracy['default']:.1%}), from He's weights {stalled['He']:.0%} ({accuracy['He']:.1%})",
        numbers={"slope": slopes, "stalled": stalled, "accuracy": accuracy},
        series=tuple(
            Curve.over_seeds(name, range(depth + 1), (values - values[:, :1]) / math.log(10)) for name, values in layers.items()
        ),
        axes=Axes("layer", "log₁₀ variance of the signal, over that of the inputs"),
        chosen=best,
        sizes=sizes(fitted["He"]),
    )


CLAIM = Claim(
    rows=("T013",),
    lecture=0,
    statement="In PyTorch, the initialization depends on the kind of layer that you are instantiating.",
    papers=(Paper("U(-1/√n, 1/√n) has variance 1/(3n): a linear layer of n inputs leaves a third of the variance", "M"),),
    refuted_by="The 95% interval of the mean slope of ln variance over linear layers lies outside ln ⅓ ± 0.03, or that of the "
    "share of restarts from the default that stall at or below one half, or that of those from He's at or above one half.",
    measure=measure,
    kind="identity",
)
