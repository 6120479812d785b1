"""Trees in rows of operations: the recursive loop's values and gradients, in as few rows as can be."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import jaxtricks as jt
from jaxtricks.nn.tree import fold_trees, schedule

FEATURES, VOCABULARY = 4, 6
TREES = st.lists(
    st.recursive(st.integers(0, VOCABULARY - 1), lambda tree: st.tuples(tree, tree), max_leaves=9), min_size=1, max_size=5
)


def height(tree):
    return 0 if isinstance(tree, int) else 1 + max(map(height, tree))


def operations(tree):
    return 0 if isinstance(tree, int) else 1 + sum(map(operations, tree))


def tree_lstm(kernel):
    """The binary Tree-LSTM of Tai+ 2015, its h and c side by side."""

    def combine(left, right):
        (h_left, c_left), (h_right, c_right) = (jnp.split(state, 2, axis=-1) for state in (left, right))
        i, f_left, f_right, o, u = jnp.split(jnp.concatenate([h_left, h_right], axis=-1) @ kernel, 5, axis=-1)
        c = jax.nn.sigmoid(i) * jnp.tanh(u) + jax.nn.sigmoid(f_left) * c_left + jax.nn.sigmoid(f_right) * c_right
        return jnp.concatenate([jax.nn.sigmoid(o) * jnp.tanh(c), c], axis=-1)

    return combine


def recursive(combine, table, tree):
    if isinstance(tree, int):
        return table[tree]
    left, right = (recursive(combine, table, child) for child in tree)
    return combine(left, right)


def test_values_and_gradients_are_the_recursive_loop_s():
    trees = [((0, 1), (2, (3, 4))), 3, (1, 1), (((5, 0), 4), 5)]

    def looped(params):
        return jnp.stack([recursive(tree_lstm(params[1]), params[0], tree) for tree in trees])

    def batched(width, params):
        forest = schedule(trees, width)
        return fold_trees(tree_lstm(params[1]), params[0][forest.tokens], forest)

    def value_and_gradient(f, params):
        weights = jnp.cos(jnp.arange(len(trees) * 2 * FEATURES)).reshape(len(trees), -1)
        return f(params), *jax.grad(lambda params: jnp.sum(weights * f(params)))(params)

    keys = jax.random.split(jax.random.key(0))
    params = (
        jax.random.normal(keys[0], (VOCABULARY, 2 * FEATURES)),
        jax.random.normal(keys[1], (2 * FEATURES, 5 * FEATURES)) / 2,
    )
    functions = [looped, *(functools.partial(batched, width) for width in (1, 3, 50))]
    expected, *others = jax.jit(lambda params: [value_and_gradient(f, params) for f in functions])(params)
    for found in others:
        for ours, theirs in zip(found, expected, strict=True):
            assert np.abs(theirs).max() > 0.1
            np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-6)


@given(TREES, st.integers(1, 6))
@settings(max_examples=50, deadline=None)
def test_any_forest_is_evaluated_in_as_few_rows_as_can_be(trees, width):
    forest = schedule(trees, width)
    # One row after the other in plain NumPy, each state a nested pair: what comes out must be the trees.
    states = dict(enumerate(forest.tokens.tolist()))
    total = sum(map(operations, trees))
    for i, (left, right) in enumerate(zip(forest.left.tolist(), forest.right.tolist(), strict=True)):
        new = [(states.get(a), states.get(b)) for a, b in zip(left, right, strict=True)]  # what is not there yet is None
        states |= {len(forest.tokens) + i * width + j: state for j, state in enumerate(new)}
    assert [states[root] for root in forest.roots.tolist()] == trees
    rows, levels = len(forest.left), [depths(tree) for tree in trees]
    # Nobody can do with fewer: whoever has d more operations above it is done d rows before the last (Hu 1961).
    deepest = max(map(height, trees))
    assert rows == max([deepest, *(d + -(-sum(count(level, d) for level in levels) // width) for d in range(deepest))])
    assert forest.left.shape == forest.right.shape == (rows, width) and rows * width >= total


def depths(tree, depth=0):
    """The depth of every operation."""
    return [] if isinstance(tree, int) else [depth, *(d for child in tree for d in depths(child, depth + 1))]


def count(depths, least):
    return sum(depth >= least for depth in depths)


def test_a_chain_of_thousands_is_a_tree():
    tree, length = 0, 5000
    for _ in range(length):
        tree = (tree, 1)
    forest = schedule([tree], 4)
    assert forest.left.shape == (length, 4)
    one = fold_trees(lambda a, b: a + b, jnp.ones((length + 1, 1)), forest)
    assert one.tolist() == [[length + 1]]


@pytest.mark.parametrize(
    ("trees", "width", "words"),
    [
        ([], 2, "0 trees"),
        ([0], 0, "width 0"),
        ([(0, 1, 2)], 2, r"not \(0, 1, 2\)"),
        ([(0, "a")], 2, "not 'a'"),
        ([(0, 1.5)], 2, "1.5"),
    ],
)
def test_what_is_no_tree_is_refused(trees, width, words):
    with pytest.raises(jt.ConfigError, match=words):
        schedule(trees, width)
