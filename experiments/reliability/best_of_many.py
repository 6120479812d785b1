"""The best of several models on one test set looks better than it is: by how much, of guesses and of trained networks."""

import numpy as np
from jaxtyping import Bool, Float

import jaxtricks as jt
from jaxtricks import rng
from jaxtricks.data.sizes import luck_of_the_best
from jaxtricks.evaluate.claim import Axes, Claim, Curve, Estimate, Outcome, Paper, Scale, holds, settle, sizes

EXAMPLES = 1_000  # of the test set of the guesses
LOOKS = (2, 4, 8, 16, 32, 64, 128, 256, 512)


def measure(scale: Scale) -> Outcome:
    """Guesses: k predictors that are right on each of n = 1 000 test examples with chance 1/2, 200 times for each seed; by how
    much the best one's accuracy is above 1/2, on average, against the expected maximum of k binomial shares and against the bound
    √(ln k / 2n). Networks: 32 restarts of one hidden layer of 16 units, 500 images of clothes, 10 epochs of Adam, which differ in
    weights and order. Each seed has its own 2 500 images: 500 to train on, 500 to test on, 1 500 to know better. Of the restart
    that is best on the test images: its accuracy there minus that on the 1 500, over what the same is for the mean of all 32,
    which removes the luck that all have in common. Networks err on the same images, so that they gain less than guesses would.
    """
    looks = LOOKS[: scale.pick(smoke=3, cpu=len(LOOKS), full=len(LOOKS))]
    gains = np.array([_guesses(seed, looks, scale.pick(smoke=20, cpu=200, full=1_000)) for seed in scale.restarts])
    expected = np.array([luck_of_the_best(EXAMPLES, models) for models in looks])
    bound = np.sqrt(np.log(looks) / (2 * EXAMPLES))
    ratio = Estimate.of((gains / expected).mean(axis=1))
    inflation, alone, runs = _networks(scale)
    found = Estimate.of(100 * inflation)
    share = Estimate.of(inflation / alone)
    most = len(runs) // scale.seeds
    percent = 100 * gains
    return Outcome(
        parts=[
            settle("guesses gain the expected maximum", ratio, above=0.98, below=1.02, kind="identity"),
            holds(
                "guesses gain less than √(ln k / 2n)",
                bool(np.all(gains.mean(axis=0) < bound)),
                f"{gains[:, -1].mean() / bound[-1]:.2f} of it at k = {looks[-1]}",
            ),
            settle(f"the best of {most} networks looks better than it is", found, above=0),
            settle("networks gain less than guesses of their accuracy", share, below=1, kind="paper"),
        ],
        effect=f"the best of {most} equal networks looks {found:.2f} points better than it is on 500 test images, {share:.2f} of "
        f"what independent errors would bring; guesses gain {ratio:.3f} of the expected maximum",
        numbers={
            "gain_of_guesses": {models: Estimate.of(percent[:, place]) for place, models in enumerate(looks)},
            "expected": dict(zip(looks, 100 * expected, strict=True)),
            "bound": dict(zip(looks, 100 * bound, strict=True)),
            "gain_of_networks": found,
            "of_independent_errors": share,
        },
        series=(
            Curve.over_seeds("guesses", looks, percent),
            Curve("expected maximum", looks, *[tuple(100 * expected)] * 3),
            Curve("√(ln k / 2n)", looks, *[tuple(100 * bound)] * 3),
        ),
        axes=Axes("models k", "points by which the best looks too good", log="x"),
        sizes=sizes(runs),
    )


def _guesses(seed: int, looks: tuple[int, ...], repeats: int) -> Float[np.ndarray, " looks"]:
    """By how much the best of so many guesses is above one half, for each number."""
    draw = rng.host(seed, "guesses")
    return np.array([draw.binomial(EXAMPLES, 0.5, (repeats, models)).max(axis=1).mean() / EXAMPLES - 0.5 for models in looks])


def _networks(scale: Scale) -> tuple[Float[np.ndarray, " seeds"], Float[np.ndarray, " seeds"], jt.Runs]:
    """What the best of a seed's restarts gains on its test images, what independent errors would bring, and all restarts."""
    pool = jt.load(scale.pick(smoke="digits", cpu="fashion_mnist", full="fashion_mnist"))
    restarts, tested = scale.pick(smoke=4, cpu=32, full=64), scale.pick(smoke=40, cpu=500, full=500)
    data = scale.examples(pool, validation=0.8)
    base = jt.Experiment(model=jt.MLP(widths=(16,)), epochs=scale.pick(smoke=1, cpu=10, full=10), batch_size=50)
    first = scale.restarts[0]
    seeds = jt.Seeds(range(first, first + restarts), split=first, examples=jt.experiment.Disjoint(scale.seeds))
    runs = jt.fit(base, data, seeds=seeds, progress=False)
    gains, alone = [], []
    for part in range(scale.seeds):
        right = _right(runs.at(np.flatnonzero(runs.parts == part).tolist()))
        here, rest = right[:, :tested].mean(axis=1), right[:, tested:].mean(axis=1)
        best = here == here.max()  # several, where they are equal
        gains.append((here - rest)[best].mean() - (here - rest).mean())
        alone.append(luck_of_the_best(tested, restarts, float(right.mean())))
    return np.array(gains), np.array(alone), runs


def _right(runs: jt.Runs) -> Bool[np.ndarray, "restarts held_out"]:
    """Which of the images that they share and were not trained on each restart gets right, the images in a random order."""
    places = rng.host(int(runs.seeds[0]), "test set").permutation(runs.members.validation[0])
    found: Bool[np.ndarray, "restarts held_out"] = runs.log_probs(runs.data.x[places]).argmax(axis=-1) == runs.data.y[places]
    return found


CLAIM = Claim(
    rows=("T097",),
    lecture=3,
    statement="DO NOT USE YOUR TEST SET MORE THAN ONCE.",
    papers=(
        Paper("Blum & Hardt 2015: the best of k on n test examples gains up to √(ln k / n) of a leaderboard that tells all", "R"),
        Paper("Dwork+ 2015: a test set that is asked again and again is overfitted", "R"),
    ),
    refuted_by="Guesses gain a share of the expected maximum whose 95% interval over seeds leaves 0.98 to 1.02, or √(ln k / 2n) "
    "or more on average for some k; or the 95% interval of what the best of the networks gains lies at or below 0.",
    measure=measure,
    kind="effect",
    trains=False,
)
