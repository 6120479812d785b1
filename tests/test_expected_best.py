"""The expected best of n tries, against all subsets and against new tries."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from jaxtricks.statistics import expected_best

FINITE = st.floats(-1e6, 1e6)


@given(arrays(np.float64, st.integers(1, 7), elements=FINITE), st.booleans())
def test_it_is_the_mean_over_all_subsets(values, higher_is_better):
    best = max if higher_is_better else min
    each = [np.mean([best(some) for some in itertools.combinations(values, n)]) for n in range(1, len(values) + 1)]
    np.testing.assert_allclose(expected_best(values, higher_is_better=higher_is_better), each, rtol=1e-9, atol=1e-6)


@given(arrays(np.float64, st.integers(1, 40), elements=FINITE))
def test_more_tries_are_never_worse_and_losses_are_negated_gains(values):
    best = expected_best(values, higher_is_better=True)
    scale = np.abs(values).max() + 1
    assert np.all(np.diff(best) >= -1e-9 * scale)
    assert best[0] == pytest.approx(values.mean(), abs=1e-9 * scale) and best[-1] == pytest.approx(values.max())
    np.testing.assert_allclose(expected_best(-values, higher_is_better=False), -best, atol=1e-9 * scale)


def test_it_is_unbiased_where_draws_with_replacement_are_not():
    """Of n uniform tries the best is expected at n / (n + 1)."""
    draw, size, samples = np.random.default_rng(0), 8, 4_000
    values = draw.uniform(size=(samples, size))
    n, i = np.arange(1, size + 1), np.arange(size + 1)
    found = np.array([expected_best(row, higher_is_better=True) for row in values])
    error = found.std(axis=0, ddof=1) / np.sqrt(samples)
    truth = n / (n + 1)
    assert np.all(np.abs(found.mean(axis=0) - truth) < 4 * error)
    replaced = np.sort(values) @ np.diff((i[:, None] / size) ** n, axis=0)  # Dodge+ 2019: the empirical distribution's power
    assert replaced.mean(axis=0)[0] == pytest.approx(truth[0], abs=4 * error[0])
    assert np.all(replaced.mean(axis=0)[1:] < truth[1:] - 10 * error[1:])


def test_many_tries_do_not_overflow():
    best = expected_best(np.arange(3_000.0), higher_is_better=True)
    n = np.arange(1, 3_001)
    np.testing.assert_allclose(best, n * 3_001 / (n + 1) - 1, rtol=1e-9)  # the expected maximum of n out of 1 … N, less 1


@pytest.mark.parametrize("values", [np.array([]), np.array([np.nan]), np.ones((2, 2))])
def test_what_is_no_vector_of_numbers_is_refused(values):
    with pytest.raises(ValueError, match="vector of at least one finite number"):
        expected_best(values, higher_is_better=True)
