"""Tables become the same numbers by a published model, by its file for NumPy and by the library, or are refused."""

import datetime

import numpy as np
import pandas as pd
import pytest

import jaxtricks as jt
from jaxtricks.publish import predict
from jaxtricks.publish.exported import columns_to_json
from jaxtricks.publish.published import columns_from_json

KINDS = {"member": "category", "floor": "category", "rate": "category"}
DAY = datetime.date(2026, 5, 1)


@pytest.fixture(scope="module")
def columns():
    frame = {
        "member": [True, False] * 10,
        "floor": pd.array([1, 2, None, 30] * 5, dtype="Int64"),
        "rate": [0.5, 2.0, 0.0001, 10.25] * 5,
        "note": ["", "new"] * 10,
        "rooms": [3.0, None] * 10,
        "sold": [DAY] * 20,
        "paid": [0, 1] * 10,
    }
    return jt.Dataset.from_frame(pd.DataFrame(frame), "paid", kinds=KINDS).columns


def frame(**others):
    plain = {"member": [True, False], "floor": [1, None], "rate": [0.5, 2.0], "note": ["", "new"], "rooms": [1, None]}
    return {**plain, "sold": [DAY, DAY], **others}


@pytest.mark.parametrize(
    "table",
    [
        frame(),
        frame(member=np.array([False, True]), floor=np.array([30.0, np.nan]), rate=np.array([10.25, 0.0001])),
        frame(member=["true", "True"], floor=["2", "1.0"], note=["new", "old"], rooms=[True, False]),
        frame(rate=[2, 3], rooms=[np.nan, 2.5], sold=["2026-05-01", "2026-12-31 12:30:00"]),
        frame(sold=np.array(["1960-01-01T01", "2026-05-01T02"], "datetime64[h]").astype("datetime64[ns]")),
        frame(sold=[datetime.datetime(2026, 5, 1, 12, 30), datetime.datetime(1969, 5, 1)]),
        dict(pd.DataFrame(frame(floor=pd.array([1, None], dtype="Int64"), sold=pd.to_datetime(["2026-05-01", "2026-05-02"])))),
    ],
    ids=["plain", "arrays", "words", "numbers", "hours", "datetimes", "pandas"],
)
def test_values_are_spelled_as_the_library_does(columns, table):
    told, wanted = columns_to_json(columns), columns.inputs(table)
    np.testing.assert_array_equal(columns_from_json(told).inputs(table), wanted)
    np.testing.assert_array_equal(predict.table(told, table), wanted)


def test_what_numpy_does_not_read_is_refused(columns):
    told = columns_to_json(columns)
    for name, value in (
        ("floor", DAY),
        ("floor", np.timedelta64(1, "D")),
        ("rate", 1e-6),
        ("rate", 1e12),
        ("rooms", DAY),
        ("rooms", np.datetime64("2026-05-01", "ns")),
        ("rooms", ""),
        ("sold", 5),
        ("sold", 2026.0),
        ("sold", ""),
        ("sold", "now"),
        ("sold", "2026"),
        ("sold", datetime.time(9, 30)),
        ("sold", datetime.timedelta(days=2)),
        ("sold", np.timedelta64(2, "D")),
        ("member", None),
    ):
        with pytest.raises(ValueError, match=f"column {name!r}: |could not convert|Could not convert"):
            predict.table(told, frame(**{name: [value, value]}))


def test_times_and_durations_are_days_to_a_published_model():
    table = {
        "opens": [datetime.time(9, 30), datetime.time(12)] * 10,
        "lasts": [datetime.timedelta(days=2), datetime.timedelta(hours=6)] * 10,
        "paid": [0, 1] * 10,
    }
    columns = jt.Dataset.from_frame(table, "paid").columns
    found = columns_from_json(columns_to_json(columns)).inputs(table)
    np.testing.assert_allclose(found[:2], [[9.5 / 24, 2], [0.5, 0.25]])
