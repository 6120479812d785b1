"""Results: what a run of a claim gave, one JSON file each, whole or not at all."""

import json
import os
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any, TypedDict, cast, get_args

from jaxtricks.engine import program
from jaxtricks.evaluate.claim import Claim, Scale, ScaleName
from jaxtricks.report.environment import environment

SCALES: tuple[ScaleName, ...] = get_args(ScaleName)  # from small to large


class ResultError(ValueError):
    """A file that should hold a result does not; the message is for the user."""


class Result(TypedDict):
    """A claim as it stood when it ran, its outcome (seeds 0 … seeds - 1), and the environment that it ran in."""

    claim: str
    chapter: str
    rows: list[str]
    lecture: int
    statement: str
    papers: list[dict[str, str]]
    refuted_by: str
    method: str
    scale: ScaleName
    seeds: int
    verdict: str
    effect: str
    numbers: dict[str, Any]
    series: list[dict[str, Any]]
    axes: dict[str, Any]
    seconds: float
    time: str
    commit: str | None
    dirty: bool | None
    device: str
    devices: int
    backend: str
    cores: int
    platform: str
    versions: dict[str, str]


def run(claim: Claim, scale: Scale) -> Result:
    """Measures a claim at a scale."""
    program.forget()  # a book of claims compiles more than one process may hold, and each pays for its own
    where, start = environment(), time.perf_counter()  # the commit that is measured, not one made meanwhile
    outcome = claim.measure(scale)
    seconds = time.perf_counter() - start
    result = {
        "claim": claim.name,
        "chapter": claim.chapter,
        "rows": list(claim.rows),
        "lecture": claim.lecture,
        "statement": claim.statement,
        "papers": [vars(paper) for paper in claim.papers],
        "refuted_by": claim.refuted_by,
        "method": claim.method,
        "scale": scale.name,
        "seeds": scale.seeds,
        **outcome.to_json(),
        "seconds": round(seconds, 1),
        **where,
    }
    return cast(Result, result)


def save(result: Result, folder: Path) -> None:
    """Writes a result below a folder, as `results/<claim>-<scale>.json`."""
    replace(folder / f"results/{stem(result)}.json", json.dumps(result, indent=1, ensure_ascii=False, allow_nan=False) + "\n")


def stem(result: Result) -> str:
    """What a result's files are called, without their endings."""
    return f"{result['claim']}-{result['scale']}"


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
    """All results below a folder, in the order of rows, claims and scales.

    Raises:
        ResultError: for a file that is none.
    """
    results = map(_read, (folder / "results").glob("*.json"))
    return sorted(results, key=lambda result: (result["rows"], result["claim"], SCALES.index(result["scale"])))


def _read(path: Path) -> Result:
    try:
        result = json.loads(path.read_text(encoding="utf-8"))
        missing = Result.__required_keys__ - result.keys()
    except (ValueError, AttributeError) as error:
        raise ResultError(f"{path} is no result of a claim ({error}).") from error
    if missing:
        raise ResultError(f"{path} is no result of a claim: {', '.join(sorted(missing))} is missing.")
    return cast(Result, result)


def largest(results: Iterable[Result]) -> dict[str, Result]:
    """Claim → its result at the largest scale; the last one, if they come as `load` gives them."""
    return {result["claim"]: result for result in results}
