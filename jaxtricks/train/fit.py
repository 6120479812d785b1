"""Training: experiments × seeds → runs. The thin host loop around the compiled program."""

import contextlib
import functools
import operator
import warnings
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Literal, TypeGuard, overload

import jax
import numpy as np

from jaxtricks.config import ConfigError, group, nearest, rebuild
from jaxtricks.data import Dataset, Split
from jaxtricks.engine import processes as machines
from jaxtricks.engine.cohort import Cohort, planned_for
from jaxtricks.engine.layout import Layout
from jaxtricks.engine.plan import Population
from jaxtricks.experiment.experiment import Experiment
from jaxtricks.experiment.inputs import Inputs, scaled_by
from jaxtricks.experiment.transfer import Transfer
from jaxtricks.objectives.metrics import METRICS
from jaxtricks.restart.member import Member, Pool
from jaxtricks.store.checkpoint import CheckpointError, read
from jaxtricks.store.journal import Journal, NullJournal, Saved, listed
from jaxtricks.store.manifest import Manifest, digest, manifest_of, opened
from jaxtricks.store.policy import Checkpoints
from jaxtricks.train.loop import Keeper, restored, trained
from jaxtricks.train.prepare import prepare, shapes
from jaxtricks.train.runs import Runs

Seeds = int | Sequence[int]
Source = Literal["split", "weights", "order", "masks"]
SOURCES: tuple[Source, ...] = ("split", "weights", "order", "masks")


@overload
def fit(
    experiments: Experiment,
    data: Dataset,
    *,
    seeds: Seeds = ...,
    split: int | None = ...,
    vary: Sequence[Source] | None = ...,
    transfer: Transfer | None = ...,
    layout: Layout = ...,
    checkpoints: Checkpoints | None = ...,
    progress: bool = ...,
) -> Runs: ...
@overload
def fit(
    experiments: Sequence[Experiment],
    data: Dataset,
    *,
    seeds: Seeds = ...,
    split: int | None = ...,
    vary: Sequence[Source] | None = ...,
    transfer: Transfer | None = ...,
    layout: Layout = ...,
    checkpoints: Checkpoints | None = ...,
    progress: bool = ...,
) -> list[Runs]: ...


