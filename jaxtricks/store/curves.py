"""The curves of a fit in progress, in a small file beside its checkpoints, so that `watch` need not open the checkpoints."""

import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from jaxtricks.store.disk import replacing

_CURVES = "curves."


@dataclass(frozen=True)
class MemberCurves:
    """What the members of one program have measured so far.

    Args:
        experiments: the positions of their experiments in the fit; each has as many members as there are seeds.
        curves: name → [members, epochs done].
        marks: pairs of epochs done and the time then, in seconds since 1970, of each segment since the process began.
    """

    experiments: tuple[int, ...]
    curves: dict[str, Float[np.ndarray, "members epochs"]]
    marks: tuple[tuple[int, float], ...]

    @property
    def members(self) -> int:
        """A count."""
        return len(next(iter(self.curves.values())))

    @property
    def epoch(self) -> int:
        """Epochs done."""
        return self.marks[-1][0]


def write(path: Path, found: MemberCurves) -> None:
    """Replaces the file of curves: a reader finds the earlier one or the new one, never half of one.

    Args:
        path: the file; its folder is made if absent.
        found: the curves.

    Raises:
        OSError: if it cannot be written.

    >>> import pathlib, tempfile
    >>> with tempfile.TemporaryDirectory() as root:
    ...     path = pathlib.Path(root) / "cohort-0.npz"
    ...     write(path, MemberCurves((0,), {"nll": np.array([[0.7, 0.5]])}, ((2, 10.0),)))
    ...     read(path).curves
    {'nll': array([[0.7, 0.5]])}
    """
    arrays: dict[str, Any] = {_CURVES + name: values for name, values in found.curves.items()}
    epochs, times = zip(*found.marks, strict=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as unfinished, unfinished.open("wb") as file:
        np.savez(file, experiments=found.experiments, epochs=epochs, times=times, **arrays)


def read(path: Path) -> MemberCurves | None:
    """The curves that `write` wrote last; None where no file of curves can be read."""
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as found:
            arrays = dict(found)
        marks = zip(arrays.pop("epochs").tolist(), arrays.pop("times").tolist(), strict=True)
        experiments = tuple(arrays.pop("experiments").tolist())
        return MemberCurves(experiments, {name.removeprefix(_CURVES): values for name, values in arrays.items()}, tuple(marks))
    except (OSError, EOFError, ValueError, KeyError, TypeError, zipfile.BadZipFile):
        return None


def of(arrays: Mapping[str, np.ndarray], experiments: Sequence[int], marks: Sequence[tuple[int, float]]) -> MemberCurves:
    """The curves among the arrays of a checkpoint, see `jaxtricks.train.loop.CheckpointWriter`."""
    found = {name.removeprefix(_CURVES): values for name, values in arrays.items() if name.startswith(_CURVES)}
    return MemberCurves(tuple(experiments), found, tuple(marks))
