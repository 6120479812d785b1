"""Histograms over time as ridges: a line for each time, the earliest at the bottom."""

from typing import TYPE_CHECKING

import numpy as np

from jaxtricks.report.figure import BLUE, Drawing, upright
from jaxtricks.restart.histogram import KINDS, LOST, LOWEST, ZERO
from jaxtricks.train.histograms import Histograms

if TYPE_CHECKING:
    from matplotlib.axes import Axes

TIMES = 6  # ridges of a plot
NAMES = 6  # plots of a kind
TALL = 1.6  # how many times the distance of two lines the highest ridge is
TICKS = (-1.0, -1e-3, 0.0, 1e-3, 1.0)


def ridges(found: Histograms, label: str = "") -> dict[str, list[Drawing]]:
    """Plots for "weights", "gradients" and "activations", the mean over the restarts; of deep networks some layers of each.

    Args:
        found: the histograms of an arm.
        label: the arm's.
    """
    return {kind: [_ridge(found, label, name) for name in chosen(found, kind)] for kind in reversed(KINDS)}


def chosen(found: Histograms, kind: str) -> list[str]:
    """Which of a kind are drawn: the outputs of layers and the largest arrays of each, from the first layer to the last.

    Args:
        found: the histograms.
        kind: of `KINDS`.
    """
    names = [name for name in found.counts if name.startswith(f"{kind}/")]
    largest: dict[str, str] = {}
    for name in names:  # of a layer's kernel and bias the kernel
        layer = name if kind == "activations" else name.rpartition("/")[0]
        if layer not in largest or _size(found, name) > _size(found, largest[layer]):
            largest[layer] = name
    shown = list(largest.values())
    return [shown[place] for place in np.unique(np.linspace(0, len(shown) - 1, NAMES).round().astype(int))] if shown else []


def _size(found: Histograms, name: str) -> int:
    return int(found.counts[name][0, 0].sum())


def _ridge(found: Histograms, label: str, name: str) -> Drawing:
    shares = found.shares(name).mean(axis=0)
    times = np.unique(np.linspace(0, len(shares) - 1, TIMES).round().astype(int))

    def paint(axes: "Axes") -> None:
        highest = max(float(np.delete(shares[times], [ZERO, LOST], axis=1).max()), 1e-9)
        places = np.arange(shares.shape[1])
        for level, time in reversed(list(enumerate(times))):
            heights = TALL * np.minimum(shares[time], highest) / highest
            there = np.flatnonzero(heights[:LOST] > 0)
            some = slice(max(there[0] - 1, 0), min(there[-1] + 2, LOST)) if there.size else slice(ZERO, ZERO + 1)
            # A light colour for early times and a fuller one for the last; the line around it keeps overlapping ones apart.
            x, y = places[some], level + heights[some]
            outline = np.concatenate([[level], y, [level]])
            (shape,) = axes.fill(np.concatenate([x[:1], x, x[-1:]]), outline, facecolor=BLUE, edgecolor=BLUE, linewidth=0.8)
            shape.set(facecolor=(*shape.get_facecolor()[:3], 0.15 + 0.5 * (level + 1) / len(times)))
        axes.set_xticks([_place(value) for value in TICKS], [f"{value:g}" for value in TICKS])
        axes.set_xlim(0, LOST - 1)
        some_levels = range(len(times)) if len(times) <= 5 else range(0, len(times), 2)
        axes.set_yticks(list(some_levels), [str(found.epochs[times[level]]) for level in some_levels])
        upright(axes, "epoch")
        axes.set_xlabel(name if len(name) <= 44 else f"…{name[-43:]}")

    zeros = f"; exactly zero: {shares[0, ZERO]:.0%} at first, {shares[-1, ZERO]:.0%} at last"
    return Drawing(f"{label} {name}", f"Histogram of {name} by epoch{zeros}", 2.6, paint)


def _place(value: float) -> float:
    """Where a number lies on the axis of bins."""
    return ZERO if value == 0 else ZERO + np.sign(value) * (np.log2(abs(value)) - LOWEST + 0.5)
