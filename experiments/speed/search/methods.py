"""Which methods search, how often and for how long; and the searches themselves, all methods taking turns."""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
from tqdm.auto import tqdm

from experiments.speed.harness import Worker
from experiments.speed.search.contestants import MODULE
from experiments.speed.search.figures import Traces
from experiments.speed.search.task import JUDGE_SEEDS, scores

Part = Literal["agreement", "tpe", "gp", "hyperoptax", "fixed"]
PARTS: tuple[Part, ...] = ("agreement", "tpe", "gp", "hyperoptax", "fixed")
ENVIRONMENT = {"JAX_ENABLE_COMPILATION_CACHE": "false", "OMP_WAIT_POLICY": "passive"}
STRATEGIES = ("random", "bayes", "grid")  # of hyperoptax


class Sizes(NamedTuple):
    """How much is done.

    Args:
        searches: of TPE, and of jaxtricks with each budget.
        few: searches of the peers beside, GPSampler and hyperoptax.
        budgets: trials of a search of jaxtricks.
        tpe: trials of a search of TPE.
        gp: trials of a search of GPSampler.
        fixed: trials of the fixed work, and of a search of hyperoptax.
        parallel: trials of hyperoptax that are trained together.
        seeds: restarts of a trial, where it has several.
        rounds: of the fixed work, but for TPE, which does it once.
        agreement: restarts at each of the settings where methods are compared.
        fresh: restarts that judge what was returned.
    """

    searches: int
    few: int
    budgets: tuple[int, ...]
    tpe: int
    gp: int
    fixed: int
    parallel: int
    seeds: int
    rounds: int
    agreement: int
    fresh: int


FULL = Sizes(
    searches=8,
    few=3,
    budgets=(16, 32, 64, 128),
    tpe=1024,
    gp=64,
    fixed=256,
    parallel=16,
    seeds=4,
    rounds=3,
    agreement=24,
    fresh=32,
)
SMALL = Sizes(searches=2, few=1, budgets=(10,), tpe=6, gp=6, fixed=16, parallel=2, seeds=2, rounds=1, agreement=2, fresh=2)


class Torch(NamedTuple):
    """How PyTorch runs.

    Args:
        threads: how many.
        fused: whether its optimizer is the fused one.
    """

    threads: int
    fused: bool


class Method(NamedTuple):
    """One that searches.

    Args:
        worker: its process.
        searches: how many.
        compiles: whether the first call is longer than others.
        step: what a step of its traces is, such as "trials"; None where a search is one step.
        size: of a step, in these.
    """

    worker: Worker
    searches: int
    compiles: bool
    step: str | None
    size: int


class Searched(NamedTuple):
    """What the searches of one method came to.

    Args:
        traces: of the searches.
        cold: the seconds of the first call; None where nothing compiles.
        step: as of the method.
        size: as of the method.
    """

    traces: Traces
    cold: float | None
    step: str | None
    size: int

    @property
    def seconds(self) -> float:
        """Of a whole search, the median."""
        return float(np.median(self.traces.seconds[:, -1]))


def worker(name: str, **arguments: Any) -> Worker:
    """A contestant's process.

    Args:
        name: of the contestant.
        arguments: what it is called with.
    """
    return Worker(MODULE, name, arguments, ENVIRONMENT)


def ours(trials: int) -> str:
    """The name of jaxtricks with a budget."""
    return f"jaxtricks, {trials} trials"


def searched(sizes: Sizes, parts: Sequence[Part], way: Torch) -> dict[str, Searched]:
    """The searches of all methods that some parts need, by the method's name.

    Args:
        sizes: how many, and how long.
        parts: of the benchmark.
        way: how PyTorch runs.
    """
    methods = dict(_methods(sizes, parts, way))
    compiled = [name for name, method in methods.items() if method.compiles]
    cold = {name: methods[name].worker.go()["seconds"] for name in tqdm(compiled, desc="first calls")}
    found: dict[str, list[Mapping[str, Any]]] = {name: [] for name in methods}
    for turn in tqdm(range(1, sizes.searches + 1), desc="searches"):
        for name, method in methods.items():
            due = method.searches * turn // sizes.searches - len(found[name])
            found[name] += [method.worker.go()["trace"] for _ in range(due)]
    for method in methods.values():
        method.worker.stop()
    judged = _judged(itertools.chain.from_iterable(found.values()), sizes.fresh)
    return {
        name: Searched(Traces.of(found[name], judged), cold.get(name), method.step, method.size)
        for name, method in methods.items()
    }


def _methods(sizes: Sizes, parts: Sequence[Part], way: Torch) -> Iterator[tuple[str, Method]]:
    for trials in sizes.budgets:
        yield (
            ours(trials),
            Method(worker("jaxtricks", trials=trials, seeds=sizes.seeds, raced=True), 2 * sizes.searches, True, None, 1),
        )
    for part, sampler, trials, count in (("tpe", "TPE", sizes.tpe, sizes.searches), ("gp", "GP", sizes.gp, sizes.few)):
        if part in parts:
            process = worker("optuna", sampler=f"{sampler}Sampler", trials=trials, seeds=1, **way._asdict())
            yield f"Optuna's {sampler}, PyTorch", Method(process, count, False, "trials", 1)
    if "hyperoptax" in parts:
        for strategy in STRATEGIES:
            process = worker("hyperoptax", strategy=strategy, trials=sizes.fixed, seeds=sizes.seeds, parallel=sizes.parallel)
            yield f"hyperoptax, {strategy}", Method(process, sizes.few, True, "trials", sizes.parallel)


def _judged(traces: Any, fresh: int) -> dict[tuple[float, ...], float]:
    """The true score of all settings that a search would have returned at some step."""
    from jaxtricks.engine.layout import set_up

    rows = sorted({tuple(row) for trace in traces for row in trace["rows"]})
    set_up(len(rows) * fresh)
    return dict(zip(rows, scores(rows, JUDGE_SEEDS, fresh).mean(axis=1).tolist(), strict=True))
