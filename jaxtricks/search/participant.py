"""One of those who share a search: which job it takes next, and how it shows that it is still at work."""

import contextlib
import functools
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple, Protocol

from jaxtricks.engine import processes
from jaxtricks.search.batch import Batch, Judged
from jaxtricks.search.board import Board, Job, Mark, Result, TakenJob, merged
from jaxtricks.search.course import Course

RENEWALS = 4  # of a claim in one lease, so that one that comes late is no loss
SHORTEST, LONGEST = 0.02, 1.0  # seconds between two looks at the board


class Move(NamedTuple):
    """What a participant does next.

    Args:
        results: what came of all jobs of the batch, by number; None while some is missing.
        job: the number of the one that it has taken; None: all are taken, and it waits.
    """

    results: Mapping[int, Result] | None
    job: int | None


class Participant:
    """One who takes part in a search.

    A claim counts as that of a dead machine when it has not changed for a lease, by this machine's own clock from when it first
    saw the claim so. So no two clocks are compared, and whoever comes new waits for at most one lease.

    Args:
        board: which all share.
        clock: seconds that have passed.
        sleep: waits so many seconds.
    """

    def __init__(
        self, board: Board, clock: Callable[[], float] = time.monotonic, sleep: Callable[[float], object] = time.sleep
    ) -> None:
        self.board = board
        self._clock, self._sleep = clock, sleep
        self._seen: dict[tuple[int, int], tuple[Mark, float]] = {}
        self._held: TakenJob | None = None
        self._pause = SHORTEST

    def move(self, jobs: Sequence[Job]) -> Move:
        """Takes the next job of a batch, if there is one.

        Args:
            jobs: all of the batch.
        """
        results = self.board.results(jobs[0].of)
        left = [job for job in jobs if job.number not in results]
        if not left:
            self._pause, self._seen = SHORTEST, {}
            return Move(results, None)
        marks = self.board.marks(jobs[0].of)
        for job in left:
            attempt = self._attempt(job, marks.get(job.number))
            if attempt is not None and (claim := self.board.take(job, attempt)) is not None:
                self._held, self._pause = claim, SHORTEST
                return Move(None, job.number)
        return Move(None, None)

    def _attempt(self, job: Job, mark: Mark | None) -> int | None:
        """Which attempt at a job this would be; None where somebody is at work on it."""
        if mark is None:
            return 0
        seen, since = self._seen.get((job.of, job.number), (None, 0.0))
        if mark.sign is not None and seen != mark:
            self._seen[job.of, job.number] = mark, self._clock()
            return None
        return mark.attempt + 1 if mark.sign is None or self._clock() - since >= self.board.lease else None

    @contextlib.contextmanager
    def working(self) -> Iterator[None]:
        """Renews the claim that is held until the block ends; if it ends by an error, the job is given back."""
        claim, ended = self._held, threading.Event()
        if claim is None:
            yield
            return

        def renew() -> None:
            while not ended.wait(self.board.lease / RENEWALS):
                with contextlib.suppress(Exception):  # one that could not be renewed may be taken over, which loses time alone
                    claim.renew()

        thread = threading.Thread(target=renew, name="lease", daemon=True)
        if self.board.lease < threading.TIMEOUT_MAX:
            thread.start()
        try:
            yield
        except BaseException:
            with contextlib.suppress(Exception):  # the first error is the one to tell
                claim.give_back()
            raise
        finally:
            ended.set()
            if thread.ident is not None:
                thread.join()
            self._held = None

    def put(self, result: Result) -> None:
        """Writes down what came of the job that is held.

        Args:
            result: plain data.
        """
        if self._held is not None:
            self._held.put(result)

    def wait(self) -> None:
        """Waits for others: at first a moment, then longer each time, up to a second."""
        self._sleep(self._pause)
        self._pause = min(2 * self._pause, LONGEST)


class Trainer(Protocol):
    """How the jobs of a search are trained."""

    def jobs(self, course: Course, batch: Batch) -> Sequence[Job]:
        """Cuts the next batch of a course into jobs; all who share the search do it in the same way.

        Args:
            course: the search so far.
            batch: its next one.
        """

    def trained(self, job: Job, course: Course) -> contextlib.AbstractContextManager[Result]:
        """What comes of a job; in the block it is written down.

        Args:
            job: of the next batch.
            course: the search so far.
        """

    def check(self, course: Course) -> None:
        """Raises an error where the search is to end here, for now.

        Args:
            course: the search so far.
        """


class JudgedNext(NamedTuple):
    """A batch with what came of it.

    Args:
        judged: the batch.
        new: whether any of that was missing before.
    """

    judged: Judged
    new: bool


def step(course: Course, participant: Participant, trainer: Trainer) -> JudgedNext | None:
    """Takes part in the next batch of a course until all of its jobs are done; None at the end of the search.

    Args:
        course: the search so far.
        participant: who takes part. Of processes that train together the first one speaks for all.
        trainer: trains.
    """
    number, new = len(course.judged), False

    def proposed() -> Sequence[Job]:
        batch = course.next()
        return [] if batch is None else trainer.jobs(course, batch)

    line = processes.on_first(lambda: participant.board.batch(number, proposed))
    if line is None:
        return None
    jobs = trainer.jobs(course, Batch.from_json(line, course.space))
    while (move := processes.on_first(lambda: participant.move(jobs))).results is None:
        with participant.working():
            if new:
                trainer.check(course)
            if move.job is None:
                processes.on_first(participant.wait)
            else:
                with trainer.trained(jobs[move.job], course) as result:
                    processes.on_first(functools.partial(participant.put, result))
        new = True
    return JudgedNext(merged(jobs, move.results), new)
