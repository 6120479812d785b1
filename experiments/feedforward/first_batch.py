"""No gradient at the first batch and nothing is learnt; a small one and learning starts late; a huge one and there is NaN."""

import math
from typing import Any

import jax
import numpy as np
from jaxtyping import Float

import jaxtricks as jt
from experiments.measures import estimates
from jaxtricks.evaluate.claim import Axes, Claim, Curve, Estimate, Outcome, Paper, Scale, exact, settle, sizes
from jaxtricks.restart.histogram import LOST, LOWEST, ZERO

WIDTH = 64  # as many as inputs, so that all layers have one fan-in
HE = math.sqrt(2 / WIDTH)
FACTORS = (0.0, 0.1, 1.0, 10.0)
RATE = 0.01
FALLEN = 0.9 * math.log(10)  # nats: a tenth below the loss of guessing
FIRST = "gradients/hidden_0/dense/kernel"


def log_gradient(runs: jt.Runs) -> Float[np.ndarray, " runs"]:
    """The mean log₁₀ size of the elements of the first layer's gradient at the first batch, but for those that are zero."""
    assert runs.histograms is not None
    counts = runs.histograms.counts[FIRST][:, 0]
    sides = counts[:, ZERO + 1 : LOST] + counts[:, :ZERO][:, ::-1]
    middles = math.log10(2) * (LOWEST + 0.5 + np.arange(sides.shape[1]))
    return np.asarray(sides @ middles / np.maximum(sides.sum(axis=1), 1))


def begins(runs: jt.Runs) -> Float[np.ndarray, " runs"]:
    """The epoch at which the mean training loss is below nine tenths of ln 10 for the first time; one more than all, if never."""
    there = np.nan_to_num(runs.curves["train_loss"], nan=np.inf) < FALLEN
    return np.where(there.any(axis=1), there.argmax(axis=1) + 1.0, there.shape[1] + 1.0)


def measure(scale: Scale) -> Outcome:
    """Six hidden layers of 64 ReLU units on digits, SGD with momentum 0.9 at a learning rate of 0.01, batch 64, 20 epochs, from
    normal weights of 0, 0.1, 1 and 10 times He's standard deviation √(2/64); biases are zero. The gradient at the first batch is
    read from `Experiment.histograms`. Learning starts at the epoch whose mean training loss lies below 0.9 · ln 10; where that
    does not come, the epoch after the last one counts, which makes the ratio smaller than it is.
    """
    base = jt.Experiment(
        model=jt.MLP(widths=(WIDTH,) * scale.pick(smoke=2, cpu=6, full=6), kernel_init=jt.nn.Normal(scale=HE)),
        optimizer=jt.Optimizer(rule=jt.Momentum(learning_rate=RATE, momentum=0.9)),
        batch_size=64,
        epochs=(epochs := scale.budget(smoke=1, cpu=20, full=40)),
        histograms=epochs,
    )
    arms = [base.replace({"model.kernel_init.scale": factor * HE}) for factor in FACTORS[1:]]
    arms = [base.replace({"model.kernel_init": jax.nn.initializers.zeros}), *arms]
    none, small, usual, large = jt.fit(arms, scale.examples(jt.load("digits")), seeds=scale.restarts)
    assert none.histograms is not None
    zero = np.concatenate([none.histograms.zeros(name)[:, 0] for name in none.histograms.counts if _kernel(name)])
    moved = max(float(np.abs(leaf).max()) for leaf in _kernels(none.states.params))
    fitted = dict(zip((f"{factor:g}" for factor in FACTORS), (none, small, usual, large), strict=True))
    accuracy = {name: runs.metrics["accuracy"] for name, runs in fitted.items()}
    lower, higher = (log_gradient(usual) - log_gradient(small)), (log_gradient(large) - log_gradient(usual))
    later = Estimate.over(usual, np.log(begins(small) / begins(usual)))
    diverged = Estimate.share(np.isin(large.names, list(large.diverged)))
    reached = estimates(accuracy)
    points = [reached[f"{factor:g}"] for factor in FACTORS[1:]]
    return Outcome(
        parts=[
            exact("from zero weights no weight gets a gradient", 1 - zero, 1e-12),
            exact("and none changes", moved, 1e-30),
            settle("and nothing is learnt", Estimate.over(none, accuracy["0"]), below=0.2),
            settle("a small gradient starts late", later, above=math.log(3)),
            settle("most restarts with a huge one diverge", diverged, above=0.5),
        ],
        effect=f"from a tenth of He's weights the first layer's gradient is 10^{lower.mean():.1f} times smaller and learning "
        f"starts at epoch {begins(small).mean():.1f} in place of {begins(usual).mean():.1f}; from ten times them it is "
        f"10^{higher.mean():.1f} times larger and {diverged:.0%} diverge; from zero weights no weight matrix changes, and "
        f"{accuracy['0'].mean():.1%} of the validation examples are right",
        numbers={
            "accuracy": reached,
            "log10_gradient_smaller": Estimate.of(lower),
            "log10_gradient_larger": Estimate.of(higher),
            "starts_at": {"0.1": Estimate.of(begins(small)), "1": Estimate.of(begins(usual))},
            "log_ratio_of_starts": later,
            "diverged": diverged,
        },
        series=(
            Curve("accuracy", FACTORS[1:], *(tuple(getattr(point, end) for point in points) for end in ("mean", "low", "high"))),
        ),
        axes=Axes("standard deviation of the first weights, as a multiple of He's", "validation accuracy", log="x"),
        sizes=sizes(usual),
    )


def _kernel(name: str) -> bool:
    return name.startswith("gradients/") and name.endswith("/kernel")


def _kernels(params: Any) -> list[np.ndarray]:
    return [np.asarray(layer.get("dense", layer)["kernel"]) for layer in params.values()]


CLAIM = Claim(
    rows=("T010",),
    lecture=3,
    statement="If the gradients are zero at the first batch, training never starts … If they're near zero, training starts very "
    "slowly … If the gradients blow up, we get NaN",
    papers=(
        Paper("Glorot & Bengio 2010: the variance of gradients should be the same in all layers at the start", "V"),
        Paper("a chain of ReLU layers multiplies the gradient by the scale of each layer above it: by 10⁻⁶ over six", "M"),
    ),
    refuted_by="From zero weights some weight matrix gets a gradient or changes, or the 95% interval of the mean accuracy then "
    "lies at or above 20%; or, from a tenth of He's weights, that of the mean ln ratio of the epoch at which learning starts "
    "lies at or below ln 3; or, from ten times them, that of the share of restarts that diverge at or below one half.",
    measure=measure,
    kind="effect",
)
