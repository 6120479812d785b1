"""The training losses of restarts whose learning rate is another one in each step."""

import math

import jax
import numpy as np
from jaxtyping import Float

from jaxtricks.config import ConfigError, rebuild
from jaxtricks.data import Dataset
from jaxtricks.engine import rising
from jaxtricks.engine.cohort import fitting, planned_for
from jaxtricks.engine.layout import Layout
from jaxtricks.experiment.experiment import Experiment
from jaxtricks.experiment.seeds import Seeds
from jaxtricks.optim.schedules import Constant
from jaxtricks.restart.member import Pool, steps_per_epoch
from jaxtricks.train.cohorts import readied


def rate_losses(
    experiment: Experiment, data: Dataset, rates: Float[np.ndarray, " points"], seeds: Seeds, layout: Layout
) -> Float[np.ndarray, "restarts points"]:
    """Gives the training losses of restarts that take each step at a rate of its own, all in one program.

    A step is the one that `fit` takes at that rate, with the experiment's rule, clips, decay, masks and augmentation; its
    schedule and early stopping are left out. A point is a step. Where an order takes batches of several lengths in turns, a point
    is a round of them, and their mean loss.

    Args:
        experiment: what is trained; its learning rate and number of epochs play no part.
        data: the data set.
        rates: the learning rate of each point.
        seeds: the restarts.
        layout: devices and width.

    Returns:
        the loss before each step; nan from the point on where it or its gradient is not finite.

    Raises:
        ConfigError: for settings that do not fit the data or the devices, or data that a device does not hold.

    >>> digits, base = jt.load("digits").subset(100, seed=0), jt.Experiment(model=jt.MLP(widths=(8,)))
    >>> rate_losses(base, digits, np.full(3, 0.1), jt.Seeds(2), jt.Layout()).shape
    (2, 3)
    """
    sampling = seeds.sampling(data)
    plain = rebuild(experiment, optimizer=rebuild(experiment.optimizer, schedule=Constant()), stopping=None)
    (ready,), (cohort,) = readied([plain], data, sampling, seeds.transfer)
    epochs = math.ceil(len(rates) * len(ready.order.cuts) / steps_per_epoch(ready, sampling.train.shape[1]))
    rounds = math.ceil(len(rates) / epochs)
    planned = planned_for(cohort, Pool.on_host(data), layout, epochs)
    if planned.plan.window is not None:
        raise ConfigError(
            f"{data.name} stays on the host, and a test of learning rates takes data that a device holds; a part of it, as "
            "Dataset.subset gives, is allowed."
        )
    filled = np.concatenate([rates, np.repeat(rates[-1:], epochs * rounds - len(rates))])  # what fills the last epoch is cut off
    table = filled.reshape(epochs, rounds).astype(jax.dtypes.canonicalize_dtype(float))
    planned = fitting(planned, layout, lambda planned: rising.lowered(planned, table))
    found = rising.losses(planned, table).reshape(len(sampling), -1)
    return found[:, : len(rates)].astype(np.float64)
