"""Descent by batches, by all examples, or by these with added noise, to one level of training loss; and how flat it is there."""

import functools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree
from jaxtyping import Array, Float, Int, Key

import jaxtricks as jt
from jaxtricks import rng
from jaxtricks.diagnose.curvature import product_of
from jaxtricks.diagnose.lanczos import Spectrum, Tridiagonal, tridiagonal

PRODUCTS = 30  # of the Hessian and a vector
HIDDEN = 32

Weights = Float[Array, " weights"]
Loss = Callable[[Weights, Float[Array, "batch features"], Int[Array, " batch"]], Float[Array, ""]]


class Way(NamedTuple):
    """How each step's gradient comes about.

    Args:
        batch: examples that a batch holds; None: all of them.
        noise: whether the gradient is that of all examples, plus noise in a random direction that is as long as the error of the
            gradient of a batch drawn in that step.
    """

    batch: int | None
    noise: bool = False


class End(NamedTuple):
    """Where descent came to.

    Args:
        loss: on all training examples, in nats, [...].
        steps: until then, [...].
        top: the largest eigenvalue of the Hessian of that loss, by Lanczos' method, [...].
        validation: the loss on the validation examples, in nats, [...].
        accuracy: on the validation examples, [...].
        length: the distance from the initial weights, [...].
    """

    loss: Any
    steps: Any
    top: Any
    validation: Any
    accuracy: Any
    length: Any


class Problems(NamedTuple):
    """Images of each seed's own, no two seeds having one in common.

    Args:
        seeds: of weights and batches, [seeds].
        x: to train on, in [0, 1], [seeds, training, features].
        y: their classes, [seeds, training].
        x_validation: to validate on, [seeds, validation, features].
        y_validation: their classes, [seeds, validation].
    """

    seeds: Any  # arrays of NumPy or of JAX
    x: Any
    y: Any
    x_validation: Any
    y_validation: Any

    @classmethod
    def of(cls, data: jt.Dataset, seeds: range, training: int, validation: int, block: int) -> "Problems":
        """Deals out the images of a data set, averaged over blocks of pixels.

        Args:
            data: images, enough of them for all seeds.
            seeds: the restarts.
            training: images that each seed trains on.
            validation: images that each validates on.
            block: the length of a block's side, in pixels; it divides that of an image.
        """
        each = training + validation
        places = rng.host(seeds[0], "deal").permutation(len(data))[: len(seeds) * each].reshape(len(seeds), each)
        side = data.shape[0] // block
        blocks = data.x[places].reshape(len(seeds), each, side, block, side, block)
        x = (blocks.mean(axis=(3, 5)) / data.scale).reshape(len(seeds), each, side * side)
        y, first = data.y[places], np.s_[:, :training]
        last = np.s_[:, training:]
        return cls(np.asarray(seeds), x[first], y[first], x[last], y[last])


def ends(way: Way, problems: Problems, rates: Sequence[float], level: float, most: int) -> End:
    """Where descent ends for each rate and seed, in one program; arrays of [rates, seeds].

    Args:
        way: how gradients come about.
        problems: the seeds with their images; weights and batches are the same for all rates.
        rates: learning rates.
        level: of the training loss, in nats, at which descent ends.
        most: steps, after which it ends in any case.
    """

    numbers = Problems(*(jnp.asarray(part, float if part.dtype.kind == "f" else None) for part in problems))
    end, krylov = jax.tree.map(
        np.asarray, _ends(way.batch, most, jnp.asarray(way.noise), jnp.asarray(rates, float), level, numbers)
    )
    shape = end.loss.shape
    rows = [Tridiagonal(krylov.matrix[at][None], krylov.used[at][None]) for at in np.ndindex(*shape)]
    return end._replace(top=np.reshape([Spectrum.of(row).top for row in rows], shape))  # type: ignore[no-any-return]


@functools.partial(jax.jit, static_argnums=(0, 1))
def _ends(
    batch: int | None, most: int, noise: Array, rates: Float[Array, " rates"], level: Float[Array, ""], problems: Problems
) -> tuple[End, Tridiagonal]:
    """The ends for all rates and seeds, [rates, seeds]."""

    def one(rate: Array, problem: Problems) -> tuple[End, Tridiagonal]:
        return _end(batch, noise, rate, problem, level, most)

    return jax.vmap(jax.vmap(one, in_axes=(None, 0)), in_axes=(0, None))(rates, problems)


def _end(
    batch: int | None, noise: Array, rate: Float[Array, ""], problem: Problems, level: Float[Array, ""], most: int
) -> tuple[End, Tridiagonal]:
    """The end of one descent, and what Lanczos' method makes of the Hessian there."""
    key, x, y = rng.root(problem.seeds), problem.x, problem.y
    model = jt.MLP(widths=(HIDDEN,), outputs=10)
    start, restore = ravel_pytree(model.init(rng.stream(key, "params"), x[:1], train=False))

    def scores(weights: Weights, x: Array) -> Array:
        found: Array = model.apply(restore(weights), x, train=False)  # type: ignore[assignment]
        return found

    def loss(weights: Weights, x: Array, y: Array) -> Array:
        return -jnp.mean(jnp.take_along_axis(jax.nn.log_softmax(scores(weights, x)), y[:, None], axis=1))

    def whole(weights: Weights) -> Array:
        return loss(weights, x, y)

    def step(carry: tuple[Weights, Array, Array]) -> tuple[Weights, Array, Array]:
        weights, _, number = carry
        gradient = _gradient(batch, noise, loss, weights, (x, y), rng.stream(key, "batch", number))
        weights = weights - rate * gradient
        return weights, whole(weights), number + 1

    def goes_on(carry: tuple[Weights, Array, Array]) -> Array:
        _, now, number = carry
        return (now > level) & (number < most)  # nan ends it, too

    weights, now, steps = jax.lax.while_loop(goes_on, step, (start, whole(start), jnp.int32(0)))
    flat, product = product_of(whole, weights)
    krylov = tridiagonal(product, jax.random.normal(rng.stream(key, "probe"), flat.shape), PRODUCTS)
    judged = problem.x_validation, problem.y_validation
    right = jnp.mean(jnp.argmax(scores(weights, judged[0]), axis=1) == judged[1])
    end = End(now, steps, jnp.full((), jnp.nan), loss(weights, *judged), right, jnp.linalg.norm(weights - start))
    return end, krylov


def _gradient(
    batch: int | None, noise: Array, loss: Loss, weights: Weights, trained: tuple[Array, Array], key: Key[Array, ""]
) -> Float[Array, " weights"]:
    """The gradient of one step, see `Way`."""
    x, y = trained
    if batch is None:
        return jax.grad(loss)(weights, x, y)
    drawn = jax.random.choice(rng.stream(key, "places"), len(y), (batch,), replace=False)
    some = jax.grad(loss)(weights, x[drawn], y[drawn])

    def noisy() -> Array:
        every = jax.grad(loss)(weights, x, y)
        direction = jax.random.normal(rng.stream(key, "direction"), weights.shape)
        return every + direction * jnp.linalg.norm(some - every) / jnp.linalg.norm(direction)

    return jax.lax.cond(noise, noisy, lambda: some)  # of one value for all runs, so that only one of both is computed
