"""Plots of arms, verdicts and layers: text stays text, colours are the figure's own, and the same record gives the same bytes."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import scipy
from jaxtyping import Float

from jaxtricks.diagnose.variance import VarianceProfile
from jaxtricks.evaluate.curve import LearningCurve
from jaxtricks.evaluate.finding import Decision, ScopedFinding
from jaxtricks.evaluate.tuning import Tuned
from jaxtricks.evaluate.verdict import Verdict
from jaxtricks.report.figure import (
    BLUE,
    INK,
    PAPER,
    VERMILION,
    Drawing,
    at_whole_numbers,
    by_metric,
    logarithmic,
    upright,
)
from jaxtricks.report.record import Arm, Values
from jaxtricks.report.text import Units, decades, named, units
from jaxtricks.statistics import band, interval

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FAR = 3  # a difference so many times the usual one is drawn as an arrow at the edge of the forest plot
POINTS = 150  # at most, of a restart's curve, two CSS pixels from each other; means and bands show every epoch
LETTERS = 52  # of a label in the forest plot; the table shows the whole label
DOT = 0.021  # of the width of a plot: from one dot to the next beside it
LEVELS = 28  # dots that lie on top of each other from the lowest to the highest value
ROOM, BAR = 0.44, 0.14  # of the place of an arm: what its dots may take, whatever their number; how long the bar of its mean is
Dashes: TypeAlias = str | tuple[float, tuple[float, float]]
TRAINING: Dashes = (0, (1, 1.2))  # of curves in training


def curves(name: str, baseline: Arm, change: Arm | None = None) -> Drawing:
    """One curve by epoch: each restart thin, their mean bold, and a band of one standard deviation on either side of it.

    Args:
        name: of the curve, as in `Arm.curves`.
        baseline: the blue, dashed line.
        change: the vermilion line; None for a run alone.
    """

    def paint(axes: "Axes") -> None:
        # The dashes on top, so that equal lines show both.
        arms = [(_curve(arm, name, baseline), colour, dashes) for arm, colour, dashes in reversed(_lines(baseline, change))]
        low = _axis(axes, name, [y for y, *_ in arms])
        for y, colour, _ in arms:
            epochs, marker = np.arange(1, y.shape[1] + 1), "." if y.shape[1] == 1 else None
            some = np.unique(np.linspace(0, len(epochs) - 1, POINTS).round().astype(int))
            thin = y[np.isfinite(y).any(axis=1)][:, some]
            axes.plot(epochs[some], thin.T, color=colour, alpha=0.4, linewidth=0.6, marker=marker)
            _band(axes, y, low, colour, 0.22)
        for y, colour, dashes in arms:
            _mean(axes, y, colour, dashes, 2.0)
        by_metric(axes, units(baseline.metric(name)))

    return Drawing(_called(name, change), f"Learning curves: {named(name)} by epoch", 2.9, paint)


def losses(followed: str, baseline: Arm, change: Arm | None = None) -> Drawing:
    """The training loss beside the validation metric that is the same loss: means over restarts with their bands.

    Args:
        followed: that metric, such as "nll".
        baseline: in blue.
        change: in vermilion; None for a run alone.
    """

    def paint(axes: "Axes") -> None:
        arms = [
            ([_curve(arm, name, baseline) for name in (followed, "train_loss")], colour, dashes)
            for arm, colour, dashes in reversed(_lines(baseline, change))
        ]
        low = _axis(axes, followed, [y for both, *_ in arms for y in both])
        for both, colour, dashes in arms:
            for y, look in zip(both, ((dashes, 2.0), (TRAINING, 1.6)), strict=True):
                _band(axes, y, low, colour, 0.14)
                _mean(axes, y, colour, *look)
        axes.plot([], [], color=INK, linewidth=2, label=f"validation: {named(followed)}")
        axes.plot([], [], color=INK, linewidth=1.6, linestyle=TRAINING, label="training")
        axes.legend(frameon=False, fontsize=9.5)
        upright(axes, "loss")

    return Drawing(_called("losses", change), f"Training loss and {named(followed)} in validation, by epoch", 2.9, paint)


def _called(what: str, change: Arm | None) -> str:
    return what if change is None else f"{change.label} {what}"


def _curve(arm: Arm, name: str, baseline: Arm) -> Float[np.ndarray, "restarts epochs"]:
    return units(baseline.metric(name)).scale * _array(arm.curves[name])


def _axis(axes: "Axes", name: str, shown: Sequence[Float[np.ndarray, "restarts epochs"]]) -> float:
    """Makes the axes those of a curve by epoch; gives the lowest number that they can show."""
    flat = np.concatenate([y[np.isfinite(y)] for y in shown])
    if log := decades(name, flat):
        logarithmic(axes.yaxis)
    axes.set_xlabel("epoch")
    at_whole_numbers(axes.xaxis)
    return float(flat.min()) if log else -math.inf  # a logarithmic axis shows nothing below zero


def _band(axes: "Axes", y: Float[np.ndarray, "restarts epochs"], low: float, colour: str, alpha: float) -> None:
    around = band(y)
    axes.fill_between(
        np.arange(1, y.shape[1] + 1), np.maximum(around.low, low), around.high, color=colour, alpha=alpha, linewidth=0
    )


def _mean(axes: "Axes", y: Float[np.ndarray, "restarts epochs"], colour: str, dashes: Dashes, width: float) -> None:
    mean = band(y).mean
    marker = "o" if mean.size == 1 else None
    axes.plot(np.arange(1, mean.size + 1), mean, color=colour, linewidth=width, linestyle=dashes, marker=marker)


def by_examples(curve: LearningCurve, written: Units) -> Drawing:
    """Learning curves over the number of examples: the mean over seeds, and a band of its 95% interval.

    Args:
        curve: the curves; the first one is the network's.
        written: how the metric is written.
    """

    def paint(axes: "Axes") -> None:
        looks = [(BLUE, "-"), (VERMILION, "--"), (INK, ":"), (INK, "-."), (VERMILION, "-."), (BLUE, ":"), (INK, "-")]
        for (name, values), (colour, dashes) in zip(curve.values.items(), looks, strict=False):
            shown = written.scale * values
            mean = shown.mean(axis=0)
            axes.plot(curve.sizes, mean, color=colour, linestyle=dashes, linewidth=2, marker="o", markersize=3, label=name)
            if len(values) > 1:
                ends = np.array([interval(column) for column in shown.T if np.isfinite(column).all()])
                if len(ends) == len(mean):
                    axes.fill_between(curve.sizes, ends[:, 0], ends[:, 1], color=colour, alpha=0.22, linewidth=0)
        for crossing in curve.crossovers.values():
            if 0 < crossing.at < math.inf:
                axes.axvline(crossing.at, color=INK, linewidth=0.6, linestyle=(0, (1, 3)))
        logarithmic(axes.xaxis)
        axes.set_xlabel("training examples")
        by_metric(axes, written)
        axes.legend(frameon=False)

    said = f"Learning curves: {named(written.metric)} by the number of training examples"
    return Drawing(f"{written.metric} by examples", said, 3.4, paint)


def dots(metric: str, baseline: Arm, change: Arm | None = None) -> Drawing:
    """The final values: a dot for each restart, and a line from each baseline's dot to its pair's; bars mark the means.

    Restarts of about the same value lie beside each other, see `swarm`.

    Args:
        metric: a validation metric.
        baseline: the dots on the left.
        change: those on the right; None for a run alone.
    """

    def paint(axes: "Axes") -> None:
        units_ = units(baseline.metric(metric))
        arms = [(units_.scale * _array((arm.metrics[metric],))[0], colour) for arm, colour, _ in _lines(baseline, change)]
        apart = DOT * (len(arms) - 0.1)
        offsets = swarm(np.stack([y for y, _ in arms]), apart)
        places = np.arange(len(arms))[:, None] + offsets
        if change is not None:
            axes.plot(places, np.stack([y for y, _ in arms]), color=INK, alpha=0.35, linewidth=0.8)
        for place, ((y, colour), x) in enumerate(zip(arms, places, strict=True)):
            axes.plot(x, y, "o", color=colour, markersize=5, alpha=0.85, markeredgewidth=0)
            if np.isfinite(y).any():
                side, reach = -1 if place == 0 else 1, np.abs(offsets).max() + 2.5 * apart
                bar = [place + side * end for end in (reach, reach + BAR)]
                axes.plot(bar, [np.nanmean(y)] * 2, color=colour, linewidth=2.5)
        axes.set_xlim(-0.45, len(arms) - 0.55)
        axes.set_xticks(range(len(arms)), ["baseline", "with the change"] if change else ["restarts"])
        axes.tick_params(axis="x", length=0)
        by_metric(axes, units_)

    label = f"{named(metric).capitalize()} of each restart" + (", joined with its pair" if change else "")
    return Drawing(_called("restarts", change), label, 2.9, paint)


def swarm(values: Float[np.ndarray, "arms restarts"], apart: float) -> Float[np.ndarray, "arms restarts"]:
    """How far to the side dots are drawn, so that none hides another: those at about one height lie in a row, by their order.

    Args:
        values: of the restarts of each arm; nan for one that is not drawn.
        apart: the distance of two dots of a row, less where the row would be wider than `ROOM`.

    >>> swarm(np.array([[1.0, 2.0, 1.0]]), 0.1).tolist()
    [[-0.05, 0.0, 0.05]]
    """
    offsets, finite = np.zeros(values.shape), values[np.isfinite(values)]
    high = float(np.ptp(finite)) / LEVELS if finite.size else 0.0
    levels = np.round(values / high) if high else 0 * values
    for arm, row in enumerate(levels):
        for level in np.unique(row[np.isfinite(row)]):
            same = np.flatnonzero(row == level)
            steps = np.arange(len(same)) - (len(same) - 1) / 2
            offsets[arm, same] = min(apart, ROOM / max(len(same) - 1, 1)) * steps
    return offsets


def by_setting(path: str, written: Units, baseline: Tuned | None, change: Tuned | None, label: str) -> Drawing:
    """What tuning tried: a metric by the values of a setting, a dot for each restart and a line through the means.

    A vertical line marks the value that was chosen. A restart that diverged has no dot, and then its value has no mean.

    Args:
        path: of the setting, whose values are numbers above 0.
        written: how the metric is written.
        baseline: the blue, dashed line; None where the baseline was not tuned.
        change: the vermilion line; None where the change was not.
        label: of the change.
    """

    def paint(axes: "Axes") -> None:
        for found, colour, dashes in ((baseline, BLUE, "--"), (change, VERMILION, "-")):
            if found is not None:
                x, y = [point[path] for point in found.tried], written.scale * _array(found.values)
                axes.plot(x, y, "o", color=colour, markersize=3, alpha=0.5, markeredgewidth=0)
                axes.plot(x, y.mean(axis=1), color=colour, linestyle=dashes, linewidth=1.8)
                axes.axvline(found.chosen[path], color=colour, linestyle=(0, (1, 3)), linewidth=1.2)
        logarithmic(axes.xaxis)
        axes.set_xlabel(path.rpartition(".")[2].replace("_", " "))
        by_metric(axes, written)

    said = f"{named(written.metric).capitalize()} of restarts that are not judged, by {path}; dotted: what was chosen"
    return Drawing(f"{label} by {path}", said, 2.9, paint)


def forest(verdicts: Sequence[Verdict], units: Units) -> Drawing:
    """Differences with their 95% intervals, a row a change, and the margin shaded: bold in the headline's scope, thin in others.

    A difference or an end that lies beyond the axis is written beside the arrow that stands for it.

    Args:
        verdicts: of one family.
        units: how its numbers are written.
    """
    limit, scopes = _limit(verdicts, units), max(len(v.findings) for v in verdicts)
    margin = units.scale * verdicts[0].margin

    def paint(axes: "Axes") -> None:
        for place, verdict in enumerate(verdicts):
            low, high = place - 0.24, place + 0.1 + 0.14 * scopes
            axes.fill_between([-margin, margin], low, high, color=INK, alpha=0.12, linewidth=0)
            axes.plot([0, 0], [low, high], color=INK, linewidth=0.8)
            for number, finding in enumerate(verdict.findings):
                _interval(axes, place + 0.2 * number, units, verdict, finding, limit, bold=number == 0)
            axes.text(0, place - 0.3, _shortened(verdict.label), va="bottom", transform=axes.get_yaxis_transform())
        axes.set_xlim(-limit, limit)
        axes.set_ylim(len(verdicts) - 0.6 + 0.1 * scopes, -0.9)
        axes.yaxis.set_visible(False)
        axes.spines["left"].set_visible(False)
        better = "right" if units.higher_is_better else "left"
        axes.set_xlabel(f"difference in {named(units.metric)}, {better} is better" + (f" ({units.unit})" if units.sign else ""))

    label = "Differences with 95% intervals: " + ", ".join(verdict.label for verdict in verdicts)
    return Drawing("forest", label, 0.8 + (0.32 + 0.14 * scopes) * len(verdicts), paint, left=0.15, right=0.15)


def beyond(verdicts: Sequence[Verdict], units: Units) -> tuple[str, ...]:
    """The labels of the rows of `forest` that end in an arrow.

    Args:
        verdicts: of one family.
        units: how its numbers are written.
    """
    limit = _limit(verdicts, units)
    return tuple(verdict.label for verdict in verdicts if _reach(verdict, units) > limit)


def _reach(verdict: Verdict, units: Units) -> float:
    """How far from zero a row would go."""
    ends = (verdict.difference, *(end for finding in verdict.findings for end in finding.interval))
    return max(abs(units.scale * end) for end in ends if not math.isnan(end))


def _limit(verdicts: Sequence[Verdict], units: Units) -> float:
    """How far the axis of a forest goes to either side."""
    reaches, margin = [_reach(verdict, units) for verdict in verdicts], units.scale * verdicts[0].margin
    usual = FAR * max(float(np.median(reaches)), margin)
    return 1.08 * min(max(*reaches, 1.5 * margin), usual) or 1.0


def _interval(
    axes: "Axes", place: float, units: Units, verdict: Verdict, finding: ScopedFinding, limit: float, *, bold: bool
) -> None:
    """One line of a forest: an interval, its difference, and arrows with their values where it goes beyond the axis."""
    colour = {Decision.HELPS: BLUE, Decision.HURTS: VERMILION}.get(finding.decision, INK)
    difference, low, high = (units.scale * end for end in (verdict.difference, *finding.interval))
    size = 6 if bold else 4
    if not math.isnan(low):
        width = 1.8 if bold else 1.1
        axes.plot(np.clip([low, high], -limit, limit), [place] * 2, color=colour, linewidth=width, solid_capstyle="butt")
    if abs(difference) <= limit:
        filled = finding.decision in (Decision.HELPS, Decision.HURTS)
        axes.plot(difference, place, "o", color=colour, markersize=size, markerfacecolor=colour if filled else "none")
    for side, marker in ((-1, "<"), (1, ">")):
        out = [end for end in (difference, low, high) if side * end > limit]
        if out:
            axes.plot(side * limit, place, marker, color=colour, markersize=size, clip_on=False)
        if out and bold:
            behind = {"facecolor": PAPER, "edgecolor": "none", "pad": 1}
            aside, text = side * 0.97 * limit, units.difference(out[0] / units.scale)
            axes.text(
                aside, place, text, va="center", ha="right" if side > 0 else "left", fontsize=9.5, color=colour, bbox=behind
            )


def variance(profile: VarianceProfile) -> Drawing:
    """Variances at the start by layer: pre-activations in blue, gradients in vermilion and dashed, and a line for each seed.

    Args:
        profile: of a model, layers from the input up.
    """

    def paint(axes: "Axes") -> None:
        places = np.arange(1, len(profile.layers) + 1)
        kinds = (("pre-activations", profile.outputs, BLUE, "-"), ("gradients", profile.gradients, VERMILION, "--"))
        for name, values, colour, dashes in kinds:
            alive = np.where(values > 0, values, np.nan)  # a dead layer has variance 0, and no logarithm
            axes.plot(places, alive.T, color=colour, alpha=0.25, linewidth=0.8)
            axes.plot(places, scipy.stats.gmean(values), color=colour, linewidth=1.8, linestyle=dashes, marker="o", label=name)
        logarithmic(axes.yaxis)
        axes.set_xlabel("layer")
        at_whole_numbers(axes.xaxis)
        upright(axes, "variance")
        axes.legend(frameon=False)

    said = "Variance of pre-activations and gradients at the start, by layer"
    return Drawing(f"variance {' '.join(profile.layers)}", said, 2.9, paint)


def _lines(baseline: Arm, change: Arm | None) -> list[tuple[Arm, str, str]]:
    return [(baseline, BLUE, "--" if change else "-"), *([(change, VERMILION, "-")] if change else [])]


def _array(rows: Sequence[Values]) -> Float[np.ndarray, "rows values"]:
    return np.array([[math.nan if v is None else v for v in row] for row in rows], dtype=np.float64)


def _shortened(label: str) -> str:
    return label if len(label) <= LETTERS else label[: LETTERS - 1] + "…"
