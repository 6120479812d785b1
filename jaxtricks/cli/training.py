"""What the commands that train have in common: from their flags to a finished folder."""

import contextlib
import dataclasses
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Self

from jaxtricks import report
from jaxtricks.cli.begun import Begun, Resumable, begun
from jaxtricks.cli.command import Settings
from jaxtricks.cli.distributed import Distributed
from jaxtricks.cli.flags import DataFlags, DeviceFlags
from jaxtricks.cli.optional import Maybe, Switch
from jaxtricks.cli.parser import Parser
from jaxtricks.cli.seeds import SeedFlags
from jaxtricks.cli.tracked import tracked
from jaxtricks.cli.words import experiment_from
from jaxtricks.config import ConfigError
from jaxtricks.data import DataError, Dataset
from jaxtricks.engine import preemption, processes
from jaxtricks.engine.preemption import Preempted
from jaxtricks.experiment.experiment import Experiment
from jaxtricks.report.beside import yardsticks
from jaxtricks.report.record import BASELINE, Record
from jaxtricks.report.tracking import asked
from jaxtricks.store import folder as folders
from jaxtricks.store.folder import FolderError
from jaxtricks.store.manifest import manifest_of
from jaxtricks.store.policy import Checkpoints
from jaxtricks.train.beside import Beside
from jaxtricks.train.fit import longer, snapshots
from jaxtricks.train.runs import Runs

ROOT = Path("runs")  # where new folders are made
Arms = dict[str, Experiment]


@dataclasses.dataclass(frozen=True)
class TrainingCommand(DataFlags, SeedFlags, DeviceFlags, Distributed, Resumable):
    """A command that trains; any setting of the experiment is a flag of it too, such as --model.widths 256 256.

    Args:
        config: the config.json of an earlier run, to start from; flags change it.
        out: the folder to write, which must not exist, or a URL, such as s3://bucket/runs/a; by default a new one under runs/.
        keep_every: also keep a checkpoint after every so many epochs; by default the newest two stay.
        keep_best: a validation metric: also keep the checkpoint where its mean over the restarts is best.
        track: while it trains, also send the curves to tensorboard, wandb:project, mlflow:project or trackio:project, as
            `jaxtricks track` does.
        no_baselines: leave out the simple models that are fitted on the first splits: a linear one, neighbours, boosted trees.
        json: print one JSON object instead of text.
    """

    title: ClassVar[str] = "run"
    name: ClassVar[str]  # of the command, and part of its folder's name

    config: Maybe[Path] = dataclasses.field(default=None, kw_only=True)
    out: Maybe[Path] = dataclasses.field(default=None, kw_only=True)
    keep_every: Maybe[int] = dataclasses.field(default=None, kw_only=True)
    keep_best: Maybe[str] = dataclasses.field(default=None, kw_only=True)
    track: Maybe[str] = dataclasses.field(default=None, kw_only=True)
    no_baselines: Switch = dataclasses.field(default=False, kw_only=True)
    json: Switch = dataclasses.field(default=False, kw_only=True)

    def expanded(self) -> Self:
        """The command with the flags that it takes over from an earlier run's."""
        return self

    def arms(self, experiment: Experiment) -> Arms:
        """What is trained: "baseline" → the experiment of the flags, and label → each change of it."""
        return {BASELINE: experiment}

    def results(self, arms: Arms, data: Dataset, command: str, options: dict[str, Any]) -> tuple[Record, str, Runs | None]:
        """What came of it: the record, its text, and the runs whose weights are worth keeping.

        Args:
            arms: what is trained.
            data: on what.
            command: what reproduces it.
            options: those of `fit`.
        """
        raise NotImplementedError

    def refuse(self, settings: Settings) -> None:
        """Nothing: other flags are settings of the experiment, which refuses those that it has not."""

    def __call__(self, settings: Settings, line: str) -> None:
        training = self.expanded()
        training.set_up_devices()
        arms = training.arms(experiment_from(training.config, settings, Parser(type(self), self.name).flags))
        data = training.start()
        if processes.first() and not self.json:
            print(data if data.columns is None else f"{data}\n{data.columns}\n")
        folder = processes.on_first(lambda: folders.claim(self.out or folders.fresh(ROOT, f"{data.name}-{self.name}"), line))
        impossible = False
        try:
            training.train(arms, data, folder, line)
        except (ConfigError, DataError):
            impossible = True
            raise
        finally:
            if processes.first():
                if impossible or not folders.reached(folder):
                    folders.leave(folder)
                with contextlib.suppress(OSError):
                    ROOT.rmdir()  # where this was the first, and nothing came of it

    def go_on(self, began: Begun[Any], folder: Path, together: Mapping[str, Any]) -> None:
        # Other processes than before may go on, more of them or one; and the folder need not be free.
        training = dataclasses.replace(self.expanded(), out=None, **together)
        training.set_up_devices()
        arms, data = training.arms(experiment_from(training.config, began.settings)), training.start()
        if (epochs := began.epochs) is not None:
            arms = dict(zip(arms, longer(list(arms.values()), epochs), strict=True))
            processes.on_first(lambda: _reopen(folder, epochs))
        training.train(arms, data, folder, began.line)

    def set_up_devices(self) -> None:
        """Sets JAX up for the work, before its backend starts, as a user's module that is imported may have it do."""
        self.set_up(len(self.sampled()))

    def start(self) -> Dataset:
        """Joins the other processes, if there are any, and loads the data."""
        if self.track is not None:
            asked(self.track)
        self.join()
        processes.on_first(lambda: folders.check_writable(ROOT) if self.out is None else folders.check_free(self.out))
        return self.dataset()

    def train(self, arms: Arms, data: Dataset, folder: Path, line: str) -> None:
        """Trains, from the folder's checkpoints on if it holds some, writes the folder and prints what was found.

        Args:
            arms: as `arms` gives them.
            data: as `start` gives them.
            folder: the run's, claimed.
            line: what reproduces it.
        """
        with contextlib.ExitStack() as after, contextlib.ExitStack() as stack:
            if processes.first():  # others may not even have the folder
                stack.enter_context(folders.working(folder))
                after.enter_context(tracked(folder, self.track))
            record, text, runs = self._trained(arms, data, folder, line)
            processes.on_first(lambda: report.save(record, folder, runs))
        if not processes.first():
            return
        if self.json:
            verdicts = [verdict.to_dict() for verdict in record.verdicts]
            simple = None if record.baselines is None else dataclasses.asdict(record.baselines)
            print(json.dumps({"folder": str(folder), "verdicts": verdicts, "baselines": simple, "text": text}))
        else:
            print("\n\n".join(filter(None, (record.started, text, yardsticks(record), str(folder / folders.PAGE)))))

    def simple(self, runs: Runs) -> Beside | None:
        """The baselines beside some restarts, in the first process; None where they are left out.

        Args:
            runs: the restarts.
        """
        return None if self.no_baselines or not processes.first() else runs.baselines(progress=not self.json)

    def _trained(self, arms: Arms, data: Dataset, folder: Path, line: str) -> tuple[Record, str, Runs | None]:
        options = {
            "seeds": dataclasses.replace(self.sampled(), transfer=self.start_from(_earlier)),
            "layout": self.layout(),
            "progress": not self.json,
            "checkpoints": Checkpoints(folder / folders.CHECKPOINTS, best=self.keep_best, every=self.keep_every),
        }
        try:
            with preemption.listening():
                return self.results(arms, data, line, options)
        except Preempted as stop:
            if processes.first():
                print(f"jaxtricks: {stop} `jaxtricks resume {folder}` goes on.", file=sys.stderr)
            sys.exit(preemption.EXIT_CODE)


