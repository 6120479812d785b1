"""The page of a learning curve over the number of examples: a plot, the crossings, and the table behind them."""

import csv
import html
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from markupsafe import Markup

from jaxtricks import statistics
from jaxtricks.evaluate.curve import LearningCurve
from jaxtricks.report.plots import by_examples
from jaxtricks.report.text import Units, units
from jaxtricks.store.folder import PAGE, FolderError, check_free
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
        return (
            '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">'
            '<meta name="viewport" content="width=device-width, initial-scale=1">'
            f"<title>{title}</title><style>{STYLE}</style></head>"
            f"<body><h1>{title}</h1><figure>{by_examples(curve, written)}</figure><ul>{found}</ul><p>{means}</p>"
            f'<div class="scroll"><table><thead><tr><th>examples</th>{heads}</tr></thead><tbody>{rows}</tbody></table></div>'
            f"<p><small>{NOTE}</small></p></body></html>"
        )

    def save(self, folder: Path | str) -> Path:
        """Writes the page, curve.json, and curve.csv with a row for each model, seed and size; gives the folder.

        Raises:
            FolderError: if there is something in it already, since nothing is overwritten.
        """
        target, curve = Path(folder).expanduser(), self.curve
        check_free(target)
        try:
            target.mkdir(parents=True, exist_ok=True)
            (target / PAGE).write_text(self.html(), encoding="utf-8")
            (target / "curve.json").write_text(json.dumps(curve.to_dict(), indent=1) + "\n", encoding="utf-8")
            with (target / "curve.csv").open("w", newline="", encoding="utf-8") as file:
                writer = csv.writer(file)
                writer.writerow(("model", "seed", "examples", curve.metric.name))
                for name, each in curve.values.items():
                    for seed, row in zip(curve.seeds, each.tolist(), strict=True):
                        writer.writerows((name, seed, size, value) for size, value in zip(curve.sizes, row, strict=True))
        except OSError as error:
            raise FolderError(f"{target} cannot be written ({error}).") from error
        return target


@paged.register
def _curve(found: LearningCurve) -> Paged:
    return CurvePage(found)


def _cell(values: np.ndarray, written: Units) -> Markup | str:
    if not np.isfinite(values).all():
        return "–"
    mean = written.value(float(values.mean()))
    return mean if len(values) == 1 else f"{mean} {written.interval(statistics.t_interval(values))}"
