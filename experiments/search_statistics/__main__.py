"""The command line: `python -m experiments.search_statistics`, which prints CALIBRATION.md."""

from collections.abc import Iterator, Sequence

import numpy as np
import tyro
from tqdm.auto import tqdm

from experiments.search_statistics.simulation import SHAPES, Search, search


def main(searches: int = 2_000) -> None:
    """Simulates searches and prints how often the stated probabilities came true.

    Args:
        searches: how many, over all shapes of true scores.
    """
    numbers = [(shape, number) for number in range(searches // len(SHAPES)) for shape in SHAPES]
    found = [search(shape, number) for shape, number in tqdm(numbers, unit="search")]
    print("\n".join(_page(found)))


def _page(found: Sequence[Search]) -> Iterator[str]:
    parts = {"all": list(found)} | {shape: [one for one in found if one.shape == shape] for shape in SHAPES}
    yield f"# What {len(found)} simulated searches stated, and what came true\n"
    yield "Made by `python -m experiments.search_statistics`. 64 trials of 4 restarts, then up to 64 restarts more where they"
    yield "decide, until P(within the margin) ≥ 95%; noise of a restart 0.2 to 3 spreads of the true scores, in half of the"
    yield "searches uneven; margins of 0.1 to 1 spread.\n"
    yield "P(the chosen trial is within the margin of the best tried): stated → came true, in percent (searches).\n"
    yield _row("searches", *(f"{low}–{low + 10}" for low in range(0, 100, 10))) + "\n|" + "---|" * 11
    for name, part in parts.items():
        yield _row(f"{name}, before the race", *_cells([one.before for one in part], [one.was_right for one in part]))
        yield _row(f"{name}, after it", *_cells([one.stated for one in part], [one.right for one in part]))
    yield "\nScores are losses, in spreads of the true ones, less the true score: of the luckiest trial before the race (the best"
    yield "mean of 4 restarts), and of the chosen one, shrunk. The first group is that of the trials that cannot be told from the"
    yield "leader (95%); it is right where the best trial is in it.\n"
    names = ("searches", "stated", "came true", "luckiest", "shrunk", "share of it left", "regret", "first group right")
    yield _row(*names, "its trials", "restarts added") + "\n|" + "---|" * 10
    for name, part in parts.items():
        of = {field: float(np.mean([getattr(one, field) for one in part])) for field in Search._fields if field != "shape"}
        chances = f"{of['stated']:.1%}", f"{of['right']:.1%}"
        scores = f"{of['luckiest']:+.3f}", f"{of['shrunk']:+.3f}", f"{of['shrunk'] / of['luckiest']:.0%}", f"{of['regret']:.3f}"
        yield _row(name, *chances, *scores, f"{of['grouped']:.1%}", f"{of['group']:.1f}", f"{of['used']:.0f}")


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def _cells(stated: Sequence[float], right: Sequence[bool]) -> Iterator[str]:
    p, true = np.array(stated), np.array(right)
    place = np.minimum((p * 10).astype(int), 9)
    for number in range(10):
        here = place == number
        yield f"{100 * p[here].mean():.0f} → {100 * true[here].mean():.0f} ({here.sum()})" if here.any() else ""


if __name__ == "__main__":
    tyro.cli(main)
