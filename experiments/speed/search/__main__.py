"""The command line: what is timed, and the table of it. The protocol is the package's docstring."""

import dataclasses
import importlib.util
import itertools
import statistics
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import tyro
from tqdm.auto import tqdm

from experiments.speed.harness import Target, device_name, show
from experiments.speed.search.figures import Traces, Typical, quality, ratio, seconds_to, step_to
from experiments.speed.search.methods import FULL, PARTS, SMALL, Part, Searched, Sizes, Torch, ours, searched, worker
from experiments.speed.search.table import Table
from experiments.speed.search.task import VALIDATION

FASTER, WORK = 30, 8  # to be reached: times the time to equal quality, and times the time of the same work
TYPICAL: dict[str, Typical] = {"mean": np.mean, "median": np.median}
TPE = "Optuna's TPE, PyTorch"
HEADLINE = (TPE, "mean")
MISSING = "Not measured: hyperoptax is not installed; `pip install jaxtricks[peers]` installs it."

Row = dict[str, Any]


@dataclasses.dataclass(frozen=True)
class Arguments:
    """Times searches until what they return is as good as the best of 4,096 settings, jaxtricks beside its peers.

    Args:
        only: parts to measure: "agreement", "tpe", "gp", "hyperoptax", "fixed"; all by default.
        tpe: trials of a search of TPE, by default 1,024; 512 take four minutes less.
        small: a size that only tries the benchmark out.
        json: print one JSON object instead of text.
    """

    only: tuple[Part, ...] = PARTS
    tpe: int | None = None
    small: bool = False
    json: bool = False


class Found(NamedTuple):
    """Part of the outcome.

    Args:
        rows: of the table.
        targets: figures to reach.
        unmeasured: sentences about what could not be measured.
    """

    rows: list[Row]
    targets: list[Target]
    unmeasured: list[str]


def ways_of_torch(restarts: int) -> dict[Torch, dict[str, Any]]:
    """Seconds of one restart, and the accuracies, [settings, restarts], in each of four ways to run PyTorch."""
    ways = [Torch(threads, fused) for threads in (1, 2) for fused in (False, True)]
    workers = {way: worker("accuracy in PyTorch", seeds=restarts, **way._asdict()) for way in ways}
    found = {way: each.go() for way, each in workers.items()}
    for each in workers.values():
        each.stop()
    return {way: each | {"seconds": each["seconds"] / np.size(each["accuracy"])} for way, each in found.items()}


def agreement(restarts: int, torch: Mapping[Torch, Mapping[str, Any]], fastest: Torch) -> Found:
    """What the methods' restarts come to at the same settings, and how long one takes in PyTorch."""
    rows: list[Row] = [
        {"name": f"a restart, PyTorch, threads {way.threads}{', fused' if way.fused else ''}", "seconds": each["seconds"]}
        for way, each in torch.items()
    ]
    found = {"PyTorch": np.array(torch[fastest]["accuracy"])}
    for name in ("JAX", "jaxtricks"):
        process = worker(f"accuracy in {name}", seeds=restarts)
        found[name] = np.array(process.go()["accuracy"])
        process.stop()
    own = found.pop("jaxtricks")
    rows.append({"name": "accuracy, jaxtricks", "%": _means(own)})
    for name, each in found.items():
        error = np.sqrt((each.var(axis=1, ddof=1) + own.var(axis=1, ddof=1)) / restarts)
        apart = float((np.abs(each.mean(axis=1) - own.mean(axis=1)) / np.maximum(error, 1e-9)).max())
        rows.append({"name": f"accuracy, {name}", "%": _means(each), "standard errors from jaxtricks, at most": apart})
    return Found(rows, [], [])


def _means(accuracy: Any) -> str:
    return ", ".join(f"{100 * mean:.1f}" for mean in accuracy.mean(axis=1))


