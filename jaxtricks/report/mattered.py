"""The plots of what mattered in a search: shares of the spread, curves, the strongest pair, and all trials at once."""

import html
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float

from jaxtricks.report.figure import BLUE, INK, PAPER, VERMILION, Drawing, by_metric
from jaxtricks.report.searched import REACH, along, ticks
from jaxtricks.report.text import Units, named
from jaxtricks.search.mattered import Along, Effect, Mattered, Surface
from jaxtricks.search.result import RankedTrial, Search

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SHOWN = 12  # settings in the plot of shares, and in that of all trials
CURVES = 4  # settings that have a curve
MATTERS = 0.02  # the share below which a setting has no curve, and a pair no tiles
LINES = 200  # trials that have a line
SHADES = (0.06, 0.94)  # opacities of the worst and the best tile
TILE = 0.92  # of its place that a tile fills
LOOKS = (VERMILION, INK, BLUE), (0.3, 0.25, 0.6)  # colours and opacities of the worst third of trials, the middle and the best
APART = 0.5  # the part of a value's share over which trials of the same value are spread out
GOLDEN = 0.618034  # steps by this share of 1 fill it evenly

SHARES = (
    "Which settings mattered? The bar is the share of the spread of scores in which a setting has a part, together with others; "
    "the part in full colour is what it makes alone. Lines are 95% intervals, below the bar those of the share alone. What "
    "settings make together counts for each of them, so that bars may add up to more than 100%."
)
ALONG = (
    "What does each value give? The mean score at each value of a setting over all values of the others, with a 95% band; all on "
    "one scale. The dotted line is the winner."
)
PAIR = (
    "Does the best value of one setting depend on the other? The stronger the colour of a tile, the better the mean score there, "
    "over all values of the others; the ring marks the best. Where all rows have their strongest tile in one column, each can be "
    "chosen by itself."
)
ALONE = "Does the best value of one setting depend on another? Hardly."
ACROSS = (
    "Which values do good trials have in common? Each line is a trial, from its values down to its score, without luck: blue the "
    "best third, vermilion the worst, and bold the winner. Trials of one value lie beside each other; a line has a gap where a "
    "setting has no meaning, and very bad trials end at the edge."
)


def section(found: Search, written: Units) -> str:
    """What mattered, as HTML: a sentence where it cannot be told, else plots with what each of them answers.

    Args:
        found: the search.
        written: how its metric is written.
    """
    told = found.importance
    parts = ["<h2>What mattered</h2>", f"<p>{html.escape(_basis(told))}</p>"]
    if told.effects:
        parts += [_figure(shares(told.effects), SHARES)]
    wanted = {each.path for each in told.effects[:CURVES] if each.total.value >= MATTERS}
    curves = [each for each in told.curves if each.path in wanted]
    parts += [_figure(curve(found, each, curves, written), ALONG if each is curves[-1] else "") for each in curves]
    for surface, joint in zip(told.surfaces, told.pairs, strict=False):
        share = f"Beyond what each makes alone, {joint.paths[0]} and {joint.paths[1]} make {joint.share} of the spread together"
        if joint.share.value >= MATTERS:
            parts += [_figure(pair(found, surface, written), f"{PAIR} Tiles go {_ends(surface, written)}. {share}.")]
        else:
            parts += [f"<p><small>{html.escape(f'{ALONE} {share}, and no other pair makes more.')}</small></p>"]
    if len(found.space.paths) > 1:
        parts += [_figure(across(found, written), ACROSS)]
    return "".join(parts)


def _basis(told: Mattered) -> str:
    """What is told from what, and how far it goes."""
    if not told.effects:
        return f"This cannot be told: {told.why}."
    partly = f" But {told.why}." if told.why else ""
    return f"Told {told.basis}.{partly}"


def _figure(plot: Drawing, caption: str) -> str:
    said = f"<p><small>{html.escape(caption)}</small></p>" if caption else ""
    return f"<figure>{plot}</figure>{said}"


