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
    parts = {shape: [one for one in found if one.shape == shape] for shape in SHAPES}
    yield f"# {len(found)} simulated searches\n"
    yield "64 trials, 4 restarts each, then up to 64 more where they decide; noise of 0.2 to 3 spreads of the true scores, "
    yield "margins of 0.1 to 1 spread. In each cell: stated → came true, in percent (searches).\n"
    bins = [f"{low}–{low + 10}" for low in range(0, 100, 10)]
    yield "| searches | " + " | ".join(bins) + " |\n|" + "---|" * 11
    for name, part in {"all": list(found), **parts}.items():
        yield f"| {name}, before the race | " + " | ".join(_cells([one.before for one in part], [one.was_right for one in part])) + " |"
        yield f"| {name}, after it | " + " | ".join(_cells([one.stated for one in part], [one.right for one in part])) + " |"
    for name, low, high in (("quiet: noise below 1 spread", 0, 1), ("loud: noise above it", 1, np.inf)):
        for shape, part in {"all": list(found), **parts}.items():
            some = [one for one in part if low <= one.noise < high]
            yield f"| {shape}, {name} | " + " | ".join(_cells([one.stated for one in some], [one.right for one in some])) + " |"
    yield "\n| searches | stated | came true | score of the luckiest | shrunk score | of that bias | regret | of the luckiest's | first group has the best | its size | restarts |"
    yield "|" + "---|" * 11
    for name, part in {"all": list(found), **parts}.items():
        mean = {field: float(np.mean([getattr(one, field) for one in part])) for field in Search._fields if field != "shape"}
        yield (
            f"| {name} | {mean['stated']:.1%} | {mean['right']:.1%} | {mean['luckiest']:+.3f} | {mean['shrunk']:+.3f} "
            f"| {mean['shrunk'] / mean['luckiest']:.0%} | {mean['regret']:.3f} | | {mean['grouped']:.1%} | {mean['group']:.1f} | {mean['used']:.0f} |"
        )


def _cells(stated: Sequence[float], right: Sequence[bool]) -> Iterator[str]:
    p, true = np.array(stated), np.array(right)
    place = np.minimum((p * 10).astype(int), 9)
    for number in range(10):
        here = place == number
        yield f"{100 * p[here].mean():.0f} → {100 * true[here].mean():.0f} ({here.sum()})" if here.any() else ""


if __name__ == "__main__":
    tyro.cli(main)
