"""The score of the doctor: what is counted, what is written, and how a killed run goes on."""

import dataclasses
import json

import pytest

import jaxtricks as jt
from experiments.doctor import score
from experiments.doctor.lines import Line, append, latest
from experiments.doctor.patient import Patient
from experiments.doctor.table import MEASURES, beside, table, wrong
from jaxtricks.diagnose import Cause

RATE = str(Cause.RATE_HIGH)
BASE = Line(
    name="a",
    group="planted",
    number=1,
    half="development",
    right=(RATE,),
    ok=False,
    metric="accuracy",
    mean=0.5,
    likely=((str(Cause.INPUTS), 0.9), (RATE, 0.5), (str(Cause.LOSS), 0.3)),
    named=((str(Cause.INPUTS), 0.9), (RATE, 0.5), (str(Cause.LOSS), 0.3)),
    tried=("another learning rate",),
    cure="another learning rate",
    trains=False,
    symptoms=("updates, fault: they are large",),
    undone={},
    seconds=3.0,
    time="2026-01-01T00:00:00",
    commit=None,
    error=None,
)


def line(**changes):
    return dataclasses.replace(BASE, **changes)


def shares(lines):
    return {each.name: each.share(lines, each.groups) for each in MEASURES}


@pytest.mark.parametrize(
    ("changes", "detected", "right", "cured"),
    [
        ({}, True, True, True),
        ({"ok": True}, False, False, True),
        ({"right": (str(Cause.LOSS),)}, True, False, True),  # the third that is named
        ({"cure": None}, True, True, False),
        ({"cure": None, "trains": True}, True, True, True),
        ({"ok": None, "error": "ValueError: no", "likely": (), "cure": None}, False, False, False),
    ],
)
def test_what_is_right_of_a_faulty_patient(changes, detected, right, cured):
    found = line(**changes)
    assert (found.detected, found.cause_right, found.cured) == (detected, right, cured)
    assert not found.false_alarm


@pytest.mark.parametrize(("ok", "alarm"), [(True, False), (False, True), (None, True)])
def test_a_crash_is_a_false_alarm_of_a_healthy_patient(ok, alarm):
    assert line(group="healthy", right=(), ok=ok).false_alarm is alarm


def test_shares_count_their_own_groups_alone():
    lines = [line(), line(name="b", ok=True), line(name="c", group="healthy", ok=True), line(name="d", group="repaired")]
    found = shares(lines)
    assert found["detected"] == (1, 2) and found["false alarms"] == (1, 2)
    assert found["the same, of those for which one was tried"] == (2, 2)
    rows = list(table(lines))
    assert any(row.startswith("| false alarms | repaired and healthy |") and "1/2 = 50%" in row for row in rows)
    assert any("4 patients" in row and "3 s each" in row for row in rows)


def test_what_is_held_back_is_not_told_one_by_one():
    lines = [line(ok=True), line(name="b", ok=True, half="held", number=2)]
    assert [row.split(":")[0] for row in wrong(lines)] == ["- a"]


def test_tools_are_counted_on_the_rows_that_were_examined(tmp_path):
    tools = ("UMLAUT", "AutoTrainer", "DeepLocalize", "DeepFD")
    head = ["no", *(f"{what}_{tool}" for what in ("detected", "diagnosed") for tool in tools)]
    sheet = tmp_path / "faults.tsv"
    sheet.write_text("\n".join(["\t".join(head), "\t".join(["1", *["yes"] * 4, *["no"] * 4]), "\t".join(["2", *["yes"] * 8])]))
    rows = list(beside([line(group="deepfd"), line(name="b", number=2)], sheet))
    assert rows[0].startswith("| of the same rows: 1 |")
    assert rows[2] == "| detected | 1 | 1 | 1 | 1 | 1/1 = 100% [21%, 100%] |" and rows[3].startswith(
        "| diagnosed | 0 | 0 | 0 | 0 |"
    )
    assert list(beside([], None))[2].startswith("| detected | 50 | 12 | 36 | 47 |")


def test_a_line_that_was_cut_off_is_none_and_the_last_one_of_a_patient_counts(tmp_path):
    file = tmp_path / "lines-0-of-1.jsonl"
    append(file, line())
    file.write_text(file.read_text() + line(name="b").written()[:40])  # killed as it wrote
    append(file, line(name="c"))
    append(tmp_path / "lines-1-of-2.jsonl", line(mean=0.9, time="2026-01-02T00:00:00"))
    found = latest(tmp_path)
    assert found.keys() == {"a", "c"} and found["a"].mean == 0.9
    assert found["c"] == line(name="c") and json.loads(found["c"].written())["right"] == [RATE]


def test_shards_share_the_patients(tmp_path):
    patients = score.everyone()
    halves = [score.chosen(patients, score.Arguments(shard=f"{place}/2")) for place in (0, 1)]
    assert sorted(patient.name for half in halves for patient in half) == sorted(patient.name for patient in patients)
    with pytest.raises(jt.ConfigError, match="shard = '2/2' is no part of a whole"):
        score.chosen(patients, score.Arguments(shard="2/2"))


class Ill(Exception):
    """What a patient of the test raises."""


def test_a_run_goes_on_where_it_ended_and_survives_a_crash(tmp_path, monkeypatch, capsys):
    made = []

    def make(name):
        made.append(name)
        raise Ill(name)

    patients = tuple(
        Patient(name, "healthy", place, frozenset(), lambda name=name: make(name)) for place, name in enumerate(("a", "b"))
    )
    monkeypatch.setattr(score, "everyone", lambda: patients)
    append(tmp_path / "lines-0-of-2.jsonl", line(name="a", group="healthy", right=(), ok=True))
    score.main(score.Arguments(results=tmp_path))
    assert made == ["b"]
    assert latest(tmp_path)["b"].error.startswith("Ill: b (test_doctor_score.py, line ")
    assert "1/2 = 50%" in capsys.readouterr().out
    score.main(score.Arguments(results=tmp_path))
    assert made == ["b"]
    score.main(score.Arguments(results=tmp_path, again=True, show=True))
    assert made == ["b"]


def test_an_examination_becomes_a_line():
    given = jt.Experiment(model=jt.MLP(widths=(4,)), batch_size=1_000, epochs=1)  # does not fit, so nothing is trained
    patient = Patient("a", "planted", 1, frozenset({Cause.MODEL}), lambda: (given, jt.load("iris")), jt.Seeds(2))
    found = score.examined(patient, None)
    assert found.detected and found.cause_right and found.mean is None and not found.cured
    assert Line.read(found.written()) == found
