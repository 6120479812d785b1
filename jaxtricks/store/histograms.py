"""Histograms of weights, gradients and activations in one small file: of a fit in progress, and of a finished run."""

import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np
from jaxtyping import Int

from jaxtricks.store.disk import replacing

Counts = Mapping[str, Int[np.ndarray, "members times bins"]]


@dataclass(frozen=True)
class MemberHistograms:
    """What was counted in the members of one program.

    Args:
        experiments: the positions of their experiments in the fit; each has as many members as there are seeds.
        every: epochs between two pictures; the first is of the initial weights.
        counts: name → [members, times, bins], in the order of the layers, see `jaxtricks.restart.histogram`.
    """

    experiments: tuple[int, ...]
    every: int
    counts: dict[str, Int[np.ndarray, "members times bins"]]


def stacked(counts: Counts) -> Int[np.ndarray, "names members times bins"]:
    """All counts as one array, in the order of their names; name → [members, times, bins]."""
    return np.stack([counts[name] for name in sorted(counts)]).astype(np.uint32)


def unstacked(names: Sequence[str], array: Int[np.ndarray, "names members times bins"]) -> dict[str, np.ndarray]:
    """What `stacked` stacked.

    >>> counts = {"001 weights/b": np.ones((1, 2, 3), int), "000 weights/a": np.zeros((1, 2, 3), int)}
    >>> {name: int(each.sum()) for name, each in unstacked(sorted(counts), stacked(counts)).items()}
    {'000 weights/a': 0, '001 weights/b': 6}
    """
    return dict(zip(names, array, strict=True))


def write(path: Path, found: MemberHistograms) -> None:
    """Replaces the file: a reader finds the earlier one or the new one, never half of one.

    Four bytes a number before they are compressed, most of which are zero: some 50 bytes for each layer, member and time.

    Args:
        path: the file; its folder is made if absent.
        found: the histograms.

    Raises:
        OSError: if it cannot be written.

    >>> import pathlib, tempfile
    >>> with tempfile.TemporaryDirectory() as root:
    ...     path = pathlib.Path(root) / "histograms-0.npz"
    ...     write(path, MemberHistograms((0,), 2, {"000 weights/a": np.ones((1, 1, 3), int)}))
    ...     read(path).counts
    {'000 weights/a': array([[[1, 1, 1]]], dtype=uint32)}
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as unfinished, unfinished.open("wb") as file:
        save(file, found)


def save(file: IO[bytes], found: MemberHistograms) -> None:
    """Writes the histograms into an open file."""
    names = np.array(sorted(found.counts))
    np.savez_compressed(
        file, names=names, counts=stacked(found.counts), experiments=np.array(found.experiments), every=np.array(found.every)
    )


def read(path: Path) -> MemberHistograms | None:
    """The histograms that `write` wrote last; None where no file of histograms can be read."""
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as found:
            counts = unstacked(found["names"].tolist(), found["counts"])
            return MemberHistograms(tuple(found["experiments"].tolist()), int(found["every"]), counts)
    except (OSError, EOFError, ValueError, KeyError, TypeError, zipfile.BadZipFile):
        return None
