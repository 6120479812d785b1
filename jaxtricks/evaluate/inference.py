"""What the pairs of one design say about the mean difference: how sure it is, and how likely without any difference."""

import dataclasses
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from jaxtricks import statistics
from jaxtricks.statistics import Interval, Uncertainty

Members = Float[np.ndarray, " members"]


class Inference(NamedTuple):
    """What is said in one scope.

    Args:
        uncertainty: the mean difference and its variance, in the part that seeds lower and the part that only examples do.
        p: two-sided, of "the true mean is zero", in [0, 1].
        exact: the interval at 95% and its kin where a design has one of its own; None: Student's.
    """

    uncertainty: Uncertainty
    p: float
    exact: "Halved | None" = None

    def interval(self, confidence: float) -> Interval:
        """The interval of the mean difference; nan at both ends for one member.

        Args:
            confidence: a share in (0, 1).
        """
        return self.uncertainty.interval(confidence) if self.exact is None else self.exact.interval(confidence)

    @classmethod
    def by_t(cls, uncertainty: Uncertainty, d: Members) -> "Inference":
        """Student's interval, and the larger of Student's p and that of sign flips.

        The first knows of the examples that members share; the second asks for no normal differences, and how few there are.

        Args:
            uncertainty: the mean difference and its variance.
            d: the differences, of which the mean is taken.
        """
        return cls(uncertainty, max(uncertainty.p, statistics.sign_flip_p(d)))


@dataclasses.dataclass(frozen=True, eq=False)
class Halved:
    """Five times two differences, whose interval is that of Alpaydın's combined F.

    Args:
        d: a row for each replication, [5, 2].
    """

    d: Float[np.ndarray, "5 2"]

    def interval(self, confidence: float) -> Interval:
        """All true differences that the combined F test does not refuse.

        Args:
            confidence: a share in (0, 1).
        """
        return statistics.five_by_two_interval(self.d, confidence)

    @property
    def inference(self) -> Inference:
        """What they say; the error is that which gives Student's interval with 5 degrees of freedom the same width at 95%."""
        low, high = self.interval(0.95)
        unit = Uncertainty(0.0, self.d.size, 0.0, 1.0, 5.0).interval(0.95).high
        variance = ((high - low) / 2 / unit) ** 2
        found = Uncertainty(float(self.d.mean()), self.d.size, 0.0, variance, 5.0)
        return Inference(found, statistics.five_by_two_p(self.d), self)
