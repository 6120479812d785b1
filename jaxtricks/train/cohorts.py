"""The members of a fit: experiments, with what depends on the data filled in, × restarts, sorted by program."""

import functools
from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import numpy as np
from jaxtyping import Int

from jaxtricks.config import ConfigError, group, rebuild
from jaxtricks.data import Dataset
from jaxtricks.data.balance import balances, rarities
from jaxtricks.engine.cohort import Cohort, rows_of
from jaxtricks.engine.plan import Population
from jaxtricks.engine.tables import Numbers, Tables
from jaxtricks.experiment.experiment import Experiment
from jaxtricks.experiment.inputs import Inputs, filled_with, scaled_by, turned_by
from jaxtricks.experiment.matching import Given
from jaxtricks.experiment.sampling import Sampling
from jaxtricks.experiment.targets import Targets, targets_scaled_by
from jaxtricks.experiment.transfer import Transfer
from jaxtricks.train.prepare import prepare, shapes

ROWS = 16  # of a table come together
LARGE = 2**22  # bytes of a table whose rows are not filled up


def readied(
    wanted: Sequence[Experiment], data: Dataset, sampling: Sampling, transfer: Transfer | None
) -> tuple[list[Experiment], list[Cohort]]:
    """Gives the experiments, with what depends on the data filled in, and the cohorts of their restarts.

    Args:
        wanted: the experiments of the user.
        data: the data set.
        sampling: the restarts of each experiment.
        transfer: what they start from; None where all weights are drawn.

    Raises:
        ConfigError: for settings that do not fit the data, see `jaxtricks.train.prepare.prepare`.
    """
    sampling.check(data)
    ready = [ready_for(experiment, data, sampling) for experiment in wanted]
    return ready, _cohorts(ready, data, sampling, transfer)


def ready_for(experiment: Experiment, data: Dataset, sampling: Sampling) -> Experiment:
    """Gives an experiment with what depends on the data filled in, those that each restart trains on among them.

    Args:
        experiment: that of the user.
        data: the data set.
        sampling: the restarts.

    Raises:
        ConfigError: for settings that do not fit the data, see `jaxtricks.train.prepare.prepare`.
    """
    lengths = [] if data.lengths is None else [data.lengths[train] for train in sampling.train]
    prepared = prepare(experiment, data, sampling.train.shape[1])
    return rebuild(prepared, order=prepared.order.fitted(lengths, prepared.batch_size))


def _cohorts(experiments: list[Experiment], data: Dataset, sampling: Sampling, transfer: Transfer | None) -> list[Cohort]:
    """Groups experiments × members by tree structure, and gives what their members choose from."""

    @functools.cache  # the arms of a comparison mostly ask for the same
    def tables(asked: Asked) -> Tables:
        return tables_of(sampling, asked, data)

    cohorts = []
    for indices, stacked in group(experiments):
        floats = jax.tree.map(lambda leaf: np.repeat(leaf, len(sampling)), stacked)
        numbers = Numbers.of(sampling.at(np.tile(np.arange(len(sampling)), len(indices))))
        own = tables(Asked.by(experiments[indices[0]]))
        check_shared([experiments[index] for index in indices], own, sampling, data)
        given: dict[str, Given] = {}
        transferred = None
        if transfer is not None:
            first = experiments[indices[0]]
            if transfer.rewound is not None and first.pruned is None:
                raise ConfigError("Transfer.rewound is what a pruned network is set back to; Experiment.pruned is off.")
            given, transferred = transfer.given(sampling, shapes(first, data)[1], first.model, data.meanings)
            given = rows_of(given, np.tile(np.arange(len(sampling)), len(indices)))
        members = Population(floats, numbers)
        cohorts.append(Cohort(indices, members, own, given, len(sampling), transferred))
    return cohorts


def check_shared(experiments: Sequence[Experiment], tables: Tables, sampling: Sampling, data: Dataset) -> None:
    """Refuses experiments of one program that would scale data differently, since its members share their tables.

    Args:
        experiments: they differ in floats only.
        tables: those of the first, see `tables_of`.
        sampling: the members.
        data: the data set.

    Raises:
        ConfigError: for a float that the tables depend on and that is not the same in all of them.
    """
    known = [first := Asked.by(experiments[0])]
    for own in map(Asked.by, experiments):
        asked = own._replace(inputs=first.inputs) if own.inputs.SHARED else own
        if asked in known:
            continue
        known.append(asked)
        other = tables_of(sampling, asked, data)
        if not _same(other, tables):
            name = "inputs" if _same(other.targets, tables.targets) else "targets"
            raise ConfigError(
                f"Experiment.{name} = {getattr(asked, name)} scales otherwise than {getattr(first, name)}, and experiments that "
                "differ in floats only share one scaling; a fit for each of them is allowed."
            )


def _same(one: Any, other: Any) -> bool:
    """Whether two trees of tables are equal."""
    trees: list[Any] = [jax.tree.structure(each) for each in (one, other)]
    leaves = zip(jax.tree.leaves(one), jax.tree.leaves(other), strict=False)
    return bool(trees[0] == trees[1]) and all(np.array_equal(a, b, equal_nan=True) for a, b in leaves)


class Asked(NamedTuple):
    """What an experiment asks of each split's training examples.

    Args:
        inputs: how inputs are scaled.
        targets: how the values that are learnt are scaled.
        balance: whether how rare each class is, for a loss.
        rarity: whether the same, for initial weights.
    """

    inputs: Inputs
    targets: Targets
    balance: bool
    rarity: bool

    @classmethod
    def by(cls, experiment: Experiment) -> "Asked":
        """What the experiment asks."""
        return cls(experiment.inputs, experiment.targets, experiment.asks_for_balance, experiment.asks_for_rarity)


def tables_of(sampling: Sampling, asked: Asked, data: Dataset) -> Tables:
    """Gives what the members of a sampling choose from, on the host.

    Rows come in sixteens, the last one repeated, where that is little memory: fits of few splits then share a program.

    Args:
        sampling: the members.
        asked: what each split's training examples are asked.
        data: the data set.
    """
    train = sampling.train
    moments, learnt = scaled_by(asked.inputs, data, train), targets_scaled_by(asked.targets, data, train)
    balance, fill = balances(data, train, sampling.labels) if asked.balance else None, filled_with(data, train)
    rarity = rarities(data, train, sampling.labels) if asked.rarity else None
    turn = turned_by(asked.inputs, data, train, moments)
    drawn = (sampling.labels, sampling.features)
    arrays: Any = (train, sampling.validation, *moments, *drawn, learnt, balance, fill, turn, rarity)
    return jax.tree.map(lambda table: table[_in_sixteens(train)], Tables(*arrays))


def _in_sixteens(train: Int[np.ndarray, "splits train"]) -> Int[np.ndarray, " rows"]:
    """The number of the split that stands in each row of a table."""
    splits = len(train)
    rows = splits if splits == 1 or train.nbytes > LARGE else -(-splits // ROWS) * ROWS
    return np.minimum(np.arange(rows), splits - 1)
