"""The multi-bootstrap: seeds and examples drawn again together."""

import numpy as np
from jaxtyping import Float


def multi_bootstrap(g: Float[np.ndarray, "seeds examples"], resamples: int = 2_000) -> Float[np.ndarray, " resamples"]:
    """Mean differences over seeds and examples that are both drawn with replacement, for a fixed validation or test set.

    `crossed` has the variance of these means in closed form, with degrees of freedom for few seeds, and is what verdicts use;
    this is what it is held against.

    Args:
        g: what each example adds to the difference of the arms, [seeds, examples], the same examples for all seeds.
        resamples: how many are drawn, a count.

    Raises:
        ValueError: if `g` is not of two axes, empty or not finite.

    Paper: Sellam+, "The MultiBERTs: BERT reproductions for robustness analysis", ICLR 2022.

    >>> means = multi_bootstrap(np.array([[0.0, 1.0, 0.0, 1.0], [0.0, 1.0, 0.0, 0.0]]))
    >>> len(means), bool(0.2 < means.mean() < 0.5)
    (2000, True)
    """
    g = np.asarray(g, np.float64)
    if g.ndim != 2 or not g.size or not np.isfinite(g).all():
        raise ValueError(f"Finite values of shape [seeds, examples] are needed, not shape {g.shape}.")
    seeds, examples = g.shape
    rng = np.random.default_rng(0)
    of_seeds = rng.multinomial(seeds, np.full(seeds, 1 / seeds), resamples) / seeds
    by_example = of_seeds @ g  # the mean over drawn seeds of each example
    found = np.empty(resamples)
    for start in range(0, resamples, rows := max(1, 2**22 // examples)):  # a few MB of weights at a time
        part = by_example[start : start + rows]
        found[start : start + rows] = (rng.multinomial(examples, np.full(examples, 1 / examples), len(part)) * part).sum(axis=1)
    return found / examples
