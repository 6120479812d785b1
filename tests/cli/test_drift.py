"""The command that compares new data with those of a run."""

import json

import numpy as np
import pytest

from jaxtricks import cli

SMALL = ["--model.widths", "4", "--batch-size", "8", "--epochs", "1", "--seeds", "2", "--no-baselines", "--json"]


def homes(path, rows, seed, larger=0.0, columns=("size", "town", "price")):
    draw = np.random.default_rng(seed)
    found = {"size": draw.normal(100 + larger, 10, rows), "town": draw.choice(["Oslo", "Bergen"], rows)}
    found["price"] = 3e3 * found["size"]
    lines = [",".join(str(found[name][row]) for name in columns) for row in range(rows)]
    path.write_text("\n".join([",".join(columns), *lines]))


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with a run on a table and one on digits."""
    folder = tmp_path_factory.mktemp("drift")
    homes(folder / "homes.csv", 80, 0)
    homes(folder / "same.csv", 60, 1)
    homes(folder / "larger.csv", 60, 2, larger=20, columns=("town", "size"))
    homes(folder / "less.csv", 60, 3, columns=("town", "price"))
    return folder


def test_a_table_is_compared_and_an_alarm_is_exit_code_1(place, monkeypatch, capsys):
    monkeypatch.chdir(place)
    cli.main(["run", "--data", "homes.csv", "--target", "price", *SMALL, "--out", "known"])
    capsys.readouterr()
    cli.main(["drift", "known", "same.csv"])
    said = capsys.readouterr().out
    assert said.startswith("no alarm: 60 new examples beside 80 of homes; without drift an alarm comes in 5.0% of such looks")
    assert "feature" in said and "predicted price" in said
    with pytest.raises(SystemExit) as stop:
        cli.main(["drift", "known", "larger.csv", "--alpha", "0.01", "--json"])
    found = json.loads(capsys.readouterr().out)
    assert stop.value.code == 1 and found["alarm"] and found["alpha"] == 0.01 and "features" in found["alarms"]
    for words, says in (
        (["known", "less.csv"], "the table has no column 'size'; did you mean"),
        (["known", "none.csv"], "none.csv: No such file or directory."),
        (["known", "same.csv", "--alpha", "2"], "alpha = 2.0 is not a share of false alarms in [0.003, 1)."),
        (["nowhere", "same.csv"], "nowhere is not a run's folder"),
    ):
        with pytest.raises(SystemExit) as stop:
            cli.main(["drift", *words])
        said = capsys.readouterr().err
        assert stop.value.code == 2 and says.partition("; did")[0] in said and said.count("\n") == 1


def test_images_come_as_an_array(place, monkeypatch, capsys, digits):
    monkeypatch.chdir(place)
    cli.main(["run", "--data", "digits", *SMALL[:2], "--batch-size", "300", *SMALL[4:], "--out", "images"])
    capsys.readouterr()
    np.save("new.npy", digits.x // 2)
    with pytest.raises(SystemExit) as stop:
        cli.main(["drift", "images/checkpoints", "new.npy"])
    assert stop.value.code == 1 and "pixel" in capsys.readouterr().out
    (place / "bad.npy").write_text("no array")
    (place / "empty.npy").touch()
    with (place / "several.npy").open("wb") as file:
        np.savez(file, digits.x)
    bad = [(name, "it holds no plain array") for name in ("bad.npy", "empty.npy", "several.npy")]
    for name, says in (("same.csv", "digits is no table"), *bad):
        with pytest.raises(SystemExit) as stop:
            cli.main(["drift", "images", name])
        said = capsys.readouterr().err
        assert stop.value.code == 2 and says in said and said.count("\n") == 1
