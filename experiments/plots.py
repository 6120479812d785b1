"""The plots of the book: a result's curves with their bands, in which no curve hides another, and below them what is judged."""

import io
import textwrap
from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator, NullFormatter

from experiments.record import Result
from jaxtricks.report.plots import logarithmic

# Middle tones on no background, so that a plot can be read on a light page and on a dark one; the first five are Okabe and Ito's.
INK = "#7d8590"
COLORS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#8a63d2", "#56b4e9", "#a5682a")
DASHES: tuple[Any, ...] = ("-", "--", "-.", ":", (0, (5, 1)))  # for whoever does not tell the colours apart
STYLE: dict[Any, Any] = {
    "svg.hashsalt": "jaxtricks",  # ids that do not change from one writing to the next
    "svg.fonttype": "none",
    "text.parse_math": False,
    "text.color": INK,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.color": INK,
    "ytick.color": INK,
    "legend.frameon": False,
}
FEW = 12  # points of a curve that get a marker each
THIN, RIM = 1.5, 2.0  # the width of a line, and how much wider it is for each line that lies on it, in points
NEAR = 1.5  # pixels: two lines as close as that cover each other
LINE, ACROSS, LEGEND = 36, 72, 91  # letters of a line along the y axis, along the x axis, and of the legend
CURVES, ROW, BAR = 3.3, 0.55, 0.2  # heights in inches: of the curves, of the row of a judged interval, and of its bar
ROW_LETTERS = 84  # letters of the name of such a row


class Drawn(NamedTuple):
    """A curve as arrays.

    Args:
        name: what the legend calls it.
        x: where its points lie, [points].
        mean: their heights, [points]; nan is a gap.
        low: the band's lower edge, [points].
        high: its upper one, [points].
    """

    name: str
    x: Float[np.ndarray, " points"]
    mean: Float[np.ndarray, " points"]
    low: Float[np.ndarray, " points"]
    high: Float[np.ndarray, " points"]


