"""Patients of the doctor: all can be built, what is planted changes something, and what is right was written down for each."""

import numpy as np
import pytest

import jaxtricks as jt
from experiments.doctor import healthy, planted, sets
from experiments.doctor.health import Health
from experiments.doctor.planted import data as spoils
from experiments.doctor.planted.kind import WINE, wired
from jaxtricks.train.prepare import prepare

PREPARED = {"mnist": (28, 28, 1), "fashion_mnist": (28, 28, 1), "imdb_reviews": (200,)}
REFUSED = {12: "abc", 65: "a", 68: "a", 105: "abc"}  # kind → the patients that the library refuses before they run


@pytest.fixture(autouse=True)
def noise(monkeypatch):
    """Noise in place of the data sets that have to be prepared first."""
    load, draw = jt.load, np.random.default_rng(0)

    def loaded(name, **options):
        if name not in PREPARED:
            return load(name, **options)
        classes = 2 if name == "imdb_reviews" else 10
        x = draw.integers(0, 255, (600, *PREPARED[name])).astype(np.uint8)
        return jt.Dataset.from_arrays(x, np.arange(600) % classes, name=name)

    monkeypatch.setattr(jt, "load", loaded)
    sets._halved.cache_clear()
    yield
    sets._halved.cache_clear()


def test_patients_have_names_of_their_own_and_nothing_is_built_before_it_is_asked_for(monkeypatch):
    monkeypatch.setattr(jt, "load", None)
    patients = [*healthy.patients(), *planted.patients()]
    assert len({patient.name for patient in patients}) == len(patients)
    assert [patient.number for patient in healthy.patients()] == list(range(60))
    assert all(patient.causes for patient in planted.patients()) and not any(patient.causes for patient in healthy.patients())


def test_every_kind_is_planted_three_times_or_has_a_reason():
    numbers = [kind.number for kind in planted.kinds()]
    assert len(set(numbers)) == len(numbers) and not set(numbers) & planted.NOT_PLANTED.keys()
    assert {len(kind.plants) for kind in planted.kinds()} == {3}


@pytest.mark.parametrize("half", range(2))
def test_healthy_experiments_are_small_and_fit_their_data(half):
    for patient in healthy.patients()[half::2]:
        experiment, data = patient.make()
        train = len(data.split(0).train)
        assert len(data) <= 500 and experiment.epochs <= 30 and experiment.batch_size <= train
        assert max(getattr(experiment.model, "widths", (0,)) or (0,)) <= 64


@pytest.mark.parametrize("part", range(4))
def test_planted_ones_differ_from_each_other_and_are_refused_where_they_have_to_be(part):
    for kind in planted.kinds()[part::4]:
        made = [plant() for plant in kind.plants]
        assert len({(experiment, data.name, data.x.tobytes()) for experiment, data in made}) == 3, kind.number
        for letter, (experiment, data) in zip("abc", made, strict=True):
            if letter in REFUSED.get(kind.number, ()):
                with pytest.raises(jt.ConfigError):
                    prepare(experiment, data, len(data.split(0).train))


def test_a_network_that_is_wired_well_learns():
    experiment, data = wired(WINE, {"epochs": 5})()
    assert jt.fit(experiment, data, seeds=2, progress=False).metrics["accuracy"].mean() > 0.9


@pytest.mark.parametrize(
    ("spoil", "rows"), [(spoils.shuffled_labels, 0), (spoils.flipped, 0.75), (spoils.ignored, 0.73), (spoils.divided, 0.1)]
)
def test_labels_are_spoilt_by_their_share(spoil, rows):
    given = sets.digits()
    spoilt = spoil(given)
    same = (spoilt.y == given.y).mean()
    assert abs(same - rows) < 0.12 and np.array_equal(spoilt.x, given.x)


def test_copies_stand_on_both_sides_and_preparations_differ():
    copied = spoils.copied(sets.cancer())
    train, held = (copied.x[places] for places in copied.split(0))
    there = {row.tobytes() for row in train}
    assert abs(np.mean([row.tobytes() in there for row in held]) - 0.5) < 0.05
    unlike = spoils.unlike(sets.cancer())
    train, held = (unlike.x[places] for places in unlike.split(0))
    assert 200 < held.mean() / train.mean() < 320


def test_rare_classes_are_rare_and_numbers_of_one_time_fall_together():
    assert np.bincount(spoils.rare(sets.blobs()).y).tolist() == [80, 2, 2, 2]
    assert len(np.unique(spoils.stamped(sets.wave()).x)) < 3


@pytest.mark.parametrize(
    ("changes", "healthy_"),
    [({}, True), ({"rates": 0.99}, False), ({"longer": 0.99}, False), ({"risen": 0.2}, False), ({"knows": 0.2}, False)],
)
def test_healthy_is_who_knows_what_there_is_to_know(changes, healthy_):
    assert Health(**({"knows": 0.9, "rates": 0.92, "longer": 0.9, "risen": 0.0} | changes)).healthy is healthy_
