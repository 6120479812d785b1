"""Copies that others found in real data sets, and how many of them the checks find.

`python -m experiments.data_checks.known --truth FOLDER` (3 minutes on 2 cores) writes `results/data_checks/known-cpu.json` and
`experiments/data_checks/KNOWN.md`. The folder holds duplicates.tsv: the copies of IMDB's reviews by record, and the nearest pairs
of test and training images of MNIST and Fashion-MNIST by SHA-256, with their distances. The sets have to be prepared by TFDS.

The rule for near copies has no threshold that was chosen on these rows. But it changed once after they had been seen: at first
the dimension around an image came from its own neighbours alone, which called 6 of the 8 pairs of Fashion-MNIST below 0.05 copies
and no pair of MNIST. Now it is the mean over the neighbours, whose precision was measured on uniform and normal points.
"""

import csv
import dataclasses
import hashlib
import json
import os
import time
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np
import tyro
from jaxtyping import Int
from tqdm.auto import tqdm

import jaxtricks as jt
from experiments.record import replace
from jaxtricks.checks import CHECKS, Splits, copied_texts, copies
from jaxtricks.checks.pairs import findings
from jaxtricks.report.environment import environment

ROOT = Path(__file__).parent
RESULT, PAGE = ROOT.parent / "results" / "data_checks" / "known-cpu.json", ROOT / "KNOWN.md"
BELOW = (0.05, 0.1, 0.15, 0.2)  # distances between images of length 1
TOKENS, WORDS = 400, 5000
OTHER_CHECKS = ("near texts", "shared passages")
RELATIONS = {
    "train-test": "texts of the pool that stand in the test split",
    "within-train": "texts that stand in the pool twice",
    "within-test": "texts that stand in the test split twice",
}

Row = dict[str, str]


@dataclasses.dataclass(frozen=True)
class Arguments:
    """Looks for copies that are known.

    Args:
        truth: the folder of duplicates.tsv.
        data_dir: the folder of prepared TFDS sets; by default $TFDS_DATA_DIR.
        keep: whether the result and the page are written.
    """

    truth: Path
    data_dir: Path | None = None
    keep: bool = True


class Sought(NamedTuple):
    """A data set in one form, the check that finds copies in it, and how long it takes, with compiling.

    Args:
        data: the data set.
        pairs: the pairs that are certain.
        findings: the sentences.
        seconds: of both.
    """

    data: jt.Dataset
    pairs: Int[np.ndarray, "pairs 2"]
    findings: list[str]
    seconds: float


def sought(data: jt.Dataset, module: ModuleType, near: str) -> Sought:
    """Looks for copies by a module of `jaxtricks.checks`."""
    start, splits = time.perf_counter(), Splits.of(data, 0)
    pairs = module.copied(data, splits)
    sentences = [each.text for each in findings(module.__name__, data, splits, pairs, near)]
    return Sought(data, pairs.places[pairs.certain], sentences, time.perf_counter() - start)


def entry(name: str, found: Sought, known: list[dict[str, Any]], seconds: float) -> dict[str, Any]:
    """What came of one data set."""
    return {
        "data": name,
        "examples": len(found.data) + found.data.test_size,
        "seconds": round(seconds, 1),
        "known": known,
        "findings": found.findings,
    }


def images(name: str, rows: list[Row], data_dir: Path | None) -> dict[str, Any]:
    """The nearest pairs of test and training images: how many are called copies, by their distance."""
    data = jt.load(name, data_dir)
    assert data.test_inputs is not None
    found = sought(data, copies, "nearer than chance puts them")
    across = (found.pairs[:, 0] < len(data)) & (found.pairs[:, 1] >= len(data))
    called = np.unique(found.pairs[across, 1]) - len(data)
    test = {hashlib.sha256(image.tobytes()).hexdigest(): place for place, image in enumerate(data.test_inputs[0])}
    places = np.array([test[row["test_sha256"]] for row in rows])
    distances = np.array([float(row["distance"]) for row in rows])
    known = [
        {
            "what": f"test images nearer than {limit} to one of the pool",
            "count": int((distances < limit).sum()),
            "found": int(np.isin(places[distances < limit], called).sum()),
        }
        for limit in BELOW
    ]
    return entry(name, found, known, found.seconds)


