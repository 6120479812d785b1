"""Cures of data: what is mended, that it is offered where it is needed alone, and that it is tried on the mended data."""

import dataclasses

import numpy as np
import pytest

import jaxtricks as jt
from jaxtricks.diagnose import SIGNS, Case, Cause
from jaxtricks.diagnose.cures import cures
from jaxtricks.diagnose.mended import AgreedLabels, alike, relabelled

NAME = "validation inputs with means and spreads as in training"


@pytest.fixture(scope="module")
def unlike():
    draw = np.random.default_rng(0)
    y = np.arange(240) % 2
    x = draw.normal(size=(240, 4)) + 2 * y[:, None] + 3
    return jt.Dataset.from_arrays(x[:160], y[:160], validation=(255 * x[160:], y[160:]), name="unlike")


@pytest.fixture(scope="module")
def given():
    return jt.Experiment(model=jt.MLP(widths=(8,)), optimizer=jt.Optimizer(jt.Adam(learning_rate=0.01)), batch_size=16, epochs=10)


def test_each_feature_of_the_validation_set_has_the_mean_and_the_spread_of_training(unlike):
    (found, _), places = alike(unlike, jt.Seeds(2)), unlike.validation
    train, other = found.x[places.train], found.x[places.validation]
    assert np.allclose(train.mean(axis=0), other.mean(axis=0), rtol=1e-4)
    assert np.allclose(train.std(axis=0), other.std(axis=0), rtol=1e-4)
    assert np.array_equal(train, unlike.x[places.train]) and np.array_equal(found.y, unlike.y)


def test_a_feature_that_never_varies_is_only_moved():
    x, y = np.ones((8, 1)), np.arange(8) % 2
    found, _ = alike(jt.Dataset.from_arrays(x[:4], y[:4], validation=(5 * x[:4], y[4:])), jt.Seeds(2))
    assert found.x.ravel().tolist() == [1.0] * 8


def test_the_data_are_mended_where_the_splits_differ_alone(unlike, given, monkeypatch):
    monkeypatch.setattr(Case, "best_rate", 0.01)
    drawn = jt.Dataset.from_arrays(unlike.x, unlike.y)
    names = [{cure.name for cure in cures(Case(given, data, jt.Seeds(2)))} for data in (unlike, drawn)]
    assert [NAME in found for found in names] == [True, False]


def test_inputs_that_were_prepared_otherwise_are_told_first_and_mended(unlike, given):
    fast = ("learnt by heart", "leaks", "shapes", "company", "host", "labels", "simple models")
    found = jt.examine(given, unlike, seeds=8, most=2, without=fast, progress=False)
    assert found.diagnoses[0].cause is Cause.INPUTS and found.cure is not None and found.cure.name == NAME
    assert found.cure.cures and f"the cure that helps most: {NAME}" in str(found)


def test_adam_with_settings_of_its_own_is_tried_with_the_usual_ones(unlike, given, monkeypatch):
    monkeypatch.setattr(Case, "best_rate", 0.01)
    flat = given.replace({"optimizer.rule.epsilon": 1.0})
    names = [[cure.name for cure in cures(Case(each, unlike, jt.Seeds(2)))] for each in (flat, given)]
    assert ["Adam with its usual settings" in found for found in names] == [True, False]


@pytest.fixture(scope="module")
def mislabelled():
    draw = np.random.default_rng(0)
    true = np.arange(300) % 3
    x = 3 * draw.normal(size=(3, 5))[true] + draw.normal(size=(300, 5))
    y = np.where(draw.random(300) < 0.3, (true + draw.integers(1, 3, size=300)) % 3, true)
    return jt.Dataset.from_arrays(x, y, name="mislabelled"), jt.Dataset.from_arrays(x, true, name="labelled")


def test_labels_that_neighbours_contradict_become_theirs_where_a_restart_trains(mislabelled):
    given, right = mislabelled
    seeds = relabelled(given, jt.Seeds(2))[1]
    sampling = seeds.sampling(given)
    train, validation, labels = sampling.train[0], sampling.validation[0], sampling.labels[0]
    assert (labels != right.y)[train].mean() < (given.y != right.y)[train].mean() / 3
    assert np.array_equal(labels[validation], given.y[validation])


def test_no_label_that_is_validated_on_has_a_say(mislabelled):
    given, _ = mislabelled
    train, other = given.split(0).train, given.y.copy()
    other[given.split(0).validation] = 0
    both = [
        AgreedLabels().labels(dataclasses.replace(given, y=y), train, np.random.default_rng(0))[train] for y in (given.y, other)
    ]
    assert np.array_equal(*both)


def test_wrong_labels_are_told_and_mended_where_sure_guesses_are_wrong_alone(mislabelled, given, monkeypatch):
    monkeypatch.setattr(Case, "best_rate", 0.01)
    cases = [Case(given, data, jt.Seeds(4)) for data in mislabelled]
    assert [[set(each.causes) for each in SIGNS["sure mistakes"](case)] for case in cases] == [[{Cause.LABELS}], []]
    assert [[cure.name for cure in cures(case) if cure.cause is Cause.LABELS] for case in cases] == [
        ["labels that neighbours agree on"],
        [],
    ]


def test_values_have_no_labels_that_neighbours_agree_on():
    values = jt.Dataset.from_arrays(np.ones((8, 1)), np.linspace(0, 1, 8))
    with pytest.raises(jt.ConfigError, match=r"^Seeds\.labels = AgreedLabels compares classes, and .* has no class of each"):
        AgreedLabels().labels(values, np.arange(6), np.random.default_rng(0))
