"""PyTorch's first weights follow another rule for each kind of layer, and a linear layer's are too small for a deep network."""

import importlib.util
import math
from collections.abc import Mapping, Sequence
from typing import Any

import jax
import numpy as np
from jaxtyping import Float

import jaxtricks as jt
from experiments.feedforward._signal import signal, slope
from experiments.measures import estimates, final_loss, fit_tuned
from jaxtricks.evaluate.claim import (
    Axes,
    Claim,
    Curve,
    Earlier,
    Estimate,
    Outcome,
    Paper,
    Ruling,
    Scale,
    holds,
    premise,
    settle,
    sizes,
)

CLOSE = 0.02  # of a standard deviation
CHANCE = math.log(10)
RATES = (0.001, 0.003, 0.01, 0.03, 0.1)
INPUTS, OUTPUTS, KERNEL = 100, 400, 3
# The standard deviation that the rule of each kind gives to layers of INPUTS inputs and OUTPUTS outputs or units.
RULES = {
    "Linear": ("U(±1/√inputs)", 1 / math.sqrt(3 * INPUTS)),
    "Conv2d": ("U(±1/√(inputs · 3 · 3))", 1 / math.sqrt(3 * INPUTS * KERNEL**2)),
    "LSTM": ("U(±1/√units), whatever the inputs", 1 / math.sqrt(3 * OUTPUTS)),
    "Embedding": ("N(0, 1)", 1.0),
    "BatchNorm1d": ("1 for all", 0.0),
}


def drawn(seeds: Sequence[int]) -> dict[str, Float[np.ndarray, "seeds weights"]]:
    """The first weights that PyTorch itself gives to layers of each kind, one layer a seed."""
    import torch  # type: ignore[import-not-found, unused-ignore]  # which few users of the library have

    make: Mapping[str, Any] = {
        "Linear": lambda: torch.nn.Linear(INPUTS, OUTPUTS).weight,
        "Conv2d": lambda: torch.nn.Conv2d(INPUTS, OUTPUTS, KERNEL).weight,
        "LSTM": lambda: torch.nn.LSTM(INPUTS, OUTPUTS).weight_ih_l0,
        "Embedding": lambda: torch.nn.Embedding(INPUTS, OUTPUTS).weight,
        "BatchNorm1d": lambda: torch.nn.BatchNorm1d(OUTPUTS).weight,
    }
    found: dict[str, list[np.ndarray]] = {name: [] for name in make}
    for seed in seeds:
        torch.manual_seed(seed)
        for name, layer in make.items():
            found[name].append(layer().detach().numpy().ravel())
    return {name: np.stack(values) for name, values in found.items()}


def measure(scale: Scale) -> Outcome:
    """What PyTorch itself draws for the weights of five kinds of layers with 100 inputs and 400 outputs: their standard deviation
    against that of the rule in its source, Linear U(±1/√n) for n inputs, Conv2d the same with 3 · 3 n, LSTM U(±1/√units) whatever
    the inputs, Embedding N(0, 1), BatchNorm1d ones. And whether this library's "torch_default" draws what torch.nn.Linear does.
    Without PyTorch there is nothing to test. Beside it, which the lecture does not say: the change of ln variance from layer to
    layer in 20 linear and ReLU layers of 256 units without biases, and ReLU networks of 20 hidden layers of 64 units on digits,
    batch 64, 30 epochs of SGD with momentum 0.9, from the default of Linear (biases too) and from He's weights; each has its best
    learning rate by the final validation loss, on a ladder from 0.001 to 0.1 that goes on while the best lies at its edge, on
    four restarts and on examples that nothing is judged on. Stalled: a validation loss above 95% of ln 10 at the end.
    """
    there = importlib.util.find_spec("torch") is not None
    weights = drawn(scale.restarts) if there else {}
    spreads = {name: values.std(axis=1) for name, values in weights.items()}
    own = np.array([np.std(jt.nn.TorchDefault()(jax.random.key(seed), (INPUTS, OUTPUTS), float)) for seed in scale.restarts])
    ratios = {
        name: Estimate.of(values / RULES[name][1] if RULES[name][1] else 1 + values, "these examples")
        for name, values in spreads.items()
    }
    parts = [premise("PyTorch is installed", there, "torch is there" if there else "torch is not there")]
    for name, ratio in ratios.items():
        rule = f"{name} draws {RULES[name][0]}"
        parts.append(settle(rule, ratio, above=1 - CLOSE, below=1 + CLOSE, kind="identity", spec=".4f"))
    if there:
        distinct = {f"{spread.mean():.2g}" for spread in spreads.values()}
        parts.append(
            holds("the kinds differ", len(distinct) == len(spreads), f"standard deviations {', '.join(sorted(distinct))}")
        )
        same = Estimate.of(own / spreads["Linear"], "these examples")
        parts.append(
            settle("the library's default is that of Linear", same, above=1 - CLOSE, below=1 + CLOSE, kind="identity", spec=".4f")
        )

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
    parts += [
        settle("deep networks stall from Linear's", stalled["default"], above=0.5, kind="paper", scope="these examples"),
        settle("and not from He's", stalled["He"], below=0.5, kind="paper", scope="these examples"),
    ]
    said = ", ".join(f"{name} {values.mean():.3g}" for name, values in spreads.items()) or "none drawn"
    return Outcome(
        parts=parts,
        effect=f"standard deviations of PyTorch's first weights: {said}; from Linear's ln variance changes by "
        f"{slopes['default, linear']:+.3f} a linear layer (ln ⅓ is -1.099) and by {slopes['default, ReLU']:+.3f} a ReLU layer; "
        f"{stalled['default']:.0%} of the networks of {depth} hidden layers stall (accuracy {accuracy['default']:.1%}), from "
        f"He's weights {stalled['He']:.0%} ({accuracy['He']:.1%})",
        numbers={"over_the_rule": ratios, "slope": slopes, "stalled": stalled, "accuracy": accuracy},
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
    refuted_by="For one kind of layer, the 95% interval of the mean standard deviation of PyTorch's weights over that of its "
    "rule lies outside 0.98 to 1.02, or two kinds have the same, or that of the library's default over PyTorch's Linear lies "
    "outside. Beside it, our claim that deep networks stall: refuted if the interval of the share of restarts from Linear's "
    "weights that stall lies at or below one half, or that of those from He's at or above one half.",
    measure=measure,
    kind="identity",
    history=(
        Earlier(
            "2026-11-28",
            "PyTorch itself is asked, for five kinds of layers, in place of this library's copy of one of them",
            "a copy proves nothing about the original, and the sentence is about kinds; that deep networks stall is not in it",
            Ruling.SUPPORTED,
            criterion="c1c12b3d0b38",
        ),
    ),
)
