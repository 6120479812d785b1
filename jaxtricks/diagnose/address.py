"""The address of a value that is not finite: layer, operation, line, direction, the value, and what the operation read."""

import dataclasses
import itertools
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from jaxtricks.diagnose.origin import first_bad, kind_of, origin
from jaxtricks.diagnose.places import PACKAGE, foreign, lies_in
from jaxtricks.diagnose.tape import Operation, Tape, Value, finite

Direction = Literal["forward", "backward", "update", "validation", "before the step"]

WRAPPED = re.compile(r"(?:jvp|transpose|vmap|pmap)\(([^()]*)\)")
AROUND = {"rematted_computation", "checkpoint", "remat", "while", "body", "cond", "scan", "closed_call", "custom_jvp_call"}
EACH = {  # operations whose results are each of the numbers at its own place
    *(
        "abs",
        "acos",
        "acosh",
        "add",
        "add_any",
        "and",
        "asin",
        "asinh",
        "atan",
        "atan2",
        "atanh",
        "bessel_i0e",
        "bessel_i1e",
        "cbrt",
    ),
    *("ceil", "clamp", "clz", "complex", "conj", "convert_element_type", "copy", "cos", "cosh", "digamma", "div", "eq"),
    *("erf", "erf_inv", "erfc", "exp", "exp2", "expm1", "floor", "ge", "gt", "igamma", "igamma_grad_a", "igammac", "imag"),
    *("integer_pow", "is_finite", "le", "lgamma", "log", "log1p", "logistic", "lt", "max", "min", "mul", "name", "ne", "neg"),
    *(
        "nextafter",
        "not",
        "or",
        "polygamma",
        "population_count",
        "pow",
        "real",
        "reduce_precision",
        "regularized_incomplete_beta",
    ),
    *("rem", "round", "rsqrt", "select_n", "shift_left", "shift_right_arithmetic", "shift_right_logical", "sign", "sin", "sinh"),
    *("sqrt", "square", "stop_gradient", "sub", "tan", "tanh", "xor", "zeta"),
}
ROOMS = [PACKAGE / room for room in ("restart", "diagnose")]  # they call what a user wrote; lines around only ask for training


def plain(number: float | None) -> float | str | None:
    """Gives a number as JSON has it, which knows none that is not finite.

    >>> plain(1.5), plain(-np.inf), plain(None)
    (1.5, '-inf', None)
    """
    return number if number is None or np.isfinite(number) else str(number)


@dataclass(frozen=True)
class Operand:
    """An array that the operation read.

    Args:
        shape: its shape.
        dtype: its type.
        smallest: of its finite numbers; None where it has none.
        largest: the same.
        finite: the share of its numbers that are finite, in [0, 1].
        at: its number at the place of the value, of an operation that works number by number; None: any other.

    >>> import jax.numpy as jnp
    >>> print(Operand.of(jnp.array([0.0, -4.0]), (1,)))
    float32[2] from -4 to 0, there -4
    """

    shape: tuple[int, ...]
    dtype: str
    smallest: float | None
    largest: float | None
    finite: float
    at: float | None

    @classmethod
    def of(cls, array: Any, index: tuple[int, ...] | None) -> "Operand":
        """Describes an array.

        Args:
            array: it, of any type but keys.
            index: the place of the value in the operation's result, which has the array's shape unless that is a number alone;
                None: the operation reads more than one number for it.
        """
        numbers = np.asarray(array)
        wide = numbers.astype(np.complex128 if np.iscomplexobj(numbers) else np.float64)
        good = np.abs(wide[np.isfinite(wide)]) if np.iscomplexobj(wide) else wide[np.isfinite(wide)]
        at = None if index is None else wide[index if wide.ndim else ()]
        smallest, largest = (float(good.min()), float(good.max())) if good.size else (None, None)
        share = float(np.isfinite(wide).mean()) if wide.size else 1.0
        return cls(numbers.shape, str(numbers.dtype), smallest, largest, share, None if at is None else float(np.real(at)))

    def to_dict(self) -> dict[str, Any]:
        """Gives it as plain data for JSON, in which numbers that are not finite are "nan", "inf" or "-inf"."""
        return dataclasses.asdict(self) | {name: plain(getattr(self, name)) for name in ("smallest", "largest", "at")}

    def __str__(self) -> str:
        text = f"{self.dtype}[{','.join(map(str, self.shape))}]"
        if self.smallest is not None:
            text += f" from {self.smallest:.4g} to {self.largest:.4g}"
        if self.finite < 1:
            text += f", {self.finite:.1%} finite"
        return text if self.at is None or not self.shape else f"{text}, there {self.at:.4g}"


