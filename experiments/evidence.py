"""The book: EVIDENCE.md and its plots, as a pure function of the results."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any, Literal, NamedTuple, Self, get_args

import scipy

from experiments import plots, record
from experiments.record import Result, stem
from experiments.rows import WITHOUT
from jaxtricks.evaluate.claim import LECTURES, RULES, Chosen, Kind, Paper, Ruling
from jaxtricks.evaluate.ruling import ALPHA

HEAD = """# Evidence

What the lectures say, and what real runs showed. Written by `python -m experiments book` from the files in `results/`: run
claims, do not edit.

"""
ABOUT = """
A claim is of one of three **kinds**: an *identity* is a formula, or that something can be done, and luck cannot decide it; an
*effect* has an interval; of kind *paper* are rows in which the lecture itself claims nothing (a name in a list, a homework, a
question, a heading): what is judged is the claim of a paper or ours. Each **part** of a claim has a ruling of its own. A claim is
*refuted* if one of its parts is, with a p below 0.05 after Holm's correction over the claim's parts, and *supported* only if all
stand, which needs no correction: the one part that is false would have to stand by luck. *Inconclusive* means that an interval
reaches over its bound, and *not testable here* that something the lecture takes for granted was absent. Intervals cover 95%.
**Scope**: an effect is on *new data* of this kind, or on *these examples* only, where other restarts on them are meant. Where
settings are tuned, that is done on examples and restarts that nothing is judged on. In the column *q* stands the share of false
findings to expect among all effects with a q as small (Benjamini and Hochberg), in *again* the verdict of a second run on
restarts that the first one did not have, and on other examples where the data set has more, and in *twice* the one on the first
run's restarts and examples, with all arms tuned and trained for twice as many epochs or steps.

Below the curves of each plot stand the intervals that were judged, each in its own unit, and shaded where they would have to lie.

