"""What pruning in rounds comes to: the restarts of each arm at each share of weights, and how they compare with the whole."""

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np
from jaxtyping import Float, Int

from jaxtricks.evaluate.compare import verdicts
from jaxtricks.evaluate.verdict import Verdict
from jaxtricks.objectives.metric import Declaration
from jaxtricks.prune.size import SparseSize, kept_share, kernel_counts, sparse_size
from jaxtricks.restart.member import steps_per_epoch
from jaxtricks.train.runs import Runs
from jaxtricks.train.shown import Shown
from jaxtricks.train.tabled import Armed

WHOLE = "whole network"


@dataclass(frozen=True, eq=False)
class PrunedLevel:
    """The arms at one share of weights.

    Args:
        kept: the share of all kernel weights that is kept, the mean over restarts.
        arms: what the kept weights began with → restarts; the first arm is the one that the next round prunes.
        emptied: the kernels of which no weight is left in some restart.

    >>> digits, base = jt.load("digits").subset(100, seed=0), jt.Experiment(model=jt.MLP(widths=(8,)), epochs=2)
    >>> half = base.replace({"pruned": jt.optim.Pruned(keep=0.5)})
    >>> PrunedLevel.of({"at the start": jt.fit(half, digits, seeds=2, progress=False)}).kept
    0.5
    """

    kept: float
    arms: Mapping[str, Runs]
    emptied: tuple[str, ...] = ()

    @classmethod
    def of(cls, arms: Mapping[str, Runs]) -> "PrunedLevel":
        """The level of trained arms, which have one mask each restart.

        Args:
            arms: their restarts.
        """
        counts = kernel_counts(next(iter(arms.values())))
        return cls(kept_share(counts), dict(arms), tuple(path for path, kernel in counts.items() if not kernel.kept.all()))


@dataclass(frozen=True, eq=False, repr=False)
class Pruning(Shown, Armed):
    """A network pruned in rounds.

    Args:
        whole: the restarts of the whole network.
        levels: what was trained at each share of weights, largest share first.
        metric: what arms are judged by, on the validation examples of each restart.

    >>> digits, base = jt.load("digits").subset(100, seed=0), jt.Experiment(model=jt.MLP(widths=(8,)), epochs=2)
    >>> found = jt.prune(base, digits, rounds=2, remove=0.5, seeds=6, progress=False)
    >>> found
    Pruning(digits, 50%, 25% of 592 weights, 6 restarts; initial, random)
    >>> [level.kept for level in found.levels], found.size(found.levels[1])
    ([0.5, 0.25], SparseSize(dense=2440, listed=1256, mapped=738))
    """

    whole: Runs
    levels: tuple[PrunedLevel, ...]
    metric: Declaration

    @property
    def arms(self) -> dict[str, Runs]:
        """Label, such as "initial, 21.1%" → restarts; the whole network first.

        Where two levels keep shares that look alike, the number of the level is said, too.
        """
        shown = [label("", level.kept) for level in self.levels]
        alike = len(set(shown)) < len(shown)
        return {WHOLE: self.whole} | {
            label(f"{name}, level {number}" if alike else name, level.kept): runs
            for number, level in enumerate(self.levels, 1)
            for name, runs in level.arms.items()
        }

    @functools.cached_property
    def verdicts(self) -> tuple[Verdict, ...]:
        """Each arm at each share of weights against the whole network, paired by restart, as one family."""
        changes = {name: runs for name, runs in self.arms.items() if name != WHOLE}
        return tuple(verdicts(self.whole, changes, metric=self.metric.name))

    @property
    def weights(self) -> int:
        """The weights of the whole network's kernels."""
        return sum(kernel.weights for kernel in kernel_counts(self.whole).values())

    def size(self, level: PrunedLevel) -> SparseSize:
        """The bytes of the parameters of one restart.

        Args:
            level: one of `levels`.
        """
        total = sum(leaf[0].size for leaf in jax.tree.leaves(self.whole.states.params))
        return sparse_size(self.weights, round(level.kept * self.weights), total - self.weights)

    def rows(self) -> list[dict[str, Any]]:
        """Gives a row for the whole network and for each arm at each share of weights, as plain data.

        A row holds the arm, the share of weights that is kept, the metric of each restart after the last epoch, and the
        early-stopping step of each restart, see `stopping_steps`.
        """
        each = [(WHOLE, 1.0, self.whole)] + [(name, level.kept, r) for level in self.levels for name, r in level.arms.items()]
        return [
            {
                "arm": name,
                "kept": kept,
                self.metric.name: [_plain(value) for value in runs.metrics[self.metric.name]],
                "stopping_step": [int(step) for step in stopping_steps(runs)],
            }
            for name, kept, runs in each
        ]

    def to_dict(self) -> dict[str, Any]:
        """Gives all of it as plain data."""
        return {
            "data": self.whole.data.name,
            "metric": self.metric.name,
            "restarts": list(self.whole.names),
            "weights": self.weights,
            "rows": self.rows(),
            "emptied": {f"{level.kept:.6f}": list(level.emptied) for level in self.levels if level.emptied},
            "verdicts": [verdict.to_dict() for verdict in self.verdicts],
        }

    def __str__(self) -> str:
        scale, metric = self.metric.scale, self.metric.name
        head = ["arm", "weights kept", f"{metric}{self.metric.sign and ', ' + self.metric.sign}", "step of least loss"]
        lines = [
            [
                row["arm"],
                f"{row['kept']:.1%}",
                f"{scale * float(np.mean(np.array(row[metric], float))):.4g}",
                f"{np.mean(row['stopping_step']):,.0f}",
            ]
            for row in self.rows()
        ]
        widths = [max(map(len, column)) for column in zip(head, *lines, strict=True)]
        table = ["  ".join(cell.rjust(width) for cell, width in zip(line, widths, strict=True)) for line in (head, *lines)]
        empty = [
            f"warning: at {level.kept:.1%} of the weights none is left in {', '.join(level.emptied)}"
            for level in self.levels
            if level.emptied
        ]
        sizes = self.size(self.levels[-1])
        stored = (
            f"{self.weights:,} weights; {sizes.dense:,} bytes, and with {self.levels[-1].kept:.1%} of the weights "
            f"{min(sizes.listed, sizes.mapped):,} stored sparsely; it runs no faster, since products stay dense"
        )
        return "\n".join([*table, "", *map(str, self.verdicts), *empty, stored])

    def __repr__(self) -> str:
        shares = ", ".join(f"{level.kept:.3g}" if level.kept < 0.01 else f"{level.kept:.0%}" for level in self.levels)
        arms = ", ".join(self.levels[0].arms)
        return f"Pruning({self.whole.data.name}, {shares} of {self.weights} weights, {len(self.whole)} restarts; {arms})"