def equal_quality(sizes: Sizes, methods: Mapping[str, Searched], table: Table) -> Found:
    """How good what searches return is, step by step, and how long they take until it is good enough."""
    from jaxtricks.evaluate.measure import Measure
    from jaxtricks.objectives.metrics import METRICS

    margin = Measure(METRICS["accuracy"].declared, VALIDATION).margin_for(table.confirmed / VALIDATION)
    asked, names = table.best - margin, [ours(trials) for trials in sizes.budgets]
    rows: list[Row] = [{"name": f"the best of the table, {len(table.rows):,} settings", "%": 100 * table.best}]
    rows += [row for name, each in methods.items() for row in _qualities(name, each, table.best, margin)]
    own = Traces.side_by_side([methods[name].traces for name in names])
    peers = {name: each.traces for name, each in methods.items() if name not in names}
    targets, unmeasured = list[Target](), list[str]()
    for word, typical in TYPICAL.items():
        step, seconds = step_to(own, asked, typical), seconds_to(own, asked, typical)
        if step is None:
            unmeasured.append(f"With no budget does jaxtricks return what is within the margin of the best, by the {word}.")
            continue
        cold = methods[names[step]].cold
        assert cold is not None  # jaxtricks compiles
        rows.append({"name": f"to equal quality, {word}: {names[step]}", "seconds": seconds, "cold": cold})
        for name, peer in peers.items():
            found = ratio(peer, own, asked, typical)
            least, took = "" if found.reached else ", at least", found.value * seconds
            row = {"name": f"to equal quality, {word}: {name}{least}", "seconds": took, "ratio": found.value}
            rows.append(row | {"from": found.low, "to": found.high, "ratio to cold": took / cold})
            if (name, word) == HEADLINE:
                what = f"times TPE with PyTorch, one trial after the other, to equal quality{least}"
                targets.append(Target(what, found.value, FASTER))
    return Found(rows, targets, unmeasured)


def _qualities(name: str, method: Searched, best: float, margin: float) -> Iterator[Row]:
    """What a method returns after some of its steps: all powers of two from 16 trials on, and the last one."""
    steps = np.arange(1, method.traces.seconds.shape[1] + 1)
    count = steps * method.size
    for step in steps[((count >= 16) & (count & (count - 1) == 0)) | (steps == len(steps))].tolist():
        row: Row = {"name": name if method.step is None else f"{name}, after {step * method.size} {method.step}"}
        row["seconds"] = float(np.median(method.traces.seconds[:, step - 1]))
        row |= quality(method.traces, step - 1, best, margin)
        yield row if method.cold is None or step < len(steps) else row | {"cold": method.cold}


def fixed_work(sizes: Sizes, way: Torch, beside: Mapping[str, Searched]) -> Found:
    """The same number of trials and seeds by all.

    Args:
        sizes: how many.
        way: how PyTorch runs.
        beside: methods that were timed at the same work already.
    """
    many = {"trials": sizes.fixed, "seeds": sizes.seeds}
    own, tpe = worker("jaxtricks", **many, raced=False), worker("optuna", sampler="TPESampler", **many, **way._asdict())
    cold = own.go()
    seconds, peer = [own.go()["seconds"]], tpe.go()["seconds"]
    seconds += [own.go()["seconds"] for _ in tqdm(range(sizes.rounds - 1), desc="fixed work")]
    for each in (own, tpe):
        each.stop()
    took, what = statistics.median(seconds), f"{sizes.fixed} trials × {sizes.seeds} seeds"
    rows: list[Row] = [
        {"name": f"{what}: jaxtricks", "seconds": took, "cold": cold["seconds"], "restarts": cold["restarts"]},
        {
            "name": f"{what}: Optuna's TPE, PyTorch",
            "seconds": peer,
            "ratio": peer / took,
            "ratio to cold": peer / cold["seconds"],
        },
    ]
    for name, method in beside.items():
        row = {"name": f"{what}: {name}", "seconds": method.seconds, "ratio": method.seconds / took}
        rows.append(row if method.cold is None else row | {"cold": method.cold})
    return Found(rows, [Target(f"times TPE with PyTorch, {what}", peer / took, WORK)], [])


def measure(sizes: Sizes, only: Sequence[Part]) -> Found:
    """Rows, targets and sentences of one run of the benchmark.

    Args:
        sizes: how much is done.
        only: parts to measure.
    """
    installed = importlib.util.find_spec("hyperoptax") is not None
    parts = [part for part in only if part != "hyperoptax" or installed]
    found = [Found([], [], [MISSING] if len(parts) < len(only) else [])]
    torch = ways_of_torch(sizes.agreement)
    fastest = min(torch, key=lambda way: torch[way]["seconds"])
    methods: dict[str, Searched] = {}
    if "agreement" in parts:
        found.append(agreement(sizes.agreement, torch, fastest))
    if {"tpe", "gp", "hyperoptax"} & set(parts):
        methods = searched(sizes, parts, fastest)
        found.append(equal_quality(sizes, methods, Table.read()))
    if "fixed" in parts:
        found.append(fixed_work(sizes, fastest, {name: each for name, each in methods.items() if name.startswith("hyperoptax")}))
    return Found(*(list(itertools.chain.from_iterable(each)) for each in zip(*found, strict=True)))


def main() -> None:
    """The command line."""
    arguments = tyro.cli(Arguments, config=(tyro.conf.FlagCreatePairsOff,))
    sizes = SMALL if arguments.small else FULL
    found = measure(sizes if arguments.tpe is None else sizes._replace(tpe=arguments.tpe), arguments.only)
    show(device_name(), found.rows, found.targets, arguments.json, found.unmeasured)


if __name__ == "__main__":
    main()
