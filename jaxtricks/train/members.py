"""Restarts of many experiments, each with seeds of its own, in programs of one size: how a search trains."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import jax
import numpy as np
from jaxtyping import Float

from jaxtricks.config import hyperparameters, stack
from jaxtricks.data import Dataset
from jaxtricks.engine.cohort import Cohort
from jaxtricks.engine.layout import Layout
from jaxtricks.engine.plan import Population
from jaxtricks.engine.tables import Numbers
from jaxtricks.experiment.experiment import Experiment
from jaxtricks.experiment.sampling import Sampling
from jaxtricks.experiment.seeds import Seeds
from jaxtricks.restart.member import Pool
from jaxtricks.store.manifest import Manifest
from jaxtricks.store.policy import Checkpoints
from jaxtricks.train.cohorts import Asked, check_shared, ready_for, tables_of
from jaxtricks.train.fit import recording
from jaxtricks.train.loop import trained_in_turns
from jaxtricks.train.runs import Runs
from jaxtricks.train.turn import Changes, Seen, Settings, Standing, Turned

Members = Sequence[tuple[Experiment, int]]  # what is trained, and by which seed


def metric_of(
    members: Members,
    data: Dataset,
    metric: str,
    *,
    size: int,
    layout: Layout,
    checkpoints: Checkpoints | None,
    changes: Sequence[Changes] | None = None,
) -> Float[np.ndarray, " members"]:
    """Trains restarts, and gives a validation metric of each after its training.

    Restarts of one structure go through programs of `size` restarts, the last of them filled up by repeats, which are dropped. So
    however many there are, and whatever their seeds and floats, each structure is one program, which is compiled once.

    Args:
        members: what is trained; no two have one seed.
        data: the data set.
        metric: one that all of them measure.
        size: restarts of a program.
        layout: devices and width.
        checkpoints: where to keep checkpoints, from which training goes on. None: nowhere.
        changes: of each member, its floats from some epochs on; all members of a structure change the same floats, if any. None:
            all keep those of their experiment.

    Returns:
        the metric, nan of a restart that diverged.

    Raises:
        ConfigError: for settings that do not fit the data or the devices.
        CheckpointError: for a folder of checkpoints that belongs to another fit, is in use or cannot be written.
        Preempted: if the process was asked to end; its last checkpoint is written.

    >>> digits, base = jt.load("digits").subset(100, seed=0), jt.Experiment(model=jt.MLP(widths=(8,)), epochs=2)
    >>> members = [(base, 3), (base.replace({"model.widths": (4,)}), 5), (base.replace({"optimizer.rule.learning_rate": 0.1}), 7)]
    >>> metric_of(members, digits, "nll", size=2, layout=jt.Layout(), checkpoints=None).shape
    (3,)
    """
    seeds = Seeds([seed for _, seed in members])
    sampling = seeds.sampling(data)
    sampling.check(data)
    wanted = {id(experiment): experiment for experiment, _ in members}  # restarts of a trial share one
    filled = {key: ready_for(experiment, data, sampling) for key, experiment in wanted.items()}
    ready = [filled[id(experiment)] for experiment, _ in members]
    parts = _parts(ready, size)
    cohorts = [_cohort(number, [ready[place] for place in part], data, sampling.at(part)) for number, part in enumerate(parts)]
    course = [()] * len(members) if changes is None else list(changes)
    manifest = None if checkpoints is None else Manifest.of(list(wanted.values()), True, seeds, data)
    if manifest is not None and any(course):
        manifest = replace(manifest, turn={"kind": "changes", "members": [[list(each) for each in change] for change in course]})
    found = np.full(len(members), np.nan)
    with recording(cohorts, manifest, checkpoints) as records:
        # Two programs of one structure that were compiled at the same time would be compiled twice.
        for wave in _waves(ready, parts):
            turn = _follow([[(ready[place], course[place]) for place in parts[number]] for number in wave])
            programs = [replace(cohorts[number], indices=[place]) for place, number in enumerate(wave)]
            results, *_ = trained_in_turns(programs, Pool.on_host(data), layout, False, [records[n] for n in wave], turn)
            for place, number in enumerate(wave):
                part = parts[number]
                runs = Runs(ready[part[0]], sampling.at(part), data, results[place])
                found[part] = np.where(runs.alive, runs.metrics[metric], np.nan)
    return np.where(np.isfinite(found), found, np.nan)


@dataclass(frozen=True)
class Follow:
    """Gives members at some epochs the settings that were written down for them.

    Args:
        settings: epochs done → the floats from then on, [programs, members].
    """

    settings: Mapping[int, Settings]

    def epochs(self, whole: int) -> tuple[int, ...]:
        """Those after which a member changes."""
        return tuple(sorted(self.settings))

    def __call__(self, epoch: int, curves: Seen, standing: Standing) -> Turned:
        """The settings from then on."""
        return Turned.nothing(standing.until.shape)._replace(settings=self.settings[epoch])

    def to_json(self) -> dict[str, Any]:
        """All of them."""
        told = {
            str(epoch): {path: values.tolist() for path, values in settings.items()} for epoch, settings in self.settings.items()
        }
        return {"kind": "follow", "settings": told}


def _follow(programs: Sequence[Sequence[tuple[Experiment, Changes]]]) -> Follow | None:
    """What members of some programs follow; None where none changes."""
    every = [change for members in programs for _, changes in members for change in changes]
    paths = sorted({path for _, floats in every for path in floats})

    def values(path: str, epoch: int) -> Float[np.ndarray, "programs members"]:
        return np.array([[_at(experiment, changes, path, epoch) for experiment, changes in members] for members in programs])

    found = {epoch: {path: values(path, epoch) for path in paths} for epoch in sorted({epoch for epoch, _ in every})}
    return Follow(found) if found else None


def _at(experiment: Experiment, changes: Changes, path: str, epoch: int) -> float:
    """A float of a member after so many epochs."""
    known = [floats[path] for begin, floats in changes if begin <= epoch and path in floats]
    return known[-1] if known else float(hyperparameters(experiment)[path])


def _parts(experiments: Sequence[Experiment], size: int) -> list[list[int]]:
    """The places of the members of each program, structure by structure; the last one is repeated until it is full."""
    places: dict[Any, list[int]] = {}
    for place, experiment in enumerate(experiments):
        places.setdefault(jax.tree.structure(experiment), []).append(place)
    parts = [group[first : first + size] for group in places.values() for first in range(0, len(group), size)]
    return [part + part[-1:] * (size - len(part)) for part in parts]


def _waves(experiments: Sequence[Experiment], parts: Sequence[Sequence[int]]) -> list[list[int]]:
    """The first program of each structure, and then all others."""
    structures = [jax.tree.structure(experiments[part[0]]) for part in parts]
    first = [number for number, structure in enumerate(structures) if structure not in structures[:number]]
    return list(filter(None, (first, [number for number in range(len(parts)) if number not in first])))


def _cohort(number: int, experiments: Sequence[Experiment], data: Dataset, sampling: Sampling) -> Cohort:
    """The members of a program; their tables have a row for each of them, whatever they share, so that all have one shape."""
    splits, rows = np.unique(sampling.split, return_inverse=True)
    seen = replace(sampling, train=sampling.train[splits], validation=sampling.validation[splits])
    found = tables_of(seen, Asked.by(experiments[0]), data)
    check_shared(experiments, found, seen, data)
    tables = jax.tree.map(lambda table: table[rows], found)
    numbers = Numbers.of(replace(sampling, split=np.arange(len(rows), dtype=np.int32)))
    return Cohort([number], Population(stack(experiments), numbers), tables, {}, len(experiments))
