"""The patients that the rows make: the faulty ones, and the repaired ones beside them."""

from experiments.doctor.deepfd import rows_pictures, rows_points, rows_tables, rows_values
from experiments.doctor.deepfd.row import Row
from experiments.doctor.patient import Patient

ROWS: tuple[Row, ...] = tuple(
    sorted((*rows_points.ROWS, *rows_tables.ROWS, *rows_values.ROWS, *rows_pictures.ROWS), key=lambda row: row.number)
)


def patients() -> list[Patient]:
    """All patients, by the numbers of their rows: a faulty and a repaired one of each; of a row without a fault a healthy one.

    >>> [each.name for each in patients()][:2]
    ['deepfd 1', 'deepfd 1, repaired']
    """
    return [patient for row in ROWS for patient in _of(row)]


def _of(row: Row) -> list[Patient]:
    name = f"deepfd {row.number}"
    if not row.labels:
        return [Patient(name, "healthy", row.number, frozenset(), row.faulty)]
    return [
        Patient(name, "deepfd", row.number, row.causes, row.faulty),
        Patient(f"{name}, repaired", "repaired", row.number, frozenset(), row.repaired),
    ]
