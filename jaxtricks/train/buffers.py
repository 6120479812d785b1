"""What the members of a program have measured so far, filled in as it comes from the devices."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from jaxtricks.engine.cohort import Rows
from jaxtricks.engine.processes import gathered

Curves = dict[str, Float[np.ndarray, "members epochs"]]
Counts = dict[str, Int[np.ndarray, "members times bins"]]


class CurveBuffer:
    """The curves of all members, filled in as they come; what is not yet known is nan.

    Args:
        size: members.
        epochs: of the whole run.
    """

    def __init__(self, size: int, epochs: int) -> None:
        self._shape = size, epochs
        self._curves: Curves = {}

    def put(self, rows: Rows, first: int, new: Mapping[str, Any]) -> None:
        """What members measured in the epochs from `first` on: name → [members or more, epochs]."""
        for name, values in gathered(new).items():
            values = values[: len(rows)]
            curve = self._curves.setdefault(name, np.full(self._shape, np.nan, values.dtype))
            curve[rows, first : first + values.shape[1]] = values

    def rest(self, rows: Rows, first: int, values: Mapping[str, Any]) -> None:
        """What members that have finished report in all epochs from `first` on: name → [members], or one for all."""
        for name, curve in self._curves.items():
            curve[rows, first:] = np.asarray(values[name])[..., None]

    def until(self, epoch: int) -> Curves:
        """All curves up to an epoch."""
        return {name: curve[:, :epoch] for name, curve in self._curves.items()}


class PictureBuffer:
    """The pictures of all members of a program, one after the other.

    Args:
        every: epochs between two of them; None: none are taken.
        counts: those that are there already.
        size: members.
    """

    def __init__(self, every: int | None, counts: Counts, size: int) -> None:
        self._every, self._size = every, size
        self._taken: list[dict[str, np.ndarray]] = []
        for time in range(max((each.shape[1] for each in counts.values()), default=0)):
            self._taken.append({name: each[:, time] for name, each in counts.items()})

    def due(self, epoch: int) -> bool:
        """Whether a picture is to be taken after so many epochs."""
        return self._every is not None and epoch % self._every == 0

    def put(self, rows: Rows, new: Mapping[str, Any]) -> None:
        """One more picture of some members, name → [members or more, bins]; the others have not changed since the last one."""
        found: dict[str, np.ndarray] = {}
        for name, values in gathered(new).items():
            before = self._taken[-1][name] if self._taken else np.zeros((self._size, values.shape[-1]), np.uint32)
            found[name] = before.copy()
            found[name][rows] = values[: len(rows)]
        self._taken.append(found)

    def rest(self, epoch: int) -> None:
        """All pictures up to an epoch, of members that do not change any more."""
        if self._every is not None and self._taken:
            self._taken += [self._taken[-1]] * (epoch // self._every + 1 - len(self._taken))

    def until(self, epoch: int) -> Counts:
        """All pictures up to an epoch: name → [members, times, bins]."""
        if self._every is None:
            return {}
        taken = self._taken[: epoch // self._every + 1]
        return {name: np.stack([each[name] for each in taken], axis=1) for name in sorted(_names(taken))}


def _names(taken: Iterable[Mapping[str, Any]]) -> set[str]:
    return {name for each in taken for name in each}
