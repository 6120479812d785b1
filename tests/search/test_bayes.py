"""Bayesian search against random search at equal budget, on noisy functions, with the noise that restarts have."""

import math

import numpy as np
import pytest

from jaxtricks.search import BayesSearch, FloatRange, History, RandomSearch, Space, Trial, belief

TRIALS, BATCH, SEEDS, RESTARTS = 32, 8, 20, 4

WIDTHS = np.array([[10, 3, 17, 3.5, 1.7, 8], [0.05, 10, 17, 0.1, 8, 14], [3, 3.5, 1.7, 10, 17, 8], [17, 8, 0.05, 10, 0.1, 14]])
PLACES = 1e-4 * np.array(
    [
        [1312, 1696, 5569, 124, 8283, 5886],
        [2329, 4135, 8307, 3736, 1004, 9991],
        [2348, 1451, 3522, 2883, 3047, 6650],
        [4047, 8828, 8732, 5743, 1091, 381],
    ]
)


def branin(u):
    a, b = 15 * u[0] - 5, 15 * u[1]
    return (b - 5.1 / (4 * np.pi**2) * a**2 + 5 / np.pi * a - 6) ** 2 + 10 * (1 - 1 / (8 * np.pi)) * np.cos(a) + 10


def hartmann(u):
    return -np.array([1, 1.2, 3, 3.2]) @ np.exp(-(WIDTHS * (u - PLACES) ** 2).sum(axis=1))


def valley(u):
    """A bent valley beside a cliff, beyond which every restart diverges, as with too large a learning rate."""
    if u[0] + 0.3 * u[1] > 0.95:
        return math.inf
    return 0.3 + 10 * (u[0] - 0.6 - 0.2 * np.sin(3 * u[1])) ** 2 + 0.5 * (u[1] - 0.4) ** 2


def lowest(function):
    steps = np.linspace(0, 1, 201)
    return min(function(np.array([a, b])) for a in steps for b in steps)


# function, number of settings, smallest value, standard deviation of a restart
FUNCTIONS = {
    "branin": (branin, 2, 0.397887, 5.0),
    "hartmann": (hartmann, 6, -3.32237, 0.3),
    "valley": (valley, 2, lowest(valley), 0.05),
}


def trial(function, point, deviation, generator):
    value = function(np.array(list(point.values())))
    restarts = value + deviation * generator.normal(size=RESTARTS)
    error = restarts.std(ddof=1) / math.sqrt(RESTARTS) if value < math.inf else math.nan
    return Trial(point, float(restarts.mean()), float(error), RESTARTS)


def regret(name, strategy, seed):
    """By how much the trial that is believed best is worse than the best there is."""
    function, settings, best, deviation = FUNCTIONS[name]
    history = History(Space({f"x{number}": FloatRange(0, 1) for number in range(settings)}), seed)
    generator = np.random.default_rng(seed)
    for _ in range(TRIALS // BATCH):
        points = strategy.ask(history, BATCH)
        history = history.asking(points).telling([trial(function, point, deviation, generator) for point in points])
    chosen = history.told[int(belief(history).mean.argmin())].point
    return function(np.array(list(chosen.values()))) - best


@pytest.mark.parametrize("name", FUNCTIONS)
def test_bayesian_search_is_nearer_to_the_best_than_random_search(name):
    bayes, random = (
        np.array([regret(name, each, seed) for seed in range(SEEDS)]) for each in (BayesSearch(start=BATCH), RandomSearch())
    )
    assert np.isfinite(bayes).all() and bayes.mean() < 0.8 * random.mean(), (bayes.mean(), random.mean())


def test_what_is_believed_best_is_not_the_luckiest():
    space = Space({"x": FloatRange(0, 1)})
    smooth = [Trial({"x": x}, (x - 0.3) ** 2, 0.01, 4) for x in np.linspace(0, 1, 15)]
    lucky = Trial({"x": 0.8}, -0.05, 0.3, 4)  # by far the smallest mean, by far the noisiest
    history = History(space, 0, (*smooth, lucky))
    found = belief(history)
    assert history.best is lucky and found.mean.argmin() in (4, 5)
    assert found.mean[-1] == pytest.approx(found.mean[11:13].mean(), abs=0.3)


def test_points_that_are_waiting_are_not_asked_for_again_and_change_what_is_next():
    space = Space({"x": FloatRange(0, 1)})
    history = History(space, 0, tuple(Trial({"x": x}, (x - 0.3) ** 2, 0.01, 4) for x in np.linspace(0, 1, 10)))
    first = BayesSearch().ask(history, 1)
    second = BayesSearch().ask(history.asking(first), 1)
    assert first != second and abs(first[0]["x"] - 0.3) < 0.1


def test_choices_and_settings_without_a_meaning_are_learnt_from():
    space = Space({"a": "no,yes,perhaps", "b": "0:1"}, {"b": "a=yes"})
    score = lambda point: {"no": 0.6, "perhaps": 0.5}.get(point["a"], (point.get("b", 0) - 0.7) ** 2)  # noqa: E731
    history, strategy = History(space, 0), BayesSearch(start=8)
    for _ in range(4):
        points = strategy.ask(history, 4)
        history = history.asking(points).telling([Trial(point, score(point), 0.02, 4) for point in points])
    assert history.best.point == {"a": "yes", "b": pytest.approx(0.7, abs=0.1)}
    assert len([point for point in history.points if point["a"] != "yes"]) == 2  # each of the two has one point
