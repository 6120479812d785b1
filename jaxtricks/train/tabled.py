"""Results that give themselves as a table: of Arrow, as a file, or as labelled arrays."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import pyarrow as pa

from jaxtricks.config import described
from jaxtricks.data import Dataset
from jaxtricks.experiment.experiment import Experiment
from jaxtricks.experiment.settings import settings_that_differ
from jaxtricks.store.tables import write_table
from jaxtricks.store.versions import versions
from jaxtricks.train.frame import Charted, frame
from jaxtricks.train.labelled import labelled


class Tabled:
    """A result with a table, `frame()`, which it writes as Parquet or CSV, or gives as labelled arrays of xarray.

    >>> digits, base = jt.load("digits").subset(100, seed=0), jt.Experiment(model=jt.MLP(widths=(8,)), epochs=2)
    >>> runs = jt.fit(base, digits, seeds=4, progress=False)
    >>> isinstance(runs, Tabled), runs.frame().num_rows
    (True, 48)
    """

    def frame(self) -> pa.Table:
        """Gives all values as a long table, which pandas, polars and DuckDB read; what it is about is in its metadata."""
        raise NotImplementedError

    def to_parquet(self, path: Path | str) -> Path:
        """Writes the table as Parquet, with experiments, data, versions and metrics as JSON under the key "jaxtricks".

        Args:
            path: the file; one that is there is replaced.

        Returns:
            The file.

        Raises:
            FolderError: if it cannot be written.

        >>> import tempfile, pyarrow.parquet
        >>> digits, base = jt.load("digits").subset(100, seed=0), jt.Experiment(model=jt.MLP(widths=(8,)), epochs=2)
        >>> file = jt.fit(base, digits, seeds=4, progress=False).to_parquet(tempfile.mkdtemp() + "/runs.parquet")
        >>> from jaxtricks.store.tables import about_of
        >>> about_of(pyarrow.parquet.read_table(file))["metrics"]["accuracy"]
        {'higher_is_better': True, 'unit': 'share'}
        """
        return write_table(self.frame(), Path(path), ".parquet")

    def to_csv(self, path: Path | str) -> Path:
        """Writes the table as CSV, without what it is about; arguments and errors as for `to_parquet`."""
        return write_table(self.frame(), Path(path), ".csv")

    def to_xarray(self) -> Any:
        """Gives an `xarray.Dataset`: a variable for each metric, with dimensions, settings as coordinates, and units.

        Curves have the dimensions experiment, restart and epoch, and nan where there is no value. `attrs` hold what the table is
        about, as JSON.

        Raises:
            ConfigError: where xarray is not installed.
        """
        return labelled(self.frame())


class TrainedArm(Charted, Protocol):
    """The restarts of one experiment as they were trained, such as `jaxtricks.Runs`."""

    @property
    def experiment(self) -> Experiment:
        """What was trained."""

    @property
    def data(self) -> Dataset:
        """On what."""


class Armed(Tabled):
    """A result that consists of restarts of one or several experiments; its table holds their curves.

    >>> issubclass(jt.Runs, Armed) and issubclass(jt.evaluate.Study, Armed)
    True
    """

    @property
    def arms(self) -> Mapping[str, TrainedArm]:
        """Label → restarts; the baseline first."""
        raise NotImplementedError

    def frame(self) -> pa.Table:
        """Gives all curves as a long table, with the settings in which arms differ; of one arm alone, from `Experiment()`.

        Its columns are those of `jaxtricks.train.frame.frame`: a row for each arm, restart, epoch and metric.

        >>> digits, base = jt.load("digits").subset(100, seed=0), jt.Experiment(model=jt.MLP(widths=(8,)), epochs=2)
        >>> table = jt.fit(base, digits, seeds=4, progress=False).frame()
        >>> table["metric"].to_pylist().count("accuracy"), table["model.widths"][0].as_py()
        (8, '(8,)')
        """
        arms = self.arms
        experiments = {label: arm.experiment for label, arm in arms.items()}
        about = {
            "data": next(iter(arms.values())).data.name,
            "versions": versions(),
            "experiments": {label: described(experiment) for label, experiment in experiments.items()},
        }
        return frame(arms, settings_that_differ(list(experiments.values())), about)
