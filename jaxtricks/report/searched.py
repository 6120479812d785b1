"""The plots of a search: its leaderboard, how it went, and the score by each setting."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float

from jaxtricks.report.figure import BLUE, INK, VERMILION, Drawing, at_whole_numbers, by_metric
from jaxtricks.report.text import Units, named
from jaxtricks.search.choice import word_of
from jaxtricks.search.result import RankedTrial, Search

if TYPE_CHECKING:
    from matplotlib.axes import Axes

TICKS = 5  # values of a range that are named below its axis
REACH = 2.0  # how far beyond the median a plot goes, in distances from the best to the median

Vector = Float[np.ndarray, " trials"]


def ranked(rows: Sequence[RankedTrial], written: Units) -> Drawing:
    """The leaderboard: expected true scores with 95% intervals, the best on top, and in blue what cannot be told from it.

    Args:
        rows: of the leaderboard, some with a finite score.
        written: how the metric is written.
    """
    shown = [each for each in rows if np.isfinite(each.score.mean)]

    def paint(axes: "Axes") -> None:
        for place, each in enumerate(shown, start=1):
            colour = BLUE if each.group == 0 else INK
            ends = [written.scale * end for end in (each.score.low, each.score.high)]
            axes.plot(ends, [place] * 2, color=colour, linewidth=1.6, solid_capstyle="butt")
            axes.plot(written.scale * each.score.mean, place, "o", color=colour, markersize=4.5)
            axes.plot(written.scale * each.measured, place, "|", color=VERMILION, markersize=8, markeredgewidth=1.6)
        axes.set_ylim(len(shown) + 0.6, 0.4)
        at_whole_numbers(axes.yaxis)
        axes.set_xlabel(written.axis)

    said = f"Leaderboard: {named(written.metric)} of the best trials with 95% intervals"
    return Drawing("ranked", said, 0.75 + 0.2 * len(shown), paint, left=0.45, right=0.2)


def went(found: Search, written: Units) -> Drawing:
    """How a search went: what each trial measured when it was new, and the expected true score of the best so far, with a band.

    Args:
        found: the search.
        written: how the metric is written.
    """
    means = np.array([_mean(values) for values in found.course.explored])
    by_trial = sorted(found.leaderboard, key=lambda each: each.trial)
    sign = -1 if written.higher_is_better else 1
    scores = sign * np.array([each.score.mean for each in by_trial])
    best = [int(scores[: end + 1].argmin()) for end in range(len(scores))]

    def paint(axes: "Axes") -> None:
        trials = np.arange(1, len(means) + 1)
        low, mean, high = (
            written.scale * np.array([getattr(by_trial[place].score, name) for place in best]) for name in ("low", "mean", "high")
        )
        known = np.isfinite(mean)
        axes.fill_between(trials[known], low[known], high[known], step="post", color=BLUE, alpha=0.22, linewidth=0)
        axes.step(trials[known], mean[known], where="post", color=BLUE, linewidth=2)
        _points(axes, trials, means, written)
        axes.set_xlabel("trial")
        at_whole_numbers(axes.xaxis)
        by_metric(axes, written)

    said = f"How the search went: {named(written.metric)} by trial, and the best so far"
    return Drawing("went", said, 2.9, paint)


def by_setting(found: Search, path: str, written: Units) -> Drawing:
    """The measured score of each trial by one setting, on the setting's own scale; the winner is marked.

    Args:
        found: the search.
        path: a setting that is searched.
        written: how the metric is written.
    """
    setting = found.space.ranges[path]
    has = [trial for trial, point in enumerate(found.course.points) if path in point]
    places = np.array([setting.unit(found.course.points[trial][path]) for trial in has])
    means = np.array([_mean(found.course.values[trial]) for trial in has])

    def paint(axes: "Axes") -> None:
        if path in found.winner.point:
            axes.axvline(setting.unit(found.winner.point[path]), color=BLUE, linewidth=1, linestyle=(0, (1, 3)))
        _points(axes, places, means, written)
        along(axes, found, path)
        by_metric(axes, written)

    return Drawing(f"by {path} {written.metric}", f"{named(written.metric).capitalize()} by {path}", 2.7, paint)


def along(axes: "Axes", found: Search, path: str) -> None:
    """Makes the horizontal axis a setting's own scale, on which each quantile has its value."""
    places, labels = ticks(found, path)
    axes.set_xticks(places, labels)
    axes.set_xlim(-0.03, 1.03)
    axes.set_xlabel(path)


def ticks(found: Search, path: str) -> tuple[list[float], list[str]]:
    """The quantiles of some values of a setting, and how they are written."""
    setting = found.space.ranges[path]
    values = setting.grid(TICKS)
    return [setting.unit(value) for value in values], list(map(_tick, values))


def _tick(value: Any) -> str:
    return f"{value:.2g}" if isinstance(value, float) else word_of(value)


def _points(axes: "Axes", x: Vector, means: Vector, written: Units) -> None:
    """A dot for each trial; bad ones lie at the edge, as triangles, since the axis ends not far beyond the median."""
    sign, finite = (-1 if written.higher_is_better else 1), np.isfinite(means)
    losses = sign * written.scale * means
    best, usual = (losses[finite].min(), np.median(losses[finite])) if finite.any() else (0.0, 1.0)
    width = usual - best or abs(best) or 1.0
    edge = min(usual + REACH * width, losses[finite].max() + 0.1 * width) if finite.any() else 1.0
    out = ~finite | (losses > edge)
    axes.plot(x[~out], sign * losses[~out], "o", color=INK, alpha=0.55, markersize=4, markeredgewidth=0)
    marker = "v" if written.higher_is_better else "^"
    axes.plot(x[out], np.full(out.sum(), sign * edge), marker, color=VERMILION, markersize=5, markeredgewidth=0, clip_on=False)
    axes.set_ylim(*sorted((sign * (best - 0.15 * width), sign * edge)))


def _mean(values: Float[np.ndarray, " restarts"]) -> float:
    finite = values[np.isfinite(values)]
    return float(finite.mean()) if finite.size == values.size > 0 else np.nan
