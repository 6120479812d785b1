"""Strategies are pure functions of the history: the same points again, in any portions, after any stop; what each one covers."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import jaxtricks as jt
from jaxtricks.config import choices, from_json, to_json
from jaxtricks.search import (
    BayesSearch,
    CoarseToFine,
    GridSearch,
    History,
    IntRange,
    ManualSearch,
    RandomSearch,
    SobolSearch,
    Space,
    Strategy,
    Trial,
    fitted,
)
from jaxtricks.search.history import key

RATE = "optimizer.rule.learning_rate"
SPACE = fitted(
    Space(
        {RATE: "log:1e-4:1e-1", "optimizer.rule": "sgd,momentum", "optimizer.rule.momentum": "1-log:0.5:0.99", "epochs": "2,4"}
    ),
    jt.Experiment(),
)
FEW = Space({"epochs": "int:1:3", "model.activation": "relu,tanh"})
LIST = [{"epochs": 1}, {"epochs": 2, "model.activation": "tanh"}, {"epochs": 3}]
STRATEGIES = [GridSearch(), RandomSearch(), SobolSearch(), CoarseToFine(trials=4), BayesSearch(start=4)]


def told(point, score=None):
    """A trial judged: best at a rate of 0.01 and a long training; a large rate diverges."""
    value = abs(math.log10(point.get(RATE, 0.01)) + 2) + 0.1 / point.get("epochs", 1) if score is None else score
    return Trial(point, math.inf if point.get(RATE, 0) > 0.06 else value, 0.05, 4)


def searched(strategy, history, portions):
    """The history after points were asked for in portions, and each portion told."""
    for count in portions:
        points = strategy.ask(history, count)
        history = history.asking(points).telling([told(point) for point in points])
    return history


@pytest.mark.parametrize("strategy", [GridSearch(), RandomSearch(), SobolSearch()], ids=str)
@pytest.mark.parametrize("space", [SPACE, FEW], ids=["many", "few"])
def test_asking_four_and_four_is_asking_eight(strategy, space):
    history = History(space, seed=3)
    first = strategy.ask(history, 3)
    assert first + strategy.ask(history.asking(first), 3) == strategy.ask(history, 6)
    assert strategy.ask(history.telling([told(point) for point in first]), 3) == strategy.ask(history.asking(first), 3)


@pytest.mark.parametrize("strategy", STRATEGIES, ids=str)
def test_a_search_that_was_stopped_goes_on_as_if_it_had_not_been(strategy):
    whole = searched(strategy, History(SPACE, seed=1), [4] * 4)
    half = searched(strategy, History(SPACE, seed=1), [4] * 2)
    again = History(
        Space.from_json(SPACE.to_json()), 1, tuple(Trial(dict(t.point), t.score, t.error, t.seeds) for t in half.told)
    )
    assert searched(strategy, again, [4] * 2).told == whole.told


@pytest.mark.parametrize("strategy", STRATEGIES, ids=str)
def test_the_seed_decides_and_no_point_comes_twice(strategy):
    one, other = (searched(strategy, History(SPACE, seed=seed), [4, 4, 4]).points for seed in (0, 1))
    assert one != other and len(set(map(key, one))) == 12
    assert all(list(point) == [path for path in SPACE.paths if path in point] for point in one)


@pytest.mark.parametrize("strategy", [*STRATEGIES, Strategy(LIST)], ids=str)
def test_a_space_of_few_points_is_tried_whole_and_then_finished(strategy):
    strategy.check(FEW)
    history = History(FEW, seed=0)
    total = 3 if strategy == Strategy(LIST) else 6
    while not strategy.finished(history):
        before, history = history, searched(strategy, history, [2])
        assert len(history.points) > len(before.points)
    assert strategy.finished(history) and strategy.ask(history, 2) == [] and len(history.points) == total


@pytest.mark.parametrize("strategy", STRATEGIES, ids=str)
def test_points_of_ones_own_count_as_tried(strategy):
    own = [point for point in FEW.listed() if point["epochs"] < 3]
    history = searched(strategy, History(FEW, seed=0).telling([told(point) for point in own]), [4])
    assert sorted(point["model.activation"] for point in history.points[4:]) == ["relu", "tanh"]


def test_a_grid_has_every_combination_and_a_part_of_it_is_not_one_sided():
    space = Space({"a": "0:1", "b": "log:0.01:1"})
    points = GridSearch(per=5).ask(History(space, seed=0), 100)
    assert sorted((point["a"], point["b"]) for point in points) == [
        (a, pytest.approx(b)) for a in (0, 0.25, 0.5, 0.75, 1) for b in 10 ** np.linspace(-2, 0, 5)
    ]
    halves = [[point["a"] for point in GridSearch(per=5).ask(History(space, seed), 12)] for seed in range(40)]
    assert np.mean(halves) == pytest.approx(0.5, abs=0.03) and min(len(set(half)) for half in halves) >= 4


def test_random_points_are_spread_as_the_ranges_say():
    points = RandomSearch().ask(History(SPACE, seed=0), 2000)
    assert np.quantile([math.log10(point[RATE]) for point in points], [0.25, 0.5, 0.75]) == pytest.approx(
        [-3.25, -2.5, -1.75], abs=0.1
    )
    assert np.mean([point["optimizer.rule"] == "sgd" for point in points]) == pytest.approx(0.5, abs=0.04)


@given(st.integers(0, 10**6))
def test_sobols_points_fill_every_sixteenth(seed):
    points = SobolSearch().ask(History(Space({"a": "0:1", "b": "0:1"}), seed), 16)
    for path in "ab":
        assert sorted(int(16 * point[path]) for point in points) == list(range(16))


def test_a_stage_waits_for_those_before_it():
    search, history = CoarseToFine(trials=4, stages=2), History(SPACE, seed=0)
    first = search.ask(history, 100)
    assert len(first) == 4 and search.ask(history.asking(first), 100) == [] and not search.finished(history.asking(first))
    partly = history.asking(first).telling([told(point) for point in first[:3]])
    assert search.ask(partly, 1) == []
    assert len(search.ask(partly.telling([told(first[3])]), 10)) == 10  # the last stage has no end
    assert search.least == 5


@given(st.integers(0, 1000))
def test_later_stages_lie_around_the_best_so_far(seed):
    space = Space({RATE: "log:1e-4:1e-1"})
    history = searched(CoarseToFine(trials=4, stages=3, share=0.25), History(space, seed), [4, 4, 4])
    for stage, width in ((1, 0.25), (2, 0.0625)):
        best = min(history.told[: 4 * stage], key=lambda trial: trial.score).point[RATE]
        units, _ = space.units([trial.point for trial in history.told[4 * stage : 4 * stage + 4]])
        low, high = units.min(), units.max()
        assert high - low <= width
        middle = space.ranges[RATE].unit(best)
        assert low >= min(middle - width / 2, 1 - width) - 1e-9 and high <= max(middle + width / 2, width) + 1e-9


def test_coarse_to_fine_alarms_where_the_best_lies_at_an_end_or_widens():
    space = fitted(Space({RATE: "log:1e-4:1e-3"}), jt.Experiment())
    narrow, wide = CoarseToFine(trials=4, stages=4), CoarseToFine(trials=4, stages=4, widen=True)
    history = searched(narrow, History(space, seed=0), [4] * 4)
    (alarm,) = narrow.alarms(history)
    assert alarm.startswith(RATE) and "lies at the high end of log:0.0001:0.001" in alarm
    widened = searched(wide, History(space, seed=0), [4] * 5)
    assert widened.best.point[RATE] > 1e-3 and widened.best.score < history.best.score
    assert wide.searched(widened).ranges[RATE].high > 1e-3
    assert narrow.alarms(History(space, seed=0)) == []


def test_there_is_no_alarm_where_the_field_takes_no_more():
    space = fitted(Space({"model.dropout": "0:0.7"}), jt.Experiment())
    at = {end: RandomSearch().alarms(History(space, 0, (Trial({"model.dropout": end}, 0.1, 0.1, 2),))) for end in (0.0, 0.7, 0.4)}
    assert at[0.0] == at[0.4] == [] and "high end of 0:0.7" in at[0.7][0]


def test_where_all_of_a_stage_diverged_the_next_is_the_whole_space_again():
    space = Space({RATE: "log:1e-4:1e-1"})
    history = History(space, seed=0)
    search = CoarseToFine(trials=8, stages=2)
    points = search.ask(history, 8)
    history = history.telling([Trial(point, math.inf, math.nan, 4) for point in points])
    assert np.ptp(space.units(search.ask(history, 32))[0]) > 0.8
    assert all(strategy.ask(history, 3) for strategy in STRATEGIES)


def test_strategies_have_names_and_come_back_from_json():
    assert set(choices(Strategy)) >= {"grid", "random", "sobol", "coarse_to_fine", "bayes", "manual"}
    assert Strategy("bayes") == BayesSearch() and Strategy(LIST) == ManualSearch(tuple(tuple(point.items()) for point in LIST))
    for strategy in [*STRATEGIES, Strategy(LIST)]:
        assert from_json(Strategy, to_json(strategy)) == strategy


def test_what_cannot_be_is_one_sentence():
    for strategy, space, sentence in (
        (Strategy([{"epoch": 3}]), FEW, r"ManualSearch\.points: 'epoch' is not searched; did you mean 'epochs'\?"),
        (Strategy([{"model.activation": "gelu"}]), FEW, r"^model\.activation: 'gelu' is none of the values"),
        (GridSearch(per=400), SPACE, r"GridSearch\.per = 400 makes more than 100000 points"),
    ):
        with pytest.raises(jt.ConfigError, match=sentence):
            strategy.check(space)
    for trial, sentence in (
        ((math.nan, 0.1, 1), r"Trial\.score = nan is no score"),
        ((0.1, -1.0, 1), r"Trial\.error = -1\.0 is no standard error"),
        ((0.1, 0.1, 0), r"Trial\.seeds = 0 is no number of restarts"),
    ):
        with pytest.raises(jt.ConfigError, match=sentence):
            Trial({"epochs": 1}, *trial)
    with pytest.raises(jt.ConfigError, match=r"ManualSearch\.points is empty"):
        Strategy([])
    with pytest.raises(jt.ConfigError, match=r"did you mean 'bayes'"):
        Strategy("bays")


def test_telling_takes_what_was_asked_off_the_list():
    first, second = {"epochs": 1}, {"epochs": 2}
    history = History(Space({"epochs": IntRange(1, 3)}), seed=0).asking([first, second])
    after = history.telling([told(first)])
    assert after.asked == (second,) and after.points == (first, second) and history.told == ()
    assert after.telling([told({"epochs": 3})]).exhausted and not after.exhausted
