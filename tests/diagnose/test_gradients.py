"""The numerical gradient check, row T108."""

import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxtricks as jt
from jaxtricks import cli
from jaxtricks.config import choices
from jaxtricks.diagnose.gradients import check_gradient, check_named

X = np.random.default_rng(0).normal(size=(4, 3))


def off_by(factor):
    """tanh, whose gradient is `factor` times the right one."""

    @jax.custom_vjp
    def function(x):
        return jnp.tanh(x)

    function.defvjp(lambda x: (jnp.tanh(x), x), lambda x, g: (factor * g * (1 - jnp.tanh(x) ** 2),))
    return function


off_by_1_percent = off_by(1.01)  # by its name, for the command line


@pytest.mark.parametrize("name", choices(jt.nn.Activation))
def test_every_activation_has_the_gradient_of_its_values(name):
    check = check_named(name, points=40, seed=0)
    assert check.ok and check.x.shape[0] == 40 and not check.x[0].any()
    bent = name in ("relu", "leaky_relu", "maxout")
    assert check.kinks[0].all() == bent and not check.kinks[1:].any()
    assert check.error[~check.kinks].max() < 1e-8


@pytest.mark.parametrize("factor", [1.01, 0.99, -1.0, 1 + 1e-6])
def test_a_wrong_gradient_is_caught_and_its_size_told(factor):
    check = check_gradient(off_by(factor), X)
    assert not check.ok and check.wrong.all()
    np.testing.assert_allclose(check.error, abs(factor - 1) / max(abs(factor), 1), rtol=1e-3)


def test_the_worst_entry_is_named():
    @jax.custom_vjp
    def function(x):
        return x**2

    function.defvjp(lambda x: (x**2, x), lambda x, g: (2 * g * x * jnp.ones_like(x).at[2, 1].set(1.5).at[1, 0].set(1.1),))
    check = check_gradient(function, X)
    worst = check.worst
    assert worst.index == (2, 1) and worst.value == X[2, 1] and check.wrong.sum() == 2
    assert worst.analytical == pytest.approx(3 * X[2, 1]) and worst.numerical == pytest.approx(2 * X[2, 1])
    assert worst.error == pytest.approx(1 / 3)
    assert "WRONG at 2 of 12 entries" in str(check) and "x[2, 1]" in str(check)


@pytest.mark.parametrize("where", [0.0, 1e-5, -7e-5, 3.3e-5, 5e-5])
@pytest.mark.parametrize("function", [jax.nn.relu, jnp.abs, lambda x: 1e-6 * jnp.maximum(x, 3 * x), lambda x: 5 + jax.nn.relu(x)])
def test_a_kink_within_the_step_is_told_and_not_counted_as_wrong(function, where):
    check = check_gradient(function, np.array([where, 1.0, -1.0]))
    assert check.kinks.tolist() == [True, False, False] and check.ok
    assert "1 at a kink" in str(check) and check.worst.index != (0,)


@pytest.mark.parametrize("slope", [0.0, 0.3, 1.0, 1 + 1e-6, -1e-6, 100.0, np.nan, np.inf])
def test_at_a_kink_any_slope_between_those_of_the_two_sides_is_right_and_no_other(slope):
    @jax.custom_vjp
    def function(x):
        return jax.nn.relu(x) - x**4

    def backward(x, g):
        return (jnp.where(x == 0, slope, jnp.where(x > 0, 1.0, 0.0) - 4 * x**3) * g,)

    function.defvjp(lambda x: (function(x), x), backward)
    check, right = check_gradient(function, np.array([0.0, 1.0, -1.0])), 0 <= slope <= 1
    assert check.kinks.tolist() == [True, False, False] and check.wrong.tolist() == [not right, False, False]
    assert check.ok == right and (check.worst.index == (0,)) != right


def test_a_gradient_that_is_no_number_at_a_kink_is_wrong():
    check = check_gradient(lambda x: jnp.sqrt(x**2), np.array([0.0, 1.0]))
    assert check.kinks.tolist() == check.wrong.tolist() == [True, False]


@pytest.mark.parametrize(
    "function", [jt.nn.ELU(alpha=2.0), jt.nn.LeakyReLU(slope=3.0), lambda x: jnp.where(x >= 0, jnp.sin(9 * x), 0)]
)
def test_a_bent_side_of_a_kink_has_the_slope_of_its_end(function):
    check = check_gradient(function, np.zeros(1))
    assert check.kinks.all() and check.ok


