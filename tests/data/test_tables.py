"""Tables of any library, and CSV files as people save them, become the same data set."""

import codecs
import datetime
import gzip
import re

import jax
import numpy as np
import pyarrow as pa
import pytest

import jaxtricks as jt
from jaxtricks.data.delimited import read_csv
from jaxtricks.data.frames import as_table

ROWS = 40
DAYS = [datetime.date(2019, 12, 20) + datetime.timedelta(days=day) for day in range(ROWS)]


def columns():
    draw = np.random.default_rng(0)
    age = [None if row % 7 == 3 else float(value) for row, value in enumerate(np.round(draw.uniform(20, 60, ROWS), 2))]
    town = [None if row % 11 == 5 else ("Oslo", "Bergen", "Tromsø")[row % 3] for row in range(ROWS)]
    return {
        "age": age,
        "town": town,
        "rooms": [int(value) for value in draw.integers(1, 9, ROWS)],
        "garden": [bool(value) for value in draw.integers(0, 2, ROWS)],
        "built": DAYS,
        "sold": ["yes" if row % 2 else "no" for row in range(ROWS)],
    }


@pytest.fixture(scope="module")
def table():
    return pa.table(columns())


@pytest.fixture(scope="module")
def data(table):
    return jt.Dataset.from_frame(table, "sold")


def same(one, other):
    assert one.columns == other.columns and one.features == other.features and one.classes == other.classes
    np.testing.assert_array_equal(one.x, other.x)
    np.testing.assert_array_equal(one.y, other.y)


def frame_of(library, table):
    if library == "dict":
        return columns()
    if library == "pandas with an index":
        frame = pytest.importorskip("pandas").DataFrame(columns())
        return frame.set_axis([7 * row for row in range(ROWS)][::-1]).astype({"town": "category"})
    if library == "polars":
        polars = pytest.importorskip("polars")
        return polars.DataFrame(columns()).with_columns(polars.col("town").cast(polars.Categorical))
    if library == "duckdb":
        return pytest.importorskip("duckdb").from_arrow(table)
    return table.to_reader()


class Interchanged:
    """What only has `__dataframe__`."""

    def __init__(self, frame):
        self.frame = frame

    def __dataframe__(self, *args, **options):
        return self.frame.__dataframe__(*args, **options)


def test_a_frame_that_only_knows_the_interchange_protocol_is_a_table(table):
    plain = table.drop_columns(["built", "garden"])
    same(jt.Dataset.from_frame(Interchanged(plain), "sold"), jt.Dataset.from_frame(plain, "sold"))


@pytest.mark.parametrize("library", ["dict", "pandas with an index", "polars", "duckdb", "a reader"])
def test_a_table_of_any_library_gives_the_same_bits(library, table, data):
    same(jt.Dataset.from_frame(frame_of(library, table), "sold"), data)


def test_what_each_column_became_is_printed(data):
    assert repr(data) == "Dataset(frame: 40 examples of 9, 2 classes (no, yes), no test split)"
    assert repr(data.columns) == (
        "column  kind      becomes\n"
        "age     number    itself; the training mean where missing (6 rows), and 0 or 1 for missing\n"
        "town    category  0 or 1 for each of 3: Bergen, Oslo, Tromsø; zeros where missing (4 rows), and 0 or 1 for missing\n"
        "rooms   number    itself\n"
        "garden  number    itself\n"
        "built   date      days\n"
        "sold              target"
    )
    assert data.features == (
        *("age", "age is missing", "town=Bergen", "town=Oslo", "town=Tromsø", "town is missing", "rooms", "garden", "built"),
    )


def cell(value, decimal, dates):
    if isinstance(value, datetime.date):
        return value.strftime(dates)
    return "" if value is None else str(value).replace(".", decimal) if isinstance(value, float) else str(value)


