"""The page of a learning curve over the number of examples: a plot, the crossings, and the table behind them."""

import html
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from markupsafe import Markup

from jaxtricks import statistics
from jaxtricks.evaluate.curve import LearningCurve
from jaxtricks.report.document import Rows, document, save_document
from jaxtricks.report.plots import by_examples
from jaxtricks.report.text import Units, units
from jaxtricks.train.shown import Paged, paged

STYLE = (
    ":root{color-scheme:light dark;--blue:#0065a0;--vermilion:#b04a00}"
    "@media(prefers-color-scheme:dark){:root{--blue:#62b5e8;--vermilion:#ff9657}}"
    "body{font:16px/1.5 system-ui,sans-serif;max-width:48rem;margin:2rem auto;padding:0 1rem}"
    "figure{margin:0}svg{max-width:34rem;width:100%;height:auto}"
    "table{border-collapse:collapse;font-variant-numeric:tabular-nums}"
    "th,td{padding:.3rem 1rem .3rem 0;text-align:right;font-weight:400;white-space:nowrap}"
    "thead th{border-bottom:1px solid}.scroll{overflow-x:auto}small{opacity:.75}"
)
NOTE = (
    "Each seed has validation examples of its own, the same for all sizes and models. Smaller sizes are parts of larger ones, "
    "and all sizes have the same number of updates. The crossing is that of the mean curves along log n; its interval is the "
    "percentile bootstrap's over seeds, and so about these examples: seeds draw their parts from one pool."
)


@dataclass(frozen=True, eq=False)
class CurvePage:
    """A learning curve as a page and as a folder.

    Args:
        curve: what is shown.

    >>> values = {"network": np.array([[0.5, 0.9], [0.6, 0.8]]), "linear": np.array([[0.7, 0.7], [0.7, 0.8]])}
    >>> curve = jt.evaluate.LearningCurve("mine", jt.metrics.METRICS["accuracy"].declared, (10, 100), (0, 1), values)
    >>> CurvePage(curve).name
    'mine-curve'
    """

    curve: LearningCurve

    @property
    def name(self) -> str:
        """What its folder is called."""
        return f"{self.curve.data.replace('/', '-')}-curve"

    def html(self) -> str:
        """The page, one HTML file that loads no other file."""
        curve = self.curve
        widths = [2 * statistics.spread(each[:, -1]) / len(each) ** 0.5 for each in curve.values.values() if len(each) > 1]
        written = units(curve.metric, [width for width in widths if np.isfinite(width)])
        title = html.escape(f"{curve.data}: learning from {curve.sizes[0]:,} to {curve.sizes[-1]:,} examples")
        found = "".join(f"<li>{html.escape(each.sentence(name))}</li>" for name, each in curve.crossovers.items())
        heads = "".join(f"<th>{html.escape(name)}</th>" for name in curve.values)
        rows = "".join(
            f"<tr><th>{size:,}</th>{''.join(f'<td>{_cell(each[:, place], written)}</td>' for each in curve.values.values())}</tr>"
            for place, size in enumerate(curve.sizes)
        )
        axis = html.escape(written.axis)
        means = f"Validation {axis}: mean over {len(curve.seeds)} seeds and, in brackets, its 95% interval over them."
        figure = f"<figure>{by_examples(curve, written)}</figure><ul>{found}</ul><p>{means}</p>"
        table = f"<table><thead><tr><th>examples</th>{heads}</tr></thead><tbody>{rows}</tbody></table>"
        return document(title, STYLE, f'{figure}<div class="scroll">{table}</div><p><small>{NOTE}</small></p>')

    def save(self, folder: Path | str) -> Path:
        """Writes the page, curve.json, and curve.csv with a row for each model, seed and size; gives the folder.

        Raises:
            FolderError: if there is something in it already, since nothing is overwritten, or if it cannot be written.
        """
        curve = self.curve
        cells = (
            (name, seed, *cell)
            for name, each in curve.values.items()
            for seed, row in zip(curve.seeds, each.tolist(), strict=True)
            for cell in zip(curve.sizes, row, strict=True)
        )
        rows: Rows = [("model", "seed", "examples", curve.metric.name), *cells]
        return save_document(folder, self.html(), {"curve": curve.to_dict()}, {"curve": rows})


@paged.register
def _curve(found: LearningCurve) -> Paged:
    return CurvePage(found)


def _cell(values: np.ndarray, written: Units) -> Markup | str:
    if not np.isfinite(values).all():
        return "–"
    mean = written.value(float(values.mean()))
    return mean if len(values) == 1 else f"{mean} {written.interval(statistics.t_interval(values))}"
