"""MLflow: the mean of an arm is a run, and its restarts and band are runs below it; where MLFLOW_TRACKING_URI says."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

from jaxtricks.report.tracker import Channel, EpochValues, RunTracker, TrackedRun, tracker

PARENT, NAME = "mlflow.parentRunId", "mlflow.runName"
MOST = {"metrics": 1000, "params": 100}  # of one call
LONGEST = 6000  # characters of a parameter


@tracker("mlflow")
class MLflow(RunTracker):
    """Writes runs of MLflow into the experiment that the project names. It draws no histograms."""

    LIBRARY: ClassVar[str] = "mlflow"
    EXTRA: ClassVar[str] = "mlflow"

    def __init__(self, folder: Path, project: str | None) -> None:
        from mlflow import MlflowClient  # an extra

        super().__init__(folder, project)
        self._client: Any = MlflowClient()
        found = self._client.get_experiment_by_name(self.project)
        self._experiment = self._client.create_experiment(self.project) if found is None else found.experiment_id

    def open(self, run: TrackedRun, key: str | None, mean: str | None) -> Channel:
        from mlflow.entities import Param

        if key is None:
            tags = {NAME: run.title, "folder": run.folder, "arm": run.arm, "restart": run.name}
            above = {} if mean is None else {PARENT: mean}
            key = str(self._client.create_run(self._experiment, tags=tags | above).info.run_id)
            params = [Param(name, str(value)[:LONGEST]) for name, value in run.settings.items()]
            for first in range(0, len(params), MOST["params"]):
                self._client.log_batch(key, params=params[first : first + MOST["params"]])
        else:
            self._client.update_run(key, status="RUNNING")
        return _MLflowRun(self._client, key)

    def where(self, arms: int) -> str:
        return f"MLflow, experiment {self.project}, at {self._client.tracking_uri}"


class _MLflowRun:
    def __init__(self, client: Any, key: str) -> None:
        self.key, self._client = key, client

    def write(self, entries: Sequence[EpochValues]) -> None:
        from mlflow.entities import Metric

        now = round(1000 * time.time())  # ms
        metrics = [Metric(name, value, now, entry.epoch) for entry in entries for name, value in entry.values.items()]
        for first in range(0, len(metrics), MOST["metrics"]):
            self._client.log_batch(self.key, metrics=metrics[first : first + MOST["metrics"]])

    def close(self, whole: bool) -> None:
        self._client.set_terminated(self.key, status="FINISHED" if whole else "KILLED")
