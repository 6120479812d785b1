"""A Gaussian process through noisy trials, and functions drawn from it."""

import dataclasses
from collections.abc import Callable

import numpy as np
import scipy
from jaxtyping import Float, Int

FEATURES = 512  # waves that a drawn function is made of, before it is bent to the trials
MOST = 4.0  # how many of its prior's standard deviations a fitted value may be away from its mean
_CHUNK = 4_096  # points at a time, so that a few tens of MB are enough
# Normal priors of the logarithms of what is fitted, (mean, standard deviation): how far along the cube scores are alike; the
# weights; the variance of the scores, which are standardised; and the variance of what the stated errors leave out.
_LENGTH, _WEIGHT, _AMPLITUDE, _NUGGET = (np.log(0.7), 1.0), (np.log(0.3), 1.5), (0.0, 1.5), (np.log(1e-3), 1.5)

Draws = Callable[[Float[np.ndarray, "points hyperparameters"]], Float[np.ndarray, "points draws"]]


@dataclasses.dataclass(frozen=True, eq=False)
class Surrogate:
    """Scores as a Gaussian process of the hyperparameters: `amplitude Πⱼ (1 + wⱼ kⱼ) / (1 + wⱼ)`, with kⱼ Matérn 5/2 along each.

    The product is over all subsets of hyperparameters, and a subset weighs `Π wⱼ`: where weights are small, each acts alone, and
    one of weight 0 does nothing. A plain product of the kⱼ would take all hyperparameters to interact. `surrogates` fits them.

    Args:
        points: of the trials, each choice spread over a coordinate for each of its values, [trials, coordinates].
        owner: the hyperparameter that each coordinate belongs to, [coordinates].
        levels: the number of values of each hyperparameter, 0 where it is continuous.
        length: how far one goes along each hyperparameter until scores differ, in shares of its range, [hyperparameters].
        weight: wⱼ, [hyperparameters].
        amplitude: the variance of scores, in units of `scale²`.
        noise: the variance of each trial's score, in the same unit, [trials].
        values: the standardised scores, [trials].
        centre: the mean score, in the metric's units.
        scale: the spread of scores, in the metric's units.

    >>> x = np.linspace(0, 1, 8)[:, None]
    >>> (found,) = surrogates(x, x[:, 0] ** 2, np.zeros(8), levels=(0,), count=1)
    >>> bool(abs(found.mean(np.array([[0.5]]))[0] - 0.25) < 0.02)
    True
    """

    points: Float[np.ndarray, "trials coordinates"]
    owner: Int[np.ndarray, " coordinates"]
    levels: tuple[int, ...]
    length: Float[np.ndarray, " hyperparameters"]
    weight: Float[np.ndarray, " hyperparameters"]
    amplitude: float
    noise: Float[np.ndarray, " trials"]
    values: Float[np.ndarray, " trials"]
    centre: float
    scale: float

    def mean(self, points: Float[np.ndarray, "points hyperparameters"]) -> Float[np.ndarray, " points"]:
        """The expected true score at other points, in the metric's units.

        Args:
            points: coordinates in [0, 1], or the number of a choice's value.

        >>> x = np.array([[0.0], [1.0], [0.0], [1.0]])  # a choice of two values
        >>> (found,) = surrogates(x, np.array([1.0, 3.0, 1.1, 2.9]), np.full(4, 0.1), levels=(2,), count=1)
        >>> found.mean(np.array([[0.0], [1.0]])).round(0)
        array([1., 3.])
        """
        weights = scipy.linalg.cho_solve(self._factor(), self.values)
        return self.centre + self.scale * (self._covariance(_spread(points, self.levels)[0]) @ weights)

    @property
    def explained(self) -> float:
        """The share of the trials' variance that is predicted from the other trials: `1 − Σ (yᵢ − ŷ₋ᵢ)² / Σ (yᵢ − ȳ)²`.

        >>> x = np.linspace(0, 1, 8)[:, None]
        >>> bool(surrogates(x, x[:, 0], np.zeros(8), levels=(0,), count=1)[0].explained > 0.9)
        True
        """
        return self.explained_without(np.arange(len(self.values)))

    def explained_without(self, groups: Int[np.ndarray, " trials"]) -> float:
        """The share of the trials' variance that is predicted from the trials of other groups.

        Args:
            groups: the number of each trial's group; trials of one group have coordinates in common, so that one says what
                another scores, however little is known between them.

        >>> x, scores = np.repeat(np.linspace(0, 1, 8), 2)[:, None], np.repeat([3, 1, 5, 2, 0, 6, 1, 4], 2)  # each point twice
        >>> (found,) = surrogates(x, scores, np.zeros(16), levels=(0,), count=1)
        >>> bool(found.explained > 0.9 > 0.1 > found.explained_without(np.arange(16) // 2))
        True
        """
        inverse = scipy.linalg.cho_solve(self._factor(), np.eye(len(self.values)))
        pulled, left = inverse @ self.values, np.zeros(len(self.values))
        for group in np.unique(groups):
            own = groups == group
            left[own] = np.linalg.solve(inverse[np.ix_(own, own)], pulled[own])
        return 1 - float(np.square(left).sum() / np.square(self.values).sum())

    def drawn(self, count: int, seed: int) -> Draws:
        """Functions of the hyperparameters as they may be, given the trials: a draw is a function that can be asked anywhere.

        A draw of the prior, a sum of `FEATURES` random waves, plus the correction that makes it fit the trials (Matheron's rule).

        Args:
            count: how many are drawn.
            seed: of the random numbers.

        Returns:
            what takes points [points, hyperparameters] and gives scores [points, draws], in the metric's units.

        Papers: Rahimi and Recht, "Random features for large-scale kernel machines", 2007; Wilson+, "Efficiently sampling
        functions from Gaussian process posteriors", ICML 2020.

        >>> x = np.linspace(0, 1, 8)[:, None]
        >>> draws = surrogates(x, x[:, 0], np.zeros(8), levels=(0,), count=1)[0].drawn(5, seed=0)
        >>> draws(np.array([[0.5]])).round(1)
        array([[0.5, 0.5, 0.5, 0.5, 0.5]])
        """
        rng = np.random.default_rng(seed)
        # The spectrum of a Matérn 5/2 kernel is Student's with 5 degrees of freedom, along each coordinate; a wave goes along a
        # hyperparameter as often as its weight says.
        moves = rng.random((FEATURES, len(self.levels))) < self.weight / (1 + self.weight)
        waves = rng.standard_t(5, (FEATURES, len(self.owner))) / self.length[self.owner] * moves[:, self.owner]
        phase, height = rng.uniform(0, 2 * np.pi, FEATURES), rng.normal(size=(FEATURES, count))
        factor = np.sqrt(2 * self.amplitude / FEATURES)

        def prior(x: Float[np.ndarray, "points coordinates"]) -> Float[np.ndarray, "points draws"]:
            return factor * np.cos(x @ waves.T + phase) @ height

        noisy = prior(self.points) + np.sqrt(self.noise)[:, None] * rng.normal(size=(len(self.values), count))
        weights = scipy.linalg.cho_solve(self._factor(), self.values[:, None] - noisy)

        def at(points: Float[np.ndarray, "points hyperparameters"]) -> Float[np.ndarray, "points draws"]:
            x = _spread(points, self.levels)[0]
            parts = [x[start : start + _CHUNK] for start in range(0, len(x), _CHUNK)]
            return self.centre + self.scale * np.concatenate([prior(part) + self._covariance(part) @ weights for part in parts])

        return at

    def _covariance(self, x: Float[np.ndarray, "points coordinates"]) -> Float[np.ndarray, "points trials"]:
        alike = np.full((len(x), len(self.points)), self.amplitude)
        for number, (length, weight) in enumerate(zip(self.length, self.weight, strict=True)):
            log = np.zeros_like(alike)
            for coordinate in np.flatnonzero(self.owner == number):
                apart = _apart(x[:, coordinate], self.points[:, coordinate]) / length
                log += np.log1p(apart + np.square(apart) / 3) - apart
            alike *= (1 + weight * np.exp(log)) / (1 + weight)
        return alike

    def _factor(self) -> tuple[Float[np.ndarray, "trials trials"], bool]:
        return scipy.linalg.cho_factor(self._covariance(self.points) + np.diag(self.noise), lower=True)


