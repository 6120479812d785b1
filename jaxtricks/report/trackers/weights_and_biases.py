"""Weights & Biases: one run for each restart, in a group for each arm; offline where `WANDB_MODE=offline` says so."""

from collections.abc import Sequence
from typing import Any, ClassVar

from jaxtricks.report.tracker import Channel, EpochValues, RunTracker, TrackedRun, tracker


@tracker("wandb")
class WeightsAndBiases(RunTracker):
    """Writes runs of Weights & Biases; the project may name its entity, too, as "lab/digits". Nothing of the machine is sent."""

    LIBRARY: ClassVar[str] = "wandb"
    EXTRA: ClassVar[str] = "wandb"

    def open(self, run: TrackedRun, key: str | None, mean: str | None) -> Channel:
        import wandb  # an extra

        entity, _, project = self.project.rpartition("/")
        private: dict[str, Any] = {"console": "off", "disable_git": True, "x_disable_stats": True, "x_disable_meta": True}
        made = wandb.init(
            entity=entity or None,
            project=project,
            name=run.title,
            group=run.group,
            job_type="restart" if run.restart else "mean and band",
            config=dict(run.settings),
            id=key,
            resume=None if key is None else "allow",
            reinit="create_new",  # others may be open
            save_code=False,
            settings=wandb.Settings(silent=True, **private),
        )
        return _WandbRun(made, wandb.Histogram)

    def where(self, arms: int) -> str:
        return f"Weights & Biases, project {self.project}; `wandb sync wandb/offline-run-*` sends what was written offline"


class _WandbRun:
    def __init__(self, run: Any, histogram: Any) -> None:
        self.key = str(run.id)
        self._run, self._histogram = run, histogram

    def write(self, entries: Sequence[EpochValues]) -> None:
        for entry in entries:
            pictures = {
                tag: self._histogram(np_histogram=(counts.tolist(), entry.edges.tolist()))
                for tag, counts in entry.pictures.items()
            }
            self._run.log({**entry.values, **pictures}, step=entry.epoch, commit=True)  # else it waits for the next

    def close(self, whole: bool) -> None:
        self._run.finish(exit_code=0 if whole else 1)
