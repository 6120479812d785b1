"""The exact test of two rows of counts."""

import itertools
import math

import numpy as np
import pytest
import scipy

from jaxtricks.checks import alarm
from jaxtricks.checks.alarm import differing


def among_all(one, other):
    """The p-value of χ² among all tables with the same sums, one by one."""
    sums, total, m = one + other, one.sum() + other.sum(), other.sum()

    def far(row):
        return ((row - m * sums / total) ** 2 / sums).sum()

    p = 0.0
    for row in itertools.product(*(range(count + 1) for count in sums)):
        if sum(row) == m and far(np.array(row)) >= far(other) * (1 - 1e-9):
            p += math.prod(math.comb(int(c), int(b)) for c, b in zip(sums, row, strict=True)) / math.comb(int(total), int(m))
    return p


def test_small_counts_are_held_against_all_tables_with_the_same_sums():
    one, other = np.array([14, 12, 6]), np.array([6, 8, 14])
    p = among_all(one, other)
    assert (
        0.02 < p < 0.06 and differing(one, other) == pytest.approx(p, rel=0.35) and differing(other, one) == differing(one, other)
    )


def test_what_chance_does_not_do_ends_at_the_number_of_tables():
    one, other = np.array([400, 300, 40]), np.array([3, 30, 90])
    assert differing(one, other) == 1e-4 and differing(one, other, tables=99) == 0.01


def test_large_counts_take_the_limit_and_two_classes_are_exact():
    one, other = np.array([300, 500, 700]), np.array([330, 490, 600])
    assert differing(one, other) == scipy.stats.chi2_contingency([one, other], correction=False).pvalue
    assert alarm._by_tables(np.stack([one, other]), 9_999) == pytest.approx(differing(one, other), rel=0.35)
    assert differing(np.array([3_000, 4]), np.array([15, 5])) == scipy.stats.fisher_exact([[3_000, 4], [15, 5]]).pvalue


def test_rare_classes_count_as_one_and_nothing_is_no_difference():
    many = np.r_[4_000, np.full(40, 2)], np.r_[60, np.ones(40, int)]
    assert differing(*many) == scipy.stats.fisher_exact([[4_000, 80], [60, 40]]).pvalue < 1e-20
    nothing = np.zeros(3, int)
    assert differing(nothing, nothing) == differing(nothing, np.array([1, 2, 3])) == differing(*np.array([[5, 0], [7, 0]])) == 1.0
