"""What would decide: seeds, and examples where more seeds do not help."""

import math

import numpy as np
import pytest
from scipy import stats

from jaxtricks.statistics import Uncertainty, examples_needed, over_restarts, seeds_needed, smallest_p


def seen(mean, sd, seeds, floor=0.0):
    return Uncertainty(mean, seeds, sd**2 / seeds, floor**2, seeds - 1.0)


def decides(mean, sd, n, margin, comparisons=1, floor=0.0):
    """The estimate's condition at one n, spelt with SciPy's distributions."""
    error = math.sqrt(sd**2 / n + floor**2)
    freedom = error**4 / (sd**4 / n**2 / (n - 1))
    half = stats.t.ppf(0.975, freedom) * error
    # Signs flipped at random, Σ ± dᵢ has variance Σ dᵢ² = (n − 1) sd² + n mean².
    flips = 2 * stats.norm.sf(abs(n * mean) / math.sqrt((n - 1) * sd**2 + n * mean**2))
    p = max(2 * stats.t.sf(abs(mean) / error, freedom), flips, smallest_p(n))
    return p < 0.05 / comparisons or abs(mean) + half <= margin


@pytest.mark.parametrize("mean", [0.004, -0.01, 0.0005, 0.1])
@pytest.mark.parametrize("comparisons", [1, 20])
@pytest.mark.parametrize("seeds", [2, 16, 100])
@pytest.mark.parametrize("floor", [0.0, 0.001])
def test_seeds_needed_is_the_first_number_that_decides(mean, comparisons, seeds, floor):
    expected = next(n for n in range(seeds + 1, 10_001) if decides(mean, 0.02, n, 0.005, comparisons, floor))
    assert seeds_needed(seen(mean, 0.02, seeds, floor), margin=0.005, comparisons=comparisons) == expected


def test_seeds_needed_grows_with_noise_family_and_floor_and_gives_up_somewhere():
    first = seeds_needed(seen(0.01, 0.02, 8), margin=0.0)
    assert first < seeds_needed(seen(0.01, 0.04, 8), margin=0.0)
    assert first < seeds_needed(seen(0.01, 0.02, 8), margin=0.0, comparisons=50)
    assert first < seeds_needed(seen(0.01, 0.02, 8, floor=0.003), margin=0.0)
    # A small difference is quicker told to be small than to be there.
    assert seeds_needed(seen(0.001, 0.02, 8), margin=0.01) < seeds_needed(seen(0.001, 0.02, 8), margin=0.0)
    assert seeds_needed(seen(0.0, 0.02, 8), margin=0.0) is None
    assert seeds_needed(seen(0.0, 0.02, 10_000), margin=0.1) is None


def test_where_the_data_limit_no_number_of_seeds_decides():
    floor = 0.01 / 1.95
    assert seeds_needed(seen(0.01, 0.02, 8, floor), margin=0.0) is None
    assert seeds_needed(seen(0.01, 0.02, 8, floor * 0.98), margin=0.0) > 100


def test_seeds_needed_predicts_when_simulated_comparisons_decide_half_the_time():
    rng, n = np.random.default_rng(0), seeds_needed(seen(0.01, 0.02, 8), margin=0.0)
    decided = [over_restarts(rng.normal(0.01, 0.02, n)).interval().low > 0 for _ in range(1_000)]
    assert np.mean(decided) == pytest.approx(0.5, abs=0.08)


@pytest.mark.parametrize("comparisons", [1, 10])
@pytest.mark.parametrize("mean", [0.02, 0.001])
def test_so_many_examples_decide_and_a_tenth_fewer_do_not(mean, comparisons):
    sd, floor, margin = 0.01, 0.03, 0.015
    needed = examples_needed(seen(mean, sd, 16, floor), 1_000, margin=margin, comparisons=comparisons)
    found = [decides(mean, sd, 16, margin, comparisons, floor / math.sqrt(share * needed / 1_000)) for share in (1.0, 0.9)]
    assert found == [True, False]


def test_examples_do_not_help_where_restarts_are_the_limit():
    assert examples_needed(seen(0.01, 0.1, 16, 0.01), 1_000, margin=0.0) is None
    assert examples_needed(seen(0.0, 0.01, 16, 0.01), 1_000, margin=0.0) is None


@pytest.mark.parametrize(
    "needed", [lambda found, margin: seeds_needed(found, margin=margin), lambda f, m: examples_needed(f, 9, margin=m)]
)
@pytest.mark.parametrize(
    ("found", "margin"),
    [(seen(math.nan, 1.0, 4), 0.0), (seen(0.1, math.nan, 4), 0.0), (seen(0.1, 0.1, 4), -1.0), (over_restarts(np.ones(1)), 0.0)],
)
def test_what_cannot_be_counted_with_is_refused(needed, found, margin):
    with pytest.raises(ValueError):
        needed(found, margin)
