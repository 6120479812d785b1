"""Members of a seed that may see different numbers of examples, in one program: what learning curves over n are made of."""

import numbers
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from jaxtricks import rng
from jaxtricks.config import ConfigError
from jaxtricks.data import Dataset, Split
from jaxtricks.experiment.resampling import Resampling


@dataclass(frozen=True, eq=False)
class Sizes(Resampling):
    """Each member of a seed trains on another number of examples; all of them validate on the examples of `All`.

    The examples of a smaller size are among those of the next larger one, of each class in proportion. Members stack because a
    small one repeats its examples until there are as many as the largest has: an epoch is the same number of steps for all, in
    which a member of half the size sees each of its examples twice. So all sizes have the same number of updates, and those of a
    small one are not fewer. (Equal epochs would train a small size for a few steps only.)

    Args:
        of: the numbers of examples, ascending.

    >>> data = jt.Dataset.from_arrays(np.zeros((10, 3)), np.arange(10) % 2)
    >>> small, large = Sizes((2, 4)).splits(data, seed=0)
    >>> small.train.shape, len(set(small.train.tolist())), set(small.train.tolist()) <= set(large.train.tolist())
    ((4,), 2, True)
    """

    NAME: ClassVar[str] = "sizes"
    of: Sequence[int]

    def __post_init__(self) -> None:
        counts = [count for count in self.of if isinstance(count, numbers.Integral) and not isinstance(count, bool) and count > 0]
        if len(counts) < 2 or counts != sorted(set(self.of)) or len(counts) < len(self.of):
            raise ConfigError(f"sizes = {tuple(self.of)} are not two or more numbers of examples, ascending.")
        object.__setattr__(self, "of", tuple(int(count) for count in counts))

    @property
    def parts(self) -> tuple[str, ...]:
        return tuple(f"{count} examples" for count in self.of)

    def splits(self, data: Dataset, seed: int) -> list[Split]:
        train, validation = data.split(seed)
        if self.of[-1] > len(train):
            raise ConfigError(
                f"sizes: {self.of[-1]} is more than the {len(train)} examples that {data.name} has for training; "
                f"1 to {len(train)} are allowed."
            )
        kept, seen = train, []
        for count in reversed(self.of):
            kept = data.draws.some(kept, count, rng.host(seed, f"size {count}"))[0]
            seen.append(Split(np.sort(np.resize(kept, self.of[-1])), validation))
        return seen[::-1]


def doubling(most: int, least: int, points: int = 8) -> tuple[int, ...]:
    """Gives sizes that double up to the largest, ascending; at least two.

    >>> doubling(1150, 20)
    (35, 71, 143, 287, 575, 1150)

    Args:
        most: the largest size.
        least: no size is smaller, but for the second of two.
        points: how many sizes at most.
    """
    sizes = [most >> power for power in range(points) if most >> power >= max(least, 1)]
    return tuple(sorted(sizes)) if len(sizes) > 1 else (max(most // 2, 1), most)
