"""The copy and the adding problem, and images read pixel by pixel."""

import numpy as np
import pytest

from jaxtricks.data import DataError, Dataset
from jaxtricks.data.sequences import adding_problem, copy_problem, pixels, reversal_problem


@pytest.mark.parametrize(("delay", "symbols", "recall"), [(1, 8, 10), (30, 8, 10), (5, 1, 1), (7, 40, 3)])
def test_symbols_are_to_be_repeated_behind_the_marker(delay, symbols, recall):
    data = copy_problem(50, delay, symbols, recall)
    x, y = data.x, data.y
    assert x.shape == y.shape == (50, delay + 2 * recall) and data.task == "steps" and len(data.classes) == symbols + 1
    assert np.array_equal(x[:, :recall], y[:, -recall:]) and x[:, :recall].min() == 1 and x[:, :recall].max() <= symbols
    assert not y[:, :-recall].any()
    rest = x[:, recall:]
    assert np.all(rest[:, delay - 1] == symbols + 1) and not np.delete(rest, delay - 1, axis=1).any()
    assert len(data.vocabulary) == symbols + 2


def test_a_row_can_be_read():
    data = copy_problem(4, delay=3, symbols=2, recall=2)
    first, second = data.x[0, :2]
    assert data.decode(data.x[0]) == f"{first} {second} _ _ ? _ _" and data.decode(data.y[0]) == f"_ _ _ _ _ {first} {second}"


@pytest.mark.parametrize(("length", "symbols"), [(1, 1), (5, 3)])
def test_symbols_are_to_be_repeated_backwards_and_only_they_count(length, symbols):
    data = reversal_problem(40, length, symbols)
    x, y, source = data.x, data.y, data.x[:, :length]
    assert x.shape == y.shape == (40, 2 * length) and source.min() == 1 and source.max() == symbols and not x[:, length].any()
    assert np.array_equal(y[:, length:], source[:, ::-1]) and np.array_equal(x[:, length + 1 :], y[:, length:-1])
    assert not data.counted[:, :length].any() and data.counted[:, length:].all()
    assert len(data.vocabulary) == len(data.classes) == symbols + 1
    with pytest.raises(DataError, match=r"^length: 0 is not allowed"):
        reversal_problem(4, 0)


def test_symbols_are_equally_common():
    drawn = copy_problem(2000, 1).x[:, :10]
    np.testing.assert_allclose(np.bincount(drawn.ravel())[1:] / drawn.size, 1 / 8, atol=0.01)


@pytest.mark.parametrize("length", [2, 3, 40])
def test_two_numbers_one_in_each_half_add_up(length):
    data = adding_problem(400, length)
    numbers, marks = np.moveaxis(data.x, 2, 0)
    assert data.x.shape == (400, length, 2) and data.y.shape == (400, 1) and data.task == "values"
    np.testing.assert_allclose((numbers * marks).sum(axis=1), data.y[:, 0], rtol=1e-6)
    halves = np.split(marks, [length // 2], axis=1)
    assert all(np.all(np.sort(half)[:, -1] == 1) and np.all(half.sum(axis=1) == 1) for half in halves)
    assert numbers.min() >= 0 and numbers.max() < 1 and marks.any(axis=0).all()
    assert np.mean((data.y - 1) ** 2) == pytest.approx(1 / 6, abs=0.03)


@pytest.mark.parametrize("make", [lambda seed: copy_problem(9, 4, seed=seed), lambda seed: adding_problem(9, 6, seed=seed)])
def test_a_seed_draws_the_same_again_and_another_another(make):
    assert np.array_equal(make(3).x, make(3).x) and not np.array_equal(make(3).x, make(4).x)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: copy_problem(9, 0), "delay: 0 is not allowed; a whole number of 1 or more is."),
        (lambda: copy_problem(1, 3), "examples: 1 is not allowed; a whole number of 2 or more is."),
        (lambda: copy_problem(9, 3, symbols=0), "symbols: 0 is not allowed; a whole number of 1 or more is."),
        (lambda: copy_problem(9, 3, recall=2.5), "recall: 2.5 is not allowed; a whole number of 1 or more is."),
        (lambda: adding_problem(9, 1), "length: 1 is not allowed; a whole number of 2 or more is."),
        (lambda: adding_problem(True, 4), "examples: True is not allowed; a whole number of 2 or more is."),
    ],
)
def test_too_small_numbers_are_refused(make, said):
    with pytest.raises(DataError) as error:
        make()
    assert str(error.value) == said


def pictures(test=True) -> Dataset:
    x = np.arange(20 * 3 * 4 * 2, dtype=np.uint8).reshape(20, 3, 4, 2)
    y = np.arange(20) % 2
    return Dataset.from_arrays(x, y, name="pictures", test=(x[:5] + 1, y[:5]) if test else None)


def test_pixels_are_read_row_by_row():
    images = pictures()
    data = pixels(images)
    assert data.shape == (12, 2) and data.x.dtype == np.uint8 and data.scale == 255 and data.name == "pictures_pixels"
    assert np.array_equal(data.x[:, 4 * 2 + 3], images.x[:, 2, 3]) and np.array_equal(data.y, images.y)
    assert pixels(pictures(test=False)).has_test is False


def test_one_permutation_holds_for_all_images_and_for_the_test_split():
    images, read = pictures(), pixels(pictures())
    data = pixels(images, permutation=5)
    order = [int(np.flatnonzero((read.x[0] == pixel).all(axis=1))[0]) for pixel in data.x[0]]
    assert sorted(order) == list(range(12)) != order
    assert np.array_equal(data.x, read.x[:, order]) and np.array_equal(pixels(images, permutation=5).x, data.x)
    assert not np.array_equal(pixels(images, permutation=6).x, data.x)
    x, y, lengths = data.open_test("to compare")[:3]
    assert np.array_equal(x, read.x[:5][:, order] + 1) and np.array_equal(y, images.y[:5]) and lengths is None
    assert images.openings == data.openings and len(images.openings) == 1


def test_what_is_no_image_has_no_pixels():
    with pytest.raises(DataError) as error:
        pixels(adding_problem(9, 4))
    assert str(error.value) == (
        "dataset: adding_problem_4 has inputs of shape (4, 2); images, [height, width, channels], are allowed."
    )
