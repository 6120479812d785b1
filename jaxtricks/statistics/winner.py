"""The true scores of a search's trials: what is left of the best one's score when its luck is taken away."""

import dataclasses
import functools
from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Float, Int

from jaxtricks.statistics.noise import moderated

POINTS = 200  # of the grid of true scores
BAGS = 8  # resampled estimates of how true scores are spread, so that its own uncertainty counts
LEVELS = 5  # widths of the bumps that a spread is made of: 1/4, 1/8 … 1/64 of the grid
STEPS = 100  # of the EM iteration; more of them fit the noise
REACH = 5  # standard errors that the grid reaches beyond all trials


@dataclasses.dataclass(frozen=True, eq=False)
class TrueScores:
    """What is known of the true score of each trial, the mean of infinitely many restarts: a distribution on a grid.

    Within one estimate of how the true scores of all trials are spread, the trials are independent of each other; over the
    estimates (`bags`) it is averaged. `true_scores` makes one.

    Args:
        grid: losses, rising: the smaller the better. Scores of which more is better stand here with the other sign.
        mass: how likely each trial's true score lies at each point, [bags, alive, points], each row a sum of 1.
        alive: the trials that have a finite restart, [trials]. Of the others nothing is known but that they are the worst.
        restarts: how many each trial had, [trials].
        sign: 1 where smaller is better, -1 where more is.

    >>> found = true_scores([np.array([0.71, 0.73]), np.array([0.90, 0.92])], higher_is_better=True)
    >>> found.chosen, found.within(0.01).round(2)
    (1, array([0., 1.]))
    """

    grid: Float[np.ndarray, " points"]
    mass: Float[np.ndarray, "bags alive points"]
    alive: Bool[np.ndarray, " trials"]
    restarts: Int[np.ndarray, " trials"]
    sign: int

    @functools.cached_property
    def mean(self) -> Float[np.ndarray, " trials"]:
        """The expected true score of each trial: shrunk for luck, in the metric's units; infinitely bad for a diverged trial."""
        return self.sign * self._spread_out((self.mass @ self.grid).mean(axis=0), np.inf)

    @functools.cached_property
    def error(self) -> Float[np.ndarray, " trials"]:
        """The standard deviation of each true score, in the metric's units; 0 for a diverged trial."""
        first = (self.mass @ self.grid).mean(axis=0)
        squares = np.square(self.grid - first[:, None])
        return self._spread_out(np.sqrt((self.mass.mean(axis=0) * squares).sum(axis=1)), 0.0)

    @property
    def chosen(self) -> int:
        """The trial with the best expected true score; of equals the first."""
        return int((self.sign * self.mean).argmin())

    @property
    def best(self) -> Float[np.ndarray, " trials"]:
        """For each trial: how likely it is the best of all; the sum is 1."""
        found = self.within(0.0)
        return found / found.sum()

    def within(self, margin: float) -> Float[np.ndarray, " trials"]:
        """For each trial: how likely its true score is within the margin of the best true score of all that were tried.

        `Σₜ P(θᵢ = t) Πⱼ P(θⱼ ≥ t − margin)`, averaged over the estimates of the spread.

        Args:
            margin: the smallest difference that matters, in the metric's units.

        Raises:
            ValueError: if it is negative or not finite.

        >>> found = true_scores([np.array([1.0, 1.2]), np.array([1.1, 1.3])], higher_is_better=False)
        >>> bool((found.within(0.3) > found.within(0.0)).all())
        True
        """
        log = self._no_better(margin)
        others = log.sum(axis=1, keepdims=True) - log
        return self._spread_out((self.mass * np.exp(others)).sum(axis=2).mean(axis=0), 0.0)

    def beating(self, margin: float) -> Float[np.ndarray, " trials"]:
        """For each trial: how likely it is better than the chosen one by more than the margin; 0 for the chosen one.

        Args:
            margin: in the metric's units.

        Raises:
            ValueError: if it is negative or not finite.

        >>> found = true_scores([np.array([1.0, 1.2]), np.array([1.1, 1.3])], higher_is_better=False)
        >>> bool(found.beating(0.0)[1] > found.beating(0.1)[1] > 0)
        True
        """
        at = self._place(self.chosen)
        found = (self.mass[:, at, None] * -np.expm1(self._no_better(margin))).sum(axis=2).mean(axis=0)
        found[at] = 0.0
        return self._spread_out(np.maximum(found, 0.0), 0.0)

    def groups(self, confidence: float) -> Int[np.ndarray, " trials"]:
        """The group of each trial on a leaderboard, from 0: trials of one group cannot be told apart from its leader.

        The leader of a group is the trial of the best expected true score that is in no group yet. Of the trials left, those
        are told apart from it of which one can say *all at once* that they are worse: the largest set with
        `P(the leader is better than every one of them) ≥ confidence`, built from the surest on. So each line drawn holds with
        that probability for all trials below it together, however many there are. The rest is the group.

        Args:
            confidence: a share in (0, 1), such as 0.95.

        Raises:
            ValueError: if it is no share.

        >>> values = [np.array([1.0, 1.1, 0.9]), np.array([1.1, 1.0, 1.0]), np.array([9.0, 9.1, 9.2]), np.array([np.inf, np.inf])]
        >>> true_scores(values, higher_is_better=False).groups(0.95)
        array([0, 0, 1, 2])
        """
        if not 0 < confidence < 1:
            raise ValueError(f"A confidence is a share between 0 and 1, not {confidence}.")
        log, mean = self._no_better(0.0), (self.mass @ self.grid).mean(axis=0)
        group, left, number = np.zeros(len(mean), np.int64), np.arange(len(mean)), 0
        while len(left):
            leader = left[mean[left].argmin()]
            rest = left[left != leader]
            of_leader = self.mass[:, leader, None]
            worse = (of_leader * np.exp(log[:, rest])).sum(axis=2).mean(axis=0)
            surest = rest[np.argsort(-worse, kind="stable")]
            joint = (of_leader * np.exp(np.cumsum(log[:, surest], axis=1))).sum(axis=2).mean(axis=0)
            left = surest[: int((joint >= confidence).sum())]
            group[np.setdiff1d(rest, left, assume_unique=True)] = group[leader] = number
            number += 1
        return self._spread_out(group, number)

    def draws(self, count: int, seed: int) -> Float[np.ndarray, "draws trials"]:
        """True scores of all trials together, as they may be, in the metric's units; infinitely bad for a diverged trial.

        Args:
            count: how many are drawn.
            seed: of the random numbers.

        >>> found = true_scores([np.array([1.0, 1.2]), np.array([1.1, 1.3])], higher_is_better=False)
        >>> found.draws(1000, seed=0).shape
        (1000, 2)
        """
        rng = np.random.default_rng(seed)
        below = np.cumsum(self.mass, axis=2) - self.mass / 2
        drawn = np.empty((count, below.shape[1]))
        for bag, of_bag in enumerate(below):
            part = drawn[bag :: len(below)]
            for trial, of_trial in enumerate(of_bag):
                part[:, trial] = np.interp(rng.random(len(part)), of_trial, self.grid)
        return self.sign * self._spread_out(drawn, np.inf)

    def _no_better(self, margin: float) -> Float[np.ndarray, "bags alive points"]:
        """log P(θⱼ ≥ t − margin) at the points t of the grid; the mass of a point counts half at the point itself."""
        if not 0 <= margin < np.inf:
            raise ValueError(f"A margin is a number >= 0 in the metric's units, not {margin}.")
        above = 1 - np.cumsum(self.mass, axis=2) + self.mass / 2
        place = np.interp(self.grid - margin, self.grid, np.arange(len(self.grid)))
        left = np.minimum(place.astype(np.int64), len(self.grid) - 2)
        share = place - left
        return np.log(np.maximum(above[..., left] * (1 - share) + above[..., left + 1] * share, 1e-300))

    def _place(self, trial: int) -> int:
        return int(self.alive[:trial].sum())

    def _spread_out(self, values: np.ndarray, missing: float) -> np.ndarray:
        """Values of the trials that are alive among those of all."""
        out = np.full((*values.shape[:-1], len(self.alive)), missing, values.dtype)
        out[..., self.alive] = values
        return out


