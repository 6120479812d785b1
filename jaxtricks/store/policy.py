"""Where checkpoints are written, and which of them stay."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from jaxtricks.config import ConfigError


@dataclass(frozen=True)
class Checkpoints:
    """Where `fit` writes checkpoints, one at the end of each segment, and which of them stay.

    A fit that finds checkpoints of the same experiments, seeds and data there goes on from the newest that can be read.

    Args:
        folder: of all checkpoints of one fit; made if absent. A URL, such as gs://bucket/runs/long, is a place far away: each
            checkpoint is written there, too, and a machine that has lost its disk goes on from there, see
            `jaxtricks.store.mirror`.
        newest: how many of the latest stay, at least one.
        best: a validation metric, such as "nll": the checkpoint where its mean over the restarts is best stays too. None: none.
        every: epochs: checkpoints at multiples of them stay too, as an ensemble's members. None: none.
        labels: what the experiments are called where the folder is watched; `study` fills them in. None: by their settings.

    Raises:
        ConfigError: for counts below one.

    >>> sorted(Checkpoints("runs/long", newest=1, best="nll", every=10).stay({10: -0.3, 15: -0.2, 18: -0.4, 20: -0.5}))
    [10, 15, 20]
    """

    folder: Path | str
    newest: int = 2
    best: str | None = None
    every: int | None = None
    labels: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        for name in ("newest", "every"):
            value = getattr(self, name)
            if not (name == "every" and value is None) and not (isinstance(value, int) and value >= 1):
                raise ConfigError(f"Checkpoints.{name} = {value!r} is not an integer >= 1.")

    def at(self, folder: Path | str) -> "Checkpoints":
        """The same in another folder.

        Args:
            folder: that one.
        """
        return dataclasses.replace(self, folder=folder)

    def stay(self, values: Mapping[int, float | None]) -> set[int]:
        """Which of the epochs with a checkpoint keep it.

        Args:
            values: epoch → how good the checkpoint is, higher is better; None where that is unknown.

        >>> Checkpoints("runs/long", newest=1).stay({10: None, 20: None})
        {20}
        """
        epochs = sorted(values)
        stay = set(epochs[-self.newest :])
        if self.every is not None:
            stay |= {epoch for epoch in epochs if epoch % self.every == 0}
        known = {epoch: value for epoch, value in values.items() if value is not None and np.isfinite(value)}
        if self.best is not None and known:
            stay.add(max(known, key=lambda epoch: (known[epoch], -epoch)))
        return stay
