"""Curvature along a run: eigenvalues of the Hessian and the gradient noise scale at each checkpoint that was kept."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pyarrow as pa
from jaxtyping import Float, Int

from jaxtricks import rng
from jaxtricks.config import ConfigError, stack
from jaxtricks.diagnose.curvature import product_of
from jaxtricks.diagnose.lanczos import Spectrum, Tridiagonal, tridiagonals
from jaxtricks.diagnose.losses import loss_at
from jaxtricks.diagnose.noise import noise_at
from jaxtricks.experiment.arguments import takes
from jaxtricks.experiment.experiment import Experiment
from jaxtricks.restart import epoch as epochs
from jaxtricks.restart.member import Member, Pool, Variables
from jaxtricks.train.runs import Runs

EXAMPLES, PRODUCTS, PROBES = 512, 30, 2
AT_ONCE = 8  # restarts that are measured together
MEASURES = {
    "largest eigenvalue": "top",
    "smallest eigenvalue": "bottom",
    "condition": "condition",
    "negative share": "negative",
    "flat share": "flat",
}
NOISE = "gradient noise scale"


@dataclass(frozen=True, eq=False)
class CurvatureByEpoch:
    """The curvature of the training loss of some restarts, at some times of their run.

    Args:
        names: of the restarts, such as "seed 3".
        epochs: epochs done at each time, 0 for the initial weights, [times].
        values: points of the density of eigenvalues; nan where there are fewer, [runs, times, points].
        weights: the share of eigenvalues at each point, [runs, times, points].
        noise: B = tr Σ / |G|², the gradient noise scale in examples, [runs, times].

    >>> values = np.array([[[-1.0, 4.0]]])
    >>> found = CurvatureByEpoch(("seed 0",), np.array([0]), values, np.array([[[0.25, 0.75]]]), np.array([[12.0]]))
    >>> found.spectrum(0, 0).values.tolist()
    [-1.0, 4.0]
    """

    names: tuple[str, ...]
    epochs: Int[np.ndarray, " times"]
    values: Float[np.ndarray, "runs times points"]
    weights: Float[np.ndarray, "runs times points"]
    noise: Float[np.ndarray, "runs times"]

    def spectrum(self, run: int, time: int) -> Spectrum:
        """The eigenvalues of one restart at one time, see `Spectrum`.

        Args:
            run: its position among the restarts.
            time: the position of the time among `epochs`.
        """
        there = self.weights[run, time] > 0
        return Spectrum(self.values[run, time][there], self.weights[run, time][there])

    @property
    def curves(self) -> dict[str, Float[np.ndarray, "runs times"]]:
        """Name → value of each restart at each time, nan for one that diverged.

        The largest and the smallest eigenvalue, the condition (the largest size over the mean size), the share of eigenvalues
        below zero and of flat ones, those within 1% of the largest size, and the gradient noise scale.
        """
        shape = self.noise.shape
        every = [[self.spectrum(run, time) for time in range(shape[1])] for run in range(shape[0])]
        found = {name: np.array([[getattr(each, field) for each in row] for row in every]) for name, field in MEASURES.items()}
        return found | {NOISE: self.noise}

    def below(self, time: int, at: Float[np.ndarray, " grid"]) -> Float[np.ndarray, " grid"]:
        """The share of eigenvalues that are at most so large, the mean over the restarts that are finite.

        Args:
            time: the position of the time among `epochs`.
            at: eigenvalues, [grid].
        """
        spectra = [self.spectrum(run, time) for run in range(len(self.names))]
        shares = [each.below(at) for each in spectra if np.isfinite(each.values).all()]
        return np.asarray(np.mean(shares or [at * np.nan], axis=0))

    def frame(self) -> pa.Table:
        """Gives a long table: a row for each restart, epoch and measure, whose value is null where it is not finite."""
        rows: dict[str, list[Any]] = {"restart": [], "epoch": [], "measure": [], "value": []}
        for measure, curve in self.curves.items():
            for (run, time), value in np.ndenumerate(curve):
                row = (self.names[run], int(self.epochs[time]), measure, float(value) if np.isfinite(value) else None)
                for column, cell in zip(rows.values(), row, strict=True):
                    column.append(cell)
        return pa.table(rows)

    @property
    def table(self) -> tuple[tuple[str, ...], list[tuple[int, tuple[str, ...]]]]:
        """The names of all measures, and for each time its epoch and the medians over restarts, in words."""
        curves = self.curves
        return tuple(curves), [
            (int(epoch), tuple(f"{_median(curve[:, time]):.4g}" for curve in curves.values()))
            for time, epoch in enumerate(self.epochs)
        ]

    def __str__(self) -> str:
        names, rows = self.table
        lines = [f"curvature of the training loss, medians of {len(self.names)} restarts", "  ".join(["epoch", *names])]
        for epoch, cells in rows:
            lines.append("  ".join([f"{epoch:5}", *(cell.rjust(len(name)) for cell, name in zip(cells, names, strict=True))]))
        return "\n".join(lines)


def _median(values: Float[np.ndarray, " runs"]) -> float:
    finite = values[np.isfinite(values)]
    return float(np.median(finite)) if finite.size else float("nan")


@takes
def curvature_by_epoch(
    kept: Mapping[int, Runs], *, examples: int = EXAMPLES, products: int = PRODUCTS, probes: int = PROBES
) -> CurvatureByEpoch:
    """Measures the curvature of the training loss along a run, at the initial weights and at each checkpoint (T028, T038).

    The loss is the mean over some training examples of each restart, without masks and augmentation and with running averages.
    Eigenvalues come from Lanczos' method: `probes` random starts with `products` Hessian-vector products each. All restarts of a
    checkpoint go through one program, and all checkpoints through the same one.

    Paper: Ghorbani et al., "An investigation into neural net optimization via Hessian eigenvalue density", 2019; for the noise
    scale McCandlish et al. 2018.

    Args:
        kept: epochs done → the restarts then, as `snapshots` gives them; `{20: runs}` for the final weights alone.
        examples: training examples of each restart, drawn at random, at most; they all count as one batch.
        products: Hessian-vector products of each start; some 30 give both ends to a few percent.
        probes: random starts.

    Returns:
        the curvature at epoch 0, unless the restarts started from other weights or there is one already, and at those of `kept`.

    Raises:
        ConfigError: for a count below one, fewer than two examples, or no runs.

    >>> digits, base = jt.load("digits").subset(100, seed=0), jt.Experiment(model=jt.MLP(widths=(4,)), epochs=2)
    >>> runs = jt.fit(base, digits, seeds=2, progress=False)
    >>> found = jt.diagnose.curvature_by_epoch({2: runs}, products=5, probes=1)
    >>> found.epochs.tolist(), found.curves["largest eigenvalue"].shape
    ([0, 2], (2, 2))
    """
    for name, value, least in (("examples", examples, 2), ("products", products, 1), ("probes", probes, 1)):
        if value < least:
            raise ConfigError(f"{name} = {value} is not an integer >= {least}.")
    if not kept:
        raise ConfigError("kept has no runs; what `jt.snapshots` gives is allowed, or {epochs: runs}.")
    first = kept[min(kept)]
    pool, count = Pool.of(first.data), min(examples, first.members.train.shape[1])

    def look(run: tuple[Experiment, Member, Variables]) -> tuple[Tridiagonal, Any]:
        experiment, member, variables = run
        key = rng.stream(rng.root(member.seed), "curvature")
        drawn = jax.random.permutation(rng.stream(rng.root(member.seed), "noise scale"), member.train)[:count]
        collections = {name: tree for name, tree in variables.items() if name != "params"}
        flat, product = product_of(loss_at(experiment, member, pool, collections, drawn), variables["params"])
        trace, squared = noise_at(experiment, member, pool, variables, count)
        return tridiagonals(product, flat.size, key, probes, products, flat.dtype), trace / squared  # as `Noise.scale`

    def begun(run: tuple[Experiment, Member]) -> Variables:
        experiment, member = run
        state = epochs.start(experiment, member, pool, {})
        return {"params": state.params, **state.collections}

    stacked, members = stack([first.experiment] * len(first)), first.members
    program = jax.jit(lambda each: jax.lax.map(look, each, batch_size=min(AT_ONCE, len(first))))
    at: dict[int, Variables] = {epoch: runs.variables for epoch, runs in kept.items()}
    if 0 not in at and first.transferred is None:
        at[0] = jax.jit(lambda each: jax.lax.map(begun, each))((stacked, members))
    times = sorted(at)
    found = [jax.tree.map(np.asarray, program((stacked, members, jax.tree.map(jnp.asarray, at[epoch])))) for epoch in times]
    points = [[_points(Tridiagonal(*(leaf[run] for leaf in each))) for each, _ in found] for run in range(len(first))]
    values, weights = (np.array([[each[place] for each in row] for row in points]) for place in (0, 1))
    noise = np.stack([each for _, each in found], axis=1).astype(float)
    return CurvatureByEpoch(first.names, np.array(times), values, weights, noise)


def _points(found: Tridiagonal) -> tuple[Float[np.ndarray, " points"], Float[np.ndarray, " points"]]:
    """The points and weights of a spectrum, filled up to the same number for all."""
    spectrum, most = Spectrum.of(found), found.matrix.shape[0] * found.matrix.shape[1]
    missing = most - len(spectrum.values)
    return np.pad(spectrum.values, (0, missing), constant_values=np.nan), np.pad(spectrum.weights, (0, missing))
