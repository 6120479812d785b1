"""A long table as labelled arrays of xarray."""

import json
from typing import Any

import numpy as np
import pyarrow as pa
from jaxtyping import Int, Shaped

from jaxtricks.config import ConfigError
from jaxtricks.store.tables import about_of

ROW = "row"  # the dimension of a table whose rows are not numbered by its columns
OWN = ("dims", "values")  # what a table says of its columns alone


def labelled(table: pa.Table) -> Any:
    """Gives a table of this package as an `xarray.Dataset`, see `jaxtricks.train.tabled.Tabled.to_xarray`.

    Args:
        table: with what it is about: "dims", dimension → the columns that are its coordinates, too, and "values", the column of
            the values. A column "metric" says whose values they are; without one they are those of the metric "values".

    Raises:
        ConfigError: where xarray is not installed.
    """
    try:
        import xarray  # an extra
    except ImportError:
        raise ConfigError("to_xarray needs xarray; `pip install jaxtricks[xarray]` installs it.") from None
    about = about_of(table)
    columns = {name: _column(table[name]) for name in table.column_names} | {ROW: np.arange(table.num_rows)}
    dims, values = about["dims"], columns[about["values"]]
    labels, places = zip(*(_places(columns[dim]) for dim in dims), strict=True)
    coordinates: dict[str, Any] = dict(zip(dims, labels, strict=True))
    for dim, label, place in zip(dims, labels, places, strict=True):
        for name in dims[dim]:
            column = np.empty(len(label), columns[name].dtype)
            column[place] = columns[name]
            coordinates[name] = (dim, column)
    of_metric = columns.get("metric", np.full(table.num_rows, about["values"], object))
    variables = {}
    for metric in dict.fromkeys(of_metric.tolist()):
        array, mine = np.full([len(label) for label in labels], np.nan), of_metric == metric
        array[tuple(place[mine] for place in places)] = values[mine]
        known = about["metrics"].get(metric, {"unit": ""})
        described = {"units": known["unit"]} | {name: str(told) for name, told in known.items() if name != "unit"}
        variables[metric] = (tuple(dims), array, described)
    told = {name: each if isinstance(each, str) else json.dumps(each) for name, each in about.items() if name not in OWN}
    return xarray.Dataset(variables, coordinates, told)


def _column(column: pa.ChunkedArray) -> Shaped[np.ndarray, " rows"]:
    """A column as numbers or text: a missing number is nan, a missing word is empty, so that it can be stored as NetCDF."""
    words = pa.types.is_string(column.type) or pa.types.is_null(column.type) or pa.types.is_boolean(column.type)
    if not words:
        return np.asarray(column.to_numpy())
    return np.array(["" if value is None else str(value) for value in column.to_pylist()], object)


def _places(column: Shaped[np.ndarray, " rows"]) -> tuple[Shaped[np.ndarray, " labels"], Int[np.ndarray, " rows"]]:
    """The different values of a column, in the order in which they come, and the place of each row among them."""
    _, first, inverse = np.unique(column, return_index=True, return_inverse=True)
    order = np.argsort(first)
    return column[np.sort(first)], np.argsort(order)[inverse]
