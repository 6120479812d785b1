"""Second-order rules: one step on quadratics, the number of products, Gauss-Newton's matrix, L-BFGS against descent."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import jaxtricks as jt
from jaxtricks.config import ConfigError
from jaxtricks.optim import second_order
from jaxtricks.optim.method import Problem, Validation
from jaxtricks.optim.optimizer import assemble
from jaxtricks.optim.second_order import conjugate_gradients
from tests.optim.quadratic import float64

SIZE = 6
DRAW = np.random.default_rng(0)
ROOT = DRAW.normal(size=(SIZE, SIZE))
MATRIX, VECTOR = ROOT @ ROOT.T + np.eye(SIZE), DRAW.normal(size=SIZE)


def quadratic(w, step):
    flat = jnp.concatenate([w["kernel"].reshape(-1), w["bias"]])
    return flat @ MATRIX @ flat / 2 + VECTOR @ flat


def flat(w):
    return np.concatenate([np.asarray(w["kernel"])[-1].reshape(-1), np.asarray(w["bias"])[-1]])


ORIGIN = {"kernel": np.ones((2, 2)), "bias": np.zeros(2)}


def minimized(optimizer, function, start, steps):
    with float64(True):
        return jax.tree.map(np.asarray, jax.jit(lambda o: jt.optim.minimize(o, function, start, steps))(optimizer))


@pytest.mark.parametrize("rule", [jt.optim.Newton, jt.optim.GaussNewton])
def test_t038_newton_solves_a_quadratic_in_one_step(rule):
    optimizer = jt.Optimizer(rule=rule(damping=0.0, iterations=SIZE))
    np.testing.assert_allclose(
        flat(minimized(optimizer, quadratic, ORIGIN, 1).params), -np.linalg.solve(MATRIX, VECTOR), atol=1e-10
    )


def test_damping_is_added_to_the_curvature_and_l2_decay_too():
    w = np.concatenate([ORIGIN["kernel"].reshape(-1), ORIGIN["bias"]])
    decay = np.diag([2 * 0.3] * 4 + [0.0] * 2)
    for rate, extra in ((None, 0 * decay), (jt.optim.L2(rate=0.3), decay)):
        optimizer = jt.Optimizer(rule=jt.optim.Newton(learning_rate=0.7, damping=0.5, iterations=SIZE, weight_decay=rate))
        step = np.linalg.solve(MATRIX + 0.5 * np.eye(SIZE) + extra, MATRIX @ w + VECTOR + extra @ w)
        np.testing.assert_allclose(flat(minimized(optimizer, quadratic, ORIGIN, 1).params), w - 0.7 * step, atol=1e-10)


def test_t038_one_product_with_the_hessian_for_each_iteration(monkeypatch):
    calls = []
    rule = jt.optim.Newton(iterations=SIZE)

    def counted(self, problem, params):
        product = jax.linearize(jax.grad(lambda params: problem(params)[0]), params)[1]

        def count(v):
            jax.debug.callback(lambda: calls.append(1))
            return product(v)

        return count

    monkeypatch.setattr(second_order.Newton, "product", counted)
    minimized(jt.Optimizer(rule=rule), quadratic, ORIGIN, 2)
    jax.effects_barrier()
    assert len(calls) == 2 * SIZE


def test_newton_converges_quadratically_and_newton_s_method_is_the_reference():
    def function(w, step):
        return jnp.sum(jnp.exp(w) - 2 * w) + jnp.sum(w) ** 2 / 2

    w, distances = np.array([1.0, -0.5]), []
    for _ in range(5):
        g = np.exp(w) - 2 + w.sum()
        w = w - np.linalg.solve(np.diag(np.exp(w)) + 1, g)
        distances.append(w)
    optimizer = jt.Optimizer(rule=jt.optim.Newton(damping=0.0, iterations=2))
    path = minimized(optimizer, function, np.array([1.0, -0.5]), 5)
    np.testing.assert_allclose(path.params, distances, rtol=1e-10)
    assert path.grad_norms[3] < 2 * path.grad_norms[2] ** 2 and path.grad_norms[4] < 1e-9


def test_where_the_curvature_is_negative_the_step_goes_downhill_along_the_gradient():
    with float64(True):
        b = {"w": jnp.array([1.0, 2.0])}
        along = conjugate_gradients(lambda v: {"w": -v["w"]}, b, 5)
        # Along b it is positive, along the next direction not: what was solved till then is kept.
        matrix = jnp.array([[2.0, 0.0], [0.0, -0.1]])
        kept = conjugate_gradients(lambda v: {"w": matrix @ v["w"]}, {"w": jnp.array([2.0, 1.0])}, 5)
        nothing = conjugate_gradients(lambda v: v, {"w": jnp.zeros(2)}, 5)
    np.testing.assert_array_equal(along["w"], b["w"])
    np.testing.assert_allclose(kept["w"], np.array([2.0, 1.0]) * 5 / 7.9, rtol=1e-12)
    np.testing.assert_array_equal(nothing["w"], np.zeros(2))


def test_gauss_newton_s_matrix_is_that_of_the_outputs_jacobian_and_of_the_penalty():
    x, y, w = DRAW.normal(size=(5, 2)), DRAW.normal(size=5), np.array([0.3, -0.8])

    def outputs(w):
        return jnp.tanh(x @ w), None

    def loss(out, w):
        return jnp.mean(jnp.cosh(out - y)) + 0.2 * jnp.sum(w**4)

    def jacobian(w):
        return (1 - np.tanh(x @ w) ** 2)[:, None] * x

    out = np.tanh(x @ w)
    matrix = jacobian(w).T @ np.diag(np.cosh(out - y) / 5) @ jacobian(w) + np.diag(0.2 * 12 * w**2) + 0.1 * np.eye(2)
    gradient = jacobian(w).T @ (np.sinh(out - y) / 5) + 0.2 * 4 * w**3
    with float64(True):
        method = assemble(jt.Optimizer(rule=jt.optim.GaussNewton(damping=0.1, iterations=2)), 1)
        problem, start = Problem(outputs, loss), jnp.asarray(w)
        new = method.step(problem, start, method.init(start), Validation(jnp.asarray(1.0), jnp.int32(0)))
        np.testing.assert_allclose(w - np.asarray(new.params), np.linalg.solve(matrix, gradient), rtol=1e-9)


def logistic(examples=60, features=8):
    draw = np.random.default_rng(1)
    x = draw.normal(size=(examples, features)) * np.logspace(0, 1.5, features)
    y = np.sign(x @ draw.normal(size=features) + draw.normal(size=examples))

    def loss(w, step):
        return jnp.mean(jnp.logaddexp(0.0, -y * (x @ w))) + 1e-3 * jnp.sum(w**2)

    return loss, np.zeros(features)


def test_t037_l_bfgs_needs_far_fewer_steps_than_gradient_descent_at_its_best_rate():
    loss, start = logistic()
    quick = minimized(jt.Optimizer(rule=jt.optim.LBFGS()), loss, start, 60)
    best = quick.values.min()
    needed = np.argmax(quick.values < best + 1e-6)
    assert 0 < needed <= 40
    with float64(True):
        rates = jnp.asarray([0.001, 0.003, 0.01, 0.03, 0.1])
        descent = jax.jit(
            jax.vmap(
                lambda r: jt.optim.minimize(jt.Optimizer(rule=jt.SGD(learning_rate=r)), loss, start, 20 * int(needed)).values
            )
        )
        assert np.asarray(descent(rates)).min() > best + 1e-6


def test_l_bfgs_never_rises_and_refuses_mini_batches():
    loss, start = logistic()
    values = minimized(jt.Optimizer(rule=jt.optim.LBFGS(memory=3)), loss, start, 30).values
    assert (np.diff(values) <= 1e-12).all()
    optimizer = jt.Optimizer(rule="lbfgs")
    with pytest.raises(ConfigError, match=r"^Experiment\.batch_size = 16 is a mini-batch of 48 training examples; .*lbfgs.*\.$"):
        optimizer.check({"w": start}, steps=5, batch=16, examples=48)
    optimizer.check({"w": start}, steps=5, batch=48, examples=48)


def test_l_bfgs_takes_the_steps_that_optax_s_own_takes():
    loss, start = logistic()
    solver = optax.lbfgs(memory_size=10, linesearch=optax.scale_by_zoom_linesearch(20, initial_guess_strategy="one"))

    def step(carry, _):
        w, state = carry
        value, grad = jax.value_and_grad(loss)(w, 0)
        updates, state = solver.update(grad, state, w, value=value, grad=grad, value_fn=lambda w: loss(w, 0))
        return (w + updates, state), w + updates

    with float64(True):
        _, path = jax.jit(lambda w: jax.lax.scan(step, (w, solver.init(w)), length=4))(jnp.asarray(start))
    np.testing.assert_allclose(minimized(jt.Optimizer(rule="lbfgs"), loss, start, 4).params, path, rtol=1e-9)


def test_l_bfgs_directions_are_liu_and_nocedal_s_two_loops():
    random = np.random.default_rng(0)
    curvature = random.normal(size=(6, 6))
    curvature = curvature @ curvature.T + np.eye(6)
    points = 10.0 ** -np.linspace(0, 4, 9)[:, None] * random.normal(size=(9, 6))
    gradients = points @ curvature
    with float64(True):
        transformation = optax.scale_by_lbfgs(memory_size=3)

        def step(state, given):
            point, gradient = given
            direction, state = transformation.update(gradient, state, point)
            return state, direction

        _, found = jax.lax.scan(step, transformation.init(jnp.zeros(6)), (jnp.asarray(points), jnp.asarray(gradients)))
    for k in range(1, 9):
        pairs = [(points[i] - points[i - 1], gradients[i] - gradients[i - 1]) for i in range(max(1, k - 2), k + 1)]
        q, alphas = gradients[k], []
        for s, y in reversed(pairs):
            alphas.append(s @ q / (s @ y))
            q = q - alphas[-1] * y
        s, y = pairs[-1]
        r = s @ y / (y @ y) * q
        for (s, y), alpha in zip(pairs, reversed(alphas), strict=True):
            r = r + (alpha - y @ r / (s @ y)) * s
        np.testing.assert_allclose(found[k], r, rtol=1e-8)
    np.testing.assert_allclose(found[0], gradients[0] / max(1, np.linalg.norm(gradients[0])), rtol=1e-12)


def test_the_line_search_is_told_the_loss_s_own_gradient_and_not_the_clipped_one(monkeypatch):
    loss, start = logistic()
    seen, search = [], optax.scale_by_zoom_linesearch

    def spied(*args, **named):
        inner = search(*args, **named)

        def update(updates, state, params, *, grad, **extra):
            seen.append(grad)
            return inner.update(updates, state, params, grad=grad, **extra)

        return optax.GradientTransformationExtraArgs(inner.init, update)

    monkeypatch.setattr(optax, "scale_by_zoom_linesearch", spied)
    method = assemble(jt.Optimizer(rule=jt.optim.LBFGS(weight_decay="l2"), clip_norm=1e-3), 1)
    problem = Problem(lambda w: (w, None), lambda out, w: loss(out, 0))
    with float64(True):
        w = jnp.asarray(start) + 1.0
        method.step(problem, w, method.init(w), Validation(jnp.asarray(1.0), jnp.int32(0)))
        np.testing.assert_array_equal(seen[0], jax.grad(loss)(w, 0))
