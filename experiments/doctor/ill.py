"""A network in which one layer meets a value that is not finite, at one example, from some step on: 25 ways to do so."""

from collections.abc import Callable
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

import jaxtricks as jt
from jaxtricks.diagnose.address import Direction

Rows = Float[Array, "batch units"]
Hit = Bool[Array, "batch 1"]
LAYERS, UNITS = 3, 8


class Way(NamedTuple):
    """One way to meet a value that is not finite, with the address that was written down before any replay.

    Args:
        operation: what JAX calls the first operation that gives one.
        direction: of the step.
        values: what it may give.
        does: (what a layer computed, which rows are hit) → what the layer gives.
    """

    operation: str
    direction: Direction
    values: tuple[str, ...]
    does: Callable[[Rows, Hit], Rows]


def _sign(hit: Hit) -> Float[Array, "batch 1"]:
    return jnp.where(hit, -1.0, 1.0)


def _zero(hit: Hit) -> Float[Array, "batch 1"]:
    return jnp.where(hit, 0.0, 1.0)


def _size(hit: Hit) -> Float[Array, "batch 1"]:
    return jnp.where(hit, 1e30, 1.0)


def _above(h: Rows) -> Rows:
    """Numbers of 1 and more that depend on what the layer computed."""
    return 1 + h * h


def _ratio(h: Rows, hit: Hit) -> Rows:
    z = _zero(hit) * _above(h)
    return z / z


def _scan(h: Rows, hit: Hit) -> Rows:
    def turn(total: Rows, sign: Float[Array, "batch 1"]) -> tuple[Rows, None]:
        return total + jnp.sqrt(sign * _above(total)), None

    return jax.lax.scan(turn, h, jnp.stack([jnp.ones_like(_sign(hit)), _sign(hit), _sign(hit)]))[0]


def _square(h: Rows, hit: Hit) -> Rows:
    large = _size(hit) * _above(h)
    return large * large


@jax.custom_vjp
def _grown(h: Rows, by: Float[Array, "batch 1"]) -> Rows:
    return h


def _grown_forward(h: Rows, by: Float[Array, "batch 1"]) -> tuple[Rows, Any]:
    return h, by


def _grown_backward(by: Any, cotangent: Rows) -> tuple[Rows, Any]:
    return cotangent * by * by, jnp.zeros_like(by)


_grown.defvjp(_grown_forward, _grown_backward)


def _defined(h: Rows, hit: Hit) -> Rows:
    z = _zero(hit) * _above(h)
    return jnp.where(z > 0, jnp.log(z), 0.0)