def surrogates(
    points: Float[np.ndarray, "trials hyperparameters"],
    scores: Float[np.ndarray, " trials"],
    errors: Float[np.ndarray, " trials"],
    levels: tuple[int, ...],
    count: int,
) -> tuple[Surrogate, ...]:
    """Gaussian processes that the trials make likely; always the same ones.

    The first has the likeliest lengths, amplitude and leftover noise under weak priors; the others are drawn around it, since
    few trials tell them only roughly.

    Args:
        points: coordinates in [0, 1]; of a choice the number of its value, 0, 1, …
        scores: the mean over restarts of each trial, in the metric's units.
        errors: its standard error, in the same unit; 0 where it is not known: some noise is always fitted.
        levels: for each hyperparameter how many values its choice has, 0 where it is continuous.
        count: how many processes, at least 1.

    Raises:
        ValueError: if shapes differ, there are fewer than 3 trials, a value is not finite, an error negative, a point outside
            its range, or all scores are the same.

    Paper: Rasmussen and Williams, "Gaussian Processes for Machine Learning", 2006.

    >>> x = np.random.default_rng(0).random((40, 2))
    >>> (found,) = surrogates(x, np.sin(6 * x[:, 0]), np.zeros(40), levels=(0, 0), count=1)
    >>> bool(found.length[1] > 3 * found.length[0])  # the second hyperparameter does nothing
    True
    """
    points, scores, errors = (np.asarray(x, np.float64) for x in (points, scores, errors))
    if points.ndim != 2 or len(points) < 3 or scores.shape != (len(points),) or errors.shape != scores.shape:
        raise ValueError(
            f"Points [trials, hyperparameters] of 3 trials at least, and a score and an error of each, are needed, "
            f"not {points.shape}, {scores.shape}, {errors.shape}."
        )
    if not (np.isfinite(points).all() and np.isfinite(scores).all() and np.isfinite(errors).all() and (errors >= 0).all()):
        raise ValueError("Points, scores and errors of a surrogate are finite numbers, and no error is negative.")
    x, owner = _spread(points, levels)
    centre, scale = float(scores.mean()), float(scores.std())
    if not scale > 1e-12 * np.abs(scores).max():
        raise ValueError(f"All {len(scores)} trials have the same score, so that no hyperparameter can be told to matter.")
    values, known = (scores - centre) / scale, np.square(errors / scale)
    apart = np.stack([_apart(column, column) for column in x.T])
    d = len(levels)
    means, deviations = np.array([_LENGTH] * d + [_WEIGHT] * d + [_AMPLITUDE, _NUGGET]).T

    def loss(z: Float[np.ndarray, " fitted"]) -> tuple[float, Float[np.ndarray, " fitted"]]:
        return _loss(z * deviations + means, z, deviations, apart, owner, values, known)

    bounds = [(-MOST, MOST)] * len(means)
    best = scipy.optimize.minimize(
        loss, np.zeros(len(means)), jac=True, method="L-BFGS-B", bounds=bounds, options={"maxiter": 100}
    ).x
    found = []
    for z in _likely(lambda z: loss(z)[1], best, count):
        fitted = np.exp(z * deviations + means)
        amplitude, nugget = fitted[2 * d :]
        parts = fitted[:d], fitted[d : 2 * d], float(amplitude), known + nugget
        found.append(Surrogate(x, owner, tuple(levels), *parts, values, centre, scale))
    return tuple(found)


