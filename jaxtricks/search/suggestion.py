"""From the losses of a range test to a learning rate, with an interval that says how far off such a rate may be.

Which rule is best was tried on tuning tasks: 14 range tests on digits (linear and fully connected models, convolutions, batch
norm, dropout; SGD, Nesterov's and heavy-ball momentum, Adam, AdamW, RMSProp), each for trainings of two lengths, 50 to 700 steps,
against a sweep of 21 or 25 constant rates. Given is how far the sweep's best rate lay from the rule's, as a standard deviation in
octaves (factors of two). Each rule but the last had a constant factor and a power of the training's steps fitted to the tasks:

    the rate at which the loss has risen again by half of its fall    1.4
    a tenth of the rate with the least loss                           1.0
    the rate at which the loss falls fastest                          1.0
    the rate at which half of the fall is made                        1.0
    the rate at which 90% of the fall is made                         0.82
    the last one, with power 1/2 and no factor                        0.81, with a mean of -0.1

Two range tests on a regression, added later, were off by +3.2 (SGD) and +0.8 octaves. With them the rule has mean 0.0 and
standard deviation 1.0, over 30 tasks; `python -m experiments.lr_range --on chosen` measures that again.

An interval of Student's t from that spread held the best rate in 14 of 20 other tasks (`--on first`): distances have heavier
tails than a normal distribution. So the interval is as wide as all 50 tasks together ask for: of their distances 3.9 octaves is
the 49th in order, which is the quantile that split conformal prediction takes for 95% (Lei+ 2018). It is judged on 20 more.
"""

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

SHARE = 0.9  # of the loss's whole fall
WIDTH = 0.5  # octaves: the standard deviation of the Gaussian that a curve is smoothed by
START = 0.05  # of the points, at rates too small to change anything, whose mean is the loss at the start
CLEAR = 4.0  # standard deviations of a point of the mean curve by which that must fall
HALF = 3.9  # octaves: the 49th of the distances from the rule's rate to the best of a sweep, in 50 tasks
NORMAL = 1.96  # standard errors, for 95%
RESAMPLES = 1_000


@dataclass(frozen=True)
class RateSuggestion:
    """A learning rate, and the interval that is to hold the best constant rate of a whole training with 95%.

    The interval has two sources: restarts differ, and the best rate of a training differs from what a range test can tell. The
    first is bootstrapped over restarts; the second was measured on 50 tasks, and is the larger one.

    Args:
        rate: the suggestion.
        low: the lower end of the interval.
        high: the upper end.
        error: the standard error of log₂(rate) over restarts, in octaves; nan for one restart.

    >>> print(RateSuggestion(0.1, 0.025, 0.4, 0.05))
    0.1 [0.025, 0.4], ± 2.0 octaves
    """

    rate: float
    low: float
    high: float
    error: float

    @property
    def octaves(self) -> float:
        """How far either end lies from the rate, in factors of two."""
        return math.log2(self.high / self.low) / 2

    def __str__(self) -> str:
        return f"{self.rate:.2g} [{self.low:.2g}, {self.high:.2g}], ± {self.octaves:.1f} octaves"


