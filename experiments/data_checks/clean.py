"""Data sets in which nothing is known to be wrong: real ones, and generated ones."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

import jaxtricks as jt


def clean(data_dir: Path | None) -> Iterator[jt.Dataset]:
    """Twelve data sets; those of scikit-learn that are sorted by class are shuffled.

    Args:
        data_dir: the folder of prepared TFDS sets; None: $TFDS_DATA_DIR.
    """
    from sklearn import datasets

    yield jt.load("digits")
    yield jt.load("mnist", data_dir)
    yield jt.load("tiny_shakespeare", data_dir, text=jt.Text("char", length=64))
    for name in ("breast_cancer", "wine", "iris"):
        bunch = getattr(datasets, f"load_{name}")()
        order = np.random.default_rng(0).permutation(len(bunch.target))
        yield jt.Dataset.from_arrays(bunch.data[order], bunch.target[order], name=f"{name}, shuffled")
    raw = datasets.load_diabetes(scaled=False)
    yield jt.Dataset.from_arrays(raw.data, raw.target.astype(float), name="diabetes, not scaled")
    yield jt.data.adding_problem(500, 20)
    for name, made in {
        "classification": datasets.make_classification(800, random_state=0),
        "blobs": datasets.make_blobs(600, 5, random_state=0),
        "moons": datasets.make_moons(500, noise=0.2, random_state=0),
        "friedman": datasets.make_friedman1(600, random_state=0),
    }.items():
        yield jt.Dataset.from_arrays(*made, name=name)


def generated(seed: int) -> jt.Dataset:
    """A generated data set of a drawn size, with 2 to 30 numbers, long tails and gaps among them, and classes or values."""
    generator = np.random.default_rng([7, seed])
    rows, numbers = int(generator.integers(60, 1_500)), int(generator.integers(2, 31))
    x = generator.normal(size=(rows, numbers)) @ generator.normal(size=(numbers, numbers))
    tailed = generator.random(numbers) < 0.3
    x[:, tailed] = np.exp(x[:, tailed] / x[:, tailed].std(axis=0))
    score = x[:, : 1 + numbers // 2] @ generator.normal(size=1 + numbers // 2)
    score = (score - score.mean()) / score.std() + generator.normal(size=rows)
    gaps = bool(generator.random() < 0.3)
    if gaps:
        x[generator.random(x.shape) < 0.1] = np.nan
    classes = int(generator.integers(2, 6))
    y = score if generator.random() < 0.3 else np.digitize(score, np.quantile(score, np.linspace(0, 1, classes + 1)[1:-1]))
    cut = round(0.8 * rows)
    return jt.Dataset.from_arrays(x[:cut], y[:cut], test=(x[cut:], y[cut:]), missing=gaps, name=f"generated {seed}")
