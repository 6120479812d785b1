"""The commands that train: run, compare, ablate and ladder."""

import dataclasses
import functools
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

from jaxtricks.cli.adding import OWN, FinishedRun, together
from jaxtricks.cli.begun import begun
from jaxtricks.cli.command import Settings
from jaxtricks.cli.metric import MetricFlags
from jaxtricks.cli.optional import Maybe, Repeated, Words
from jaxtricks.cli.training import Arms, TrainingCommand
from jaxtricks.cli.tune import TuneFlags
from jaxtricks.cli.words import changed
from jaxtricks.config import ConfigError, parse
from jaxtricks.data import Dataset
from jaxtricks.evaluate.ablate import Tricks, ablate
from jaxtricks.evaluate.compare import Study, measuring, study
from jaxtricks.evaluate.ladder import Step, ladder
from jaxtricks.evaluate.tuning import said
from jaxtricks.experiment.experiment import Experiment
from jaxtricks.report.ablation import ablation_table
from jaxtricks.report.record import BASELINE, Record, record_ladder, record_runs, record_study
from jaxtricks.report.table import table
from jaxtricks.train.fit import fit
from jaxtricks.train.runs import Runs


@dataclasses.dataclass(frozen=True)
class Run(MetricFlags, TrainingCommand):
    """Train restarts of one experiment in one compiled program, and sum them up.

    Every setting of the experiment is a flag too, such as --model.widths 256 256; `jaxtricks list settings` names them.
    """

    name: ClassVar[str] = "run"

    def results(self, arms: Arms, data: Dataset, command: str, options: dict[str, Any]) -> tuple[Record, str, Runs | None]:
        runs = fit(measuring(self.judged_by(), [arms[BASELINE]], data)[0], data, **options)
        return record_runs(runs, command=command, baselines=self.simple(runs)), str(runs.summary()), runs


@dataclasses.dataclass(frozen=True)
class Judging(TuneFlags, MetricFlags, TrainingCommand):
    """A command that judges changes.

    Args:
        margin: the smallest difference worth caring about, in the metric's units (0.005 is half a point of accuracy).
        add_seeds: how many seeds to add to which finished run, such as 16 runs/digits-compare-1: its arms are trained with
            them, and a new folder holds the verdicts on all seeds. Looking again is counted: later verdicts ask for more.
    """

    title: ClassVar[str] = "metric"
    name: ClassVar[Literal["compare", "ablate"]]

    margin: Maybe[float] = None
    add_seeds: Words = None

    def refuse(self, settings: Settings) -> None:
        super().refuse(settings)
        if self.add_seeds is not None and self.track is not None:  # a mean that was sent cannot become that of more seeds
            raise ConfigError(
                f"--track {self.track} is for a new run; with --add-seeds, `jaxtricks track` sends it when it has ended."
            )
        given = [field.name for field in dataclasses.fields(self) if getattr(self, field.name) != field.default]
        if self.add_seeds is not None and (new := [name for name in [*given, *settings] if name not in OWN]):
            raise ConfigError(
                f"--{new[0].replace('_', '-')} is for a new run; --add-seeds takes all settings from the earlier one."
            )

    def expanded(self) -> Self:
        if self.add_seeds is None:
            return self
        number, *folders = self.add_seeds
        if not number.isdecimal() or len(folders) != 1:
            raise ConfigError(
                f"--add-seeds {' '.join(self.add_seeds)} is not a number and a run, such as 16 runs/digits-compare-1."
            )
        return FinishedRun.of(Path(folders[0])).with_more(self, int(number), COMMANDS)

    def check_longer(self, folder: Path) -> None:
        if self.add_seeds is not None:
            earlier = self.add_seeds[-1]
            raise ConfigError(
                f"{folder} has seeds that were added to {earlier}, and cannot go on without them; have {earlier} go on, and add "
                "the seeds to it anew."
            )

    def arms(self, experiment: Experiment) -> Arms:
        return super().arms(experiment) if self.add_seeds is None else FinishedRun.of(Path(self.add_seeds[-1])).arms

    def results(self, arms: Arms, data: Dataset, command: str, options: dict[str, Any]) -> tuple[Record, str, Runs | None]:
        options |= {"metric": self.judged_by(), "margin": self.margin, "tune": self.tuning(), "earlier": self._earlier(data)}
        result = self.judged(arms, data, options)
        record = record_study(result, command=command, kind=self.name, baselines=self.simple(result.baseline))
        return record, "\n".join((table(result.verdicts), *said(result.tuned))), None

    def judged(self, arms: Arms, data: Dataset, options: dict[str, Any]) -> Study:
        """What came of the arms.

        Args:
            arms: what is trained.
            data: on what.
            options: those of `study`.
        """
        return study(arms[BASELINE], {label: arm for label, arm in arms.items() if label != BASELINE}, data, **options)

    def _earlier(self, data: Dataset) -> Study | None:
        """The study that seeds are added to, with those that were added to it before."""
        if self.add_seeds is None:
            return None
        run = FinishedRun.of(Path(self.add_seeds[-1]))
        training, *_ = begun(run.folder, COMMANDS)
        assert isinstance(training, Judging)
        before = training._earlier(data)
        return run.study(data) if before is None else together(before, run.study(data))


