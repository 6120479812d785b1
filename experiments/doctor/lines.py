"""What an examination of a patient gave, one line of JSON each, which is written as soon as it is there."""

import dataclasses
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from experiments.doctor.patient import Half, Patient
from jaxtricks.diagnose import Examination
from jaxtricks.diagnose.examination import SMALL

SHOWN = 2  # causes of which one has to be right
FAULTY = ("deepfd", "planted")  # groups with a fault; all others have none


@dataclass(frozen=True)
class Line:
    """One patient, what is known of it and what the doctor found.

    Args:
        name: of the patient.
        group: of it.
        number: of the row it is made from.
        half: "development" or "held".
        right: the causes of which one is to be named; none for a healthy one.
        ok: whether the doctor found nothing wrong.
        metric: what it was judged by.
        mean: of that over its restarts; None where it did not train.
        likely: the causes that were named, the first one first, with their certainties.
        named: all causes that something spoke for, likewise.
        tried: the cures that were tried.
        cure: the one that helps most; None where none helps.
        trains: whether a cure trains where the faulty one does not.
        symptoms: what signs found, in words.
        undone: sign → why it was not looked for.
        seconds: of the examination.
        time: when it ended, in ISO's form.
        commit: of the program, with a + where files had changed since; None where it is not known.
        error: what the doctor itself crashed with; None where it did not.

    >>> from jaxtricks.diagnose.causes import Cause
    >>> patient = Patient("deepfd 13", "deepfd", 13, frozenset({Cause.RATE_HIGH}), lambda: (jt.Experiment(), jt.load("digits")))
    >>> line = Line.of(patient, None, error="ValueError: no", seconds=1.0, time="2026-01-01T00:00:00", commit=None)
    >>> line.detected, line.half, Line.read(line.written()) == line
    (False, 'development', True)
    """

    name: str
    group: str
    number: int
    half: Half
    right: tuple[str, ...]
    ok: bool | None
    metric: str | None
    mean: float | None
    likely: tuple[tuple[str, float], ...]
    named: tuple[tuple[str, float], ...]
    tried: tuple[str, ...]
    cure: str | None
    trains: bool
    symptoms: tuple[str, ...]
    undone: dict[str, str]
    seconds: float
    time: str
    commit: str | None
    error: str | None

    @classmethod
    def of(
        cls, patient: Patient, found: Examination | None, *, error: str | None, seconds: float, time: str, commit: str | None
    ) -> Self:
        """The line of an examination.

        Args:
            patient: that was examined.
            found: what the doctor found; None where it crashed.
            error: what it crashed with; None where it did not.
            seconds: that it took.
            time: when it ended.
            commit: of the program.
        """
        given: dict[str, Any] = {
            "name": patient.name,
            "group": patient.group,
            "number": patient.number,
            "half": patient.half,
            "right": tuple(sorted(map(str, patient.causes))),
            "seconds": round(seconds, 1),
            "time": time,
            "commit": commit,
            "error": error,
        }
        return cls(**given, **(_nothing() if found is None else _found(found)))

    @classmethod
    def read(cls, text: str) -> Self:
        """The line that `written` wrote."""
        known = json.loads(text)
        pairs = {name: tuple((cause, value) for cause, value in known[name]) for name in ("likely", "named")}
        return cls(**(known | {name: tuple(known[name]) for name in ("right", "tried", "symptoms")} | pairs))

    def written(self) -> str:
        """The line as JSON, without its end."""
        return json.dumps(dataclasses.asdict(self), ensure_ascii=False)

    @property
    def faulty(self) -> bool:
        """Whether it has a fault."""
        return self.group in FAULTY

    @property
    def detected(self) -> bool:
        """Whether the doctor said that something is wrong; it did not where it crashed."""
        return self.ok is False

    @property
    def false_alarm(self) -> bool:
        """Whether the doctor crashed or said that something is wrong, of one without a fault."""
        return not self.faulty and self.ok is not True

    @property
    def cause_right(self) -> bool:
        """Whether a right cause is among the first two that the doctor named."""
        return self.detected and any(cause in self.right for cause, _ in self.likely[:SHOWN])

    @property
    def cured(self) -> bool:
        """Whether a cure was proven to help, or trains at all where the faulty one does not."""
        return self.cure is not None or self.trains


def _nothing() -> dict[str, Any]:
    """What is known where the doctor crashed."""
    empty = dict.fromkeys(("likely", "named", "tried", "symptoms"), ())
    return {"ok": None, "metric": None, "mean": None, "cure": None, "trains": False, "undone": {}} | empty


def _found(found: Examination) -> dict[str, Any]:
    named = {
        name: tuple((str(each.cause), round(each.certainty, 4)) for each in own)
        for name, own in (("likely", found.likely), ("named", found.diagnoses))
    }
    return named | {
        "ok": found.ok,
        "metric": found.metric.name,
        "mean": found.mean,
        "tried": tuple(each.name for each in found.treated),
        "cure": None if found.cure is None else found.cure.name,
        "trains": found.mean is None and any(each.gained >= SMALL for each in found.treated),
        "symptoms": tuple(f"{each.sign}, {each.severity}: {each.text}" for each in found.symptoms),
        "undone": dict(found.undone),
    }


def latest(folder: Path) -> dict[str, Line]:
    """Patient's name → its last line in any file of a folder; a line that a killed run left unfinished is none."""
    found: dict[str, Line] = {}
    for file in sorted(folder.glob("*.jsonl")):
        for line in _whole(file.read_text().splitlines()):
            if line.name not in found or found[line.name].time <= line.time:
                found[line.name] = line
    return found


def _whole(texts: Iterable[str]) -> Iterable[Line]:
    for text in texts:
        try:
            yield Line.read(text)
        except json.JSONDecodeError:
            continue


def append(file: Path, line: Line) -> None:
    """Writes a line to the end of a file, after whatever a killed run left there."""
    file.parent.mkdir(parents=True, exist_ok=True)
    begun = file.exists() and not file.read_text().endswith("\n") and file.stat().st_size > 0
    with file.open("a") as out:
        out.write("\n" * begun + line.written() + "\n")
        out.flush()
