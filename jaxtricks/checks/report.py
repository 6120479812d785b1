"""What all checks of a data set found, as text, as a page and as JSON."""

import html
import json
import sys
import tempfile
import textwrap
import webbrowser
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jaxtricks.checks.finding import SEVERITIES, DataFinding, Severity
from jaxtricks.data.errors import DataError

WIDTH = 110
PAGE = "report.html"
STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}table{border-collapse:collapse}"
    "th,td{text-align:left;vertical-align:top;padding:.3rem .8rem;border-bottom:1px solid #ccc}"
    ".leak{color:#b00020;font-weight:600}.warning{color:#8a5a00;font-weight:600}"
)


@dataclass(frozen=True, eq=False, repr=False)
class DataReport:
    """What the checks of a data set found; printed, it is a table.

    Args:
        name: the data set's.
        sizes: how many examples are trained on, validated on and tested on.
        findings: what was found, the worst first.
        checks: the names of the checks that were made.
        undone: name → why, of checks that could not be made.

    >>> report = DataReport("mine", (80, 20, 0), (), ("constant features",))
    >>> report
    mine: 80 examples to train on, 20 to validate on, 0 to test on; 1 check
    nothing was found
    >>> report.ok
    True
    """

    name: str
    sizes: tuple[int, int, int]
    findings: tuple[DataFinding, ...]
    checks: tuple[str, ...]
    undone: Mapping[str, str] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        """Whether there is neither a leak nor a warning."""
        return all(finding.severity == "note" for finding in self.findings)

    def of(self, severity: Severity) -> tuple[DataFinding, ...]:
        """The findings of a severity: "leak", "warning" or "note"."""
        return tuple(finding for finding in self.findings if finding.severity == severity)

    def __repr__(self) -> str:
        rows = [_row(finding) for finding in self.findings]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)][:3] if rows else []
        lines = [self._heading]
        for *cells, text in rows:
            start = "  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)) + "  "
            lines += textwrap.wrap(text, max(WIDTH, len(start) + 40), initial_indent=start, subsequent_indent=" " * len(start))
        lines += [f"not done  {name}: {reason}" for name, reason in self.undone.items()]
        return "\n".join(lines if rows else [*lines[:1], "nothing was found", *lines[1:]])

    def to_dict(self) -> dict[str, Any]:
        """The report in JSON's types."""
        return {
            "name": self.name,
            "sizes": dict(zip(("train", "validation", "test"), self.sizes, strict=True)),
            "ok": self.ok,
            "findings": [finding.to_dict() for finding in self.findings],
            "checks": list(self.checks),
            "undone": dict(self.undone),
        }

    def html(self) -> str:
        """The page, one HTML file that loads no other file."""
        head = "<tr><th>found</th><th>by the check</th><th>of the score</th><th></th></tr>"
        rows = [
            f'<tr><td class="{finding.severity}">{finding.severity}</td>'
            + "".join(f"<td>{html.escape(cell)}</td>" for cell in _row(finding)[1:])
            + "</tr>"
            for finding in self.findings
        ]
        found = f"<table>{head}{''.join(rows)}</table>" if rows else "<p>Nothing was found.</p>"
        undone = "".join(f"<p>Not done: {html.escape(name)}: {html.escape(why)}</p>" for name, why in self.undone.items())
        title = f"Checks of {html.escape(self.name)}"
        return (
            f'<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>{title}</title><style>{STYLE}</style></head>'
            f"<body><h1>{title}</h1><p>{html.escape(self._heading)}</p>{found}{undone}"
            f"<p>Checks: {html.escape(', '.join(self.checks))}.</p></body></html>"
        )

    def save(self, folder: Path | str) -> Path:
        """Writes the page, `report.html`, and the findings, `checks.json`.

        Args:
            folder: absent or empty.

        Returns:
            The folder.

        Raises:
            DataError: if there is something in it already, since nothing is overwritten.
        """
        target = Path(folder).expanduser()
        if target.exists() and (not target.is_dir() or any(target.iterdir())):
            raise DataError(f"folder: {target} is not empty; a new one or an empty one is allowed.")
        target.mkdir(parents=True, exist_ok=True)
        (target / PAGE).write_text(self.html(), encoding="utf-8")
        (target / "checks.json").write_text(json.dumps(self.to_dict(), indent=1) + "\n", encoding="utf-8")
        return target

    def show(self) -> Path:
        """Opens the page in a browser, or in the notebook; gives the file, which lies in a temporary folder."""
        page = self.save(tempfile.mkdtemp(prefix="jaxtricks-")) / PAGE
        if "ipykernel" in sys.modules:
            from IPython.display import display

            display(self)  # type: ignore[no-untyped-call]
        else:
            webbrowser.open(page.as_uri())
        return page

    def _repr_html_(self) -> str:
        return f'<iframe srcdoc="{html.escape(self.html())}" style="width: 100%; height: 480px; border: 0"></iframe>'

    @property
    def _heading(self) -> str:
        train, validation, test = self.sizes
        made = f"{len(self.checks)} check{'s' * (len(self.checks) != 1)}"
        return f"{self.name}: {train:,} examples to train on, {validation:,} to validate on, {test:,} to test on; {made}"


def ordered(findings: list[DataFinding]) -> tuple[DataFinding, ...]:
    """Findings, the worst first, and of those what explains the most.

    >>> [each.severity for each in ordered([DataFinding("a", "note", 1, (), ""), DataFinding("b", "leak", 1, (), "")])]
    ['leak', 'note']
    """
    return tuple(sorted(findings, key=lambda each: (SEVERITIES.index(each.severity), -(each.explained or 0))))


def _row(finding: DataFinding) -> tuple[str, str, str, str]:
    explained = "" if finding.explained is None else f"{finding.explained:.0%} of the score"
    return finding.severity, finding.check, explained, finding.text
