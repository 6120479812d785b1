"""The plots of a range test of learning rates, and of the sweep beside it."""

from typing import TYPE_CHECKING

import numpy as np

from jaxtricks.report.figure import BLUE, INK, VERMILION, Drawing, by_metric, logarithmic, upright
from jaxtricks.report.text import named, units
from jaxtricks.search.lr_range import RateRange, RateSweep
from jaxtricks.statistics import band

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def by_rates(found: RateRange) -> Drawing:
    """A range test: the training loss as the rate rises, the mean over restarts with a band of one standard deviation.

    The suggested rate is a dotted line, its interval is shaded. Losses are smoothed over rates, and cut off above the start's by
    as much as they fall below it.

    Args:
        found: the range test.
    """

    def paint(axes: "Axes") -> None:
        around = band(found.curve.smooth(found.curve.capped))
        axes.fill_between(found.rates, around.low, around.high, color=BLUE, alpha=0.22, linewidth=0)
        axes.plot(found.rates, around.mean, color=BLUE, linewidth=2)
        _rates(axes, found)
        upright(axes, "training loss")

    return Drawing("by rates", "Range test: training loss by learning rate, as the rate rises", 3.4, paint)


def swept(found: RateRange, sweep: RateSweep) -> Drawing:
    """The U-curve of a sweep: a validation metric after training, by constant rate, on the axis of `by_rates`.

    A rate at which a restart diverged has no point. The range goes up to twice what lies between the best and the median of the
    others, so that the bottom can be seen.

    Args:
        found: the range test, for the interval and the axis.
        sweep: the sweep beside it.
    """

    def paint(axes: "Axes") -> None:
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

    return Drawing("sweep", f"Sweep: {named(sweep.metric.name)} after training, by learning rate", 3.4, paint)


def _rates(axes: "Axes", found: RateRange) -> None:
    """A logarithmic axis of learning rates, with the suggestion and its interval."""
    if (rate := found.suggestion) is not None:
        axes.axvspan(rate.low, rate.high, color=INK, alpha=0.12, linewidth=0)
        axes.axvline(rate.rate, color=INK, linewidth=1, linestyle=(0, (1, 3)))
    logarithmic(axes.xaxis)
    axes.set_xlim(found.rates[0], found.rates[-1])
    axes.set_xlabel("learning rate")