@dataclass(frozen=True, eq=False)
class RangeCurve:
    """The mean loss over restarts of a range test, smoothed over rates.

    A loss above the start's by more than the whole fall counts as that much, and so does one that is not finite: else the mean
    would show the restart that exploded, and no other.

    Args:
        rates: ascending, at equal distances in the logarithm, [points].
        capped: the restarts' losses, [restarts, points].
        start: the loss at the start.

    >>> rates = np.geomspace(1e-3, 1e3, 61)
    >>> curve = RangeCurve.of(rates, np.broadcast_to(1 / (1 + rates), (4, 61)))
    >>> round(curve.start, 2), round(float(curve.mean.min()), 2), round(float(curve.reached(curve.mean[None])[0]), 1)
    (1.0, 0.0, 9.4)
    """

    rates: Float[np.ndarray, " points"]
    capped: Float[np.ndarray, "restarts points"]
    start: float

    @classmethod
    def of(cls, rates: Float[np.ndarray, " points"], losses: Float[np.ndarray, "restarts points"]) -> "RangeCurve":
        """The curve of a range test; some losses at the start are finite.

        Args:
            rates: as above.
            losses: of each restart at each rate, nan from where it diverged.
        """
        begun = losses[:, : _first(rates)]
        start = float(begun[np.isfinite(begun)].mean())
        known = np.where(np.isfinite(losses), losses, np.inf)
        fall = max(start - float(np.median(known, axis=0).min()), 0.0)
        return cls(rates, np.minimum(known, start + fall), start)

    @property
    def octave(self) -> float:
        """Points of an octave."""
        return (len(self.rates) - 1) / math.log2(self.rates[-1] / self.rates[0])

    @property
    def mean(self) -> Float[np.ndarray, " points"]:
        """The smoothed mean."""
        return self.smooth(self.capped.mean(axis=0)[None])[0]

    def smooth(self, curves: Float[np.ndarray, "curves points"]) -> Float[np.ndarray, "curves points"]:
        """Curves over the rates, smoothed by a Gaussian of half an octave."""
        places = np.arange(len(self.rates)) / (WIDTH * self.octave)
        kernel = np.exp(-0.5 * np.square(places[:, None] - places))
        smoothed: Float[np.ndarray, "curves points"] = curves @ (kernel / kernel.sum(axis=0))
        return smoothed

    def reached(self, curves: Float[np.ndarray, "curves points"]) -> Float[np.ndarray, " curves"]:
        """The rate at which each smoothed curve has first made 90% of its fall, on straight lines over log rate."""
        level = (self.start - SHARE * (self.start - curves.min(axis=1)))[:, None]
        rows, place = np.arange(len(curves)), np.argmax(curves <= level, axis=1)
        before = np.maximum(place - 1, 0)
        left, right = curves[rows, before], curves[rows, place]
        part = np.clip((left - level[:, 0]) / np.where(left > right, left - right, 1.0), 0, 1)
        logs = np.log(self.rates)
        crossed: Float[np.ndarray, " curves"] = np.exp(logs[before] + (logs[place] - logs[before]) * part)
        return crossed

    def suggested(self, curves: Float[np.ndarray, "curves points"], steps: int) -> Float[np.ndarray, " curves"]:
        """The rate that each smoothed curve suggests, `reached · octave / √steps`.

        The rate rises by a factor of two in `octave` steps, so that `reached · octave` is, but for a factor ln 2, the sum of all
        rates up to there: the distance that it takes to get down. It does not depend on how fast the rate rose.

        Args:
            curves: as `smooth` gives them.
            steps: of the whole training.
        """
        return self.reached(curves) * self.octave / math.sqrt(steps)

    def exploded(self) -> float | None:
        """The first rate beyond the least mean loss at which that is back at the start's; None where it is not."""
        mean = self.mean
        least = int(mean.argmin())
        back = np.flatnonzero(mean[least:] >= self.start)
        return float(self.rates[least + back[0]]) if back.size else None

    def trouble(self) -> str | None:
        """Why the curve suggests no rate, in a sentence; None where it does."""
        low, high = self.rates[0], self.rates[-1]
        mean = self.mean
        least = int(mean.argmin())
        # Differences of neighbours show the noise of a point, and hardly a fall.
        begun = self.capped[:, : max(3, _first(self.rates))].mean(axis=0)
        noise = float(np.diff(begun).std()) / math.sqrt(2)
        if not self.start - mean[least] > CLEAR * noise:
            return f"the loss falls at no rate from {low:g} to {high:g}; is the lowest one too large, or the highest too small?"
        reached = float(self.reached(mean[None])[0])
        if reached >= high / 2:
            return f"the loss still falls at the highest rate, {high:g}; a higher one has to be tried."
        if reached <= 4 * self.rates[_first(self.rates)]:
            return f"the loss falls at once, at the lowest rate, {low:g}; a lower one has to be tried."
        return None


def suggestion(curve: RangeCurve, steps: int) -> RateSuggestion:
    """Gives the rate that a range test suggests for a training, with its interval; the curve has no `trouble`.

    The ends lie `√(h² + (1.96 e)²)` octaves from the rate: h is the distance within which 95% of best rates lie, measured on 50
    tasks, and e the standard error of the bootstrap over restarts.

    Args:
        curve: of a range test.
        steps: of the whole training.

    Paper: Smith, "Cyclical learning rates for training neural networks", 2017, for the range test itself.

    >>> rates = np.geomspace(1e-4, 10, 200)
    >>> losses = 2 - 1 / (1 + (0.01 / rates) ** 2) + np.random.default_rng(0).normal(0, 0.05, (8, 200))
    >>> print(suggestion(RangeCurve.of(rates, losses), steps=400))
    0.021 [0.0014, 0.31], ± 3.9 octaves
    """
    restarts = len(curve.capped)
    rate = float(curve.suggested(curve.mean[None], steps)[0])
    error = math.nan
    if restarts > 1:
        draw = np.random.default_rng(0)
        times = draw.multinomial(restarts, np.full(restarts, 1 / restarts), RESAMPLES) / restarts
        error = float(np.log2(curve.suggested(curve.smooth(times @ curve.capped), steps)).std(ddof=1))
    half = math.hypot(HALF, 0.0 if math.isnan(error) else NORMAL * error)
    return RateSuggestion(rate, rate * 2**-half, rate * 2**half, error)


def _first(rates: Float[np.ndarray, " points"]) -> int:
    """How many points are the start."""
    return max(1, round(START * len(rates)))
