"""New data, from members × examples: what members share because they are validated on the same examples."""

import math

import numpy as np
from jaxtyping import Float, Shaped

from jaxtricks.statistics.uncertainty import Uncertainty, over_restarts

MOST = 1e9  # degrees of freedom; Student's t is the normal distribution there


def crossed(
    g: Float[np.ndarray, "members validation"], places: Shaped[np.ndarray, "members validation"], share: float
) -> Uncertainty:
    """The mean difference over members and examples, for other restarts *and other examples* of the same kind.

    Members are not independent: splits of one pool hold the same examples, and a fixed validation set is the same for all. With
    `d_m = mean_i g_mi` and its sample variance s², the variance of the mean of the n differences is

        s²/n + (1 + share) C,   C = mean over pairs m ≠ l of Cov(d_m, d_l)

    C is estimated without bias from the examples that two members share: `Σ_u ((Σ_m R_mu)² − Σ_m R_mu²) / (n (n − 1) v²)`, where
    `R_mu` is the sum of `g_mi − d_m` over the examples of unit u, v counts the validation examples, and a last factor
    repairs what the subtraction of d_m takes away; it is 0 where it comes out negative. C falls as 1/examples, and more seeds
    leave it as it is. For a fixed set this is the variance of the multi-bootstrap, in closed form. Degrees of freedom are
    Satterthwaite's; those of C come from the spread over examples.

    Random splits also train on examples that they share, which no unbiased estimate shows (Bengio and Grandvalet, JMLR 5, 2004).
    The share of Nadeau and Bengio allows for that, on the part of the examples only: C is the variance over all examples of
    the pool, and (1 + share) C that over as many as are trained on.

    Args:
        g: what each validation example adds to the difference of the arms, [members, validation], in the metric's units; the
            mean of a row is the member's difference.
        places: which example that is, a number or the name of its group where splits are drawn by group, [members, validation].
        share: validation examples divided by training examples for splits drawn from one pool; 0 for a fixed validation set,
            where the training examples are given.

    Raises:
        ValueError: if the shapes differ, there is no member or example, a value is not finite, or the share is negative.

    Papers: Owen, "The pigeonhole bootstrap", Annals of Applied Statistics 1, 2007; Nadeau and Bengio, "Inference for the
    generalization error", Machine Learning 52, 2003; Sellam+, "The MultiBERTs", ICLR 2022.

    >>> g = np.array([[0.0, 1.0, 0.0, 1.0], [0.0, 1.0, 0.0, 0.0], [0.0, 1.0, 1.0, 1.0]])
    >>> fixed = np.tile(np.arange(4), (3, 1))
    >>> found = crossed(g, fixed, share=0.0)
    >>> f"{found.mean:.2f}: {found.of_seeds:.3f} of seeds, {found.of_data:.3f} of data"
    '0.50: 0.021 of seeds, 0.035 of data'
    """
    g, places = np.asarray(g, np.float64), np.asarray(places)
    if g.ndim != 2 or g.shape != places.shape or not g.size or not np.isfinite(g).all():
        raise ValueError(
            f"Finite values and places of one shape [members, validation] are needed, not {g.shape}, {places.shape}."
        )
    if not 0 <= share < math.inf:
        raise ValueError(f"The share of validation examples to training examples is a number >= 0, not {share}.")
    plain = over_restarts(g.mean(axis=1))
    covariance, own = _shared(g, g, places)
    if len(g) == 1 or not covariance > 0:
        return plain
    of_data = (1 + share) * covariance
    parts = plain.of_seeds**2 / plain.freedom + of_data**2 / own
    freedom = min((plain.of_seeds + of_data) ** 2 / parts, MOST) if parts > 0 else MOST
    return plain._replace(of_data=of_data, freedom=freedom)


def shared_covariance(
    a: Float[np.ndarray, "members validation"],
    b: Float[np.ndarray, "members validation"],
    places: Shaped[np.ndarray, "members validation"],
) -> float:
    """The mean over pairs of members m ≠ l of `Cov(mean a_m, mean b_l)` that comes from the examples both validate on.

    Args:
        a: what each validation example adds to one metric of a member, [members, validation].
        b: the same of the metric beside it.
        places: which example, or group of examples, that is.

    >>> values = np.array([[0.0, 1.0, 2.0], [0.0, 1.0, 2.0]])
    >>> round(shared_covariance(values, values, np.array([[0, 1, 2], [0, 1, 2]])), 3)
    0.333
    """
    return _shared(np.asarray(a, np.float64), np.asarray(b, np.float64), np.asarray(places))[0]


def _shared(
    a: Float[np.ndarray, "members validation"],
    b: Float[np.ndarray, "members validation"],
    places: Shaped[np.ndarray, "members validation"],
) -> tuple[float, float]:
    """The covariance and its degrees of freedom; zeros where no two members share a unit, or two units are not enough."""
    members, validation = a.shape
    names, unit = np.unique(places, return_inverse=True)
    shape = (members, len(names))
    cell = (np.arange(members)[:, None] * len(names) + unit.reshape(places.shape)).ravel()  # of each member and unit
    of_a, of_b = (
        np.bincount(cell, (x - x.mean(axis=1, keepdims=True)).ravel(), members * len(names)).reshape(shape) for x in (a, b)
    )
    has = np.bincount(cell, minlength=members * len(names)).reshape(shape) > 0
    count = has.sum(axis=0)  # members that have each unit
    pairs = count * (count - 1.0)
    both, units = pairs.sum() / max(members * (members - 1), 1), has.sum() / members
    left = 1 - 2 / units + both / units**2  # of a unit's own variance, after each member's mean is subtracted
    if not both > 0 or not left > 1e-9:
        return 0.0, 0.0
    product = of_a.sum(axis=0) * of_b.sum(axis=0) - (of_a * of_b).sum(axis=0)
    total, every = float(product.sum()), float(pairs.sum())
    if total == 0:
        return 0.0, 0.0
    noise = float(np.square(product - total * pairs / every).sum())
    return float(total / (members * (members - 1) * validation**2 * left)), 2 * total**2 / noise if noise > 0 else math.inf
