"""How sure searches are, and how good what they return is: `python -m experiments.search_luck`, some minutes on 2 cores.

For every strategy and budget 200 searches of the table, see `experiments.search_luck.table`; beside them Optuna's TPE with one
restart a trial and as many restarts. Prints RESULTS.md.
"""

import dataclasses
import itertools
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor

import numpy as np
import tyro

from experiments.search_luck.searches import MARGIN, STRATEGIES, Found, searched, strategy_of
from experiments.search_luck.table import CONFIGS, RESTARTS, SEARCHED, Table
from experiments.search_luck.tpe import regret

BUDGETS = (16, 32, 64)
SEEDS = 4
BINS = (0.0, 0.5, 0.7, 0.8, 0.9, 0.95, 1.0)


@dataclasses.dataclass(frozen=True)
class Arguments:
    """Searches the table, 200 times with each strategy and budget.

    Args:
        searches: of each strategy and budget.
        budgets: trials.
        workers: processes.
    """

    searches: int = 200
    budgets: tuple[int, ...] = BUDGETS
    workers: int = 2


def main(arguments: Arguments) -> None:
    """Prints the tables."""
    table = Table.read()
    print("# How sure searches are, and how good what they return is\n")
    good = (table.truth >= table.truth.max() - MARGIN).sum()
    noise = table.searched.std(axis=1, ddof=1)[table.truth.argsort()[-50:]].mean()
    print(
        f"A table of {CONFIGS:,} settings of a network of 32 units on handwritten digits, 10 epochs; searches see {SEARCHED} "
        f"restarts of each, the truth is the mean of {RESTARTS - SEARCHED} others. Best {100 * table.truth.max():.2f}%; {good} "
        f"settings lie within the margin of {100 * MARGIN:g} points of it; restarts of a good one have a standard deviation of "
        f"{100 * noise:.2f} points. Each figure is of {arguments.searches} searches; a trial has {SEEDS} restarts, and a fifth "
        "of the budget races.\n"
    )
    with ProcessPoolExecutor(arguments.workers) as pool:
        found = {
            (strategy, trials): list(pool.map(_one, [(table, strategy, trials, number) for number in range(arguments.searches)]))
            for trials in arguments.budgets
            for strategy in STRATEGIES
        }
        print("\n".join(_regrets(found)))
        print("\n".join(_probabilities([each for searches in found.values() for each in searches])))
        restarts = {trials: int(np.mean([each.restarts for each in found["bayes", trials]])) for trials in arguments.budgets}
        try:
            tpe = {
                trials: list(pool.map(_tpe, [(table, count, number) for number in range(arguments.searches)]))
                for trials, count in restarts.items()
            }
        except ImportError:
            sys.exit("Optuna is not installed; `pip install jaxtricks[optuna]` adds it.")
        print("\n".join(_beside(tpe, restarts)))


def _one(job: tuple[Table, str, int, int]) -> Found:
    table, strategy, trials, number = job
    return searched(table, strategy_of(strategy, trials), trials, SEEDS, number)


def _tpe(job: tuple[Table, int, int]) -> float:
    return regret(*job)


def _regrets(found: dict[tuple[str, int], list[Found]]) -> Iterator[str]:
    yield "## What they return\n"
    yield "How often what is returned lies within the margin: of the best of the table, and of the best that was tried, which is"
    yield "what the search gives the probability of. How much too high the luckiest mean is, and the score that is given.\n"
    yield "| strategy | trials | restarts | regret, points | of the table | of those tried | it says | luckiest | given |"
    yield "|---|---|---|---|---|---|---|---|---|"
    for (strategy, trials), each in found.items():
        mean = {name: float(np.mean([getattr(one, name) for one in each])) for name in Found._fields}
        yield (
            f"| {strategy} | {trials} | {mean['restarts']:.0f} | {100 * mean['regret']:.2f} | {mean['within']:.1%} | "
            f"{mean['true']:.1%} | {mean['stated']:.1%} | {100 * mean['naive']:+.2f} | {100 * mean['shrunk']:+.2f} |"
        )
    yield ""


def _probabilities(found: Sequence[Found]) -> Iterator[str]:
    yield "## Whether the stated probability is right\n"
    yield "All strategies and budgets together, by what the search says.\n"
    yield "| it says | searches | says, on average | true |"
    yield "|---|---|---|---|"
    stated, true = np.array([each.stated for each in found]), np.array([each.true for each in found])
    for low, high in itertools.pairwise(BINS):
        here = (stated >= low) & ((stated < high) | (high == 1))
        if here.any():
            yield f"| {low:.0%} to {high:.0%} | {here.sum():,} | {stated[here].mean():.1%} | {true[here].mean():.1%} |"
    yield f"| all | {len(found):,} | {stated.mean():.1%} | {true.mean():.1%} |\n"


def _beside(tpe: dict[int, list[float]], restarts: dict[int, int]) -> Iterator[str]:
    yield "## Optuna's TPE, one restart a trial\n"
    yield "| restarts, as many as of `bayes` | regret, points | within the margin of the best of the table |"
    yield "|---|---|---|"
    for trials, each in tpe.items():
        within = float(np.mean([one <= MARGIN for one in each]))
        yield f"| {restarts[trials]} | {100 * float(np.mean(each)):.2f} | {within:.1%} |"


if __name__ == "__main__":
    main(tyro.cli(Arguments))