@dataclass(frozen=True)
class Address:
    """Where the first value that is not finite arises in a step.

    Args:
        layer: the layer, as the path of a module of Linen, such as "hidden_0/dense"; that of the parameters, for other models and
            for updates; "loss" for what comes after the model; "" where none of it is known.
        operation: what JAX calls it, such as "log"; "given" for what was not finite before the step.
        line: the user's line that it comes from, such as "mine/model.py:12 in __call__", or else this package's; None where it is
            not known.
        direction: of the step; "validation" for what only the validation examples show.
        value: "nan", "inf" or "-inf".
        index: the place of the value in the operation's result.
        shape: the shape of that result.
        operands: what the operation read.
        loops: the loops around it, the outermost first, such as "scan 3" in the fourth turn of a scan.

    >>> read = Operand((8, 4), "float32", -1, 5, 1, -1)
    >>> print(Address("hidden_0", "log", "mine.py:7 in __call__", "forward", "nan", (2, 0), (8, 4), (read,)))
    nan from `log` in layer hidden_0, forward at [2, 0] of [8, 4]
      line: mine.py:7 in __call__
      read: float32[8,4] from -1 to 5, there -1
    """

    layer: str
    operation: str
    line: str | None
    direction: Direction
    value: str
    index: tuple[int, ...]
    shape: tuple[int, ...]
    operands: tuple[Operand, ...]
    loops: tuple[str, ...] = ()

    def __str__(self) -> str:
        where = f" in layer {self.layer}" if self.layer not in ("", "loss") else f" in the {self.layer}" * bool(self.layer)
        place = f" at {list(self.index)} of {list(self.shape)}" if self.shape else ""
        if self.operation == "given":
            return f"{self.value}{place} was there before the step: {self.layer}"
        head = f"{self.value} from `{self.operation}`{where}, {self.direction}{place}"
        lines = [head + "".join(f", {loop}" for loop in self.loops)]
        lines += [f"  line: {self.line}"] if self.line else []
        lines += [f"  read: {operand}" for operand in self.operands]
        return "\n".join(lines)

    def to_dict(self) -> dict[str, Any]:
        """Gives it as plain data for JSON, in which numbers that are not finite are "nan", "inf" or "-inf"."""
        return dataclasses.asdict(self) | {"operands": [operand.to_dict() for operand in self.operands]}


@dataclass(frozen=True)
class Result:
    """A result of a program by whose values the program is judged.

    Args:
        value: the array.
        direction: in which direction it lies at the latest.
        layer: of a parameter after the step, the path of its layer; "" for others.
    """

    value: Value
    direction: Direction
    layer: str = ""


def address(tape: Tape, results: Sequence[Result], model: str) -> Address | None:
    """Gives the address of the first value that a result is not finite by; None where all are finite.

    Args:
        tape: what was computed.
        results: in the order in which a step comes to them; the first ones that are not finite say where to look.
        model: the name of the model's class, which Linen's scopes begin with.
    """
    bad = [result for result in results if not finite(result.value.array)]
    if not bad:
        return None
    first = [result for result in bad if result.direction == bad[0].direction]
    known = [(origin(first_bad(result.value)) or first_bad(result.value), result) for result in first]
    place, result = min(known, key=lambda each: each[0].order)
    value = kind_of(place.number)
    shape = tuple(place.value.array.shape)
    operation = place.value.maker
    if operation is None:
        return Address(place.value.path, "given", None, "before the step", value, place.index, shape, ())
    direction = _direction(operation, results, result.direction)
    layer = result.layer if direction == "update" and result.layer else _layer(operation, model)
    shown = [each.array for each in operation.inputs if _is_number(each.array)]
    operands = tuple(Operand.of(array, place.index if operation.name in EACH else None) for array in shown)
    return Address(layer, operation.name, _line(operation), direction, value, place.index, shape, operands, operation.loops)


def _is_number(array: Any) -> bool:
    return bool(np.issubdtype(array.dtype, np.number) or np.issubdtype(array.dtype, np.bool_)) or "float" in str(array.dtype)


def _direction(operation: Operation, results: Sequence[Result], last: Direction) -> Direction:
    """The direction of the first of the results that an operation leads to."""
    for result in results:
        if result.value.maker is not None and operation.number in _before([result.value.maker]):
            return result.direction
    return last


def _before(makers: Iterable[Operation]) -> set[int]:
    """The numbers of all operations that some operations depend on, and their own."""
    todo, found = list(makers), set[int]()
    while todo:
        operation = todo.pop()
        if operation.number not in found:
            found.add(operation.number)
            todo += [value.maker for value in operation.inputs if value.maker is not None]
    return found


def layer_of(scopes: Sequence[str], model: str) -> str:
    """The path of the layer that named scopes name, without what transformations put around it.

    Args:
        scopes: of each program that calls the next.
        model: the name of the model's class; it is the path of what lies in none of its layers.

    >>> layer_of(["transpose(jvp(MLP))/hidden_0", "dense"], "MLP")
    'hidden_0/dense'
    >>> layer_of(["jvp(MLP)/hidden_0", "jvp(MLP)/hidden_0/checkpoint/dense"], "MLP"), layer_of(["jvp(MLP)"], "MLP")
    ('hidden_0/dense', 'MLP')
    """
    path: list[str] = []
    for scope in scopes:
        while scope != (inner := WRAPPED.sub(r"\1", scope)):
            scope = inner
        parts = [part for part in scope.split("/") if part and part not in AROUND]
        path = parts if parts[: len(path)] == path else path + parts
    return "/".join(part for part in path if part != model) or (model if model in path else "")


def _layer(operation: Operation, model: str) -> str:
    """The layer by the operation's own scopes, or else by the parameters that it depends on most closely."""
    if own := layer_of(operation.scope, model):
        return own
    todo, seen = [operation], {operation.number}
    while todo:
        further = []
        for each in todo:
            for value in each.inputs:
                if ".params." in f".{value.path}":
                    return "/".join(value.path.split("params.", 1)[1].split(".")[:-1])
                if value.maker is not None and value.maker.number not in seen:
                    seen.add(value.maker.number)
                    further.append(value.maker)
                    if (name := layer_of(value.maker.scope, model)) not in ("", "loss"):
                        return name
        todo = further
    return ""


def _line(operation: Operation) -> str | None:
    """The innermost line that is the user's, of those that training calls, or else the innermost of this package."""
    if operation.traceback is None:
        return None
    frames = list(operation.traceback.frames)
    called = itertools.takewhile(lambda frame: not any(lies_in(frame.file_name, room) for room in ROOMS), frames)
    own = [frame for frame in called if not foreign(frame.file_name)]
    for frame in own or [frame for frame in frames if lies_in(frame.file_name, PACKAGE)]:
        return f"{'/'.join(Path(frame.file_name).parts[-2:])}:{frame.line_num} in {frame.function_name}"
    return None
