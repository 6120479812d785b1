"""Histograms of weights, gradients and activations along a run, layer by layer and restart by restart."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from jaxtricks.restart.histogram import APART, DIGITS, ZERO, edges
from jaxtricks.train.buffers import Counts


class Stopped(NamedTuple):
    """Where learning stops in one restart, at one time.

    Args:
        died: the first layer whose outputs are all exactly zero; None where there is none.
        cut: the last layer whose parameters get a gradient that is all exactly zero though no layer died: the gradient is cut
            off right after it. None where there is none.

    >>> Stopped(died=None, cut="hidden_1/dense").cut
    'hidden_1/dense'
    """

    died: str | None
    cut: str | None


@dataclass(frozen=True, eq=False)
class Histograms:
    """How often weights, gradients and activations had which size, at some times of a run (T105).

    Args:
        every: epochs between two pictures; the first is of the initial weights.
        counts: "weights/path", "gradients/path" or "activations/layer" → how many numbers lie in each bin,
            [runs, times, bins], in the order of the forward pass; of each restart they add up to the number of elements. The
            bins are those of `jaxtricks.restart.histogram`: 40 for numbers below zero, one for exactly zero, 40 for numbers
            above, and one for what is not finite.

    >>> digits, base = jt.load("digits").subset(100, seed=0), jt.Experiment(model=jt.MLP(widths=(8,)), epochs=2, histograms=1)
    >>> found = jt.fit(base, digits, seeds=4, progress=False).histograms
    >>> found.epochs.tolist(), found.counts["weights/head/kernel"].shape, found.counts["weights/head/kernel"][0].sum(axis=1)
    ([0, 1, 2], (4, 3, 82), array([80, 80, 80]))
    """

    every: int
    counts: Counts

    @property
    def epochs(self) -> Int[np.ndarray, " times"]:
        """Epochs done at each picture, 0 for the initial weights, [times]."""
        return self.every * np.arange(next((each.shape[1] for each in self.counts.values()), 0))

    @property
    def numbered(self) -> Counts:
        """The counts as files have them, whose names begin with a number that keeps their order."""
        return {f"{place:0{DIGITS}}{APART}{name}": counts for place, (name, counts) in enumerate(self.counts.items())}

    @property
    def edges(self) -> Float[np.ndarray, " edges"]:
        """The edges of the bins of finite numbers, ascending, [82]; numbers beyond the outer ones are in the outer bins."""
        return edges()

    def shares(self, name: str) -> Float[np.ndarray, "runs times bins"]:
        """The share of the numbers in each bin.

        Args:
            name: such as "gradients/head/kernel".
        """
        counts = self.counts[name]
        return np.asarray(counts / counts.sum(axis=2, keepdims=True))

    def zeros(self, name: str) -> Float[np.ndarray, "runs times"]:
        """The share of numbers that are exactly zero: 1 for a layer that died, or for a gradient that does not arrive.

        Args:
            name: such as "gradients/head/kernel".
        """
        return self.shares(name)[..., ZERO]

    def stopped(self, run: int, time: int) -> Stopped:
        """Where learning stops in a restart: at a layer that died, or at one above which the gradient is cut off.

        Args:
            run: its position among the restarts.
            time: the position of the picture among `epochs`.

        >>> digits, base = jt.load("digits").subset(100, seed=0), jt.Experiment(model=jt.MLP(widths=(8,)), epochs=1, histograms=1)
        >>> jt.fit(base, digits, seeds=2, progress=False).histograms.stopped(run=0, time=0)
        Stopped(died=None, cut=None)
        """
        zero = {name: bool(self.zeros(name)[run, time] == 1) for name in self.counts}
        dead = [name for name, nothing in zero.items() if nothing and name.startswith("activations/")]
        if dead:
            return Stopped(dead[0].removeprefix("activations/"), None)
        layers: dict[str, list[bool]] = {}
        for name, nothing in zero.items():
            if name.startswith("gradients/"):
                layers.setdefault(name.removeprefix("gradients/").rpartition("/")[0], []).append(nothing)
        unreached = [layer for layer, each in layers.items() if all(each)]
        return Stopped(None, unreached[-1] if unreached else None)

    def at(self, rows: Int[np.ndarray, " chosen"]) -> "Histograms":
        """Those of some restarts, by their places."""
        return Histograms(self.every, {name: counts[rows] for name, counts in self.counts.items()})


def histograms(counts: Mapping[str, np.ndarray], every: int) -> Histograms:
    """Gives the histograms of the pictures of some members.

    Args:
        counts: "00000 weights/path" → [members, times, bins], as pictures are named.
        every: epochs between two pictures.
    """
    return Histograms(every, {name.partition(APART)[2]: counts[name].astype(int) for name in sorted(counts)})
