"""Arrays of different numbers of axes are stretched to each other, and a loss of such a pair is wrong without a word."""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxtricks import rng
from jaxtricks.evaluate.claim import Axes, Claim, Curve, Outcome, Paper, Scale, holds

POINTS = 32


def squared(scores: Float[Array, "..."], y: Float[Array, " batch"]) -> Float[Array, ""]:
    """The mean squared difference, as it is often written."""
    return jnp.mean((scores - y) ** 2)


def measure(scale: Scale) -> Outcome:
    """The shape of the lecture's sum, in JAX and in NumPy, and each of its elements against a loop. A mean squared error of
    scores [32, 1] and targets [32], for normal numbers of each seed: whether it raises, whether it is another number than that of
    equal shapes, and whether either raises with `jax_numpy_rank_promotion="raise"`.
    """
    a, b = np.arange(12.0).reshape(3, 4, 1), np.array([[1.0, 10.0, 100.0]])
    looped = np.array([[[a[i, j, 0] + b[0, k] for k in range(3)] for j in range(4)] for i in range(3)])
    with jax.numpy_rank_promotion("allow"):  # as it is by default
        same = all(np.array_equal(np.asarray(found), looped) for found in (jnp.asarray(a) + jnp.asarray(b), a + b))
        wrong, right = np.array([_losses(seed) for seed in scale.restarts]).T
    caught = _raises(lambda: squared(jnp.ones((POINTS, 1)), jnp.ones(POINTS)))
    spared = not _raises(lambda: squared(jnp.ones(POINTS), jnp.ones(POINTS)))
    apart = bool((np.abs(wrong - right) > 0.01 * right).all())
    return Outcome(
        parts=[
            holds("(3, 4, 1) + (1, 3) is (3, 4, 3)", same, f"{looped.shape}, each element as in a loop: {same}"),
            holds("a loss of [32, 1] and [32] is wrong without a word", apart, f"{wrong.mean():.2f}, not {right.mean():.2f}"),
            holds("raising on rank promotion catches it, and only it", caught and spared, f"{caught}, {spared}"),
        ],
        effect=f"the sum has shape {looped.shape}; a squared error of [32, 1] and [32] is {wrong.mean():.2f} in the mean over "
        f"seeds and should be {right.mean():.2f}, which nothing says unless rank promotion raises",
        numbers={"wrong": wrong, "right": right},
        series=(Curve.over_seeds("mean squared error", (1, 2), np.stack([right, wrong], axis=1)),),
        axes=Axes("axes of the scores", "mean squared error"),
    )


def _losses(seed: int) -> tuple[float, float]:
    """The loss of shapes that differ, and that of equal ones, for scores that are nearly the targets."""
    draw = rng.host(seed, "broadcasting")
    y = draw.normal(size=POINTS).astype(np.float32)
    scores = y + 0.1 * draw.normal(size=POINTS).astype(np.float32)
    return float(squared(jnp.asarray(scores)[:, None], jnp.asarray(y))), float(squared(jnp.asarray(scores), jnp.asarray(y)))


def _raises(call: object) -> bool:
    with jax.numpy_rank_promotion("raise"):
        try:
            call()  # type: ignore[operator]
        except ValueError:
            return True
    return False


CLAIM = Claim(
    rows=("T102",),
    lecture=3,
    statement="Neural networks fail silently especially due to broadcasting … Expand singletons to match: (3, 4, 3)",
    papers=(
        Paper("NumPy's rules of broadcasting", "M"),
        Paper("jax-ml/jax pull 2697 and pytorch/pytorch issue 16045: [n] against [n, 1] in a loss", "R"),
    ),
    refuted_by="The sum has another shape or another element than a loop gives; a loss of [32, 1] and [32] raises or lies within "
    "1% of the right one for any seed; or raising on rank promotion lets it pass, or stops equal shapes.",
    measure=measure,
    kind="identity",
    trains=False,
)
