"""An estimate: a mean over restarts, its interval, the values behind it, and how unlikely a bound is."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import scipy
from jaxtyping import Bool, Float

from jaxtricks import statistics
from jaxtricks.evaluate.design import Scope as Scope
from jaxtricks.train.runs import Runs


@dataclass(frozen=True)
class Estimate:
    """A mean over restarts and its 95% interval.

    Args:
        mean: of the values.
        low: the interval's lower end.
        high: its upper end.
        values: one for each restart, kept so that anybody can judge again; empty for an interval from elsewhere.
        freedom: degrees of freedom of the t distribution that the interval is of; infinite for the normal one.
        scope: what the interval is about: "new data" of this kind, or other restarts on "these examples".

    >>> f"{Estimate(-1.39, -1.4, -1.38):.2f}"
    '-1.39 [-1.40, -1.38]'
    """

    mean: float
    low: float
    high: float
    values: tuple[float, ...] = ()
    freedom: float = math.inf
    scope: Scope = "new data"

    @classmethod
    def of(cls, values: Float[np.ndarray, " restarts"], scope: Scope = "new data") -> Self:
        """The mean of values that do not depend on each other, such as one a problem drawn, with Student's interval.

        Restarts that draw their splits from one pool depend on each other where new data are asked for: see `Estimate.over`.

        >>> Estimate.of(np.array([1.0, 2.0, 3.0])).mean
        2.0
        """
        return cls._from(statistics.over_restarts(values), values, scope)

    @classmethod
    def over(cls, runs: Runs, values: Float[np.ndarray, " restarts"]) -> Self:
        """The mean of one value for each restart of some runs, with an interval about new data where restarts drew their splits.

        Splits of one pool overlap, so that values vary less over them than over new data. As nothing is known of single examples,
        the whole variance is taken for that of the splits: `s² (1/n + n_validation/n_training)`, Student's t with n - 1 degrees
        of freedom. That is wide rather than narrow. Where all restarts have one split, the interval is that of `Estimate.of`,
        and about these examples.

        Args:
            runs: restarts, in the order of the values; of arms that were trained on the same splits, any one.
            values: any unit.

        Paper: Nadeau and Bengio, "Inference for the generalization error", Machine Learning 52, 2003.

        >>> digits, base = jt.load("digits").subset(100, seed=0), jt.Experiment(model=jt.MLP(widths=()), epochs=1)
        >>> runs = jt.fit(base, digits, seeds=3, progress=False)
        >>> values = np.array([1.0, 2.0, 3.0])
        >>> plain, wide = Estimate.of(values), Estimate.over(runs, values)
        >>> round((wide.high - wide.low) / (plain.high - plain.low), 3), wide.scope  # √(1 + 3 · 20/80)
        (1.323, 'new data')
        """
        validation = np.asarray(runs.members.validation)
        if len(np.unique(validation, axis=0)) == 1:
            return cls.of(values, "these examples")
        share = validation.shape[1] / runs.members.train.shape[1]
        return cls._from(statistics.corrected(values, share), values, "new data")

    @classmethod
    def _from(cls, found: statistics.Uncertainty, values: Float[np.ndarray, " restarts"], scope: Scope) -> Self:
        each = tuple(np.asarray(values, np.float64).tolist())
        return cls(found.mean, *found.interval(), each, found.freedom, scope)

    @classmethod
    def share(cls, flags: Bool[np.ndarray, " restarts"]) -> "Share":
        """The share of restarts for which something is true, with Clopper and Pearson's exact interval.

        >>> f"{Estimate.share(np.array([True, True, True, False])):.2f}"
        '0.75 [0.19, 0.99]'
        """
        interval = scipy.stats.binomtest(int(np.sum(flags)), np.size(flags)).proportion_ci()
        values = tuple(np.asarray(flags, np.float64).tolist())
        return Share(float(np.mean(flags)), float(interval.low), float(interval.high), values)

    def p(self, bound: float) -> float:
        """The two-sided p of "the true mean is the bound", which is below 0.05 where the interval does not reach the bound.

        It is that of the t distribution whose interval has the end that lies towards the bound.

        Args:
            bound: in the units of the mean.

        >>> Estimate(1.0, 0.0, 2.0).p(0.0)
        0.05
        """
        distance = abs(self.mean - bound)
        half = abs(self.mean - (self.low if bound < self.mean else self.high))
        if math.isnan(half) or distance == 0:
            return 1.0
        quantile = float(scipy.special.stdtrit(self.freedom, 0.975))
        # The 12 digits take the rounding of the quantile away, so that a bound at the interval's end has p = 0.05.
        return 0.0 if half == 0 else float(f"{2 * scipy.special.stdtr(self.freedom, -distance / half * quantile):.12g}")

    def through(self, function: Callable[[float], Any]) -> "Estimate":
        """Mean and ends in another unit, for the reader: each through one growing function, such as 2ˣ of a log₂ ratio.

        >>> f"{Estimate(1.0, 0.0, 2.0).through(np.exp2):g}"
        '2 [1, 4]'
        """
        mean, low, high = (float(function(end)) for end in (self.mean, self.low, self.high))
        return Estimate(mean, low, high, scope=self.scope)

    def __format__(self, spec: str) -> str:
        return f"{self.mean:{spec}} [{self.low:{spec}}, {self.high:{spec}}]"


@dataclass(frozen=True)
class Share(Estimate):
    """A share of restarts with its exact interval and the exact p of a bound.

    >>> Estimate.share(np.ones(6, bool)).p(0.5)
    0.03125
    """

    def p(self, bound: float) -> float:
        """Twice the smaller tail of the binomial distribution with the bound as its probability, at most 1."""
        if not 0 < bound < 1:
            return float(self.mean == bound)
        count, n = round(sum(self.values)), len(self.values)
        tails = scipy.stats.binom.cdf(count, n, bound), scipy.stats.binom.sf(count - 1, n, bound)
        return min(1.0, float(f"{2 * min(tails):.12g}"))
