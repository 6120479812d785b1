"""What a function computes, as a list of operations with their arrays: what NumPy, ONNX or another small interpreter runs.

The function is traced twice, for two numbers of examples, so that every length is seen to be fixed or a line of that number.
What depends on weights alone is computed here and now. So no model has to know of this: whatever library it is written in, and
whatever its layers are called, it consists of operations of `jax.lax`.
"""

import dataclasses
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import jax
import jax.extend.core
import numpy as np

from jaxtricks.config import ConfigError

EXAMPLES = (5, 7)  # of the two traces
Name: TypeAlias = int  # of a value that is computed, in the order in which they are

# The operations that predict.py knows, and the parameters of each that it is told; of others it has to be sure, see EXPECTED.
READ: dict[str, tuple[str, ...]] = dict.fromkeys(
    (
        *("exp", "exp2", "log", "log1p", "expm1", "tanh", "sin", "cos", "tan", "sqrt", "cbrt", "abs", "sign", "floor", "ceil"),
        *("square", "neg", "is_finite", "erf", "erfc", "logistic", "rsqrt", "add", "sub", "mul", "max", "min"),
        *("pow", "div", "rem", "eq", "ne", "lt", "le", "gt", "ge", "and", "or", "xor", "not", "clamp", "select_n"),
    ),
    (),
)
ELEMENTWISE = frozenset(READ) | {"integer_pow", "convert_element_type"}  # and of one shape, but for scalars
REDUCED = ("reduce_sum", "reduce_prod", "reduce_max", "reduce_min", "reduce_and", "reduce_or")
POOLED = ("window_dimensions", "window_strides", "padding", "window_dilation")
READ |= {
    "integer_pow": ("y",),
    "convert_element_type": ("new_dtype",),
    "reshape": ("new_sizes",),
    "transpose": ("permutation",),
    "broadcast_in_dim": ("shape", "broadcast_dimensions"),
    "squeeze": ("dimensions",),
    "rev": ("dimensions",),
    "concatenate": ("dimension",),
    "stack": ("axis",),
    "unstack": ("axis",),
    "tile": ("reps",),
    "pad": ("padding_config",),
    "split": ("sizes", "axis"),
    "slice": ("start_indices", "limit_indices", "strides"),
    "dynamic_slice": ("slice_sizes",),
    "iota": ("dtype", "shape", "dimension"),
    "argmax": ("axes", "index_dtype"),
    "cumsum": ("axis", "reverse"),
    **dict.fromkeys(REDUCED, ("axes",)),
    "reduce_window_max": POOLED,
    "reduce_window_sum": POOLED,
    "dot_general": ("dimension_numbers",),
    "conv_general_dilated": ("window_strides", "padding", "rhs_dilation", "dimension_numbers", "feature_group_count"),
    "gather": ("dimension_numbers", "slice_sizes", "mode", "fill_value"),
    "scan": ("length", "reverse", "num_consts", "num_carry"),
}
EXPECTED: dict[str, dict[str, Any]] = {  # parameters that predict.py knows no other value of
    "reshape": {"dimensions": None},
    "conv_general_dilated": {"lhs_dilation": 1, "batch_group_count": 1},
    "reduce_window_max": {"base_dilation": 1},
    "reduce_window_sum": {"base_dilation": 1},
}
MODES = ("CLIP", "PROMISE_IN_BOUNDS", "FILL_OR_DROP")  # of a gather: what it does with places outside, that predict.py does, too
LOOPS = ("scan",)
BODIES = ("jaxpr", "call_jaxpr", "fun_jaxpr")  # parameters that hold a function that is called
NOTHING = ("stop_gradient", "copy", "optimization_barrier")  # operations that change no value
DTYPES = frozenset(("bool", "uint8", "uint32", "int8", "int32", "int64", "float16", "float32", "float64"))


@dataclasses.dataclass(frozen=True, eq=False)
class KnownArray:
    """A value that no input decides.

    Args:
        array: it; of a value of many equal rows, axes of length 1 in their place.
        shape: all its lengths; those that are a line of the number of examples as in `Line`.
        own: whether it is a member's own, such as weights, and not the same for all.
    """

    array: np.ndarray
    shape: tuple[Any, ...]
    own: bool = False

    @property
    def whole(self) -> bool:
        """Whether the array has all its lengths."""
        return self.array.shape == self.shape


@dataclasses.dataclass(frozen=True)
class LaxStep:
    """One operation.

    Args:
        name: that of jax.lax.
        ins: values that were computed, by name, and those that are known.
        outs: the names of what it gives.
        how: its parameters, as JSON.
        shape: of what it gives first.
    """

    name: str
    ins: tuple["Name | KnownArray", ...]
    outs: tuple[Name, ...]
    how: Mapping[str, Any]
    shape: tuple[Any, ...]


