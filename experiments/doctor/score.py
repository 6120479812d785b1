"""How often the doctor is right: `python -m experiments.doctor.score`, hours on 2 cores.

Examines every patient, see `experiments.doctor.patient`, writes what was found as it goes, and goes on where a killed run ended.
"""

import dataclasses
import datetime
import functools
import importlib
import importlib.util
import multiprocessing
import sys
import time
import traceback
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import Literal, get_args

import jax
import tyro
from tqdm import tqdm

import jaxtricks as jt
from experiments.doctor.lines import Line, append, latest
from experiments.doctor.patient import Half, Patient
from experiments.doctor.table import beside, table, wrong
from jaxtricks.config import ConfigError
from jaxtricks.engine import program
from jaxtricks.report.environment import environment

RESULTS = Path(__file__).parents[1] / "results" / "doctor"
FRESH = 20  # patients that a process examines, about, before another one takes over, so that its memory is given back

Group = Literal["deepfd", "repaired", "planted", "healthy"]
MODULES = (
    "experiments.doctor.deepfd.patients",
    "experiments.doctor.planted",
    "experiments.doctor.healthy",
)  # each with `patients()`


@dataclasses.dataclass(frozen=True)
class Arguments:
    """Examines patients whose faults are known, and prints how often the doctor is right.

    Args:
        groups: which patients.
        half: "development" or "held"; None: both. Those held back are examined once, when no sign is changed any more.
        shard: such as 0/2: every second patient, from the first on; each shard writes a file of its own.
        jobs: processes.
        again: whether patients are examined that were examined before.
        names: of patients; none: all of the groups.
        results: the folder of what was found.
        truth: the sheet of published tools' findings, row by row; None: the sums over the whole sheet are printed.
        show: whether only the table of what is there is printed.
    """

    groups: tuple[Group, ...] = get_args(Group)
    half: Half | None = None
    shard: str = "0/1"
    jobs: int = 1
    again: bool = False
    names: tuple[str, ...] = ()
    results: Path = RESULTS
    truth: Path | None = None
    show: bool = False


@functools.cache
def everyone() -> tuple[Patient, ...]:
    """All patients, in the order of their groups; raises ConfigError where two have one name."""
    there = [name for name in MODULES if importlib.util.find_spec(name) is not None]
    found = [patient for name in there for patient in importlib.import_module(name).patients()]
    names = [patient.name for patient in found]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ConfigError(f"patients: {twice[0]!r} is the name of two; another name is allowed.")
    return tuple(found)


def chosen(patients: Sequence[Patient], arguments: Arguments) -> list[Patient]:
    """The patients that arguments ask for; raises ConfigError for a shard that is none, or a name that nobody has."""
    known = {patient.name for patient in patients}
    for name in arguments.names:
        if name not in known:
            raise ConfigError(f"names: {name!r} is no patient; such as {sorted(known)[0]!r} is allowed.")
    asked = [
        patient
        for patient in patients
        if patient.group in arguments.groups
        and arguments.half in (None, patient.half)
        and (not arguments.names or patient.name in arguments.names)
    ]
    place, of = _shard(arguments.shard)
    return asked[place::of]


def _shard(text: str) -> tuple[int, int]:
    place, _, of = text.partition("/")
    if not (place.isdecimal() and of.isdecimal() and int(place) < int(of)):
        raise ConfigError(f"shard = {text!r} is no part of a whole; 0/2 and 1/2 are the two halves.")
    return int(place), int(of)


def examined(patient: Patient, commit: str | None) -> Line:
    """The line of one examination. What the doctor crashes with is a finding about the doctor, and ends in the line."""
    program.forget()  # one process may not hold the programs of all patients
    jax.clear_caches()
    start = time.perf_counter()
    found, error = None, None
    try:
        experiment, data = patient.make()
        found = jt.examine(experiment, data, seeds=patient.seeds, metric=patient.metric, progress=False)
    except Exception as raised:  # of whatever kind: the others are to be examined all the same
        last = traceback.extract_tb(raised.__traceback__)[-1]
        error = f"{type(raised).__name__}: {raised} ({Path(last.filename).name}, line {last.lineno})"
    now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    return Line.of(patient, found, error=error, seconds=time.perf_counter() - start, time=now, commit=commit)


def _by_name(name: str, commit: str | None) -> Line:
    return examined(next(patient for patient in everyone() if patient.name == name), commit)


def _lines(patients: Sequence[Patient], jobs: int, commit: str | None) -> Iterator[Line]:
    """The lines of patients, as they are done."""
    if jobs == 1:
        yield from (examined(patient, commit) for patient in patients)
        return
    for first in range(0, len(patients), jobs * FRESH):  # `max_tasks_per_child` stops for ever in Python 3.11
        some = patients[first : first + jobs * FRESH]
        with ProcessPoolExecutor(min(jobs, len(some)), multiprocessing.get_context("spawn")) as pool:
            for done in as_completed([pool.submit(_by_name, patient.name, commit) for patient in some]):
                yield done.result()


def main(arguments: Arguments) -> None:
    """Examines the patients, and prints the table."""
    asked = chosen(everyone(), arguments)
    place, of = _shard(arguments.shard)
    file = arguments.results / f"lines-{place}-of-{of}.jsonl"
    known = {} if arguments.again else latest(arguments.results)
    left = [] if arguments.show else [patient for patient in asked if patient.name not in known]
    here = environment()
    commit = None if here["commit"] is None else f"{here['commit']}{'+' * bool(here['dirty'])}"
    bar = tqdm(_lines(left, arguments.jobs, commit), "examined", len(left), disable=None if left else True, unit="patient")
    for line in bar:
        append(file, line)
        bar.set_postfix_str(line.name)
    names = {patient.name for patient in asked}
    lines = [line for line in latest(arguments.results).values() if line.name in names]
    print("\n".join([*table(lines), "", *beside(lines, arguments.truth), "", *wrong(lines)]))


if __name__ == "__main__":
    try:
        main(tyro.cli(Arguments))
    except ConfigError as error:
        sys.exit(str(error))
