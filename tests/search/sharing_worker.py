"""A machine that takes part in a shared search whose training is a formula: the searches of tests, and a process of its own.

`python sharing_worker.py KIND WHERE LEASE HANGS` takes part through a folder or a storage; where HANGS is above 0 it hangs in its
job of that number, with the claim held. It begins when it is sent a line, and prints its jobs and what all came to.
"""

import contextlib
import itertools
import json
import signal
import subprocess
import sys
import threading
import time

import numpy as np

import jaxtricks as jt
from jaxtricks.evaluate.measure import Measure
from jaxtricks.search import Budget, Certainty, SharedFolder, SharedStorage, Space, Strategy, fitted
from jaxtricks.search.board import cut, result_of
from jaxtricks.search.course import Course
from jaxtricks.search.participant import Participant, step
from jaxtricks.search.rules import SearchRules
from jaxtricks.search.sharing import SharedSearch

RATE = "optimizer.rule.learning_rate"
SPACE = fitted(Space({RATE: "log:1e-4:1e-1", "model.activation": "relu,tanh"}), jt.Experiment())
NLL = Measure(jt.metrics.METRICS["nll"].declared, 100, 0.05)
RULES = SearchRules(Strategy("sobol"), Budget(9), 2, 4, NLL, Certainty(asked=0.9, fresh=4), 0, 4)
SEARCH = SharedSearch({"seed": 0, "budget": {"trials": 9}}, SPACE, NLL.metric)


def trained(point, seed):
    """The loss of a restart: best at a rate of 0.003, with noise that the seed alone decides; rates above 0.03 diverge."""
    noise = np.random.default_rng(seed).normal(0, 0.2)
    return (
        np.nan if point[RATE] > 0.03 else abs(np.log10(point[RATE]) + 2.5) + 0.1 * (point["model.activation"] == "tanh") + noise
    )


class Formula:
    """Trains by the formula, all of a batch where `single` is None; each job is told to `before`, which may take its time."""

    def __init__(self, single, before=lambda job: None):
        self.single, self.before = single, before
        self.seconds = itertools.count(1)  # each job takes another time, so that results of one job can be told apart

    def jobs(self, course, batch):
        points = (*course.points, *batch.points)
        kind = (lambda trial: trial) if self.single else (lambda trial: points[trial]["model.activation"])
        return cut(len(course.judged), batch, points, RULES.seeds, None if self.single is None else kind)

    @contextlib.contextmanager
    def trained(self, job, course):
        self.before(job)
        restarts = [job.batch.restarts[place] for place in job.places]
        yield result_of(
            np.array([trained(job.points[trial], seed) for trial, seed in restarts]), float(next(self.seconds)), 0.5, None
        )

    def check(self, course):
        pass


def searched(board, trainer, clock=time.monotonic, sleep=time.sleep):
    """All of a search by one participant."""
    course, participant = Course(RULES, SPACE), Participant(board, clock, sleep)
    while (found := step(course, participant, trainer)) is not None:
        course = course.after(found.judged)
    return course


def lines(course):
    return [json.loads(json.dumps(each.to_json())) for each in course.judged]


def main(kind, where, lease, hangs):
    """Takes part."""
    sharing = {"folder": SharedFolder, "storage": SharedStorage}[kind](where, lease=float(lease))
    numbers = itertools.count(1)

    def before(job):
        print(f"{job.of} {job.number}", flush=True)
        if next(numbers) == int(hangs):
            threading.Event().wait()

    sys.stdin.readline()
    with sharing.opened(SEARCH) as board:
        print(json.dumps(lines(searched(board, Formula(sharing.single, before)))), flush=True)


class Killed:
    """Three processes that share a search, of which one is killed while it holds a claim.

    Args:
        kind: "folder" or "storage".
        where: its path or URL.
        lease: seconds.
    """

    def __init__(self, kind, where, lease):
        self.words = [sys.executable, __file__, kind, where, str(lease)]
        victim, *others = [self.start(hangs) for hangs in (2, 0, 0)]  # which import all at the same time, and wait
        victim.stdin.write("\n")
        victim.stdin.flush()
        read = [victim.stdout.readline() for _ in range(2)]
        victim.send_signal(signal.SIGKILL)
        for each in others:
            each.stdin.write("\n")
            each.stdin.flush()
        ends = [each.communicate(timeout=60)[0].splitlines() for each in others]
        victim.communicate()
        assert [each.returncode for each in (victim, *others)] == [-signal.SIGKILL, 0, 0]
        self.jobs = [*read, *(line + "\n" for end in ends for line in end[:-1])]  # all that were begun
        self.held = read[-1]  # by the one that was killed
        self.found = [json.loads(end[-1]) for end in ends]

    def start(self, hangs):
        return subprocess.Popen([*self.words, str(hangs)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
