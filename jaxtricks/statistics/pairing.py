"""What it brought to pair the arms by seed: their correlation, and the seeds that it saved."""

import math
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Shaped

from jaxtricks.statistics.crossed import shared_covariance
from jaxtricks.statistics.values import vector


class Pairing(NamedTuple):
    """How alike the arms of one seed are.

    Args:
        correlation: ρ of the paired arms, from −1 to 1; nan where an arm does not vary.
        saved: how many more members each arm would need for the same standard error if the seeds of the arms were different;
            below 0 where pairing did harm, inf where all differences are the same number, nan for one member.

    >>> rho, saved = pairing(np.array([1.0, 2.0, 3.0]), np.array([2.0, 3.0, 3.0]))
    >>> f"{rho:.3f}, {saved:.1f}"
    '0.866, 9.0'
    """

    correlation: float
    saved: float


def pairing(baseline: Float[np.ndarray, " members"], change: Float[np.ndarray, " members"]) -> Pairing:
    """The correlation of paired arms, and what pairing saved: `n (s_a² + s_b²)/s_d² − n` members.

    Args:
        baseline: one arm's values, shape [members].
        change: the other's, of the same seeds, shape [members].

    Raises:
        ValueError: if an arm is empty, not one-dimensional or not finite, or the lengths differ.

    >>> round(pairing(np.array([1.0, 2.0, 3.0, 4.0]), np.array([1.0, 2.5, 2.5, 4.0])).correlation, 3)
    0.949
    """
    a, b = vector(baseline), vector(change)
    if a.size != b.size:
        raise ValueError(f"Arms are paired one to one, not {a.size} values to {b.size}.")
    if a.size == 1:
        return Pairing(math.nan, math.nan)
    return _of(a.size, float(a.var(ddof=1)), float(b.var(ddof=1)), float(np.cov(a, b)[0, 1]))


def pairing_by_source(
    baseline: Float[np.ndarray, "members validation"],
    change: Float[np.ndarray, "members validation"],
    places: Shaped[np.ndarray, "members validation"],
) -> dict[str, Pairing]:
    """The same by what the arms have in common: the examples that they are validated on, and all else that a seed draws.

    "examples" is the part of each arm's variance that comes from which examples a split validates on, found from the examples
    that splits share (see `shared_covariance`); "weights, order, masks" is what is left of it, which the training examples
    of the split are a part of. A fixed validation set varies nothing, so that "examples" is nan there.

    Args:
        baseline: what each validation example adds to one arm's metric, [members, validation].
        change: the same of the other arm.
        places: which example, or group of examples, that is, [members, validation].

    >>> rng = np.random.default_rng(0)
    >>> places = np.stack([rng.permutation(200)[:40] for _ in range(8)])
    >>> hard = rng.normal(size=200)[places]  # both arms find the same examples hard
    >>> found = pairing_by_source(hard + rng.normal(size=(8, 40)), hard + rng.normal(size=(8, 40)), places)
    >>> found["examples"].correlation > 0.9
    True
    """
    a, b = np.asarray(baseline, np.float64), np.asarray(change, np.float64)
    members, validation = a.shape
    # The variance of a member's mean over a drawn split, beside what all splits share: C (v/o − 1), o examples shared by a pair.
    _, count = np.unique(places, return_counts=True)
    both = float((count * (count - 1.0)).sum()) / max(members * (members - 1), 1)
    among = max(validation / both - 1, 0.0) if both > 0 else math.nan
    whole = np.cov(a.mean(axis=1), b.mean(axis=1)) if members > 1 else np.full((2, 2), math.nan)
    drawn = np.array([[shared_covariance(x, y, places) * among for y in (a, b)] for x in (a, b)])
    parts = {"examples": drawn, "weights, order, masks": whole - drawn}
    return {name: _of(members, part[0, 0], part[1, 1], part[0, 1]) for name, part in parts.items()}


def _of(members: int, a: float, b: float, both: float) -> Pairing:
    """From the variances of the arms and their covariance; estimates of components may be slightly below 0."""
    a, b, apart = max(a, 0.0), max(b, 0.0), max(a + b - 2 * both, 0.0)
    correlation = min(max(both / math.sqrt(a * b), -1.0), 1.0) if a * b > 0 else math.nan
    if math.isnan(a + b + both) or a + b == 0:
        return Pairing(correlation, math.nan)
    return Pairing(correlation, members * (a + b) / apart - members if apart > 0 else math.inf)
