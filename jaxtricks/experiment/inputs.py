"""How inputs are scaled before the model sees them; statistics come from the training split only."""

import numpy as np
from jaxtyping import Float, Int

from jaxtricks.config import Family, config
from jaxtricks.data import Dataset
from jaxtricks.data.moments import moments

Moments = tuple[Float[np.ndarray, "splits *shape"], Float[np.ndarray, "splits *shape"]]


class Inputs(Family):
    """Scales an input: `(x - shift)/scale`, feature by feature.

    >>> data = jt.Dataset.from_arrays([[0.0], [2.0], [4.0], [9.0]], [0, 1, 0, 1])
    >>> jt.experiment.Inputs("standardize").moments(data, np.array([[0, 1, 2]]))[0]
    array([[2.]], dtype=float32)
    """

    def moments(self, data: Dataset, trains: Int[np.ndarray, "splits train"]) -> Moments:
        """Shift and scale for each split, [splits, ...] of an example's shape.

        Args:
            data: the data set.
            trains: the places of each split's training examples; what a split gets depends on these alone.
        """
        raise NotImplementedError


def scaled_by(scaling: Inputs, data: Dataset, trains: Int[np.ndarray, "splits train"]) -> Moments:
    """Shift and scale of a data set's inputs for each split, from its training examples; (0, 1) for tokens."""
    if data.vocabulary is not None:
        return np.zeros(len(trains), np.float32), np.ones(len(trains), np.float32)
    return scaling.moments(data, trains)


def filled_with(data: Dataset, trains: Int[np.ndarray, "splits train"]) -> Float[np.ndarray, "splits *shape"] | None:
    """What stands for a missing number in each split: the mean over its training examples; None where no number is missing.

    >>> data = jt.Dataset.from_arrays([[0.0], [2.0], [np.nan], [9.0]], [0, 1, 0, 1], missing=True)
    >>> jt.experiment.inputs.filled_with(data, np.array([[0, 1, 2], [1, 2, 3]])).tolist()
    [[1.0], [5.5]]
    """
    return moments(data.x, trains, data.lengths, data.missing)[0] if data.missing else None


@config("standardize", rows=["T014", "T015"], paper="LeCun+ 1998, Efficient BackProp")
class Standardize(Inputs):
    """Zero mean and unit variance of each feature over the training split; a feature that never varies is only centred.

    >>> data = jt.Dataset.from_arrays([[0.0], [2.0], [4.0], [9.0]], [0, 1, 0, 1])
    >>> shift, scale = jt.experiment.Standardize().moments(data, np.array([[0, 1, 2]]))
    >>> shift, scale
    (array([[2.]], dtype=float32), array([[1.6329932]], dtype=float32))
    """

    def moments(self, data: Dataset, trains: Int[np.ndarray, "splits train"]) -> Moments:
        return moments(data.x, trains, data.lengths, data.missing)


@config("unit", rows=["T014"], paper="lecture 3")
class Unit(Inputs):
    """x / (the largest possible value), which lies in [0, 1] for images.

    >>> shift, scale = jt.experiment.Unit().moments(jt.load("digits"), np.arange(10)[None])
    >>> float(scale.max())
    16.0
    """

    def moments(self, data: Dataset, trains: Int[np.ndarray, "splits train"]) -> Moments:
        shape = (len(trains), *data.shape)
        return np.zeros(shape, np.float32), np.full(shape, data.scale, np.float32)


@config("raw", rows=["T014"], paper="lecture 3")
class Raw(Inputs):
    """x as it is stored, not scaled.

    >>> shift, scale = jt.experiment.Raw().moments(jt.load("digits"), np.arange(10)[None])
    >>> float(shift.max()), float(scale.max())
    (0.0, 1.0)
    """

    def moments(self, data: Dataset, trains: Int[np.ndarray, "splits train"]) -> Moments:
        shape = (len(trains), *data.shape)
        return np.zeros(shape, np.float32), np.ones(shape, np.float32)
