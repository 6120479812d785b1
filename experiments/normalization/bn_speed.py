"""Batch norm allows higher learning rates, and networks converge faster."""

import numpy as np
from jaxtyping import Float

import jaxtricks as jt
from experiments.measures import RATE, Contest, epochs_until, estimates, slowness
from experiments.normalization._networks import three_layers
from jaxtricks.evaluate.claim import Axes, Claim, Estimate, Outcome, Paper, Scale, Training, curves, settle, sizes

RATES = (0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0)
TARGET = 0.85
USABLE = 0.05  # of accuracy, that a rate may cost against the best one


def largest(runs: list[jt.Runs], rates: tuple[float, ...]) -> Float[np.ndarray, " seeds"]:
    """log₁₀ of the largest rate at which a restart ends within five points of its best, and does not diverge."""
    accuracy = np.stack([arm.metrics["accuracy"] for arm in runs])
    finite = np.stack([~np.isin(arm.names, list(arm.diverged)) for arm in runs])
    usable = finite & (accuracy >= accuracy.max(axis=0, keepdims=True) - USABLE)
    return np.where(usable, np.log10(rates)[:, None], -np.inf).max(axis=0)


def contest(scale: Scale) -> Contest:
    """The network of sigmoid units with and without batch norm, and its images."""
    sigmoid, pool, size, held_out = three_layers(jt.nn.Sigmoid(), scale)
    arms = {"none": sigmoid, "batch norm": sigmoid.replace({"model.normalization": "batch"})}
    return Contest(arms, pool, scale.pick(smoke=RATES[3:4], cpu=RATES, full=RATES), size, held_out)


def rectified(scale: Scale) -> tuple[list[jt.Experiment], tuple[float, ...]]:
    """The same networks of ReLU units at each of the rates, those without batch norm first; and the rates."""
    rates: tuple[float, ...] = scale.pick(smoke=RATES[2:4], cpu=RATES, full=RATES)
    relu = [arm.replace({"model.activation": "relu"}) for arm in contest(scale).arms.values()]
    return [arm.replace({RATE: rate}) for arm in relu for rate in rates], rates


def trainings(scale: Scale) -> list[Training]:
    """What it trains; the rates of a network are one program."""
    own, (relu, rates) = contest(scale), rectified(scale)
    data = scale.examples(own.pool, own.size, own.validation)
    return own.trainings(scale) + [Training(arm, data, len(rates) * scale.seeds) for arm in relu[:: len(rates)]]


def measure(scale: Scale) -> Outcome:
    """Three layers of 100 units on 2 000 MNIST images, batch 50, 12 epochs of SGD, with and without batch norm, on the same
    seeds. Convergence is that of sigmoid units, as in Ioffe & Szegedy's Fig. 1: the epochs until 85% validation accuracy (13 if
    never), each arm with its best rate by the training loss averaged over the epochs, on a ladder from 0.03 to 30 that goes on
    while the best lies at its edge, on four restarts and on examples that nothing is judged on. Learning rates are those of ReLU
    units, of which the networks are that the sentence is about: the largest rate of these at which a restart ends within five
    points of its best accuracy. The paper gives both of its arms one rate.
    """
    own, (relu, rates) = contest(scale), rectified(scale)
    fitted, best = own.fitted(scale, slowness)
    epochs = {name: epochs_until(-runs.curves["accuracy"], -TARGET) for name, runs in fitted.items()}
    faster = Estimate.over(fitted["none"], np.log2(epochs["none"] / epochs["batch norm"]))
    gap = Estimate.of(fitted["batch norm"].metrics["accuracy"] - fitted["none"].metrics["accuracy"])

    data = scale.examples(own.pool, own.size, own.validation)
    runs = jt.fit(relu, data, seeds=scale.restarts, checkpoints=scale.checkpoints("relu"))
    usable = dict(zip(own.arms, (largest(runs[: len(rates)], rates), largest(runs[len(rates) :], rates)), strict=True))
    higher = Estimate.over(runs[0], usable["batch norm"] - usable["none"])
    times = estimates(epochs)
    return Outcome(
        parts=[settle("larger rates are usable", higher, above=0), settle("fewer epochs", faster, above=0)],
        effect=f"the largest usable learning rate (ReLU) is 10 to the {higher:+.2f} times that without; {TARGET:.0%} accuracy "
        f"(sigmoid) takes {times['batch norm']:.1f} epochs in place of {times['none']:.1f}, and at the end it is {gap:+.1%} "
        "higher",
        numbers={
            "log10_largest_rate": estimates(usable),
            "log10_ratio_of_rates": higher,
            "epochs": times,
            "log2_ratio_of_epochs": faster,
            "accuracy_difference": gap,
        },
        series=curves(fitted, "accuracy"),
        axes=Axes("epoch", "validation accuracy"),
        chosen=best,
        sizes=sizes(fitted["none"]),
    )


CLAIM = Claim(
    rows=("T017",),
    lecture=1,
    statement="Allows higher learning rates, faster convergence",
    papers=(
        Paper("Ioffe & Szegedy 2015: the same accuracy with 14 times fewer training steps", "A"),
        Paper(
            "Ioffe & Szegedy 2015, Inception to 72.2%: 31.0M steps without, 13.3M with batch norm, 2.1M at 5 times the rate", "V"
        ),
    ),
    refuted_by="The 95% interval of the mean log₁₀ ratio of the largest usable rates, with batch norm to without, lies at or "
    "below 0, or that of the mean log₂ ratio of epochs to 85% accuracy, without to with.",
    measure=measure,
    kind="effect",
    trainings=trainings,
)
