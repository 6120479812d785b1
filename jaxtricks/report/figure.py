"""One figure for plots of every kind: its size, its style and its colours; inside a page, and as a file of its own.

Matplotlib is imported when a plot is drawn: it would make `import jaxtricks` a quarter slower.
"""

import functools
import io
import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from markupsafe import Markup, escape

from jaxtricks.report.download import data_url
from jaxtricks.report.paper import ABOVE, BELOW, LEFT, PAGE, RIGHT, Sheet
from jaxtricks.report.text import Units

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure

# Okabe and Ito's blue and vermilion, which colour-blind readers can tell apart, darker, so that text in them can be read; the
# colour of text, and that of what is behind it. A figure has them itself, and keeps them wherever it is copied.
BLUE, VERMILION, INK, PAPER = "#0065a0", "#b04a00", "#1b1d20", "#ffffff"
DARK = {BLUE: "#62b5e8", VERMILION: "#ff9657", INK: "currentColor", PAPER: "Canvas"}
# What a page says of its figures: on a dark screen each colour is another one, and on paper all stay as they are. No ancestor is
# named: what <use> shows has none.
ADAPTED = (
    "@media screen and (prefers-color-scheme:dark){"
    + "".join(
        f'[style*="{kind}: {colour}"]{{{kind}:{dark}!important}}' for colour, dark in DARK.items() for kind in ("fill", "stroke")
    )
    + "}"
)
STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",
    "pdf.fonttype": 42,  # journals refuse the other kind, and it can be searched and edited
    "font.family": "sans-serif",
    "font.size": PAGE.font,
    "text.parse_math": False,  # dollar signs in a label do not start a formula
    "axes.labelsize": PAGE.font,
    "xtick.labelsize": PAGE.font - 1,
    "ytick.labelsize": PAGE.font - 1,
    "text.color": INK,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "figure.facecolor": "none",
    "axes.facecolor": "none",
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
ASIDE = 0.677  # inches from an axis to the middle of its name


@dataclass(frozen=True, eq=False)
class Drawing:
    """A plot that is drawn when it is asked for: inside a page, or as a file of any size.

    Args:
        name: what its file is called, without an ending; no two on a page have the same.
        label: what a screen reader says.
        height: inches, where a sheet asks for none.
        paint: draws into the axes.
        left: margin in inches.
        right: margin in inches.

    >>> drawing = Drawing("a line", "A line that rises", 2.9, lambda axes: axes.plot([0, 1], [0, 1], color=BLUE))
    >>> drawing.stem, "<svg" in str(drawing), "var(" in drawing.alone()
    ('a-line', True, False)
    """

    name: str
    label: str
    height: float
    paint: Callable[["Axes"], object]
    left: float = LEFT
    right: float = RIGHT

    @functools.cached_property
    def svg(self) -> Markup:
        """The plot as an <svg> element that can stand in a page beside others."""
        with styled(self.name):
            return embedded(self.figure(PAGE), self.label)

    def __str__(self) -> str:
        return self.svg

    def __html__(self) -> str:
        return self.svg

    @property
    def stem(self) -> str:
        """Its name as that of a file.

        >>> Drawing("model.dropout=0.5, a/b accuracy", "", 2.9, print).stem
        'model.dropout=0.5-a-b-accuracy'
        """
        return re.sub(r"[^\w.=+-]+", "-", self.name).strip("-.") or "figure"

    @property
    def link(self) -> str:
        """The plot as an SVG file, as a URL that holds all of it."""
        return data_url("image/svg+xml", self.alone())

    def alone(self) -> str:
        """The plot as an SVG file of its own, as it is on the page, with its colours on white."""
        return alone(self.svg, self.label, PAGE)

    def file(self, kind: str, sheet: Sheet) -> bytes:
        """The plot as a file, the same each time.

        Args:
            kind: "svg", "pdf", or "png" at 300 dots an inch.
            sheet: its size and that of its letters.
        """
        with styled(self.name):
            return _KINDS[kind](self.figure(sheet), self.label, sheet)

    def figure(self, sheet: Sheet) -> "Figure":
        """The plot as Matplotlib's figure, in the units of the page's letters; to be used inside of `styled`.

        Args:
            sheet: its size, once all is scaled by `Sheet.scale`.
        """
        height = self.height if sheet.height is None else sheet.height / sheet.scale
        figure, axes = _framed(sheet.width / sheet.scale, height, self.left, self.right)
        self.paint(axes)
        return figure


