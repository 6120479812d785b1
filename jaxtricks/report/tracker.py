"""What a tracker of experiments is: it opens runs of its own, and takes what a run has measured; its name finds it."""

import importlib.util
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, NamedTuple, Protocol, TypeVar

import numpy as np
from jaxtyping import Float, Int

from jaxtricks.config import ConfigError, nearest

PROJECT = "jaxtricks"  # where none is named
MEAN, LOW, HIGH = "mean", "mean-sd", "mean+sd"  # runs beside those of restarts


class TrackedRun(NamedTuple):
    """One run as a tracker shows it: a restart of an arm, or the arm's mean, or a standard deviation below or above it.

    Args:
        folder: the name of the run's folder, such as "digits-compare-1".
        arm: the arm's label; empty where there is one only.
        place: the arm's number and label as the name of a folder; empty where there is one only.
        name: the restart's name, such as "seed 3", or "mean", "mean-sd" or "mean+sd".
        settings: of its experiment, dotted path → plain value.

    >>> run = TrackedRun("digits-compare-1", "dropout 0.5", "1-dropout-0.5", "seed 3", {"epochs": 2})
    >>> run.group, run.title, run.restart
    ('digits-compare-1 dropout 0.5', 'digits-compare-1 dropout 0.5 seed 3', True)
    """

    folder: str
    arm: str
    place: str
    name: str
    settings: Mapping[str, Any]

    @property
    def group(self) -> str:
        """What the runs of one arm have in common."""
        return f"{self.folder} {self.arm}".strip()

    @property
    def title(self) -> str:
        """A name that no other run of the folder has."""
        return f"{self.group} {self.name}"

    @property
    def restart(self) -> bool:
        """Whether it is one restart."""
        return self.name not in (MEAN, LOW, HIGH)


class EpochValues(NamedTuple):
    """What a run has measured after an epoch.

    Args:
        epoch: epochs done.
        values: the name of a curve → its finite value.
        pictures: the name of a histogram → counts of finite numbers in each bin, [bins].
        edges: of the bins, [bins + 1].
    """

    epoch: int
    values: Mapping[str, float]
    pictures: Mapping[str, Int[np.ndarray, " bins"]]
    edges: Float[np.ndarray, " edges"]


class Channel(Protocol):
    """A run that a tracker has open.

    Attributes:
        key: by which the tracker finds it again.
    """

    key: str

    def write(self, entries: Sequence[EpochValues]) -> None:
        """Takes what is new, in the order of epochs."""

    def close(self, whole: bool) -> None:
        """Ends it; `whole` says whether it has all epochs, and was not cut off."""


class RunTracker:
    """Where runs are shown; made for the folder of one run.

    Args:
        folder: the run's.
        project: what the tracker files runs under; None: the usual one.

    Raises:
        ConfigError: where its library is not installed, or for a project where it has none.
    """

    LIBRARY: ClassVar[str]  # what it imports
    EXTRA: ClassVar[str]  # of the package, which installs that
    REMEMBERS: ClassVar[bool] = True  # whether it goes on with runs that it opened before; else all are written anew

    def __init__(self, folder: Path, project: str | None) -> None:
        self.folder, self.project = folder, project or PROJECT

    def open(self, run: TrackedRun, key: str | None, mean: str | None) -> Channel:
        """Opens a run.

        Args:
            run: which one.
            key: its own, where it was opened before and is to go on; None: it is new.
            mean: the key of the mean of its arm, which is opened first; None for the mean.
        """
        raise NotImplementedError

    def where(self, arms: int) -> str:
        """How to look at it, a line or two.

        Args:
            arms: of the run, a count.
        """
        raise NotImplementedError


TRACKERS: dict[str, type[RunTracker]] = {}
AnyTracker = TypeVar("AnyTracker", bound=type[RunTracker])


def tracker(name: str) -> Callable[[AnyTracker], AnyTracker]:
    """Registers the decorated class as the tracker of that name.

    >>> @tracker("nowhere")
    ... class Nowhere(RunTracker):
    ...     pass
    >>> TRACKERS.pop("nowhere") is Nowhere
    True
    """

    def register(kind: AnyTracker) -> AnyTracker:
        TRACKERS[name] = kind
        return kind

    return register


def asked(words: str) -> tuple[type[RunTracker], str | None]:
    """The kind of tracker and the project that words such as "wandb:digits" name.

    Args:
        words: the tracker's name, and after a colon the project.

    Raises:
        ConfigError: for an unknown name, or where its library is not installed.
    """
    name, _, project = words.partition(":")
    if name not in TRACKERS:
        raise ConfigError(f"track: {name!r} is no tracker{nearest(name, list(TRACKERS))}")
    kind = TRACKERS[name]
    try:
        found = importlib.util.find_spec(kind.LIBRARY)
    except ValueError:  # it is there, and cannot be imported
        found = None
    if found is None:
        raise ConfigError(f"track: {name} needs {kind.LIBRARY}; `pip install jaxtricks[{kind.EXTRA}]` installs it.")
    return kind, project or None
