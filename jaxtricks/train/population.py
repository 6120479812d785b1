"""Restarts that were trained, as the programs take them that look at what they learnt."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxtricks.config import ConfigError, rebuild
from jaxtricks.data import Dataset
from jaxtricks.engine.plan import Population, padded
from jaxtricks.engine.processes import placed
from jaxtricks.engine.tables import Numbers
from jaxtricks.experiment.experiment import Experiment
from jaxtricks.experiment.masks import MonteCarlo
from jaxtricks.experiment.sampling import Sampling
from jaxtricks.models.contract import contract
from jaxtricks.restart.epoch import bare, running
from jaxtricks.restart.evaluation import draws_masks
from jaxtricks.restart.member import Pool, State
from jaxtricks.train.loop import Trained


def population(
    experiment: Experiment, sampling: Sampling, trained: Trained, masks: MonteCarlo | None = None
) -> tuple[Population, State]:
    """The runs, padded to whole chunks, without what only training needs: arrays, settings and, where none is drawn, masks.

    Args:
        experiment: the settings of all runs.
        sampling: what sets them apart.
        trained: what training gave.
        masks: of an evaluation that is averaged over masks.
    """
    rows = padded(len(sampling), trained.plan)
    needed = bare(experiment) if masks is None else _with_masks(experiment)
    size, floats = len(rows), jax.tree.map(np.asarray, running(needed))
    floats = jax.tree.map(lambda leaf: np.full(size, leaf, jax.dtypes.canonicalize_dtype(float)), floats)
    members = Population(floats, jax.tree.map(lambda leaf: leaf[rows], Numbers.of(sampling)))
    whole, mine = trained.states._replace(best=None), trained.rows
    if len(whole.step) == size and np.array_equal(mine, np.arange(len(sampling))):  # they lie on the devices as they are needed
        return members, placed(whole, trained.plan.lies(whole))
    states: Any = jax.tree.map(lambda leaf: np.asarray(leaf)[mine][rows], whole)
    return members, placed(states, trained.plan.lies(states))


def check_masks(experiment: Experiment, data: Dataset, sampling: Sampling, trained: Trained) -> None:
    """Refuses a model that draws no masks where it is evaluated; raises ConfigError.

    Args:
        experiment: the settings of the runs.
        data: the data set.
        sampling: what sets the runs apart.
        trained: what training gave.
    """
    whole = trained.states._replace(best=None)
    first: Any = jax.tree.map(lambda leaf: jax.ShapeDtypeStruct(leaf.shape[1:], leaf.dtype), whole)
    member = jax.tree.map(jnp.asarray, trained.tables.member(Numbers.of(sampling.at(np.arange(1)))))
    member = jax.tree.map(lambda leaf: leaf[0], member)
    if not draws_masks(_with_masks(experiment), member, first, Pool.of(data, data.pool.at(np.arange(1)))):
        raise ConfigError(
            f"masks: {contract(experiment.model).title} draws no masks where it is evaluated; a model of this package with "
            "dropout is allowed, such as model.dropout = 0.5, or one that draws them whenever it is given a key."
        )


def _with_masks(experiment: Experiment) -> Experiment:
    """The settings that an evaluation depends on which draws masks."""
    return rebuild(bare(experiment), model=experiment.model)
