"""The page of a fit from Python, drawn from its folder of checkpoints."""

from pathlib import Path

from jaxtricks import data
from jaxtricks.data import DataError, Dataset
from jaxtricks.evaluate.compare import Study, label, verdicts
from jaxtricks.report.page import page
from jaxtricks.report.record import Record, record_runs, record_study
from jaxtricks.store.disk import replacing, writing
from jaxtricks.store.folder import PAGE, FolderError
from jaxtricks.store.manifest import digest, manifest_of
from jaxtricks.train.fit import snapshots
from jaxtricks.train.runs import Runs


def render(folder: Path, data_dir: Path | None = None) -> Path:
    """Renders the page of the newest checkpoints of a fit, which may still be running.

    Args:
        folder: that of the fit's `Checkpoints`.
        data_dir: the folder of prepared TFDS sets; None: $TFDS_DATA_DIR.

    Returns:
        The path of the page, `report.html` in the folder.

    Raises:
        FolderError: for data that cannot be loaded by their name, or a folder without a checkpoint that can be read.
        CheckpointError: for a damaged manifest.
    """
    record, target = record_of(folder, data_of(folder, data_dir)), folder / PAGE
    with writing(target, FolderError), replacing(target) as unfinished:
        unfinished.write_text(page(record), encoding="utf-8")
    return target


def record_of(folder: Path, on: Dataset) -> Record:
    """The record of the newest checkpoints of a fit: of its restarts, or of several arms and the verdicts on them.

    Args:
        folder: that of the fit's `Checkpoints`.
        on: the data of the fit.

    Raises:
        FolderError: for a folder without a checkpoint that can be read.
    """
    manifest, policy = manifest_of(folder)
    arms = [_newest(folder, on, number) for number in range(len(manifest.experiments))]
    if len(arms) == 1:
        return record_runs(arms[0], command="")
    baseline, *others = arms
    labels = policy.labels or ["", *(label(baseline.experiment, runs.experiment) for runs in others)]
    changes = dict(zip(labels[1:], others, strict=True))
    return record_study(Study(baseline, changes, verdicts(baseline, changes)), command="")


def _newest(folder: Path, on: Dataset, number: int) -> Runs:
    found = snapshots(folder, on, experiment=number)
    if not found:
        raise FolderError(f"{folder} holds no checkpoint of experiment {number} that can be read.")
    return found[max(found)]


def data_of(folder: Path, data_dir: Path | None) -> Dataset:
    """The data of a fit, which its folder holds only the name of.

    Args:
        folder: that of the fit's `Checkpoints`.
        data_dir: the folder of prepared TFDS sets; None: $TFDS_DATA_DIR.

    Raises:
        FolderError: for data that cannot be loaded by their name, or that are no longer what they were.
    """
    name, wanted = manifest_of(folder)[0].data
    try:
        found = data.load(name, data_dir)
    except DataError:
        found = None
    if found is None or digest(found) != wanted:
        raise FolderError(
            f"the data of {folder} are {name!r}, which are not loaded by that name as they were; in Python `jaxtricks.resume` "
            "gives the restarts, and their `save` writes the page."
        )
    return found
