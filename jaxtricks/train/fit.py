"""Training: experiments × seeds → runs."""

import contextlib
import dataclasses
import functools
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple, overload

import jax
import numpy as np
from jaxtyping import Int

from jaxtricks.config import ConfigError, group, nearest, rebuild
from jaxtricks.data import Dataset
from jaxtricks.data.balance import balances
from jaxtricks.engine import processes
from jaxtricks.engine.cohort import Cohort, planned_for, rows_of
from jaxtricks.engine.layout import Layout
from jaxtricks.engine.plan import Population
from jaxtricks.engine.tables import Numbers, Tables
from jaxtricks.experiment.arguments import takes
from jaxtricks.experiment.experiment import Experiment
from jaxtricks.experiment.inputs import Inputs, filled_with, scaled_by
from jaxtricks.experiment.matching import Given
from jaxtricks.experiment.sampling import Sampling
from jaxtricks.experiment.seeds import Seeds
from jaxtricks.experiment.targets import Targets, targets_scaled_by
from jaxtricks.experiment.transfer import Transfer
from jaxtricks.objectives.task import task_of
from jaxtricks.restart.member import Pool
from jaxtricks.store.checkpoint import CheckpointError, read
from jaxtricks.store.journal import Journal, NullJournal, Saved, listed
from jaxtricks.store.manifest import Manifest, digest, manifest_of, opened
from jaxtricks.store.policy import Checkpoints
from jaxtricks.train.loop import CheckpointWriter, Trained, outcome, restored, trained
from jaxtricks.train.prepare import prepare, shapes
from jaxtricks.train.runs import Runs

ROWS = 16  # of a table come together
LARGE = 2**22  # bytes of a table whose rows are not filled up


@overload
def fit(
    experiments: Experiment,
    data: Dataset,
    *,
    seeds: int | Sequence[int] | Seeds = ...,
    layout: Layout = ...,
    checkpoints: Checkpoints | None = ...,
    progress: bool = ...,
) -> Runs: ...
@overload
def fit(
    experiments: Sequence[Experiment],
    data: Dataset,
    *,
    seeds: int | Sequence[int] | Seeds = ...,
    layout: Layout = ...,
    checkpoints: Checkpoints | None = ...,
    progress: bool = ...,
) -> list[Runs]: ...


@takes
def fit(
    experiments: Experiment | Sequence[Experiment],
    data: Dataset,
    *,
    seeds: int | Sequence[int] | Seeds = Seeds(),  # noqa: B008 (frozen)
    layout: Layout = Layout(),  # noqa: B008 (frozen)
    checkpoints: Checkpoints | None = None,
    progress: bool = True,
) -> Runs | list[Runs]:
    """Trains every restart of every experiment; those that differ in floats only share one compiled program.

    Args:
        experiments: one experiment, or several.
        data: the data set; its test split stays locked.
        seeds: the number of restarts (seeds 0, 1, …), the seeds themselves, or a `Seeds` with all that restarts sample. A seed
            decides the split, initial weights, order of examples and masks.
        layout: the devices and the width of the program; by default they are chosen from the hardware.
        checkpoints: where to keep checkpoints; if the folder has some of the same fit, training goes on from them. None: nowhere.
        progress: whether to show a bar of restarts × epochs.

    Returns:
        The runs of the one experiment, or a list in the order of the experiments.

    Raises:
        ConfigError: for settings that do not fit the data or the devices, before anything compiles.
        CheckpointError: for a folder of checkpoints that belongs to another fit, is in use or cannot be written.
        Preempted: if the process was asked to end, see `jaxtricks.engine.preemption`; its last checkpoint is written.

    >>> digits, base = jt.load("digits").subset(100, seed=0), jt.Experiment(model=jt.MLP(widths=(8,)), epochs=2)
    >>> runs = jt.fit(base, digits, seeds=4, progress=False)
    >>> len(runs), runs.curves["accuracy"].shape
    (4, (4, 2))
    """
    several = not isinstance(experiments, Experiment)
    wanted = [experiments] if isinstance(experiments, Experiment) else list(experiments)
    sampled = Seeds.of(seeds)
    sampling = sampled.sampling(data)
    ready, cohorts = readied(wanted, data, sampling, sampled.transfer)
    if checkpoints is not None:
        _check_best(checkpoints, ready, data)
    manifest = None if checkpoints is None else Manifest.of(wanted, several, sampled, data)
    with recording(cohorts, manifest, checkpoints) as records:
        results = trained(cohorts, Pool.on_host(data), layout, progress, records)
    started = {index: cohort.transferred for cohort in cohorts for index in cohort.indices}
    ordered: list[Runs] = [Runs(ready[index], sampling, data, results[index], started[index]) for index in range(len(wanted))]
    return ordered if several else ordered[0]


