"""An experiment of a fit that has kept checkpoints, found again in their folder."""

import dataclasses
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Int

from jaxtricks.config import ConfigError
from jaxtricks.data import Dataset
from jaxtricks.engine.cohort import Cohort, planned_for
from jaxtricks.engine.layout import Layout
from jaxtricks.engine.plan import Plan
from jaxtricks.experiment.experiment import Experiment
from jaxtricks.experiment.sampling import Sampling
from jaxtricks.experiment.seeds import Seeds
from jaxtricks.restart.member import Pool, State
from jaxtricks.store.checkpoint import CheckpointError, read
from jaxtricks.store.journal import Saved, listed
from jaxtricks.store.manifest import Manifest, digest, manifest_of
from jaxtricks.train.cohorts import readied
from jaxtricks.train.loop import Curves, restored


def check_alone(manifest: Manifest, folder: Path) -> None:
    """Refuses checkpoints whose members left or changed on the way: what they came to, the call that began them knows."""
    if manifest.turn is not None:
        raise CheckpointError(
            f"{folder} holds checkpoints of a fit whose members leave or change on the way; the call that began it goes on there."
        )


class Kept(NamedTuple):
    """An experiment of a fit that has kept checkpoints.

    Args:
        folder: that of the checkpoints of its program.
        data: the data set of the fit.
        experiment: its settings, with what depends on the data filled in.
        sampling: its restarts.
        cohort: the members of its program.
        rows: which of them are its own, [restarts].
        unknown: whether its restarts started from weights of earlier runs, which are not there.
    """

    folder: Path
    data: Dataset
    experiment: Experiment
    sampling: Sampling
    cohort: Cohort
    rows: Int[np.ndarray, " restarts"]
    unknown: bool

    @classmethod
    def of(cls, folder: Path, data: Dataset, experiment: int, seeds: Seeds | None, *, started: bool) -> "Kept":
        """Finds it.

        Args:
            folder: that of the fit's `Checkpoints`.
            data: the data set of the fit.
            experiment: its number, from 0.
            seeds: those of the fit, where its checkpoints do not keep them; None: they do.
            started: whether what its restarts start from is asked for, too.

        Raises:
            CheckpointError: for a folder that holds no fit, or that of other data or of other seeds.
            ConfigError: for an experiment that is not there, or if `seeds` is missing where the checkpoints do not keep them.
        """
        manifest, _ = manifest_of(folder)
        check_alone(manifest, folder)
        if not 0 <= experiment < len(manifest.experiments):
            raise ConfigError(f"experiment = {experiment} is not one of the {len(manifest.experiments)} of {folder}, from 0 on.")
        if manifest.data != (data.name, digest(data)):
            raise CheckpointError(f"{folder} holds checkpoints of {manifest.data[0]} as it was then, and {data!r} is not that.")
        unknown = seeds is None and manifest.seeds["transfer"] is not None
        if seeds is None:
            seeds = Seeds.from_json(manifest.seeds | {"transfer": None})
        elif other := dataclasses.replace(manifest, seeds=seeds.to_json()).differs(manifest):
            raise CheckpointError(f"{folder} holds checkpoints of another fit: here {other}.")
        sampling = seeds.sampling(data)
        wanted = [Experiment.from_json(each) for each in manifest.experiments]
        ready, cohorts = readied(wanted, data, sampling, seeds.transfer if started else None)
        (number,) = (number for number, cohort in enumerate(cohorts) if experiment in cohort.indices)
        cohort = cohorts[number]
        rows = np.arange(cohort.size)[dict(cohort.rows())[experiment]]
        return cls(folder / f"cohort-{number}", data, ready[experiment], sampling, cohort, rows, unknown)

    def readable(self) -> Iterator[tuple[Path, Saved]]:
        """The checkpoints that can be read, the earliest first; for each that is damaged there is a warning."""
        for epoch, path in listed(self.folder):
            try:
                yield path, Saved(epoch, *read(path))
            except CheckpointError as error:
                warnings.warn(str(error), stacklevel=3)

    def restored(self, saved: Saved, layout: Layout) -> tuple[State, Curves, Plan]:
        """The states and curves of all members of its program from a checkpoint, and how it runs.

        Args:
            saved: the checkpoint.
            layout: the devices.

        Raises:
            CheckpointError: if it holds other arrays.
        """
        planned = planned_for(self.cohort, Pool.on_host(self.data), layout, saved.note["segment"], saved.note)
        return *restored(saved, planned.states, self.cohort.size), planned.plan
