"""Where a value that is not finite comes from, in programs whose first one is known."""

import json
import runpy
import shutil
import sysconfig
from pathlib import Path
from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import jaxtricks as jt
from jaxtricks.diagnose import places
from jaxtricks.diagnose.address import Address, Result, address
from jaxtricks.diagnose.origin import Spot, first_bad, origin
from jaxtricks.diagnose.tape import Operation, Tape, Value, finite, named
from jaxtricks.nn.quotient import divided

ONES = np.ones(4, np.float32)


def played(program, *arguments):
    """The results that are not finite, and the origin of the first one."""
    traced, tape = jax.jit(program).trace(*arguments), Tape()
    found = tape.play(traced.jaxpr, named(arguments))
    bad = [value for value in found if not finite(value.array)]
    return tape, bad, origin(first_bad(bad[0])) if bad else None


def attention(scores, planted):
    """A row of weights from scores with a mask; one of the scores may be the log of a negative number."""
    scores = jnp.where(jnp.arange(scores.size) % 2 == 0, scores, -jnp.inf) + jnp.log(1 - planted)
    return jax.nn.softmax(scores).sum(), scores.max()


@given(place=st.sampled_from([0, 2, 4, 6]), seed=st.integers(0, 5))
@settings(max_examples=12, deadline=None)
def test_a_mask_of_minus_infinity_is_no_origin_but_the_nan_beside_it_is(place, seed):
    scores = np.random.default_rng(seed).normal(size=8).astype(np.float32)
    planted = np.zeros(8, np.float32)
    assert not played(attention, scores, planted)[1]
    planted[place] = 2
    _, bad, _ = played(attention, scores, planted)
    assert len(bad) == 2
    for value in bad:
        found = origin(first_bad(value))
        assert (found.value.maker.name, found.index) == ("log", (place,))


@pytest.mark.parametrize("taken", [True, False])
def test_what_where_leaves_out_is_no_origin_though_it_came_before(taken):
    def program(x):
        first, second = jnp.log(-x), jnp.sqrt(-x)
        return jnp.where(jnp.arange(x.size) < x.size * taken, first, second).sum()

    assert played(program, ONES)[2].value.maker.name == ("log" if taken else "sqrt")


def test_a_row_that_is_all_masked_is_found_where_nan_arises_and_not_at_the_mask():
    found = played(lambda x: jax.nn.softmax(jnp.where(x > 5, x, -jnp.inf)), ONES)[2]
    assert found.value.maker.name == "sub"


def test_an_infinite_constant_alone_has_no_origin():
    assert played(lambda x: jnp.where(x > 5, x, jnp.inf), ONES)[2] is None


def test_a_maximum_over_padding_is_finite_and_its_gradient_too():
    def pooled(x):
        return jax.lax.reduce_window(x, -jnp.inf, jax.lax.max, (3,), (1,), "SAME").sum()

    assert not played(jax.value_and_grad(pooled), ONES)[1]


@pytest.mark.parametrize(
    ("program", "name", "loops"),
    [
        (lambda x: jax.lax.scan(lambda c, r: (c + jnp.sqrt(r), c), 0.0, x)[0], "sqrt", ("scan 2",)),
        (lambda x: jax.lax.scan(lambda c, r: (c, jnp.sqrt(r)), 0.0, x, reverse=True)[1], "sqrt", ("scan 2",)),
        (
            lambda x: jax.lax.while_loop(lambda c: c[0] < 4, lambda c: (c[0] + 1, c[1] * c[1]), (0, 1e9 * x[0]))[1],
            "mul",
            ("while 2",),
        ),
        (lambda x: jax.lax.cond(x[0] > 0, lambda x: jnp.log(x), lambda x: x, x), "log", ()),
        (lambda x: jax.checkpoint(lambda x: jnp.log(x))(x).sum(), "log", ()),
        (lambda x: jax.jit(lambda x: 1 + jax.jit(jnp.sqrt)(x))(x).sum(), "sqrt", ()),
        (lambda x: jnp.exp(100 * x * x) / jnp.exp(100 * x * x).sum(), "exp", ()),
        (lambda x: jnp.stack([x, x]).cumsum(axis=1) @ jnp.log(x), "log", ()),
    ],
)
def test_origins_within_loops_branches_and_programs_that_are_called(program, name, loops):
    found = played(program, np.array([1.0, 4.0, -1.0, 9.0], np.float32))[2]
    assert (found.value.maker.name, found.value.maker.loops) == (name, loops)


