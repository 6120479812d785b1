"""The book: EVIDENCE.md and its plots, as a pure function of the results."""

import io
from collections.abc import Sequence
from typing import Any

from cycler import cycler
from matplotlib import rc_context
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from experiments.record import Result, stem
from jaxtricks.evaluate.claim import LECTURES, Paper
from jaxtricks.report.plots import logarithmic

# Middle tones on no background, so that a plot can be read on a light page and on a dark one; the lines are Okabe and Ito's.
INK = "#7d8590"
COLORS = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00"]
DASHES = ["-", "--", "-.", ":", (0, (5, 1))]  # for whoever does not tell the colours apart
STYLE: dict[Any, Any] = {
    "svg.hashsalt": "jaxtricks",  # ids that do not change from one writing to the next
    "svg.fonttype": "none",
    "text.parse_math": False,
    "text.color": INK,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.prop_cycle": cycler(color=COLORS, linestyle=DASHES),
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.color": INK,
    "ytick.color": INK,
    "legend.frameon": False,
}
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
    return {"EVIDENCE.md": page} | {f"results/{stem(result)}.svg": plot(result) for result in results}


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


def plot(result: Result) -> str:
    """The curves with their bands, as an SVG document that depends on nothing else."""
    axes = result["axes"]
    with rc_context(STYLE):
        figure = Figure(figsize=(6, 3.4), layout="constrained")
        panel = figure.subplots()
        for curve in result["series"]:
            x, mean, low, high = (_numbers(curve[part]) for part in ("x", "mean", "low", "high"))
            (line,) = panel.plot(x, mean, label=curve["name"])
            panel.fill_between(x, low, high, color=line.get_color(), alpha=0.25, linewidth=0)
        if all(float(x).is_integer() for curve in result["series"] for x in curve["x"]):
            panel.xaxis.set_major_locator(MaxNLocator("auto", steps=[1, 2, 5, 10], integer=True))  # epochs and layers come whole
        if "x" in axes["log"]:
            logarithmic(panel.xaxis)
        if "y" in axes["log"]:
            logarithmic(panel.yaxis)
        panel.set(xlabel=axes["x"], ylabel=axes["y"])
        panel.legend()
        svg = io.StringIO()
        figure.savefig(svg, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    return "\n".join(line.rstrip() for line in svg.getvalue().splitlines()) + "\n"


def _numbers(values: Sequence[float | None]) -> list[float]:
    """Plain JSON's null is a gap in the line."""
    return [float("nan") if value is None else value for value in values]