@dataclasses.dataclass(frozen=True)
class LaxProgram:
    """Operations, one after the other.

    Args:
        inputs: how many values it is given; they are named 0, 1, ….
        steps: the operations.
        outs: what it gives.
    """

    inputs: int
    steps: tuple[LaxStep, ...]
    outs: tuple["Name | KnownArray", ...]


Value: TypeAlias = Name | KnownArray


def program_of(function: Callable[..., Any], weights: Any, inputs: Callable[[int], Sequence[Any]], title: str) -> LaxProgram:
    """Gives the operations of a function of weights and inputs.

    Args:
        function: (weights, *inputs) → an array.
        weights: a tree of arrays, which are known.
        inputs: the number of examples → the shapes and types of the inputs, as `jax.ShapeDtypeStruct`.
        title: what the function is called in messages.

    Raises:
        ConfigError: for an operation that predict.py does not know, or a function that is another one for other numbers of
            examples.

    >>> found = program_of(lambda w, x: jnp.tanh(x @ w["a"]), {"a": np.ones((3, 2))}, lambda n: [jnp.ones((n, 3))], "it")
    >>> [step.name for step in found.steps]
    ['dot_general', 'tanh']
    """
    leaves, structure = jax.tree.flatten(weights)
    leaves = [np.asarray(leaf, jax.dtypes.canonicalize_dtype(np.asarray(leaf).dtype)) for leaf in leaves]

    def flat(*arrays: Any) -> Any:
        return function(jax.tree.unflatten(structure, arrays[: len(leaves)]), *arrays[len(leaves) :])

    traces = [jax.make_jaxpr(flat)(*leaves, *inputs(examples)) for examples in EXAMPLES]
    known = [KnownArray(leaf, leaf.shape, own=True) for leaf in leaves]
    given = len(traces[0].jaxpr.invars) - len(leaves)
    return _TraceReader(title, given).program(traces, [*known, *range(given)])


class _TraceReader:
    """Reads two traces of one function side by side."""

    def __init__(self, title: str, given: int) -> None:
        self.title, self.given, self.count, self.steps = title, given, given, list[LaxStep]()

    def program(self, traces: Sequence[Any], given: Sequence[Value]) -> LaxProgram:
        """All operations of a traced function; arguments as for `read`."""
        outs = [self.spelt(value) for value in self.read(traces, given)]
        return LaxProgram(self.given, tuple(self.steps), tuple(outs))

    def read(self, traces: Sequence[Any], given: Sequence[Value]) -> list[Value]:
        """The values that a traced function gives, after its operations were written down.

        Args:
            traces: the two traces, closed.
            given: its arguments.
        """
        one, two = (trace.jaxpr for trace in traces)
        if [eqn.primitive.name for eqn in one.eqns] != [eqn.primitive.name for eqn in two.eqns]:
            self._refuse("has other operations for other numbers of examples")
        constants = [self._constant(*pair) for pair in zip(*(trace.consts for trace in traces), strict=True)]
        values: dict[Any, Value] = dict(zip((*one.constvars, *one.invars), (*constants, *given), strict=True))

        def value(here: Any, there: Any) -> Value:
            if not hasattr(here, "val"):
                return values[here]
            return self._constant(*(np.asarray(each.val, each.aval.dtype) for each in (here, there)))

        for here, there in zip(one.eqns, two.eqns, strict=True):
            ins = [value(*pair) for pair in zip(here.invars, there.invars, strict=True)]
            values |= dict(zip(here.outvars, self._equation(here, there, ins), strict=True))
        return [value(*pair) for pair in zip(one.outvars, two.outvars, strict=True)]

    def _equation(self, here: Any, there: Any, ins: list[Value]) -> Sequence[Value]:
        name = here.primitive.name
        inner = next((key for key in BODIES if key in here.params), None)
        if inner is not None and name not in LOOPS:  # a call: jit, a custom gradient, rematerialization
            return self.read([_closed(eqn.params[inner]) for eqn in (here, there)], ins)
        if name in NOTHING:
            return ins
        shapes = [_line(a.aval.shape, b.aval.shape) for a, b in zip(here.outvars, there.outvars, strict=True)]
        known = [value for value in ins if isinstance(value, KnownArray)]
        own = any(value.own for value in known)
        if len(known) == len(ins) and name not in LOOPS:
            if all(value.whole for value in known) and _same(here.params, there.params) and _fixed(shapes[0]):
                found = here.primitive.bind(*(value.array for value in known), **here.params)
                several = found if here.primitive.multiple_results else [found]
                return [KnownArray(_on_host(each), each.shape, own) for each in several]
            if name == "broadcast_in_dim":
                return [_spread(known[0], here.params["broadcast_dimensions"], shapes[0])]
            if name in ELEMENTWISE:
                arrays = np.broadcast_arrays(*(value.array for value in known))
                return [KnownArray(np.asarray(here.primitive.bind(*arrays, **here.params)), shapes[0], own)]
        if name not in READ:
            self._refuse(f"computes {name!r}, which the file for NumPy does not")
        for key, expected in EXPECTED.get(name, {}).items():
            if set(np.ravel(here.params[key])) != {expected}:
                self._refuse(f"computes {name!r} with {key} = {here.params[key]}, which the file for NumPy does not")
        how = {key: self._told(here.params[key], there.params[key]) for key in READ[name]}
        if name in LOOPS:
            bodies = [eqn.params["jaxpr"] for eqn in (here, there)]
            how["body"] = _TraceReader(self.title, len(ins)).program(bodies, range(len(ins)))
        seen = [_line(a.aval.shape, b.aval.shape) for a, b in zip(here.invars, there.invars, strict=True)]
        given = ins if name in ELEMENTWISE and _reach(ins, seen, shapes[0]) else [self.spelt(value) for value in ins]
        return self._step(name, given, how, shapes)

    def _step(self, name: str, ins: Sequence[Value], how: Mapping[str, Any], shapes: Sequence[Any]) -> Sequence[Value]:
        outs = tuple(range(self.count, self.count + len(shapes)))
        self.count += len(shapes)
        self.steps.append(LaxStep(name, tuple(ins), outs, how, shapes[0]))
        return outs

    def spelt(self, value: Value) -> Value:
        """The value with all its lengths, for operations that look at them."""
        if not isinstance(value, KnownArray) or value.whole:
            return value
        how = {"shape": list(value.shape), "broadcast_dimensions": list(range(len(value.shape)))}
        return self._step("broadcast_in_dim", [dataclasses.replace(value, shape=value.array.shape)], how, [value.shape])[0]

    def _constant(self, here: Any, there: Any) -> KnownArray:
        one, two = np.asarray(here), np.asarray(there)
        if one.shape != two.shape or not np.array_equal(one, two, equal_nan=one.dtype.kind == "f"):
            self._refuse("has a number in it that depends on the number of examples")
        return KnownArray(one, one.shape)

    def _told(self, here: Any, there: Any) -> Any:
        """A parameter as JSON; a float that is no number is None."""
        if isinstance(here, (np.generic, np.ndarray, jax.Array)):
            here, there = here.item(), there.item()
        if isinstance(here, (tuple, list)):
            return [self._told(*pair) for pair in zip(here, there, strict=True)]
        if here is None or isinstance(here, bool):
            return here
        if isinstance(here, float):
            return None if math.isnan(here) else here
        if isinstance(here, jax.lax.GatherScatterMode):
            if here.name not in MODES:
                self._refuse(f"looks up places by {here}, which the file for NumPy does not")
            return here.name
        if isinstance(here, (int, np.integer)):
            return _line((int(here),), (int(there),))[0]
        dtype = np.dtype(here).name
        if dtype not in DTYPES:
            self._refuse(f"computes in {dtype}, which NumPy does not know")
        return dtype

    def _refuse(self, what: str) -> None:
        raise ConfigError(f"{self.title} {what}; numpy=False leaves that file out, and model.stablehlo holds any model.")


