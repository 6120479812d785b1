"""One page of a chapter: what the lecture says, the figures, and the papers' numbers beside ours.

`python -m experiments.page why` writes runs/why.html from the results that are kept, and runs nothing.
"""

import dataclasses
import html
import sys
from collections.abc import Sequence
from pathlib import Path

import tyro

from experiments import plots, record
from experiments.claims import ROOT, claims
from experiments.record import Result
from jaxtricks.config import ConfigError, nearest
from jaxtricks.evaluate.claim import Claim
from jaxtricks.report.document import document

STYLE = (
    ":root{color-scheme:light dark}body{font:16px/1.5 system-ui,sans-serif;max-width:52rem;margin:2rem auto;padding:0 1rem}"
    "section{border-top:1px solid;margin-top:2rem}figure{margin:0}svg{max-width:100%;height:auto}"
    "blockquote{margin:.5rem 0;padding-left:1rem;border-left:4px solid;font-style:italic}small{opacity:.75}"
    "nav a{margin-right:1rem;white-space:nowrap}.verdict{font-weight:700}"
)


@dataclasses.dataclass(frozen=True)
class ChapterPage:
    """Write one page of a chapter's claims from the results that are kept: statement, verdict, figure, papers.

    Args:
        chapter: a folder of experiments/ with claims, such as why.
        out: the file to write; by default runs/CHAPTER.html.
    """

    chapter: tyro.conf.Positional[str]
    out: Path | None = None

    def __call__(self) -> Path:
        """Writes the page and gives its path.

        Raises:
            ConfigError: for a chapter that there is not, or one of which no result is kept.
        """
        known = sorted({claim.chapter for claim in claims().values()})
        if self.chapter not in known:
            raise ConfigError(f"there is no chapter {self.chapter!r}{nearest(self.chapter, known)}")
        kept = record.largest([result for result in record.load(ROOT) if record.first(result)])
        shown = [(claim, kept[name]) for name, claim in claims().items() if claim.chapter == self.chapter and name in kept]
        if not shown:
            raise ConfigError(f"no result of chapter {self.chapter!r} is kept; `python -m experiments book` makes them.")
        target = Path("runs") / f"{self.chapter}.html" if self.out is None else self.out
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(chapter_page(self.chapter, shown), encoding="utf-8")
        return target


def chapter_page(chapter: str, shown: Sequence[tuple[Claim, Result]]) -> str:
    """The page, one HTML file that loads no other file.

    Args:
        chapter: its name.
        shown: claims with their results.
    """
    links = " ".join(f'<a href="#{result["claim"]}">{html.escape(result["claim"].replace("_", " "))}</a>' for _, result in shown)
    sections = "".join(_section(claim, result) for claim, result in shown)
    return document(
        html.escape(f"{chapter.replace('_', ' ').capitalize()}: {len(shown)} claims"), STYLE, f"<nav>{links}</nav>{sections}"
    )


def _section(claim: Claim, result: Result) -> str:
    title = html.escape(result["claim"].replace("_", " ").capitalize())
    svg = plots.svg(result)
    figure = svg[svg.index("<svg") :].replace("<svg ", f'<svg role="img" aria-label="{title}" ', 1)
    papers = "".join(f"<li>{html.escape(str(paper))}</li>" for paper in claim.papers)
    parts = "".join(
        f"<li>{html.escape(part['name'])}: <b>{html.escape(part['ruling'])}</b>, {html.escape(part['text'])}</li>"
        for part in result["parts"]
    )
    earlier = "" if record.current(claim, result) else "<p>The claim's words have changed since; run it again.</p>"
    return (
        f'<section id="{result["claim"]}"><h2>{title}</h2><blockquote>{html.escape(claim.statement)}</blockquote>'
        f'<p><span class="verdict">{html.escape(result["verdict"])}</span>: {html.escape(result["effect"])}</p>{earlier}'
        f"<figure>{figure}</figure><ul>{parts}</ul><p>Published:</p><ul>{papers}</ul>"
        f"<p><small>{html.escape(claim.method)} {result['seeds']} restarts, {html.escape(result['scale'])} scale, "
        f"{result['seconds']:.0f} s on {html.escape(str(result['device']))}.</small></p></section>"
    )


def main() -> int:
    """Parses, writes, prints the path; returns 2 for bad input, which ends in one sentence."""
    command = tyro.cli(ChapterPage, prog="python -m experiments.page", config=(tyro.conf.FlagCreatePairsOff,))
    try:
        print(command())
    except ConfigError as error:
        print(f"experiments: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
