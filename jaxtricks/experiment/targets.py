"""How the values of a regression are scaled before the model learns them; statistics come from the training split only."""

import numpy as np
from jaxtyping import Int

from jaxtricks.config import Family, config
from jaxtricks.data import Dataset
from jaxtricks.data.moments import moments
from jaxtricks.objectives.scaling import Scaling


class Targets(Family):
    """Scales the values of a regression, each output by itself; classes and labels have no scale.

    The model learns scaled values. Its scores are turned back before anything is measured: metrics and predictions are in the
    user's units. The training loss, and the loss that early stopping and plateau schedules follow, are those of scaled values.

    >>> data = jt.Dataset.from_arrays(np.zeros((4, 1)), [[0.0], [2.0], [4.0], [9.0]])
    >>> float(jt.experiment.Targets("standardize").scaling(data, np.array([[0, 1, 2]])).shift[0, 0])
    2.0
    """

    def scaling(self, data: Dataset, trains: Int[np.ndarray, "splits train"]) -> Scaling | None:
        """Shift and scale for each split, [splits, outputs]; None: values are learnt as they are stored.

        Args:
            data: the data set, of values.
            trains: the places of each split's training examples; what a split gets depends on these alone.
        """
        raise NotImplementedError


def targets_scaled_by(targets: Targets, data: Dataset, trains: Int[np.ndarray, "splits train"]) -> Scaling | None:
    """The scaling of a data set's values for each split, from its training examples; None for classes and labels."""
    return targets.scaling(data, trains) if data.kind.scales else None


@config("standardize", rows=["T014"], paper="LeCun+ 1998, Efficient BackProp")
class StandardizedTargets(Targets):
    """Zero mean and unit variance of each output over the training split; one that never varies is only centred.

    >>> data = jt.Dataset.from_arrays(np.zeros((4, 1)), [[0.0], [2.0], [4.0], [9.0]])
    >>> float(jt.experiment.StandardizedTargets().scaling(data, np.array([[0, 1, 2]])).scale[0, 0])
    1.632993221282959
    """

    def scaling(self, data: Dataset, trains: Int[np.ndarray, "splits train"]) -> Scaling | None:
        shift, scale = moments(data.y, trains)
        return Scaling(shift, scale)  # type: ignore[arg-type]


@config("raw", rows=["T014"], paper="lecture 3")
class RawTargets(Targets):
    """Values as they are stored.

    >>> data = jt.Dataset.from_arrays(np.zeros((4, 1)), [[0.0], [2.0], [4.0], [9.0]])
    >>> jt.experiment.RawTargets().scaling(data, np.array([[0, 1, 2]])) is None
    True
    """

    def scaling(self, data: Dataset, trains: Int[np.ndarray, "splits train"]) -> Scaling | None:
        return None