def _on_host(array: Any) -> Any:
    """An array of NumPy's; random keys, which nothing comes of in an evaluation, as they are."""
    return array if jax.dtypes.issubdtype(array.dtype, jax.dtypes.extended) else np.asarray(array)


def _closed(body: Any) -> Any:
    """A traced function with its constants; some calls have none."""
    return body if hasattr(body, "consts") else jax.extend.core.ClosedJaxpr(body, ())


def _line(here: Sequence[int], there: Sequence[int]) -> tuple[Any, ...]:
    """Lengths; those that differ are a line of the number of examples: {"n": its slope, "+": the rest}."""
    found = []
    for one, two in zip(here, there, strict=True):
        slope = (two - one) // (EXAMPLES[1] - EXAMPLES[0])
        found.append(one if one == two else {"n": slope, "+": one - slope * EXAMPLES[0]})
    return tuple(found)


def _fixed(shape: Sequence[Any]) -> bool:
    return not any(isinstance(length, dict) for length in shape)


def _reach(values: Sequence[Value], seen: Sequence[Any], shape: tuple[Any, ...]) -> bool:
    """Whether arrays of these values, as they are kept, make an array of a shape where they meet."""
    kept = [value.array.shape if isinstance(value, KnownArray) else shape for value, shape in zip(values, seen, strict=True)]
    return all(any(each and each[axis] != 1 for each in kept) for axis, length in enumerate(shape) if length != 1)


def _same(here: Any, there: Any) -> bool:
    """Whether no parameter depends on the number of examples."""
    return all(str(here[key]) == str(there[key]) for key in here)


def _spread(value: KnownArray, axes: Sequence[int], shape: tuple[Any, ...]) -> KnownArray:
    """A known value with more axes, along which it is the same."""
    lengths = [1] * len(shape)
    for axis, length in zip(axes, value.array.shape, strict=True):
        lengths[axis] = length
    return KnownArray(value.array.reshape(lengths), shape, value.own)