def styled(salt: str) -> AbstractContextManager[None]:
    """The style of every plot, whatever the user's matplotlibrc says; the salt makes a plot's ids differ from those of others."""
    from matplotlib import style

    return style.context(STYLE | {"svg.hashsalt": salt}, after_reset=True)


def _framed(width: float, height: float, left: float, right: float) -> "tuple[Figure, Axes]":
    """One plot with margins in inches; measuring them would take twice the time."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height))
    return figure, figure.add_axes((left / width, BELOW / height, 1 - (left + right) / width, 1 - (BELOW + ABOVE) / height))


def upright(axes: "Axes", name: str) -> None:
    """Names the vertical axis, at a place of its own, so that plots beside each other align."""
    from matplotlib.transforms import ScaledTranslation

    figure = axes.get_figure(root=True)
    assert figure is not None
    axes.set_ylabel(name)
    axes.yaxis.set_label_coords(0, 0.5, transform=axes.transAxes + ScaledTranslation(-ASIDE, 0, figure.dpi_scale_trans))


def by_metric(axes: "Axes", units: Units) -> None:
    """Names the vertical axis by a metric and its unit."""
    upright(axes, units.axis)


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
    """The figure as an <svg> element that can stand in a page beside others, in colours of its own, see `ADAPTED`.

    Args:
        figure: the figure.
        label: what a screen reader says.
    """
    file = io.StringIO()
    figure.savefig(file, format="svg", metadata=dict.fromkeys(("Date", "Creator", "Format", "Type")))
    text = file.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>|<style\b.*?</style>|<!--.*?-->", "", text, flags=re.DOTALL)
    text = text.replace("xlink:href", "href")
    text = re.sub(r'(?<= d=")[^"]+', lambda path: re.sub(r"(\.\d\d)\d+", r"\1", path.group()), text)  # more digits cannot be seen
    used = set(re.findall(r"(?:href=\"|url\()#([\w-]+)", text))
    # Only ids that are referred to stay: others, such as "axes_1", would stand on the page once for each figure.
    text = re.sub(r' id="([\w.-]+)"', lambda found: found.group() if found[1] in used else "", text)
    view = re.search(r'viewBox="([^"]*)"', text)
    assert view is not None
    head = f'<svg viewBox="{view[1]}" role="img" aria-label="{escape(label)}">'
    return Markup(head + "\n".join(filter(str.strip, text[text.index(">") + 1 :].splitlines())))


def alone(svg: str, label: str, sheet: Sheet) -> str:
    """An SVG file of an element that `embedded` gave: of a size, with a title, and on white where a screen is dark.

    Args:
        svg: the element.
        label: the title.
        sheet: the size.
    """
    view = re.search(r'viewBox="0 0 (\S+) (\S+)"', svg)
    assert view is not None
    high = sheet.width * float(view[2]) / float(view[1])
    spaces = 'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'
    head = f'<svg {spaces} width="{sheet.width:.4g}in" height="{high:.4g}in" style="background: {PAPER}"'
    text = str(svg).replace("<svg", head, 1).replace(">", f"><title>{escape(label)}</title>", 1)
    return text.replace(' href="#', ' xlink:href="#') + "\n"  # which older programs ask for


def _svg(figure: "Figure", label: str, sheet: Sheet) -> bytes:
    return alone(embedded(figure, label), label, sheet).encode()


def _pdf(figure: "Figure", label: str, sheet: Sheet) -> bytes:
    """As Matplotlib writes a page, which is scaled as a whole: letters, lines and dots."""
    from matplotlib.backends.backend_pdf import Op, PdfFile, RendererPdf

    file, (width, height) = io.BytesIO(), figure.get_size_inches()
    pdf = PdfFile(file, metadata={"Title": label, **dict.fromkeys(("CreationDate", "Creator", "Producer"))})
    figure.set_dpi(72)  # a PDF's points
    pdf.newPage(sheet.scale * width, sheet.scale * height)
    pdf.width, pdf.height = width, height  # by which lines are cut off, before they are scaled
    pdf.output(sheet.scale, 0, 0, sheet.scale, 0, 0, Op.concat_matrix)
    renderer = RendererPdf(pdf, 72, height, width)
    figure.draw(renderer)
    renderer.finalize()
    pdf.finalize()
    return file.getvalue()


def _png(figure: "Figure", label: str, sheet: Sheet) -> bytes:
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=300 * sheet.scale, facecolor=PAPER, metadata={"Software": None, "Description": label})
    return file.getvalue()


_KINDS: dict[str, Callable[["Figure", str, Sheet], bytes]] = {"pdf": _pdf, "svg": _svg, "png": _png}
KINDS = tuple(_KINDS)
