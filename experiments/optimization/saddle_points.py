"""Where the gradient of a network is zero, most points are no minima."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree
from jaxtyping import Array, Float
from scipy import stats

import jaxtricks as jt
from jaxtricks import rng
from jaxtricks.diagnose.curvature import ZERO
from jaxtricks.evaluate.claim import Axes, Claim, Curve, Earlier, Estimate, Outcome, Paper, Ruling, Scale, Scales, premise, settle

EXAMPLES, PIXELS, HIDDEN, CLASSES = 200, 16, 4, 10
DECAY = 1e-3  # λ ‖w‖², without which no point of the plateaus is one without gradient
LONGEST = 0.5  # step of a search
NO_GRADIENT = 1e-7  # of its largest element, where losses are about 0.5
FEW = 5  # points of a seed that its share needs

Weights = Float[Array, " weights"]


class Point(NamedTuple):
    """Where a search ended: the largest element of the gradient, the loss, and the share of negative curvatures."""

    slope: Any  # arrays of JAX or of NumPy, [...]
    loss: Any
    negative: Any


def searched(seed: Array, pixels: Float[np.ndarray, "examples pixels"], labels: np.ndarray, points: int, steps: int) -> Point:
    """The points that searches find for one seed's digits, network and path, [points]."""
    key = rng.root(seed)
    drawn = jax.random.choice(rng.stream(key, "examples"), len(pixels), (EXAMPLES,), replace=False)
    x, y = jnp.asarray(pixels)[drawn], jax.nn.one_hot(jnp.asarray(labels)[drawn], CLASSES, dtype=float)
    shapes = {"inner": (PIXELS, HIDDEN), "a": (HIDDEN,), "outer": (HIDDEN, CLASSES), "b": (CLASSES,)}
    start, restore = ravel_pytree(
        {name: jax.random.normal(rng.stream(key, name), shape, float) / np.sqrt(shape[0]) for name, shape in shapes.items()}
    )

    def loss(w: Weights) -> Float[Array, ""]:
        at = restore(w)
        outputs = jnp.tanh(x @ at["inner"] + at["a"][None]) @ at["outer"] + at["b"][None]
        return jnp.mean(jnp.sum((outputs - y) ** 2, axis=1)) / 2 + DECAY * jnp.sum(w**2)

    descent = jt.Optimizer(rule=jt.Momentum(learning_rate=0.05, momentum=0.9))
    path = jt.optim.minimize(descent, lambda w, step: loss(w), start, steps).params
    places = jnp.asarray(np.geomspace(1, steps, points).astype(int) - 1)
    noise = jax.random.normal(rng.stream(key, "noise"), (points, len(start)), float)
    begins = path[places] * (1 + 0.3 * noise)
    return jax.lax.map(lambda begin: _searched(loss, begin), begins)


def _searched(loss: Callable[[Weights], Array], begin: Weights, turns: int = 200) -> Point:
    """Newton's method from one place, which goes to points without gradient of any kind, in steps of at most `LONGEST`."""

    def turn(_: int, w: Weights) -> Weights:
        step = jnp.linalg.solve(jax.hessian(loss)(w), jax.grad(loss)(w))
        return w - step * jnp.minimum(1, LONGEST / jnp.linalg.norm(step))

    end = jax.lax.fori_loop(0, turns, turn, begin)
    curvatures = jnp.linalg.eigvalsh(jax.hessian(loss)(end))
    negative = curvatures < -ZERO * jnp.max(jnp.abs(curvatures))
    return Point(jnp.max(jnp.abs(jax.grad(loss)(end))), loss(end), jnp.mean(negative))