def fit(
    experiments: Experiment | Sequence[Experiment],
    data: Dataset,
    *,
    seeds: Seeds = 16,
    split: int | None = None,
    vary: Sequence[Source] | None = None,
    transfer: Transfer | None = None,
    layout: Layout = Layout(),  # noqa: B008 (frozen)
    checkpoints: Checkpoints | None = None,
    progress: bool = True,
) -> Runs | list[Runs]:
    """Trains every restart of every experiment; those that differ in floats only share one compiled program.

    Args:
        experiments: one, or several.
        data: the data set; its test split stays locked.
        seeds: how many restarts (seeds 0, 1, …), or the seeds themselves. A seed decides split, initial weights, order and masks.
        split: a seed whose train/validation split all restarts share, as an ensemble wants; None: each its own.
        vary: in what restarts differ, out of "split", "weights", "order" and "masks" (augmentation among these); the rest is that
            of the first seed. None: in all.
        transfer: earlier runs whose weights the restarts start from, seed by seed; None: all weights are drawn.
        layout: devices and width; chosen by default.
        checkpoints: where to keep what was reached, and to go on from if something is there; None: nowhere.
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
    numbers = seed_list(seeds)
    _check_split(split)
    differ = _sources(vary)
    ready, cohorts = _ready(wanted, data, numbers, split, differ, transfer)
    if checkpoints is None:
        results = trained(cohorts, Pool.on_host(data), layout, progress, [None] * len(cohorts))
    else:
        _check_best(checkpoints, data)
        manifest = Manifest.of(wanted, several, numbers, split, differ, data, transfer is not None)
        if other := manifest.differs(machines.on_first(lambda: manifest)):
            raise ConfigError(f"this process was started for another fit than process 0: here {other}.")
        with contextlib.ExitStack() as stack:
            machines.on_first(lambda: stack.enter_context(opened(checkpoints, manifest)))
            kind = Journal if machines.first() else NullJournal
            journals = [kind(Path(checkpoints.folder) / f"cohort-{index}", checkpoints) for index in range(len(cohorts))]
            for journal in journals:
                stack.callback(journal.close)
            pairs = zip(journals, cohorts, strict=True)
            records = [Keeper(journal, checkpoints, cohort.indices) for journal, cohort in pairs]
            results = trained(cohorts, Pool.on_host(data), layout, progress, records)
    ordered: list[Runs] = [
        Runs((ready[index],) * len(numbers), np.asarray(numbers), data, *results[index]) for index in range(len(wanted))
    ]
    return ordered if several else ordered[0]


def _ready(
    wanted: Sequence[Experiment],
    data: Dataset,
    seeds: Sequence[int],
    split: int | None,
    vary: Sequence[Source],
    transfer: Transfer | None,
) -> tuple[list[Experiment], list[Cohort]]:
    """The experiments with all that the data say filled in, and the cohorts of their restarts."""
    own = split is None and "split" in vary
    splits = {seed: data.split(seed if own else seeds[0] if split is None else split) for seed in seeds}
    fixed: dict[str, Any] = {source: np.int32(seeds[0]) for source in SOURCES if source != "split" and source not in vary}
    ready = [_fitted(prepare(experiment, data), data, splits.values()) for experiment in wanted]
    return ready, _cohorts(ready, data, splits, fixed, transfer)


def _sources(vary: Sequence[str] | None) -> tuple[Source, ...]:
    """What restarts differ in, in the order of `SOURCES`; raises ConfigError for something else."""
    for source in vary or ():
        if source not in SOURCES:
            raise ConfigError(f"vary = {source!r} is nothing that restarts differ in{nearest(str(source), SOURCES)}")
    return SOURCES if vary is None else tuple(source for source in SOURCES if source in vary)


def _check_best(checkpoints: Checkpoints, data: Dataset) -> None:
    if checkpoints.best is not None and checkpoints.best not in METRICS[data.task]:
        raise ConfigError(f"Checkpoints.best = {checkpoints.best!r} is unknown{nearest(checkpoints.best, METRICS[data.task])}")


def resume(
    folder: Path | str,
    data: Dataset,
    *,
    transfer: Transfer | None = None,
    layout: Layout = Layout(),  # noqa: B008 (frozen)
    progress: bool = True,
) -> Runs | list[Runs]:
    """Goes on with a fit that was cut off, from its newest checkpoints that can be read.

    On the same devices the result is that of the uninterrupted fit to the bit, on others to rounding.

    Args:
        folder: that of the `Checkpoints` that the fit was given.
        data: the data set that it was given.
        transfer: the earlier runs that it was given.
        layout: devices, and their memory; the width stays what it was if it fits, and so do the windows of a stream.
        progress: whether to show a bar of restarts × epochs.

    Returns:
        The runs of the one experiment, or a list in the order of the experiments.

    Raises:
        CheckpointError: for a folder that holds no checkpoints, or those of other data, is in use or cannot be written.
        Preempted: if the process was asked to end once more.

    >>> import tempfile
    >>> digits, base = jt.load("digits").subset(100, seed=0), jt.Experiment(model=jt.MLP(widths=(8,)), epochs=2)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     runs = jt.fit(base, digits, seeds=4, checkpoints=jt.Checkpoints(folder), progress=False)
    ...     same = jt.resume(folder, digits, progress=False)
    >>> bool(np.array_equal(runs.metrics["nll"], same.metrics["nll"]))
    True
    """
    manifest, policy = manifest_of(Path(folder))
    experiments = [Experiment.from_json(each) for each in manifest.experiments]
    return fit(
        experiments if manifest.several else experiments[0],
        data,
        seeds=manifest.seeds,
        split=manifest.split,
        vary=_sources(manifest.vary),
        transfer=transfer,
        layout=layout,
        checkpoints=policy,
        progress=progress,
    )


def snapshots(
    folder: Path | str,
    data: Dataset,
    *,
    experiment: int = 0,
    layout: Layout = Layout(),  # noqa: B008 (frozen)
) -> dict[int, Runs]:
    """The restarts of an experiment as they were at each of the checkpoints that a fit has kept.

    Args:
        folder: that of the `Checkpoints` that the fit was given; it may still go on.
        data: the data set that it was given.
        experiment: which of the experiments, 0 for the first.
        layout: devices to evaluate on.

    Returns:
        epochs done → the restarts then, the earliest first; damaged checkpoints are left out, with a warning.

    Raises:
        CheckpointError: for a folder that holds no checkpoints, or those of other data.
        ConfigError: for an experiment that there is not.

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
    ready, cohorts = _ready(wanted, data, manifest.seeds, manifest.split, _sources(manifest.vary), None)
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
        members, state, curve = jax.tree.map(operator.itemgetter(rows), (cohort.population.members, states, curves))
        same = (ready[experiment],) * len(manifest.seeds)
        found[epoch] = Runs(same, np.asarray(manifest.seeds), data, members, state, curve, planned.plan)
    return found