def svg(result: Result) -> str:
    """The curves with their bands, as an SVG document that depends on nothing else; the same result gives the same bytes."""
    with styled():
        file = io.StringIO()
        figure(result).savefig(file, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    return "\n".join(line.rstrip() for line in file.getvalue().splitlines()) + "\n"


def styled() -> AbstractContextManager[None]:
    """The style of the plots, which holds while a figure is made and while it is saved."""
    return rc_context(STYLE)


def figure(result: Result) -> Figure:
    """The plot as a figure; what shows curve i has the id "curve i", and what shows judged interval i the id "judged i".

    Places on the x axis that have names are categories: their values stand side by side and are not joined by lines. Below the
    curves each interval that was judged has a row and a unit of its own; where it has to lie is shaded.
    """
    axes, names = result["axes"], list(result["axes"].get("places", ()))
    curves = [_arrays(curve) for curve in result["series"]]
    columns = max(1, min(len(curves), LEGEND // (max(len(curve.name) for curve in curves) + 12)))
    rows = -(-len(curves) // columns)
    judged = [each for part in result["parts"] for each in part.get("measured", ()) if None not in (each["low"], each["high"])]
    whole = Figure(figsize=(6, CURVES + 0.2 * rows + ROW * len(judged)), layout="constrained")
    panel, *below = np.ravel(whole.subplots(1 + len(judged), 1, height_ratios=[CURVES, *[BAR] * len(judged)]))
    panel.set(xlabel=textwrap.fill(axes["x"], ACROSS), ylabel=textwrap.fill(axes["y"], LINE))
    alone = sorted({float(x) for curve in curves for x in curve.x})
    side_by_side = bool(names) or len(alone) == 1
    if "x" in axes["log"] and not side_by_side:
        logarithmic(panel.xaxis)
    elif all(float(x).is_integer() for curve in curves for x in curve.x):  # epochs and layers come whole
        panel.xaxis.set_major_locator(MaxNLocator("auto", steps=[1, 2, 5, 10], integer=True))
    bottom = _logarithmic_heights(panel, curves) if "y" in axes["log"] else -np.inf
    curves = [curve._replace(low=np.fmax(curve.low, bottom)) for curve in curves]
    if side_by_side:
        _draw_side_by_side(panel, curves, alone, names or [f"{alone[0]:g}"])
    else:
        _draw_lines(panel, curves)
    if np.isfinite(bottom):
        panel.set_ylim(bottom=bottom)
    for i, (row, interval) in enumerate(zip(below, judged, strict=True)):
        _draw_judged(row, interval, i)
    whole.legend(loc="outside upper left", ncols=columns)  # type: ignore[call-arg]  # beside the curves, never on them
    return whole


def _arrays(curve: dict[str, Any]) -> Drawn:
    """Plain JSON's null is a gap in the line."""
    return Drawn(curve["name"], *(np.array(curve[part], np.float64) for part in Drawn._fields[1:]))  # type: ignore[arg-type]


def _logarithmic_heights(panel: Axes, curves: Sequence[Drawn]) -> float:
    """Gives the y axis a logarithmic scale, with a place for zero where a curve needs one; gives where the axis ends below."""
    means = np.concatenate([curve.mean[np.isfinite(curve.mean)] for curve in curves])
    smallest = float(means[means > 0].min())
    if (means <= 0).any():
        near = 10 ** np.floor(np.log10(smallest))
        panel.set_yscale("symlog", linthresh=near, linscale=0.5)
        panel.yaxis.set_major_formatter(FuncFormatter(lambda y, _: f"{y:g}"))
        panel.yaxis.set_minor_formatter(NullFormatter())
        return min(-near / 4, float(means.min()))
    logarithmic(panel.yaxis)
    edges = np.concatenate([curve.low[np.isfinite(curve.low)] for curve in curves])
    reached = edges[edges > smallest / 10]  # a band that goes down to zero and below leaves the plot
    return 0.9 * float(reached.min(initial=smallest))


def _draw_lines(panel: Axes, curves: Sequence[Drawn]) -> None:
    """Bands first, so that none lies on a line; then the lines, wider where another one will lie on them."""
    for i, curve in enumerate(curves):
        panel.fill_between(curve.x, curve.low, curve.high, color=_colour(i), alpha=0.25, linewidth=0, gid=_id(i), zorder=1)
        (line,) = panel.plot(curve.x, curve.mean, color=_colour(i), linestyle=_dashes(i), gid=_id(i), label=curve.name, zorder=2)
        if len(curve.x) <= FEW:
            line.set(marker="o", markersize=4)
    panel.figure.draw_without_rendering()  # type: ignore[union-attr]  # which places the points
    paths = [panel.transData.transform(np.column_stack([curve.x, curve.mean])) for curve in curves]
    for i, line in enumerate(panel.lines):
        covering = sum(_covered(paths[i], above) for above in paths[i + 1 :])
        line.set(linewidth=THIN + RIM * covering, markersize=4 + RIM * covering)


def _draw_side_by_side(panel: Axes, curves: Sequence[Drawn], places: Sequence[float], names: Sequence[str]) -> None:
    """A dot and an interval for each value."""
    for i, curve in enumerate(curves):
        x = np.searchsorted(places, curve.x) + 0.5 * ((i + 0.5) / len(curves) - 0.5)
        panel.vlines(x, curve.low, curve.high, color=_colour(i), linewidth=THIN, gid=_id(i))
        panel.plot(x, curve.mean, "o", color=_colour(i), markersize=6, gid=_id(i), label=curve.name)
    panel.set_xticks(range(len(places)), [textwrap.fill(name, 60 // len(names)) for name in names])
    panel.tick_params(axis="x", which="both", length=0)
    panel.set_xlim(-0.5, len(places) - 0.5)


def _draw_judged(row: Axes, interval: dict[str, Any], i: int) -> None:
    """A dot and an interval; where it would support what is said, the background is shaded up to the bounds."""
    above, below = (-np.inf if interval["above"] is None else interval["above"]), interval["below"]
    below = np.inf if below is None else below
    shown = [interval["low"], interval["high"], *(bound for bound in (above, below) if np.isfinite(bound))]
    room = 0.06 * (max(shown) - min(shown) or abs(shown[0]) or 1.0)
    row.set_xlim(min(shown) - room, max(shown) + room)
    left, right = row.get_xlim()
    if above < below and len(shown) > 2:
        row.axvspan(max(above, left), min(below, right), color=INK, alpha=0.15, linewidth=0)
    for bound in (above, below):
        if left <= bound <= right:
            row.axvline(bound, color=INK, linewidth=1, linestyle="--")
    row.hlines(0, interval["low"], interval["high"], color=COLORS[0], linewidth=2 * THIN, gid=f"judged {i}")
    row.plot(interval["mean"], 0, "o", color=COLORS[0], markersize=6, gid=f"judged {i}")
    row.set_title(textwrap.shorten(interval["name"], ROW_LETTERS, placeholder=" …"), loc="left", fontsize=9, color=INK, pad=2)
    row.set(yticks=[], ylim=(-1, 1))
    row.spines["left"].set_visible(False)
    row.xaxis.set_major_locator(MaxNLocator(5))
    row.tick_params(axis="x", labelsize=8)


def _covered(below: Float[np.ndarray, "points 2"], above: Float[np.ndarray, "others 2"]) -> bool:
    """Whether a line lies on at least half of another one, both in pixels."""
    known = np.isfinite(below).all(axis=1)
    x, y = below[known].T
    other = above[np.isfinite(above).all(axis=1)]
    if not len(x) or not len(other):
        return False
    near = np.abs(np.interp(x, other[:, 0], other[:, 1], left=np.nan, right=np.nan) - y) < NEAR  # nan is near nothing
    return bool(near.mean() >= 0.5)


def _colour(i: int) -> str:
    return COLORS[i % len(COLORS)]


def _dashes(i: int) -> Any:
    return DASHES[(i + i // len(COLORS)) % len(DASHES)]


def _id(i: int) -> str:
    return f"curve {i}"
