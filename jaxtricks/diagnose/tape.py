"""A program that is computed operation by operation, with everything written down: what each one read and what it gave."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend.core import ClosedJaxpr, Jaxpr, JaxprEqn, Literal

Arrays = Sequence[Any]
Index = tuple[int, ...]
CALLS = ("jaxpr", "call_jaxpr", "fun_jaxpr")  # where an operation that calls a program keeps it


@dataclass(eq=False, frozen=True)
class Value:
    """An array of a computation.

    Args:
        array: it.
        maker: the operation that gave it; None: it was there before.
        path: of an argument its name, such as "state.params.head.kernel"; "" for constants of the program and what was made.
        output: which of its maker's results it is.
    """

    array: Any
    maker: "Operation | None" = None
    path: str = ""
    output: int = 0


@dataclass(eq=False, frozen=True)
class Operation:
    """One operation, as it was computed.

    Args:
        number: its place in the order of the computation, from 0.
        name: what JAX calls it, such as "dot_general".
        apply: arrays → arrays, to compute it again.
        inputs: what it read.
        scope: the named scopes around it, such as "jvp(MLP)/hidden_0/dense", of each program that calls the next.
        traceback: where it was written down; None: not known.
        loops: the loops around it, such as "scan 3" in the fourth turn of a scan.
        moved: for one that only moves numbers, the place of a number that it gave → which input it is of, and where; None: for
            any other.
    """

    number: int
    name: str
    apply: Callable[[Arrays], Arrays]
    inputs: tuple[Value, ...]
    scope: tuple[str, ...]
    traceback: Any
    loops: tuple[str, ...]
    moved: Callable[[Index], tuple[int, Index]] | None = None


def finite(array: Any) -> bool:
    """Tells whether all numbers of an array are finite; what holds no floats is.

    >>> finite(jnp.array([1.0, jnp.inf])), finite(jnp.array([1, 2]))
    (False, True)
    """
    return not jnp.issubdtype(array.dtype, jnp.inexact) or bool(np.isfinite(np.asarray(array)).all())


def dtype_of(aval: Any) -> Any:
    """The type of the numbers of an abstract array."""
    return aval.dtype


@dataclass(frozen=True)
class Around:
    """What lies around the operations of a part of a program.

    Args:
        scope: its named scopes, of each program that calls the next.
        loops: its loops.
    """

    scope: tuple[str, ...] = ()
    loops: tuple[str, ...] = ()

    def within(self, eqn: JaxprEqn) -> "Around":
        """What lies around the operations of the program that an operation calls."""
        return Around((*self.scope, str(eqn.source_info.name_stack)), self.loops)

    def turn(self, name: str, number: int) -> "Around":
        """What lies around one turn of a loop."""
        return Around(self.scope, (*self.loops, f"{name} {number}"))


class Tape:
    """What a program computed, operation by operation.

    Programs that it calls, and loops, are one operation where all that they give is finite, and else are gone into.

    Args:
        always: whether programs that it calls, but no loops, are gone into where all is finite, too: compiled as a whole they may
            leave out a number that is not.

    >>> program = jax.make_jaxpr(lambda x: jnp.log(x - 1))(1.0)
    >>> tape = Tape()
    >>> (found,) = tape.play(program, [Value(jnp.array(1.0), path="x")])
    >>> [operation.name for operation in tape.operations], found.array.item()
    (['sub', 'log'], -inf)
    """

    def __init__(self, always: bool = False) -> None:
        self.always = always
        self.operations: list[Operation] = []
        self.made: list[Value] = []

    def play(self, program: ClosedJaxpr, arguments: Sequence[Value], around: Around = Around()) -> list[Value]:
        """Computes a program, and gives its results.

        Args:
            program: the program.
            arguments: what it reads.
            around: what lies around it.
        """
        constants = [Value(array) for array in program.consts]
        return self._played(program.jaxpr, constants, arguments, around)

    def _played(self, jaxpr: Jaxpr, constants: Sequence[Value], arguments: Sequence[Value], around: Around) -> list[Value]:
        known: dict[Any, Value] = dict(zip(jaxpr.constvars, constants, strict=True))
        known |= dict(zip(jaxpr.invars, arguments, strict=True))

        def read(atom: Any) -> Value:
            return Value(jnp.asarray(atom.val, dtype_of(atom.aval))) if isinstance(atom, Literal) else known[atom]

        for eqn in jaxpr.eqns:
            inputs = [read(atom) for atom in eqn.invars]
            known |= dict(zip(eqn.outvars, self._computed(eqn, inputs, around), strict=True))
        return [read(atom) for atom in jaxpr.outvars]

    def _computed(self, eqn: JaxprEqn, inputs: list[Value], around: Around) -> list[Value]:
        def apply(arrays: Arrays) -> Arrays:
            with eqn.ctx.manager:  # type: ignore[attr-defined]
                bound = eqn.primitive.get_bind_params(eqn.params)
                inner, params = bound if isinstance(bound, tuple) else ((), bound)  # older versions of JAX give functions, too
                found = eqn.primitive.bind(*inner, *arrays, **params)
            return found if eqn.primitive.multiple_results else [found]  # type: ignore[no-any-return]

        into, within = INTO.get(eqn.primitive.name, _call), around.within(eqn)
        if self.always and into is _call and (found := into(self, eqn, inputs, within)) is not None:
            return found
        arrays = apply([value.array for value in inputs])
        if not all(map(finite, arrays)) and (found := into(self, eqn, inputs, within)) is not None:
            return found
        return self._noted(eqn.primitive.name, apply, inputs, arrays, within, eqn.source_info.traceback)

    def _noted(
        self, name: str, apply: Any, inputs: Sequence[Value], arrays: Arrays, around: Around, traceback: Any, moved: Any = None
    ) -> list[Value]:
        made = Operation(len(self.operations), name, apply, tuple(inputs), around.scope, traceback, around.loops, moved)
        self.operations.append(made)
        found = [Value(array, made, output=number) for number, array in enumerate(arrays)]
        self.made += found
        return found

    def taken(self, value: Value, turn: int, around: Around) -> Value:
        """What one turn of a loop reads of an array with a row for each."""
        (found,) = self._noted(
            "slice",
            lambda arrays: [arrays[0][turn]],
            [value],
            [value.array[turn]],
            around,
            None,
            lambda index: (0, (turn, *index)),
        )
        return found

    def stacked(self, values: Sequence[Value], around: Around) -> Value:
        """The array with a row of each turn of a loop."""
        arrays = [value.array for value in values]
        (found,) = self._noted(
            "stack", lambda arrays: [jnp.stack(arrays)], values, [jnp.stack(arrays)], around, None, lambda i: (i[0], i[1:])
        )
        return found


def _call(tape: Tape, eqn: JaxprEqn, inputs: list[Value], around: Around) -> list[Value] | None:
    """Goes into a program that is called as it is; None for an operation that calls none, or calls it in another way."""
    inner = next((eqn.params[name] for name in CALLS if name in eqn.params), None)
    if isinstance(inner, Jaxpr):
        inner = ClosedJaxpr(inner, ())
    if not isinstance(inner, ClosedJaxpr):
        return None
    reads, gives = ([atom.aval.shape for atom in atoms] for atoms in (inner.jaxpr.invars, inner.jaxpr.outvars))  # type: ignore[attr-defined]
    if reads != [value.array.shape for value in inputs] or gives != [atom.aval.shape for atom in eqn.outvars]:  # type: ignore[attr-defined]
        return None  # such as a reduction by a function of two numbers
    return tape.play(inner, inputs, around)


def _shard_map(tape: Tape, eqn: JaxprEqn, inputs: list[Value], around: Around) -> list[Value] | None:
    """On one device a part is the whole; over several it stays one operation."""
    return _call(tape, eqn, inputs, around) if eqn.params["mesh"].size == 1 else None


def _cond(tape: Tape, eqn: JaxprEqn, inputs: list[Value], around: Around) -> list[Value]:
    branches, index, *rest = eqn.params["branches"], *inputs
    return tape.play(branches[int(np.clip(index.array, 0, len(branches) - 1))], rest, around)


def _while(tape: Tape, eqn: JaxprEqn, inputs: list[Value], around: Around) -> list[Value]:
    asks, does = eqn.params["cond_nconsts"], eqn.params["body_nconsts"]
    ask, do, carried = inputs[:asks], inputs[asks : asks + does], inputs[asks + does :]
    turn = 0
    while bool(tape.play(eqn.params["cond_jaxpr"], [*ask, *carried], around.turn("while", turn))[0].array):
        carried = tape.play(eqn.params["body_jaxpr"], [*do, *carried], around.turn("while", turn))
        turn += 1
    return carried


def _scan(tape: Tape, eqn: JaxprEqn, inputs: list[Value], around: Around) -> list[Value] | None:
    consts, carry, length = eqn.params["num_consts"], eqn.params["num_carry"], eqn.params["length"]
    if length == 0:
        return None
    shared, carried, rows = inputs[:consts], inputs[consts : consts + carry], inputs[consts + carry :]
    turns = reversed(range(length)) if eqn.params["reverse"] else range(length)
    given: dict[int, list[Value]] = {}
    for turn in turns:
        here = around.turn("scan", turn)
        found = tape.play(eqn.params["jaxpr"], [*shared, *carried, *(tape.taken(row, turn, here) for row in rows)], here)
        carried, given[turn] = found[:carry], found[carry:]
    return [*carried, *(tape.stacked(values, around) for values in zip(*(given[turn] for turn in range(length)), strict=True))]


Into = Callable[[Tape, JaxprEqn, list[Value], Around], list[Value] | None]
INTO: dict[str, Into] = {"cond": _cond, "while": _while, "scan": _scan, "shard_map": _shard_map}


def named(tree: Any) -> list[Value]:
    """The arrays of a tree as values with their paths.

    >>> [value.path for value in named({"head": {"bias": jnp.zeros(2)}})]
    ['head.bias']
    """
    leaves = jax.tree_util.tree_leaves_with_path(tree)
    return [Value(jnp.asarray(leaf), path=jax.tree_util.keystr(path, simple=True, separator=".")) for path, leaf in leaves]
