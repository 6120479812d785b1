"""The orders of training examples: permutations, which of them change, and how batches follow each other."""

import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import jaxtricks as jt
from jaxtricks import rng
from jaxtricks.config import ConfigError
from jaxtricks.experiment.order import Seen

RANDOM = np.random.default_rng(0)
LABELS, LENGTHS = jnp.asarray(RANDOM.integers(0, 4, 50)), jnp.asarray(RANDOM.integers(1, 30, 50))
RANDOM_ORDERS = [
    jt.experiment.Reshuffled(),
    jt.experiment.FixedOrder(),
    jt.experiment.ByClass(),
    jt.experiment.ByLength(buckets=2),
]


def drawn(order, seed, epoch, batch=7):
    return np.asarray(order(rng.root(seed), Seen(LABELS, LENGTHS, batch), jnp.int32(epoch)))


@pytest.mark.parametrize("order", RANDOM_ORDERS)
def test_an_order_is_a_permutation_and_each_seed_has_its_own(order):
    first, second = drawn(order, 0, 0), drawn(order, 1, 0)
    np.testing.assert_array_equal(np.sort(first), np.arange(50))
    assert not np.array_equal(first, second)


def test_only_some_change_with_the_epoch():
    assert [np.array_equal(drawn(order, 0, 0), drawn(order, 0, 1)) for order in RANDOM_ORDERS] == [False, True, True, False]


def test_fixed_is_the_first_epoch_of_reshuffled():
    np.testing.assert_array_equal(drawn(jt.experiment.FixedOrder(), 3, 7), drawn(jt.experiment.Reshuffled(), 3, 0))


def test_by_class_shows_one_class_after_the_other():
    assert np.all(np.diff(np.asarray(LABELS)[drawn(jt.experiment.ByClass(), 0, 0)]) >= 0)


def test_contiguous_batches_go_on_where_the_last_one_ended():
    order = drawn(jt.experiment.Contiguous(), 0, 0)
    np.testing.assert_array_equal(np.sort(order), np.arange(50))
    batches = order[:49].reshape(7, 7)
    np.testing.assert_array_equal(batches[0], np.arange(0, 49, 7))
    np.testing.assert_array_equal(np.diff(batches, axis=0), 1)


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 4), st.integers(1, 6), st.integers(0, 5))
def test_each_round_has_a_batch_of_every_bucket_within_its_cut(buckets, batch, seed):
    order = jt.experiment.ByLength(buckets=buckets).fitted([np.asarray(LENGTHS)], batch)
    rounds = 50 // (buckets * batch)
    batches = drawn(order, seed, 1, batch)[: rounds * buckets * batch].reshape(rounds, buckets, batch)
    longest = np.asarray(LENGTHS)[batches].max(axis=(0, 2))
    shortest = np.asarray(LENGTHS)[batches].min(axis=(0, 2))
    assert np.all(longest <= order.cuts) and np.all(longest[:-1] <= shortest[1:]) and list(order.cuts) == sorted(order.cuts)


def test_a_cut_holds_for_every_restart():
    lengths = [np.array([1, 2, 3, 4]), np.array([5, 1, 1, 9])]
    assert jt.experiment.ByLength(buckets=2).fitted(lengths, 2).cuts == (1 + 1, 9)
    assert jt.experiment.ByLength(buckets=2).fitted(lengths, 1).cuts == (2, 9)
    assert jt.experiment.ByLength(buckets=3).fitted(lengths, 1).cuts == (
        2,
        5,
        9,
    )  # one of four is left out, and may be the shortest


def test_orders_that_need_classes_or_lengths_say_so():
    values = jt.Dataset.from_arrays(np.zeros((8, 3)), np.arange(8.0).reshape(8, 1))
    with pytest.raises(ConfigError, match="'by_class' sorts by classes, and the examples of arrays have none"):
        jt.experiment.ByClass().check(values)
    with pytest.raises(ConfigError, match="'by_length' sorts by length, and the examples of arrays are all whole"):
        jt.experiment.ByLength().check(values)
