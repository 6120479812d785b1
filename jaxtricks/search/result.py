"""What a search found: the winner, how good it is when its luck is taken away, and what cannot be told apart from it."""

import dataclasses
import functools
from collections import Counter
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from jaxtricks.config import described
from jaxtricks.evaluate.estimate import Estimate, Scope
from jaxtricks.experiment.experiment import Experiment
from jaxtricks.objectives.metric import Declaration
from jaxtricks.search.batch import Stage, plain
from jaxtricks.search.choice import word_of
from jaxtricks.search.condition import Point
from jaxtricks.search.course import Course
from jaxtricks.search.history import History
from jaxtricks.search.mattered import Mattered, mattered
from jaxtricks.search.space import Space
from jaxtricks.statistics import interval
from jaxtricks.store.tables import with_about
from jaxtricks.store.versions import versions
from jaxtricks.train.frame import metrics
from jaxtricks.train.labelled import ROW
from jaxtricks.train.shown import Shown
from jaxtricks.train.tabled import Tabled
from jaxtricks.train.turn import Changes

DRAWS = 4_000  # of true scores, for intervals
CONFIDENCE = 0.95
SCOPE: Scope = "these examples"  # and other splits of them
SHOWN = 10  # trials of the table that is printed


class RankedTrial(NamedTuple):
    """A line of the leaderboard.

    Args:
        trial: its number, in the order in which points were tried.
        point: its settings.
        score: the expected true score, shrunk for luck, with its 95% interval; infinitely bad where all restarts diverged.
        measured: the mean over its restarts, those that diverged left out; nan where all did.
        restarts: how many it had.
        diverged: how many of them diverged.
        group: from 0; trials of one group cannot be told apart from the best of it. Those that left on the way are the last.
        until: the epochs that it was trained for; fewer than others had where a scheme let it leave.
        schedule: its settings over time, epochs done → those from then on; empty where they stay as they are.

    >>> point, score = {"model.dropout": 0.5}, Estimate(0.91, 0.90, 0.92)
    >>> RankedTrial(3, point, score, measured=0.93, restarts=4, diverged=0, group=0, until=20, schedule=()).score.mean
    0.91
    """

    trial: int
    point: Point
    score: Estimate
    measured: float
    restarts: int
    diverged: int
    group: int
    until: int
    schedule: Changes


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Search(Shown, Tabled):
    """What a search found.

    Args:
        data: the name of the data set.
        base: the experiment that was varied.
        course: all batches, judged; some restart came to an end.
        programs: how many were compiled: one for each structure of the experiments.

    >>> digits, base = jt.load("digits").subset(100, seed=0), jt.Experiment(model=jt.MLP(widths=(8,)), epochs=2)
    >>> space = {"optimizer.rule.learning_rate": "log:1e-4:1e-1"}
    >>> found = jt.search(base, space, digits, strategy="random", budget=4, seeds=2, progress=False)
    >>> found
    Search(digits, 4 trials of 1 setting, 1 program)
    >>> list(found.winner.point), found.fresh.values == tuple(found.course.fresh)
    (['optimizer.rule.learning_rate'], True)
    """

    data: str
    base: Experiment
    course: Course
    programs: int

    @property
    def metric(self) -> Declaration:
        """What the trials were judged by."""
        return self.course.rules.measure.metric

    @property
    def space(self) -> Space:
        """What was searched."""
        return self.course.rules.strategy.searched(self.history)

    @property
    def history(self) -> History:
        """The trials as a strategy sees them."""
        return self.course.history

    @functools.cached_property
    def leaderboard(self) -> tuple[RankedTrial, ...]:
        """All trials, the best expected true score first."""
        course, scores = self.course, self.course.scores
        groups, draws = scores.groups(CONFIDENCE), scores.draws(DRAWS, seed=0)
        found = []
        for place in np.lexsort((course.sign * scores.mean, groups)).tolist():
            values = course.values[course.scored[place]]
            finite = values[np.isfinite(values)]
            ends = np.quantile(draws[:, place], [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2]) if finite.size else (np.nan, np.nan)
            score = Estimate(float(scores.mean[place]), float(ends[0]), float(ends[1]), tuple(finite.tolist()), scope=SCOPE)
            found.append(self._ranked(course.scored[place], score, len(values), int(groups[place])))
        left = [trial for trial in range(len(course.points)) if trial not in course.scored]
        if len(found) == 1:  # nothing was chosen by its restarts, so there is no luck to take away
            found[0] = found[0]._replace(score=Estimate.of(np.array(found[0].score.values), SCOPE))
        bad = Estimate(course.sign * np.inf, np.nan, np.nan, (), scope=SCOPE)
        last = sorted(left, key=lambda trial: -course.until[trial])
        return (*found, *(self._ranked(trial, bad, 0, int(groups.max()) + 1) for trial in last))

    def _ranked(self, trial: int, score: Estimate, restarts: int, group: int) -> RankedTrial:
        measured, course = float(np.mean(score.values)) if score.values else np.nan, self.course
        lost, until = restarts - len(score.values), course.until[trial]
        return RankedTrial(trial, course.points[trial], score, measured, restarts, lost, group, until, course.schedules[trial])

    @property
    def winner(self) -> RankedTrial:
        """The trial that is likely the best, which need not be the one that was measured as the best."""
        return next(each for each in self.leaderboard if each.trial == self.course.chosen)

    @property
    def best(self) -> Experiment:
        """The experiment with the winner's settings; where they changed on the way, with the last ones, see its schedule."""
        return self.base.replace(self.winner.point)

    @property
    def fresh(self) -> Estimate:
        """The winner's score on seeds that chose nothing, without restarts that diverged; nan where all did."""
        values = self.course.fresh[np.isfinite(self.course.fresh)]
        ends = interval(values) if values.size else (np.nan, np.nan)
        mean = float(values.mean()) if values.size else np.nan
        return Estimate(mean, ends[0], ends[1], tuple(values.tolist()), scope=SCOPE)

    @property
    def probability(self) -> float:
        """P(the winner's true score is within the margin of the best tried), of those that stayed if some left."""
        return float(self.course.scores.within(self.course.margin)[self.course.scores.chosen])

    @functools.cached_property
    def importance(self) -> Mattered:
        """What mattered: the share of the spread of scores that each setting makes, alone and with others.

        A trial that left on the way has the score that the strategy is told.
        """
        early = sum(
            lasted < self.course.rules.epochs_of(self.course.points[trial]) for trial, lasted in enumerate(self.course.until)
        )
        return mattered(self.history, self.course.rules.strategy, self.course.sign, early)

    @property
    def alike(self) -> int:
        """How many other trials cannot be told apart from the best."""
        return sum(each.group == 0 for each in self.leaderboard) - 1

    @property
    def alarms(self) -> list[str]:
        """A sentence for each setting of the winner that lies at an end of its range."""
        return self.space.alarms(self.winner.point)

    @property
    def sentences(self) -> list[str]:
        """What was found, a sentence each."""
        winner, rules, count = self.winner, self.course.rules, len(self.history.told)
        settings = ", ".join(f"{path}={_short(value)}" for path, value in winner.point.items())
        explored = self.course.restarts(Stage.EXPLORING)
        more = self.course.restarts(Stage.QUALIFYING, Stage.RACING)
        fresh = f"{self._written(self.fresh)} on {len(self.course.fresh)} fresh seeds, which is to be quoted"
        if lost := len(self.course.fresh) - len(self.fresh.values):
            fresh += f" ({lost} of them diverged)"
        among = f"of the {len(self.course.scored)} trials that were trained anew" if rules.scheme.together else "that was tried"
        structures = _count(self.programs, "structure" if rules.scheme.together else "program")
        margin = f"{self.metric.scale * self.course.margin:.3g} {self.metric.unit}"
        short = "" if self.probability >= rules.certainty.asked else f"; {rules.certainty.asked:.0%} was asked for"
        known = f"with a probability of {self.probability:.0%} it is within {margin} of the best {among}{short}"
        alike = f"{_count(self.alike, 'other trial')} cannot be told apart from it" if self.alike else "no other trial is as good"
        alone = rules.scheme.together and len(self.course.scored) == 1
        return [
            f"the best of {_count(count, 'trial')}: {settings}",
            f"its {self.metric.name.replace('_', ' ')} is {self._number(winner.measured)} as measured when it was chosen, "
            f"{self._written(winner.score)} with that luck taken away, and {fresh}",
            *(["no other trial was trained anew, to be compared with it"] if alone else [known, alike]),
            *self.alarms,
            self.importance.sentence,
            *self._left(),
            f"{_count(explored, 'restart')} to explore, {more} more to decide; "
            f"{structures}, {self.course.compiling:.1f} s of compiling, {self.course.seconds:.1f} s in all",
        ]

    def _left(self) -> list[str]:
        """Until when trials were trained, and what was scored, a sentence; none where all trained to the end."""
        course, whole = self.course, self.course.rules.epochs
        if not course.rules.scheme.together:
            return []
        until = Counter(course.until[trial] for trial in range(len(self.history.told)))
        ended = [f"{_count(count, 'trial')} for {_count(epochs, 'epoch')}" for epochs, count in sorted(until.items())]
        kept = f"only {_count(len(course.scored), 'trial')} trained to the end anew, on seeds of their own, can win"
        changed = ["the winner's settings change while it trains, see its schedule"] if self.winner.schedule else []
        return [f"trained as their settings say: {', '.join(ended)} of {whole}; {kept}", *changed]

    def to_dict(self) -> dict[str, Any]:
        """Gives all of it as plain data; None for a number that is not finite."""
        rules = self.course.rules
        return {
            **self._about(),
            "budget": dataclasses.asdict(rules.budget),
            "margin": self.course.margin,
            "asked": rules.certainty.asked,
            "fresh": _plain(self.fresh),
            "alarms": self.alarms,
            "importance": self.importance.to_dict(),
            "programs": self.programs,
            "compiling": self.course.compiling,
            "seconds": self.course.seconds,
            "trials": [
                {
                    "trial": each.trial,
                    "point": {path: described(value) for path, value in each.point.items()},
                    "group": each.group,
                    "until": each.until,
                    "schedule": [list(change) for change in each.schedule],
                    "score": _plain(each.score),
                    "values": plain(self.course.values[each.trial]),
                }
                for each in self.leaderboard
            ],
        }

    def _about(self) -> dict[str, Any]:
        """What was searched, on what and how, and which trial won, as plain data."""
        return {
            "data": self.data,
            "metric": dataclasses.asdict(self.metric),
            "strategy": described(self.course.rules.strategy),
            "scheme": described(self.course.rules.scheme),
            "space": {path: str(each) for path, each in self.space.ranges.items()},
            "probability": self.probability,
            "winner": self.winner.trial,
        }

    def frame(self) -> pa.Table:
        """Gives a table with a row for each restart: its trial, stage, seed, metric, epochs (`until`), and the trial's settings.

        The metric is missing where a restart diverged or left on the way.

        >>> digits, base = jt.load("digits").subset(100, seed=0), jt.Experiment(model=jt.MLP(widths=(8,)), epochs=2)
        >>> found = jt.search(base, {"model.activation": "relu,tanh"}, digits, strategy="grid", budget=2, seeds=2, progress=False)
        >>> found.frame().column_names
        ['trial', 'stage', 'seed', 'accuracy', 'until', 'model.activation']
        """
        rows = [
            (restart.trial, judged.batch.stage.value, restart.seed, value, until)
            for judged in self.course.judged
            for restart, value, until in zip(judged.batch.restarts, plain(judged.values), self.course.lasted(judged), strict=True)
        ]
        names = ("trial", "stage", "seed", self.metric.name, "until")
        columns = dict(zip(names, map(list, zip(*rows, strict=True)), strict=True))
        for path in self.space.paths:
            held = [self.course.points[trial].get(path) for trial, *_ in rows]
            numbers = all(value is None or type(value) in (int, float) for value in held)
            words = [
                word_of(value) if path in self.course.points[row[0]] else None for row, value in zip(rows, held, strict=True)
            ]
            columns[path] = held if numbers else words
        return searched(pa.table(columns), self._about() | {"versions": versions()}, described(self.best))

    def __repr__(self) -> str:
        settings = _count(len(self.space.paths), "setting")
        return f"Search({self.data}, {_count(len(self.history.told), 'trial')} of {settings}, {_count(self.programs, 'program')})"

    def __str__(self) -> str:
        scheme = self.course.rules.scheme.together
        head = ["group", self.metric.name, "95% interval", "restarts", *(["epochs"] if scheme else []), *self.space.paths]
        rows = [
            [
                str(each.group + 1),
                self._number(each.score.mean),
                f"[{self._number(each.score.low)}, {self._number(each.score.high)}]",
                str(each.restarts),
                *([str(each.until)] if scheme else []),
                *(_short(each.point[path]) if path in each.point else "–" for path in self.space.paths),
            ]
            for each in self.leaderboard[:SHOWN]
        ]
        widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
        table = ["  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in (head, *rows)]
        return "\n".join([*self.sentences, "", *table])

    def _number(self, value: float) -> str:
        return f"{self.metric.scale * value:.4g}{self.metric.sign}" if np.isfinite(value) else "–"

    def _written(self, found: Estimate) -> str:
        return f"{self._number(found.mean)} [{self._number(found.low)}, {self._number(found.high)}]"


def searched(table: pa.Table, told: Mapping[str, Any], best: Mapping[str, Any]) -> pa.Table:
    """The table of a search with what it is about among its metadata.

    Args:
        table: a row for each restart.
        told: of `Search.to_dict()` as much as is said, and "versions".
        best: the winner's experiment as JSON.
    """
    declared = Declaration(**told["metric"])
    coordinates = [name for name in table.column_names if name != declared.name]
    about = {
        "data": told["data"],
        "versions": told["versions"],
        "experiments": {"best": best},
        **{name: told[name] for name in ("space", "strategy", "scheme", "winner", "probability")},
        "metrics": metrics({declared.name: declared}),
        "dims": {ROW: coordinates},
        "values": declared.name,
    }
    return with_about(table, about)


def _plain(found: Estimate) -> dict[str, float | None]:
    return dict(zip(("mean", "low", "high"), plain(np.array([found.mean, found.low, found.high])), strict=True))


def _short(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else word_of(value)


def _count(number: int, thing: str) -> str:
    return f"{number:,} {thing}{'' if number == 1 else 's'}"
