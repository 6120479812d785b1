"""Coarse-to-fine search: stages, each in a smaller part of the space around the best so far."""

from typing import Annotated

from jaxtricks.config import Count, Range, config
from jaxtricks.search.condition import Point
from jaxtricks.search.history import History
from jaxtricks.search.sobol import sequence
from jaxtricks.search.space import Space
from jaxtricks.search.strategy import Strategy, fresh

Part = Annotated[float, Range(low=0, high=1, open_low=True, open_high=True)]


@config("coarse_to_fine", rows=["T082"], paper="lecture 1")
class CoarseToFine(Strategy):
    """Stages of points that fill the space evenly: the whole of it first, then a part of it around the best so far.

    A stage begins when all trials of those before it are told; the last one has no end. The part may lie anywhere in the whole
    space, so that a later stage can move away from an earlier one. Choices stay whole.

    Args:
        trials: of each stage but the last.
        stages: how many.
        share: the width of a stage's ranges, as a share of the stage's before it, on the scale of each range.
        widen: whether ranges grow where the best lies at their end, as far as the setting allows; otherwise `alarms` says so.

    >>> search = CoarseToFine(trials=4, stages=2, share=0.25)
    >>> history = History(Space({"model.dropout": "0:0.8"}), seed=0)
    >>> coarse = search.ask(history, 8)
    >>> told = [jt.search.Trial(point, abs(point["model.dropout"] - 0.5), 0.0, 4) for point in coarse]
    >>> fine = search.ask(history.telling(told), 8)
    >>> len(coarse), all(0.3 < point["model.dropout"] < 0.7 for point in fine)
    (4, True)
    """

    trials: Count = 16
    stages: Count = 3
    share: Part = 0.25
    widen: bool = False

    @property
    def least(self) -> int:
        return self.trials * (self.stages - 1) + 1

    def ask(self, history: History, count: int) -> list[Point]:
        found: list[Point] = []
        while len(found) < count:
            handed = len(history.points)
            stage = min(handed // self.trials, self.stages - 1)
            if len(history.told) < stage * self.trials:  # the stages before this one are not judged yet
                break
            room = self.trials - handed % self.trials if stage < self.stages - 1 else count
            part = self._part(history, stage)
            points = fresh(history, part, sequence(part, history.seed, f"coarse_to_fine/{stage}"), min(room, count - len(found)))
            if not points:  # the part has no more; the whole may have
                points = fresh(history, history.space, sequence(history.space, history.seed, "coarse_to_fine"), 1)
            if not points:
                break
            found += points
            history = history.asking(points)
        return found

    def searched(self, history: History) -> Space:
        return self._whole(history, min(len(history.told) // self.trials, self.stages - 1))

    def _whole(self, history: History, stage: int) -> Space:
        """The space that a stage may move in, widened at the best of each stage before it where that is asked for."""
        space = history.space
        for before in range(1, stage + 1) if self.widen else ():
            best = self._best(history, before)
            space = space if best is None else space.widened(best)
        return space

    def _part(self, history: History, stage: int) -> Space:
        whole, best = self._whole(history, stage), self._best(history, stage)
        return whole if best is None else whole.around(best, self.share**stage)

    def _best(self, history: History, stage: int) -> Point | None:
        """The best of all stages before one; None where there is none, or all diverged."""
        trials = [trial for trial in history.told[: stage * self.trials] if trial.score < float("inf")]
        return min(trials, key=lambda trial: trial.score).point if trials else None
