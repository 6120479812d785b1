"""Alarms for class skew and label shift: how often they are right, and how often there is nothing."""

import numpy as np
from jaxtyping import Float

import jaxtricks as jt
from jaxtricks import rng
from jaxtricks.checks import CHECKS, Splits
from jaxtricks.evaluate.claim import Axes, Claim, Curve, Estimate, Outcome, Paper, Scale, Scales, holds, settle

LARGE = 0.2  # the difference in a class's share that has to be found
FALSE = 0.01  # the rate of false alarms that is allowed; the checks are made for a tenth of it
Shares = Float[np.ndarray, " classes"]
NAMES = ("class skew", "label shift")
CLASSES, TRAINED, JUDGED, TESTED, NUMBERS = 5, 1_000, 250, 500, 20


def measure(scale: Scale) -> Outcome:
    """Labels of five classes, of which the first has 0, 5, 10, 15 or 20 points more than a fifth in one part. Class skew: 1 000
    labels to train on and 250 to validate on, which differ; 50 draws for each seed, and 500 without a difference. Label shift:
    the classes are normal clouds of 20 numbers that overlap somewhat, 1 000 examples to train on, 500 to validate on, and 500 to
    test on, which differ and whose labels are not read; ten draws for each seed, and a hundred without a difference. Tensors to
    text: random words as tokens, decoded again.
    """
    points = scale.pick(smoke=(0.0, LARGE), cpu=(0.0, 0.05, 0.1, 0.15, LARGE), full=(0.0, 0.05, 0.1, 0.15, LARGE))
    draws = {"class skew": scale.pick(smoke=2, cpu=50, full=50), "label shift": scale.pick(smoke=1, cpu=10, full=10)}
    alarms = {
        name: {
            share: np.array([_alarms(name, seed, share, draws[name] * (1 if share else 10)) for seed in scale.restarts])
            for share in points
        }
        for name in NAMES
    }
    rates = {name: {share: Estimate.share(each.ravel()) for share, each in found.items()} for name, found in alarms.items()}
    same = all(_round_trip(seed) for seed in scale.restarts)
    skew, shift = rates.values()
    return Outcome(
        parts=[
            holds("tokens become the text again", same, "word by word, for each seed" if same else "a text came back changed"),
            *(settle(f"{name} of 20 points is found", rate[LARGE], above=0.8) for name, rate in rates.items()),
            *(settle(f"{name} is not found where there is none", rate[0.0], below=FALSE) for name, rate in rates.items()),
        ],
        effect=f"a difference of 20 points is found in {skew[LARGE]:.1%} of validation sets, and in {shift[LARGE]:.1%} of test "
        f"sets whose labels are not read; where there is none, in {skew[0.0]:.2%} and {shift[0.0]:.2%}",
        numbers={name: {f"{share:.2f}": each for share, each in rate.items()} for name, rate in rates.items()},
        series=tuple(
            Curve.over_seeds(name, [100 * share for share in points], np.array([found[share].mean(axis=1) for share in points]).T)
            for name, found in alarms.items()
        ),
        axes=Axes("difference in the share of one class (points)", "share of data sets with an alarm"),
    )


def _alarms(name: str, seed: int, share: float, times: int) -> list[bool]:
    """Whether a check raises an alarm, in so many draws.

    Args:
        name: "class skew" or "label shift".
        seed: of the draws.
        share: by how much the share of the first class differs.
        times: the number of draws.
    """
    generator = rng.host(seed, f"{name} {share}")
    even = np.full(CLASSES, 1 / CLASSES)
    other = even + share / (1 - 1 / CLASSES) * (np.eye(CLASSES)[0] - even)
    found = []
    for _ in range(times):
        data = _skewed(generator, even, other) if name == "class skew" else _shifted(generator, even, other)
        found.append(any(each.severity != "note" for each in CHECKS[name](data, Splits.of(data, 0))))
    return found


def _skewed(generator: np.random.Generator, even: Shares, other: Shares) -> jt.Dataset:
    """Labels to validate on with other shares; nothing is known of the inputs."""
    y, late = generator.choice(CLASSES, TRAINED, p=even), generator.choice(CLASSES, JUDGED, p=other)
    fixed = (np.zeros((JUDGED, 1)), late)
    return jt.Dataset.from_arrays(np.zeros((TRAINED, 1)), y, validation=fixed, classes=list("abcde"))


def _shifted(generator: np.random.Generator, even: Shares, other: Shares) -> jt.Dataset:
    """Examples to test on with other shares of the classes."""
    centres = 0.8 * generator.normal(size=(CLASSES, NUMBERS))

    def drawn(count: int, shares: Shares) -> tuple[np.ndarray, np.ndarray]:
        y = generator.choice(CLASSES, count, p=shares)
        return centres[y] + generator.normal(size=(count, NUMBERS)), y

    x, y = drawn(TRAINED + TESTED, even)
    return jt.Dataset.from_arrays(x, y, validation=1 / 3, test=drawn(TESTED, other), classes=list("abcde"))


def _round_trip(seed: int) -> bool:
    """Whether random texts come back from their tokens."""
    generator = rng.host(seed, "texts")
    texts = [" ".join(generator.choice(list("abcdefg"), 6).tolist()) for _ in range(20)]
    data = jt.Dataset.from_texts(texts, ["up", "down"] * 10, text=jt.Text("word", length=6))
    return all(data.decode(row) == text for row, text in zip(data.x, texts, strict=True))


CLAIM = Claim(
    rows=("T107",),
    lecture=1,
    statement="Check model inputs … Right before the model … Convert tensors back to text … Check class distribution",
    papers=(
        Paper("Lipton+ 2018: label shift is seen in the predictions of a classifier, without labels", "R"),
        Paper("Rabanser+ 2019: of several tests for shift, that on predictions does best", "R"),
    ),
    refuted_by="A text does not come back from its tokens; or the 95% interval of the share of alarms, where a class has 20 "
    "points more, lies at or below 0.8 for class skew or for label shift; or, where there is no difference, at or above 0.01 "
    "for one of them.",
    measure=measure,
    kind="effect",
    seeds=Scales(cpu=16, full=32),
    trains=False,
)
