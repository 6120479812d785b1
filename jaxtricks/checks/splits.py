"""The parts of a data set that checks compare."""

from dataclasses import dataclass
from typing import Self

from jaxtricks.data.dataset import Dataset
from jaxtricks.data.errors import DataError
from jaxtricks.data.examples import Inputs, Lengths
from jaxtricks.data.splits import Places, Split


@dataclass(frozen=True, eq=False)
class Splits:
    """Which examples are trained on, validated on and tested on. Of the test split there are inputs and no labels.

    Args:
        train: places in the pool, ascending, [train].
        validation: places in the pool, ascending, [validation].
        fixed: whether all seeds have this split; else each draws its own, and this is that of one of them.
        test: the inputs of the test split, [test, ...]; None: there is none.
        test_lengths: the true number of steps of each of them, [test]; None where all are whole.

    >>> splits = Splits.of(jt.load("digits").subset(100, seed=0), seed=0)
    >>> len(splits.train), len(splits.validation), splits.fixed
    (80, 20, False)
    """

    train: Places
    validation: Places
    fixed: bool
    test: Inputs | None = None
    test_lengths: Lengths | None = None

    @classmethod
    def of(cls, data: Dataset, seed: int) -> Self:
        """Gives the split of a seed, and the inputs of the test split, which stays locked.

        Raises:
            DataError: where a seed draws no split.
        """
        train, validation = data.split(seed)
        inputs = data.test_inputs
        if min(len(train), len(validation)) == 0:
            raise DataError(f"data: the split of {data.name} by seed {seed} has an empty side; two that are not are allowed.")
        return cls(train, validation, isinstance(data.validation, Split), *((None, None) if inputs is None else inputs))