def text(delimiter=",", decimal=".", dates="%Y-%m-%d", end="\n"):
    rows = zip(*columns().values(), strict=True)
    lines = [[cell(value, decimal, dates) for value in row] for row in rows]
    return "".join(delimiter.join(line) + end for line in [list(columns()), *lines])


WAYS = {
    "plain": text().encode(),
    "a byte-order mark and Windows' line ends": codecs.BOM_UTF8 + text(end="\r\n").encode(),
    "a decimal comma, semicolons and German dates": text(";", ",", "%d.%m.%Y").encode(),
    "tabs": text("\t").encode(),
    "UTF-16, as Excel's Unicode text": text("\t").encode("utf-16"),
    "gzip": gzip.compress(text().encode()),
    "quotes": re.sub("(Oslo|Bergen|yes|no)", r'"\1"', text()).encode(),
    "spaces around names": text().replace(",rooms,", ", rooms ,").encode(),
    "NA for a missing value": text().replace(",,", ",NA,").encode(),
    "an index that pandas wrote": "".join(
        f"{row - 1 if row else ''},{line}\n" for row, line in enumerate(text().splitlines())
    ).encode(),
}


@pytest.mark.parametrize("way", WAYS)
def test_a_file_as_people_save_it_gives_the_same_data_set(way, data, tmp_path):
    file = tmp_path / "flats.csv"
    file.write_bytes(WAYS[way])
    found = jt.Dataset.from_csv(file, "sold")
    same(found, data)
    assert found.name == "flats"


def test_a_newline_inside_of_quotes_is_part_of_a_value(tmp_path):
    file = tmp_path / "notes.csv"
    file.write_bytes(b'note,y\r\n"two\r\nlines",a\r\nb,"c,d"\r\n')
    assert read_csv(file).to_pydict() == {"note": ["two\r\nlines", "b"], "y": ["a", "c,d"]}


def test_dates_of_a_format_of_ones_own(tmp_path):
    file = tmp_path / "days.csv"
    file.write_text("day,y\n03/01/1970,1.5\n04/01/1970,2.5\n")
    assert jt.Dataset.from_csv(file, "y", dates="%d/%m/%Y", validation=0.5).x.tolist() == [[2.0], [3.0]]


def test_a_fit_of_a_csv_learns_and_predicts_rows_of_a_table(tmp_path):
    draw = np.random.default_rng(1)
    town, size = draw.choice(["Oslo", "Bergen", "Hamar"], 200), draw.normal(size=200)
    label = np.where((town == "Oslo") ^ (size > 0), "buy", "rent")
    lines = [f"{t},{'' if row % 25 == 0 else s},{y}" for row, (t, s, y) in enumerate(zip(town, size, label, strict=True))]
    file = tmp_path / "homes.csv"
    file.write_text("\n".join(["town,size,choice", *lines]))
    data = jt.Dataset.from_csv(file, "choice")
    runs = jt.fit(
        jt.Experiment(
            model=jt.MLP(widths=(16,)), optimizer=jt.Optimizer(rule=jt.Adam(learning_rate=0.03)), epochs=30, batch_size=16
        ),
        data,
        seeds=2,
        progress=False,
    )
    assert runs.evaluate("validation")["accuracy"].min() > 0.85
    new = {"size": [1.5, -1.5, None], "town": ["Oslo", "Oslo", "Paris"], "else": [1, 2, 3]}
    assert runs.predict(new).tolist()[:2] == ["rent", "buy"]
    reordered = pa.table({"town": new["town"], "size": new["size"]})
    np.testing.assert_array_equal(runs.probabilities(reordered), runs.probabilities(new))


