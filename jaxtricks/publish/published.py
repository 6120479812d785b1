"""A published model: a folder that was exported or pulled, to predict with and to look up its numbers."""

import dataclasses
import functools
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import jax
import jax.export
import numpy as np
from jaxtyping import Float, Shaped
from numpy.typing import ArrayLike

from jaxtricks.data import DataError
from jaxtricks.data.arrays import as_array
from jaxtricks.data.column import KINDS
from jaxtricks.data.columns import Columns
from jaxtricks.data.examples import as_inputs
from jaxtricks.data.frames import is_frame
from jaxtricks.experiment.weights import Weights
from jaxtricks.publish import predict as by_numpy
from jaxtricks.report import files
from jaxtricks.report.record import Record
from jaxtricks.restart.evaluation import EVALUATION_BATCH
from jaxtricks.store.folder import FolderError

ABOUT, COMPILED, WEIGHTS, RUN, NUMPY = "model.json", "model.stablehlo", "weights.safetensors", "run", "numpy"
CARD = "README.md"


@dataclasses.dataclass(frozen=True)
class Published:
    """An ensemble of trained networks in a folder, as `jt.publish.export` wrote it.

    Args:
        folder: where it is.
        about: what model.json says: task, classes, shape and dtype of inputs, whether numbers may be missing, the size of the
            vocabulary, columns of tables, members, data, versions.

    >>> import tempfile
    >>> digits, base = jt.load("digits").subset(100, seed=0), jt.Experiment(model=jt.MLP(widths=(8,)), epochs=2)
    >>> runs = jt.fit(base, digits, seeds=4, progress=False)
    >>> with tempfile.TemporaryDirectory() as place:
    ...     model = jt.publish.Published.of(jt.publish.export(runs, f"{place}/model", numpy=False))
    ...     same = (model.probabilities(digits.x[:3]) == runs.probabilities(digits.x[:3])).all()
    ...     print(model.predict(digits.x[:3]).shape, bool(same), sorted(model.record.metrics))
    (3,) True ['accuracy', 'ece', 'nll']
    """

    folder: Path
    about: Mapping[str, Any] = dataclasses.field(repr=False)

    @classmethod
    def of(cls, folder: Path | str) -> "Published":
        """Opens a folder.

        Args:
            folder: that of `jt.publish.export`, or one that was pulled.

        Raises:
            FolderError: for a folder that is none of these, or that another version of jaxtricks wrote in another format.
        """
        place = Path(folder)
        try:
            about = json.loads((place / ABOUT).read_text(encoding="utf-8"))
            written = about["format"]
        except FileNotFoundError:
            raise FolderError(f"{folder} is no model that `jaxtricks export` wrote: {ABOUT} is missing.") from None
        except (OSError, ValueError, LookupError, TypeError) as error:
            raise FolderError(f"{place / ABOUT} cannot be read ({error}).") from None
        if written != by_numpy.FORMAT:
            raise FolderError(f"{place / ABOUT} has format {written}; {by_numpy.FORMAT} is read here: export the run again.")
        return cls(place, about)

    @property
    def card(self) -> str:
        """The model card, as Markdown."""
        return (self.folder / CARD).read_text(encoding="utf-8")

    @functools.cached_property
    def record(self) -> Record:
        """All numbers of the run that it comes from: metrics and curves of each restart, verdicts, environment.

        Raises:
            FolderError: where they cannot be read.
        """
        return files.load(self.folder / RUN)

    @functools.cached_property
    def weights(self) -> Weights:
        """The members' weights by name, to start from: `jt.Transfer(model)`.

        Raises:
            ConfigError: where they cannot be read.
        """
        return Weights.of(self.folder / WEIGHTS)

    def probabilities(self, x: Any, lengths: ArrayLike | None = None, *, members: bool = False) -> Float[np.ndarray, "..."]:
        """Gives the probabilities of classes or labels, or values in the user's units, as `Runs.probabilities` does.

        Args:
            x: inputs in the user's units, [examples, ...]; or a table like that which the data set was made of.
            lengths: the true number of steps of each sequence, [examples]; None where no sequence is padded.
            members: whether to give those of each member, [members, examples, ...], and not their mean.

        Raises:
            DataError: for inputs that are not like those that it was trained on: of another shape, not finite where no number
                was missing, tokens that the vocabulary lacks, lengths that are none; or a table as for `Columns.inputs`.
        """
        given = self._inputs(x, lengths)
        parts = [slice(first, first + EVALUATION_BATCH) for first in range(0, len(given[0]), EVALUATION_BATCH)]
        found = [np.asarray(self._model.call(*(array[part] for array in given))[0]) for part in parts]
        of: Any = by_numpy.ANSWERS[self.about["task"]][0]
        each = of(np.concatenate(found, axis=1).astype(np.float64)) + np.asarray(self.about["y_offset"] or 0.0)
        return each if members else np.asarray(each.mean(axis=0))

    def predict(self, x: Any, lengths: ArrayLike | None = None) -> Shaped[np.ndarray, "..."]:
        """Gives names of classes, 1 or 0 for each label, or values; arguments and errors as for `probabilities`."""
        answers: Any = by_numpy.ANSWERS[self.about["task"]][1]
        return np.asarray(answers(self.probabilities(x, lengths), self.about["classes"]))

    def _inputs(self, x: Any, lengths: ArrayLike | None) -> list[np.ndarray]:
        """Inputs as the model takes them, and lengths where sequences are padded; arguments and errors as for `probabilities`."""
        about, columns = self.about, self.about["columns"]
        given = as_array("x", columns_from_json(columns).inputs(x) if columns is not None and is_frame(x) else x)
        if list(given.shape[1:]) != about["shape"] or not len(given):
            raise DataError(f"x: shape {given.shape}; [examples, {', '.join(map(str, about['shape']))}], not empty, is allowed.")
        if (lengths is None) == about["lengths"]:
            raise DataError(f"lengths: {'none are' if lengths is None else 'they are'} given; {self._lengths} allowed.")
        if given.dtype == np.uint8 and about["dtype"] == "float32":
            given = given.astype(np.float32)
        offset = None if about["x_offset"] is None else np.asarray(about["x_offset"], np.float64)
        made, sizes = as_inputs("", given, lengths, about["vocabulary"], offset, about["missing"])
        with np.errstate(invalid="ignore"):  # what does not fit is refused
            stored = made.astype(about["dtype"])
        if stored.dtype.kind == "u" and (stored != made).any():
            raise DataError(f"x: numbers that {about['dtype']} does not hold; whole ones, from 0 to 255, are allowed.")
        return [stored] if sizes is None else [stored, sizes]

    @property
    def _lengths(self) -> str:
        return "the true steps of each sequence are" if self.about["lengths"] else "None, for whole sequences, is"

    @functools.cached_property
    def _model(self) -> jax.export.Exported:
        path = self.folder / COMPILED
        try:
            return jax.export.deserialize(bytearray(path.read_bytes()))
        except (OSError, ValueError) as error:
            raise FolderError(f"{path} cannot be read ({error}).") from None


def columns_from_json(columns: Sequence[Mapping[str, Any]]) -> Columns:
    """How the columns of a table become numbers, as `exported.columns_to_json` wrote it.

    Args:
        columns: of each column its kind and its fields.

    >>> columns_from_json([{"kind": "number", "name": "age", "missing": 3}]).inputs({"age": [27, None]}).tolist()
    [[27.0, 0.0], [nan, 1.0]]
    """
    made = []
    for column in columns:
        kind: Any = KINDS[column["kind"]]
        fields = {name: tuple(each) if isinstance(each, list) else each for name, each in column.items() if name != "kind"}
        made.append(kind(**fields))
    return Columns(tuple(made))
