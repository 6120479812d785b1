"""Do small batches, and noise of their size, end at flatter places, and is the gap to new data smaller there?"""

import numpy as np

import jaxtricks as jt
from experiments.measures import estimates, picked
from experiments.why._flat import End, Problems, Way, ends
from jaxtricks.evaluate.claim import Axes, Claim, Curve, Estimate, Outcome, Paper, Scale, premise, settle

LEVEL = 0.05  # nats of training loss
SMALL = 8
RATES = (0.1, 0.32, 1.0, 3.2)


def measure(scale: Scale) -> Outcome:
    """A ReLU network of one hidden layer of 32 units on 256 digits of MNIST, averaged to 7×7 pixels in [0, 1], and 1 000
    others to validate on; no two seeds have a digit in common. Plain SGD by batches of 8, 32 and 128 drawn anew in each step,
    by all examples, and by all examples with noise: a random direction, as long as the error of the gradient of a batch of
    that size in that step. Each descent ends after the first step at which the loss on all training examples is at most 0.05
    nats, within 6 000 steps. All have one rate: the one at which batches of 8 need the fewest steps, out of 0.1, 0.32, 1 and
    3.2, on four other seeds and other digits. Held against each other are batches of 8 and all examples: the largest
    eigenvalue of the Hessian of the training loss (30 products, Lanczos), as a log₂ ratio, and the gap, which is the loss on
    validation digits minus that on training digits.
    """
    mnist = scale.name != "smoke"
    pool, block = jt.load("mnist" if mnist else "digits"), 4 if mnist else 2
    trained, judged = scale.pick(smoke=(64, 32), cpu=(256, 1_000), full=(256, 1_000))
    most = scale.budget(smoke=20, cpu=6_000, full=100_000)
    rates = scale.pick(smoke=(0.1,), cpu=RATES, full=RATES)
    batch_sizes = scale.pick(smoke=(SMALL, 32), cpu=(SMALL, 32, 128), full=(2, SMALL, 32, 128))

    def problems(data: jt.Dataset, seeds: range) -> Problems:
        return Problems.of(data, seeds, trained, judged, block)

    tuning = ends(Way(SMALL), problems(scale.tuning_examples(pool), scale.tuning), rates, LEVEL, most)
    steps = np.where(tuning.loss <= LEVEL, tuning.steps, np.inf).mean(axis=1)
    rate = picked(rates[int(np.argmin(steps))], rates)
    each = problems(scale.examples(pool), scale.restarts)

    def at(way: Way) -> End:
        return End(*(values[0] for values in ends(way, each, [rate.value], LEVEL, most)))

    batches = {size: at(Way(size)) for size in batch_sizes}
    noisy = {size: at(Way(size, noise=True)) for size in batch_sizes}
    whole = at(Way(None))
    arms = {f"batches of {size}": end for size, end in batches.items()}
    arms |= {f"noise of batches of {size}": end for size, end in noisy.items()} | {"all examples": whole}
    there = {name: end.loss <= LEVEL for name, end in arms.items()}
    flatter, flatter_by_noise = (Estimate.of(np.log2(end.top / whole.top)) for end in (batches[SMALL], noisy[SMALL]))
    gaps = {name: end.validation - end.loss for name, end in arms.items()}
    small, noise = gaps[f"batches of {SMALL}"], gaps[f"noise of batches of {SMALL}"]
    narrower, narrower_by_noise = (Estimate.of(gap - gaps["all examples"]) for gap in (small, noise))
    return Outcome(
        parts=[
            premise(
                "all come to the same training loss",
                all(bool(share.all()) for share in there.values()),
                ", ".join(f"{name} {share.mean():.0%}" for name, share in there.items()),
            ),
            settle(f"batches of {SMALL} end where it is flatter (log₂)", flatter, below=0),
            settle(f"the gap of batches of {SMALL} is smaller (nats)", narrower, below=0),
            settle("noise ends where it is flatter, too (log₂)", flatter_by_noise, below=0, kind="paper"),
            settle("its gap is smaller, too (nats)", narrower_by_noise, below=0, kind="paper"),
        ],
        effect=f"at a training loss of {LEVEL} nats the largest eigenvalue is {flatter.through(np.exp2):.2f} times that of all "
        f"examples after batches of {SMALL}, and {flatter_by_noise.through(np.exp2):.2f} times after noise of their size; the "
        f"gap to the validation loss differs by {narrower:+.4f} and {narrower_by_noise:+.4f} nats, at the rate {rate.value:g}",
        numbers={
            "log2_ratio": flatter,
            "log2_ratio_by_noise": flatter_by_noise,
            "gap_difference": narrower,
            "gap_difference_by_noise": narrower_by_noise,
            "top": estimates({name: end.top for name, end in arms.items()}),
            "gap": estimates(gaps),
            "accuracy": estimates({name: end.accuracy for name, end in arms.items()}),
            "steps": estimates({name: end.steps.astype(float) for name, end in arms.items()}),
            "loss": estimates({name: end.loss for name, end in arms.items()}),
            "distance_from_start": estimates({name: end.length for name, end in arms.items()}),
        },
        series=tuple(_tops(name, found, whole) for name, found in {"batches": batches, "noise of batches": noisy}.items()),
        axes=Axes("examples in a batch", "largest eigenvalue at one training loss, of that by all examples", log="x"),
        chosen={"rate": rate},
        sizes={"training": trained, "validation": judged},
    )


def _tops(name: str, found: dict[int, End], whole: End) -> Curve:
    """The largest eigenvalue over that of all examples, by batch size."""
    return Curve.over_seeds(name, found, np.stack([end.top / whole.top for end in found.values()], axis=1))


CLAIM = Claim(
    rows=("T055",),
    lecture=3,
    statement="Gradient descent has implicit regularization: some parameters are preferred over others, a priori.",
    papers=(
        Paper("Keskar+ 2017, Table 2, small batch to large: MNIST 98.03% → 97.81%, CIFAR-10 80.04% → 77.26%", "V"),
        Paper("Keskar+ 2017: large batches end at sharp minimizers, small ones at flat ones", "A"),
        Paper("Zhu+ 2019: the noise of batches finds flatter minima than noise that has no direction", "R"),
    ),
    refuted_by="The 95% interval of the mean log₂ ratio of the largest eigenvalues, batches of 8 to all examples, lies at or "
    "above 0, or that of the mean difference of their gaps between validation loss and training loss, at one training loss.",
    measure=measure,
    kind="effect",
)
