"""Plots as inline SVG: text stays text, lines take the page's text colour, and the same record gives the same bytes."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import scipy
from jaxtyping import Float
from markupsafe import Markup

from jaxtricks.diagnose.variance import VarianceProfile
from jaxtricks.evaluate.curve import LearningCurve
from jaxtricks.evaluate.finding import Decision
from jaxtricks.evaluate.tuning import Tuned
from jaxtricks.evaluate.verdict import Verdict
from jaxtricks.report.figure import BLUE, INK, VERMILION, at_whole_numbers, by_metric, embedded, logarithmic, one_plot, styled
from jaxtricks.report.record import Arm, Values
from jaxtricks.report.text import Units, decades, named, units
from jaxtricks.search.lr_range import RateRange, RateSweep
from jaxtricks.statistics import band, interval

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FAR = 3  # a difference so many times the usual one is drawn as an arrow at the edge of the forest plot
POINTS = 150  # at most, of a restart's curve, two CSS pixels from each other; means and bands show every epoch
LETTERS = 52  # of a label in the forest plot; the table shows the whole label


@dataclass(frozen=True)
class ForestPlot:
    """The forest plot.

    Args:
        svg: the plot.
        cut: the labels of the rows that end in an arrow, beyond the axis.
    """

    svg: Markup
    cut: tuple[str, ...]


def curves(name: str, baseline: Arm, change: Arm | None = None) -> Markup:
    """One curve by epoch: each restart thin, their mean bold, and a band of one standard deviation on either side of it.

    Args:
        name: of the curve, as in `Arm.curves`.
        baseline: the blue, dashed line.
        change: the vermilion line; None for a run alone.
    """
    with styled(f"curves {name} {change.label if change else ''}"):
        figure, axes = one_plot(2.9)
        arms = [
            (units(baseline.metric(name)).scale * _array(arm.curves[name]), colour, dashes)
            for arm, colour, dashes in reversed(_lines(baseline, change))  # the dashes on top, so that equal lines show both
        ]
        flat = np.concatenate([y[np.isfinite(y)] for y, *_ in arms])
        if log := decades(name, flat):
            logarithmic(axes.yaxis)
        for y, colour, _ in arms:
            epochs, around, marker = np.arange(1, y.shape[1] + 1), band(y), "." if y.shape[1] == 1 else None
            some = np.unique(np.linspace(0, len(epochs) - 1, POINTS).round().astype(int))
            thin = y[np.isfinite(y).any(axis=1)][:, some]
            axes.plot(epochs[some], thin.T, color=colour, alpha=0.4, linewidth=0.6, marker=marker)
            low = np.fmax(around.low, flat.min()) if log else around.low  # a logarithmic axis shows nothing below zero
            axes.fill_between(epochs, low, around.high, color=colour, alpha=0.22, linewidth=0)
        for y, colour, dashes in arms:
            mean = band(y).mean
            marker = "o" if mean.size == 1 else None
            axes.plot(np.arange(1, mean.size + 1), mean, color=colour, linewidth=2, linestyle=dashes, marker=marker)
        axes.set_xlabel("epoch")
        at_whole_numbers(axes.xaxis)
        by_metric(axes, units(baseline.metric(name)))
        return embedded(figure, f"Learning curves: {named(name)} by epoch")


def by_examples(curve: LearningCurve, written: Units) -> Markup:
    """Learning curves over the number of examples: the mean over seeds, and a band of its 95% interval.

    Args:
        curve: the curves; the first one is the network's.
        written: how the metric is written.
    """
    with styled(f"by examples {written.metric}"):
        figure, axes = one_plot(3.4)
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
        return embedded(figure, f"Learning curves: {named(written.metric)} by the number of training examples")


def by_rates(found: RateRange) -> Markup:
    """A range test: the training loss as the rate rises, the mean over restarts with a band of one standard deviation.

    The suggested rate is a dotted line, its interval is shaded. Losses are smoothed over rates, and cut off above the start's by
    as much as they fall below it.

    Args:
        found: the range test.
    """
    with styled("by rates"):
        figure, axes = one_plot(3.4)
        around = band(found.curve.smooth(found.curve.capped))
        axes.fill_between(found.rates, around.low, around.high, color=BLUE, alpha=0.22, linewidth=0)
        axes.plot(found.rates, around.mean, color=BLUE, linewidth=2)
        _rates(axes, found)
        axes.set_ylabel("training loss")
        axes.yaxis.set_label_coords(-0.185, 0.5)
        return embedded(figure, "Range test: training loss by learning rate, as the rate rises")


def swept(found: RateRange, sweep: RateSweep) -> Markup:
    """The U-curve of a sweep: a validation metric after training, by constant rate, on the axis of `by_rates`.

    A rate at which a restart diverged has no point. The range goes up to twice what lies between the best and the median of the
    others, so that the bottom can be seen.

    Args:
        found: the range test, for the interval and the axis.
        sweep: the sweep beside it.
    """
    with styled("sweep"):
        figure, axes = one_plot(3.4)
        written = units(sweep.metric, [])
        shown = written.scale * np.where(np.isfinite(sweep.values), sweep.values, np.nan)
        around, whole = band(shown), np.isfinite(shown).all(axis=0)
        mean, low, high = (np.where(whole, part, np.nan) for part in around)
        axes.fill_between(sweep.rates, low, high, color=VERMILION, alpha=0.22, linewidth=0)
        axes.plot(sweep.rates, mean, color=VERMILION, linewidth=2, marker="o", markersize=3)
        if whole.any():
            sign = -1 if sweep.metric.higher_is_better else 1
            best, usual = np.min(sign * mean[whole]), np.median(sign * mean[whole])
            ends = (best - 0.1 * (usual - best), best + 2 * (usual - best)) if usual > best else (best - 0.5, best + 0.5)
            axes.set_ylim(*sorted(sign * end for end in ends))
        _rates(axes, found)
        by_metric(axes, written)
        return embedded(figure, f"Sweep: {named(sweep.metric.name)} after training, by learning rate")


def _rates(axes: "Axes", found: RateRange) -> None:
    """A logarithmic axis of learning rates, with the suggestion and its interval."""
    if (rate := found.suggestion) is not None:
        axes.axvspan(rate.low, rate.high, color=INK, alpha=0.12, linewidth=0)
        axes.axvline(rate.rate, color=INK, linewidth=1, linestyle=(0, (1, 3)))
    logarithmic(axes.xaxis)
    axes.set_xlim(found.rates[0], found.rates[-1])
    axes.set_xlabel("learning rate")


def dots(metric: str, baseline: Arm, change: Arm | None = None) -> Markup:
    """The final values: a dot for each restart, and a line from each baseline's dot to its pair's; bars mark the means.

    Args:
        metric: a validation metric.
        baseline: the dots on the left.
        change: those on the right; None for a run alone.
    """
    with styled(f"dots {metric} {change.label if change else ''}"):
        figure, axes = one_plot(2.9)
        units_ = units(baseline.metric(metric))
        arms = [
            (x, units_.scale * _array((arm.metrics[metric],))[0], c) for x, (arm, c, _) in enumerate(_lines(baseline, change))
        ]
        if change is not None:
            axes.plot([0, 1], np.stack([y for _, y, _ in arms]), color=INK, alpha=0.35, linewidth=0.8)
        for x, y, colour in arms:
            axes.plot(np.full(len(y), x), y, "o", color=colour, markersize=5, alpha=0.85, markeredgewidth=0)
            if np.isfinite(y).any():
                side = -0.14 if x == 0 else 0.14
                axes.plot([x + side - 0.07, x + side + 0.07], [np.nanmean(y)] * 2, color=colour, linewidth=2.5)
        axes.set_xlim(-0.45, len(arms) - 0.55)
        axes.set_xticks(range(len(arms)), ["baseline", "with the change"] if change else ["restarts"])
        axes.tick_params(axis="x", length=0)
        by_metric(axes, units_)
        label = f"{named(metric).capitalize()} of each restart" + (", joined with its pair" if change else "")
        return embedded(figure, label)


def by_setting(path: str, written: Units, baseline: Tuned | None, change: Tuned | None) -> Markup:
    """What tuning tried: a metric by the values of a setting, a dot for each restart and a line through the means.

    A vertical line marks the value that was chosen. A restart that diverged has no dot, and then its value has no mean.

    Args:
        path: of the setting, whose values are numbers above 0.
        written: how the metric is written.
        baseline: the blue, dashed line; None where the baseline was not tuned.
        change: the vermilion line; None where the change was not.
    """
    with styled(f"by setting {path} {change}"):
        figure, axes = one_plot(2.9)
        for found, colour, dashes in ((baseline, BLUE, "--"), (change, VERMILION, "-")):
            if found is not None:
                x, y = [point[path] for point in found.tried], written.scale * _array(found.values)
                axes.plot(x, y, "o", color=colour, markersize=3, alpha=0.5, markeredgewidth=0)
                axes.plot(x, y.mean(axis=1), color=colour, linestyle=dashes, linewidth=1.8)
                axes.axvline(found.chosen[path], color=colour, linestyle=(0, (1, 3)), linewidth=1.2)
        logarithmic(axes.xaxis)
        axes.set_xlabel(path.rpartition(".")[2].replace("_", " "))
        by_metric(axes, written)
        return embedded(
            figure, f"{named(written.metric).capitalize()} of restarts that are not judged, by {path}; dotted: what was chosen"
        )


def forest(verdicts: Sequence[Verdict], units: Units) -> ForestPlot:
    """Differences with their 95% intervals, a row a change, and the margin shaded.

    Args:
        verdicts: of one family.
        units: how its numbers are written.
    """
    ends = [tuple(units.scale * x for x in (v.difference, *v.interval)) for v in verdicts]
    reaches = [max(abs(x) for x in row if not math.isnan(x)) for row in ends]
    margin = units.scale * verdicts[0].margin
    usual = FAR * max(float(np.median(reaches)), margin)
    limit = 1.08 * min(max(*reaches, 1.5 * margin), usual) or 1.0
    with styled(f"forest {units.metric}"):
        figure, axes = one_plot(0.8 + 0.46 * len(verdicts), left=0.15, right=0.15)
        for place, (verdict, (difference, low, high)) in enumerate(zip(verdicts, ends, strict=True)):
            decided = verdict.decision in (Decision.HELPS, Decision.HURTS)
            colour = {Decision.HELPS: BLUE, Decision.HURTS: VERMILION}.get(verdict.decision, INK)
            axes.fill_between([-margin, margin], place - 0.24, place + 0.24, color=INK, alpha=0.12, linewidth=0)
            axes.plot([0, 0], [place - 0.24, place + 0.24], color=INK, linewidth=0.8)
            if not math.isnan(low):
                axes.plot(np.clip([low, high], -limit, limit), [place] * 2, color=colour, linewidth=1.8, solid_capstyle="butt")
            if abs(difference) <= limit:
                axes.plot(difference, place, "o", color=colour, markersize=6, markerfacecolor=colour if decided else "none")
            for side, marker in ((-1, "<"), (1, ">")):
                if max(side * end for end in (difference, low, high) if not math.isnan(end)) > limit:
                    axes.plot(side * limit, place, marker, color=colour, markersize=6, clip_on=False)
            axes.text(0, place - 0.3, _shortened(verdict.label), va="bottom", transform=axes.get_yaxis_transform())
        axes.set_xlim(-limit, limit)
        axes.set_ylim(len(verdicts) - 0.5, -0.9)
        axes.yaxis.set_visible(False)
        axes.spines["left"].set_visible(False)
        better = "right" if units.higher_is_better else "left"
        axes.set_xlabel(f"difference in {named(units.metric)}, {better} is better" + (f" ({units.unit})" if units.sign else ""))
        labels = "Differences with 95% intervals: " + ", ".join(verdict.label for verdict in verdicts)
        svg = embedded(figure, labels)
    return ForestPlot(svg, tuple(v.label for v, reach in zip(verdicts, reaches, strict=True) if reach > limit))


def variance(profile: VarianceProfile) -> Markup:
    """Variances at the start by layer: pre-activations in blue, gradients in vermilion and dashed, and a line for each seed.

    Args:
        profile: of a model, layers from the input up.
    """
    with styled(f"variance {' '.join(profile.layers)}"):
        figure, axes = one_plot(2.9)
        places = np.arange(1, len(profile.layers) + 1)
        kinds = (("pre-activations", profile.outputs, BLUE, "-"), ("gradients", profile.gradients, VERMILION, "--"))
        for name, values, colour, dashes in kinds:
            alive = np.where(values > 0, values, np.nan)  # a dead layer has variance 0, and no logarithm
            axes.plot(places, alive.T, color=colour, alpha=0.25, linewidth=0.8)
            axes.plot(places, scipy.stats.gmean(values), color=colour, linewidth=1.8, linestyle=dashes, marker="o", label=name)
        logarithmic(axes.yaxis)
        axes.set_xlabel("layer")
        at_whole_numbers(axes.xaxis)
        axes.set_ylabel("variance")
        axes.yaxis.set_label_coords(-0.185, 0.5)
        axes.legend(frameon=False)
        return embedded(figure, "Variance of pre-activations and gradients at the start, by layer")


def _lines(baseline: Arm, change: Arm | None) -> list[tuple[Arm, str, str]]:
    return [(baseline, BLUE, "--" if change else "-"), *([(change, VERMILION, "-")] if change else [])]


def _array(rows: Sequence[Values]) -> Float[np.ndarray, "rows values"]:
    return np.array([[math.nan if v is None else v for v in row] for row in rows], dtype=np.float64)


def _shortened(label: str) -> str:
    return label if len(label) <= LETTERS else label[: LETTERS - 1] + "…"