@contextlib.contextmanager
def recording(
    cohorts: Sequence[Cohort], manifest: Manifest | None, checkpoints: Checkpoints | None
) -> Iterator[list[CheckpointWriter | None]]:
    """Opens the folder of a fit, and gives where the checkpoints of each cohort go.

    Args:
        cohorts: what is trained.
        manifest: what the folder belongs to; None where there is none.
        checkpoints: names the folder; None: nowhere.

    Raises:
        ConfigError: where this process was started for another fit than process 0.
        CheckpointError: for a folder of another fit, or one that is in use or cannot be written.
    """
    if manifest is None or checkpoints is None:
        yield [None] * len(cohorts)
        return
    if other := manifest.differs(processes.on_first(lambda: manifest)):
        raise ConfigError(f"this process was started for another fit than process 0: here {other}.")
    with contextlib.ExitStack() as stack:
        processes.on_first(lambda: stack.enter_context(opened(checkpoints, manifest)))
        kind = Journal if processes.first() else NullJournal
        journals = [kind(Path(checkpoints.folder) / f"cohort-{index}", checkpoints) for index in range(len(cohorts))]
        for journal in journals:
            stack.callback(journal.close)
        yield [CheckpointWriter(journal, checkpoints, cohort) for journal, cohort in zip(journals, cohorts, strict=True)]


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


def _check_best(checkpoints: Checkpoints, experiments: Sequence[Experiment], data: Dataset) -> None:
    """Refuses a metric that not all experiments measure."""
    for names in (list(experiment.measured(task_of(data))) for experiment in experiments):
        if checkpoints.best is not None and checkpoints.best not in names:
            raise ConfigError(f"Checkpoints.best = {checkpoints.best!r} is unknown{nearest(checkpoints.best, names)}")


@takes
def resume(
    folder: Path | str,
    data: Dataset,
    *,
    epochs: int | None = None,
    seeds: Seeds | None = None,
    layout: Layout = Layout(),  # noqa: B008 (frozen)
    progress: bool = True,
) -> Runs | list[Runs]:
    """Goes on with a fit from its newest readable checkpoints: to its end if it was interrupted, or for more epochs.

    On the same devices the result has the same bits as the uninterrupted fit, on others it is equal up to rounding. With more
    epochs the state of the optimizer goes on too, and the result is that of a fit which had so many from the start; restarts
    that stopped early stay as they are.

    Args:
        folder: the folder of the fit's `Checkpoints`.
        data: the data set of the fit.
        epochs: of the whole fit, more than it had; None: as many as it had. Its schedule and average must not depend on the end
            of the run, see `Schedule.longer`.
        seeds: the seeds of the fit, needed if they hold arrays (groups, times) or earlier runs, which checkpoints do not keep;
            None: as the checkpoints have them.
        layout: the devices and their memory; the width stays as it was if it fits, and so do the windows of a stream.
        progress: whether to show a bar of restarts × epochs.

    Returns:
        The runs of the one experiment, or a list in the order of the experiments.

    Raises:
        CheckpointError: for a folder that has no checkpoints, or has those of other data, is in use or cannot be written.
        ConfigError: if `seeds` is missing where the checkpoints do not keep them, or for `epochs` for which it cannot go on.
        Preempted: if the process was asked to end once more.

    >>> import tempfile
    >>> digits, base = jt.load("digits").subset(100, seed=0), jt.Experiment(model=jt.MLP(widths=(8,)), epochs=2)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     runs = jt.fit(base, digits, seeds=4, checkpoints=jt.Checkpoints(folder), progress=False)
    ...     same = jt.resume(folder, digits, progress=False)
    ...     longer = jt.resume(folder, digits, epochs=4, progress=False)
    >>> bool(np.array_equal(runs.metrics["nll"], same.metrics["nll"])), longer.curves["nll"].shape
    (True, (4, 4))
    """
    manifest, policy = manifest_of(Path(folder))
    experiments = [Experiment.from_json(each) for each in manifest.experiments]
    if epochs is not None:
        experiments = longer(experiments, epochs)
    return fit(
        experiments if manifest.several else experiments[0],
        data,
        seeds=Seeds.from_json(manifest.seeds) if seeds is None else seeds,
        layout=layout,
        checkpoints=policy,
        progress=progress,
    )


def longer(experiments: Sequence[Experiment], epochs: int) -> list[Experiment]:
    """Gives the experiments for more epochs, see `Experiment.longer`.

    Args:
        experiments: those of one fit.
        epochs: of each of them.

    Raises:
        ConfigError: where one of them cannot go on, or they do not have the same number of epochs.
    """
    if len(had := sorted({experiment.epochs for experiment in experiments})) > 1:
        raise ConfigError(f"epochs = {epochs} is for experiments of one length; these have {', '.join(map(str, had))} epochs.")
    return [experiment.longer(epochs) for experiment in experiments]