def test_validation_rows_do_not_change_what_is_trained(table):
    """Neither their numbers nor which of them are missing: means for missing values come from training rows alone."""
    experiment = jt.Experiment(model=jt.MLP(widths=(4,)), epochs=2, batch_size=8)
    split = jt.Dataset.from_frame(table, "sold").split(0)
    changed = columns()
    for place in split.validation:
        changed["age"][place] = None if place % 2 else 1e4
        changed["rooms"][place] += 50
    params = [
        jt.fit(experiment, jt.Dataset.from_frame(each, "sold"), seeds=1, progress=False).variables["params"]
        for each in (table, changed)
    ]
    assert not np.array_equal(changed["age"], columns()["age"])
    jax.tree.map(np.testing.assert_array_equal, *params)


def test_kinds_say_what_a_column_is(table):
    data = jt.Dataset.from_frame(table, "sold", kinds={"rooms": "category", "town": None, "built": None})
    assert data.features == ("age", "age is missing", *(f"rooms={rooms}" for rooms in range(1, 9)), "garden")
    assert "town              left out, as asked" in repr(data.columns)


def test_words_that_are_numbers_or_dates_are_taken_so():
    frame = {"n": ["1.5", "2", None], "day": ["1970-01-02", None, "1970-01-04"], "y": [1.0, 2.5, 3.5]}
    data = jt.Dataset.from_frame(frame, "y", kinds={"n": "number", "day": "date"}, validation=0.4)
    np.testing.assert_array_equal(data.x, [[1.5, 0, 1, 0], [2, 0, np.nan, 1], [np.nan, 1, 3, 0]])


def test_free_text_is_left_out_and_said_and_the_commonest_of_many_values_are_kept():
    frame = {"name": [f"who {n}" for n in range(60)], "zip": [f"z{n % 30:02}" for n in range(60)][::-1], "y": [0.5, 1.5] * 30}
    data = jt.Dataset.from_frame(frame, "y", categories=20)
    assert data.features == tuple(f"zip=z{n:02}" for n in range(20))
    assert "name              left out: 60 different words in 60 rows, such as 'who 0'" in repr(data.columns)
    assert "and zeros for 10 rarer ones" in repr(data.columns)
    np.testing.assert_array_equal(data.columns.inputs({"zip": ["z19", "z29", "new"]}).sum(axis=1), [1, 0, 0])


def test_whole_numbers_of_all_types_are_one_category():
    data = jt.Dataset.from_frame({"code": [1, 2, 3] * 4, "y": [0.5, 1.5] * 6}, "y", kinds={"code": "category"})
    np.testing.assert_array_equal(data.columns.inputs({"code": [1.0, 3.0]}), [[1, 0, 0], [0, 0, 1]])


def test_times_and_ids_keep_their_differences(tmp_path):
    start = datetime.datetime(2024, 5, 1)
    frame = {
        "seen": [start + datetime.timedelta(seconds=n) for n in range(100)],
        "id": [1_700_000_000_000 + n for n in range(100)],
        "y": [0.5, 1.5] * 50,
    }
    frame["seen"][3] = None
    data = jt.Dataset.from_frame(frame, "y")
    assert len(np.unique(data.x[:, 0])) == 100 and len(np.unique(data.x[:, 2])) == 100  # of the times one is NaN


def test_several_targets_are_labels_or_values(table):
    frame = {"a": [0.5, 1.5, 2.5, 3.5], "u": [0, 1, 1, 0], "v": [True, True, False, True], "w": [0.5, 1.5, 2.5, 9.5]}
    labels = jt.Dataset.from_frame(frame, ["u", "v"], kinds={"w": None})
    assert (labels.task, labels.classes, labels.y.tolist()) == ("multilabel", ("u", "v"), [[0, 1], [1, 1], [1, 0], [0, 1]])
    values = jt.Dataset.from_frame(frame, ["w", "u"])
    assert (values.task, values.classes, values.y[3].tolist()) == ("values", ("w", "u"), [9.5, 0])


def test_a_table_to_validate_on_and_one_to_lock(table):
    first, second, third = table.slice(0, 20), table.slice(20, 10), table.slice(30)
    data = jt.Dataset.from_frame(first, "sold", validation=second, test=third)
    assert data.split(0).validation.tolist() == list(range(20, 30)) and len(data.open_test("to see").y) == 10
    assert data.columns == jt.Dataset.from_frame(first, "sold").columns  # decided without the others


