"""What the claims on lottery tickets share: the network of Frankle & Carbin 2019, smaller, and what is removed from it."""

import itertools
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

import jaxtricks as jt
from jaxtricks.evaluate.claim import Curve, Estimate, Scale, Training

KEPT = (0.513, 0.211, 0.135, 0.070, 0.036)  # the paper's shares of weights, after 3, 7, 9, 12 and 15 rounds of a fifth
ROUNDS = (3, 4, 2, 3, 3)  # the paper's rounds that make one of ours; at full scale each is one
FIFTH = tuple(1 - 0.8**rounds for rounds in ROUNDS)  # of hidden layers, what each of our rounds removes
TENTH = tuple(1 - 0.9**rounds for rounds in ROUNDS)  # of the output layer
SEVEN_FIFTHS, SEVEN_TENTHS = 1 - 0.8**7, 1 - 0.9**7  # what seven of the paper's rounds remove, at once
MARGIN = 0.01  # of accuracy, that a network may lose and still be as good
SIZE = 7_000
VALIDATED = 1 / 7


class Size(NamedTuple):
    """The network, its images and how long it is trained.

    Args:
        experiment: the whole network.
        data: the images.
    """

    experiment: jt.Experiment
    data: jt.Dataset


def lenet(scale: Scale) -> Size:
    """LeNet-300-100 as the paper trains it, at `cpu` scale a third as wide, on 6,000 images and for 2,500 steps."""
    experiment = jt.Experiment(
        model=jt.MLP(widths=scale.pick(smoke=(8,), cpu=(100, 33), full=(300, 100)), kernel_init=jt.nn.GlorotNormal()),
        optimizer=jt.Optimizer(rule=jt.Adam(learning_rate=1.2e-3)),
        inputs=jt.experiment.Unit(),
        batch_size=60,
        epochs=scale.budget(smoke=2, cpu=25, full=54),
    )
    pool = jt.load(scale.pick(smoke="digits", cpu="mnist", full="mnist"))
    if scale.name == "full":
        return Size(experiment, scale.examples(pool, None, 1 / 12))
    return Size(experiment, scale.examples(pool, scale.pick(smoke=180, cpu=SIZE, full=SIZE), VALIDATED))


def chain(size: Size, scale: Scale, arms: tuple[str, ...], levels: int) -> tuple[jt.Runs, list[Mapping[str, jt.Runs]]]:
    """The whole network, and for each of the first shares of `KEPT` the arms that were trained with so many weights.

    Args:
        size: the network and its data.
        scale: of the claim.
        arms: what kept weights begin with; the first one is pruned further.
        levels: how many shares.
    """
    ends = list(itertools.accumulate(ROUNDS))[:levels]
    every = scale.name == "full"
    remove, output = ((0.2,) * ends[-1], (0.1,) * ends[-1]) if every else (FIFTH[:levels], TENTH[:levels])
    kept = scale.checkpoints("rounds")
    found = jt.prune.prune(
        *size, remove=remove, output=output, arms=arms, seeds=scale.restarts, metric="accuracy", checkpoints=kept
    )
    return found.whole, [found.levels[end - 1].arms for end in ends] if every else [level.arms for level in found.levels]


def trainings(scale: Scale, arms: int, levels: int) -> list[Training]:
    """What `chain` trains, of so many arms: the whole network, and a program of each arm in each round."""
    rounds = sum(ROUNDS[:levels]) if scale.name == "full" else levels
    return [Training(*lenet(scale), scale.seeds)] * (1 + arms * rounds)


def gain(arm: jt.Runs, other: jt.Runs) -> Estimate:
    """The accuracy after the last epoch, an arm's minus that of another one, paired by restart."""
    return Estimate.over(other, np.asarray(arm.metrics["accuracy"] - other.metrics["accuracy"], np.float64))


def log_times(arm: jt.Runs, other: jt.Runs) -> Estimate:
    """The natural logarithm of how many times as late an arm has its least validation loss as another one."""
    return Estimate.over(other, np.log(jt.prune.stopping_steps(arm) / jt.prune.stopping_steps(other)))


def accuracies(name: str, kept: list[float], arms: list[jt.Runs]) -> Curve:
    """The accuracy of an arm by the share of weights in per cent, as in Figure 3 of the paper."""
    values: Float[np.ndarray, "seeds shares"] = np.stack([100 * arm.metrics["accuracy"] for arm in arms], axis=1)
    return Curve.over_seeds(name, [100 * share for share in kept], values)


def published(name: str, points: dict[float, float]) -> Curve:
    """Points of a paper, without a band."""
    values = tuple(points.values())
    return Curve(name, tuple(points), values, values, values)


def beside(ours: Estimate, paper: float) -> str:
    """Whether a paper's number lies inside of our interval."""
    return "inside" if ours.low <= paper <= ours.high else "outside"
