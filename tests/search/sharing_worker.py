"""A machine that takes part in a shared search whose training is a formula: the searches of tests, and a process of its own.

`python -m tests.search.sharing_worker SHARING [JOBS]` takes part; with a number of jobs it hangs in that one, its claim held.
"""

import contextlib
import json
import pathlib
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
    return np.nan if point[RATE] > 0.03 else abs(np.log10(point[RATE]) + 2.5) + 0.1 * (point["model.activation"] == "tanh") + noise


class Formula:
    """Trains by the formula; each job is told to `before`, which may take its time or not come back."""

    def __init__(self, single, before=lambda job: None):
        self.single, self.before = single, before

    def jobs(self, course, batch):
        points = (*course.points, *batch.points)
        kind = (lambda trial: trial) if self.single else (lambda trial: points[trial]["model.activation"])
        return cut(len(course.judged), batch, points, RULES.seeds, kind)

    @contextlib.contextmanager
    def trained(self, job, course):
        self.before(job)
        restarts = [job.batch.restarts[place] for place in job.places]
        yield result_of(np.array([trained(job.points[trial], seed) for trial, seed in restarts]), 1.0, 0.5, None)

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
    """Takes part; writes the number of each job that it trains, and at the end the lines."""
    sharing = {"folder": SharedFolder, "storage": SharedStorage}[kind](where, lease=float(lease))
    count = iter(range(int(hangs), -1, -1))

    def before(job):
        print(f"{job.of} {job.number}", flush=True)
        if next(count, None) == 0 and int(hangs):
            threading.Event().wait()

    with sharing.opened(SEARCH) as board:
        print(json.dumps(lines(searched(board, Formula(sharing.single, before)))), flush=True)


if __name__ == "__main__":
    sys.path.insert(0, str(pathlib.Path(__file__).parents[2]))
    main(*sys.argv[1:])
