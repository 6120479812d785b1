"""The page of a search: what won and how sure that is, the leaderboard, how it went, what mattered, and each setting's scores."""

import html
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from jaxtricks.config import described
from jaxtricks.evaluate.compare import short
from jaxtricks.evaluate.estimate import Estimate
from jaxtricks.report.curve import STYLE
from jaxtricks.report.document import Rows, document, save_document
from jaxtricks.report.mattered import section
from jaxtricks.report.searched import by_setting, ranked, went
from jaxtricks.report.text import Units, named, percent, units
from jaxtricks.search.result import RankedTrial, Search
from jaxtricks.store.folder import CONFIG
from jaxtricks.store.versions import versions
from jaxtricks.train.shown import Paged, paged

SHOWN = 20  # trials of the leaderboard; the CSV has all
OWN_STYLE = (
    "li{overflow-wrap:anywhere}h2{font-size:1.15rem;margin-top:2rem}td.word{text-align:left;white-space:normal}"
    "tr.first td,tr.first th{border-top:1px solid}"
)
LEADERS = (
    "The line is the 95% interval of a trial's true score, the mean of infinitely many restarts; the dot is what is expected of "
    "it. The tick is the mean that was measured: of many trials the one that is measured best was probably lucky, too. Trials of "
    "the first group, in blue, cannot be told apart from the best; with 95% it is better than all others together. "
    "Restarts of a trial have seeds of their own, so scores are about these examples, and other splits of them."
)
LEFT = (
    "Epochs: until when a trial was trained as its settings say, in the restart that was the first to leave, or to go on from "
    "another one with other settings. Only trials that were trained to the end, and then anew on seeds of their own, have a "
    "score: the restarts that chose them say too much good of them. In the plots the others are at the edge."
)
WENT = "Each dot is a trial as it was measured when it was new; the line is the best so far, by what is known of it at the end."
EDGE = "Trials far worse than the median, or with a restart that diverged, are triangles at the edge."


@dataclass(frozen=True, eq=False)
class SearchPage:
    """A search as a page and as a folder.

    Args:
        found: what is shown.

    >>> digits, base = jt.load("digits").subset(100, seed=0), jt.Experiment(model=jt.MLP(widths=(8,)), epochs=2)
    >>> found = jt.search(base, {"model.activation": "relu,tanh"}, digits, strategy="grid", budget=2, seeds=2, progress=False)
    >>> SearchPage(found).name
    'digits-search'
    """

    found: Search

    @property
    def name(self) -> str:
        """What its folder is called."""
        return f"{self.found.data.replace('/', '-')}-search"

    def html(self) -> str:
        """The page, one HTML file that loads no other file."""
        found, rows = self.found, self.found.leaderboard[:SHOWN]
        written = units(found.metric, [each.score.high - each.score.low for each in rows if np.isfinite(each.score.mean)])
        title = html.escape(f"{found.data}: the best of {len(found.history.told):,} trials")
        said = "".join(f"<li>{html.escape(sentence)}</li>" for sentence in found.sentences)
        parts = [
            _three(found, written),
            f"<ul>{said}</ul>",
            "<h2>Leaderboard</h2>",
            f"<figure>{ranked(rows, written)}</figure>",
            f'<div class="scroll">{_table(found, rows, written)}</div>',
            f"<p><small>{LEADERS}</small></p>",
            *([f"<p><small>{LEFT}</small></p>"] if found.course.rules.scheme.together else []),
            "<h2>How the search went</h2>",
            f"<figure>{went(found, written)}</figure><p><small>{WENT} {EDGE}</small></p>",
            section(found, written),
            "<h2>By setting</h2>",
            *(f"<figure>{by_setting(found, path, written)}</figure>" for path in found.space.paths),
            f"<p><small>Means over all restarts of a trial; the dotted line is the winner. {EDGE}</small></p>",
        ]
        return document(title, STYLE + OWN_STYLE, "".join(parts))

    def save(self, folder: Path | str) -> Path:
        """Writes the page, config.json (the winner), search.json, and search.csv with a row for each restart; gives the folder.

        Raises:
            FolderError: if there is something in it already, since nothing is overwritten, or if it cannot be written.
        """
        found, table = self.found, self.found.frame()
        rows: Rows = [table.column_names, *zip(*(column.to_pylist() for column in table.columns), strict=True)]
        contents = {"search": found.to_dict() | {"versions": versions()}, CONFIG.removesuffix(".json"): described(found.best)}
        return save_document(folder, self.html(), contents, {"search": rows})


def _three(found: Search, written: Units) -> str:
    """P, and the winner's three scores."""
    winner, fresh = found.winner, len(found.course.fresh)
    margin = f"{written.value(found.course.margin)} {html.escape(written.unit)}"
    among = "that stayed" if found.course.rules.scheme.together else "tried"
    scores: list[tuple[str, str]] = [
        (f"measured, {winner.restarts} restarts that chose it", f"{written.value(winner.measured)}{written.sign}"),
        ("with that luck taken away", _cell(winner.score, written)),
        (f"on {fresh} fresh seeds", _cell(found.fresh, written)),
        (
            f"P(within {margin} of the best {among})",
            percent(round(found.probability, 3)),
        ),
    ]
    lines = "".join(f'<tr><td class="word">{name}</td><td>{value}</td></tr>' for name, value in scores)
    head = f"<thead><tr><th></th><th>{html.escape(named(written.metric))}</th></tr></thead>"
    return f'<div class="scroll"><table>{head}<tbody>{lines}</tbody></table></div>'


def _table(found: Search, rows: tuple[RankedTrial, ...], written: Units) -> str:
    left = ["epochs"] if found.course.rules.scheme.together else []
    names = ("", written.axis, "measured", "restarts", *left, *found.space.paths)
    heads = "".join(f"<th>{html.escape(head)}</th>" for head in names)
    return f"<table><thead><tr>{heads}</tr></thead><tbody>{''.join(_lines(found, rows, written))}</tbody></table>"


def _lines(found: Search, rows: tuple[RankedTrial, ...], written: Units) -> Iterator[str]:
    """A line of the table for each trial; a rule between groups."""
    before = 0
    for place, each in enumerate(rows, start=1):
        lost = f" ({each.diverged} diverged)" if each.diverged else ""
        measured = written.value(each.measured) if np.isfinite(each.measured) else "–"
        until = [str(each.until)] if found.course.rules.scheme.together else []
        settings = (html.escape(_setting(each.point[path])) if path in each.point else "–" for path in found.space.paths)
        cells = "".join(
            f"<td>{cell}</td>" for cell in (_cell(each.score, written), measured, f"{each.restarts}{lost}", *until, *settings)
        )
        yield f"<tr{' class=first' if each.group != before else ''}><th>{place}</th>{cells}</tr>"
        before = each.group


def _cell(score: Estimate, written: Units) -> str:
    if not np.isfinite(score.mean):
        return "–"
    low, high = written.value(score.low), written.value(score.high)
    return f"{written.value(score.mean)}{written.sign} [{low}, {high}]"


def _setting(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else short(value)


@paged.register
def _search(found: Search) -> Paged:
    return SearchPage(found)