def _likely(
    slope: Callable[[Float[np.ndarray, " fitted"]], Float[np.ndarray, " fitted"]], best: Float[np.ndarray, " fitted"], count: int
) -> Float[np.ndarray, "count fitted"]:
    """The likeliest, and draws around it from the normal distribution of the same curvature (Laplace's approximation)."""
    step = 1e-3 * np.eye(len(best))
    curvature = np.array([slope(best + row) - slope(best - row) for row in step]) / 2e-3
    values, vectors = np.linalg.eigh((curvature + curvature.T) / 2)
    # The prior alone has the curvature 1.
    width = vectors / np.sqrt(np.maximum(values, 1.0))
    drawn = best + np.random.default_rng(0).normal(size=(count - 1, len(best))) @ width.T
    return np.concatenate([best[None], np.clip(drawn, -MOST, MOST)])


def _loss(
    logs: Float[np.ndarray, " logs"],
    z: Float[np.ndarray, " logs"],
    deviations: Float[np.ndarray, " logs"],
    apart: Float[np.ndarray, "coordinates trials trials"],
    owner: Int[np.ndarray, " coordinates"],
    values: Float[np.ndarray, " trials"],
    known: Float[np.ndarray, " trials"],
) -> tuple[float, Float[np.ndarray, " logs"]]:
    """The negative log of the posterior, and its gradient by z, where the logarithms are `means + z deviations`."""
    d, amplitude, nugget = len(logs) // 2 - 1, np.exp(logs[-2]), np.exp(logs[-1])
    weight = np.exp(logs[d : 2 * d])[:, None, None]
    r = apart / np.exp(logs[owner])[:, None, None]
    shape = 1 + r + np.square(r) / 3
    belongs = (owner == np.arange(d)[:, None]).astype(np.float64)
    along = weight * np.exp(np.tensordot(belongs, np.log(shape) - r, axes=1))
    alike = amplitude * np.prod((1 + along) / (1 + weight), axis=0)
    lower = scipy.linalg.cholesky(alike + np.diag(known + nugget), lower=True)
    answer = scipy.linalg.cho_solve((lower, True), values)
    inner = (scipy.linalg.cho_solve((lower, True), np.eye(len(values))) - np.outer(answer, answer)) / 2
    pull, share = inner * alike, along / (1 + along)
    # By the logarithms of the lengths, the weights, the amplitude and the nugget.
    slopes = np.tensordot(belongs, np.square(r) * (1 + r) / 3 / shape, axes=1)
    of_length, of_weight = np.tensordot(slopes * share, pull, axes=2), np.tensordot(share - weight / (1 + weight), pull, axes=2)
    gradient = np.array([*of_length, *of_weight, pull.sum(), nugget * np.trace(inner)])
    loss = values @ answer / 2 + np.log(np.diag(lower)).sum() + np.square(z).sum() / 2
    return float(loss), gradient * deviations + z


