"""Results: what a run of a claim gave, one JSON file each, whole or not at all."""

import json
import os
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any, TypedDict, cast, get_args

from jaxtricks.engine import program
from jaxtricks.evaluate.claim import RULES, Claim, Scale, ScaleName, digest
from jaxtricks.report.environment import environment

SCALES: tuple[ScaleName, ...] = get_args(ScaleName)  # from small to large


class ResultError(ValueError):
    """A file that should hold a result does not, or a result may not be kept; the message is for the user."""


class Result(TypedDict):
    """A claim as it stood when it ran, its outcome, and the environment that it ran in.

    `rules` is the version of the rules that judged it. `criterion` and `state` are digests of what would refute the claim and of
    all its words; `criteria` are those of all criteria that it was ever judged by. `replication` is 0 for the first run, and
    `times` says how many times as long as usual everything was trained.
    """

    rules: int
    claim: str
    kind: str
    chapter: str
    rows: list[str]
    lecture: int
    statement: str
    papers: list[dict[str, str]]
    refuted_by: str
    method: str
    criterion: str
    state: str
    criteria: list[str]
    history: list[dict[str, str | None]]
    scale: ScaleName
    replication: int
    times: int
    seeds: int
    verdict: str
    by: list[str]
    p: float | None
    parts: list[dict[str, Any]]
    effect: str
    numbers: dict[str, Any]
    series: list[dict[str, Any]]
    axes: dict[str, Any]
    chosen: dict[str, dict[str, Any]]
    sizes: dict[str, int]
    seconds: float
    time: str
    commit: str | None
    dirty: bool | None
    device: str
    devices: int
    backend: str
    cores: int
    processor: str | None
    load: float | None
    platform: str
    versions: dict[str, str]


# What results of the rules before `rules` was written down say of what they do not hold.
EARLIER: dict[str, Any] = {
    "rules": 1,
    "kind": "",
    "criterion": "",
    "state": "",
    "criteria": [],
    "history": [],
    "replication": 0,
    "times": 1,
    "by": [],
    "p": None,
    "parts": [],
    "chosen": {},
    "sizes": {},
    "processor": None,
    "load": None,
}


def run(claim: Claim, scale: Scale) -> Result:
    """Measures a claim at a scale."""
    program.forget()  # a book of claims compiles more than one process may hold, and each pays for its own
    where, start = environment(), time.perf_counter()  # the commit that is measured, not one made meanwhile
    outcome = claim.measured(scale)
    seconds = time.perf_counter() - start
    result = {
        "rules": RULES,
        "claim": claim.name,
        "kind": claim.kind,
        "chapter": claim.chapter,
        "rows": list(claim.rows),
        "lecture": claim.lecture,
        "statement": claim.statement,
        "papers": [vars(paper) for paper in claim.papers],
        "refuted_by": claim.refuted_by,
        "method": claim.method,
        "criterion": claim.criterion,
        "state": claim.state,
        "criteria": [claim.criterion],
        "history": [vars(entry) for entry in claim.history],
        "scale": scale.name,
        "replication": scale.replication - claim.used,
        "times": scale.times,
        "seeds": scale.seeds,
        **outcome.to_json(),
        "seconds": round(seconds, 1),
        **where,
    }
    return cast(Result, result)


def current(claim: Claim, result: Result) -> bool:
    """Whether a result is of the claim as it stands, by the rules of today."""
    return result["rules"] == RULES and result["state"] == claim.state


def judged_by(earlier: Iterable[Result], claim: Claim) -> list[str]:
    """The digests of all criteria that a claim was judged by in earlier results, each once."""
    found = [
        criterion
        for result in earlier
        if result["claim"] == claim.name
        for criterion in [*result["criteria"], digest(result["refuted_by"])]
    ]
    return list(dict.fromkeys(found))


def check(claim: Claim, earlier: Iterable[Result]) -> None:
    """Refuses a claim whose criterion changed after a result was kept, and whose history does not say so.

    Raises:
        ResultError: with the digest that an entry of the history must name.
    """
    if missing := claim.unexplained(judged_by(earlier, claim)):
        raise ResultError(
            f"{claim.name}: what would refute it has changed since it was judged by criterion {missing[0]}; its history needs an "
            f"Earlier(…, criterion={missing[0]!r}) that says what changed and why."
        )


def save(result: Result, folder: Path, earlier: Iterable[str] = ()) -> None:
    """Writes a result below a folder, as `results/<claim>-<scale>.json`.

    Args:
        result: to keep.
        folder: where results/ lies.
        earlier: digests of the criteria that the claim was judged by before, which the file goes on telling.
    """
    kept = result | {"criteria": list(dict.fromkeys([*earlier, *result["criteria"]]))}
    replace(folder / f"results/{stem(result)}.json", json.dumps(kept, indent=1, ensure_ascii=False, allow_nan=False) + "\n")


def keep(result: Result, claim: Claim, folder: Path) -> None:
    """Saves a result with the criteria that its claim was judged by before, unless it is of smoke scale and evidence of nothing.

    Args:
        result: to keep.
        claim: that it is of.
        folder: where results/ lies.
    """
    if result["scale"] != "smoke":
        save(result, folder, judged_by(load(folder), claim))


def told(result: Result) -> str:
    """A result in words, a line for each part of the claim."""
    about = f"{', '.join(result['rows'])}; {result['scale']}, {result['seeds']} seeds, {result['seconds']:.0f} s"
    parts = "".join(f"\n  - {part['name']} ({part['kind']}): {part['ruling']}: {part['text']}" for part in result["parts"])
    return f"{result['claim']} ({about}): {result['verdict']}\n  {result['effect']}{parts}"


def stem(result: Result) -> str:
    """What a result's files are called, without their endings."""
    run = "-replication" * (result["replication"] > 0) + "-twice" * (result["times"] > 1)
    return f"{result['claim']}-{result['scale']}{run}"


def replace(path: Path, text: str) -> None:
    """Writes a file in one move: whoever reads it finds the old one or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        scratch.write_text(text, encoding="utf-8")
        os.replace(scratch, path)
    finally:
        scratch.unlink(missing_ok=True)


def load(folder: Path) -> list[Result]:
    """All results below a folder, in the order of rows, claims and scales, the first run before those that run it again.

    Raises:
        ResultError: for a file that is none.
    """
    results = map(_read, (folder / "results").glob("*.json"))
    return sorted(results, key=lambda r: (r["rows"], r["claim"], SCALES.index(r["scale"]), r["replication"], r["times"]))


def _read(path: Path) -> Result:
    try:
        result = EARLIER | json.loads(path.read_text(encoding="utf-8"))
        missing = Result.__required_keys__ - result.keys()
    except (ValueError, TypeError) as error:
        raise ResultError(f"{path} is no result of a claim ({error}).") from error
    if missing:
        raise ResultError(f"{path} is no result of a claim: {', '.join(sorted(missing))} is missing.")
    return cast(Result, result)


def largest(results: Iterable[Result]) -> dict[str, Result]:
    """Claim → its first run at the largest scale; the last one, if they come as `load` gives them."""
    return {result["claim"]: result for result in results if first(result)}


def first(result: Result) -> bool:
    """Whether it is of the run that the book judges by, and neither of a replication nor of one trained longer."""
    return not result["replication"] and result["times"] == 1