def texts(rows: list[Row], data_dir: Path | None) -> list[dict[str, Any]]:
    """The reviews that are the same but for white space and case, as tokens and as counts of words."""
    tokens = jt.load("imdb_reviews", data_dir, text=jt.Text("word", length=TOKENS))
    start = time.perf_counter()
    others = [each.text for name in OTHER_CHECKS for each in CHECKS[name](tokens, Splits.of(tokens, 0))]
    seconds = time.perf_counter() - start
    whole = sought(tokens, copied_texts, "near")
    whole = whole._replace(findings=[*whole.findings, *others])
    counts = sought(jt.load("imdb_reviews", data_dir, words=WORDS), copies, "nearer than chance puts them")
    return [
        entry(f"imdb_reviews, {TOKENS} words", whole, _texts_found(whole, rows), whole.seconds + seconds),
        entry(f"imdb_reviews, counts of {WORDS} words", counts, _texts_found(counts, rows), counts.seconds),
    ]


def _texts_found(found: Sought, rows: list[Row]) -> list[dict[str, Any]]:
    """How many of the groups of equal texts are found, by where they are."""
    pairs = {(one, other) for one, other in found.pairs.tolist()}
    known = []
    for relation, what in RELATIONS.items():
        sought_for = [_first_two(row, len(found.data)) for row in rows if row["relation"] == relation]
        known.append({"what": what, "count": len(sought_for), "found": sum(pair in pairs for pair in sought_for)})
    return known


def _first_two(row: Row, pool: int) -> tuple[int, int]:
    """The first two places of equal texts in the pool followed by the test split, one of each where both have one."""
    train = sorted(int(record) for record in row["train_records"].split(",") if record)
    test = sorted(pool + int(record) for record in row["test_records"].split(",") if record)
    one, other = (train[0], test[0]) if train and test else (*train, *test)[:2]
    return one, other


def table(result: dict[str, Any]) -> str:
    """The result as a page of Markdown."""
    lines = ["# Copies that are known", "", "| data | known | of them called copies |", "|---|---|---|"]
    for each in result["sets"]:
        lines += [f"| {each['data']} | {known['count']} {known['what']} | {known['found']} |" for known in each["known"]]
    lines += [
        "",
        "Pairs of MNIST are no copies: its nearest test images are plain ones. `known.py` says how the rule came about.",
        "",
    ]
    for each in result["sets"]:
        lines += [f"## {each['data']}: {each['examples']:,} examples, {each['seconds']:.0f} s", ""]
        lines += [f"- {text}" for text in each["findings"]] or ["- Nothing was found."]
        lines += [""]
    where = f"{result['cores']} cores ({result['device']}), load {result['load before']} before and {result['load after']} after"
    return "\n".join([*lines, f"{where}; {result['time'][:10]}, commit {str(result['commit'])[:7]}.", ""])


def main() -> None:
    """The command line."""
    arguments = tyro.cli(Arguments, config=(tyro.conf.FlagCreatePairsOff,))
    with (arguments.truth / "duplicates.tsv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    of = {name: [row for row in rows if row["set"] == name] for name in ("fashion_mnist", "mnist", "imdb_reviews")}
    where, load = environment(), os.getloadavg()[0]
    found = [images(name, of[name], arguments.data_dir) for name in tqdm(("fashion_mnist", "mnist"))]
    found += texts(of["imdb_reviews"], arguments.data_dir)
    result = {"sets": found, "load before": round(load, 1), "load after": round(os.getloadavg()[0], 1), **where}
    if arguments.keep:
        replace(RESULT, json.dumps(result, indent=1, ensure_ascii=False) + "\n")
        replace(PAGE, table(result))
    print(table(result))


if __name__ == "__main__":
    main()