@pytest.mark.parametrize(
    ("loss", "name"),
    [
        (lambda x: jnp.where(x > 0, jnp.log(x), 0.0).sum(), "div"),
        (lambda x: jnp.sqrt(x * x).sum(), "div"),
        (jnp.linalg.norm, "div"),
        (lambda x: (x**0.3).sum(), "pow"),
    ],
)
def test_what_is_not_finite_in_the_gradient_alone_lies_backward(loss, name):
    traced, tape = jax.jit(jax.value_and_grad(loss)).trace(0 * ONES), Tape()
    value, gradient = tape.play(traced.jaxpr, named((0 * ONES,)))
    found = address(tape, [Result(value, "forward"), Result(gradient, "backward")], "Model")
    assert finite(value.array) and found is not None
    assert (found.operation, found.direction) == (name, "backward")


def addressed(program, *arguments):
    traced, tape = jax.jit(program).trace(*arguments), Tape()
    (found,) = tape.play(traced.jaxpr, named(arguments))
    return address(tape, [Result(found, "forward")], "Model")


def test_a_reduction_by_a_function_of_ones_own_is_one_operation():
    """Its function is of two numbers, and is not called with the arrays that the reduction reads."""

    def total(x):
        return jax.lax.reduce(x, np.float32(0), lambda a, b: a + 2 * b, (0,))

    def made(x):
        return total(jnp.log(x))

    given = np.array([1, np.nan, 2], np.float32)
    tape, bad, _ = played(total, given)
    assert [operation.name for operation in tape.operations] == ["reduce"] and bad[0].array.shape == ()
    assert played(made, np.array([1, -1, 2], np.float32))[2].value.maker.name == "log"
    assert addressed(total, given).operation == "given" and addressed(total, given).index == (1,)


SQUARE = np.array([[3e38, 1], [1, 2]], np.float32)


@pytest.mark.parametrize(
    ("program", "operation", "at"),
    [
        (lambda x: x * x, "mul", (SQUARE[0, 0],) * 2),
        (lambda x: x * jnp.float32(2), "mul", (SQUARE[0, 0], 2)),
        (lambda x: jnp.dot(x, x), "dot_general", (None, None)),
        (lambda x: jax.lax.cumsum(x + 1e38, 1), "cumsum", (None,)),
    ],
)
def test_a_number_at_the_place_is_given_for_operations_that_work_number_by_number(program, operation, at):
    found = addressed(program, SQUARE if operation != "cumsum" else np.full((2, 2), 1.5e38, np.float32))
    assert found.operation == operation
    assert tuple(each.at for each in found.operands) == at


def test_an_address_is_json_where_an_operand_is_not_finite():
    found = addressed(lambda x: jnp.where(x > 0, jnp.inf, x) - jnp.inf, ONES)
    assert found.operation == "sub" and np.inf in [each.at for each in found.operands]
    plain = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert "inf" in [each["at"] for each in plain["operands"]] and plain["value"] == "nan"


