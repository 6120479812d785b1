"""Results: what a run of a claim gave, one JSON file each, whole or not at all."""

import json
import os
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any, TypedDict, get_args

from jaxtricks.evaluate.claim import SOURCES, Claim, Scale, ScaleName
from jaxtricks.report.environment import environment

RESULTS = Path(__file__).parent / "results"
SCALES: tuple[ScaleName, ...] = get_args(ScaleName)  # from small to large


class Result(TypedDict):
    """A claim as it stood when it ran, its outcome, and where it ran; seeds are 0 … seeds - 1."""

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
    axes: dict[str, str]
    seconds: float
    environment: dict[str, Any]


def run(claim: Claim, scale: Scale) -> Result:
    """Measures a claim at a scale."""
    start = time.perf_counter()
    outcome = claim.measure(scale)
    seconds = time.perf_counter() - start
    return Result(
        claim=claim.name,
        chapter=claim.chapter,
        rows=list(claim.rows),
        lecture=claim.lecture,
        statement=claim.statement,
        papers=[{"text": paper.text, "source": paper.source} for paper in claim.papers],
        refuted_by=claim.refuted_by,
        method=claim.method,
        scale=scale.name,
        seeds=scale.seeds,
        **outcome.to_json(),
        seconds=round(seconds, 1),
        environment=environment(),
    )