def true_scores(values: Sequence[Float[np.ndarray, " restarts"]], *, higher_is_better: bool) -> TrueScores:
    """The true score of each trial, given its restarts and how all trials turned out.

    Of many noisy trials the one with the best mean was probably lucky as well. A hierarchical model takes the luck out:

        yᵢⱼ ~ N(θᵢ, σᵢ²),   σᵢ² ~ scaled inverse χ² (`moderated`),   θᵢ ~ g

    with g as the trials themselves show it: a sum of bumps of several widths on a grid, fitted by a few steps of EM from a flat
    start. So a long tail of bad trials, many near-equal ones or one that is far ahead each find their own g; a normal g would
    shrink a clear winner too much. The grid is fine near the best trial and coarse far from it. Each of `BAGS` fits weighs the
    trials at random (the Bayesian bootstrap), and what is said is the mean over them. Restarts may be added where they decide,
    as `race` does: a posterior does not depend on why one stopped.

    Known limits, with figures in `experiments/search_statistics/CALIBRATION.md`: where the noise is as large as the spread of
    true scores, the values do not show the shape of g. Then P(within the margin) is stated too low if many trials are equally the
    best, a little too high (by 3 points) for normal true scores, and a clear winner's score is shrunk too much.

    Args:
        values: of each trial its restarts' scores, each trial with its own number of them, in the metric's units. What is not
            finite has diverged: beside finite restarts of its trial it counts as the worst finite value of all trials, and a
            trial of diverged restarts alone is the worst, with an infinitely bad mean and no chance.
        higher_is_better: False where the best is the smallest, as of a loss.

    Raises:
        ValueError: if there is no trial, a trial has no restart, all restarts diverged, or no trial has two.

    Papers: Efron, "Empirical Bayes deconvolution estimates", Biometrika 103, 2016; Laird, "Nonparametric maximum likelihood
    estimation of a mixing distribution", JASA 73, 1978; Newton and Raftery, "Approximate Bayesian inference with the weighted
    likelihood bootstrap", JRSS B 56, 1994; Smyth, SAGMB 3, 2004.

    >>> true, luck = np.random.default_rng(0).normal(size=(2, 64, 4)) * [[[0.5]], [[1.0]]]
    >>> values = true[:, :1] + luck
    >>> found = true_scores(list(values), higher_is_better=False)
    >>> luckiest = values.mean(axis=1).min()
    >>> f"{luckiest:.1f}, shrunk {found.mean[found.chosen]:.1f}, in truth {true[found.chosen, 0]:.1f}"
    '-1.7, shrunk -0.8, in truth -1.1'
    """
    sign = -1 if higher_is_better else 1
    losses = [sign * np.asarray(trial, np.float64) for trial in values]
    if not losses or any(trial.ndim != 1 or not trial.size for trial in losses):
        raise ValueError("A search needs at least one trial, and each trial a vector of at least one restart.")
    finite = [np.isfinite(trial) for trial in losses]
    alive = np.array([mask.any() for mask in finite])
    if not alive.any():
        raise ValueError(f"All restarts of all {len(losses)} trials diverged: there is no best one.")
    restarts = np.array([trial.size for trial in losses])
    worst = max(float(trial[mask].max()) for trial, mask in zip(losses, finite, strict=True) if mask.any())
    kept = [np.where(mask, trial, worst) for trial, mask in zip(losses, finite, strict=True) if mask.any()]
    means = np.array([trial.mean() for trial in kept])
    noise = moderated(np.array([trial.var(ddof=1) if trial.size > 1 else 0.0 for trial in kept]), restarts[alive] - 1)
    place, grid, likely = _likelihood(means, np.sqrt(noise.variance / restarts[alive]), noise.freedom)
    mass = _spreads(place, likely)[:, None] * likely
    return TrueScores(grid, mass / mass.sum(axis=2, keepdims=True), alive, restarts, sign)


