"""What traces of searches come to: when their quality is equal to the best, and how methods compare. Pure functions of arrays."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol, Self

import numpy as np
from jaxtyping import Float

DRAWS = 2_000  # of the bootstrap
ENDS = (0.025, 0.975)


class Typical(Protocol):
    """The mean or the median over searches."""

    def __call__(self, scores: Float[np.ndarray, "searches steps"], /, *, axis: int) -> Any:
        """One number a step, [steps], for axis 0."""
        ...


class Traces(NamedTuple):
    """Searches of one method, each row one search.

    Args:
        seconds: since the beginning, after each step, [searches, steps].
        scores: the true score of what each would return then, [searches, steps].
        claims: the score that each has measured for it, [searches, steps].
    """

    seconds: Float[np.ndarray, "searches steps"]
    scores: Float[np.ndarray, "searches steps"]
    claims: Float[np.ndarray, "searches steps"]

    @classmethod
    def of(cls, traces: Sequence[Mapping[str, Any]], judged: Mapping[tuple[float, ...], float]) -> Self:
        """The traces of a method's repetitions.

        Args:
            traces: of each repetition, as contestants give them.
            judged: the true score of all settings in them.
        """
        scores = [[judged[tuple(row)] for row in each["rows"]] for each in traces]
        return cls(
            np.array([each["seconds"] for each in traces]), np.array(scores), np.array([each["claims"] for each in traces])
        )

    @classmethod
    def side_by_side(cls, budgets: Sequence[Self]) -> Self:
        """Searches of several budgets as one method, each budget a step.

        Args:
            budgets: as many searches of each, of one step.
        """
        return cls(*(np.hstack(columns) for columns in zip(*budgets, strict=True)))

    def drawn(self, draw: np.random.Generator) -> Self:
        """As many searches, drawn from these with replacement."""
        again = draw.integers(len(self.seconds), size=len(self.seconds))
        return type(self)(*(each[again] for each in self))


def step_to(traces: Traces, asked: float, typical: Typical) -> int | None:
    """The first step, from 0, at which the typical score is what is asked for; None without one.

    Args:
        traces: of one method.
        asked: the score.
        typical: the mean or the median over searches.
    """
    enough = typical(traces.scores, axis=0) >= asked
    return int(enough.argmax()) if enough.any() else None


def seconds_to(traces: Traces, asked: float, typical: Typical) -> float:
    """The median over searches of the seconds to that step; infinite without one."""
    step = step_to(traces, asked, typical)
    return np.inf if step is None else float(np.median(traces.seconds[:, step]))


def seconds_until(traces: Traces, asked: float, typical: Typical) -> float:
    """The same, but the seconds of a whole search without one."""
    return min(seconds_to(traces, asked, typical), float(np.median(traces.seconds[:, -1])))


class Ratio(NamedTuple):
    """How many times as long one method takes as another one to equal quality.

    Args:
        value: of their times; where the first is not good enough at its last step, of its time until there, and where the second
            is not, 0.
        reached: whether the first is good enough at some step; if not, the true ratio is larger.
        low: the lower end of a 95% interval of the value.
        high: the upper end.
    """

    value: float
    reached: bool
    low: float
    high: float


def ratio(peer: Traces, ours: Traces, asked: float, typical: Typical) -> Ratio:
    """How many times as long a peer takes to equal quality; the interval is a bootstrap over the searches of both.

    Args:
        peer: its searches.
        ours: those of jaxtricks, each budget a step.
        asked: the score.
        typical: the mean or the median over searches.
    """

    def times(peer: Traces, ours: Traces) -> float:
        return seconds_until(peer, asked, typical) / seconds_to(ours, asked, typical)

    draw = np.random.default_rng(0)
    low, high = np.quantile([times(peer.drawn(draw), ours.drawn(draw)) for _ in range(DRAWS)], ENDS).tolist()
    return Ratio(times(peer, ours), step_to(peer, asked, typical) is not None, low, high)


def quality(traces: Traces, step: int, best: float, margin: float) -> dict[str, float]:
    """What searches return after a step, in points of accuracy: how far below the best, and how much better they measured it.

    Args:
        traces: of one method.
        step: from 0.
        best: the score of the best of the table.
        margin: the smallest difference that matters.
    """
    scores, claims = traces.scores[:, step], traces.claims[:, step]
    return {
        "mean below the best": 100 * float(best - scores.mean()),
        "median": 100 * float(best - np.median(scores)),
        "within the margin": float((scores >= best - margin).mean()),
        "measured too high by": 100 * float((claims - scores).mean()),
    }
