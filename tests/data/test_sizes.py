"""What a number of examples can show: held against SciPy, simulation and the textbook's figures."""

import numpy as np
import pytest
import scipy

import jaxtricks as jt
from jaxtricks.data.facts import Facts, PartSize, how_split
from jaxtricks.data.sizes import accuracy_interval, detectable, error_interval, luck_of_the_best


@pytest.mark.parametrize(("examples", "right"), [(1, 0), (1, 1), (30, 29), (360, 300), (10_000, 9_900)])
@pytest.mark.parametrize("confidence", [0.8, 0.95, 0.99])
def test_the_interval_of_an_accuracy_is_scipys(examples, right, confidence):
    theirs = scipy.stats.binomtest(right, examples).proportion_ci(confidence, method="wilson")
    assert accuracy_interval(right / examples, examples, confidence) == pytest.approx((theirs.low, theirs.high), abs=1e-12)


@pytest.mark.parametrize(("accuracy", "points"), [(0.5, 0.98), (0.9, 0.59), (0.95, 0.43), (0.99, 0.20)])
def test_ten_thousand_examples_buy_what_the_lecture_says(accuracy, points):
    low, high = accuracy_interval(accuracy, 10_000)
    assert round(50 * (high - low), 2) == points


@pytest.mark.parametrize("disagreement", [0.05, 0.2, 1.0])
@pytest.mark.parametrize("examples", [2_000, 20_000])
@pytest.mark.parametrize("power", [0.3, 0.8, 0.95])
def test_the_difference_that_is_detectable_is_found_as_often_as_stated(disagreement, examples, power):
    difference = detectable(examples, disagreement, power=power)
    draw = np.random.default_rng(0)
    shares = [(disagreement + difference) / 2, (disagreement - difference) / 2, 1 - disagreement]
    better, worse, _ = draw.multinomial(examples, shares, 20_000).T
    found = np.abs(better - worse) / np.sqrt(np.maximum(better + worse, 1)) > 1.96
    assert found.mean() == pytest.approx(power, abs=0.02)


def test_a_difference_is_never_larger_than_the_disagreement():
    assert np.isnan(detectable(100, disagreement=0.01))
    found = [detectable(examples, 0.05) for examples in (500, 5_000, 50_000)]
    assert found == sorted(found, reverse=True) and found[0] <= 0.05


@pytest.mark.parametrize(("examples", "models", "accuracy"), [(50, 3, 0.9), (400, 20, 0.5), (400, 100, 0.99)])
def test_the_luck_of_the_best_is_that_of_a_simulation(examples, models, accuracy):
    best = np.random.default_rng(0).binomial(examples, accuracy, (40_000, models)).max(axis=1) / examples
    assert luck_of_the_best(examples, models, accuracy) == pytest.approx(best.mean() - accuracy, abs=4 * best.std() / 200)


def test_the_luck_of_the_best_stays_below_its_bound_and_one_model_has_none():
    assert luck_of_the_best(1_000, 1) == pytest.approx(0, abs=1e-9)
    for models in (2, 10, 1_000):
        assert 0 < luck_of_the_best(10_000, models) < np.sqrt(np.log(models) / 20_000)


def test_the_interval_of_a_squared_error_covers_it():
    errors = (np.random.default_rng(0).normal(size=(4_000, 500)) ** 2).mean(axis=1)
    assert np.mean(np.abs(errors - 1) < error_interval(500)) == pytest.approx(0.95, abs=0.015)


@pytest.mark.parametrize(
    "call",
    [
        lambda: accuracy_interval(1.1, 10),
        lambda: accuracy_interval(0.5, 0),
        lambda: accuracy_interval(0.5, 10, 1.0),
        lambda: detectable(10, 0.0),
        lambda: detectable(10, 0.5, power=0.0),
        lambda: luck_of_the_best(10, 0),
    ],
)
def test_numbers_out_of_bounds_are_refused(call):
    with pytest.raises(ValueError, match=r"^\w+ = \S+ is out of bounds\.$"):
        call()


def test_the_facts_are_those_of_every_seed_and_the_test_split_stays_locked(blobs):
    facts = Facts.of(blobs)
    train, validation = blobs.split(7)
    assert [part.examples for part in facts.parts.values()] == [len(train), len(validation), blobs.test_size]
    assert facts.counts == {"0": 20, "1": 20, "2": 20} and facts.luck[100] > facts.luck[2] > 0 and not facts.gaps
    assert facts.parts["test"] == PartSize.of(60, None) and not blobs.openings


def test_groups_times_and_gaps_are_counted():
    table = {"age": [20.0, None] * 8, "who": list("aabbccdd") * 2, "day": list(range(16)), "sick": ["no", "yes"] * 8}
    data = jt.Dataset.from_frame(table, "sick", groups="who", time="day", validation=0.25)
    facts = Facts.of(data)
    assert facts.parts["validation"].groups == 1 and facts.parts["training"].groups == 3 and facts.times == (0, 15)
    assert facts.gaps == {"age": 0.5} and "test" not in facts.parts and not facts.luck
    assert how_split(data) == "Each seed draws groups of its own to validate on, whole ones, about 25% of the pool."


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"validation": 0.25}, "Each seed draws its own 25% of the pool to validate on, of each class in proportion."),
        ({"validation": (np.ones((2, 3)), [0, 1])}, "The validation set is fixed, the same for every seed."),
        ({"task": "values"}, "Each seed draws its own 20% of the pool to validate on."),
    ],
)
def test_it_is_said_how_examples_are_split(options, words):
    assert how_split(jt.Dataset.from_arrays(np.ones((8, 3)), np.arange(8) % 2, **options)) == words
