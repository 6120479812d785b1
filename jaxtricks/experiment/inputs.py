"""How inputs are scaled before the model sees them; statistics come from the training split only."""

import numpy as np
from jaxtyping import Float, Int

from jaxtricks.config import Family, config
from jaxtricks.data import Dataset, Split

Moments = tuple[Float[np.ndarray, "*shape"], Float[np.ndarray, "*shape"]]


class Inputs(Family):
    """Scales an input: `(x - shift)/scale`, feature by feature."""

    def moments(self, data: Dataset, train: Int[np.ndarray, " train"]) -> Moments:
        """Shift and scale, each of an example's shape.

        Args:
            data: the data set.
            train: positions of the training examples, [train]; no other example may be looked at.
        """
        raise NotImplementedError


def scaled_by(scaling: Inputs, data: Dataset, split: Split) -> Moments:
    """Shift and scale of a data set's inputs by what one split trains on; tokens have none."""
    if data.vocabulary is not None:
        return np.zeros((), np.float32), np.ones((), np.float32)
    return scaling.moments(data, split.train)


@config("standardize", rows=["T014", "T015"], paper="LeCun+ 1998, Efficient BackProp")
class Standardize(Inputs):
    """Zero mean and unit variance of each feature over the training split; a feature that never varies is only centred."""

    def moments(self, data: Dataset, train: Int[np.ndarray, " train"]) -> Moments:
        return data.standardization(train)


@config("unit", rows=["T014"], paper="lecture 3")
class Unit(Inputs):
    """x/largest possible value: [0, 1] for images."""

    def moments(self, data: Dataset, train: Int[np.ndarray, " train"]) -> Moments:
        shape = data.x.shape[1:]
        return np.zeros(shape, np.float32), np.full(shape, data.scale, np.float32)


@config("raw", rows=["T014"], paper="lecture 3")
class Raw(Inputs):
    """x as it is stored."""

    def moments(self, data: Dataset, train: Int[np.ndarray, " train"]) -> Moments:
        shape = data.x.shape[1:]
        return np.zeros(shape, np.float32), np.ones(shape, np.float32)