def test_the_line_is_the_users_in_a_notebook_and_not_the_packages(tmp_path):
    """The value arises in a line of the package, which the user's line calls."""
    scope = {"divided": divided}
    code = "def wrong(x):\n    return divided(1e38 * x.max(), 1e-3 * x[0])\n"
    for file in ("<ipython-input-1-0>", "<stdin>", str(tmp_path / "mine.py")):
        exec(compile(code, file, "exec"), scope)
        found = addressed(scope["wrong"], ONES)
        assert found.operation == "div"
        assert found.line == f"{'/'.join(Path(file).parts[-2:])}:2 in wrong"


@pytest.mark.parametrize(("model", "line"), [("mine/model.py", "mine/model.py:7 in f"), (None, "nn/layer.py:7 in f")])
def test_a_line_that_only_asks_for_the_training_is_not_the_one(model, line):
    """Some versions of JAX keep all lines up to that one."""
    package = places.PACKAGE
    files = [jax.__file__, package / "nn" / "layer.py", model, package / "restart" / "member.py", "mine/train.py"]
    frames = [SimpleNamespace(file_name=str(file), line_num=7, function_name="f") for file in files if file]
    made = Operation(0, "log", lambda arrays: [jnp.log(arrays[0])], (), (), SimpleNamespace(frames=frames), ())
    found = address(Tape(), [Result(Value(jnp.array(jnp.nan), made), "forward")], "Model")
    assert found is not None and found.line == line


@pytest.mark.parametrize("where", ["project", "project/venv/lib/site-packages"], ids=["checkout", "installed"])
def test_files_of_the_package_are_foreign_wherever_it_lies_and_those_beside_it_are_not(tmp_path, where):
    package = tmp_path / where / "jaxtricks"
    (package / "diagnose").mkdir(parents=True)
    shutil.copy(places.__file__, package / "diagnose" / "places.py")
    (tmp_path / "link").symlink_to(tmp_path / where)
    found = runpy.run_path(str(tmp_path / "link" / "jaxtricks" / "diagnose" / "places.py"))["foreign"]
    for file in (package / "nn" / "dense.py", tmp_path / "link" / "jaxtricks" / "nn" / "dense.py", Path(jax.__file__)):
        assert found(str(file))
    assert not found(str(package.parent / "train.py")) and not found(str(tmp_path / "project" / "venv" / "mine.py"))


def test_no_folder_of_a_whole_environment_counts_as_a_library():
    """A virtual environment may lie around the user's own code."""
    for name in ("data", "scripts"):
        assert not places.foreign(str(Path(sysconfig.get_path(name)) / "mine.py"))
    assert places.foreign(np.__file__) and places.foreign(json.__file__) and places.foreign(jt.__file__)
    assert places.foreign("<frozen runpy>") and places.foreign("<string>")


@given(size=st.integers(1, 40), data=st.data())
@settings(max_examples=15, deadline=None)
def test_the_very_number_is_found_through_products_sums_and_moves(size, data):
    place, kept = data.draw(st.integers(0, size - 1)), np.float32(1)
    x = np.full(size, kept)
    x[place] = -1

    def program(x):
        roots = jnp.sqrt(x)
        return (jnp.outer(roots[::-1], roots).T.reshape(-1) * 2).sum() + roots.max()

    found = played(program, x)[2]
    assert (found.value.maker.name, found.index) == ("sqrt", (place,))


def test_what_was_not_finite_before_is_named_by_its_path():
    traced, tape = jax.jit(lambda given: given["x"].sum() + 1).trace({"x": ONES}), Tape()
    (total,) = tape.play(traced.jaxpr, named({"x": np.array([1, np.nan, 1, 1], np.float32)}))
    found = address(tape, [Result(total, "forward")], "Model")
    assert found == Address("x", "given", None, "before the step", "nan", (1,), (4,), ())
    assert str(found) == "nan at [1] of [4] was there before the step: x"


def test_all_finite_has_no_address():
    tape = Tape()
    (total,) = tape.play(jax.jit(jnp.sum).trace(ONES).jaxpr, named((ONES,)))
    assert address(tape, [Result(total, "forward")], "Model") is None and Spot(total, ()).number == 4
