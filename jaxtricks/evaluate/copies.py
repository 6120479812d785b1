"""Augmentation at test time: predictions averaged over changed copies of an example."""

import jax
import numpy as np
from jaxtyping import ArrayLike, Float

from jaxtricks import rng
from jaxtricks.config import ConfigError
from jaxtricks.data import Augmentation
from jaxtricks.evaluate.averaging import of_probabilities
from jaxtricks.evaluate.counts import check_count
from jaxtricks.train.runs import Runs


def augmented_log_probs(
    runs: Runs, x: ArrayLike, augmentation: Augmentation, copies: int, *, seed: int = 0
) -> Float[np.ndarray, "runs examples classes"]:
    """Gives `log(Σ_k p(y | copy k of x)/copies)` of every run: the logarithm of the mean probabilities over changed copies.

    Copy k of every example is changed by `augmentation`, with draws of its own; all runs see the same copies. Where the data set
    holds whole numbers, pixels between two of them are rounded.

    Args:
        runs: any number of runs that tell classes of images.
        x: images as the data set stores them, [examples, height, width, channels].
        augmentation: what moves pixels, such as shifts and mirrored images.
        copies: how many copies of each example, at least 1.
        seed: of the draws.

    Raises:
        ConfigError: for a number of copies that is no integer >= 1, data that hold no classes, or an augmentation that images
            of such data cannot have, or that does not move pixels.

    Paper: Krizhevsky+ 2012 average over ten crops of a test image.

    >>> digits, base = jt.load("digits").subset(100, seed=0), jt.Experiment(model=jt.MLP(widths=(8,)), epochs=1)
    >>> runs = jt.fit(base, digits, seeds=2, progress=False)
    >>> jt.evaluate.augmented_log_probs(runs, digits.x[:5], jt.data.Augmentation(shift=1.0), 4).shape
    (2, 5, 10)
    """
    check_count("copies", copies)
    if not runs.data.kind.one_class:
        raise ConfigError(f"copies = {copies}: probabilities of classes are averaged, and {runs.data.name} holds none.")
    augmentation.check(runs.data)
    for name in ("noise", "cutout", "mixup"):
        if (value := getattr(augmentation, name)) is not None:
            raise ConfigError(f"Augmentation.{name} = {value} moves no pixels; at test time None is allowed.")
    images = jax.numpy.asarray(x, jax.numpy.zeros(()).dtype)
    keys = [rng.stream(rng.root(seed), "test-time augmentation", copy) for copy in range(copies)]
    moved = (np.asarray(augmentation.geometry(key, images)) for key in keys)
    whole = np.issubdtype(runs.data.x.dtype, np.integer)
    each = np.stack([runs.log_probs(np.rint(copy) if whole else copy) for copy in moved])
    weights = np.full((copies, images.shape[0]), 1 / copies)
    return np.stack([of_probabilities(each[:, run], weights, "probabilities") for run in range(len(runs))])
