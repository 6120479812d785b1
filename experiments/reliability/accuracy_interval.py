"""Ten thousand test examples give small confidence intervals, and the intervals hold what they promise."""

import numpy as np
import scipy
from jaxtyping import Float

import jaxtricks as jt
from jaxtricks import rng
from jaxtricks.data.sizes import ACCURACIES, accuracy_interval
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
    Scales,
    exact,
    settle,
    sizes,
)

FIGURES = (0.98, 0.59, 0.43, 0.20)  # points, of the usual interval at n = 10 000 and accuracies of 50, 90, 95 and 99%
SIZES = (100, 300, 1_000, 3_000, 10_000)


def measure(scale: Scale) -> Outcome:
    """Wilson's interval of an accuracy. Half of its width at n = 10 000, against the figures of the usual formula, 0.98, 0.59,
    0.43 and 0.20 points at 50, 90, 95 and 99%. How often it holds the true accuracy at n = 10 000, exactly, from the binomial
    distribution, where 95% is aimed at. And on real predictions: a linear model of 2 000 images of clothes, 5 epochs of Adam, is
    tested on disjoint sets of 1 000 others; the truth of each is the accuracy on all images outside of the set, of which there
    are about 38 times as many, so that 94.8% is what could be expected. A seed is a model with its own training images and test
    sets; all seeds take them from one pool of 40 000. Lines: how often Wilson's, the usual (Wald's) and Clopper and Pearson's
    interval hold a true accuracy of 95%.
    """
    halves = np.array([np.subtract(*accuracy_interval(accuracy, 10_000)[::-1]) / 2 for accuracy in ACCURACIES])
    coverage = {accuracy: _coverage("Wilson", 10_000, accuracy) for accuracy in ACCURACIES}
    pool = jt.load(scale.pick(smoke="digits", cpu="fashion_mnist", full="fashion_mnist"))
    trained, tested = scale.pick(smoke=(200, 100), cpu=(2_000, 1_000), full=(2_000, 1_000))
    data = scale.examples(pool)
    data = scale.examples(pool, validation=1 - trained / len(data))
    base = jt.Experiment(model=jt.MLP(widths=()), epochs=scale.pick(smoke=1, cpu=5, full=5), batch_size=64)
    runs = jt.fit(base, data, seeds=scale.restarts, progress=False)
    held = [_held(runs.at([place]), tested) for place in range(len(runs))]
    real = Estimate.of(np.array(held), "these examples")
    names = ("Wilson", "Wald", "Clopper and Pearson")
    lines = {name: tuple(_coverage(name, n, 0.95) for n in SIZES) for name in names}
    return Outcome(
        parts=[
            exact("half widths at 10 000 examples", 100 * halves - FIGURES, 0.006),
            exact("holds an accuracy 95% of the time", np.array(list(coverage.values())) - 0.95, 0.005),
            settle("holds the accuracy of a trained model 95% of the time", real, above=0.93, below=0.97),
        ],
        effect="at n = 10 000 half of the interval is "
        + ", ".join(f"{100 * half:.2f} points at {accuracy:.0%}" for half, accuracy in zip(halves, ACCURACIES, strict=True))
        + f"; of trained models it holds the accuracy in {real:.1%} of test sets of {tested:,}",
        numbers={"half_widths": dict(zip(ACCURACIES, halves, strict=True)), "coverage": coverage, "on_real_predictions": real},
        series=tuple(Curve(name, SIZES, line, line, line) for name, line in lines.items()),
        axes=Axes("test examples", "share of intervals that hold an accuracy of 95%", log="x"),
        sizes=sizes(runs) | {"test": tested},
    )


def _coverage(name: str, examples: int, accuracy: float) -> float:
    """How often an interval holds the true accuracy, exactly."""
    right = np.arange(examples + 1)
    chances = scipy.stats.binom.pmf(right, examples, accuracy)
    likely = chances > 1e-12
    ends = np.array([_interval(name, int(count), examples) for count in right[likely]])
    return float(chances[likely][(ends[:, 0] <= accuracy) & (accuracy <= ends[:, 1])].sum())


def _interval(name: str, right: int, examples: int) -> tuple[float, float]:
    if name == "Wilson":
        return accuracy_interval(right / examples, examples)
    if name == "Wald":
        half = 1.96 * np.sqrt(right / examples * (1 - right / examples) / examples)
        return right / examples - half, right / examples + half
    interval = scipy.stats.binomtest(right, examples).proportion_ci()
    return interval.low, interval.high


def _held(run: jt.Runs, tested: int) -> float:
    """In which share of disjoint test sets the interval holds the accuracy on all other examples.

    Args:
        run: one restart.
        tested: the examples of a test set.
    """
    places = rng.host(int(run.seeds[0]), "test sets").permutation(run.members.validation[0])
    right: Float[np.ndarray, " held_out"] = run.log_probs(run.data.x[places])[0].argmax(axis=-1) == run.data.y[places]
    sets = right[: len(right) // tested * tested].reshape(-1, tested).sum(axis=1)
    truths = (right.sum() - sets) / (len(right) - tested)
    ends = [accuracy_interval(count / tested, tested) for count in sets]
    return float(np.mean([low <= truth <= high for (low, high), truth in zip(ends, truths, strict=True)]))


CLAIM = Claim(
    rows=("T094",),
    lecture=3,
    statement="Split off a test set that allows for small confidence intervals 10 000 instances is a good aim",
    papers=(
        Paper("Wilson 1927: the interval", "M"),
        Paper("Brown, Cai & DasGupta 2001: the usual interval holds less often than it says, Wilson's does on average", "R"),
    ),
    refuted_by="At n = 10 000 half of the interval is more than 0.006 points off 0.98, 0.59, 0.43 or 0.20, or it holds the true "
    "accuracy less often than 94.5% or more often than 95.5%; or the 95% interval over models of how often it holds the accuracy "
    "of a trained model lies below 93% or above 97%.",
    measure=measure,
    kind="effect",
    trains=False,
    seeds=Scales(cpu=64, full=64),
    history=(
        Earlier(
            "2026-11-28",
            "64 seeds in place of 16",
            "on 16 seeds its replication could not tell how often it holds from 93%; restarts are others",
            Ruling.SUPPORTED,
        ),
    ),
    used=2,
)
