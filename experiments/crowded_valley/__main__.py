"""53 760 runs: fifteen rules on eight problems, `python -m experiments.crowded_valley`, about an hour on 2 cores.

Goes on where it was stopped: what is done lies in a folder, a file for each rule and problem. The last call writes the table
beside this file and prints RESULTS.md.
"""

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import tyro
from jaxtyping import Float
from tqdm.auto import tqdm

from experiments.crowded_valley.cells import FULL, Cell, trained
from experiments.crowded_valley.problems import PROBLEMS
from experiments.crowded_valley.rules import RULES, SCHEDULES
from experiments.crowded_valley.table import BUDGETS, Table
from jaxtricks.engine import program
from jaxtricks.engine.layout import set_up


@dataclasses.dataclass(frozen=True)
class Arguments:
    """Trains what is missing, and prints the tables when all is there.

    Args:
        folder: of what is done so far.
        only: the problems whose name has this in it; the table waits for all of them.
    """

    folder: Path = Path("crowded-valley")
    only: str = ""


def main(arguments: Arguments) -> None:
    """Trains, writes the table and prints the page."""
    set_up(FULL.runs)
    names = [(problem, rule) for problem in PROBLEMS for rule in RULES]
    files = {cell: arguments.folder / f"{cell[0]}-{cell[1]}.npz" for cell in names}
    missing = [cell for cell in names if arguments.only in cell[0] and not files[cell].exists()]
    bar = tqdm(total=len(missing) * FULL.runs, unit="run", unit_scale=True)
    for problem, name in PROBLEMS.items():
        rules = [rule for of, rule in missing if of == problem]
        if not rules:
            continue
        program.forget()  # no other problem has these shapes
        data = name.data()
        for rule in rules:
            bar.set_description(f"{problem}, {rule}")
            trained(problem, name, data, (rule, RULES[rule]), FULL).write(files[problem, rule])
            bar.update(FULL.runs)
    bar.close()
    cells = {cell: Cell.read(file) for cell, file in files.items()}
    waiting = sum(cell is None for cell in cells.values())
    if waiting:
        print(f"{len(cells) - waiting} of {len(cells)} cells are there; the table is written when all are.")
        return
    table = gathered({cell: found for cell, found in cells.items() if found is not None})
    table.write()
    print("\n".join(page(table)))


def gathered(cells: dict[tuple[str, str], Cell]) -> Table:
    """The table of all cells.

    Args:
        cells: (problem, rule) → cell, all of them.
    """

    def of(part: str) -> Float[np.ndarray, "problems rules ..."]:
        return np.stack([np.stack([getattr(cells[problem, rule], part) for rule in RULES]) for problem in PROBLEMS])

    return Table(
        tuple(PROBLEMS),
        tuple(RULES),
        tuple(SCHEDULES),
        np.array([problem.higher for problem in PROBLEMS.values()]),
        np.array([problem.floor(problem.data()) for problem in PROBLEMS.values()]),
        *(of(part) for part in Cell._fields),
    )


def programs() -> int:
    """How many different programs of training there are: three for each problem and structure of rules."""
    structures = len({entry.lookahead for entry in RULES.values()})
    return 3 * len(PROBLEMS) * structures


def page(table: Table) -> Iterator[str]:
    """RESULTS.md, line by line.

    Args:
        table: all of it.
    """
    yield "# Fifteen rules, four schedules, eight problems\n"
    diverged = int(np.isnan(table.default).sum() + np.isnan(table.tuning).sum() + np.isnan(table.chosen).sum())
    yield (
        f"{table.runs:,} runs in {programs()} programs, {table.seconds.sum() / 60:.0f} minutes on 2 cores beside other work, "
        f"{table.compiling.sum() / 60:.0f} of them to compile; {diverged:,} runs diverged. For each rule, schedule and problem: "
        "default settings on 10 seeds, 75 random settings on one seed, and the best of the first 25, 50 and 75 of them on "
        "nine other seeds. Tuned and judged by what the validation set says after the last epoch; each seed draws its own. Where "
        "two budgets chose the same setting their restarts are the same ones. Settings by default and their ranges are "
        "the paper's as they are remembered, not re-read: AMSGrad's learning rate of 0.01, ten times its kin's, is one of them.\n"
    )
    yield "Shares: 0 is a constant answer, 1 the best mean of any rule, schedule and budget; a run that diverged has 0.\n"
    yield "## Default settings, mean over schedules and seeds\n"
    yield from _by_problem(table, table.defaults)
    yield f"## The best of {BUDGETS['large']} random settings, on seeds that chose nothing, mean over schedules\n"
    yield from _by_problem(table, table.tuned("large"))
    yield "## Schedules and budgets, mean over rules and problems\n"
    yield "| schedule | default | " + " | ".join(f"best of {count}" for count in BUDGETS.values()) + " |"
    yield "|---|" + "---|" * (1 + len(BUDGETS))
    shares = [table.defaults, *(table.tuned(budget) for budget in BUDGETS)]
    for place, name in enumerate(table.schedules):
        yield f"| {name} | " + " | ".join(f"{each[:, :, place].mean():.3f}" for each in shares) + " |"
    yield "\n## What the problems are\n"
    yield "| problem | measure | a constant answer | the best mean | stands for |"
    yield "|---|---|---|---|---|"
    for place, name in enumerate(table.problems):
        problem = PROBLEMS[name]
        yield f"| {name} | {problem.measured} | {table.floor[place]:.3g} | {table.ceiling[place]:.3g} | {problem.like} |"


def _by_problem(table: Table, shares: Float[np.ndarray, "problems rules schedules seeds"]) -> Iterator[str]:
    means = shares.mean(axis=(2, 3))
    yield "| rule | " + " | ".join(table.problems) + " | mean |"
    yield "|---|" + "---|" * (len(table.problems) + 1)
    for rule in np.argsort(-means.mean(axis=0)):
        each = " | ".join(f"{value:.2f}" for value in means[:, rule])
        yield f"| {table.rules[rule]} | {each} | {means[:, rule].mean():.3f} |"
    yield ""


if __name__ == "__main__":
    main(tyro.cli(Arguments))
