"""Stochastic weight averaging of convolutional networks, with the rates of its paper and at equal budgets."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

import jaxtricks as jt
from experiments.measures import Contest, halved, wrong
from jaxtricks.data import DataError
from jaxtricks.evaluate.claim import (
    Axes,
    Chosen,
    Claim,
    Estimate,
    Outcome,
    Paper,
    Scale,
    Scales,
    Training,
    curves,
    expect,
    sizes,
)
from jaxtricks.evaluate.verdict import Decision, Verdict
from jaxtricks.restart.member import steps_per_epoch

RATES = (0.01, 0.03, 0.1)
LAST, AVERAGED = "last weights", "SWA"


class Recipe(NamedTuple):
    """A network and how its paper trains it.

    Args:
        models: the network at each scale.
        rate: of learning, until half of the way.
        decay: the factor of the L2 penalty.
        epochs: at full scale.
        start: the share of the run before the first point of the average.
        floor: the factor of the rate from there on.
    """

    models: Callable[[Scale], jt.CNN]
    rate: float
    decay: float
    epochs: int
    start: float
    floor: float


def _small(scale: Scale, **settings: Any) -> jt.CNN:
    return jt.CNN(channels=scale.pick(smoke=(4,), cpu=(8, 16), full=()), **settings)


def _vgg16(scale: Scale) -> jt.CNN:
    return jt.models.vgg16() if scale.name == "full" else _small(scale, dropout=0.5)


def _resnet20(scale: Scale) -> jt.CNN:
    return jt.models.resnet20() if scale.name == "full" else _small(scale, blocks="residual", normalization="batch")


RECIPES = {
    "VGG16": Recipe(_vgg16, rate=0.05, decay=5e-4, epochs=200, start=161 / 200, floor=0.2),
    "ResNet-20": Recipe(_resnet20, rate=0.1, decay=3e-4, epochs=150, start=126 / 150, floor=0.5),
}


def _contest(scale: Scale, recipe: Recipe, pool: jt.Dataset) -> Contest:
    """A network with and without SWA, and its images."""
    rule = jt.Momentum(learning_rate=recipe.rate, momentum=0.9, weight_decay=jt.optim.L2(rate=recipe.decay, mask="all"))
    last = jt.Experiment(
        model=recipe.models(scale),
        optimizer=jt.Optimizer(rule=rule, schedule=jt.schedules.Trapezoid(warmup=0.0, cooldown=0.4, tail=0.1, floor=0.01)),
        batch_size=scale.pick(smoke=50, cpu=50, full=128),
        epochs=scale.budget(smoke=5, cpu=20, full=recipe.epochs),
    )
    if scale.name == "full":
        last = last.replace({"augmentation": jt.data.Augmentation(shift=4.0, flip=0.5)})
    shape = jt.schedules.Trapezoid(warmup=0.0, cooldown=0.4 * recipe.start, tail=1 - 0.9 * recipe.start, floor=recipe.floor)
    size, held_out = scale.pick(smoke=(200, 1 / 2), cpu=(1_000, 1 / 2), full=(None, 1 / 10))
    epoch = steps_per_epoch(last, len(scale.examples(pool, size, held_out).split(0).train))
    average = jt.optim.SWA(start=recipe.start, every=epoch)
    averaged = last.replace({"optimizer.schedule": shape, "optimizer.averaging": average})
    ladder = scale.pick(smoke=RATES[:1], cpu=RATES, full=(recipe.rate,))
    return Contest({LAST: last, AVERAGED: averaged}, pool, ladder, size, held_out)


def contests(scale: Scale) -> dict[str, Contest]:
    """Network → its two arms, and the images."""
    if scale.name != "full":
        pool = halved(jt.load("fashion_mnist")) if scale.name == "cpu" else jt.load("digits")
    elif scale.data_dir is None:
        raise DataError("swa at full scale needs --data-dir, a folder of CIFAR-100 or CIFAR-10 as it is given out.")
    else:
        pool = jt.Dataset.from_folder(scale.data_dir)
    return {name: _contest(scale, recipe, pool) for name, recipe in RECIPES.items()}


def trainings(scale: Scale) -> list[Training]:
    """What it trains."""
    return [each for contest in contests(scale).values() for each in contest.trainings(scale)]


def measure(scale: Scale) -> Outcome:
    """At full scale, on a folder of CIFAR (`--data-dir`), the paper's settings: VGG16 without batch norm, 200 epochs of momentum
    at 0.05, and in place of its PreResNet-110 the ResNet-20 of He and others, 150 epochs at 0.1; the rate is constant for
    half of the run, falls by a line to a hundredth until 90% of it, and stays. With SWA the same shape ends at 0.01, or 0.05,
    where the average begins (after 161 of 200 epochs, or 126 of 150), and stays there. Budgets are equal, flips and crops of
    images padded by 4 are the paper's, batch norm's averages are taken anew, and the average has a point an epoch. Here a
    third of the images is kept for tuning, which nothing is tuned on at full scale, and a tenth of the others is validated
    on; the error on the test images stands beside it. At cpu scale neither network is its namesake: two convolutions of 8 and
    16 channels with dropout, and two residual blocks of them with batch norm, on 500 images of clothes of 14 × 14, 500 more
    to validate on, 20 epochs of batches of 50, without flips and crops. There each arm has its own best rate by validation
    accuracy, on a ladder from 0.01 to 0.1 that goes on while the best lies at its edge, on four restarts and on examples that
    nothing is judged on.
    """
    own = contests(scale)
    arms: dict[str, jt.Runs] = {}
    chosen: dict[str, Chosen] = {}
    verdicts: list[Verdict] = []
    for name, contest in own.items():
        fitted, rates = contest.fitted(scale.within(name), wrong)
        verdicts += jt.evaluate.verdicts(fitted[LAST], {name: fitted[AVERAGED]})
        arms |= {f"{name}, {arm}": runs for arm, runs in fitted.items()}
        chosen |= {f"{name}, {arm}": rate for arm, rate in rates.items()}
    errors = {name: Estimate.of(100 * wrong(runs)) for name, runs in arms.items()}
    numbers: dict[str, Any] = {"validation_error": errors, "verdicts": {verdict.label: verdict.to_dict() for verdict in verdicts}}
    if scale.name == "full":
        opened = next(iter(own.values())).pool.open_test("to hold against the paper", reopen="the claim is run again")
        numbers["test_error"] = {
            name: Estimate.of(100 * (1 - np.asarray(runs.evaluate(opened)["accuracy"]))) for name, runs in arms.items()
        }
    told = ", ".join(f"{name} {error:.2f}" for name, error in errors.items())
    return Outcome(
        parts=[expect(f"{verdict.label}: SWA is more accurate", verdict, Decision.HELPS, kind="paper") for verdict in verdicts],
        effect=f"errors in validation, %: {told}",
        numbers=numbers,
        series=curves(arms, "accuracy"),
        axes=Axes("epoch", "validation accuracy"),
        chosen=chosen,
        sizes=sizes(next(iter(arms.values()))),
    )


CLAIM = Claim(
    rows=("T077",),
    lecture=2,
    statement="Clearly, this suffers from some lack of variety, but can still work reasonably well in practice.",
    papers=(
        Paper("Izmailov+ 2018, CIFAR-100, VGG-16, one budget: 72.55% to 73.91%, PreResNet-110 76.77% to 78.75%", "V"),
        Paper("the same, CIFAR-10, VGG-16: 93.25% to 93.59%", "V"),
    ),
    refuted_by="The paired verdict on validation accuracy, from a network's last weights to SWA with the same number of epochs, "
    "is 'hurts' or 'no difference' for either network.",
    measure=measure,
    kind="paper",
    seeds=Scales(full=3),
    trainings=trainings,
)
