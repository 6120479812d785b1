"""The book: EVIDENCE.md and its plots, as a pure function of the results."""

from collections.abc import Sequence

from experiments import plots
from experiments.record import Result, stem
from jaxtricks.evaluate.claim import LECTURES, Paper

HEAD = """# Evidence

What the lectures say, and what real runs showed. Written by `python -m experiments book` from the files in `results/`: run
claims, do not edit. Each claim fixed what would refute it before its first run. *Inconclusive* means that an interval reaches
over that line. Intervals cover 95%, over restarts that each draw their own split, weights and order, unless the claim says
otherwise.

| row | statement | verdict | effect | seeds | seconds |
|---|---|---|---|---:|---:|
"""


def files(results: Sequence[Result]) -> dict[str, str]:
    """Path below `experiments/` → text, of the page and of its plots.

    Args:
        results: in the order in which they are to stand.
    """
    page = HEAD + "".join(map(_line, results)) + "".join(map(_section, results))
    return {"EVIDENCE.md": page} | {f"results/{stem(result)}.svg": plots.svg(result) for result in results}


def _line(result: Result) -> str:
    statement = f"[{result['statement']}](#{stem(result)})"
    cells = [", ".join(result["rows"]), statement, f"**{result['verdict']}**", result["effect"], _seeds(result)]
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in [*cells, f"{result['seconds']:.0f}"]) + " |\n"


def _section(result: Result) -> str:
    papers = "; ".join(str(Paper(paper["text"], paper["source"])) for paper in result["papers"])  # type: ignore[arg-type]
    return f"""
## {stem(result)}

> {result["statement"]}
>
> (lecture {result["lecture"]}: {LECTURES[result["lecture"]]})

**{result["verdict"].capitalize()}**: {result["effect"]}.

{result["method"]} To hold it against: {papers}. Refuted by: {result["refuted_by"]}

![{result["axes"]["y"]} against {result["axes"]["x"]}](results/{stem(result)}.svg)

At {result["scale"]} scale: {_seeds(result)} seeds, {result["seconds"]:.0f} s on {_where(result)}.
"""


def _where(result: Result) -> str:
    versions = ", ".join(f"{name} {number}" for name, number in result["versions"].items())
    commit = "no commit" if result["commit"] is None else f"commit {result['commit'][:12]}"
    changed = " with changes" if result["dirty"] else ""
    device = f"{result['devices']} × {result['device']} ({result['cores']} cores)"
    return f"{device}, {result['time'][:10]}, {commit}{changed}; {versions}"


def _seeds(result: Result) -> str:
    return str(result["seeds"] or "no")