def shares(effects: Sequence[Effect]) -> Drawing:
    """First-order and total shares with their intervals, a row a setting, the largest on top.

    Args:
        effects: of the settings, at least one.
    """
    shown = effects[:SHOWN]

    def paint(axes: "Axes") -> None:
        for place, each in enumerate(shown):
            axes.barh(place, 100 * max(each.total.value, 0), height=0.26, color=BLUE, alpha=0.3, linewidth=0)
            axes.barh(place, 100 * max(each.first.value, 0), height=0.26, color=BLUE, linewidth=0)
            for share, lower in ((each.total, 0.0), (each.first, 0.22)):
                ends = [100 * min(max(end, 0.0), 1.0) for end in (share.low, share.high)]
                axes.plot(ends, [place + lower] * 2, color=INK if lower == 0 else BLUE, linewidth=1.6, solid_capstyle="butt")
            text = f"{each.path}  {round(100 * each.total.value) + 0}%"
            axes.text(0, place - 0.18, text, va="bottom", transform=axes.get_yaxis_transform())
        axes.set_xlim(0, max(100.0, *(100 * each.total.value for each in shown)))
        axes.set_ylim(len(shown) - 0.55, -0.75)
        axes.yaxis.set_visible(False)
        axes.spines["left"].set_visible(False)
        axes.set_xlabel("share of the spread of scores (%)")

    said = "What mattered: " + ", ".join(f"{each.path} {each.total}" for each in shown)
    return Drawing("shares", said, 0.8 + 0.5 * len(shown), paint, left=0.15, right=0.2)


def curve(found: Search, drawn: Along, all_drawn: Sequence[Along], written: Units) -> Drawing:
    """The mean score along one setting, on the setting's own scale, with a band; points where values have no order.

    Args:
        found: the search.
        drawn: the curve.
        all_drawn: curves on whose common scale it is.
        written: how the metric is written.
    """

    def paint(axes: "Axes") -> None:
        mean, low, high = (written.scale * part for part in (drawn.mean, drawn.low, drawn.high))
        if found.space.ranges[drawn.path].features(np.array([0.5])).shape[1] > 1:
            axes.vlines(drawn.units, low, high, color=BLUE, linewidth=1.6)
            axes.plot(drawn.units, mean, "o", color=BLUE, markersize=5)
        else:
            axes.fill_between(drawn.units, low, high, color=BLUE, alpha=0.22, linewidth=0)
            axes.plot(drawn.units, mean, color=BLUE, linewidth=2)
        if drawn.path in found.winner.point:
            place = found.space.ranges[drawn.path].unit(found.winner.point[drawn.path])
            axes.axvline(place, color=INK, linewidth=1, linestyle=(0, (1, 3)))
        ends = written.scale * np.array([(each.low.min(), each.high.max()) for each in all_drawn])
        room = 0.05 * (ends.max() - ends.min())
        axes.set_ylim(ends.min() - room, ends.max() + room)
        along(axes, found, drawn.path)
        by_metric(axes, written)

    said = f"Mean {named(written.metric)} along {drawn.path}, over all values of the others"
    return Drawing(f"along {drawn.path}", said, 2.4, paint)


def pair(found: Search, surface: Surface, written: Units) -> Drawing:
    """The mean score at values of two settings, as tiles: the stronger their colour the better, the best in a ring.

    Args:
        found: the search.
        surface: the means.
        written: how the metric is written.
    """
    better = surface.mean if written.higher_is_better else -surface.mean
    dark = (better - better.min()) / (np.ptp(better) or 1.0)
    first, second = surface.units

    def paint(axes: "Axes") -> None:
        wide, high = (TILE * np.array(_widths(units)) for units in (first, second))
        for (i, j), shade in np.ndenumerate(dark):
            alpha = SHADES[0] + (SHADES[1] - SHADES[0]) * float(shade)
            axes.bar(first[i], high[j], width=wide[i], bottom=second[j] - high[j] / 2, color=BLUE, alpha=alpha, linewidth=0)
        i, j = np.unravel_index(better.argmax(), better.shape)
        axes.plot(first[i], second[j], "o", markersize=11, markerfacecolor="none", markeredgecolor=VERMILION, markeredgewidth=2)
        along(axes, found, surface.paths[0])
        axes.set_yticks(*ticks(found, surface.paths[1]))
        axes.set_ylim(-0.03, 1.12)
        axes.text(0, 1.03, f"{surface.paths[1]}, upwards", va="bottom")

    said = f"Mean {named(written.metric)} by {surface.paths[0]} and {surface.paths[1]}: {_ends(surface, written)}"
    return Drawing(f"pair {' '.join(surface.paths)}", said, 4.1, paint)


def _ends(surface: Surface, written: Units) -> str:
    """The worst and the best mean of a surface, in words."""
    worst, best = (surface.mean.min(), surface.mean.max())[:: 1 if written.higher_is_better else -1]
    return f"from {written.value(worst)}{written.sign} to {written.value(best)}{written.sign}"