def _reopen(folder: Path, epochs: int) -> None:
    """Has the run go on to so many epochs; where it cannot, nothing has changed."""
    manifest, _ = manifest_of(folder / folders.CHECKPOINTS)
    before = [Experiment.from_json(each) for each in manifest.experiments]
    longer(before, epochs)
    if folders.finished(folder) and epochs == before[0].epochs:
        raise FolderError(f"{folder} has {epochs} epochs already; its page is {folder / folders.PAGE}.")
    folders.reopen(folder, before[0].epochs, epochs)


def _earlier(folder: Path) -> Runs:
    """The restarts of the first experiment of an earlier run, as its newest checkpoint has them.

    Args:
        folder: the run's, or its name.

    Raises:
        FolderError: for a folder that is no run's, or has no checkpoint that can be read.
    """
    with contextlib.chdir("."):  # which `begun` leaves
        place = folders.found(folder, ROOT).absolute()
        training, *_ = begun(place, _commands(TrainingCommand))
        found = snapshots(place / folders.CHECKPOINTS, training.dataset())
    if not found:
        raise FolderError(f"{folder} holds no checkpoint that can be read.")
    return found[max(found)]


def _commands(kind: type[TrainingCommand]) -> dict[str, type[TrainingCommand]]:
    """Name → command, of a kind of command and of all kinds below it."""
    own = {kind.name: kind} if "name" in vars(kind) else {}
    return own | {name: found for below in kind.__subclasses__() for name, found in _commands(below).items()}
