"""`jaxtricks data DATA`: what a data set holds, and what its examples can show."""

import json

import pytest

from jaxtricks import cli
from jaxtricks.data.sizes import detectable


def said(capsys, *words) -> str:
    cli.main(["data", *words])
    return capsys.readouterr().out


@pytest.fixture
def homes(tmp_path):
    """A table of 40 homes in eight streets, with a price that is missing nowhere and sizes that sometimes are."""
    file = tmp_path / "homes.csv"
    rows = [
        f"{place % 9 or ''},street {place // 5},{2000 + place},{'yes' if place % 3 else 'no'},{place * 1.5}"
        for place in range(40)
    ]
    file.write_text("\n".join(["rooms,street,year,sold,price", *rows]) + "\n")
    return file


def test_a_data_set_is_named_by_its_place_or_by_its_flag(capsys):
    assert said(capsys, "digits") == said(capsys, "--data", "digits") == said(capsys)


def test_sizes_and_what_they_show_are_printed(capsys):
    text = said(capsys, "digits")
    assert "classes: 0 142, 1 146" in text and "The test set is locked: it was never opened." in text
    (line,) = (line for line in text.splitlines() if line.startswith("test"))
    assert line.split() == ["test", "360", "±5.14", "±3.11", "±2.29", "±1.15", "6.58", "4.65", "3.29", "none"]
    assert max(map(len, text.splitlines())) < 130


def test_a_table_takes_the_flags_of_tables(capsys, homes):
    text = said(capsys, str(homes), "--target", "sold", "--groups", "street", "--time", "year", "--kinds", "price=off")
    assert "classes: no 14, yes 26" in text and "groups: 8, none of which" in text and "times: from 2000 to 2039" in text
    assert "missing: rooms 12.5%" in text and "those of 2 (validation) examples" in text
    values = said(capsys, str(homes), "--target", "price", "--kinds", "street=off")
    assert "95% interval of a mean squared error" in values and "disagree" not in values


def test_a_text_says_that_its_steps_depend_on_each_other(capsys):
    text = said(capsys, "python_topics", "--level", "char", "--length", "64")
    assert "one stretch of the text" in text and "a sequence counts as one example," in text


def test_json_holds_the_same_numbers(capsys):
    found = json.loads(said(capsys, "digits", "--json"))
    assert found["name"] == "digits" and found["parts"]["test"]["examples"] == 360 and sum(found["counts"].values()) == 1_437
    assert found["parts"]["test"]["difference"]["0.2"] == detectable(360, 0.2) and found["openings"] == []
    assert found["parts"]["test"]["difference"]["0.02"] is None  # JSON has no nan


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["digit"], "'digit'"),
        (["digits", "--target", "price"], "--target is for a table"),
        (["digits", "--epochs", "3"], "--epochs is no flag of this command; --help lists them."),
    ],
)
def test_bad_input_ends_in_a_sentence(capsys, words, says):
    with pytest.raises(SystemExit) as stop:
        cli.main(["data", *words])
    error = capsys.readouterr().err
    assert stop.value.code == 2 and error.count("\n") == 1 and says in error


def test_what_is_held_out_is_named_by_flags(capsys, homes):
    table = (str(homes), "--target", "sold", "--time", "year", "--kinds", "street=off")
    text = said(capsys, *table, "--validation", "latest=0.25", "--test", "0.2")
    assert "The validation set is fixed" in text
    sizes = {
        line.split()[0]: line.split()[1] for line in text.splitlines() if line.startswith(("training", "validation", "test"))
    }
    assert sizes == {"training": "24", "validation": "8", "test": "8"}
    assert "30% of the pool to validate on.\n" in said(capsys, "digits", "--validation", "shuffled=0.3")
    assert "30% of the pool to validate on, of each class" in said(capsys, "digits", "--validation", "0.3")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--validation", "half"], "--validation 'half' is not a share such as 0.2, shuffled=0.2 or latest=0.2."),
        (["--test", "lates=0.2"], "--test: 'lates' is no way to hold out a share; did you mean 'latest'?"),
        (["--validation", "2"], "validation: 2.0 is no share of the pool; a number between 0 and 1 is allowed."),
        (["--test", "0.2"], "test: 0.2 of examples that have a test split of their own; only None is allowed."),
        (["--validation", "latest=0.2"], "validation: Latest holds out by time, and examples have none; time= names it."),
    ],
)
def test_what_cannot_be_held_out_ends_in_a_sentence(capsys, words, says):
    with pytest.raises(SystemExit):
        cli.main(["data", "digits", *words])
    assert capsys.readouterr().err == f"jaxtricks: {says}\n"