WAYS: dict[str, Way] = {
    "log below zero": Way("log", "forward", ("nan",), lambda h, hit: jnp.log(_sign(hit) * _above(h))),
    "log of zero": Way("log", "forward", ("-inf",), lambda h, hit: jnp.log(_zero(hit) * _above(h))),
    "log1p below -1": Way("log1p", "forward", ("nan",), lambda h, hit: jnp.log1p(2 * _sign(hit) * _above(h))),
    "root below zero": Way("sqrt", "forward", ("nan",), lambda h, hit: jnp.sqrt(_sign(hit) * _above(h))),
    "inverse root": Way("rsqrt", "forward", ("inf",), lambda h, hit: jax.lax.rsqrt(_zero(hit) * _above(h))),
    "zero by zero": Way("div", "forward", ("nan",), _ratio),
    "one by zero": Way("div", "forward", ("inf",), lambda h, hit: 1 / (_zero(hit) * _above(h))),
    "exp": Way("exp", "forward", ("inf",), lambda h, hit: jnp.exp(200 * (1 - _zero(hit)) + jnp.tanh(h))),
    "power": Way("pow", "forward", ("nan",), lambda h, hit: (_sign(hit) * _above(h)) ** 0.3),
    "product": Way("mul", "forward", ("inf",), _square),
    "sum": Way(
        "reduce_sum", "forward", ("inf",), lambda h, hit: h + 0 * jnp.sum(3e8 * _size(hit) * jnp.ones_like(h), 1)[:, None]
    ),
    "matrix": Way(
        "dot_general", "forward", ("inf",), lambda h, hit: (_size(hit) * _above(h)) @ jnp.full((UNITS, UNITS), 1e10) / 1e11
    ),
    "arc cosine": Way("acos", "forward", ("nan",), lambda h, hit: jnp.arccos(jnp.where(hit, 2.0, 0.1) * jnp.ones_like(h)) + h),
    "softmax of -inf": Way("sub", "forward", ("nan",), lambda h, hit: jax.nn.softmax(jnp.where(hit, -jnp.inf, h))),
    "root in a scan": Way("sqrt", "forward", ("nan",), _scan),
    "log in a checkpoint": Way("log", "forward", ("nan",), jax.checkpoint(lambda h, hit: jnp.log(_sign(hit) * _above(h)))),
    "log in a branch": Way(
        "log",
        "forward",
        ("nan",),
        lambda h, hit: jax.lax.cond(hit.any(), lambda h: jnp.log(_sign(hit) * _above(h)), lambda h: h, h),
    ),
    "root at zero": Way("div", "backward", ("inf",), lambda h, hit: jnp.sqrt(_zero(hit) * _above(h))),
    "norm at zero": Way("div", "backward", ("inf",), lambda h, hit: h / 2 + jnp.linalg.norm(_zero(hit) * h, axis=1)[:, None]),
    "log that is not taken": Way("div", "backward", ("nan",), _defined),
    "power at zero": Way("pow", "backward", ("inf",), lambda h, hit: (_zero(hit) * _above(h)) ** 0.3),
    "product of gradients": Way("mul", "backward", ("inf", "-inf"), lambda h, hit: _grown(h, _size(hit))),
    "step of SGD": Way("mul", "update", ("inf", "-inf"), lambda h, hit: h),
    "step of momentum": Way("mul", "update", ("inf", "-inf"), lambda h, hit: h),
    "log at validation": Way("log", "validation", ("nan",), lambda h, hit: jnp.log(_sign(hit) * _above(h))),
}


@jt.extend.config()
class Ill(nn.Module):
    """Hidden layers, the first number of an example's input being its own number.

    Args:
        way: what the ill layer does, a name of `WAYS`.
        layer: which of the hidden layers is ill, from 0.
        example: the number of the example that it is ill at.
        since: the training steps after which it is.
        outputs: classes.
    """

    way: str
    layer: float = 0.0
    example: float = 0.0
    since: float = 0.0
    outputs: int | None = None

    @nn.compact
    def __call__(self, x: Float[Array, "batch features"], train: bool) -> Float[Array, "batch classes"]:
        way, code, h = WAYS[self.way], x[:, :1], x[:, 1:]
        clock = self.variable("clock", "steps", lambda: jnp.zeros(()))
        applies = train is (way.direction != "validation")
        hit = (jnp.abs(code - self.example) < 0.5) & (clock.value >= self.since) & applies
        if train and not self.is_initializing():
            clock.value = clock.value + 1
        updates = way.direction == "update"
        for number in range(LAYERS):
            here = hit & (jnp.abs(self.layer - number) < 0.5)
            h = Layer(way, name=f"hidden_{number}")(h, here)
        kernel = self.param("kernel", nn.initializers.lecun_normal(), (UNITS, self.outputs or 1))
        return h @ (_scaled(kernel, jnp.zeros(())) if updates else kernel)


class Layer(nn.Module):
    """A hidden layer, which may be ill.

    Args:
        way: what it does then.
    """

    way: Way

    @nn.compact
    def __call__(self, h: Rows, hit: Hit) -> Rows:
        kernel = self.param("kernel", nn.initializers.lecun_normal(), (h.shape[1], UNITS))
        if self.way.direction == "update":
            kernel = _scaled(kernel, jnp.where(hit.any(), 1e18, 0.0))
        return self.way.does(jnp.tanh(h @ kernel), hit)


@jax.custom_vjp
def _scaled(kernel: Float[Array, "fan_in units"], by: Float[Array, ""]) -> Float[Array, "fan_in units"]:
    """The kernel, whose gradient is multiplied."""
    return kernel


_scaled.defvjp(lambda kernel, by: (kernel, by), lambda by, cotangent: (cotangent * by, jnp.zeros_like(by)))
