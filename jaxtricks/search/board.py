"""Who trains what of a search: a batch is cut into jobs, and a board says which of them are taken, and what came of each.

A search needs no more to be shared. What is tried next follows from what was judged (`Course`), so all machines that see the same
results go on with the same batch, and no one of them has to lead.
"""

from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np

from jaxtricks.search.batch import Batch, Judged, plain
from jaxtricks.search.condition import Point
from jaxtricks.search.underway import Underway

Line = Mapping[str, Any]  # plain JSON data
Result = Line  # "values", "seconds", "compiling" and "underway", as in a line of the journal


class Job(NamedTuple):
    """Restarts of a batch that one machine trains.

    Args:
        batch: what they are a part of.
        of: the number of the batch in its search, from 0.
        number: of the job in its batch, from 0.
        places: which of the batch's restarts.
        points: those of all trials of the search so far, those of the batch among them.
    """

    batch: Batch
    of: int
    number: int
    places: tuple[int, ...]
    points: tuple[Point, ...]

    @property
    def trials(self) -> tuple[int, ...]:
        """The trials whose restarts they are."""
        return tuple(dict.fromkeys(self.batch.restarts[place].trial for place in self.places))


class Mark(NamedTuple):
    """How a claim of a job looks from outside.

    Args:
        attempt: how many claims of the job were given up before it.
        sign: changes whenever whoever works at the job says so; None: the job was given back, and anybody may take it.
    """

    attempt: int
    sign: int | None


class TakenJob(Protocol):
    """A job that this machine has taken."""

    def renew(self) -> None:
        """Says that the job is still worked at; called from a thread of its own."""

    def give_back(self) -> None:
        """Leaves the job to others."""

    def put(self, result: Result) -> None:
        """Writes down what came of the job. What somebody else wrote before stays, and this one is forgotten.

        Args:
            result: plain data.
        """


class Board(Protocol):
    """What machines that share a search tell each other.

    A batch and the result of a job are written once: what is first there stays, and all see the same.

    Attributes:
        lease: seconds after which a claim that was not renewed may be taken over; infinite where nobody else is there.
    """

    lease: float

    def batch(self, number: int, proposed: Callable[[], Sequence[Job]]) -> Line | None:
        """The batch of a number, which all train; None at the end.

        Args:
            number: from 0.
            proposed: the jobs of what this machine would train, called only where there is no batch yet; none at the end.
        """

    def results(self, number: int) -> Mapping[int, Result]:
        """What came of the jobs of a batch so far, by the number of the job.

        Args:
            number: of the batch.
        """

    def marks(self, number: int) -> Mapping[int, Mark]:
        """How the newest claim of each job of a batch looks, by the number of the job; none for one that nobody took.

        Args:
            number: of the batch.
        """

    def take(self, job: Job, attempt: int) -> TakenJob | None:
        """Takes a job; None where another machine came first.

        Args:
            job: the job.
            attempt: how many claims were given up before, those that are to be taken over counted.
        """


def cut(jobs_of: int, batch: Batch, points: Sequence[Point], size: int, kinds: Callable[[int], Hashable] | None) -> list[Job]:
    """Cuts a batch into jobs.

    Args:
        jobs_of: the number of the batch.
        batch: what is cut.
        points: those of all trials so far, those of the batch among them.
        size: restarts of a job at most.
        kinds: the kind of a trial; a job has restarts of one kind. None: the batch is one job, as is one whose trials are
            compared on the way.

    >>> from jaxtricks.search.batch import Restart, Stage
    >>> batch = Batch(Stage.RACING, (), tuple(Restart(trial, seed) for seed, trial in enumerate([0, 1, 0, 2, 2])), False, ())
    >>> [job.places for job in cut(0, batch, ({}, {}, {}), 2, lambda trial: trial)]
    [(0, 2), (1,), (3, 4)]
    """
    if kinds is None or batch.together:
        return [Job(batch, jobs_of, 0, tuple(range(len(batch.restarts))), tuple(points))]
    groups: dict[Hashable, list[int]] = {}
    for place, restart in enumerate(batch.restarts):
        groups.setdefault(kinds(restart.trial), []).append(place)
    parts = [tuple(group[first : first + size]) for group in groups.values() for first in range(0, len(group), size)]
    return [Job(batch, jobs_of, number, part, tuple(points)) for number, part in enumerate(parts)]


def merged(jobs: Sequence[Job], results: Mapping[int, Result]) -> Judged:
    """The batch with what came of its jobs; seconds are those of all machines.

    Args:
        jobs: all of the batch.
        results: what came of each.
    """
    values = np.full(len(jobs[0].batch.restarts), np.nan)
    for job in jobs:
        values[list(job.places)] = [np.nan if value is None else value for value in results[job.number]["values"]]
    seconds, compiling = (sum(float(results[job.number][name]) for job in jobs) for name in ("seconds", "compiling"))
    underway = results[0]["underway"]
    return Judged(jobs[0].batch, values, seconds, compiling, None if underway is None else Underway.from_json(underway))


def result_of(values: Any, seconds: float, compiling: float, underway: Underway | None) -> Result:
    """What came of a job, as plain data.

    Args:
        values: the metric of each restart, [restarts].
        seconds: that the training took.
        compiling: how many of them went into compiling.
        underway: what a scheme made of it, if one did.

    >>> result_of(np.array([0.5, np.nan]), 1.0, 0.0, None)["values"]
    [0.5, None]
    """
    kept = None if underway is None else underway.to_json()
    return {"values": plain(np.asarray(values)), "seconds": seconds, "compiling": compiling, "underway": kept}
