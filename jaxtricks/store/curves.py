"""The curves of a fit that goes on, in a small file beside its checkpoints: whoever watches need not open those."""

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


def write(path: Path, measured: MemberCurves) -> None:
    """Puts the curves in the place of earlier ones, whole or not at all; raises OSError if it cannot."""
    arrays: dict[str, Any] = {_CURVES + name: values for name, values in measured.curves.items()}
    epochs, times = zip(*measured.marks, strict=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as unfinished, unfinished.open("wb") as file:
        np.savez(file, experiments=measured.experiments, epochs=epochs, times=times, **arrays)


def read(path: Path) -> MemberCurves | None:
    """What `write` wrote last; None where there is nothing that can be read."""
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as found:
            arrays = dict(found)
        marks = zip(arrays.pop("epochs").tolist(), arrays.pop("times").tolist(), strict=True)
        experiments = tuple(arrays.pop("experiments").tolist())
        return MemberCurves(experiments, {name.removeprefix(_CURVES): values for name, values in arrays.items()}, tuple(marks))
    except (OSError, EOFError, ValueError, KeyError, TypeError, zipfile.BadZipFile):
        return None


def of(arrays: Mapping[str, np.ndarray], experiments: Sequence[int], marks: Sequence[tuple[int, float]]) -> MemberCurves:
    """The curves among the arrays of a checkpoint, see `jaxtricks.engine.cohort.Record`."""
    found = {name.removeprefix(_CURVES): values for name, values in arrays.items() if name.startswith(_CURVES)}
    return MemberCurves(tuple(experiments), found, tuple(marks))
