"""The doctor of a step where it could be wrong: the first number that breaks, what only looks like a fault, older JAX."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from jax.extend import core
from jax.sharding import Mesh, PartitionSpec

import jaxtricks as jt
from jaxtricks.diagnose import STEP_SIGNS, Cause, StepCase
from jaxtricks.diagnose.first_broken import first_broken
from jaxtricks.diagnose.flow import flow_of
from jaxtricks.diagnose.gradients import float64
from tests.diagnose.loop_of_a_user import RATE, batch, causes, scores, severities, start, stepping


def test_branches_that_exclude_each_other_may_use_one_key():
    def draws(key, x):
        return jax.lax.cond(x > 0, lambda: jax.random.normal(key), lambda: jax.random.uniform(key))

    one, two = flow_of(jax.make_jaxpr(draws)(jax.random.key(0), 1.0)).keys
    assert one.value == two.value and one.around.excludes(two.around)


def test_the_first_operation_that_is_not_finite_is_named_inside_of_calls():
    program = jax.make_jaxpr(lambda x: jax.jit(lambda y: jnp.sqrt(y - 1) * 2)(x) + 1)(0.0)
    assert first_broken(program, [0.0]).startswith("sqrt gives nan first (test_step_doubts.py, line ")
    assert first_broken(program, [2.0]) == ""


def test_nan_that_the_compiler_takes_out_of_the_loss_is_seen():
    def masked(given, labels):
        logs = jax.nn.log_softmax(jnp.where(jnp.arange(3)[None] != (labels[:, None] + 1) % 3, given, -jnp.inf))
        return -(jax.nn.one_hot(labels, 3) * logs).sum(axis=-1).mean()

    assert Cause.ARITHMETIC in causes("finite", jax.jit(stepping(loss=masked)))


def test_nan_that_the_compiler_takes_out_of_a_call_is_named_inside_of_it():
    loss = jax.jit(lambda x, label: (jax.nn.one_hot(label, 2) * jnp.log(x)).sum())  # compiled, the product is a choice
    given = (jnp.array([0.0, 1.0]), jnp.array(1))
    assert np.isfinite(loss(*given))
    assert first_broken(jax.make_jaxpr(lambda *each: loss(*each))(*given), given).startswith("mul gives nan first")


def test_nan_is_named_before_the_infinity_that_a_mask_is_made_of():
    program = jax.make_jaxpr(lambda x: 0.0 * jnp.log(x))(0.0)
    assert first_broken(program, [0.0]).startswith("mul gives nan first")


def test_a_best_value_that_begins_at_infinity_is_no_fault_and_a_weight_at_infinity_is_one():
    plateau = optax.chain(optax.sgd(RATE), optax.contrib.reduce_on_plateau())

    @jax.jit
    def step(state, given):
        value, slopes = jax.value_and_grad(lambda w: (given * w**2).mean())(state["w"])
        updates, opt = plateau.update(slopes, state["opt"], value=value)
        return {"w": state["w"] + updates, "opt": opt}, value

    state = {"w": jnp.ones(3), "opt": plateau.init(jnp.ones(3))}
    assert severities("finite", step, state, jnp.ones(3)) == []
    assert severities("finite", step, state | {"w": jnp.array([1.0, jnp.inf, 1.0])}, jnp.ones(3)) == ["fault"]


def test_numbers_that_float32_cannot_hold_are_read_as_they_are():
    step = jax.jit(lambda state, x: (state | {"w": state["w"] - 0.1 * x}, state["w"] * x))
    with float64(True):
        assert severities("finite", step, {"w": 1.0, "far": jnp.array(1e300)}, 1.0) == []
    assert severities("finite", step, {"w": 1.0, "z": jnp.array(complex(0, np.nan))}, 1.0) == ["fault"]


@pytest.mark.parametrize(
    "optimizer",
    [
        optax.inject_hyperparams(optax.sgd)(optax.linear_schedule(RATE, 0.0, 100)),
        optax.apply_if_finite(optax.sgd(RATE), 3),
    ],
)
def test_what_an_optimizer_makes_anew_of_its_counter_or_of_gradients_is_no_fault(optimizer):
    assert severities("carried", jax.jit(stepping(optimizer)), start(optimizer), batch()) == []


@pytest.mark.parametrize(("count", "severity"), [(1, "hint"), (1000, "fault")])
def test_counters_that_are_far_apart_are_of_an_optimizer_that_was_begun_anew(count, severity):
    assert severities("carried", jax.jit(stepping()), start() | {"step": jnp.array(count)}, batch()) == [severity]


def test_a_loss_that_is_a_plain_number_is_no_crash():
    found = jt.examine_step(jax.jit(lambda state, given: (state, 0.5)), {"w": jnp.ones(3)}, jnp.ones(3))
    assert not found.ok


@jax.custom_vjp
def rounded(leaf):
    return jnp.round(leaf)


rounded.defvjp(lambda leaf: (jnp.round(leaf), None), lambda _, slope: (slope,))


def test_weights_that_only_a_rule_of_the_users_own_reaches_are_a_hint_and_still_ones_a_fault():
    moving = jax.jit(stepping(forward=lambda *a: scores(*a, cut=rounded)))
    (symptom,) = STEP_SIGNS["reach"](StepCase(moving, start(), batch()))
    assert symptom.severity == "hint" and "jax.custom_vjp" in symptom.text and symptom.where == ("state/params/a/w",)
    still = jax.jit(stepping(forward=lambda *a: scores(*a, cut=jax.lax.stop_gradient)))
    assert severities("reach", still, start(), batch()) == ["fault"]


def test_a_constant_with_only_the_shape_of_a_weight_is_a_hint():
    of_classes = jnp.linspace(0.5, 2.0, 10)
    step = jax.jit(lambda bias, x: (bias - 0.1 * x, (of_classes * bias * x).sum()))
    assert severities("outside", step, jnp.ones(10), 1.0) == ["hint"]
    assert severities("outside", step, of_classes, 1.0) == ["fault"]


def test_a_mean_of_the_data_is_a_hint_and_an_average_that_nothing_moves_a_fault():
    step = jax.jit(lambda s, x: (s | {"w": s["w"] - 0.1}, (s["w"] * (x - s["mean"])).sum()))
    unused = jax.jit(lambda s, x: (s | {"w": s["w"] - 0.1}, (s["w"] * x).sum()))
    data, zeros, ones = ({"w": jnp.ones(2), "mean": mean} for mean in (jnp.array([1.0, 2.0]), jnp.zeros(2), jnp.ones(2)))
    assert severities("statistics", step, data, jnp.ones(2)) == severities("statistics", unused, data, jnp.ones(2)) == ["hint"]
    assert severities("statistics", step, zeros, jnp.ones(2)) == ["hint"]
    assert (
        severities("statistics", unused, zeros, jnp.ones(2)) == severities("statistics", unused, ones, jnp.ones(2)) == ["fault"]
    )


@pytest.mark.parametrize("none", [None, ()])
def test_a_step_without_a_batch_is_not_asked_for_one(none):
    assert severities("score", jax.jit(lambda w, _: (0.9 * w, w**2)), jnp.ones(()), none) == []


def test_a_second_compilation_may_come_of_types_or_of_devices():
    (symptom,) = STEP_SIGNS["recompiled"](StepCase(jax.jit(lambda w, x: (w - x, w * x)), 1.0, jnp.ones(())))
    assert symptom.severity == "hint" and symptom.text.endswith("other types or devices than the first.")


def test_the_axes_of_devices_are_read_under_their_older_name():
    mesh, rows = Mesh(jax.devices()[:2], ("data",)), PartitionSpec("data")
    average = lambda tree: jax.lax.pmean(tree, "data")  # noqa: E731
    program = jax.make_jaxpr(jax.shard_map(average, mesh=mesh, in_specs=rows, out_specs=PartitionSpec()))(jnp.ones(2))
    (equation,) = program.eqns
    older = dict(equation.params)
    older["manual_axes"] = older.pop("newly_manual_axes")
    renamed = core.ClosedJaxpr(program.jaxpr.replace(eqns=[equation.replace(params=older)]), program.consts)
    assert flow_of(renamed).sums[0].around.axes == flow_of(program).sums[0].around.axes == (("data", 2),)


def test_a_reduction_by_a_function_of_the_users_own_is_no_call_of_it():
    program = jax.make_jaxpr(lambda x: jax.lax.reduce(x, 0.0, lambda one, two: one, (0,)))(jnp.ones(3))
    read = flow_of(program)
    assert read.outputs[0].number != read.inputs[0].number
    divided = jax.make_jaxpr(lambda x: jax.lax.reduce(x, 0.0, lambda one, two: one / two - two / one, (0,)))(jnp.zeros(3))
    assert first_broken(divided, [jnp.zeros(3)]).startswith("reduce gives nan first")
