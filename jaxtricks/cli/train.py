"""The commands that train: run, compare and ablate."""

import dataclasses
from typing import Any, ClassVar

from jaxtricks.cli.metric import MetricFlags
from jaxtricks.cli.optional import Maybe, Repeated
from jaxtricks.cli.training import Arms, Training
from jaxtricks.cli.words import changed
from jaxtricks.config import ConfigError
from jaxtricks.data import Dataset
from jaxtricks.evaluate.ablate import ablate
from jaxtricks.evaluate.compare import measuring, study
from jaxtricks.experiment.experiment import Experiment
from jaxtricks.report.record import BASELINE, Record, record_runs, record_study
from jaxtricks.report.table import table
from jaxtricks.train.fit import fit
from jaxtricks.train.runs import Runs


@dataclasses.dataclass(frozen=True)
class Run(MetricFlags, Training):
    """Train restarts of one experiment in one compiled program, and sum them up.

    Every setting of the experiment is a flag too, such as --model.widths 256 256; `jaxtricks list settings` names them.
    """

    name: ClassVar[str] = "run"

    def results(self, arms: Arms, data: Dataset, command: str, options: dict[str, Any]) -> tuple[Record, str, Runs | None]:
        runs = fit(measuring(self.judged_by(), [arms[BASELINE]], data)[0], data, **options)
        return record_runs(runs, command=command), str(runs.summary()), runs


@dataclasses.dataclass(frozen=True)
class Judging(MetricFlags, Training):
    """A command that judges changes.

    Args:
        margin: the smallest difference worth caring about, in the metric's units (0.005 is half a point of accuracy).
    """

    title: ClassVar[str] = "metric"

    margin: Maybe[float] = None

    def options(self, given: dict[str, Any]) -> dict[str, Any]:
        """Those of `study`."""
        return given | {"metric": self.judged_by(), "margin": self.margin}


@dataclasses.dataclass(frozen=True)
class Compare(Judging):
    """Judge changes against a baseline, paired by seed: helps, hurts, no difference, too few seeds or inconclusive.

    Every setting of the baseline is a flag too, such as --model.widths 256 256; `jaxtricks list settings` names them.

    Args:
        change: path=value, or several of them that make one change together; give --change once for each change.
    """

    name: ClassVar[str] = "compare"

    change: Repeated[str] = ()

    def arms(self, experiment: Experiment) -> Arms:
        if not self.change:
            raise ConfigError("--change is missing; name at least one, such as --change model.dropout=0.5.")
        return {BASELINE: experiment} | {" ".join(words): changed(experiment, words) for words in self.change}

    def results(self, arms: Arms, data: Dataset, command: str, options: dict[str, Any]) -> tuple[Record, str, Runs | None]:
        changes = {label: arm for label, arm in arms.items() if label != BASELINE}
        result = study(arms[BASELINE], changes, data, **self.options(options))
        return record_study(result, command=command, kind="compare"), table(result.verdicts), None


@dataclasses.dataclass(frozen=True)
class Ablate(Judging):
    """Judge an experiment without each of its tricks, and with each trick that it lacks.

    Every setting of the experiment is a flag too, such as --model.dropout 0.5; `jaxtricks list settings` names them.
    """

    name: ClassVar[str] = "ablate"

    def results(self, arms: Arms, data: Dataset, command: str, options: dict[str, Any]) -> tuple[Record, str, Runs | None]:
        result = ablate(arms[BASELINE], data, **self.options(options))
        return record_study(result, command=command, kind="ablate"), table(result.verdicts), None


COMMANDS: dict[str, type[Training]] = {command.name: command for command in (Run, Compare, Ablate)}