What would refute a claim stands in its file. Whether it stood there before the first run cannot be shown for most claims, since
file and first result were often committed together; where a criterion, a ruling or a method was changed after a result had been
seen, the claim's **history** says so, and a changed criterion without an entry there is refused.
"""
TABLE = """
| row | statement | kind | verdict | again | twice | q | effect | seeds | seconds |
|---|---|---|---|---|---|---|---|---:|---:|
"""
METHODS: tuple[Literal["bh"], Literal["by"]] = ("bh", "by")
SURE = 0.01  # the share of false findings below which a firm verdict is expected to come again
FIRM = (Ruling.SUPPORTED, Ruling.REFUTED)
EARLIER = "†"  # marks a verdict by earlier rules


class Runs(NamedTuple):
    """The runs of one claim at one scale.

    Args:
        first: the one that the book judges by.
        again: on other restarts and examples; None where there is none of the same words and rules.
        twice: on the same ones, trained twice as long; None likewise.
    """

    first: Result
    again: Result | None
    twice: Result | None

    @classmethod
    def of(cls, first: Result, results: Sequence[Result]) -> Self:
        """The runs beside a first one, out of all results."""
        same = ("claim", "scale", "state", "rules")
        others = [each for each in results if all(each[name] == first[name] for name in same)]  # type: ignore[literal-required]
        again = next((each for each in others if each["replication"]), None)
        return cls(first, again, next((each for each in others if each["times"] > 1), None))


def files(results: Sequence[Result], without: Mapping[str, str]) -> dict[str, str]:
    """Path below `experiments/` → text, of the page and of its plots.

    Args:
        results: in the order in which they are to stand.
        without: rows that no claim stands for → why.
    """
    runs = [Runs.of(result, results) for result in results if record.first(result)]
    first = [each.first for each in runs]
    found = discoveries(first)
    lines = [_line(each, found.get(stem(each.first))) for each in runs]
    page = HEAD + "".join(opening(runs, without)) + ABOUT + TABLE + "".join(lines) + "".join(map(_section, runs))
    return {"EVIDENCE.md": page} | {f"results/{stem(result)}.svg": plots.svg(result) for result in first}


def write(folder: Path) -> None:
    """Writes the page and its plots from all results that are kept below a folder.

    Args:
        folder: where results/ lies.
    """
    for path, text in files(record.load(folder), WITHOUT).items():
        record.replace(folder / path, text)


def by_luck(result: Result) -> bool:
    """Whether luck could decide it, and it was judged by the rules of today: it has a p."""
    return result["rules"] == RULES and result["p"] is not None


def discoveries(results: Sequence[Result], method: Literal["bh", "by"] = "bh") -> dict[str, float]:
    """Claim and scale → the p of each effect after correction for false discoveries over all of them.

    Args:
        results: of first runs.
        method: "bh", Benjamini and Hochberg 1995, or "by", Benjamini and Yekutieli 2001, for p that depend on each other.
    """
    effects = [result for result in results if by_luck(result)]
    if not effects:
        return {}
    corrected = scipy.stats.false_discovery_control([result["p"] for result in effects], method=method)
    return {stem(result): float(q) for result, q in zip(effects, corrected, strict=True)}


def opening(runs: Sequence[Runs], without: Mapping[str, str]) -> Iterator[str]:
    """What the page says of all results together, before the first of them."""
    results = [each.first for each in runs]
    today = [result for result in results if result["rules"] == RULES]
    yield _counts(today)
    old = Counter(result["verdict"] for result in results if result["rules"] != RULES)
    if old:
        counted = ", ".join(f"{number} {verdict}" for verdict, number in sorted(old.items()))
        yield (
            f"\n{sum(old.values())} more results are of **earlier rules** ({counted}), marked {EARLIER} until they have been run "
            "again: restarts alone were heeded, parts were not corrected, and settings were tuned on examples that were judged.\n"
        )
    scales = Counter(result["scale"] for result in results)
    sizes = "; ".join(f"{number} at {scale} scale" for scale, number in sorted(scales.items()))
    none = "" if scales["full"] else " No paper's setting is reproduced: networks are small, examples few, and runs take minutes."
    yield f"\n**Scale**: {sizes or 'nothing yet'}.{none}\n"
    yield from _luck(today)
    yield from _replicated([(each.first, each.again) for each in runs if each.again is not None], discoveries(today))
    yield from _trained_longer([(each.first, each.twice) for each in runs if each.twice is not None])
    edges = [result["claim"] for result in today if any(choice["edge"] for choice in result["chosen"].values())]
    if edges:
        yield f"\n**Tuning**: in {_claims(len(edges))} a best setting lies at the edge of what was tried: {', '.join(edges)}.\n"
    yield from _machines(results)
    if without:
        reasons: dict[str, list[str]] = {}
        for row, why in without.items():
            reasons.setdefault(why, []).append(row)
        told = "; ".join(f"{', '.join(rows)}: {why}" for why, rows in reasons.items())
        yield f"\n**Rows without a claim** ({len(without)}): {told}.\n"


def _counts(results: Sequence[Result]) -> str:
    kinds, rulings = get_args(Kind), tuple(Ruling)
    counted = Counter((result["kind"], result["verdict"]) for result in results)
    head = f"| kind | {' | '.join(rulings)} | all |\n|---|{'---:|' * (len(rulings) + 1)}\n"
    rows = {kind: [counted[kind, ruling] for ruling in rulings] for kind in kinds}
    rows["all"] = [sum(column) for column in zip(*rows.values(), strict=True)]
    return head + "".join(f"| {name} | {' | '.join(map(str, [*row, sum(row)]))} |\n" for name, row in rows.items())


def _luck(results: Sequence[Result]) -> Iterator[str]:
    effects = [result for result in results if by_luck(result)]
    if not effects:
        return
    firm = [result for result in effects if result["verdict"] in FIRM]
    kept = {method: sum(discoveries(results, method)[stem(result)] < ALPHA for result in firm) for method in METHODS}
    yield (
        f"\n**Luck**: {len(effects)} verdicts could be luck. If every truth lay at its bound, at most {ALPHA:.0%} of them, "
        f"{ALPHA * len(effects):.1f}, would be firm by luck alone. Of the {len(firm)} that are firm, {kept['bh']} stand after a "
        f"correction over all effects that lets {ALPHA:.0%} of the findings be false (Benjamini and Hochberg), and "
        f"{kept['by']} after the one that holds however they depend on each other (Benjamini and Yekutieli).\n"
    )


def _replicated(pairs: Sequence[tuple[Result, Result]], found: Mapping[str, float]) -> Iterator[str]:
    if not pairs:
        return
    same = sum(first["verdict"] == second["verdict"] for first, second in pairs)
    firm = [(first, second) for first, second in pairs if first["verdict"] in FIRM]
    sure = [(first, second) for first, second in firm if found.get(stem(first), 1.0) < SURE]
    agree, open_, reversed_ = _outcomes(firm)
    told = f" Of the {len(sure)} whose q is below {SURE:g}, {_outcomes(sure).agree} did." if sure else ""
    yield (
        f"\n**Replication**: of {_claims(len(pairs))} that were run again, {same} came to the same verdict; of the {len(firm)} "
        f"firm ones {agree} did, {open_} became open, and {reversed_} were reversed.{told}\n"
    )


class _Outcomes(NamedTuple):
    agree: int
    open: int
    reversed: int


def _outcomes(firm: Sequence[tuple[Result, Result]]) -> _Outcomes:
    agree = sum(first["verdict"] == second["verdict"] for first, second in firm)
    other = sum(first["verdict"] != second["verdict"] and second["verdict"] in FIRM for first, second in firm)
    return _Outcomes(agree, len(firm) - agree - other, other)


def _trained_longer(pairs: Sequence[tuple[Result, Result]]) -> Iterator[str]:
    if not pairs:
        return
    other = [f"{a['claim']} ({a['verdict']}, then {b['verdict']})" for a, b in pairs if a["verdict"] != b["verdict"]]
    told = f"; another one: {', '.join(other)}" if other else ""
    yield (
        f"\n**Budgets**: of {_claims(len(pairs))} that were trained twice as long, on the same restarts and examples, "
        f"{len(pairs) - len(other)} came to the same verdict{told}.\n"
    )


def _claims(count: int) -> str:
    return "1 claim" if count == 1 else f"{count} claims"


def _machines(results: Sequence[Result]) -> Iterator[str]:
    known = [result for result in results if result["processor"] is not None]
    if not known:
        return
    machines = Counter(f"{result['processor']} ({result['cores']} cores)" for result in known)
    loads = sorted(result["load"] for result in known if result["load"] is not None)
    told = "; ".join(f"{number} on {machine}" for machine, number in sorted(machines.items()))
    load = f", at a load of {loads[0]:.1f} to {loads[-1]:.1f} when they began (median {median(loads):.1f})" if loads else ""
    yield f"\n**Machine**, which timings depend on: {told}{load}.\n"


def _line(runs: Runs, q: float | None) -> str:
    result = runs.first
    statement = f"[{result['statement']}](#{stem(result)})"
    others = ["" if run is None else run["verdict"] for run in (runs.again, runs.twice)]
    cells = [
        ", ".join(result["rows"]),
        statement,
        result["kind"],
        f"**{_verdict(result)}**",
        *others,
        "" if q is None else f"{q:.2g}",
    ]
    cells += [result["effect"], _seeds(result)]
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in [*cells, f"{result['seconds']:.0f}"]) + " |\n"


def _verdict(result: Result) -> str:
    return f"{result['verdict']}{EARLIER * (result['rules'] != RULES)}"


def _section(runs: Runs) -> str:
    result, again, twice = runs
    papers = "; ".join(str(Paper(paper["text"], paper["source"])) for paper in result["papers"])  # type: ignore[arg-type]
    decided = f" (decided by: {'; '.join(result['by'])})" if 0 < len(result["by"]) < len(result["parts"]) else ""
    second = "" if again is None else f"\n\nRun again, on other restarts: **{again['verdict']}**: {again['effect']}."
    second += "" if twice is None else f"\n\nTrained twice as long: **{twice['verdict']}**: {twice['effect']}."
    return f"""