def test_weights_and_time_are_columns(table):
    frame = columns() | {"counts": [1.0 + row % 3 for row in range(ROWS)], "when": DAYS[::-1]}
    data = jt.Dataset.from_frame(frame, "sold", weights="counts", time="when")
    assert data.weights.tolist() == frame["counts"] and not {"counts", "when"} & set(data.features)
    train, validation = jt.experiment.Forward(folds=3, window=1).splits(data, 0)[-1]
    assert data.time[validation].min() > data.time[train].max()


def test_rows_without_a_target_are_refused_or_left_out():
    frame = {"a": [1.0, 2.0, 3.0, 4.0], "y": ["u", None, "v", "u"]}
    with pytest.raises(jt.DataError, match=r"^target: 1 of 4 rows have no 'y', example 1 first; drop_unlabelled=True leaves"):
        jt.Dataset.from_frame(frame, "y")
    frame = {"a": [1.0, 2.0, 3.0, 4.0, 5.0], "y": ["u", None, "v", "u", "v"]}
    data = jt.Dataset.from_frame(frame, "y", validation=0.5, drop_unlabelled=True)
    assert data.x.ravel().tolist() == [1, 3, 4, 5]


GOOD = {"a": [1.0, 2.0, 3.0, 4.0], "y": ["u", "v"] * 2}
BAD = {
    "no target": (GOOD, "yy", {}, "target: the table has no column 'yy'; did you mean 'y'?"),
    "one class": (GOOD | {"y": ["u"] * 4}, "y", {}, "target: all rows have 'u' as 'y'; two classes or more are allowed."),
    "an empty column": (GOOD | {"b": [None] * 4}, "y", {}, "column 'b': it has no values; a column with some is allowed, or"),
    "a type": (GOOD | {"b": [[1], [2], [3], [4]]}, "y", {}, "column 'b': its type is list<item: int64>; numbers, words,"),
    "a bytes column": (GOOD | {"b": [b"1"] * 4}, "y", {}, "column 'b': its type is binary; numbers, words,"),
    "an infinite number": (GOOD | {"a": [1, 2, np.inf, 4]}, "y", {}, "column 'a': example 2 holds inf; finite numbers are"),
    "a huge id": (GOOD | {"a": [2**60 + n for n in range(4)]}, "y", {}, "column 'a': it is a number, and Integer value"),
    "an unknown kind": (GOOD, "y", {"kinds": {"a": "numbers"}}, "kinds: 'numbers' of column 'a' is no kind of column; did you"),
    "a kind of no column": (GOOD, "y", {"kinds": {"b": None}}, "kinds: the table has no column 'b'; there are: a, y."),
    "a wrong kind": (GOOD | {"b": ["x"] * 4}, "y", {"kinds": {"b": "number"}}, "column 'b': it is a number, and Failed to parse"),
    "no date": (GOOD, "y", {"kinds": {"a": "date"}}, "column 'a': it is a date, and double is none;"),
    "no inputs": ({"y": GOOD["y"]}, "y", {}, "frame: no column is left to learn from;"),
    "no rows": ({"a": [], "y": []}, "y", {}, "frame: it holds 0 rows of 2 columns;"),
    "no table": (np.zeros((4, 2)), "y", {}, "frame: array("),
    "no target named": (GOOD, [], {}, "target, categories: (), 50; at least one of each is allowed."),
    "a target of words": (GOOD | {"z": [1, 0, 1, 0]}, ["z", "y"], {}, "target: 'y' holds no numbers; several targets are labels"),
    "a kind of the target": (GOOD, "y", {"kinds": {"y": "category"}}, "kinds: column 'y' is no input but target;"),
    "a target by place": (GOOD, 1, {}, "target: 1 is no name of a column; a word is allowed, such as '1'."),
    "a group by place": (GOOD, "y", {"groups": 0}, "groups: 0 is no name of a column; a word is allowed, such as '0'."),
    "groups of the target": (GOOD, "y", {"groups": "y"}, "groups: 'y' is the target; another column is allowed."),
    "no group": (GOOD | {"g": [1, None, 2, 2]}, "y", {"groups": "g"}, "groups: example 1 has no 'g'; a value for each row"),
    "a group of all": (GOOD | {"g": [1] * 4}, "y", {"groups": "g"}, "groups: 1 of up to 4 of 4 examples leave too few"),
    "a mix of columns": (GOOD | {"a": [1, "x", 2, 3]}, "y", {}, "frame: "),
    "thousands": (GOOD | {"w": ["1.000,5", "2.000,5"] * 2}, "y", {}, "column 'w': '1.000,5' and all others look like numbers"),
    "numbers and words": (GOOD | {"w": ["1", "2", "many", "4"]}, "y", {"categories": 2}, "column 'w': 'many' stands among"),
}  # fmt: skip


