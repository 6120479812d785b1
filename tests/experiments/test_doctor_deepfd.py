"""The rows of DeepFD's benchmark as patients: all are there, all can be built, and each repair changes something."""

import jax
import numpy as np
import pytest

import jaxtricks as jt
from experiments.doctor.deepfd.models import Piled, linear, softmax
from experiments.doctor.deepfd.patients import ROWS, patients
from experiments.doctor.deepfd.row import CAUSES, HEALTHY, NUMBERS, REFUSED
from jaxtricks.config import ConfigError
from jaxtricks.data import DataError
from jaxtricks.models.contract import contract
from jaxtricks.train.prepare import prepare

PATIENTS = {each.name: each for each in patients()}


def made(patient):
    """The experiment and the data of a patient; the test is skipped where TFDS has not prepared them."""
    try:
        return patient.make()
    except DataError as error:
        pytest.skip(str(error))


def test_each_row_is_there_once_with_its_repaired_twin():
    assert tuple(row.number for row in ROWS) == NUMBERS
    groups = {
        group: [each.number for each in PATIENTS.values() if each.group == group] for group in ("deepfd", "repaired", "healthy")
    }
    assert groups["deepfd"] == groups["repaired"] == [number for number in NUMBERS if number not in HEALTHY]
    assert tuple(groups["healthy"]) == HEALTHY
    assert len(PATIENTS) == sum(map(len, groups.values()))


def test_a_faulty_one_has_the_causes_of_its_labels_and_no_other_has_any():
    assert all(bool(each.causes) == (each.group == "deepfd") for each in PATIENTS.values())
    assert {label for row in ROWS for label in row.labels} == set(CAUSES)  # no label of the table is idle
    assert {row.number for row in ROWS if "refused" in row.labels} == set(REFUSED)


@pytest.mark.parametrize("name", PATIENTS)
def test_a_patient_runs_or_is_refused_where_that_is_its_fault(name):
    patient = PATIENTS[name]
    experiment, data = made(patient)
    train = patient.seeds.sampling(data).train.shape[1]
    assert train <= 560
    if patient.group == "deepfd" and patient.number in REFUSED:
        with pytest.raises(ConfigError):
            prepare(experiment, data, train)
    else:
        ready = prepare(experiment, data, train)
        assert train // ready.batch_size * ready.epochs <= 4_000


@pytest.mark.parametrize("row", [row for row in ROWS if row.labels], ids=lambda row: str(row.number))
def test_a_repair_changes_something(row):
    idle = [path for path, value in row.repair.items() if row.experiment.replace({path: value}) == row.experiment]
    assert not idle
    assert row.repair or row.repaired_data not in (None, row.data)


def test_the_softmax_of_one_output_says_nothing():
    assert softmax(np.array([[-3.0], [5.0]])).tolist() == [[1.0], [1.0]]
    assert linear(3.0) == 3.0


def test_a_pile_is_told_by_other_examples_too():
    model, x = Piled(outputs=2), np.random.default_rng(0).normal(size=(4, 6, 8, 8)).astype(np.float32)
    variables = model.init(jax.random.key(0), x, train=False)
    other = np.concatenate([x[:1], -x[1:]])
    assert not np.allclose(model.apply(variables, x, train=False)[0], model.apply(variables, other, train=False)[0])


def test_a_network_without_an_ending_is_the_library_s():
    row = next(row for row in ROWS if row.number == 41)
    model = contract(row.experiment.replace(row.repair).model).filled({"outputs": 1, "vocabulary": None, "read": "last"})
    plain = jt.MLP(widths=model.widths, outputs=1)
    x = np.random.default_rng(0).normal(size=(5, 16)).astype(np.float32)
    variables = plain.init(jax.random.key(0), x, train=False)
    np.testing.assert_array_equal(plain.apply(variables, x, train=False), model.apply(variables, x, train=False))
