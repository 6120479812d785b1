"""Random search against a grid."""

import itertools

import numpy as np
from jaxtyping import Float

import jaxtricks as jt
from experiments.measures import estimates
from experiments.search_luck.table import BASE, SPACE, Table
from jaxtricks import rng
from jaxtricks.evaluate.claim import Axes, Claim, Curve, Estimate, Outcome, Paper, Scale, settle

TRIALS = (8, 64)
MARGIN = 1.0  # points of accuracy


def measure(scale: Scale) -> Outcome:
    """A network of 32 units on digits, 10 epochs, six settings. The pool: the 1 024 points of the table of
    `experiments.search_luck`, as good as random ones. The grid: 3 learning rates × 2 values of each of the five others, at the
    middles of equal parts of their ranges, 96 trials, trained by the same code. A trial is one restart, as in the paper, and
    what is returned is the trial that looks best; it is judged by the mean accuracy of its other restarts, so that luck does not
    count. Of n random trials it is the mean over 2 000 draws of n from the pool. The lecture has the two names as a heading, and
    pictures; that 8 trials are as good as the grid, within a point, and 64 better, is the paper's, in a space of its own.
    """
    draws = scale.pick(smoke=20, cpu=2_000, full=2_000)
    table = Table.read()
    pool, truth = table.searched, table.truth
    middles = {path: _middles(path) for path in SPACE.paths}
    grid = [dict(zip(middles, values, strict=True)) for values in itertools.product(*middles.values())]
    grid = grid[: scale.pick(smoke=4, cpu=96, full=96)]
    runs = jt.fit([BASE.replace(point) for point in grid], jt.load("digits"), seeds=scale.restarts, progress=False)
    accuracy = np.stack([each.metrics["accuracy"] for each in runs]).astype(np.float64)  # [points, seeds]
    returned = {"grid": _returned_of_grid(accuracy)}
    for trials in TRIALS:
        found = []
        for number in scale.restarts:
            draw = rng.host(number, f"trials {trials}")
            column = pool[:, number % pool.shape[1]]
            tried = draw.integers(0, len(pool), (draws, trials))
            best = np.take_along_axis(tried, column[tried].argmax(axis=1)[:, None], axis=1)[:, 0]
            found.append(100 * float(truth[best].mean()))
        returned[f"{trials} random"] = np.array(found)
    few, many = (Estimate.of(returned[f"{trials} random"] - returned["grid"], "these examples") for trials in TRIALS)
    means = estimates(returned)
    places = [1.0 + i for i in range(len(means))]
    values, lows, highs = zip(*((e.mean, e.low, e.high) for e in means.values()), strict=True)
    return Outcome(
        parts=[
            settle("8 random trials are no more than a point below the grid", few, above=-MARGIN, kind="paper"),
            settle("64 are better than the grid", many, above=0, kind="paper"),
        ],
        effect=f"true accuracy of what is returned, %: {', '.join(f'{name} {e.mean:.2f}' for name, e in means.items())}",
        numbers={"returned": means, "8 less the grid": few, "64 less the grid": many},
        series=(Curve("what is returned", tuple(places), values, lows, highs),),
        axes=Axes("search", "accuracy (%)", places=tuple(means)),
    )


def _middles(path: str) -> list[float]:
    """The middles of equal parts of a range: three of the learning rate's, two of the others'."""
    parts = 3 if path.endswith("learning_rate") else 2
    return [SPACE.ranges[path].at((place + 0.5) / parts) for place in range(parts)]


def _returned_of_grid(accuracy: Float[np.ndarray, "points seeds"]) -> Float[np.ndarray, " seeds"]:
    """Of each seed the point that looks best by it, and how good that is by all others."""
    best = accuracy.argmax(axis=0)
    others = (accuracy.sum(axis=1, keepdims=True) - accuracy) / (accuracy.shape[1] - 1)
    return 100 * others[best, np.arange(accuracy.shape[1])]


CLAIM = Claim(
    rows=("T079",),
    lecture=1,
    statement="Grid search vs random search",
    papers=(
        Paper("Bergstra & Bengio 2012: 8 random trials do as well as a grid of 100; 64 beat it, in another space of nine", "V2"),
    ),
    refuted_by="The 95% interval over seeds of the true accuracy of the best of 8 random trials less that of the grid's lies at "
    "or below -1 point, or that of the best of 64 at or below 0.",
    measure=measure,
    kind="paper",
    trains=False,
)