## {stem(result)}

> {result["statement"]}
>
> (lecture {result["lecture"]}: {LECTURES[result["lecture"]]})

**{_verdict(result).capitalize()}**{decided}: {result["effect"]}.{second}

{"".join(map(_part, result["parts"]))}
{result["method"]} To hold it against: {papers}. Refuted by: {result["refuted_by"]}
{_chosen(result)}{_history(result)}
![{result["axes"]["y"]} against {result["axes"]["x"]}](results/{stem(result)}.svg)

At {result["scale"]} scale: {_seeds(result)} seeds{_sizes(result)}, {result["seconds"]:.0f} s on {_where(result)}.
"""


def _part(part: Mapping[str, Any]) -> str:
    p = part["corrected_p"] if part["against"] and part["corrected_p"] is not None else part["p"]
    about = [part["kind"], *filter(None, [part["scope"]]), *([] if p is None else [f"p = {p:.2g}"])]
    return f"- {part['name']} ({', '.join(about)}): **{part['ruling']}**{': ' * bool(part['text'])}{part['text']}\n"


def _chosen(result: Result) -> str:
    if not result["chosen"]:
        return ""
    chosen = [f"{name} {Chosen(choice['value'], (), choice['edge'])}" for name, choice in result["chosen"].items()]
    return f"\nChosen, on examples that are not judged: {'; '.join(chosen)}.\n"


def _history(result: Result) -> str:
    lines = [
        f"- {entry['date']}: {entry['changed']}, because {entry['why']}"
        + (f" (until then: {entry['verdict']})" if entry["verdict"] else "")
        + "\n"
        for entry in result["history"]
    ]
    return f"\nHistory:\n\n{''.join(lines)}" if lines else ""


def _sizes(result: Result) -> str:
    return "".join(f", {number:,} {name} examples" for name, number in result["sizes"].items())


def _where(result: Result) -> str:
    versions = ", ".join(f"{name} {number}" for name, number in result["versions"].items())
    commit = "no commit" if result["commit"] is None else f"commit {result['commit'][:12]}"
    changed = " with changes" if result["dirty"] else ""
    processor = "" if result["processor"] is None else f", {result['processor']}"
    load = "" if result["load"] is None else f", load {result['load']:.1f}"
    device = f"{result['devices']} × {result['device']} ({result['cores']} cores{processor}{load})"
    return f"{device}, {result['time'][:10]}, {commit}{changed}; {versions}"


def _seeds(result: Result) -> str:
    return str(result["seeds"] or "no")
