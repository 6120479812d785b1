"""Curvature along a run: its files in the run's folder, and its plots."""

import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from pyarrow import csv

from jaxtricks.diagnose.by_epoch import NOISE, CurvatureByEpoch
from jaxtricks.report.figure import BLUE, INK, VERMILION, Drawing, at_whole_numbers, logarithmic, upright
from jaxtricks.statistics import band
from jaxtricks.store.disk import replacing, writing
from jaxtricks.store.folder import FolderError

if TYPE_CHECKING:
    from matplotlib.axes import Axes

TABLE, POINTS = "curvature.csv", "curvature.npz"
GRID = 400  # eigenvalues at which the density is drawn


def write_curvature(folder: Path, found: CurvatureByEpoch) -> Path:
    """Writes the curvature into a run's folder: a long table in `curvature.csv`, and the densities in `curvature.npz`.

    Args:
        folder: the run's.
        found: what was measured.

    Returns:
        The path of the table.

    Raises:
        FolderError: if it cannot be written.
    """
    with writing(folder, FolderError):
        with replacing(folder / POINTS) as unfinished, unfinished.open("wb") as file:
            arrays: dict[str, Any] = {
                "epochs": found.epochs,
                "values": found.values,
                "weights": found.weights,
                "noise": found.noise,
            }
            np.savez_compressed(file, names=np.array(found.names), **arrays)
        with replacing(folder / TABLE) as unfinished:
            csv.write_csv(found.frame(), unfinished)
    return folder / TABLE


def read_curvature(folder: Path) -> CurvatureByEpoch | None:
    """The curvature that `write_curvature` wrote; None where none can be read."""
    try:
        with (folder / POINTS).open("rb") as file, np.load(file, allow_pickle=False) as found:
            arrays = dict(found)
        return CurvatureByEpoch(tuple(arrays.pop("names").tolist()), **arrays)
    except (OSError, EOFError, ValueError, KeyError, TypeError, zipfile.BadZipFile):
        return None


def curvature_plots(found: CurvatureByEpoch) -> list[Drawing]:
    """Both ends of the eigenvalues by epoch, their density at the first and at the last time, and the gradient noise scale.

    Args:
        found: what was measured.
    """
    return [_ends(found), _density(found), _noise(found)]


def _ends(found: CurvatureByEpoch) -> Drawing:
    curves = found.curves

    def paint(axes: "Axes") -> None:
        for name, colour, dashes in (("largest eigenvalue", VERMILION, "-"), ("smallest eigenvalue", BLUE, "--")):
            around = band(curves[name])
            axes.fill_between(found.epochs, around.low, around.high, color=colour, alpha=0.22, linewidth=0)
            axes.plot(found.epochs, around.mean, dashes, color=colour, linewidth=2, marker="o", markersize=3, label=name)
        axes.axhline(0, color=INK, linewidth=0.6)
        axes.set_xlabel("epoch")
        at_whole_numbers(axes.xaxis)
        upright(axes, "eigenvalue")
        axes.legend(frameon=False, loc="best")

    return Drawing("eigenvalues", "The largest and the smallest eigenvalue of the Hessian by epoch", 2.9, paint)


def _density(found: CurvatureByEpoch) -> Drawing:
    """The share of eigenvalues beyond a size, on either side of zero, which shows the few large ones beside the many small."""

    def paint(axes: "Axes") -> None:
        sizes = np.abs(found.values[np.isfinite(found.values) & (found.weights > 0)])
        if sizes.size and sizes.max() > 0:
            grid = np.geomspace(sizes.max() * 1e-4, sizes.max(), GRID)
            for time, dashes in ((0, "--"), (len(found.epochs) - 1, "-")):
                above, under = 1 - found.below(time, grid * (1 - 1e-6)), found.below(time, -grid * (1 - 1e-6))
                when = f"epoch {found.epochs[time]}"
                axes.plot(grid, np.where(above > 1e-9, above, np.nan), color=VERMILION, linestyle=dashes, label=f"above, {when}")
                axes.plot(grid, np.where(under > 1e-9, under, np.nan), color=BLUE, linestyle=dashes, label=f"below, {when}")
            logarithmic(axes.xaxis)
            logarithmic(axes.yaxis)
            axes.legend(frameon=False, loc="lower left")
        axes.set_xlabel("size of an eigenvalue")
        upright(axes, "share beyond it")

    label = "The share of eigenvalues beyond a size, above and below zero, at the start and at the end"
    return Drawing("density of eigenvalues", label, 2.9, paint)


def _noise(found: CurvatureByEpoch) -> Drawing:
    def paint(axes: "Axes") -> None:
        noise = np.where(np.isfinite(found.noise) & (found.noise > 0), found.noise, np.nan)
        around = band(np.log10(noise))
        low, mean, high = (10.0**each for each in (around.low, around.mean, around.high))
        axes.fill_between(found.epochs, low, high, color=BLUE, alpha=0.22, linewidth=0)
        axes.plot(found.epochs, mean, color=BLUE, linewidth=2, marker="o", markersize=3)
        if np.isfinite(noise).any():
            logarithmic(axes.yaxis)
        axes.set_xlabel("epoch")
        at_whole_numbers(axes.xaxis)
        upright(axes, f"{NOISE}, examples")

    return Drawing("gradient noise", "The gradient noise scale by epoch", 2.9, paint)
