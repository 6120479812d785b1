"""All plots of a record, as its page shows them and as `jaxtricks figure` writes them."""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from jaxtricks.config import ConfigError, nearest
from jaxtricks.objectives.metrics import METRICS
from jaxtricks.report import plots
from jaxtricks.report.ablation import in_order
from jaxtricks.report.curvature import curvature_plots
from jaxtricks.report.figure import Drawing
from jaxtricks.report.record import Arm, Record
from jaxtricks.report.ridges import ridges
from jaxtricks.report.text import Units, units, units_of
from jaxtricks.restart.member import TRAINING
from jaxtricks.train.histograms import Histograms

DRAWN = 2  # arms whose histograms are drawn
LISTED = 12  # names in a message
ORDER = (*METRICS, *TRAINING)
LOSS = TRAINING[0]


class Panel(NamedTuple):
    """The plots of a change, or of a run alone.

    Args:
        shown: those that matter: the restarts, the metric that is judged, the losses of training and validation, and what tuning
            tried.
        folded: the other curves.
    """

    shown: tuple[Drawing, ...]
    folded: tuple[Drawing, ...]


@dataclasses.dataclass(frozen=True)
class Gallery:
    """The plots of a record.

    Args:
        forest: the differences; None for a run alone.
        panels: of each change, or of the run alone.
        curvature: along the run, where it was measured.
        histograms: label of an arm → kind → plots of layers.

    >>> digits, base = jt.load("digits").subset(100, seed=0), jt.Experiment(model=jt.MLP(widths=(8,)), epochs=2)
    >>> runs = jt.fit(base, digits, seeds=4, progress=False)
    >>> list(Gallery.of(jt.report.record_runs(runs, command="")).named())
    ['restarts', 'accuracy', 'losses', 'nll', 'ece', 'grad_norm', 'largest_grad_norm']
    """

    forest: Drawing | None
    panels: tuple[Panel, ...]
    curvature: tuple[Drawing, ...]
    histograms: Mapping[str, Mapping[str, list[Drawing]]]

    @classmethod
    def of(cls, record: Record) -> "Gallery":
        """The plots of a record, none of which is drawn before somebody asks.

        Args:
            record: a run, a comparison, an ablation or a ladder.
        """
        pairs = zip(record.references, record.changes, strict=True)
        return cls(
            plots.forest(in_order(record.kind, record.verdicts), units_of(record.verdicts)) if record.verdicts else None,
            tuple(_panel(record, *pair) for pair in pairs) if record.changes else (_panel(record, record.baseline),),
            () if record.curvature is None else tuple(curvature_plots(record.curvature)),
            {label: ridges(found, label) for label, found in _some(record.histograms)},
        )

    def __iter__(self) -> Iterator[Drawing]:
        yield from () if self.forest is None else (self.forest,)
        for panel in self.panels:
            yield from (*panel.shown, *panel.folded)
        yield from self.curvature
        yield from (drawing for kinds in self.histograms.values() for each in kinds.values() for drawing in each)

    def named(self, wanted: Sequence[str] = ()) -> dict[str, Drawing]:
        """File name, without an ending → plot, of those whose names contain one of some words; all where there are no words.

        Args:
            wanted: parts of their names, such as "forest".

        Raises:
            ConfigError: for a word that is in none of their names.
        """
        found: dict[str, Drawing] = {}
        for drawing in self:
            same = sum(each.stem == drawing.stem for each in found.values())  # labels that differ in a space alone
            found[f"{drawing.stem}-{same + 1}" if same else drawing.stem] = drawing
        for word in wanted:
            if not any(word in name for name in found):
                raise ConfigError(f"there is no figure {word!r}{nearest(word, list(found), list(found)[:LISTED])}")
        return {name: drawing for name, drawing in found.items() if not wanted or any(word in name for word in wanted)}


def place(metric: str) -> tuple[int, str]:
    """Where a metric or a curve stands among others: known ones in their order, then your own by name."""
    return (ORDER.index(metric) if metric in ORDER else len(ORDER)), metric


def _some(histograms: Mapping[str, Histograms]) -> list[tuple[str, Histograms]]:
    return list(histograms.items())[:DRAWN]


def _panel(record: Record, baseline: Arm, change: Arm | None = None) -> Panel:
    metric = record.metric
    names = sorted((name for name in baseline.curves if change is None or name in change.curves), key=place)
    shown = [plots.dots(metric, baseline, change), *(plots.curves(name, baseline, change) for name in names if name == metric)]
    if LOSS in names and metric != LOSS:
        shown += [_losses(names, baseline, change)]
    others = [plots.curves(name, baseline, change) for name in names if name not in (metric, LOSS)]
    written = units_of(record.verdicts) if record.verdicts else units(baseline.metric(metric))
    return Panel((*shown, *_tuned(record, written, baseline, change)), tuple(others))


def _losses(names: list[str], baseline: Arm, change: Arm | None) -> Drawing:
    """Training and validation in one plot, where both arms have the same loss and validation measures it."""
    followed = {arm.followed for arm in (baseline, change) if arm is not None}
    both = [name for name in names if followed == {name}]
    return plots.losses(both[0], baseline, change) if both else plots.curves(LOSS, baseline, change)


def _tuned(record: Record, written: Units, baseline: Arm, change: Arm | None) -> list[Drawing]:
    """A plot of each setting that was tuned over numbers above 0: the rate curves of both arms."""
    before, after = record.tuned.get(baseline.label), None if change is None else record.tuned.get(change.label)
    tried = [point for found in (before, after) if found is not None for point in found.tried]
    paths = dict.fromkeys(path for point in tried for path in point)
    shown = [path for path in paths if all(isinstance(x := point.get(path), float) and x > 0 for point in tried)]
    label = baseline.label if change is None else change.label
    return [plots.by_setting(path, written, before, after, label) for path in shown]