def _apart(a: Float[np.ndarray, " a"], b: Float[np.ndarray, " b"]) -> Float[np.ndarray, "a b"]:
    return 5**0.5 * np.abs(a[:, None] - b)


def _spread(
    points: Float[np.ndarray, "points hyperparameters"], levels: tuple[int, ...]
) -> tuple[Float[np.ndarray, "points coordinates"], Int[np.ndarray, " coordinates"]]:
    """Coordinates in which the values of a choice are all equally far apart, and the hyperparameter that each belongs to."""
    points = np.asarray(points, np.float64)
    if len(levels) != points.shape[1]:
        raise ValueError(f"A number of levels for each of {points.shape[1]} hyperparameters is needed, not {len(levels)}.")
    columns = []
    for number, (column, count) in enumerate(zip(points.T, levels, strict=True)):
        most = count - 1 if count else 1
        if column.min(initial=0) < 0 or column.max(initial=0) > most or (count and (column % 1).any()):
            kind = f"one of the numbers 0 … {most} of its values" if count else "a coordinate in [0, 1]"
            raise ValueError(
                f"Of hyperparameter {number} each point has {kind}, and these lie from {column.min()} to {column.max()}."
            )
        columns.append((column[:, None] == np.arange(count)).astype(np.float64) if count else column[:, None])
    return np.concatenate(columns, axis=1), np.repeat(np.arange(len(levels)), [column.shape[1] for column in columns])