def label(arm: str, kept: float) -> str:
    """What an arm at a share of weights is called.

    >>> label("initial", 0.211)
    'initial, 21.1%'
    """
    return f"{arm}, {kept:.3g}" if kept < 0.001 else f"{arm}, {kept:.1%}"


def stopping_steps(runs: Runs) -> Int[np.ndarray, " runs"]:
    """Gives the early-stopping step of each restart: the step at the end of the epoch of least validation loss.

    It is found afterwards, and nothing is stopped; its resolution is an epoch (Frankle & Carbin 2019, footnote 2).

    Args:
        runs: trained restarts.

    >>> digits, base = jt.load("digits").subset(100, seed=0), jt.Experiment(model=jt.MLP(widths=(8,)), epochs=2)
    >>> jt.prune.stopping_steps(jt.fit(base, digits, seeds=4, progress=False)).tolist()
    [2, 2, 2, 2]
    """
    steps = steps_per_epoch(runs.experiment, runs.members.train.shape[-1])
    return steps * (1 + _followed(runs).argmin(axis=1))


def at_stopping(runs: Runs, metric: str) -> Float[np.ndarray, " runs"]:
    """Gives a validation metric of each restart at its early-stopping step.

    Args:
        runs: trained restarts.
        metric: the name of one that was measured.

    >>> digits, base = jt.load("digits").subset(100, seed=0), jt.Experiment(model=jt.MLP(widths=(8,)), epochs=2)
    >>> jt.prune.at_stopping(jt.fit(base, digits, seeds=4, progress=False), "accuracy").shape
    (4,)
    """
    place = _followed(runs).argmin(axis=1)
    return np.asarray(runs.curves[metric], np.float64)[np.arange(len(place)), place]


def _followed(runs: Runs) -> Float[np.ndarray, "runs epochs"]:
    """What early stopping goes by: a validation loss, [runs, epochs]."""
    followed = runs.experiment.objective.loss.validation
    curve = np.asarray(runs.curves[followed.name], np.float64)
    return -curve if followed.higher_is_better else curve


def _plain(value: Any) -> float | None:
    return float(value) if np.isfinite(value) else None