def _likelihood(
    means: Float[np.ndarray, " trials"], errors: Float[np.ndarray, " trials"], freedom: Float[np.ndarray, " trials"]
) -> tuple[Float[np.ndarray, " points"], Float[np.ndarray, " points"], Float[np.ndarray, "trials points"]]:
    """A place u for each point, evenly spaced; the true score at it, `best + width sinh u`; each trial's Student likelihood."""
    best = means.min()
    width = max(float(np.median(means) - best), float(np.median(errors)), 1e-9 * float(np.abs(means).max()), 1e-100)
    low, high = (means - REACH * errors).min(), (means + REACH * errors).max()
    low, high = min(low, best - 1e-3 * width), max(high, best + 1e-3 * width)
    place = np.linspace(np.arcsinh((low - best) / width), np.arcsinh((high - best) / width), POINTS)
    grid = best + width * np.sinh(place)
    # What is sharper than the grid would fall between its points.
    apart = np.interp(means, grid, np.gradient(grid))
    z = (means[:, None] - grid) / np.maximum(errors, apart / 2)[:, None]
    log = -(freedom[:, None] + 1) / 2 * np.log1p(np.square(z) / freedom[:, None])
    return place, grid, np.exp(log - log.max(axis=1, keepdims=True))


def _spreads(place: Float[np.ndarray, " points"], likely: Float[np.ndarray, "trials points"]) -> Float[np.ndarray, "bags points"]:
    """How true scores are spread: fits of a sum of bumps, each to the trials at other random weights."""
    parts_of = 2 ** np.arange(2, LEVELS + 2)  # of the grid: a bump's width, and how far apart bumps are
    centres = [np.linspace(place[0], place[-1], n + 1) for n in parts_of]
    widths = (place[-1] - place[0]) / parts_of
    bumps = np.concatenate([np.exp(-np.square((place - c[:, None]) / w) / 2) for c, w in zip(centres, widths, strict=True)])
    bumps /= bumps.sum(axis=1, keepdims=True)
    part = np.concatenate([np.full(len(c), 1 / len(c) / LEVELS) for c in centres])
    of_bump = likely @ bumps.T
    weights = np.random.default_rng(0).dirichlet(np.ones(len(likely)), BAGS)
    parts = np.tile(part, (BAGS, 1))
    for _ in range(STEPS):
        parts *= (weights / (parts @ of_bump.T)) @ of_bump
    return parts @ bumps