@pytest.mark.parametrize(
    "function",
    [lambda x: x**4, jnp.square, lambda x: 1e6 + x**2, lambda x: jnp.sin(100 * x), lambda x: 7 * x, jnp.zeros_like, jax.nn.elu],
)
def test_a_smooth_function_has_no_kink_even_where_slope_or_curvature_is_zero(function):
    check = check_gradient(function, np.array([0.0, 1e-3, -1.3, 3.0]))
    assert check.ok and not check.kinks.any()


def test_only_kinks_have_no_worst_entry():
    check = check_gradient(jnp.abs, np.zeros(2))
    assert check.ok and check.worst is None and check.to_json()["worst"] is None


def test_outputs_of_another_shape_and_their_weights():
    matrix = np.random.default_rng(1).normal(size=(3, 5))
    weights = np.random.default_rng(2).normal(size=(4, 5))
    check = check_gradient(lambda x: jnp.tanh(x @ matrix), X, cotangent=weights)
    assert check.ok and check.error.max() < 1e-9
    np.testing.assert_allclose(check.numerical, (weights * (1 - np.tanh(X @ matrix) ** 2)) @ matrix.T, rtol=1e-7)
    with pytest.raises(jt.ConfigError, match=r"^cotangent has shape \(2,\), and the function's output has \(4, 5\)\.$"):
        check_gradient(lambda x: jnp.tanh(x @ matrix), X, cotangent=np.ones(2))


def test_a_gradient_that_is_not_finite_is_wrong():
    @jax.custom_vjp
    def function(x):
        return x

    function.defvjp(lambda x: (x, None), lambda _, g: (g * jnp.nan,))
    check = check_gradient(function, X)
    assert check.wrong.all() and json.loads(json.dumps(check.to_json(), allow_nan=False))["worst"]["error"] is None


def test_float32_stays_the_default():
    assert check_gradient(jnp.tanh, jnp.ones(3, jnp.float32)).ok
    assert jnp.ones(1).dtype == jnp.float32


@pytest.mark.parametrize(
    ("function", "x", "message"),
    [
        (lambda x: x.astype(jnp.float32), X, "the function gives float32 for float64"),
        (jnp.tanh, np.zeros((0, 3)), r"x of shape \(0, 3\) cannot be checked"),
        (jnp.tanh, np.array([1.0, np.inf]), r"x of shape \(2,\) cannot be checked"),
        ("gelo", X, "there is no activation 'gelo'; did you mean 'gelu'"),
    ],
)
def test_what_cannot_be_checked_is_refused(function, x, message):
    with pytest.raises(jt.ConfigError, match=f"^{message}"):
        check_gradient(function, x)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["math:tanh"], "math:tanh does not take an array of shape"),
        (["jax.numpy:tanhh"], "jax.numpy:tanhh cannot be imported"),
        (["no_such_module:f"], "no_such_module:f cannot be imported"),
        (["math:pi"], "math:pi is 3.14"),
        (["./act:f"], "./act:f cannot be imported: "),
        (["jaxtricks.nn.activations:Custom"], "jaxtricks.nn.activations:Custom cannot be made without arguments: "),
        (["builtins:dict"], "builtins:dict does not take an array of shape"),
        (["relu", "--points", "0"], "points = 0 is not a number of points >= 1"),
        (["gelu", "--seed", "-1"], "seed = -1 is not an integer >= 0"),
        (["relu", "--model.dropout", "0.5"], "--model.dropout is no flag"),
    ],
)
def test_the_command_refuses_in_one_sentence(words, message, capsys):
    with pytest.raises(SystemExit) as stop:
        cli.main(["check-gradient", *words])
    assert stop.value.code == 2 and message in (error := capsys.readouterr().err) and error.count("\n") == 1


@pytest.mark.parametrize("code", ["def f(:", "f = jn.tanh", "raise RuntimeError"])
def test_a_module_that_cannot_be_run_is_refused_in_one_sentence(code, tmp_path, monkeypatch):
    module = f"broken_{len(code)}"
    (tmp_path / f"{module}.py").write_text(code)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(jt.ConfigError, match=rf"^{module}:f cannot be imported: .+\.$"):
        check_named(f"{module}:f", points=3, seed=0)


def test_the_command_says_right_or_wrong_by_its_exit_code(capsys):
    cli.main(["check-gradient", "relu", "--points", "3"])
    assert capsys.readouterr().out.startswith("the gradient is right (3 entries, 1 at a kink")
    with pytest.raises(SystemExit) as stop:
        cli.main(["check-gradient", "tests.diagnose.test_gradients:off_by_1_percent", "--points", "5", "--json"])
    found = json.loads(capsys.readouterr().out)
    assert stop.value.code == 1 and not found["ok"] and found["wrong"] == 5
    assert found["worst"]["error"] == pytest.approx(0.01 / 1.01, rel=1e-4)
