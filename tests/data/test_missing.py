"""A missing number is the mean of the examples that a member trains on, whatever scales the inputs."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxtricks as jt
from jaxtricks.data.moments import moments
from jaxtricks.engine.tables import Numbers
from jaxtricks.restart.member import scaled
from jaxtricks.train.cohorts import Asked, tables_of


@pytest.fixture(scope="module")
def holes():
    draw = np.random.default_rng(0)
    x = draw.normal(size=(400, 6)) * [1, 10, 1e3, 1e-3, 1, 1] + [0, 5, 1e6, 0, 3, 0]
    x[draw.random(x.shape) < 0.3] = np.nan
    return jt.Dataset.from_arrays(x, np.arange(400) % 2, missing=True)


def test_moments_are_those_of_the_numbers_that_are_there(holes):
    trains = np.stack([holes.split(seed).train for seed in range(3)])
    x = holes.x.copy()
    x[trains[1], 4] = np.nan  # a feature that the second split lacks altogether
    mean, std = moments(x, trains, missing=True)
    for split, train in enumerate(trains):
        there = [feature for feature in range(6) if not (split == 1 and feature == 4)]
        known = x[train][:, there].astype(np.float64)
        np.testing.assert_allclose(mean[split, there], np.nanmean(known, axis=0), rtol=1e-6, atol=1e-9)
        np.testing.assert_allclose(std[split, there], np.nanstd(known, axis=0), rtol=1e-5)
    assert mean[1, 4] == 0 and std[1, 4] == 1


def test_moments_of_whole_data_are_the_same_to_the_bit(holes):
    x, trains = np.nan_to_num(holes.x), holes.split(0).train[None]
    for one, other in zip(moments(x, trains), moments(x, trains, missing=True), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("inputs", ["standardize", "raw", "unit", "whiten"])
def test_a_model_sees_the_training_mean_in_place_of_a_missing_number(inputs, holes):
    sampling = jt.Seeds(2).sampling(holes)
    experiment = jt.Experiment(inputs=inputs)
    members = tables_of(sampling, Asked.by(experiment), holes).member(Numbers.of(sampling))
    for row, train in enumerate(sampling.train):
        member = jax.tree.map(lambda leaf, row=row: jnp.asarray(leaf[row]), members)
        mean = np.nanmean(holes.x[train].astype(np.float64), axis=0)
        filled = np.where(np.isnan(holes.x), mean, holes.x).astype(np.float32)
        np.testing.assert_allclose(
            scaled(experiment, member, jnp.asarray(holes.x)),
            scaled(experiment, member._replace(fill=None), jnp.asarray(filled)),
            rtol=1e-5,
            atol=1e-4,
        )


def test_missing_numbers_are_refused_where_nobody_said_that_some_may_be():
    with pytest.raises(jt.DataError, match="x: example 1 holds nan as float32"):
        jt.Dataset.from_arrays([[0.0], [np.nan]], [0, 1])
    with pytest.raises(jt.DataError, match="x: example 1 holds inf as float32"):
        jt.Dataset.from_arrays([[0.0], [np.inf]], [0, 1], missing=True)


def test_times_with_missing_ones_keep_their_differences():
    x = 1.7e9 + np.arange(600.0)[:, None]
    x[::7] = np.nan
    data = jt.Dataset.from_arrays(x, np.arange(600) % 2, missing=True)
    assert len(np.unique(data.x[~np.isnan(data.x)])) == np.isfinite(x).sum()