@dataclasses.dataclass(frozen=True)
class Compare(Judging):
    """Judge changes against a baseline, paired by seed: helps, hurts, no difference, too few seeds or inconclusive.

    Every setting of the baseline is a flag too, such as --model.widths 256 256; `jaxtricks list settings` names them.

    Args:
        change: path=value, such as model.dropout=0.5, or dropout=0.5 where that says enough; several make one change together.
            Give --change once for each change.
    """

    name: ClassVar[Literal["compare", "ablate"]] = "compare"

    change: Repeated[str] = ()

    def arms(self, experiment: Experiment) -> Arms:
        if self.add_seeds is not None:
            return super().arms(experiment)
        if not self.change:
            raise ConfigError("--change is missing; name at least one, such as --change model.dropout=0.5.")
        return {BASELINE: experiment} | {" ".join(words): changed(experiment, words) for words in self.change}


@dataclasses.dataclass(frozen=True)
class Ablate(Judging):
    """Judge an experiment without each of its tricks, and with each trick that it lacks.

    Every setting of the experiment is a flag too, such as --model.dropout 0.5; `jaxtricks list settings` names them.

    Args:
        tricks: which to try: their paths, those of parts of the experiment, such as augmentation, or path=value for a value of
            your own, such as optimizer.clip_norm=5; by default all but those that assume something of the task, such as
            mirrored images. `jaxtricks list tricks` names them.
    """

    name: ClassVar[Literal["compare", "ablate"]] = "ablate"

    tricks: Words = None

    def judged(self, arms: Arms, data: Dataset, options: dict[str, Any]) -> Study:
        if self.add_seeds is not None:
            return super().judged(arms, data, options)
        return ablate(arms[BASELINE], data, tricks=self._tricks(arms[BASELINE]), **options)

    def results(self, arms: Arms, data: Dataset, command: str, options: dict[str, Any]) -> tuple[Record, str, Runs | None]:
        record, _, runs = super().results(arms, data, command, options)
        return record, "\n".join((ablation_table(record.verdicts), *said(record.tuned))), runs

    def _tricks(self, best: Experiment) -> Tricks | None:
        if self.tricks is None or not any("=" in word for word in self.tricks):
            return self.tricks
        found: dict[str, list[Any]] = {}
        for word in self.tricks:
            path, _, value = word.partition("=")
            found.setdefault(path, []).append(parse(best, path, [value or "on"]))
        return found


@dataclasses.dataclass(frozen=True)
class ClimbCommand(TuneFlags, MetricFlags, TrainingCommand):
    """Try changes one after the other, each on top of those that helped before it, and keep it if it helps.

    Every setting of the baseline is a flag too, such as --model.widths 256 256; `jaxtricks list settings` names them.

    Args:
        step: path=value, such as model.dropout=0.5, or dropout=0.5 where that says enough; several make one rung together.
            Give --step once for each rung, in the order in which they are to be tried.
        margin: the smallest difference worth caring about, in the metric's units (0.005 is half a point of accuracy).
    """

    name: ClassVar[str] = "ladder"

    step: Repeated[str] = ()
    margin: Maybe[float] = None

    def check_longer(self, folder: Path) -> None:
        raise ConfigError(f"{folder} is a ladder, whose rungs decided what was tried next; climb it anew with more --epochs.")

    def arms(self, experiment: Experiment) -> Arms:
        if not self.step:
            raise ConfigError("--step is missing; name at least one, such as --step model.dropout=0.5.")
        return super().arms(experiment)

    def results(self, arms: Arms, data: Dataset, command: str, options: dict[str, Any]) -> tuple[Record, str, Runs | None]:
        steps: dict[str, Step] = {" ".join(words): functools.partial(changed, words=words, flag="--step") for words in self.step}
        options |= {"metric": self.judged_by(), "margin": self.margin, "tune": self.tuning()}
        found = ladder(steps, data, base=arms[BASELINE], **options)
        return record_ladder(found, command=command, baselines=self.simple(found.baseline)), str(found), None


COMMANDS: dict[str, type[TrainingCommand]] = {command.name: command for command in (Run, Compare, Ablate, ClimbCommand)}
