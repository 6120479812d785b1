"""A table on the command line: what its columns are for is said by flags, and found again by `resume`."""

import json
import os

import numpy as np
import pytest

from jaxtricks import cli
from jaxtricks.cli import flags

SMALL = ["--model.widths", "4", "--batch-size", "8"]


@pytest.fixture
def homes(tmp_path, monkeypatch):
    """A folder with a table of 48 rows of 8 owners."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(flags, "set_up", lambda members: None)
    draw = np.random.default_rng(0)
    size, owner, town = draw.uniform(20, 200, 48), draw.integers(0, 8, 48), draw.choice(["Oslo", "Bergen"], 48)
    lines = [f"{n};{s:.1f};{o};{t};{3e3 * s:.0f};{n % 3}" for n, s, o, t in zip(range(48), size, owner, town, strict=True)]
    (tmp_path / "homes.csv").write_text("\n".join(["id;size;owner;town;price;times", *lines]).replace(".", ","))
    return tmp_path


def test_a_run_on_a_table_is_told_what_columns_are_for_and_goes_on_with_them(homes, capsys, monkeypatch):
    roles = ["--target", "price", "--groups", "owner", "--weights", "times", "--kinds", "id=off"]
    cli.main(["run", "--data", "homes.csv", *roles, "--task", "values", "--seeds", "2", "--epochs", "1", *SMALL])
    said = capsys.readouterr().out
    assert "Dataset(homes: 48 examples of 3, 1 value (price), no test split)" in said
    assert "town    category  0 or 1 for each of 2: Bergen, Oslo" in said and "id                left out, as asked" in said
    monkeypatch.chdir(os.path.dirname(homes))  # the line's own folder is found again
    cli.main(["resume", str(homes / "runs" / "homes-run-1"), "--epochs", "2"])
    metrics = json.loads((homes / "runs" / "homes-run-1" / "metrics.json").read_text())
    assert metrics["data"]["name"] == "homes"


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--data", "homes.csv"], "--target is missing: the column of homes.csv to predict; there are: id, size, owner, town,"),
        (["--data", "homes.csv", "--target", "prize"], "target: the table has no column 'prize'; did you mean 'price'?"),
        (["--data", "homes.csv", "--target", "price", "--groups", "own"], "groups: the table has no column 'own'; did you mean"),
        (["--data", "homes.csv", "--target", "price", "--kinds", "id"], "--kinds 'id' is not column=kind, such as zip=category"),
        (["--data", "homes.csv", "--target", "price", "--words", "9"], "--words is for other data, and homes.csv is a table."),
        (["--target", "price"], "--target is for a table, such as --data homes.csv, and --data names no file."),
        (
            ["--data", "home.csv", "--target", "price"],
            "--target is for a table, such as --data homes.csv, and --data",
        ),
    ],
)
def test_flags_of_tables_are_refused_in_one_sentence(words, says, homes, capsys):
    with pytest.raises(SystemExit):
        cli.main(["run", *words])
    said = capsys.readouterr().err
    assert says in said and said.count("\n") == 1
