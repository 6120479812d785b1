"""Second-order rules: steps that use the curvature, by products with it and without its matrix."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float

from jaxtricks.config import Count, NonNegative, Positive, config
from jaxtricks.optim.method import Params, Problem
from jaxtricks.optim.rules import Needs, Rule

Product = Callable[[Params], Params]


@config("lbfgs", rows=["T037"], paper="Liu & Nocedal 1989")
class LBFGS(Rule):
    """d = s B g: B approximates the inverse Hessian by the last steps' differences, and a line search (strong Wolfe) gives s.

    The first direction, before there are differences, is g/max(1, ‖g‖); Liu & Nocedal leave it open.

    For whole training sets only: differences of gradients between mini-batches depend more on the batches than on the curvature.

    Args:
        learning_rate: α; 1 is the step of the line search.
        weight_decay: how weights are made smaller; a number is the rate λ of decoupled decay. The line
            search does not see it; it does see a penalty.
        memory: the number of differences that are kept.
        searches: the largest number of evaluations of a line search.

    >>> def function(w, step):
    ...     return jnp.sum(jnp.array([1.0, 10.0]) * (w - 1) ** 2)
    >>> path = jt.optim.minimize(jt.Optimizer(rule=jt.optim.LBFGS()), function, jnp.zeros(2), steps=5)
    >>> bool(path.values[-1] < 1e-3)
    True
    """

    learning_rate: Positive = 1.0
    memory: Count = 10
    searches: Count = 20

    @property
    def needs(self) -> Needs:
        return Needs(whole_set=True)

    @property
    def line_search(self) -> bool:
        return True

    def direction(self) -> optax.GradientTransformationExtraArgs:
        curvature = optax.scale_by_lbfgs(memory_size=self.memory)
        search = optax.scale_by_zoom_linesearch(self.searches, initial_guess_strategy="one")

        def update(grads: Any, state: Any, params: Params, *, problem: Problem, value: Any, grad: Any, **extra: Any) -> Any:
            directions, state = curvature.update(grads, state, params)
            # Its state would keep the last value and gradient, which are no longer right after a schedule, decay or dropout.
            step, _ = search.update(
                optax.tree.scale(-1, directions),
                search.init(params),
                params,
                value=value,
                grad=grad,
                value_fn=lambda params: problem(params)[0],
            )
            return optax.tree.scale(-1, step), state

        return optax.GradientTransformationExtraArgs(curvature.init, update)


@config("newton", rows=["T038"], paper="lecture 3; Martens 2010")
class Newton(Rule):
    """d = (H + μ I)⁻¹ g by conjugate gradients on products with the Hessian H of the batch's loss.

    Where the curvature along a search direction is not positive the solution so far is taken, or g where there is none yet
    (Nocedal & Wright, algorithm 7.1). It runs on mini-batches too, where H and g share the batch's noise; make them large.

    Args:
        learning_rate: α; 1 is Newton's step.
        weight_decay: how weights are made smaller; a number is the rate λ of decoupled decay.
        damping: μ, added to the curvature.
        iterations: the number of products with the Hessian; as many as there are parameters solve exactly.

    >>> def function(w, step):
    ...     return jnp.sum(jnp.array([1.0, 10.0]) * (w - 1) ** 2)
    >>> path = jt.optim.minimize(jt.Optimizer(rule=jt.optim.Newton(damping=1e-6)), function, jnp.zeros(2), steps=1)
    >>> [round(float(w), 2) for w in path.params[-1]]
    [1.0, 1.0]
    """

    learning_rate: Positive = 1.0
    damping: NonNegative = 1e-3
    iterations: Count = 10

    @property
    def needs(self) -> Needs:
        return Needs(curvature=True)

    def product(self, problem: Problem, params: Params) -> Product:
        """v → H v at the parameters."""
        return jax.linearize(jax.grad(lambda params: problem(params)[0]), params)[1]

    def direction(self) -> optax.GradientTransformationExtraArgs:
        def update(grads: Any, state: Any, params: Params, *, problem: Problem, **extra: Any) -> Any:
            product = self.product(problem, params)
            decay = None if self.weight_decay is None else self.weight_decay.in_gradient()

            def damped(v: Params) -> Params:
                hv = jax.tree.map(lambda hv, v: hv + jnp.asarray(self.damping, v.dtype) * v, product(v), v)
                # An L2 decay adds a gradient that is linear in the weights; applied to v it gives its Hessian times v.
                return hv if decay is None else decay.update(hv, decay.init(v), v)[0]

            return conjugate_gradients(damped, grads, self.iterations), state

        return optax.GradientTransformationExtraArgs(lambda params: optax.EmptyState(), update)


@config("gauss_newton", rows=["T038"], paper="Schraudolph 2002; Martens 2010")
class GaussNewton(Newton):
    """d = (G + μ I)⁻¹ g with G = Jᵀ H_out J + H_w: the outputs' Jacobian J around the loss's Hessian in the outputs.

    H_w is the penalties' own Hessian. For convex losses G is positive semi-definite, which H is not.

    Args:
        learning_rate: α; 1 is Newton's step.
        weight_decay: how weights are made smaller; a number is the rate λ of decoupled decay.
        damping: μ, added to the curvature.
        iterations: the number of products with G.

    >>> jt.Optimizer(rule="gauss_newton").rule.needs.curvature
    True
    """

    @property
    def needs(self) -> Needs:
        return Needs(curvature=True, forward_mode=True)

    def product(self, problem: Problem, params: Params) -> Product:
        outputs, forward, _ = jax.linearize(problem.outputs, params, has_aux=True)
        backward = jax.linear_transpose(forward, params)
        _, curve = jax.linearize(jax.grad(lambda outputs: problem.loss(outputs, params)), outputs)
        _, own = jax.linearize(jax.grad(lambda params: problem.loss(outputs, params)), params)

        def product(v: Params) -> Params:
            (through,) = backward(curve(forward(v)))
            return jax.tree.map(jnp.add, through, own(v))

        return product


class _Search(NamedTuple):
    """The state of conjugate gradients: solution, residual, direction, ‖residual‖², and whether the search goes on."""

    x: Params
    residual: Params
    direction: Params
    square: Float[Array, ""]
    going: Any


def conjugate_gradients(product: Product, b: Params, iterations: int) -> Params:
    """Gives x with A x = b, after a fixed number of products with a symmetric A; see `Newton` for an A that is not positive.

    Args:
        product: the function v → A v.
        b: a tree like the parameters.
        iterations: the number of products.

    >>> a = jnp.array([[2.0, 0.0], [0.0, 4.0]])
    >>> conjugate_gradients(lambda v: a @ v, jnp.array([2.0, 8.0]), iterations=2).tolist()
    [1.0, 2.0]
    """

    def body(index: Any, search: _Search) -> _Search:
        x, residual, direction, square, going = search
        image = product(direction)
        curvature = optax.tree.vdot(direction, image)
        first = (index == 0) & (curvature <= 0)
        going = going & (curvature > 0)
        alpha = jnp.where(going, square / jnp.where(going, curvature, 1), jnp.where(first, 1.0, 0.0))
        x = optax.tree.add_scale(x, alpha, direction)
        residual = optax.tree.add_scale(residual, -alpha, image)
        new = optax.tree.vdot(residual, residual)
        beta = jnp.where(square > 0, new / jnp.where(square > 0, square, 1), 0.0)
        return _Search(x, residual, optax.tree.add_scale(residual, beta, direction), new, going)

    start = _Search(optax.tree.zeros_like(b), b, b, optax.tree.vdot(b, b), jnp.bool_(True))
    return jax.lax.fori_loop(0, iterations, body, start).x
