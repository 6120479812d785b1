"""Flags that say what the columns of a table are for."""

import dataclasses
from pathlib import Path
from typing import ClassVar, Literal, cast

from jaxtricks.cli.optional import Maybe, Switch, Words
from jaxtricks.config import ConfigError
from jaxtricks.data import Dataset
from jaxtricks.data.columns import Kinds
from jaxtricks.data.delimited import read_csv
from jaxtricks.data.held_out import Share


@dataclasses.dataclass(frozen=True, kw_only=True)
class TableFlags:
    """How a table is read: a file of delimited text (CSV), also one compressed by gzip, that --data names.

    Args:
        target: the column to predict, or several of labels 0 and 1, or of values.
        task: what is predicted: classes, values or multilabel; by default what the target looks like.
        groups: the column of what belongs together, such as the number of a patient: no group is both trained and validated on.
        time: the column of times, for --forward and --validation latest=0.2.
        weights: the column of how much each row counts in the loss.
        kinds: what columns are taken for: column=number, column=category or column=date; column=off leaves it out.
        missing: words that stand for a missing value, beside an empty cell, NA and the like.
        dates: how dates are written that are neither like 2026-12-31 nor 31.12.2026, such as %d/%m/%Y.
        drop_unlabelled: leave out rows without a target.
    """

    title: ClassVar[str] = "table"

    target: Words = None
    task: Maybe[Literal["classes", "values", "multilabel"]] = None
    groups: Maybe[str] = None
    time: Maybe[str] = None
    weights: Maybe[str] = None
    kinds: Words = None
    missing: Words = None
    dates: Maybe[str] = None
    drop_unlabelled: Switch = False

    def check_no_table(self) -> None:
        """Refuses flags of tables beside other data; raises ConfigError."""
        for field in dataclasses.fields(TableFlags):
            if getattr(self, field.name) != field.default:
                flag = field.name.replace("_", "-")
                raise ConfigError(f"--{flag} is for a table, such as --data homes.csv, and --data names no file.")

    def table(self, path: Path, validation: Share | None, test: Share | None) -> Dataset:
        """Reads the file of a table.

        Args:
            path: the file.
            validation: the rows to validate on; None: a share of 0.2 that each seed draws.
            test: the rows of the locked test split; None: there is none.

        Raises:
            ConfigError: where its target is not named.
            DataError: if it cannot be read as a table.
        """
        if self.target is None:
            columns = read_csv(path).column_names
            raise ConfigError(f"--target is missing: the column of {path} to predict; there are: {', '.join(columns)}.")
        return Dataset.from_csv(
            path,
            self.target,
            validation=0.2 if validation is None else validation,
            test=test,
            dates=self.dates,
            missing=self.missing or (),
            groups=self.groups,
            time=self.time,
            weights=self.weights,
            kinds=self._kinds(),
            task=self.task,
            drop_unlabelled=self.drop_unlabelled,
        )

    def _kinds(self) -> Kinds:
        found: dict[str, str | None] = {}
        for word in self.kinds or ():
            name, equals, kind = word.rpartition("=")
            if not equals:
                raise ConfigError(f"--kinds {word!r} is not column=kind, such as zip=category or id=off.")
            found[name] = None if kind == "off" else kind
        return cast(Kinds, found)
