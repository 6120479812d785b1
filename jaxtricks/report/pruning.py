"""The page of a network pruned in rounds: how good it is and when it has learnt by the share of weights, verdicts, the table."""

import html
import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float

from jaxtricks import statistics
from jaxtricks.prune.result import WHOLE, Pruning, stopping_steps
from jaxtricks.report.document import Rows, document, save_document
from jaxtricks.report.figure import BLUE, INK, VERMILION, Drawing, by_metric, logarithmic, upright
from jaxtricks.report.plots import forest
from jaxtricks.report.text import Units, units_of
from jaxtricks.statistics import interval
from jaxtricks.train.runs import Runs
from jaxtricks.train.shown import Paged, paged

if TYPE_CHECKING:
    from matplotlib.axes import Axes

STYLE = (
    ":root{color-scheme:light dark;--blue:#0065a0;--vermilion:#b04a00}"
    "@media(prefers-color-scheme:dark){:root{--blue:#62b5e8;--vermilion:#ff9657}}"
    "body{font:16px/1.5 system-ui,sans-serif;max-width:48rem;margin:2rem auto;padding:0 1rem}"
    "figure{margin:0 0 1rem}svg{max-width:34rem;width:100%;height:auto}"
    "table{border-collapse:collapse;font-variant-numeric:tabular-nums}"
    "th,td{padding:.3rem 1rem .3rem 0;text-align:right;font-weight:400;white-space:nowrap}"
    "thead th{border-bottom:1px solid}.scroll{overflow-x:auto}small{opacity:.75}.warn{border-left:4px solid;padding-left:.6rem}"
)
LOOKS = [(BLUE, "-"), (VERMILION, "--"), (INK, ":"), (INK, "-."), (VERMILION, "-."), (BLUE, ":"), (INK, "-")]
NOTE = (
    "Means over restarts, in brackets their 95% intervals over them. The step of least validation loss is found afterwards, to "
    "an epoch; every restart trains to its end. All arms have the same masks, which each round takes from the first arm."
)


@dataclass(frozen=True, eq=False)
class PruningPage:
    """A pruned network as a page and as a folder.

    Args:
        found: what is shown.

    >>> digits, base = jt.load("digits").subset(100, seed=0), jt.Experiment(model=jt.MLP(widths=(8,)), epochs=2)
    >>> PruningPage(jt.prune(base, digits, rounds=1, seeds=6, progress=False)).name
    'digits-prune'
    """

    found: Pruning

    @property
    def name(self) -> str:
        """What its folder is called."""
        return f"{self.found.whole.data.name.replace('/', '-')}-prune"

    def html(self) -> str:
        """The page, one HTML file that loads no other file."""
        found, written = self.found, units_of(self.found.verdicts)
        title = html.escape(f"{found.whole.data.name}: {found.weights:,} weights, pruned to {found.levels[-1].kept:.1%}")
        said = "".join(f"<li>{html.escape(str(verdict))}</li>" for verdict in found.verdicts)
        warned = "".join(
            f'<p class="warn">At {level.kept:.1%} of the weights none is left in {html.escape(", ".join(level.emptied))}.</p>'
            for level in found.levels
            if level.emptied
        )
        figures = (
            f"<figure>{self._plot(written, lambda runs: _values(runs, written), written.axis)}</figure>"
            f"<figure>{self._plot(None, _steps, 'step of least loss')}</figure>"
            f"<figure>{forest(found.verdicts, written).svg}</figure>"
        )
        sizes = found.size(found.levels[-1])
        stored = (
            f"In float32 the whole network takes {sizes.dense:,} bytes, and the smallest {sizes.listed:,} as a list of weights "
            f"with their places or {sizes.mapped:,} with a bit for every place. It is not faster: products stay dense."
        )
        body = f"{warned}{figures}<ul>{said}</ul>{self._table(written)}<p>{stored}</p><p><small>{NOTE}</small></p>"
        return document(title, STYLE, body)

    def save(self, folder: Path | str) -> Path:
        """Writes the page, pruning.json, and pruning.csv with a row for each arm, share of weights and restart.

        Raises:
            FolderError: if there is something in it already, since nothing is overwritten, or if it cannot be written.
        """
        found = self.found
        metric = found.metric.name
        cells = (
            (row["arm"], row["kept"], restart, value, step)
            for row in found.rows()
            for restart, value, step in zip(found.whole.names, row[metric], row["stopping_step"], strict=True)
        )
        rows: Rows = [("arm", "kept", "restart", metric, "stopping_step"), *cells]
        return save_document(folder, self.html(), {"pruning": found.to_dict()}, {"pruning": rows})

    def _plot(self, written: Units | None, of: Callable[[Runs], Float[np.ndarray, " runs"]], named_so: str) -> Drawing:
        """Means with bands by the share of weights; the whole network's is a thin line across."""
        found = self.found
        shown = [level for level in found.levels if level.kept > 0]  # the axis has no place for none
        shares = [level.kept for level in shown]

        def paint(axes: "Axes") -> None:
            level = of(found.whole)
            axes.axhline(level.mean(), color=INK, linewidth=0.8, label=WHOLE)
            for name, (colour, dashes) in zip(found.levels[0].arms, itertools.cycle(LOOKS), strict=False):
                each = [of(level.arms[name]) for level in shown]
                mean = np.array([values.mean() for values in each])
                axes.plot(shares, mean, color=colour, linestyle=dashes, linewidth=2, marker="o", markersize=3, label=name)
                if len(each[0]) > 1:
                    ends = np.array([interval(values) if np.isfinite(values).all() else (np.nan, np.nan) for values in each])
                    axes.fill_between(shares, ends[:, 0], ends[:, 1], color=colour, alpha=0.22, linewidth=0)
            logarithmic(axes.xaxis)
            axes.invert_xaxis()
            axes.set_xlabel("share of weights that is kept")
            if written is None:
                upright(axes, named_so)
            else:
                by_metric(axes, written)
            axes.legend(frameon=False)

        return Drawing(f"pruning {named_so}", f"{named_so} by the share of weights that is kept", 3.2, paint)

    def _table(self, written: Units) -> str:
        found = self.found
        arms = [(WHOLE, 1.0, found.whole)] + [(n, level.kept, runs) for level in found.levels for n, runs in level.arms.items()]
        rows = "".join(
            f"<tr><th>{html.escape(name)}</th><td>{kept:.1%}</td><td>{_mean(runs.metrics[written.metric], written)}</td>"
            f"<td>{stopping_steps(runs).mean():,.0f}</td></tr>"
            for name, kept, runs in arms
        )
        heads = "".join(f"<th>{html.escape(head)}</th>" for head in ("arm", "weights kept", written.axis, "step of least loss"))
        return f'<div class="scroll"><table><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table></div>'


@paged.register
def _pruning(found: Pruning) -> Paged:
    return PruningPage(found)


def _values(runs: Runs, written: Units) -> Float[np.ndarray, " runs"]:
    return written.scale * np.asarray(runs.metrics[written.metric], np.float64)


def _steps(runs: Runs) -> Float[np.ndarray, " runs"]:
    return stopping_steps(runs).astype(np.float64)


def _mean(values: Sequence[float] | np.ndarray, written: Units) -> str:
    each = np.asarray(values, np.float64)
    if not np.isfinite(each).all():
        return "–"
    mean = written.value(float(each.mean()))
    return mean if len(each) == 1 else f"{mean} {written.interval(statistics.t_interval(each))}"
