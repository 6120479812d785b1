"""Where the gradient is zero, most points are no minima."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree
from jaxtyping import Array, Bool, Float

import jaxtricks as jt
from jaxtricks import rng
from jaxtricks.diagnose.curvature import ZERO
from jaxtricks.evaluate.claim import Axes, Claim, Curve, Estimate, Outcome, Paper, Scale, Scales, settle

EXAMPLES, PIXELS = 300, 16


def measure(scale: Scale) -> Outcome:
    """A linear autoencoder, W₂ W₁ x with 4 hidden units, on 300 digits that each seed draws, their 8×8 pixels averaged to 4×4 and
    centred. All its points without gradient are known (Baldi & Hornik 1989): W₁ projects on any 4 or fewer of the 16 principal
    components, and W₂ back. So this checks a theorem by numbers. Each seed draws some of those 2 517 sets, all equally likely,
    and takes the eigenvalues of the Hessian of half the mean squared error at each. A saddle has one below -10⁻⁵ times the
    largest; the index is their share.
    """
    points = scale.pick(smoke=4, cpu=128, full=512)
    hidden = 4
    sets = [chosen for size in range(hidden + 1) for chosen in itertools.combinations(range(PIXELS), size)]
    projections = np.zeros((len(sets), PIXELS), bool)
    for row, chosen in enumerate(sets):
        projections[row, list(chosen)] = True
    digits = jt.load("digits")
    x = np.asarray(digits.x, np.float32).reshape(-1, 4, 2, 4, 2).mean(axis=(2, 4)).reshape(-1, PIXELS) / 16

    @jax.jit
    def critical(seed: Array) -> tuple[Array, Array, Array]:
        """The largest element of the gradient, the loss and the index at each point, [points]."""
        key = rng.root(seed)
        drawn = jnp.asarray(x)[jax.random.choice(rng.stream(key, "examples"), len(x), (EXAMPLES,), replace=False)]
        centred = drawn - drawn.mean(axis=0)[None]
        components = jnp.linalg.svd(centred, full_matrices=False)[2]
        kept = jax.random.choice(rng.stream(key, "sets"), jnp.asarray(projections), (points,), replace=False)
        return jax.lax.map(lambda chosen: _point(centred, components, chosen, hidden), kept)

    slopes, losses, indices = (np.stack(column) for column in zip(*map(critical, scale.restarts), strict=True))
    assert slopes.max() < 1e-4  # that they are critical is a theorem, and here a fact
    share = Estimate.share(indices.ravel() > 0)
    by_loss = np.take_along_axis(indices, np.argsort(losses, axis=1), axis=1)
    low, high = (Estimate.of(part.mean(axis=1)) for part in np.split(by_loss, 2, axis=1))
    return Outcome(
        parts=[settle("most points without gradient are saddles", share, above=0.5)],
        effect=f"share of saddles among {scale.seeds * points} points without gradient {share:.4f}; the mean index is {low:.3f} "
        f"in the half of lower loss and {high:.3f} in that of higher loss",
        numbers={"saddles": share, "index": {"lower loss": low, "higher loss": high}},
        series=(Curve.over_seeds("points without gradient", range(1, points + 1), by_loss),),
        axes=Axes("point, by loss from the lowest", "index: share of negative curvatures"),
    )


def _point(
    x: Float[Array, "examples pixels"], components: Float[Array, "pixels pixels"], chosen: Bool[Array, " pixels"], hidden: int
) -> tuple[Array, Array, Array]:
    """The largest element of the gradient, the loss and the index where the autoencoder projects on the chosen components."""
    first = jnp.argsort(~chosen)[:hidden]  # the chosen ones, and others that count as zero
    inner = jnp.where(chosen[first][:, None], components[first], 0)
    w, restore = ravel_pytree((inner, inner.T))

    def loss(w: Float[Array, " parameters"]) -> Float[Array, ""]:
        inner, outer = restore(w)
        return jnp.mean(jnp.sum((x - x @ inner.T @ outer.T) ** 2, axis=1)) / 2

    curvatures = jnp.linalg.eigvalsh(jax.hessian(loss)(w))
    negative = curvatures < -ZERO * jnp.max(jnp.abs(curvatures))
    return jnp.max(jnp.abs(jax.grad(loss)(w))), loss(w), jnp.mean(negative)


CLAIM = Claim(
    rows=("T028",),
    lecture=1,
    statement="Gradient is near-zero, but this is not a minimum … Saddle points are extremely common",
    papers=(
        Paper("Baldi & Hornik 1989: of a linear autoencoder's critical points, all but the principal subspace are saddles", "M"),
        Paper("Dauphin+ 2014: a small network's critical points have the larger an index, the higher their loss", "V"),
    ),
    refuted_by="The 95% interval of the share of saddles among the points without gradient lies at or below one half.",
    measure=measure,
    kind="effect",
    seeds=Scales(cpu=16, full=32),
)
