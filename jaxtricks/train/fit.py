"""Training: experiments × seeds → runs."""

import contextlib
import dataclasses
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple, overload

from jaxtricks.config import ConfigError, nearest
from jaxtricks.data import Dataset
from jaxtricks.engine import processes
from jaxtricks.engine.cohort import Cohort
from jaxtricks.engine.layout import Layout
from jaxtricks.experiment.arguments import takes
from jaxtricks.experiment.experiment import Experiment
from jaxtricks.experiment.seeds import Seeds
from jaxtricks.objectives.task import task_of
from jaxtricks.restart.member import Pool
from jaxtricks.store.journal import Journal, NullJournal
from jaxtricks.store.manifest import MANIFEST, Manifest, manifest_of, opened
from jaxtricks.store.mirror import reading_copy, with_copies
from jaxtricks.store.policy import Checkpoints
from jaxtricks.train.cohorts import readied
from jaxtricks.train.kept import Kept, check_alone
from jaxtricks.train.loop import CheckpointWriter, Trained, outcome, pictured, trained_in_turns
from jaxtricks.train.runs import Runs
from jaxtricks.train.turn import Standing, Turn


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
@with_copies
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
    found, _ = _fitted(wanted, several, data, Seeds.of(seeds), How(layout, checkpoints, progress), None)
    return found if several else found[0]


class How(NamedTuple):
    """How a fit is done, whatever it trains.

    Args:
        layout: the devices and the width of the program.
        checkpoints: where to keep checkpoints; None: nowhere.
        progress: whether to show a bar.
    """

    layout: Layout
    checkpoints: Checkpoints | None
    progress: bool


def fit_in_turns(
    experiments: Sequence[Experiment], data: Dataset, seeds: Seeds, turn: Turn, how: How
) -> tuple[list[Runs], Standing]:
    """Trains every restart of every experiment as `fit` does, and has a `Turn` say on the way which of them go on, and how.

    A member that goes on through all turns, and takes no other's state, has the bits that `fit` gives it. One that leaves keeps
    what it has then: its validation curves stay at their last values, its training curves are nan.

    Args:
        experiments: as for `fit`, all of one length. A schedule goes by that length, also in members that leave before.
        data: the data set.
        seeds: the restarts.
        turn: what happens to members on the way.
        how: layout, checkpoints and bar; the same call goes on from checkpoints that are there.

    Returns:
        the runs of each experiment, and what the turns came to. Where turns have changed settings, `Runs.experiment` is still the
        one that its members began with.

    Raises:
        ConfigError: for experiments of several lengths, or else as `fit`.
        CheckpointError: as `fit`.
        Preempted: as `fit`.
    """
    lengths = sorted({experiment.epochs for experiment in experiments})
    if len(lengths) > 1:
        raise ConfigError(
            f"epochs = {', '.join(map(str, lengths))}: members that leave on the way are compared at the same epochs; "
            "experiments of one length are allowed."
        )
    runs, standing = _fitted(experiments, True, data, seeds, how, turn)
    assert standing is not None
    return runs, standing


def _fitted(
    wanted: Sequence[Experiment], several: bool, data: Dataset, sampled: Seeds, how: How, turn: Turn | None
) -> tuple[list[Runs], Standing | None]:
    """The runs of each experiment, and what turns came to."""
    begun = time.monotonic()
    sampling = sampled.sampling(data)
    ready, cohorts = readied(wanted, data, sampling, sampled.transfer)
    checkpoints, manifest = how.checkpoints, None
    if checkpoints is not None:
        _check_best(checkpoints, ready, data)
        manifest = Manifest.of(wanted, several, sampled, data)
        manifest = dataclasses.replace(manifest, turn=None if turn is None else turn.to_json())
    with recording(cohorts, manifest, checkpoints) as records:
        results, standing, whole = trained_in_turns(cohorts, Pool.on_host(data), how.layout, how.progress, records, turn)
    started = {index: cohort.transferred for cohort in cohorts for index in cohort.indices}
    seconds = time.monotonic() - begun if whole else None  # what was trained before is in nobody's clock
    runs = [Runs(ready[index], sampling, data, results[index], started[index], seconds) for index in range(len(wanted))]
    return runs, standing


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
        folder: the folder of the fit's `Checkpoints`, or their URL.
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
    with reading_copy(folder, (MANIFEST,)) as place:
        manifest, policy = manifest_of(place)
        check_alone(manifest, place)
    experiments = [Experiment.from_json(each) for each in manifest.experiments]
    if epochs is not None:
        experiments = longer(experiments, epochs)
    return fit(
        experiments if manifest.several else experiments[0],
        data,
        seeds=Seeds.from_json(manifest.seeds) if seeds is None else seeds,
        layout=layout,
        checkpoints=policy.at(folder),
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
        folder: the folder of the fit's `Checkpoints`, or their URL; the fit may still be running.
        data: the data set of the fit.
        experiment: the number of the experiment, 0 for the first.
        seeds: the seeds of the fit, needed if they hold arrays (groups, times), which checkpoints do not keep; None: as the
            checkpoints have them.
        layout: the devices to evaluate on.

    Returns:
        epochs done → the restarts at that time, the earliest first; damaged checkpoints are left out, with a warning.

    Raises:
        CheckpointError: for a folder that has no checkpoints, or has those of other data or other seeds.
        ConfigError: for a number that no experiment has, or if `seeds` is missing where the checkpoints do not keep them.

    >>> import tempfile
    >>> digits, base = jt.load("digits").subset(100, seed=0), jt.Experiment(model=jt.MLP(widths=(8,)), epochs=2)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     runs = jt.fit(base, digits, seeds=4, checkpoints=jt.Checkpoints(folder, newest=2, every=1), progress=False)
    ...     kept = jt.snapshots(folder, digits)
    >>> sorted(kept)
    [1, 2]
    """
    found = {}
    with reading_copy(folder) as place:
        kept = Kept.of(place, data, experiment, seeds, started=False)  # what they start from plays no part any more
        for _, saved in kept.readable():
            states, curves, plan = kept.restored(saved, layout)
            curve = {name: values[kept.rows] for name, values in curves.items()}
            picture = {name: counts[kept.rows] for name, counts in pictured(saved).items()}
            came_to = Trained(outcome(kept.cohort, states), kept.rows, curve, plan, kept.cohort.tables, picture)
            found[saved.epoch] = Runs(kept.experiment, kept.sampling, data, came_to)
    return found
