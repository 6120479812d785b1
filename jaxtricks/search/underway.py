"""What a scheme made of a batch of trials: until when each was trained, who may win, and what strategies are told of it."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Self

import numpy as np
from jaxtyping import Float, Int

from jaxtricks.search.condition import Point
from jaxtricks.search.halving import trial_costs
from jaxtricks.search.scheme import Costs, TrialRuns
from jaxtricks.train.turn import Changes


class Finalist(NamedTuple):
    """A trial of a batch that was trained to the end, and so may be the best of all.

    Args:
        trial: its number in the batch.
        value: the metric that it came to, its luck not taken away.
        schedule: the settings that it was trained with, where these changed on the way; else empty.

    >>> Finalist(3, 0.91, ((0, {"optimizer.rule.learning_rate": 0.1}), (5, {"optimizer.rule.learning_rate": 0.08}))).trial
    3
    """

    trial: int
    value: float
    schedule: Changes

    def point(self, given: Point) -> Point:
        """The settings that its last epochs were trained with.

        Args:
            given: those that its trial began with.

        >>> Finalist(0, 0.91, ((0, {"model.dropout.rate": 0.5}), (5, {"model.dropout.rate": 0.4}))).point({"model.dropout": 0.5})
        {'model.dropout': 0.4}
        """
        last = self.schedule[-1][1] if self.schedule else {}
        return {
            path: next((new for leaf, new in last.items() if f"{leaf}.".startswith(f"{path}.")), value)
            for path, value in given.items()
        }


@dataclasses.dataclass(frozen=True, eq=False)
class Underway:
    """What became of the restarts of a batch on the way.

    Args:
        turns: the epochs after which the scheme decided, ascending.
        until: the epochs that each restart was trained for as its trial says: until it left, or went on from another one's state,
            [trials, seeds].
        seen: the metric after each turn, nan where a restart had left or diverged, [trials, seeds, turns].
        epochs: restart-epochs that were trained.
        finalists: who may win.
    """

    turns: tuple[int, ...]
    until: Int[np.ndarray, "trials seeds"]
    seen: Float[np.ndarray, "trials seeds turns"]
    epochs: int
    finalists: tuple[Finalist, ...]

    @classmethod
    def of(cls, found: TrialRuns) -> Self:
        """What is kept of trials that were trained together.

        Args:
            found: what they came to.
        """
        turns = tuple(epoch for epoch, _ in found.standing.turns)
        return cls(turns, found.own, found.seen, found.epochs, tuple(_finalists(found)))

    def to_json(self) -> dict[str, Any]:
        """Gives it as plain data."""
        seen = np.where(np.isfinite(self.seen), self.seen, np.array(None))
        finalists = [[each.trial, each.value, [list(change) for change in each.schedule]] for each in self.finalists]
        return {
            "turns": list(self.turns),
            "until": self.until.tolist(),
            "seen": seen.tolist(),
            "epochs": self.epochs,
            "finalists": finalists,
        }

    @classmethod
    def from_json(cls, line: Mapping[str, Any]) -> Self:
        """Gives what `to_json` wrote.

        Args:
            line: plain data.
        """
        until, turns = np.array(line["until"], np.int64), tuple(line["turns"])
        seen = np.array(line["seen"], np.float64).reshape(*until.shape, len(turns))
        finalists = [(trial, value, tuple((epoch, new) for epoch, new in changes)) for trial, value, changes in line["finalists"]]
        return cls(turns, until, seen, line["epochs"], tuple(Finalist(*each) for each in finalists))


class ToldScores(NamedTuple):
    """What a strategy is told of trials.

    Args:
        score: what is to be small; infinite where all restarts diverged, [trials].
        error: its standard error over restarts, [trials].
    """

    score: Float[np.ndarray, " trials"]
    error: Float[np.ndarray, " trials"]


def told(losses: Costs, seen: Float[np.ndarray, "trials seeds turns"], lasted: Int[np.ndarray, " trials"]) -> ToldScores:
    """What a strategy is told of trials that a scheme trained, some of which left on the way.

    Nobody knows what a trial that left would have come to. It is told as worse than all those that were as good as it was or
    better when it left, and were trained further: as the worst of these, and worse than it by as much as it was behind then. So
    scores keep the order in which the scheme put the trials, and are of the size that losses have at the end.

    Args:
        losses: what is to be small, at the end; nan of a restart that diverged.
        seen: the same after each turn.
        lasted: the number of the turn until which each trial can be judged; that of all turns where this is the end.

    >>> seen = np.array([[[4.0]], [[5.0]], [[7.0]]])
    >>> told(np.array([[1.0], [2.0], [np.nan]]), seen, np.array([1, 1, 0])).score.tolist()
    [1.0, 2.0, 4.0]
    """
    columns = np.concatenate([seen, losses[..., None]], axis=2)
    means = np.stack([trial_costs(column) for column in np.moveaxis(columns, 2, 0)], axis=1)
    score = np.full(len(losses), np.inf)
    for trial in np.lexsort((means[np.arange(len(lasted)), lasted], -lasted)).tolist():
        turn = int(lasted[trial])
        now, known = means[trial, turn], np.flatnonzero(np.isfinite(score) & np.isfinite(means[:, turn]))
        if turn == seen.shape[2] or not np.isfinite(now) or not len(known):
            score[trial] = now
            continue
        ahead = known[means[known, turn] <= now]
        ahead = ahead if len(ahead) else known
        score[trial] = score[ahead].max() + max(0.0, now - means[ahead, turn].max())
    last = np.take_along_axis(columns, lasted[:, None, None], axis=2)[..., 0]
    return ToldScores(score, _errors(last))


def _errors(losses: Costs) -> Float[np.ndarray, " trials"]:
    """The standard errors over restarts, those that diverged as bad as the worst of all; nan for a trial of such alone."""
    finite = np.isfinite(losses)
    if not finite.any() or losses.shape[1] < 2:
        return np.full(len(losses), np.nan)
    filled = np.where(finite, losses, losses[finite].max())
    return np.where(finite.any(axis=1), filled.std(axis=1, ddof=1) / losses.shape[1] ** 0.5, np.nan)


def _finalists(found: TrialRuns) -> Sequence[Finalist]:
    """The trials that were trained to the end; where settings changed, the best restart of each seed, as it was trained."""
    sign = -1 if found.metric.higher_is_better else 1
    if not found.settings:
        costs = trial_costs(np.where(found.whole[:, None], sign * found.values, np.nan))
        return [Finalist(trial, sign * float(costs[trial]), ()) for trial in np.flatnonzero(np.isfinite(costs)).tolist()]
    best = dict[str, Finalist]()
    for restart, costs in enumerate(np.where(np.isfinite(found.values), sign * found.values, np.inf).T):
        trial = int(costs.argmin())
        schedule = found.schedule(trial, restart)
        if np.isfinite(costs[trial]):
            changes = schedule if len(schedule) > 1 else ()
            best.setdefault(f"{changes or trial}", Finalist(trial, sign * float(costs[trial]), changes))
    return list(best.values())
