"""A published model: a folder that was exported or pulled, to predict with and to look up its numbers."""

import dataclasses
import functools
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax
import jax.export
import numpy as np
from jaxtyping import Float, Shaped
from numpy.typing import ArrayLike

from jaxtricks.data import DataError
from jaxtricks.data.frames import as_table, is_frame
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
        about: what model.json says: task, classes, shape and dtype of inputs, columns of tables, members, data, versions.

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
            FolderError: for a folder that is none of these.
        """
        place = Path(folder)
        try:
            return cls(place, json.loads((place / ABOUT).read_text(encoding="utf-8")))
        except FileNotFoundError:
            raise FolderError(f"{folder} is no model that `jaxtricks export` wrote: {ABOUT} is missing.") from None
        except (OSError, ValueError) as error:
            raise FolderError(f"{place / ABOUT} cannot be read ({error}).") from None

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
            DataError: for inputs that are not like those that it was trained on.
        """
        given = as_table(x).to_pydict() if is_frame(x) else x
        try:
            made = by_numpy.inputs(self.about, given)
        except ValueError as error:
            raise DataError(str(error)) from None
        if (lengths is None) == self.about["lengths"]:
            raise DataError(f"lengths: {'none are' if lengths is None else 'they are'} given; {self._lengths} allowed.")
        sizes = [] if lengths is None else [np.asarray(lengths, np.int32)]
        parts = [slice(first, first + EVALUATION_BATCH) for first in range(0, len(made), EVALUATION_BATCH)]
        found = [np.asarray(self._model.call(*(array[part] for array in (made, *sizes)))[0]) for part in parts]
        of: Any = by_numpy.ANSWERS[self.about["task"]][0]
        each = of(np.concatenate(found, axis=1).astype(np.float64)) + np.asarray(self.about["y_offset"] or 0.0)
        return each if members else np.asarray(each.mean(axis=0))

    def predict(self, x: Any, lengths: ArrayLike | None = None) -> Shaped[np.ndarray, "..."]:
        """Gives names of classes, 1 or 0 for each label, or values; arguments and errors as for `probabilities`."""
        answers: Any = by_numpy.ANSWERS[self.about["task"]][1]
        return np.asarray(answers(self.probabilities(x, lengths), self.about["classes"]))

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