def _fitted(experiment: Experiment, data: Dataset, splits: Iterable[Split]) -> Experiment:
    """The experiment with its order filled in from the training sequences of all restarts."""
    lengths = [] if data.lengths is None else [data.lengths[split.train] for split in splits]
    return rebuild(experiment, order=experiment.order.fitted(lengths, experiment.batch_size))


def _cohorts(
    experiments: list[Experiment],
    data: Dataset,
    splits: dict[int, Split],
    fixed: dict[str, Any],
    transfer: Transfer | None,
) -> list[Cohort]:
    """Experiments × seeds by tree structure, every member with its split and the scaling that its training part asks for."""
    seeds = list(splits)

    @functools.cache  # arms of one comparison mostly scale their inputs alike
    def moments(scaling: Inputs, seed: int) -> Any:
        return scaled_by(scaling, data, splits[seed])

    cohorts = []
    for indices, stacked in group(experiments):
        members = [
            _member(seed, splits[seed], moments(experiments[i].inputs, seed))._replace(**fixed) for i in indices for seed in seeds
        ]
        floats = jax.tree.map(lambda leaf: np.repeat(leaf, len(seeds)), stacked)
        population = Population(floats, jax.tree.map(lambda *leaves: np.stack(leaves), *members))
        given = (
            {}
            if transfer is None
            else transfer.given(np.asarray(population.members.seed), shapes(experiments[indices[0]], data)[0])
        )
        cohorts.append(Cohort(indices, population, given, len(seeds)))
    return cohorts


def seed_list(seeds: Seeds) -> list[int]:
    """Seeds 0 … n - 1 for a number, the given ones for a sequence.

    Raises:
        ConfigError: for none, a negative one or one given twice.
    """
    numbers = list(range(seeds) if _whole(seeds) else seeds if isinstance(seeds, Iterable) else [])
    whole = all(_whole(s) and 0 <= s < 2**31 for s in numbers)
    if not numbers or not whole or len(set(numbers)) < len(numbers):
        raise ConfigError(f"seeds = {seeds!r} is not a number of restarts >= 1, or different integers from 0 to {2**31 - 1}.")
    return [int(s) for s in numbers]


def _whole(value: Any) -> TypeGuard[int]:
    return isinstance(value, int | np.integer) and not isinstance(value, bool)


def _check_split(split: int | None) -> None:
    if split is not None and not (_whole(split) and 0 <= split < 2**31):
        raise ConfigError(f"split = {split!r} is not an integer from 0 to {2**31 - 1}, or None for a split of each seed's own.")


def _member(seed: int, split: Any, moments: Any) -> Member:
    arrays: Any = (np.int32(seed), split.train.astype(np.int32), split.validation.astype(np.int32), *moments)
    return Member(*arrays)
