"""The page of a fair comparison: the expected best of n trials of both arms, and how far they are apart at each n."""

import html
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from jaxtricks.report.curve import STYLE
from jaxtricks.report.document import Rows, document, save_document
from jaxtricks.report.figure import BLUE, INK, VERMILION, Drawing, by_metric, logarithmic, upright
from jaxtricks.report.text import units
from jaxtricks.search.fair import A, B, FairComparison
from jaxtricks.train.shown import Paged, paged

if TYPE_CHECKING:
    from matplotlib.axes import Axes

NOTE = (
    "The expected best of n trials is the mean over all ways to take n of the trials, so that their order does not matter. It "
    "goes to half of the trials, since the best of nearly all rests on one value. Bands above are 95% intervals at each n by "
    "itself, to be read with care on the right; the band of the difference holds at all n together with 95%. Both arms were "
    "tried at the same points on the same seeds."
)


@dataclass(frozen=True, eq=False)
class FairPage:
    """A fair comparison as a page and as a folder.

    Args:
        found: what is shown.

    >>> declared, draw = jt.metrics.METRICS["accuracy"].declared, np.random.default_rng(0)
    >>> values = {"a": draw.normal(0.8, 0.01, (64, 1)), "b": draw.normal(0.7, 0.01, (64, 1))}
    >>> FairPage(jt.search.FairComparison("mine", declared, ({},) * 64, values)).name
    'mine-fair'
    """

    found: FairComparison

    @property
    def name(self) -> str:
        """What its folder is called."""
        return f"{self.found.data.replace('/', '-')}-fair"

    def html(self) -> str:
        """The page, one HTML file that loads no other file."""
        title = html.escape(f"{self.found.data}: two arms at every budget of tuning")
        figures = f"<figure>{_curves(self.found)}</figure><figure>{_difference(self.found)}</figure>"
        colours = (
            '<p><span style="color:var(--blue)">● a, dashed</span> <span style="color:var(--vermilion)">● b, solid</span></p>'
        )
        return document(title, STYLE, f"<p>{html.escape(str(self.found))}.</p>{colours}{figures}<p><small>{NOTE}</small></p>")

    def save(self, folder: Path | str) -> Path:
        """Writes the page, fair.json, and fair.csv with a row for each arm, trial and restart; gives the folder.

        Raises:
            FolderError: if there is something in it already, since nothing is overwritten, or if it cannot be written.
        """
        tables: dict[str, Rows] = {"fair": [("arm", "trial", "restart", self.found.metric.name), *_cells(self.found)]}
        return save_document(folder, self.html(), {"fair": self.found.to_dict()}, tables)


def _cells(found: FairComparison) -> Iterator[tuple[Any, ...]]:
    """A row of the table for each restart."""
    for arm, values in found.values.items():
        for trial, row in enumerate(values.tolist()):
            yield from ((arm, trial, restart, value) for restart, value in enumerate(row))


def _curves(found: FairComparison) -> Drawing:
    written = units(found.metric, [])

    def paint(axes: "Axes") -> None:
        for arm, colour, dashes in ((A, BLUE, "--"), (B, VERMILION, "-")):
            curve = found.curves[arm]
            n = np.arange(1, len(curve.value) + 1)
            axes.fill_between(n, written.scale * curve.low, written.scale * curve.high, color=colour, alpha=0.2, linewidth=0)
            axes.plot(n, written.scale * curve.value, color=colour, linestyle=dashes, linewidth=2)
        logarithmic(axes.xaxis)
        axes.set_xlabel("trials")
        by_metric(axes, written)

    return Drawing("fair curves", "Expected best of so many trials, of both arms", 3.4, paint)


def _difference(found: FairComparison) -> Drawing:
    written, curve = units(found.metric, []), found.difference
    n = np.arange(1, len(curve.value) + 1)

    def paint(axes: "Axes") -> None:
        axes.fill_between(n, written.scale * curve.low, written.scale * curve.high, color=INK, alpha=0.15, linewidth=0)
        axes.plot(n, written.scale * curve.value, color=INK, linewidth=2)
        axes.axhline(0, color=INK, linewidth=0.8)
        logarithmic(axes.xaxis)
        axes.set_xlabel("trials")
        upright(axes, f"b less a ({written.unit})" if written.unit else "b less a")

    return Drawing("fair difference", "How far b is above a in the expected best of so many trials", 2.6, paint)


@paged.register
def _fair(found: FairComparison) -> Paged:
    return FairPage(found)
