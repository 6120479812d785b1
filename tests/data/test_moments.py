"""Moments of many splits in one pass over the pool, against two passes over each split alone."""

import numpy as np
import pytest

import jaxtricks as jt
from jaxtricks.data import moments as module
from jaxtricks.data.moments import moments

DRAW = np.random.default_rng(0)
TRAINS = np.stack([np.sort(DRAW.permutation(3000)[:2000]) for _ in range(5)])
POOLS = {
    "bytes": DRAW.integers(0, 256, (3000, 4, 3)).astype(np.uint8),
    "floats": DRAW.normal(size=(3000, 7)).astype(np.float32),
    "far from zero": (1e6 + DRAW.normal(size=(3000, 7))).astype(np.float32),
    "of many sizes": (10.0 ** np.arange(-20, 20, 8) * DRAW.normal(size=(3000, 5))).astype(np.float32),
}


@pytest.mark.parametrize("pool", POOLS)
@pytest.mark.parametrize("rows", [64, 2**22])
def test_they_are_those_of_each_splits_training_examples_alone(pool, rows, monkeypatch):
    monkeypatch.setattr(module, "ROWS_BYTES", rows)
    x = POOLS[pool]
    mean, std = moments(x, TRAINS)
    assert mean.shape == std.shape == (5, *x.shape[1:]) and mean.dtype == std.dtype == np.float32
    for split, train in enumerate(TRAINS):
        part = x[train].astype(np.float64)
        np.testing.assert_allclose(std[split], part.std(axis=0), rtol=1e-6)
        assert (np.abs(mean[split] - part.mean(axis=0)) <= 1e-6 * np.maximum(part.std(axis=0), np.abs(part.mean(axis=0)))).all()


@pytest.mark.parametrize("kind", [np.uint8, np.float32])
def test_a_feature_that_is_constant_over_one_split_is_exactly_centred_there(kind):
    x = DRAW.integers(0, 256, (3000, 3)).astype(kind)
    if kind is np.float32:
        x += np.float32(0.1)
    x[:, 0] = 77.3
    x[TRAINS[2], 1] = 201.7
    mean, std = moments(x, TRAINS)
    np.testing.assert_array_equal(mean[:, 0], kind(77.3))
    np.testing.assert_array_equal(std[:, 0], 1)
    assert mean[2, 1] == kind(201.7) and std[2, 1] == 1 and (std[[0, 1, 3, 4], 1] > 30).all()


def test_many_constants_of_floats_are_exact_though_their_squares_are_not():
    x = DRAW.normal(size=(3000, 50)).astype(np.float32)
    trains = np.stack([np.arange(2000), np.arange(1000, 3000)])  # the origin, example 0, is not in the second split
    x[trains[1]] = constants = DRAW.normal(size=50).astype(np.float32)
    mean, std = moments(x, trains)
    np.testing.assert_array_equal(mean[1], constants)
    np.testing.assert_array_equal(std[1], 1)


def test_steps_beyond_a_sequences_length_do_not_count():
    lengths = DRAW.integers(1, 7, 300).astype(np.int32)
    x = DRAW.normal(3.0, 2.0, size=(300, 8, 2)).astype(np.float32)
    x[:, 2, 1] = 0.7
    trains = np.stack([np.sort(DRAW.permutation(300)[:200]) for _ in range(2)])
    mean, std = moments(x, trains, lengths)
    for split, train in enumerate(trains):
        for step in range(8):
            part = x[train][lengths[train] > step, step].astype(np.float64)
            if len(part):
                np.testing.assert_allclose(mean[split, step], part.mean(axis=0), rtol=1e-6)
                spread = np.where(part.std(axis=0) > 0, part.std(axis=0), 1)
                np.testing.assert_allclose(std[split, step], np.where(step == 2, [spread[0], 1], spread), rtol=1e-5)
            else:
                assert (mean[split, step] == 0).all() and (std[split, step] == 1).all()


def test_a_split_gives_the_same_bits_in_whatever_company():
    for pool in ("bytes", "floats"):
        alone = [moments(POOLS[pool], train[None]) for train in TRAINS]
        together = moments(POOLS[pool], TRAINS)
        for kind in (0, 1):
            np.testing.assert_array_equal(np.concatenate([each[kind] for each in alone]), together[kind])


def test_no_examples_are_refused():
    with pytest.raises(jt.DataError, match=r"^train: it holds no examples; at least one is allowed\.$"):
        moments(POOLS["floats"], TRAINS[:, :0])
