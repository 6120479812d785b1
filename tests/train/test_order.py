"""The orders of training examples: permutations, and which of them change."""

import jax.numpy as jnp
import numpy as np
import pytest

import jaxtricks as jt
from jaxtricks import rng

LABELS = jnp.asarray(np.random.default_rng(0).integers(0, 4, 50))


def drawn(order, seed, epoch):
    return np.asarray(order(rng.root(seed), LABELS, jnp.int32(epoch)))


@pytest.mark.parametrize("order", [jt.Reshuffled(), jt.FixedOrder(), jt.ByClass()])
def test_an_order_is_a_permutation_and_each_seed_has_its_own(order):
    first, second = drawn(order, 0, 0), drawn(order, 1, 0)
    np.testing.assert_array_equal(np.sort(first), np.arange(50))
    assert not np.array_equal(first, second)


def test_only_reshuffled_changes_with_the_epoch():
    orders = (jt.Reshuffled(), jt.FixedOrder(), jt.ByClass())
    assert [np.array_equal(drawn(order, 0, 0), drawn(order, 0, 1)) for order in orders] == [False, True, True]


def test_fixed_is_the_first_epoch_of_reshuffled():
    np.testing.assert_array_equal(drawn(jt.FixedOrder(), 3, 7), drawn(jt.Reshuffled(), 3, 0))


def test_by_class_shows_one_class_after_the_other():
    assert np.all(np.diff(np.asarray(LABELS)[drawn(jt.ByClass(), 0, 0)]) >= 0)
