"""Pairs that are validated on, and are trained on the other way round."""

import itertools

import numpy as np
import scipy
from jaxtyping import Float, Int

from jaxtricks import rng
from jaxtricks.checks.alarm import alarming
from jaxtricks.checks.finding import DataFinding, first
from jaxtricks.checks.registry import registered
from jaxtricks.checks.splits import Splits
from jaxtricks.checks.view import flat, names
from jaxtricks.data.dataset import Dataset

NAME = "inverse pairs"
FEWEST = 20  # different values of a column that names things, and does not count them
ALIKE = 0.5  # of the values of one column are in the other
MOST = 12  # such columns that are compared, each with each
SHUFFLES = 20
COLUMNS = 200  # more are no table of names
LONGEST = 8  # tokens of a sequence that is taken for a row of names


@registered(NAME)
def check(data: Dataset, splits: Splits) -> list[DataFinding]:
    """Finds pairs (a, b) to validate on whose inverse (b, a) is trained on, more of them than by chance.

    It is the leak of link prediction: who knows that a is the parent of b need not predict that b is the child of a. Looked at
    are two columns of whole numbers, or two places of short sequences, that name the same things. By chance is what there is
    with one of the columns shuffled, by a Poisson test. What is left out for the score are the inverses in training.

    Args:
        data: the data set.
        splits: its parts.

    Paper: Toutanova & Chen, "Observed versus latent features for knowledge base and text inference", CVSC 2015.

    >>> a, b = np.random.default_rng(0).integers(0, 100, (2, 200))
    >>> data = jt.Dataset.from_arrays(np.r_[np.c_[a, b], np.c_[b, a]], np.arange(400) % 2)
    >>> [finding.check for finding in check(data, jt.checks.Splits.of(data, 0))]
    ['inverse pairs']
    """
    longest = COLUMNS if data.vocabulary is None else LONGEST
    if data.stream or data.x.ndim != 2 or data.x.shape[1] > longest:
        return []
    x = flat(data) if data.vocabulary is None else data.x.astype(np.float32)
    called = names(data) if data.vocabulary is None else [f"token {place}" for place in range(x.shape[1])]
    known = {place: set(np.unique(x[:, place]).tolist()) for place in range(x.shape[1]) if _whole(x[:, place])}
    known = {place: values for place, values in known.items() if len(values) >= FEWEST}
    pairs = list(itertools.combinations(list(known)[:MOST], 2))
    pairs = [(i, j) for i, j in pairs if len(known[i] & known[j]) >= ALIKE * min(len(known[i]), len(known[j]))]
    found = []
    for i, j in pairs:
        one, other = x[:, i].astype(np.int64), x[:, j].astype(np.int64)
        places, inverse = _inverted(one, other, splits)
        if alarming(_by_chance(one, other, splits, len(places)), len(pairs)):
            text = (
                f"{len(places):,} of {len(splits.validation):,} pairs of {called[i]!r} and {called[j]!r} to validate on are "
                "trained on the other way round."
            )
            found.append(DataFinding(NAME, "leak", len(places), first(places), text, examples=inverse))
    return found


def _whole(column: Float[np.ndarray, " rows"]) -> bool:
    return not np.isnan(column).any() and np.array_equal(column, np.round(column))


def _inverted(
    one: Int[np.ndarray, " rows"], other: Int[np.ndarray, " rows"], splits: Splits
) -> tuple[Int[np.ndarray, " places"], Int[np.ndarray, " places"]]:
    """The places to validate on whose inverse is trained on, and those of the inverses."""
    span = int(max(one.max(), other.max())) + 1
    low = int(min(one.min(), other.min()))
    span -= low
    forth, back = (one - low) * span + (other - low), (other - low) * span + (one - low)
    apart = splits.validation[one[splits.validation] != other[splits.validation]]
    places = apart[np.isin(back[apart], forth[splits.train])]
    return places, splits.train[np.isin(forth[splits.train], back[places])]


def _by_chance(one: Int[np.ndarray, " rows"], other: Int[np.ndarray, " rows"], splits: Splits, count: int) -> float:
    generator = rng.host(0, "check")
    total = sum(len(_inverted(one, generator.permutation(other), splits)[0]) for _ in range(SHUFFLES))
    return float(scipy.stats.poisson.sf(count - 1, (total + 1) / SHUFFLES))
