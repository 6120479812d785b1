"""The commands that publish what a run has trained: export and pull."""

import contextlib
import dataclasses
import json
from pathlib import Path
from typing import Any

from jaxtricks.bucket import url_of
from jaxtricks.cli.alone import alone
from jaxtricks.cli.command import Command, Settings
from jaxtricks.cli.optional import Maybe, Positional, Switch
from jaxtricks.cli.training import ROOT
from jaxtricks.config import ConfigError, nearest
from jaxtricks.publish import hub
from jaxtricks.publish.exported import export_recorded
from jaxtricks.publish.published import ABOUT
from jaxtricks.report import files
from jaxtricks.store import folder as folders
from jaxtricks.store.folder import FolderError
from jaxtricks.store.mirror import told
from jaxtricks.train.fit import snapshots

OF_FOLDERS = ("folder", "push", "private")  # the flags of `export` that a model's folder takes, too


@dataclasses.dataclass(frozen=True)
class ExportCommand(Command):
    """Write a model that JAX alone and NumPy alone read: the averaged predictions of a run's restarts, with their card.

    Args:
        folder: the run's folder, such as runs/digits-run-1; or one that export wrote, to push it.
        ensemble: how many restarts are averaged, the first that trained to their end; by default all of these.
        arm: which arm of a comparison, by its label on the page, such as baseline; by default the first.
        out: the folder to write, which must not exist; by default a new one beside the run, such as runs/digits-run-1-model-1;
            for a run far away it is in runs/ on this machine.
        name: the model's name on its card; by default that of the data and the network.
        license: for the card, such as mit; by default it says nothing of it.
        no_numpy: leave out the files for NumPy alone.
        push: put it on the Hugging Face Hub under this name, too, such as user/digits-mlp; pip install jaxtricks[hub].
        private: only its owner sees it there, where it is made now.
    """

    folder: Positional[Path]
    ensemble: Maybe[int] = None
    arm: Maybe[str] = None
    out: Maybe[Path] = None
    name: Maybe[str] = None
    license: Maybe[str] = None
    no_numpy: Switch = False
    push: Maybe[str] = None
    private: Switch = False

    def __call__(self, settings: Settings, line: str) -> None:
        if self.private and self.push is None:
            raise ConfigError("--private is for --push, and nothing is pushed.")
        there = (self.folder / ABOUT).is_file()
        if there and self.push is None:
            raise ConfigError(f"{self.folder} was exported already; --push user/name puts it on the Hugging Face Hub.")
        if there:
            self._refuse_flags_of_runs()
        place = self.folder if there else self._written()
        print(place)
        if self.push is not None:
            print(hub.push(place, self.push, private=self.private))

    def _refuse_flags_of_runs(self) -> None:
        for field in dataclasses.fields(self):
            if field.name not in OF_FOLDERS and getattr(self, field.name) != field.default:
                flag = field.name.replace("_", "-")
                raise ConfigError(
                    f"--{flag} is for a run's folder, and {self.folder} was exported already; --push and --private are allowed."
                )

    def _written(self) -> Path:
        """Writes the model; gives where."""
        run = self.folder.absolute()
        beside = run.parent if url_of(told(run)) is None else ROOT.absolute()  # a copy of a run far away is removed in the end
        out = None if self.out is None else self.out.absolute()  # from here: where a run was begun is somewhere else
        record = files.load(run)
        labels = [arm.label for arm in record.arms]
        label = labels[0] if self.arm is None else self.arm
        if label not in labels:
            raise ConfigError(f"--arm {label!r} is no arm of {self.folder}{nearest(label, labels)}")
        _, data = alone(run)
        kept = snapshots(run / folders.CHECKPOINTS, data, experiment=labels.index(label))
        if not kept:
            raise FolderError(f"{run} holds no checkpoint that can be read.")
        options: dict[str, Any] = {
            "ensemble": self.ensemble,
            "name": self.name,
            "license": self.license,
            "numpy": not self.no_numpy,
        }
        if out is not None:
            return export_recorded(kept[max(kept)], record, label, out, **options)
        out = folders.fresh(beside, f"{run.name}-model")
        try:
            return export_recorded(kept[max(kept)], record, label, out, **options)
        finally:
            with contextlib.suppress(OSError):
                out.rmdir()  # where nothing came of it


@dataclasses.dataclass(frozen=True)
class PullCommand(Command):
    """Get a model from the Hugging Face Hub, and print its card and where it is; pip install jaxtricks[hub].

    Args:
        repository: its name on the Hub, such as user/digits-mlp.
        revision: a branch, a tag or a commit; by default the newest.
        json: print one JSON object instead.
    """

    repository: Positional[str]
    revision: Maybe[str] = None
    json: Switch = False

    def __call__(self, settings: Settings, line: str) -> None:
        found = hub.pull(self.repository, revision=self.revision)
        said = {"folder": str(found.folder), **found.about}
        print(json.dumps(said, ensure_ascii=False) if self.json else f"{found.card}\n{found.folder}")
