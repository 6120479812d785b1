"""How sure one is of a mean difference: what more seeds would make smaller, and what only more examples would."""

import math
from typing import NamedTuple

import numpy as np
import scipy
from jaxtyping import Float

from jaxtricks.statistics.intervals import Interval
from jaxtricks.statistics.values import upper, vector


class Uncertainty(NamedTuple):
    """A mean difference of paired members and the variance of that mean, in two parts.

    Every design of a comparison ends in one: `over_restarts`, `crossed`, `corrected` and `nested`.

    Args:
        mean: the mean difference, in the metric's units.
        seeds: members that it is the mean of, a count.
        of_seeds: the part of the variance of the mean that falls as 1/seeds, in squared units; nan for one member.
        of_data: the part that more seeds leave as it is, because all of them share the same examples, in squared units.
        freedom: degrees of freedom of the variance; nan for one member.

    >>> found = over_restarts(np.array([1.0, 2.0, 3.0]))
    >>> f"{found.mean} ± {found.error:.3f}, p={found.p:.3f}"
    '2.0 ± 0.577, p=0.074'
    """

    mean: float
    seeds: int
    of_seeds: float
    of_data: float
    freedom: float

    @property
    def variance(self) -> float:
        """The variance of the mean, in squared units."""
        return self.of_seeds + self.of_data

    def at(self, seeds: int) -> "Uncertainty":
        """The same mean difference as so many seeds would be expected to know it.

        Args:
            seeds: a count; of the degrees of freedom each seed is taken to bring as many as one of the present ones.

        >>> round(over_restarts(np.array([1.0, 2.0, 3.0])).at(12).error, 3)
        0.289
        """
        times = seeds / self.seeds
        return self._replace(seeds=seeds, of_seeds=self.of_seeds / times, freedom=self.freedom * times)

    @property
    def error(self) -> float:
        """The standard error of the mean, in the metric's units."""
        return math.sqrt(self.variance)

    @property
    def p(self) -> float:
        """The two-sided p of Student's t for "the true mean is zero"; 1 where one member gives none.

        It is 0 if all differences are the same number but zero. The test of signs knows how few seeds can show that, so a
        verdict takes the larger of this p and `sign_flip_p`.
        """
        if math.isnan(self.variance) or self.mean == 0:
            return 1.0
        return 2 * float(scipy.special.stdtr(self.freedom, -abs(self.mean) / self.error)) if self.variance > 0 else 0.0

    def interval(self, confidence: float = 0.95) -> Interval:
        """Student's interval: `mean ± t error`, with the degrees of freedom; nan at both ends for one member.

        Args:
            confidence: coverage aimed at, a share in (0, 1).

        Raises:
            ValueError: if `confidence` is no share.
        """
        level = upper(confidence)
        if math.isnan(self.variance):
            return Interval(math.nan, math.nan)
        half = float(scipy.special.stdtrit(self.freedom, level)) * self.error
        return Interval(self.mean - half, self.mean + half)

    def power(self, effect: float, alpha: float = 0.05) -> float:
        """How often a true effect of this size is found, as a share: `P(|T| > t)` of the noncentral t; nan for one member.

        Args:
            effect: the true difference, in the metric's units.
            alpha: level of the two-sided test, a share; 0.05/m under Holm's correction over m comparisons, at worst.

        >>> round(Uncertainty(0.0, 16, 0.01, 0.0, 15.0).power(0.3), 2)
        0.8
        """
        if not self.variance > 0:
            return math.nan if math.isnan(self.variance) else float(effect != 0)
        return _power(abs(effect) / self.error, self.freedom, alpha)

    def detectable(self, alpha: float = 0.05, power: float = 0.8) -> float:
        """The smallest true effect that is found so often, in the metric's units; nan for one member.

        Args:
            alpha: level of the two-sided test, a share.
            power: how often it shall be found, a share above alpha; 0.8 is four times of five.

        >>> round(Uncertainty(0.0, 16, 0.01, 0.0, 15.0).detectable(), 2)
        0.3
        """
        if not self.variance > 0:
            return self.variance
        most = 4 * (3 + float(scipy.special.stdtrit(self.freedom, 1 - alpha / 2)))
        return self.error * float(scipy.optimize.brentq(lambda x: _power(x, self.freedom, alpha) - power, 0.0, most, xtol=1e-6))


def _power(noncentrality: float, freedom: float, alpha: float) -> float:
    critical = float(scipy.special.stdtrit(freedom, 1 - alpha / 2))
    # Where such a share is below 1e-16 SciPy may give nan.
    low, high = np.nan_to_num(scipy.special.nctdtr(freedom, noncentrality, np.array([-critical, critical])))
    return float(1 - high + low)


def over_restarts(d: Float[np.ndarray, " members"]) -> Uncertainty:
    """The mean of independent differences: variance `s²/n`, n − 1 degrees of freedom.

    Over the restarts of one pool this is about *these examples*: about other restarts, and other splits of the same pool. Over
    members with data of their own (disjoint parts) it is about new data.

    Args:
        d: paired differences, shape [members], in the metric's units.

    Raises:
        ValueError: if `d` is empty, not one-dimensional or not finite.

    >>> over_restarts(np.array([1.0, 2.0, 3.0])).freedom
    2.0
    """
    d = vector(d)
    if d.size == 1:
        return Uncertainty(float(d[0]), 1, math.nan, 0.0, math.nan)
    return Uncertainty(float(d.mean()), d.size, float(d.var(ddof=1)) / d.size, 0.0, d.size - 1.0)