def measure(scale: Scale) -> Outcome:
    """A network of 4 tanh units on 200 digits that each seed draws, their 8×8 pixels averaged to 4×4 and centred, with the mean
    squared error of ten outputs and λ ‖w‖² (10⁻³) as its loss, in double precision. Points without gradient are searched for as
    by Dauphin+: from places along a path of gradient descent with momentum, early ones and late ones, their weights changed at
    random by 30%, by 200 steps of Newton's method, none longer than ½, which goes to minima and to saddles alike. A point counts
    where the gradient's largest element is below 10⁻⁷. A saddle has a curvature below -10⁻⁵ times the largest; the index is their
    share. Judged is the share of saddles among the points of a seed, averaged over the seeds; a seed counts that has 5 points.
    Beside it, the paper's claim that points of a higher loss have a larger index, by Spearman's correlation. Which points a
    search finds is not which there are.
    """
    points, steps = scale.pick(smoke=6, cpu=24, full=128), scale.budget(smoke=50, cpu=2_000, full=20_000)
    digits = jt.load("digits")
    pixels = np.asarray(digits.x, np.float64).reshape(-1, 4, 2, 4, 2).mean(axis=(2, 4)).reshape(-1, PIXELS) / 16
    pixels -= pixels.mean(axis=0, keepdims=True)
    with jax.enable_x64(True):
        search = jax.jit(lambda seed: searched(seed, pixels, digits.y, points, steps))
        each = [jax.tree.map(np.asarray, search(seed)) for seed in scale.restarts]
    found = [Point(*(column[point.slope < NO_GRADIENT] for column in point)) for point in each]
    enough = [point for point in found if len(point.negative) >= min(FEW, points // 3)]
    there = premise("points without gradient are found", len(enough) >= 2, f"{sum(len(p.negative) for p in found)} in all")
    none = Estimate(float("nan"), float("nan"), float("nan"))
    shares = Estimate.of(np.array([np.mean(p.negative > 0) for p in enough]), "these examples") if len(enough) > 1 else none
    varied = [p for p in enough if np.ptp(p.negative) > 0 and np.ptp(p.loss) > 0]
    ranks = np.array([float(stats.spearmanr(p.loss, p.negative).statistic) for p in varied])
    follows = Estimate.of(ranks, "these examples") if len(varied) > 1 else none
    count = sum(len(p.negative) for p in enough)
    joined = Point(*(np.concatenate([getattr(p, name) for p in found]) for name in Point._fields))
    order = np.argsort(joined.loss)
    parts = [there, settle("most points without gradient are saddles", shares, above=0.5)]
    if len(varied) > 1:
        parts.append(settle("those of a higher loss have a larger index", follows, above=0, kind="paper"))
    said = f"{shares:.3f}" if len(enough) > 1 else "unknown"
    return Outcome(
        parts=parts,
        effect=f"share of saddles among the points without gradient of a seed, {count} in all: {said}; the rank correlation of "
        f"index and loss is {follows.mean if len(varied) > 1 else 0:.2f}",
        numbers={"saddles": shares, "correlation": follows, "points": [len(p.negative) for p in found], "searches": points},
        series=(_curve(joined, order),),
        axes=Axes("loss of a point without gradient", "index: share of negative curvatures"),
    )


def _curve(points: Point, order: np.ndarray) -> Curve:
    """The index over the loss, a tenth of the points at a time."""
    if not len(order):
        return Curve("no point", (0.0,), (0.0,), (0.0,), (0.0,))
    parts = [part for part in np.array_split(order, 10) if len(part)]
    mean, low, high = (
        tuple(float(function(points.negative[part])) for part in parts)
        for function in (np.mean, lambda i: np.quantile(i, 0.25), lambda i: np.quantile(i, 0.75))
    )
    ends = [sorted((a, b, c)) for a, b, c in zip(low, mean, high, strict=True)]
    return Curve(
        "a tenth of the points, and the middle half of them",
        tuple(float(points.loss[part].mean()) for part in parts),
        mean,
        tuple(end[0] for end in ends),
        tuple(end[2] for end in ends),
    )


CLAIM = Claim(
    rows=("T028",),
    lecture=1,
    statement="Gradient is near-zero, but this is not a minimum … Saddle points are extremely common",
    papers=(
        Paper("Dauphin+ 2014: a small network's critical points have the larger an index, the higher their loss", "V"),
        Paper("Baldi & Hornik 1989: of a linear autoencoder's critical points, all but the principal subspace are saddles", "M"),
    ),
    refuted_by="The 95% interval of the mean share of saddles among the points without gradient that are found lies at or "
    "below one "
    "half. Beside it, the claim of Dauphin+: refuted if that of the mean rank correlation of index and loss lies at or below 0.",
    measure=measure,
    kind="effect",
    history=(
        Earlier(
            "2026-11-28",
            "points are searched for in a network that is not linear, in place of the points of a linear autoencoder",
            "all of those are known, and all but one of 2 517 are saddles by a theorem, so that the claim could not fail; "
            "the result "
            "had been seen",
            Ruling.SUPPORTED,
            criterion="f33ce024a486",
        ),
    ),
    seeds=Scales(cpu=16, full=32),
)
