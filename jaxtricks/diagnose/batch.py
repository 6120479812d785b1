"""Whether a prediction depends on the other examples of its batch, as it must not at test time."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Array, Float, Shaped

from jaxtricks.config import ConfigError
from jaxtricks.train.runs import Runs

TOLERANCE = 1e-4  # of the largest prediction: other batches round differently

Predict = Callable[[np.ndarray], Float[np.ndarray | Array, "examples ..."]]


@dataclass(frozen=True)
class BatchDependence:
    """How much predictions change with the rest of the batch; each number is the largest change of any prediction.

    Args:
        alone: where each example is a batch of its own.
        company: where copies of one half of the batch take the place of the other half.
        permuted: where the batch has another order.
        tolerance: the largest change that rounding explains.

    >>> print(BatchDependence(alone=1e-7, company=0.0, permuted=0.0, tolerance=1e-4))
    predictions do not depend on the rest of the batch: largest change alone 1.0e-07, in other company 0.0e+00, ...
    """

    alone: float
    company: float
    permuted: float
    tolerance: float

    @property
    def largest(self) -> float:
        """The largest of the three changes."""
        return max(self.alone, self.company, self.permuted)

    @property
    def depends(self) -> bool:
        """Whether a change is more than rounding, or not a number."""
        return not self.largest <= self.tolerance

    def __str__(self) -> str:
        verdict = (
            "predictions DEPEND on the rest of the batch"
            if self.depends
            else "predictions do not depend on the rest of the batch"
        )
        changes = f"alone {self.alone:.1e}, in other company {self.company:.1e}, in another order {self.permuted:.1e}"
        return f"{verdict}: largest change {changes} (rounding: up to {self.tolerance:.1e})"


def batch_dependence(predictor: Runs | Predict, x: Shaped[np.ndarray, "examples ..."]) -> BatchDependence:
    """Whether a prediction at test time changes with the rest of the batch, as with batch norm left in training mode (T021).

    Args:
        predictor: the runs, or a function of inputs [n, ...] → predictions [n, ...], such as
            `lambda x: model.apply(variables, x, train=False)`.
        x: some ten different examples, [examples, ...]; for runs as the data set stores them.

    Raises:
        ConfigError: for fewer than two examples.

    >>> batch_dependence(lambda x: x - x.mean(axis=0), np.arange(6.0).reshape(3, 2)).depends  # it uses the batch's mean
    True
    """
    x = np.asarray(x)
    if len(x) < 2:
        raise ConfigError(f"x has {len(x)} examples; at least two are needed to compare one with and without others.")

    def predict(part: np.ndarray) -> Float[np.ndarray, "examples ..."]:
        return np.moveaxis(predictor.log_probs(part), 1, 0) if isinstance(predictor, Runs) else np.asarray(predictor(part))

    together, half = predict(x), (len(x) + 1) // 2
    repeated, order = np.resize(np.arange(half), len(x)), np.arange(len(x))[::-1]

    def change(predictions: Float[np.ndarray, "examples ..."], of: Float[np.ndarray, "examples ..."]) -> float:
        return float(np.max(np.abs(predictions - of)))

    return BatchDependence(
        alone=change(np.concatenate([predict(x[i : i + 1]) for i in range(len(x))]), together),
        company=change(predict(x[repeated])[:half], together[:half]),
        permuted=change(predict(x[order]), together[order]),
        tolerance=TOLERANCE * float(np.max(np.abs(together))),
    )
