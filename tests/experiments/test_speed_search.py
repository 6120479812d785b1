"""The benchmark of searches: what its figures say of traces, its table, and that all methods train the same network."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments.speed.search import contestants, methods
from experiments.speed.search.__main__ import equal_quality
from experiments.speed.search.figures import Traces, quality, ratio, seconds_to, seconds_until, step_to
from experiments.speed.search.methods import SMALL, Searched
from experiments.speed.search.table import CANDIDATES, CONFIRMED, POINTS, RESTARTS, Table
from experiments.speed.search.task import JUDGE_SEEDS, RANGES, TABLE_SEEDS, TYPICAL, VALIDATION, Settings, arrays, space


@pytest.fixture
def rising():
    """Three searches of four steps of a second each, which return the better the longer they go on."""
    scores = np.array([[0.1, 0.5, 0.8, 0.9], [0.2, 0.6, 0.7, 0.9], [0.0, 0.4, 0.9, 0.9]])
    return Traces(np.tile(np.arange(1.0, 5.0), (3, 1)), scores, scores + 0.02)


def slower(traces, times):
    return traces._replace(seconds=times * traces.seconds)


@pytest.mark.parametrize(("asked", "step"), [(0.1, 0), (0.5, 1), (0.51, 2), (0.9, 3), (0.95, None)])
def test_the_first_step_that_is_good_enough(rising, asked, step):
    assert step_to(rising, asked - 1e-9, np.mean) == step
    assert seconds_to(rising, asked - 1e-9, np.mean) == (np.inf if step is None else step + 1)
    assert seconds_until(rising, asked - 1e-9, np.mean) == (4 if step is None else step + 1)


def test_a_step_counts_even_if_a_later_one_is_worse():
    traces = Traces(np.array([[1.0, 2.0, 3.0]]), np.array([[0.1, 0.9, 0.2]]), np.zeros((1, 3)))
    assert step_to(traces, 0.5, np.mean) == 1


def test_mean_and_median_are_over_searches():
    traces = Traces(np.ones((3, 1)), np.array([[0.9], [0.9], [0.0]]), np.zeros((3, 1)))
    assert step_to(traces, 0.8, np.median) == 0 and step_to(traces, 0.8, np.mean) is None


@pytest.mark.parametrize(("times", "asked"), [(0.2, 0.05), (1.0, 0.5), (40.0, 0.85)])
def test_a_ratio_is_how_many_times_as_long_the_same_searches_take(times, asked):
    scores = np.array([[0.1, 0.5, 0.9]] * 3)
    own = Traces(np.tile([1.0, 2.0, 3.0], (3, 1)), scores, scores)
    found = ratio(slower(own, times), own, asked, np.mean)
    assert found.reached and found.value == pytest.approx(times)
    assert found.low == pytest.approx(times) and found.high == pytest.approx(times)  # all searches are alike


def test_a_ratio_of_what_is_never_good_enough_is_a_bound(rising):
    bad = slower(rising._replace(scores=rising.scores / 2), 10)
    found = ratio(bad, rising, 0.85, np.mean)
    assert not found.reached and found.value == pytest.approx(40 / 4)
    assert ratio(rising, bad, 0.85, np.mean).value == 0
    wide = ratio(rising, rising, 0.6, np.mean)
    assert wide.low <= wide.value <= wide.high and wide.low < wide.high


def test_quality_is_in_points(rising):
    found = quality(rising, 3, best=0.92, margin=0.02 + 1e-9)
    assert found == pytest.approx({"mean below the best": 2, "median": 2, "within the margin": 1, "measured too high by": 2})
    assert quality(rising, 2, best=0.92, margin=0.02 + 1e-9)["within the margin"] == pytest.approx(1 / 3)


@given(st.lists(st.sampled_from([0.1, 0.5, 0.7]), min_size=1, max_size=12))
def test_a_trace_returns_the_first_of_the_best_so_far(values):
    rows = [(float(place),) for place in range(len(values))]
    trace = contestants.best_so_far(rows, values, list(range(len(values))))
    for step in range(len(values)):
        seen = values[: step + 1]
        assert trace["claims"][step] == max(seen)
        assert trace["rows"][step] == [seen.index(max(seen))]


def test_traces_take_the_true_scores_of_what_is_returned():
    trace = {"seconds": [1.0, 2.0], "rows": [[0.1, 0.2], [0.3, 0.4]], "claims": [0.5, 0.6]}
    traces = Traces.of([trace, trace], {(0.1, 0.2): 0.4, (0.3, 0.4): 0.3})
    assert traces.scores.tolist() == [[0.4, 0.3]] * 2 and traces.claims.tolist() == [[0.5, 0.6]] * 2
    both = Traces.side_by_side([traces, traces])
    assert both.seconds.tolist() == [[1.0, 2.0, 1.0, 2.0]] * 2


def test_the_table_knows_its_best_from_restarts_that_chose_nothing():
    table = Table.read()
    assert table.rows.shape == (POINTS, len(RANGES)) and table.first.shape == (POINTS, RESTARTS)
    assert table.again.shape[0] == CANDIDATES and table.confirmed.shape == (CONFIRMED,)
    for name, values in zip(RANGES, table.rows.T, strict=True):
        assert space().ranges[name].low <= values.min() < values.max() <= space().ranges[name].high
    means = table.first.mean(axis=1)
    assert means[table.candidates].min() >= np.delete(means, table.candidates).max()
    luckiest, again = means.max() / VALIDATION, table.again.mean(axis=1).max() / VALIDATION
    assert 0.9 < table.best <= again <= luckiest + 0.01  # each number has less luck in it than the one before
    assert table.chosen in table.candidates


def test_seeds_that_judge_are_no_others():
    largest = TABLE_SEEDS + RESTARTS + Table.read().again.shape[1] + CONFIRMED
    assert largest <= JUDGE_SEEDS < 2**31 - methods.FULL.fresh
    assert methods.FULL.searches * 2**20 < TABLE_SEEDS  # a search has 2^20 of its own


def test_pytorch_and_jax_train_the_network_of_jaxtricks():
    torch = pytest.importorskip("torch")
    import jax

    from experiments.speed.search import jax_trial, torch_trial

    threads = torch.get_num_threads()
    found = torch_trial.trainer(1, True)(TYPICAL[1], 0)
    torch.set_num_threads(threads)
    other = float(jax.jit(jax_trial.trainer())(jax.random.key(0), Settings(*map(np.float32, TYPICAL[1]))))
    usual = 0.905  # of 48 restarts of jaxtricks there, which have a standard deviation of 0.008
    assert found == pytest.approx(usual, abs=0.04) and other == pytest.approx(usual, abs=0.04)


def test_optuna_searches_the_space_of_jaxtricks():
    torch, _ = pytest.importorskip("torch"), pytest.importorskip("optuna")
    threads = torch.get_num_threads()
    first = contestants.optuna("RandomSampler", trials=5, seeds=1, threads=1, fused=True)
    again = contestants.optuna("RandomSampler", trials=5, seeds=1, threads=1, fused=True)
    trace, second = first()["trace"], first()["trace"]
    assert again()["trace"]["rows"] == trace["rows"] != second["rows"]  # a search is its number
    torch.set_num_threads(threads)
    for row in trace["rows"]:
        units, _ = space().units([dict(zip(RANGES, row, strict=True))])
        assert ((units >= 0) & (units <= 1)).all()
    assert all(a < b for a, b in itertools.pairwise(trace["seconds"]))
    assert trace["claims"] == sorted(trace["claims"])


def test_inputs_are_standardized_by_training_examples():
    found = arrays()
    assert found.train_x.shape == (1437, 64) and found.test_y.shape == (VALIDATION,)
    np.testing.assert_allclose(found.train_x.mean(axis=0), 0, atol=1e-5)
    assert set(found.train_x.std(axis=0).round(3).tolist()) == {0.0, 1.0}
    assert abs(found.test_x.mean()) > 1e-3


def _searched(score, seconds, step):
    shape = (3, 1) if step is None else (3, 40)
    steps = np.arange(1, shape[1] + 1) * seconds / shape[1]
    scores = np.full(shape, score)
    return Searched(Traces(np.tile(steps, (3, 1)), scores, scores), 9.0 if step is None else None, step, 1)


def test_rows_and_targets_of_searches():
    table = Table.read()
    name, peer = methods.ours(SMALL.budgets[0]), "Optuna's TPE, PyTorch"
    searches = {name: _searched(table.best, 2.0, None), peer: _searched(0.5, 80.0, "trials")}
    found = equal_quality(SMALL, searches, table)
    (target,) = found.targets
    assert target.value == pytest.approx(40) and "at least" in target.name and target.met
    rows = {row["name"]: row for row in found.rows}
    assert f"{peer}, after 16 trials" in rows and f"{peer}, after 40 trials" in rows
    assert rows[f"to equal quality, mean: {peer}, at least"]["ratio to cold"] == pytest.approx(80 / 9)
    assert not found.unmeasured
    worse = searches | {name: _searched(0.5, 2.0, None)}
    found = equal_quality(SMALL, worse, table)
    assert not found.targets and len(found.unmeasured) == 2
