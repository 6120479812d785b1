"""The task that all methods search: its data, its settings, and how jaxtricks has it."""

import functools
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from jaxtyping import Float, Int

if TYPE_CHECKING:
    import jaxtricks as jt
    from jaxtricks.search import Space

TRAIN, VALIDATION, PIXELS, CLASSES = 1437, 360, 64, 10
UNITS, BATCH, EPOCHS, B2 = 32, 64, 10, 0.999
STEPS = TRAIN // BATCH
TABLE_SEEDS, JUDGE_SEEDS = 2**30, 2**30 + 2**20  # from where on; searches have seeds below


class Settings(NamedTuple):
    """One point of the space.

    Args:
        learning_rate: of AdamW, per step.
        b1: β₁, the share of the mean gradient that a step keeps.
        weight_decay: the rate of decoupled decay, per learning rate; kernels only.
        dropout: the probability of zeroing a hidden unit.
    """

    learning_rate: float
    b1: float
    weight_decay: float
    dropout: float


RANGES = {  # the paths of jaxtricks, in the order of Settings
    "optimizer.rule.learning_rate": "log:1e-4:1",
    "optimizer.rule.b1": "1-log:0.5:0.99",
    "optimizer.rule.weight_decay.rate": "log:1e-5:1",
    "model.dropout.rate": "0:0.7",
}
TYPICAL = (  # where what the methods come to is compared
    Settings(learning_rate=1e-3, b1=0.9, weight_decay=0.01, dropout=0.0),
    Settings(learning_rate=1e-2, b1=0.9, weight_decay=0.1, dropout=0.2),
    Settings(learning_rate=1e-1, b1=0.5, weight_decay=0.01, dropout=0.5),
)


class Arrays(NamedTuple):
    """Inputs, each pixel standardized over the training examples, and labels."""

    train_x: Float[np.ndarray, "train pixels"]
    train_y: Int[np.ndarray, " train"]
    test_x: Float[np.ndarray, "validation pixels"]
    test_y: Int[np.ndarray, " validation"]


@functools.cache
def arrays() -> Arrays:
    """What peers train on, and validate on."""
    x, y = _digits()
    mean, std = x[:TRAIN].mean(0), x[:TRAIN].std(0)
    scaled = ((x - mean) / np.where(std > 0, std, 1)).astype(np.float32)
    return Arrays(scaled[:TRAIN], y[:TRAIN], scaled[TRAIN:], y[TRAIN:])


@functools.cache
def dataset() -> "jt.Dataset":
    """The same for jaxtricks, which standardizes them itself."""
    import jaxtricks as jt

    x, y = _digits()
    x = x.astype(np.uint8)
    return jt.Dataset.from_arrays(x[:TRAIN], y[:TRAIN], validation=(x[TRAIN:], y[TRAIN:]), scale=16)


@functools.cache
def base() -> "jt.Experiment":
    """The experiment that is varied."""
    import jaxtricks as jt

    rule = jt.AdamW(b2=B2, weight_decay=jt.optim.Decoupled(rate=0.01))
    model = jt.MLP(widths=(UNITS,), dropout=0.1)  # type: ignore[arg-type]
    return jt.Experiment(model=model, optimizer=jt.Optimizer(rule=rule), batch_size=BATCH, epochs=EPOCHS)


@functools.cache
def space() -> "Space":
    """The space of jaxtricks."""
    from jaxtricks.search import Space, fitted

    return fitted(Space.from_json(RANGES), base())


def scores(rows: Iterable[Sequence[float]], first: int, seeds: int) -> Float[np.ndarray, "rows seeds"]:
    """The validation accuracy of restarts, trained by jaxtricks.

    Args:
        rows: settings.
        first: the first of the seeds, which all settings share.
        seeds: how many.
    """
    import jaxtricks as jt

    trials = [base().replace(dict(zip(RANGES, map(float, row), strict=True))) for row in rows]
    runs = jt.fit(trials, dataset(), seeds=range(first, first + seeds), progress=False)
    return np.stack([each.metrics["accuracy"] for each in runs])


def _digits() -> tuple[Float[np.ndarray, "examples pixels"], Int[np.ndarray, " examples"]]:
    from sklearn.datasets import load_digits

    x, y = load_digits(return_X_y=True)
    return x, y.astype(np.int64)
