"""Examples of each restart's own, so that restarts say as much of new data as so many independent data sets."""

from dataclasses import dataclass
from typing import ClassVar

import jaxtricks as jt
from jaxtricks.data import Split
from jaxtricks.evaluate.claim import Scale
from jaxtricks.experiment import Disjoint
from jaxtricks.experiment.resampling import Resampling


@dataclass(frozen=True, eq=False)
class Apart(Resampling):
    """A part of the pool for each seed: consecutive seeds have no example in common.

    Values of restarts that neither train nor validate on a common example do not depend on each other, so that Student's interval
    of their mean is about new data.

    Args:
        of: the number of parts, at least the number of seeds; seed s has part s mod `of`.
    """

    NAME: ClassVar[str] = "apart"
    of: int

    def splits(self, data: jt.Dataset, seed: int) -> list[Split]:
        return [Disjoint(self.of).splits(data, seed)[seed % self.of]]


def apart(scale: Scale, pool: jt.Dataset, train: int, other: int) -> jt.Dataset:
    """The examples that all restarts of a scale judge together: `train` and `other` ones for each of them.

    Args:
        scale: of the claim.
        pool: the data set.
        train: examples that a restart trains on.
        other: examples that it is judged on.
    """
    return scale.examples(pool, scale.seeds * (train + other), other / (train + other))
