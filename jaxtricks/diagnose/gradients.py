"""Numerical gradient checks, as in CS231n: a function's gradient by JAX is compared with differences of its values."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Shaped

from jaxtricks.config import ConfigError, choice, choices, nearest
from jaxtricks.config.references import reason, resolve
from jaxtricks.nn.activations import Activation

THRESHOLD = 1e-7  # CS231n: "1e-7 and less you should be happy", in float64
STEP = 2e-5  # relative to x where |x| > 1
SPANS = (1.0, 2.0, 4.0, 8.0, 16.0)  # steps taken
AT_ONCE = 64  # entries whose differences are taken together

# Newer versions of JAX have it at the top level.
float64: Any = jax.enable_x64 if hasattr(jax, "enable_x64") else jax.experimental.enable_x64  # type: ignore[attr-defined]


@dataclass(frozen=True)
class GradientEntry:
    """One entry of the input: its index, its value, the gradient by JAX and by differences, and their relative error."""

    index: tuple[int, ...]
    value: float
    analytical: float
    numerical: float
    error: float

    def __str__(self) -> str:
        where = ", ".join(map(str, self.index))
        return (
            f"x[{where}] = {self.value:.6g}: gradient {self.analytical:.9g}, by differences {self.numerical:.9g}, "
            f"relative error {self.error:.1e}"
        )


@dataclass(frozen=True, eq=False)
class GradientCheck:
    """A gradient beside its central differences, entry by entry of the input.

    Args:
        x: the input.
        analytical: the vector-Jacobian product by JAX, of x's shape.
        numerical: the same by central differences.
        error: |a - n| / max(|a|, |n|), at a kink by how much a lies outside the slopes of the two sides, over the largest of the
            three; 0 where that is no more than differences in float64 can tell.
        kinks: where the one-sided differences do not approach each other as the step shrinks.

    >>> check = check_gradient("relu", np.array([-1.0, 0.0, 2.0]))
    >>> check.ok, check.kinks.tolist()
    (True, [False, True, False])
    """

    x: Float[np.ndarray, "*shape"]
    analytical: Float[np.ndarray, "*shape"]
    numerical: Float[np.ndarray, "*shape"]
    error: Float[np.ndarray, "*shape"]
    kinks: Bool[np.ndarray, "*shape"]

    @property
    def wrong(self) -> Bool[np.ndarray, "*shape"]:
        """The entries whose error exceeds 1e-7, or is not a number."""
        return ~(self.error <= THRESHOLD)

    @property
    def ok(self) -> bool:
        """Whether no entry is wrong."""
        return not self.wrong.any()

    @property
    def worst(self) -> GradientEntry | None:
        """The entry with the largest error; kinks whose gradient is right do not count. None where no other entry is left."""
        fine = self.kinks & ~self.wrong
        errors = np.where(fine, -1.0, np.nan_to_num(self.error, nan=math.inf))
        index = tuple(map(int, np.unravel_index(np.argmax(errors), errors.shape)))
        if fine[index]:
            return None
        values = (float(array[index]) for array in (self.x, self.analytical, self.numerical, self.error))
        return GradientEntry(index, *values)

    def __str__(self) -> str:
        wrong, kinks = int(self.wrong.sum()), int(self.kinks.sum())
        verdict = "the gradient is right" if self.ok else f"the gradient is WRONG at {wrong} of {self.x.size} entries"
        lines = [f"{verdict} ({self.x.size} entries, {kinks} at a kink, threshold {THRESHOLD:g})"]
        return "\n".join(lines + ([f"worst entry: {self.worst}"] if self.worst else []))

    def to_json(self) -> dict[str, Any]:
        """Plain JSON data: the verdict, the counts and the worst entry, None for numbers that are not finite."""
        worst = None
        if self.worst is not None:
            numbers = {name: value for name, value in vars(self.worst).items() if name != "index"}
            worst = {"index": list(self.worst.index)} | {k: v if math.isfinite(v) else None for k, v in numbers.items()}
        counts = {"entries": self.x.size, "wrong": int(self.wrong.sum()), "kinks": int(self.kinks.sum())}
        return {"ok": self.ok, **counts, "threshold": THRESHOLD, "worst": worst}


def check_gradient(
    function: Callable[[Array], Array] | str,
    x: Shaped[np.ndarray, "*shape"] | Array,
    *,
    cotangent: Shaped[np.ndarray, "..."] | Array | None = None,
) -> GradientCheck:
    """Compares a function's gradient with central differences, (f(x + h) - f(x - h))/2h extrapolated to h = 0, in float64 (T108).

    Both are gradients of `Σ cotangent · f(x)` with respect to each entry of x. At a kink every slope between those of the two
    sides is right.

    Args:
        function: maps an array to an array, in the precision of its input; or an activation's name, such as "gelu".
        x: the point, [...].
        cotangent: weights of the outputs, of their shape; None: ones.

    Raises:
        ConfigError: for an unknown name, an x without entries, or a function that does not compute in float64.

    >>> print(check_gradient("tanh", np.linspace(-2, 2, 5)))
    the gradient is right (5 entries, 0 at a kink, threshold 1e-07)
    worst entry: ...
    """
    call = _activation(function) if isinstance(function, str) else function
    with float64(True):
        point = jnp.asarray(np.asarray(x), jnp.float64)
        if not point.size or not bool(jnp.isfinite(point).all()):
            raise ConfigError(f"x of shape {point.shape} cannot be checked; it must have entries, and all of them finite.")
        outputs, pull = jax.vjp(call, point)
        if outputs.dtype != jnp.float64:
            raise ConfigError(f"the function gives {outputs.dtype} for float64; let it compute in the precision of its input.")
        weights = jnp.ones_like(outputs) if cotangent is None else jnp.asarray(np.asarray(cotangent), jnp.float64)
        if weights.shape != outputs.shape:
            raise ConfigError(f"cotangent has shape {weights.shape}, and the function's output has {outputs.shape}.")
        (analytical,) = pull(weights)
        up, down, kinks, noise = _differences(call, point, outputs, weights)
        numerical = (up + down) / 2
        sides = jnp.where(kinks, jnp.stack([up, down]), numerical)
        gap = jnp.maximum(jnp.maximum(sides.min(0) - analytical, analytical - sides.max(0)), 0)
        size = jnp.maximum(jnp.abs(analytical), jnp.abs(sides).max(0))
        error = jnp.where(gap <= noise, 0.0, gap / size)
        return GradientCheck(*(np.asarray(array) for array in (point, analytical, numerical, error, kinks)))


def check_named(name: str, points: int, seed: int) -> GradientCheck:
    """The check of an activation or of a function by its name, at 0, where many functions bend, and at points from N(0, 3²).

    Args:
        name: an activation's name, or module:function for a function of your own, which is called with an array [points].
        points: how many points.
        seed: of the draw.

    Raises:
        ConfigError: for an unknown name, or a function that cannot be checked.

    >>> check_named("relu", points=3, seed=0).to_json()["kinks"]
    1
    """
    if points < 1:
        raise ConfigError(f"points = {points} is not a number of points >= 1.")
    if seed < 0:
        raise ConfigError(f"seed = {seed} is not an integer >= 0.")
    function = _function(name)
    pieces = (function.pieces,) if isinstance(function, Activation) else ()
    x = 3 * np.random.default_rng(seed).normal(size=(points, *pieces))
    x[0] = 0
    try:
        return check_gradient(function, x)
    except ConfigError:
        raise
    except Exception as error:  # a user's function may raise anything
        raise ConfigError(f"{name} does not take an array of shape {x.shape}: {reason(error)}") from error


def _activation(name: str) -> Activation:
    if (known := choice(Activation, name)) is None:
        raise ConfigError(f"there is no activation {name!r}{nearest(name, sorted(choices(Activation)))}")
    return _made(name, known)


def _made(name: str, activation: type) -> Activation:
    try:
        made: Activation = activation()
    except Exception as error:  # a user's class may raise anything
        raise ConfigError(f"{name} cannot be made without arguments: {reason(error)}") from error
    return made


def _function(name: str) -> Callable[[Array], Array]:
    if ":" not in name:
        return _activation(name)
    found = resolve(name)
    made = _made(name, found) if isinstance(found, type) and issubclass(found, Activation) else found
    if not callable(made):
        raise ConfigError(f"{name} is {made!r}, which is no function.")
    return made


def _differences(
    function: Callable[[Array], Array], x: Array, outputs: Array, weights: Array
) -> tuple[Float[Array, "*shape"], Float[Array, "*shape"], Bool[Array, "*shape"], Float[Array, "*shape"]]:
    """For each entry of x: the slope on either side, whether there is a kink, and how much rounding may change the slopes."""

    def around(entry: Array) -> tuple[Array, Array, Array, Array]:
        unit = entry.reshape(x.shape) * jnp.maximum(1, jnp.abs(x))  # a step that is not lost in the rounding of a large x
        steps = STEP * jnp.sum(unit) * jnp.array(SPANS)
        ahead, behind = (
            jax.vmap(lambda span, s=sign: function(x + s * span * STEP * unit) - outputs)(jnp.array(SPANS))
            for sign in (1.0, -1.0)
        )
        up = jnp.stack([jnp.sum(weights * change) for change in ahead]) / steps
        down = -jnp.stack([jnp.sum(weights * change) for change in behind]) / steps
        gaps = jnp.abs(up - down)
        moved = jnp.any((ahead != 0) | (behind != 0), axis=0)
        noise = 32 * jnp.finfo(x.dtype).eps * jnp.linalg.norm((weights * outputs * moved).reshape(-1)) / steps[0]
        # The errors ∝ step and ∝ step² of each side cancel in this sum, so that a side may be curved, and the curvature may jump.
        up, down = ((8 * side[0] - 6 * side[1] + side[2]) / 3 for side in (up, down))
        # On a smooth function the slopes of the two sides differ by step · f'', half as much at half the step. A kink within
        # the steps of the difference holds them apart at these wider ones too.
        return up, down, (gaps[3] > 0.6 * gaps[4]) & (gaps[3] > noise), noise

    entries = jnp.eye(x.size, dtype=x.dtype)
    return jax.tree.map(lambda a: a.reshape(x.shape), jax.lax.map(jax.jit(around), entries, batch_size=min(AT_ONCE, x.size)))
