"""Five times two halves: false calls and power of Alpaydın's F beside Dietterich's t, the resampled t and verdicts."""

from collections.abc import Callable
from typing import Any

import numpy as np

from experiments.calibration.learners import SHARE, difference, pool
from experiments.calibration.simulation import RATIO
from jaxtricks import statistics

BETTER = (0.0, 0.1, 0.2, 0.4)  # by how much the second learner's classes are farther apart than the first's 1.2
RESAMPLED = 30  # splits of Dietterich's resampled t, a third validated on
SEEDS = 16


def rows(examples: int, repeats: int, bar: Any) -> list[dict[str, Any]]:
    """For each planted effect: how often each test says that the learners differ, and their true difference in accuracy."""
    found = []
    for better in BETTER:
        calls: dict[str, list[bool]] = {name: [] for name in TESTS}
        means = []
        for repeat in range(repeats):
            rng = np.random.default_rng([repeat, examples, 7])
            x, y = pool(rng, examples, (1.2, 1.2 + better))
            for name, test in TESTS.items():
                p, mean = test(rng, x, y)
                calls[name].append(p < 0.05)
                if name == "verdict":
                    means.append(mean)
            bar.update(1)
        called = {name: float(np.mean(each)) for name, each in calls.items()}
        found.append({"examples": examples, "better": better, "difference": float(np.mean(means)), "called": called})
    return found


def _halves(rng: np.random.Generator, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """The ten differences of five times two halves, [5, 2]."""
    half = y.size // 2
    orders = [rng.permutation(y.size) for _ in range(5)]
    places = np.stack([part for order in orders for part in (order[:half], order[half : 2 * half])])
    return difference(x, y, places).mean(axis=1).reshape(5, 2)


def _splits(rng: np.random.Generator, x: np.ndarray, y: np.ndarray, splits: int, share: float) -> tuple[np.ndarray, np.ndarray]:
    places = np.stack([rng.permutation(y.size)[: round(share * y.size)] for _ in range(splits)])
    return difference(x, y, places), places


def _f(rng: np.random.Generator, x: np.ndarray, y: np.ndarray) -> tuple[float, float]:
    d = _halves(rng, x, y)
    return statistics.five_by_two_p(d), float(d.mean())


def _t(rng: np.random.Generator, x: np.ndarray, y: np.ndarray) -> tuple[float, float]:
    d = _halves(rng, x, y)
    return statistics.dietterich_p(d), float(d.mean())


def _resampled(rng: np.random.Generator, x: np.ndarray, y: np.ndarray) -> tuple[float, float]:
    d = _splits(rng, x, y, RESAMPLED, 1 / 3)[0].mean(axis=1)
    return statistics.resampled_t_p(d), float(d.mean())


def _verdict(rng: np.random.Generator, x: np.ndarray, y: np.ndarray) -> tuple[float, float]:
    g, places = _splits(rng, x, y, SEEDS, SHARE)
    found = statistics.crossed(g, places, RATIO)
    p = found.p
    return (max(p, statistics.sign_flip_p(g.mean(axis=1))) if p < 0.05 else p), found.mean


TESTS: dict[str, Callable[[np.random.Generator, np.ndarray, np.ndarray], tuple[float, float]]] = {
    "5×2cv F (Alpaydın)": _f,
    "5×2cv t (Dietterich)": _t,
    "resampled t, 30 splits": _resampled,
    "verdict": _verdict,
}
