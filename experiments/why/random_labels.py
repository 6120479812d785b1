"""A network that learns the labels of digits learns random ones, too."""

import dataclasses
from collections.abc import Mapping

import numpy as np
from jaxtyping import Float

import jaxtricks as jt
from experiments.measures import estimates, slowness
from experiments.why._labels import images, network, with_fitting_rate
from jaxtricks import rng
from jaxtricks.evaluate.claim import Axes, Claim, Curve, Estimate, Outcome, Paper, Scale, settle, sizes
from jaxtricks.experiment import PermutedInputs, RandomLabels

TRUE, RANDOM = "true labels", "random labels"
SHUFFLED, RANDOM_PIXELS, GAUSSIAN = "shuffled pixels", "random pixels", "Gaussian inputs"


def arms(base: jt.Experiment, data: jt.Dataset, scale: Scale) -> dict[str, jt.Runs]:
    """The restarts of each arm, which differ in data only."""
    draw = rng.host(scale.replication, "pixels of no meaning")
    flat = data.x.reshape(len(data), -1)
    other = {
        RANDOM_PIXELS: draw.permuted(flat, axis=1),
        GAUSSIAN: draw.normal(size=flat.shape).astype(np.float32),
    }
    sets = {name: dataclasses.replace(data, x=x.reshape(data.x.shape)) for name, x in other.items()}
    fitted = {
        TRUE: jt.fit(base, data, seeds=scale.restarts),
        RANDOM: jt.fit(base, data, seeds=jt.Seeds(scale.restarts, labels=RandomLabels(1.0))),
        SHUFFLED: jt.fit(base, data, seeds=jt.Seeds(scale.restarts, inputs=PermutedInputs())),
    }
    return fitted | {name: jt.fit(base, each, seeds=scale.restarts) for name, each in sets.items()}


def measure(scale: Scale) -> Outcome:
    """An MLP 1×512 on 500 digits of MNIST, drawn by each seed, whose labels are true or random (`RandomLabels(1)`), or whose
    pixels are shuffled (one order for all images), random (another order for each image), or drawn from a normal distribution.
    SGD with momentum 0.9 and batches of 50 for 25 epochs, without any penalty, at one constant rate for all arms: the one that
    learns random labels soonest on four other seeds and other digits. Given are the share of training labels that are right in
    the end, and the accuracy on 500 digits with true labels, whose pixels are changed as those that are trained on. How soon
    labels are learnt is the training loss averaged over all epochs. Zhang+ train on 50 000 images of CIFAR-10.
    """
    size, validation = scale.pick(smoke=(300, 1 / 3), cpu=(1_000, 1 / 2), full=(15_000, 1 / 3))
    base = network(scale, scale.budget(smoke=3, cpu=25, full=200))
    base, chosen = with_fitting_rate(base, scale, size, validation)
    fitted = arms(base, images(scale, size, validation), scale)
    learnt = {name: runs.evaluate("train")["accuracy"] for name, runs in fitted.items()}
    accuracy = {name: runs.metrics["accuracy"] for name, runs in fitted.items()}
    true = fitted[TRUE]
    by_heart = Estimate.over(fitted[RANDOM], learnt[RANDOM])
    more = Estimate.over(true, accuracy[TRUE] - accuracy[RANDOM])
    sooner = Estimate.over(true, slowness(true) - slowness(fitted[RANDOM]))
    chance = Estimate.over(fitted[RANDOM], accuracy[RANDOM])
    others = [
        settle(f"{name} are learnt", Estimate.over(fitted[name], learnt[name]), above=0.99, kind="paper")
        for name in (SHUFFLED, RANDOM_PIXELS, GAUSSIAN)
    ]
    return Outcome(
        parts=[
            settle("random labels are learnt", by_heart, above=0.99),
            settle("true labels are not only learnt by heart: validation is half above that of random ones", more, above=0.5),
            settle("true labels are learnt sooner", sooner, below=0),
            settle("after random labels validation finds chance", chance, above=0.05, below=0.15, kind="paper"),
            *others,
        ],
        effect=f"training labels learnt / validation accuracy: {_table(learnt, accuracy)}",
        numbers={
            "learnt": estimates(learnt),
            "accuracy": estimates(accuracy),
            "more": more,
            "sooner": sooner,
        },
        series=tuple(_loss(name, runs) for name, runs in fitted.items()),
        axes=Axes("step", "average training loss (nats)"),
        chosen=chosen,
        sizes=sizes(true),
    )


def _table(learnt: Mapping[str, Float[np.ndarray, " runs"]], accuracy: Mapping[str, Float[np.ndarray, " runs"]]) -> str:
    """The mean shares of each arm, as in a table."""
    return ", ".join(f"{name} {learnt[name].mean():.2%} / {accuracy[name].mean():.2%}" for name in learnt)


def _loss(name: str, runs: jt.Runs) -> Curve:
    """The mean training loss of each epoch over the number of steps, as in Figure 1a of the paper."""
    losses = runs.curves["train_loss"]
    an_epoch = runs.members.train.shape[1] // runs.experiment.batch_size
    return Curve.over_seeds(name, an_epoch * np.arange(1, losses.shape[1] + 1), losses)


CLAIM = Claim(
    rows=("T116",),
    lecture=3,
    statement="Zhang et al: Neural Networks can memorize, but don't.",
    papers=(
        Paper("Zhang+ 2017, Table 1, random labels of CIFAR-10, training / test accuracy: MLP 1×512 99.34% / 10.61%", "V"),
        Paper("the authors' code, the same: 99.97% / 9.57% after 299 epochs", "V"),
        Paper("Zhang+ 2017, Table 1, random labels: Inception 100% / 9.78%, AlexNet 99.82% / 9.86%", "V"),
    ),
    refuted_by="The 95% interval of the mean share of random training labels that are right in the end lies at or below 0.99, or "
    "that of the mean difference in validation accuracy, true labels minus random ones, at or below 0.5, or that of the mean "
    "difference in training loss, averaged over all epochs, true labels minus random ones, at or above 0.",
    measure=measure,
    kind="effect",
)
