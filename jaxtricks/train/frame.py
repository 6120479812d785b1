"""Restarts as a long table: a row for each value of a curve."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np
import pyarrow as pa

from jaxtricks.experiment.settings import Plain, Settings
from jaxtricks.objectives.metric import POINTS, Declaration
from jaxtricks.store.tables import with_about


class Charted(Protocol):
    """What the table reads of the restarts of one experiment, such as `jaxtricks.Runs`."""

    @property
    def seeds(self) -> Any:
        """The seed of each restart, [restarts]."""

    @property
    def names(self) -> tuple[str, ...]:
        """The name of each restart, [restarts]."""

    @property
    def curves(self) -> Mapping[str, Any]:
        """Name → values, [restarts, epochs]; None or nan where there is none."""

    @property
    def declared(self) -> Mapping[str, Declaration]:
        """Metric → how it is read; curves of training are not among them."""


def frame(arms: Mapping[str, Charted], settings: Sequence[Settings], about: Mapping[str, Any]) -> pa.Table:
    """Gives a table of all curves of all restarts, which pandas, polars and DuckDB read through `__arrow_c_stream__`.

    Its columns are "experiment" (the arm's label), a column for each setting, "restart" (its name), "seed", "part" (the number of
    the restart among those of its seed, such as its fold), "epoch" (from 1), "metric" (the curve's name), "value", which is
    null where it is not finite, and "unit": "share" for a share in [0, 1], the unit that a metric names, or empty.

    Args:
        arms: label → restarts.
        settings: those of each arm, all with the same paths.
        about: what the table says of itself beside its metrics, see `jaxtricks.store.tables.about_of`.

    >>> digits, base = jt.load("digits").subset(100, seed=0), jt.Experiment(model=jt.MLP(widths=(8,)), epochs=2)
    >>> runs = jt.fit(base, digits, seeds=4, progress=False)
    >>> table = frame({"mine": runs}, [{"epochs": 2}], {"data": "digits"})
    >>> table.column_names
    ['experiment', 'epochs', 'restart', 'seed', 'part', 'epoch', 'metric', 'value', 'unit']
    >>> table.num_rows == 4 * 2 * len(runs.curves)
    True
    """
    typed = {path: _typed([each[path] for each in settings]) for path in settings[0]}
    parts = []
    for place, (label, arm) in enumerate(arms.items()):
        curves = np.stack([np.asarray(values, float) for values in arm.curves.values()])  # None becomes nan
        of_metric, of_restart, of_epoch = (axis.reshape(-1) for axis in np.indices(curves.shape))
        columns: dict[str, Any] = {
            "experiment": pa.repeat(label, curves.size),
            **{path: pa.repeat(values[place], curves.size) for path, values in typed.items()},
            "restart": pa.array(arm.names).take(pa.array(of_restart)),
            "seed": np.asarray(arm.seeds, np.int64)[of_restart],
            "part": _parts(arm.seeds)[of_restart],
            "epoch": of_epoch + 1,
            "metric": pa.array(list(arm.curves)).take(pa.array(of_metric)),
            "value": pa.array(curves.reshape(-1), mask=~np.isfinite(curves.reshape(-1))),
            "unit": pa.array([unit(arm.declared.get(name)) for name in arm.curves]).take(pa.array(of_metric)),
        }
        parts.append(pa.table(columns))
    declared = {name: each for arm in arms.values() for name, each in arm.declared.items()}
    dims = {"experiment": list(typed), "restart": ["seed", "part"], "epoch": []}
    return with_about(pa.concat_tables(parts), {**about, "metrics": metrics(declared), "dims": dims, "values": "value"})


def unit(declared: Declaration | None) -> str:
    """The unit of a metric's values as they are stored: "share" of those in [0, 1]; empty for one that names none.

    >>> unit(jt.metrics.METRICS["accuracy"].declared), unit(jt.metrics.METRICS["nll"].declared), unit(None)
    ('share', '', '')

    Args:
        declared: the metric; None for a curve of training.
    """
    if declared is None or declared.unit == declared.name:
        return ""
    return "share" if declared.unit == POINTS else declared.unit


def metrics(declared: Mapping[str, Declaration]) -> dict[str, dict[str, Any]]:
    """What a table says of its metrics: name → its direction and the unit of its values.

    Args:
        declared: name → the metric.
    """
    return {name: {"higher_is_better": each.higher_is_better, "unit": unit(each)} for name, each in declared.items()}


def _typed(values: Sequence[Plain]) -> Any:
    """A setting's values, one for each arm, as an array of one type: of text where they are of several kinds."""
    kinds = {type(value) for value in values if value is not None}
    if kinds == {int, float}:
        return pa.array(values, pa.float64())
    return pa.array(values if len(kinds) == 1 else [None if value is None else str(value) for value in values])


def _parts(seeds: Any) -> np.ndarray:
    """The number of each restart among those of its seed."""
    counts: dict[int, int] = {}
    places = []
    for seed in np.asarray(seeds).tolist():
        places.append(counts.get(seed, 0))
        counts[seed] = places[-1] + 1
    return np.array(places)
