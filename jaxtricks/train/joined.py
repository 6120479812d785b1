"""Restarts of one experiment that were trained one after the other, as if they had been trained together."""

from typing import Any

import jax
import numpy as np

from jaxtricks.config import ConfigError
from jaxtricks.store.manifest import digest
from jaxtricks.train.cohorts import Asked, tables_of
from jaxtricks.train.loop import Trained
from jaxtricks.train.runs import Runs


def joined(first: Runs, more: Runs) -> Runs:
    """Gives the restarts of two fits as those of one.

    Args:
        first: restarts of an experiment.
        more: restarts of the same experiment on the same data, of other seeds.

    Raises:
        ConfigError: for another experiment, other data, or a seed that both have.

    >>> digits, base = jt.load("digits").subset(100, seed=0), jt.Experiment(model=jt.MLP(widths=(8,)), epochs=2)
    >>> first, more = (jt.fit(base, digits, seeds=seeds, progress=False) for seeds in (2, (2, 3)))
    >>> joined(first, more).names
    ('seed 0', 'seed 1', 'seed 2', 'seed 3')
    """
    if changed := more.experiment.diff(first.experiment):
        raise ConfigError(f"restarts with other settings cannot be joined; {', '.join(changed)} differ.")
    if first.data is not more.data and digest(first.data) != digest(more.data):
        raise ConfigError(f"restarts on other data cannot be joined: {first.data!r} and {more.data!r}.")
    sampling = first.sampling.joined(more.sampling)

    def together(*leaves: Any) -> Any:
        return np.concatenate([np.asarray(leaf)[runs.trained.rows] for leaf, runs in zip(leaves, (first, more), strict=True)])

    states = jax.tree.map(together, first.trained.states, more.trained.states)
    curves = {name: np.concatenate([curve, more.curves[name]]) for name, curve in first.curves.items()}
    tables = tables_of(sampling, Asked.by(first.experiment), first.data)
    both = (first.trained.pictures, more.trained.pictures)
    pictures = {name: np.concatenate([counts[name] for counts in both]) for name in both[0]}
    trained = Trained(states, np.arange(len(sampling)), curves, first.plan, tables, pictures)
    return Runs(first.experiment, sampling, first.data, trained)