def across(found: Search, written: Units) -> Drawing:
    """Parallel coordinates from top to bottom: a scale for each setting and one for the score, and a line for each trial.

    Args:
        found: the search, of two settings or more.
        written: how the metric is written.
    """
    paths, trials = _paths(found), _trials(found)
    scores, (low, high) = _scores(trials, written)
    rows = len(paths) + 1
    x = np.column_stack([*(_places(found, path, trials) for path in paths), (scores - low) / ((high - low) or 1.0)])

    def paint(axes: "Axes") -> None:
        axes.set_axis_off()
        axes.set_xlim(-0.04, 1.04)
        axes.set_ylim(rows - 0.95, -0.45)
        for third, colour, alpha in zip(np.array_split(np.arange(len(trials)), 3)[::-1], *LOOKS, strict=True):
            broken = np.column_stack([x[third], np.full(len(third), np.nan)])
            heights = np.tile([*range(rows), np.nan], (len(third), 1))
            axes.plot(broken.ravel(), heights.ravel(), color=colour, alpha=alpha, linewidth=0.8)
        winner = [each.trial for each in trials].index(found.winner.trial)
        axes.plot(x[winner], range(rows), color=BLUE, linewidth=2.6)
        for row, path in enumerate(paths):
            _scale(axes, row, path, *ticks(found, path))
        ends = [low + share * (high - low) for share in (0.0, 0.5, 1.0)]
        _scale(axes, rows - 1, written.axis, [0.0, 0.5, 1.0], [f"{end:.4g}" for end in written.scale * np.array(ends)])

    said = f"All trials across {', '.join(paths)} and {named(written.metric)}"
    return Drawing("across", said, 0.6 + 0.84 * rows, paint, left=0.15, right=0.15)


def _scale(axes: "Axes", row: int, name: str, places: Sequence[float], labels: Sequence[str]) -> None:
    """One horizontal scale of parallel coordinates, its name above it and its values below."""
    behind = {"facecolor": PAPER, "alpha": 0.8, "linewidth": 0, "pad": 0.6}
    axes.plot([0, 1], [row] * 2, color=INK, linewidth=0.8)
    axes.text(0, row - 0.09, name, va="bottom", fontsize=11.5, bbox=behind)
    for place, label in zip(places, labels, strict=True):
        axes.plot([place] * 2, [row, row + 0.06], color=INK, linewidth=0.8)
        side = "left" if place < 0.02 else "right" if place > 0.98 else "center"
        axes.text(place, row + 0.11, label, va="top", ha=side, fontsize=10, bbox=behind)


def _paths(found: Search) -> tuple[str, ...]:
    """The settings of the parallel coordinates: where it is known, that which matters most stands next to the score."""
    return tuple(each.path for each in found.importance.effects[:SHOWN])[::-1] or found.space.paths[:SHOWN]


def _trials(found: Search) -> tuple[RankedTrial, ...]:
    """Trials that have a line, the best first: all, or some evenly taken, the winner always."""
    places = np.unique(np.linspace(0, len(found.leaderboard) - 1, min(len(found.leaderboard), LINES)).round().astype(int))
    chosen = set(places.tolist())
    return tuple(each for place, each in enumerate(found.leaderboard) if place in chosen or each.trial == found.winner.trial)


def _scores(trials: Sequence[RankedTrial], written: Units) -> tuple[Float[np.ndarray, " trials"], tuple[float, float]]:
    """Expected scores, those far worse than the median and of diverged trials at the end of the scale; and its two ends."""
    sign = -1 if written.higher_is_better else 1
    losses = sign * np.array([each.score.mean for each in trials])
    finite = losses[np.isfinite(losses)]
    best, usual = finite.min(), np.median(finite)
    edge = min(finite.max(), usual + REACH * (usual - best)) if usual > best else finite.max()
    low, high = sorted((float(sign * best), float(sign * edge)))
    return sign * np.minimum(np.where(np.isfinite(losses), losses, edge), edge), (low, high)


def _places(found: Search, path: str, trials: Sequence[RankedTrial]) -> Float[np.ndarray, " trials"]:
    """Where lines cross the scale of a setting: trials of one value lie beside each other; nan where it has no meaning."""
    setting = found.space.ranges[path]
    places = np.array([setting.unit(each.point[path]) if path in each.point else np.nan for each in trials])
    aside = (GOLDEN * np.arange(len(trials))) % 1 - 0.5
    return np.clip(places, 0, 1) + (0.0 if setting.count is None else APART / setting.count) * aside


def _widths(units: Float[np.ndarray, " points"]) -> list[float]:
    """The widths of the shares of [0, 1] of which these are the middles."""
    ends = [0.0]
    for middle in units.tolist():
        ends.append(2 * middle - ends[-1])
    return np.diff(ends).tolist()
