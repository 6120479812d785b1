"""What the chapter's claims share: a task that a network overfits, and members of one split, judged on half of it."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

import jaxtricks as jt
from jaxtricks.evaluate.claim import Scale
from jaxtricks.evaluate.ensemble import EnsembleReport


def task(scale: Scale, *, tuning: bool = False) -> jt.Dataset:
    """Images of clothes, a quarter of them to validate on; digits at smoke scale. To be judged on, or for choosing settings."""
    name = scale.pick(smoke="digits", cpu="fashion_mnist", full="fashion_mnist")
    size = scale.pick(smoke=200, cpu=2_400, full=60_000)
    return (scale.tuning_examples if tuning else scale.examples)(jt.load(name), size, 1 / 4)


def network(scale: Scale) -> jt.Experiment:
    """A ReLU network with one hidden layer, Adam at 1e-3, batches of 64, 20 epochs."""
    return jt.Experiment(
        model=jt.MLP(widths=(scale.pick(smoke=8, cpu=128, full=512),)),
        optimizer=jt.Optimizer(rule=jt.Adam(learning_rate=1e-3)),
        inputs=jt.experiment.Unit(),
        batch_size=64,
        epochs=scale.budget(smoke=2, cpu=20, full=60),
    )


def column(reports: Sequence[EnsembleReport], metric: str) -> Float[np.ndarray, " splits"]:
    """A metric of each split's ensemble."""
    return np.array([report.ensemble[metric] for report in reports])