@takes
def snapshots(
    folder: Path | str,
    data: Dataset,
    *,
    experiment: int = 0,
    seeds: Seeds | None = None,
    layout: Layout = Layout(),  # noqa: B008 (frozen)
) -> dict[int, Runs]:
    """Gives the restarts of an experiment as they were at each checkpoint that a fit has kept.

    Args:
        folder: the folder of the fit's `Checkpoints`; the fit may still be running.
        data: the data set of the fit.
        experiment: the number of the experiment, 0 for the first.
        seeds: the seeds of the fit, needed if they hold arrays (groups, times), which checkpoints do not keep; None: as the
            checkpoints have them.
        layout: the devices to evaluate on.

    Returns:
        epochs done → the restarts at that time, the earliest first; damaged checkpoints are left out, with a warning.

    Raises:
        CheckpointError: for a folder that has no checkpoints, or has those of other data.
        ConfigError: for a number that no experiment has, or if `seeds` is missing where the checkpoints do not keep them.

    >>> import tempfile
    >>> digits, base = jt.load("digits").subset(100, seed=0), jt.Experiment(model=jt.MLP(widths=(8,)), epochs=2)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     runs = jt.fit(base, digits, seeds=4, checkpoints=jt.Checkpoints(folder, newest=2, every=1), progress=False)
    ...     kept = jt.snapshots(folder, digits)
    >>> sorted(kept)
    [1, 2]
    """
    manifest, _ = manifest_of(Path(folder))
    if not 0 <= experiment < len(manifest.experiments):
        raise ConfigError(f"experiment = {experiment} is not one of the {len(manifest.experiments)} of {folder}, from 0 on.")
    if manifest.data != (data.name, digest(data)):
        raise CheckpointError(f"{folder} holds checkpoints of {manifest.data[0]} as it was then, and {data!r} is not that.")
    wanted = [Experiment.from_json(each) for each in manifest.experiments]
    if seeds is None:
        seeds = Seeds.from_json(manifest.seeds | {"transfer": None})  # weights to start from play no part any more
    elif other := dataclasses.replace(manifest, seeds=seeds.to_json()).differs(manifest):
        raise CheckpointError(f"{folder} holds checkpoints of another fit: here {other}.")
    sampling = seeds.sampling(data)
    ready, cohorts = readied(wanted, data, sampling, None)
    (number,) = (number for number, cohort in enumerate(cohorts) if experiment in cohort.indices)
    cohort, rows = cohorts[number], dict(cohorts[number].rows())[experiment]
    found = {}
    for epoch, path in listed(Path(folder) / f"cohort-{number}"):
        try:
            arrays, note = read(path)
        except CheckpointError as error:
            warnings.warn(str(error), stacklevel=2)
            continue
        planned = planned_for(cohort, Pool.on_host(data), layout, note["segment"], note)
        states, curves = restored(Saved(epoch, arrays, note), planned.states, cohort.size)
        curve = {name: values[rows] for name, values in curves.items()}
        came_to = Trained(outcome(cohort, states), np.arange(rows.start, rows.stop), curve, planned.plan, cohort.tables)
        found[epoch] = Runs(ready[experiment], sampling, data, came_to)
    return found


def _cohorts(experiments: list[Experiment], data: Dataset, sampling: Sampling, transfer: Transfer | None) -> list[Cohort]:
    """Groups experiments × members by tree structure, and gives what their members choose from."""

    @functools.cache  # the arms of a comparison mostly ask for the same
    def tables(asked: Asked) -> Tables:
        return tables_of(sampling, asked, data)

    cohorts = []
    for indices, stacked in group(experiments):
        floats = jax.tree.map(lambda leaf: np.repeat(leaf, len(sampling)), stacked)
        numbers = Numbers.of(sampling.at(np.tile(np.arange(len(sampling)), len(indices))))
        asked = {Asked.by(experiments[index]) for index in indices}
        assert len(asked) == 1, "how data are scaled is static, and so the same in all members of a program"
        given: dict[str, Given] = {}
        transferred = None
        if transfer is not None:
            first = experiments[indices[0]]
            given, transferred = transfer.given(sampling, shapes(first, data)[1], first.model, data.meanings)
            given = rows_of(given, np.tile(np.arange(len(sampling)), len(indices)))
        members = Population(floats, numbers)
        cohorts.append(Cohort(indices, members, tables(asked.pop()), given, len(sampling), transferred))
    return cohorts


class Asked(NamedTuple):
    """What an experiment asks of each split's training examples.

    Args:
        inputs: how inputs are scaled.
        targets: how the values that are learnt are scaled.
        balance: whether how rare each class is.
    """

    inputs: Inputs
    targets: Targets
    balance: bool

    @classmethod
    def by(cls, experiment: Experiment) -> "Asked":
        """What the experiment asks."""
        return cls(experiment.inputs, experiment.targets, experiment.objective.class_weights is not None)


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
    arrays: Any = (train, sampling.validation, *moments, sampling.labels, sampling.features, learnt, balance, fill)
    return jax.tree.map(lambda table: table[_in_sixteens(train)], Tables(*arrays))


def _in_sixteens(train: Int[np.ndarray, "splits train"]) -> Int[np.ndarray, " rows"]:
    """The number of the split that stands in each row of a table."""
    splits = len(train)
    rows = splits if splits == 1 or train.nbytes > LARGE else -(-splits // ROWS) * ROWS
    return np.minimum(np.arange(rows), splits - 1)
