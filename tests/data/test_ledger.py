"""A test set is opened once, in whichever process, and again only with a reason."""

import json
import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import jaxtricks as jt
from jaxtricks.data import ledger
from jaxtricks.data.errors import DataError


def pets(name="pets", labels=(0, 1, 1), dark=1.0) -> jt.Dataset:
    return jt.Dataset.from_arrays(np.ones((8, 2)), np.arange(8) % 2, name=name, test=(np.full((len(labels), 2), dark), labels))


@pytest.fixture
def file(tmp_path, monkeypatch) -> Path:
    """The usual ledger, in an empty folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv(ledger.VARIABLE)
    return tmp_path / "runs" / "ledger.jsonl"


def test_the_ledger_lies_beside_the_runs_once_there_is_an_opening(file):
    data = pets()
    assert not data.openings and "locked" in repr(data) and not file.parent.exists()
    data.open_test("final table")
    (line,) = map(json.loads, file.read_text().splitlines())
    assert (line["data"], line["examples"], line["reason"], line["reopen"]) == ("pets", 3, "final table", None)


def test_a_second_opening_is_refused_and_not_written_down(file):
    data = pets()
    data.open_test("final table")
    with pytest.raises(DataError) as error:
        data.open_test("out of interest")
    assert re.match(r"test: the test split of pets was opened once before, first at 20.* \(final table\), and", str(error.value))
    assert 'open_test(..., reopen="why") opens it again' in str(error.value) and len(data.openings) == 1
    with pytest.raises(DataError, match=r"^reopen: ' ' is empty"):
        data.open_test("out of interest", reopen=" ")
    data.open_test("out of interest", reopen="a bug in the table")
    assert [(opening.reason, opening.reopen) for opening in data.openings] == [
        ("final table", None),
        ("out of interest", "a bug in the table"),
    ]
    with pytest.raises(DataError, match="opened 2 times before"):
        pets().open_test("once more")


def test_another_process_refuses_too(file):
    code = (
        "import numpy as np, jaxtricks as jt\n"
        "x, y = np.ones((8, 2)), np.arange(8) % 2\n"
        "jt.Dataset.from_arrays(x, y, name='pets', test=(x[:3], [0, 1, 1])).open_test('from a script')\n"
    )
    for expected in (0, 1):
        environment = os.environ | {"PYTHONPATH": str(Path(jt.__file__).parents[1])}
        ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment)
        assert ended.returncode == expected, ended.stderr
    assert "opened once before" in ended.stderr and "(from a script)" in ended.stderr
    assert [opening.reason for opening in pets().openings] == ["from a script"]


def test_the_inputs_of_a_test_set_do_not_count_and_its_name_and_labels_do(file):
    pets().open_test("final table")
    assert pets(dark=2.0).openings
    assert not pets(name="cats").openings and not pets(labels=(1, 1, 0)).openings and not pets(labels=(0, 1, 1, 0)).openings


def test_what_is_made_of_a_data_set_has_the_same_test_set(file):
    data = pets()
    renamed = replace(data.subset(4, seed=0), name="few pets")
    renamed.open_test("final table")
    assert data.openings == renamed.openings == pets().openings and len(data.openings) == 1


def test_an_opening_is_known_to_its_process_wherever_it_works(file, tmp_path, monkeypatch):
    data = pets()
    data.open_test("final table")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert len(data.openings) == 1 and not pets().openings
    with pytest.raises(DataError, match="opened once before"):
        data.open_test("once more")


def test_a_reason_to_reopen_what_was_never_opened_is_no_reopening(file):
    data = pets()
    data.open_test("final table", reopen="a script that may run again")
    assert data.openings[0].reopen is None


@pytest.mark.parametrize("line", ["{", "[]", '{"data": "pets"}', '{"data": "a", "test": "b", "examples": 1, "reasons": "c"}'])
def test_a_file_that_is_no_ledger_is_named(file, line):
    pets().open_test("final table")
    with file.open("a") as more:
        more.write(line + "\n")
    for look in (lambda: pets().openings, lambda: pets().open_test("again", reopen="why"), ledger.entries):
        with pytest.raises(DataError, match=r"^test: line 2 of .*ledger\.jsonl is no opening of a test split \("):
            look()


def test_a_ledger_that_cannot_be_written_keeps_the_test_split_locked(file):
    file.parent.write_text("a file where the folder should be")
    with pytest.raises(DataError, match=r"ledger\.jsonl, where openings .* cannot be written \(.*JAXTRICKS_LEDGER names another"):
        pets().open_test("final table")
    assert not pets().openings


def test_openings_are_listed_with_the_luck_that_they_bring(file, capsys):
    jt.cli.main(["list", "openings"])
    assert capsys.readouterr().out == "no test set was opened that runs/ledger.jsonl knows of\n"
    digits = jt.load("digits")
    digits.open_test("final table")
    digits.open_test("one more model", reopen="a reviewer asked for it")
    pets().open_test("a look")
    jt.cli.main(["list", "openings"])
    text = capsys.readouterr().out
    assert (
        "digits, a test set of 360 examples, opened 2 times; the best of 2 equal models looks up to 1.49 points too good" in text
    )
    assert "one more model, again: a reviewer asked for it" in text and "pets, a test set of 3 examples, opened once\n" in text
    jt.cli.main(["list", "openings", "--json"])
    rows = json.loads(capsys.readouterr().out)
    assert [row["reason"] for row in rows] == ["final table", "one more model", "a look"]
    jt.cli.main(["data", "digits"])
    assert "The test set was opened:" in (text := capsys.readouterr().out) and "again: a reviewer asked for it" in text
