"""The pages of results that are shown from Python: restarts, studies, ablations and ladders."""

from dataclasses import dataclass
from pathlib import Path

from jaxtricks.evaluate.ablate import Ablation
from jaxtricks.evaluate.compare import Study
from jaxtricks.evaluate.ladder import Ladder
from jaxtricks.report.files import save
from jaxtricks.report.page import page
from jaxtricks.report.record import Record, record_ladder, record_runs, record_study
from jaxtricks.train.runs import Runs
from jaxtricks.train.shown import Paged, paged


@dataclass(frozen=True)
class RecordPage:
    """A record as a page and as a folder.

    Args:
        record: what is shown.
        runs: the restarts of a run, whose weights are saved if it is a language model.

    >>> digits, base = jt.load("digits").subset(100, seed=0), jt.Experiment(model=jt.MLP(widths=(8,)), epochs=2)
    >>> runs = jt.fit(base, digits, seeds=4, progress=False)
    >>> len(RecordPage(jt.report.record_runs(runs, command="")).html()) > 10_000
    True
    """

    record: Record
    runs: Runs | None = None

    @property
    def name(self) -> str:
        """What its folder is called, such as "digits-compare"."""
        return f"{self.record.data.name}-{self.record.kind}"

    def html(self) -> str:
        """The page."""
        return page(self.record)

    def save(self, folder: Path | str) -> Path:
        """Writes the run's folder; gives its path."""
        return save(self.record, folder, self.runs)


@paged.register
def _restarts(runs: Runs) -> Paged:
    return RecordPage(record_runs(runs, command="", baselines=runs.baselines()), runs)


@paged.register
def _study(study: Study) -> Paged:
    return RecordPage(record_study(study, command="", baselines=study.baseline.baselines()))


@paged.register
def _ablation(found: Ablation) -> Paged:
    return RecordPage(record_study(found, command="", kind="ablate", baselines=found.baseline.baselines()))


@paged.register
def _ladder(ladder: Ladder) -> Paged:
    return RecordPage(record_ladder(ladder, command="", baselines=ladder.baseline.baselines()))
