"""`jaxtricks data DATA --check`: what is wrong with a data set."""

import json

import pytest

from jaxtricks import cli


@pytest.fixture
def sales(tmp_path):
    """A table of 60 sales; `code` is the answer in other words."""
    file = tmp_path / "sales.csv"
    rows = [f"{place * 7 % 11},{'AB'[place * 5 % 7 % 2]},{'yes' if place * 5 % 7 % 2 else 'no'}" for place in range(60)]
    file.write_text("\n".join(["rooms,code,sold", *rows]) + "\n")
    return str(file)


def test_a_leak_is_printed_below_the_sizes_and_ends_with_exit_code_1(capsys, sales, tmp_path):
    with pytest.raises(SystemExit) as ended:
        cli.main(["data", sales, "--target", "sold", "--check", "--only", "a feature alone", "--out", str(tmp_path / "page")])
    said = capsys.readouterr()
    assert ended.value.code == 1
    assert said.out.index("validation") < said.out.index("leak  a feature alone")
    assert "'code' alone is right about 100.0%" in said.out and "page: " in said.err
    assert "code" in (tmp_path / "page" / "report.html").read_text()


def test_json_holds_what_was_found(capsys, sales):
    with pytest.raises(SystemExit):
        cli.main(["data", sales, "--target", "sold", "--check", "--only", "a feature alone", "--json"])
    (finding,) = json.loads(capsys.readouterr().out)["checks"]["findings"]
    assert finding["severity"] == "leak" and finding["scores"][0] == 1


def test_data_without_a_leak_end_well(capsys):
    cli.main(["data", "digits", "--check", "--only", "constant features"])
    assert "note  constant features" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--check", "--only", "copie"), "check: 'copie' is no check; did you mean 'copies'?"),
        (("--only", "copies"), "--only is for what --check finds"),
        (("--out", "there"), "--out is for what --check or --label-errors finds"),
        (("--check", "--seeds", "3"), "--seeds is for what --label-errors finds"),
        (("--check", "--label-errors"), "one of the two at a time"),
        (("--check", "--epochs", "3"), "--epochs is no flag of this command"),
        (("--label-errors", "--epoch", "3"), "did you mean"),
        (("--check", "--out", "."), "holds something already"),
    ],
)
def test_bad_input_ends_in_one_sentence(capsys, words, sentence):
    with pytest.raises(SystemExit) as ended:
        cli.main(["data", "digits", *words])
    said = capsys.readouterr().err
    assert ended.value.code == 2 and sentence in said and said.count("\n") == 1


def test_labels_that_are_likely_wrong_are_listed_with_a_page(capsys, tmp_path):
    words = ["--label-errors", "--seeds", "2", "--epochs", "2", "--model.widths", "16", "--out", str(tmp_path / "page")]
    cli.main(["data", "digits", *words])
    said = capsys.readouterr()
    assert "labels are likely wrong, by 10 networks that did not train on them" in said.out
    assert (tmp_path / "page" / "report.html").exists() and "page: " in said.err