@pytest.mark.parametrize("what", BAD)
def test_a_table_that_cannot_be_used_is_refused_in_a_sentence(what):
    frame, target, options, sentence = BAD[what]
    with pytest.raises(jt.DataError) as error:
        jt.Dataset.from_frame(frame, target, **options)
    assert (str(error.value).startswith(sentence) and str(error.value).endswith(".")) or str(error.value).endswith("?")
    assert "\n" not in str(error.value)


FILES = {
    b"": "Empty CSV file.",
    b"a,y\n": "it holds 0 rows of 2 columns; one of each or more is allowed.",
    b"a,b,y\n1,2,u\n1,2\n": "row 3 has 2 cells, and the header has 3.",
    b"a,a,y\n1,2,u\n": "it has two columns 'a'; different names are allowed.",
    b"a,y\nK\xf8ln,u\n": "column 'a' is not written in utf-8; encoding='latin-1' may be meant.",
}


@pytest.mark.parametrize("content", FILES)
def test_a_file_that_is_no_table_is_refused_in_a_sentence(content, tmp_path):
    file = tmp_path / "bad.csv"
    file.write_bytes(content)
    with pytest.raises(jt.DataError, match=f"^{re.escape(f'{file}: {FILES[content]}')}$"):
        jt.Dataset.from_csv(file, "y")


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(jt.DataError, match=r"none\.csv: No such file or directory\.$"):
        jt.Dataset.from_csv(tmp_path / "none.csv", "y")


def test_new_rows_that_are_not_like_those_of_the_table_are_refused(data):
    new = {name: values[:2] for name, values in columns().items() if name != "sold"}
    assert data.columns.inputs(new).shape == (2, 9)
    for change, sentence in {
        "built": "frame: the table has no column 'built'; there are:",
        "rooms": "column 'rooms': example 1 has no value, and no row that was trained on lacked one;",
        "age": "column 'age': it is a number, and Failed to parse string: 'old'",
    }.items():
        values = {"rooms": [1, None], "age": ["old", "31"]}
        wrong = {k: v for k, v in new.items() if k != change} | ({change: values[change]} if change in values else {})
        with pytest.raises(jt.DataError, match=f"^{sentence}"):
            data.columns.inputs(wrong)


def test_columns_of_one_name_in_pandas():
    pandas = pytest.importorskip("pandas")
    with pytest.raises(jt.DataError, match=r"^frame: .*[Dd]uplicate"):
        as_table(pandas.DataFrame([[1, 2]], columns=["a", "a"]))


def test_a_value_of_two_lines_takes_one_line_of_the_printed_columns():
    notes = jt.Dataset.from_frame({"note": ["dry,\nlong", "light"] * 4, "good": ["yes", "no"] * 4}, "good").columns
    assert "2: dry, long, light" in str(notes) and len(str(notes).splitlines()) == 3
