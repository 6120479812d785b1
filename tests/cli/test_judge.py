"""`jaxtricks judge`: values from elsewhere, from files."""

import json

import pytest

import jaxtricks as jt
from jaxtricks import cli
from jaxtricks.evaluate.verdict import Verdict

VALUES = [0.90, 0.91, 0.89, 0.92, 0.90, 0.91, 0.93, 0.90]
HOW = ("--better", "higher", "--unit", "points", "--metric", "accuracy")


@pytest.fixture
def files(tmp_path, monkeypatch):
    """Two tables of a value a seed, and a leaderboard."""
    monkeypatch.chdir(tmp_path)
    gain = [0.02, 0.03, 0.025, 0.02, 0.031, 0.02, 0.01, 0.022]
    arms = {"a": VALUES, "b": [x + g for x, g in zip(VALUES, gain, strict=True)]}
    for name, values in arms.items():
        (tmp_path / f"{name}.csv").write_text("seed,value\n" + "".join(f"{s},{v}\n" for s, v in enumerate(values)))
    rows = [f"{name},{s},{v}" for name, values in (arms | {"c": VALUES[::-1]}).items() for s, v in enumerate(values)]
    (tmp_path / "all.csv").write_text("\n".join(["name,seed,value", *rows]))
    return arms


def said(capsys, *words) -> str:
    cli.main(["judge", *words])
    return capsys.readouterr().out


def test_two_files_are_judged_as_frames_are(files, capsys):
    (given,) = json.loads(said(capsys, "a.csv", "b.csv", "--share", "0.2", "--json", *HOW))["verdicts"]
    frames = ({"seed": range(8), "value": values} for values in files.values())
    how = {"higher_is_better": True, "metric": "accuracy", "unit": "points", "share": 0.2}
    assert Verdict.from_dict(given) == jt.judge(*frames, label="b.csv", **how)
    text = said(capsys, "a.csv", "b.csv", "--share", "0.2", *HOW)
    header, row, *notes = text.splitlines()[1:]
    assert header.endswith("on new data  on these examples") and row.startswith("b.csv") and "helps" in row
    assert [note[:16].rstrip() for note in notes] == ["new data", "these examples", "power", "pairing"]


def test_a_leaderboard_is_judged_by_all_pairs(files, capsys):
    text = said(capsys, "all.csv", "--all-pairs", *HOW)
    assert "p after Holm over 3" in text
    assert all(f"\n{pair} " in text for pair in ("b against a", "c against a", "c against b"))


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["a.csv", "b.csv"], "--better is missing: higher or lower, as the values are."),
        (["a.csv", *HOW], "a.csv is one file; a baseline's and a change's, or --all-pairs, are allowed."),
        (["a.csv", "b.csv", "--all-pairs", *HOW], "--all-pairs is of one file with the columns name, seed and value, not of 2."),
        (["a.csv", "all.csv", *HOW], "all.csv: seed 0 is there 3 times; each seed once is allowed."),
        (["a.csv", "--all-pairs", *HOW], "results: the table has no column 'name'; there are: seed, value."),
        (["a.csv", "no.csv", *HOW], "no.csv: No such file or directory."),
        (["a.csv", "b.csv", "--better", "more"], "--better: 'more' is unknown; there are: higher, lower."),
        (
            ["a.csv", "b.csv", "--share", "20", *HOW],
            "share = 20.0 is not a share between 0 and 1, or None where it is not known.",
        ),
    ],
)
def test_what_cannot_be_judged_is_one_sentence(files, capsys, words, message):
    with pytest.raises(SystemExit) as stop:
        cli.main(["judge", *words])
    assert (stop.value.code, capsys.readouterr().err) == (2, f"jaxtricks: {message}\n")
