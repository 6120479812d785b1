"""Searches of the table: what each strategy returns, how sure it says that it is, and how good it truly is."""

import dataclasses
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from experiments.search_luck.table import SEARCHED, SPACE, Table, rows
from jaxtricks.evaluate.measure import Measure
from jaxtricks.objectives.metrics import METRICS
from jaxtricks.search import Budget, Certainty, Strategy
from jaxtricks.search.condition import Point
from jaxtricks.search.course import Batch, Course, Judged, Stage
from jaxtricks.search.rules import SearchRules

MARGIN = 0.007  # two of the 287 validation examples: 0.7 points, as verdicts on these data have it
STRATEGIES = ("bayes", "sobol", "random", "coarse_to_fine", "grid")


class Found(NamedTuple):
    """What one search came to.

    Args:
        regret: how far the true accuracy of what it returned lies below the best of the table.
        stated: P(what it returned is within the margin of the best tried), as it says itself.
        true: whether what it returned truly lies within the margin of the best that it tried.
        within: the same of the best of the table.
        restarts: that it took, those that confirm its winner left out.
        naive: the mean of the trial that looked best, less the true accuracy of that trial.
        shrunk: the score that the search gives its winner, less its true accuracy.
    """

    regret: float
    stated: float
    true: bool
    within: bool
    restarts: int
    naive: float
    shrunk: float


def searched(table: Table, strategy: Strategy, trials: int, seeds: int, number: int) -> Found:
    """One search of the table, by the course that `jaxtricks.search` takes.

    Args:
        table: what was trained.
        strategy: says what is tried next.
        trials: of its budget.
        seeds: restarts of each.
        number: of the search: its seed.
    """
    measure = Measure(METRICS["accuracy"].declared, None, MARGIN)
    rules = SearchRules(strategy, Budget(trials), seeds, 8, measure, Certainty(fresh=2), number, 10)
    course = Course(rules, SPACE)
    while (batch := course.next()) is not None and batch.stage is not Stage.CONFIRMING:
        course = course.after(Judged(batch, _values(table, (*course.points, *batch.points), batch), 0.0, 0.0))
    true, scores = table.truth[rows(course.points)], course.scores
    means = np.array([values.mean() for values in course.values])
    chosen, lucky = scores.chosen, int(means.argmax())
    return Found(
        regret=float(table.truth.max() - true[chosen]),
        stated=float(scores.within(MARGIN)[chosen]),
        true=bool(true[chosen] >= true.max() - MARGIN),
        within=bool(true[chosen] >= table.truth.max() - MARGIN),
        restarts=sum(map(len, course.values)),
        naive=float(means[lucky] - true[lucky]),
        shrunk=float(scores.mean[chosen] - true[chosen]),
    )


def strategy_of(name: str, trials: int) -> Strategy:
    """A strategy by its name; stages are fitted to the budget.

    Args:
        name: of a strategy.
        trials: of the budget.
    """
    found = Strategy(name)
    return dataclasses.replace(found, trials=trials // 3) if name == "coarse_to_fine" else found


def _values(table: Table, points: Sequence[Point], batch: Batch) -> Float[np.ndarray, " restarts"]:
    """The table's values of restarts: a seed is one of its columns."""
    row = rows(points)
    return np.array([table.searched[row[restart.trial], restart.seed % SEARCHED] for restart in batch.restarts])
