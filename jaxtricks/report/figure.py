"""One figure as inline SVG, for plots of every kind: its size, its style, and the colours of the page.

Matplotlib is imported when a plot is drawn: it would make `import jaxtricks` a quarter slower.
"""

import io
import re
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

from markupsafe import Markup, escape

from jaxtricks.report.text import Units

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure

# Placeholders for the page's colours, which differ in dark mode: Okabe and Ito's blue and vermilion, which colour-blind
# readers can tell apart, the colour of text, and that of what is behind it.
BLUE, VERMILION, INK, PAPER = "#000001", "#000002", "#000003", "#000004"
COLOURS = {BLUE: "var(--blue)", VERMILION: "var(--vermilion)", INK: "currentColor", PAPER: "Canvas"}
STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.size": 11.5,
    "text.parse_math": False,  # dollar signs in a label do not start a formula
    "axes.labelsize": 11.5,
    "xtick.labelsize": 10.5,
    "ytick.labelsize": 10.5,
    "text.color": INK,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "axes.linewidth": 0.6,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.minor.width": 0.4,
    "ytick.minor.width": 0.4,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.formatter.useoffset": False,
    "axes.unicode_minus": True,
}
# As wide as a phone in CSS pixels, so that the text in a plot is as large there as the text around it.
WIDTH = 4.6  # inches


def styled(salt: str) -> AbstractContextManager[None]:
    """The style of every plot, whatever the user's matplotlibrc says; the salt makes a plot's ids differ from those of others."""
    from matplotlib import style

    return style.context(STYLE | {"svg.hashsalt": salt}, after_reset=True)


def one_plot(height: float, left: float = 0.86, right: float = 0.08) -> "tuple[Figure, Axes]":
    """One plot, with margins in inches. They are fixed, so that plots beside each other align; measuring takes twice the time."""
    from matplotlib.figure import Figure

    figure, below, above = Figure(figsize=(WIDTH, height)), 0.58, 0.12
    return figure, figure.add_axes((left / WIDTH, below / height, 1 - (left + right) / WIDTH, 1 - (below + above) / height))


def by_metric(axes: "Axes", units: Units) -> None:
    """Names the vertical axis by a metric and its unit, at a place of its own, so that plots beside each other align."""
    axes.set_ylabel(units.axis)
    axes.yaxis.set_label_coords(-0.185, 0.5)


def at_whole_numbers(axis: "Axis") -> None:
    """Puts ticks at whole numbers only."""
    from matplotlib.ticker import MaxNLocator

    axis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))


def logarithmic(axis: "Axis") -> None:
    """Gives an axis a logarithmic scale with plain numbers: at decades, and between them where there are few.

    Matplotlib's own tick labels are formulas, which the plots do not typeset.
    """
    from matplotlib.ticker import LogFormatter

    class Plain(LogFormatter):
        def __call__(self, x: float, pos: int | None = None) -> str:
            return f"{x:g}" if super().__call__(x, pos) else ""

    (axis.axes.set_xscale if axis is axis.axes.xaxis else axis.axes.set_yscale)("log")
    axis.set_major_formatter(Plain())
    axis.set_minor_formatter(Plain())


def embedded(figure: "Figure", label: str) -> Markup:
    """The figure as an <svg> element that can stand in a page beside others.

    Args:
        figure: the figure.
        label: what a screen reader says.
    """
    file = io.StringIO()
    figure.savefig(file, format="svg", transparent=True, metadata=dict.fromkeys(("Date", "Creator", "Format", "Type")))
    text = file.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>|<style\b.*?</style>|<!--.*?-->", "", text, flags=re.DOTALL)
    text = text.replace("xlink:href", "href")
    for stand_in, colour in COLOURS.items():
        text = text.replace(f": {stand_in}", f": {colour}")
    text = re.sub(r'(?<= d=")[^"]+', lambda path: re.sub(r"(\.\d\d)\d+", r"\1", path.group()), text)  # more digits cannot be seen
    used = set(re.findall(r"(?:href=\"|url\()#([\w-]+)", text))
    # Only ids that are referred to stay: others, such as "axes_1", would stand on the page once for each figure.
    text = re.sub(r' id="([\w.-]+)"', lambda found: found.group() if found[1] in used else "", text)
    view = re.search(r'viewBox="([^"]*)"', text)
    assert view is not None
    head = f'<svg viewBox="{view[1]}" role="img" aria-label="{escape(label)}">'
    return Markup(head + "\n".join(filter(str.strip, text[text.index(">") + 1 :].splitlines())))
