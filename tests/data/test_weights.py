"""Weights of examples, and steps whose labels do not count."""

import numpy as np
import pytest

import jaxtricks as jt
from jaxtricks.restart.member import Pool
from jaxtricks.store.manifest import digest

X = np.arange(24, dtype=np.float32).reshape(6, 4)
Y = np.array([0, 1, 0, 1, 0, 1])
STEPS = np.array([[0, 1, 1], [1, -100, 0], [-100, -100, 1], [1, 0, 0], [0, 0, 1], [1, 1, -100]])
FEATURES = np.zeros((6, 3, 2), np.float32)


def test_weights_go_with_their_examples_into_a_smaller_pool():
    data = jt.Dataset.from_arrays(X, Y, weights=np.arange(6) / 2)
    assert data.weights.dtype == np.float32
    small = data.subset(4, seed=0)
    np.testing.assert_array_equal(small.weights, small.x[:, 0] / 8)
    np.testing.assert_array_equal(Pool.of(data).weights, data.weights)


def test_weights_of_classes_are_those_of_their_examples():
    named = jt.Dataset.from_arrays(X, ["ham", "spam", "ham", "scam", "scam", "spam"], weights={"spam": 5, "scam": 9.5})
    np.testing.assert_array_equal(named.weights, [1, 5, 1, 9.5, 9.5, 5])
    np.testing.assert_array_equal(jt.Dataset.from_arrays(X, Y, weights={0: 2, 1: 3}).weights, 2 + Y)


def test_a_fixed_validation_set_needs_no_weights():
    data = jt.Dataset.from_arrays(X, Y, weights=[2] * 6, validation=(X[:2], Y[:2]), test=(X, Y))
    np.testing.assert_array_equal(data.weights, [2] * 6 + [1] * 2)
    assert data.open_test("a test").weights is None


def test_labels_of_minus_100_do_not_count_and_neither_do_masked_ones():
    data = jt.Dataset.from_arrays(FEATURES, STEPS)
    assert (data.task, data.classes, data.y.min()) == ("steps", ("0", "1"), 0)
    np.testing.assert_array_equal(data.counted, STEPS != -100)
    mask = np.ones((6, 3), bool)
    mask[0, 0] = False
    masked = jt.Dataset.from_arrays(FEATURES, STEPS, mask=mask, validation=(FEATURES[:1], STEPS[:1]))
    np.testing.assert_array_equal(masked.counted, np.concatenate([mask & (STEPS != -100), [[True] * 3]]))
    assert jt.Dataset.from_arrays(FEATURES, np.abs(STEPS) % 2, task="steps").counted is None


def test_labels_of_minus_100_behind_the_end_of_a_sequence_are_padding():
    y = np.where(np.arange(3) < np.array([3, 2, 1, 3, 3, 2])[:, None], 1, -100)
    data = jt.Dataset.from_arrays(FEATURES, y, lengths=[3, 2, 1, 3, 3, 2], classes="ab")
    assert data.counted is None
    np.testing.assert_array_equal(data.pool.steps, y == 1)
    y[0, 0] = -100
    data = jt.Dataset.from_arrays(FEATURES, y, lengths=[3, 2, 1, 3, 3, 2], classes="ab")
    np.testing.assert_array_equal(data.pool.steps, y == 1)
    np.testing.assert_array_equal(Pool.of(data).steps, y == 1)


def test_another_weight_or_mask_is_another_data_set():
    plain, weighted = jt.Dataset.from_arrays(X, Y), jt.Dataset.from_arrays(X, Y, weights=[1] * 6)
    steps = [
        jt.Dataset.from_arrays(FEATURES, np.abs(STEPS) % 2, mask=mask, task="steps") for mask in (None, STEPS > 0, STEPS >= 0)
    ]
    assert len({digest(data) for data in (plain, weighted, *steps)}) == 5


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"weights": [1, 2, 3]}, r"weights: shape \(3,\), dtype float32; one float32 for each example, \(6,\)"),
        ({"weights": [1, 2, -3, 4, 5, 6]}, "weights: example 2 has -3.0; finite numbers of 0 or more are allowed"),
        ({"weights": [1, 2, 3, np.nan, 5, 6]}, "weights: example 3 has nan"),
        ({"weights": {"2": 1.0}}, "weights: '2' is no class; there are: 0, 1"),
        ({"weights": {"0": -1.0}}, "weights: example 0 has -1.0"),
        ({"weights": {"0": "many"}}, "weights: dtype <U32 holds no real numbers"),
        ({"x": FEATURES, "y": STEPS, "weights": {"0": 1.0}}, "weights: {'0': 1.0} is of classes, and the task 'steps' has none"),
        ({"weights": [0] * 6}, "weights: all are 0"),
        ({"weights": ["1"] * 6}, "weights: dtype <U1 holds no real numbers"),
        ({"mask": np.ones((6, 3), bool)}, "mask: the task 'classes' has no label for each step"),
        ({"mask": ["a"]}, "mask: dtype <U1; True or 1 at each step that counts"),
        ({"x": FEATURES, "y": STEPS, "mask": [[True]]}, r"mask: shape \(1, 1\); one for each label, \(6, 3\), is allowed"),
        ({"x": FEATURES, "y": STEPS, "mask": STEPS > 9}, "mask: no step counts"),
    ],
)
def test_bad_weights_and_masks_are_refused_in_one_sentence(arguments, said):
    with pytest.raises(jt.data.DataError, match=said):
        jt.Dataset.from_arrays(**{"x": X, "y": Y, **arguments})
