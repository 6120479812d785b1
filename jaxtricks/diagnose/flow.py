"""What flows where in a traced program: what each value depends on, which are the same, what is drawn from which key.

The program is read once, from its inputs to its outputs, and nothing is computed.
"""

import math
import re
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import jax
from jax.extend import core

from jaxtricks.diagnose.places import UNKNOWN, place_of

KEEPING = frozenset({"pvary", "pcast", "copy", "copy_p", "name", "sharding_constraint", "reshard"})  # give their input again
SUMS = frozenset({"psum", "psum_invariant"})
GATHERING = SUMS | {"pmax", "pmin", "all_gather", "all_gather_invariant"}  # after which devices have the same
DRAWING = frozenset({"random_bits", "random_gamma"})
CALLS = ("jaxpr", "call_jaxpr")  # the parameter that holds the program of a call
MAPS = ("xla_pmap",)  # calls of programs whose inputs have no axis of devices: `jax.pmap` in older versions of JAX

Source = Hashable  # the place of an input; a loop whose rounds differ; the name of an axis of devices


class FlowValue(NamedTuple):
    """A value of the program.

    Args:
        number: two values with the same number are the same.
        sources: what it depends on: places of inputs, loops in which it differs from round to round, axes of devices
            along which it differs.

    >>> FlowValue(3, frozenset({0})).sources
    frozenset({0})
    """

    number: int
    sources: frozenset[Source]


class FlowContext(NamedTuple):
    """What an operation stands in.

    Args:
        branches: pairs of a choice and its branch; operations in two branches of a choice are never both done.
        loops: the loops around it.
        axes: the axes of devices around it: name → how many devices.
        again: whether it is done a second time to save memory (`jax.checkpoint`).
        place: the user's line that called for it.

    >>> FlowContext().loops
    ()
    """

    branches: tuple[tuple[int, int], ...] = ()
    loops: tuple[str, ...] = ()
    axes: tuple[tuple[str, int], ...] = ()
    again: bool = False
    place: str = UNKNOWN

    def shares(self, value: FlowValue) -> bool:
        """Whether a value is the same on all devices around it; False where there is one."""
        return bool(self.axes) and not {name for name, _ in self.axes} & value.sources

    def excludes(self, other: "FlowContext") -> bool:
        """Whether only one of both is ever done."""
        mine = dict(self.branches)
        return any(mine.get(choice, branch) != branch for choice, branch in other.branches)


class Use(NamedTuple):
    """A use of a random key, or a sum over devices.

    Args:
        operation: as JAX names it, such as "random_bits".
        value: the key, or what is summed.
        around: what it stands in.
        place: the user's line, such as "train.py, line 12".
        averages: whether it is a sum over devices of what was divided by their number, or that is divided by it.

    >>> Use("random_bits", FlowValue(0, frozenset()), FlowContext(), "train.py, line 12").draws
    True
    """

    operation: str
    value: FlowValue
    around: FlowContext
    place: str
    averages: bool = False

    @property
    def draws(self) -> bool:
        """Whether random numbers are drawn here."""
        return self.operation in DRAWING


@dataclass(frozen=True)
class Flow:
    """What was read of a program.

    Args:
        outputs: a value for each output.
        inputs: a value for each input.
        keys: uses of random keys: draws and splits, those that are done again for memory left out.
        sums: sums over devices.

    >>> flow_of(jax.make_jaxpr(lambda x, y: (x, 2 * y))(1.0, 2.0)).outputs
    (FlowValue(number=0, sources=frozenset({0})), FlowValue(number=3, sources=frozenset({1})))
    """

    outputs: tuple[FlowValue, ...]
    inputs: tuple[FlowValue, ...]
    keys: tuple[Use, ...]
    sums: tuple[Use, ...]


def flow_of(program: core.ClosedJaxpr) -> Flow:
    """Reads a program.

    Args:
        program: as `jax.make_jaxpr` gives it.

    >>> program = jax.make_jaxpr(lambda key: jax.random.normal(key) + jax.random.uniform(key))(jax.random.key(0))
    >>> first, second = flow_of(program).keys
    >>> first.value == second.value
    True
    """
    reader = _Reader()
    inputs = [FlowValue(reader.new(), frozenset({place})) for place in range(len(program.in_avals))]
    outputs = reader.closed(program, inputs, FlowContext())
    return Flow(tuple(outputs), tuple(inputs), tuple(reader.keys), tuple(reader.sums))


@dataclass
class _Reader:
    table: dict[Hashable, int] = field(default_factory=dict)
    keys: list[Use] = field(default_factory=list)
    sums: list[Use] = field(default_factory=list)

    def new(self) -> int:
        """A number that no other value has."""
        return self.number(("new", len(self.table)))

    def number(self, same: Hashable) -> int:
        """The number of all values that are made in this same way."""
        try:
            return self.table.setdefault(same, len(self.table))
        except TypeError:  # a parameter that cannot be compared: a value of its own
            return self.new()

    def closed(self, program: core.ClosedJaxpr, given: Sequence[FlowValue], around: FlowContext) -> list[FlowValue]:
        constants = [FlowValue(self.number(("constant", id(each))), frozenset[Source]()) for each in program.consts]
        return self.open(program.jaxpr, [*constants, *given], around)

    def open(self, jaxpr: core.Jaxpr, given: Sequence[FlowValue], around: FlowContext) -> list[FlowValue]:
        known: dict[core.Var, FlowValue] = dict(zip([*jaxpr.constvars, *jaxpr.invars], given, strict=True))

        def value(atom: Any) -> FlowValue:
            if isinstance(atom, core.Literal):
                return FlowValue(self.number(("literal", str(atom.val), str(atom.aval))), frozenset())
            return known[atom]

        for equation in jaxpr.eqns:
            before = len(self.sums)
            made = self.equation(equation, [value(atom) for atom in equation.invars], around)
            if equation.primitive.name in SUMS:
                sizes = dict(around.axes)
                devices = math.prod(sizes.get(name, 1) for name in _names(equation.params["axes"]))
                averages = any(_divides(each, equation, devices) for each in jaxpr.eqns)
                self.sums[before:] = [use._replace(averages=averages) for use in self.sums[before:]]
            known.update(zip(equation.outvars, made, strict=True))
        return [value(atom) for atom in jaxpr.outvars]

    def equation(self, equation: core.JaxprEqn, given: list[FlowValue], around: FlowContext) -> list[FlowValue]:
        name, parameters = equation.primitive.name, equation.params
        around = around._replace(place=place_of(equation, around.place))
        if name in SPECIAL:
            return SPECIAL[name](self, parameters, given, around)
        if (called := called_in(equation)) is not None:
            again = around._replace(again=around.again or bool(parameters.get("differentiated")))
            return self.closed(called, given, again)
        return self.operation(equation, given, around)

    def operation(self, equation: core.JaxprEqn, given: list[FlowValue], around: FlowContext) -> list[FlowValue]:
        name, parameters = equation.primitive.name, equation.params
        if name in DRAWING or name == "random_split":
            if not around.again:
                self.keys.append(Use(name, given[0], around, around.place))
        elif name in SUMS:
            self.sums += [Use(name, each, around, around.place) for each in given]
        sources = _all(given)
        if name in GATHERING and parameters.get("axis_index_groups") is None:
            sources -= set(_names(parameters.get("axes", parameters.get("axis_name"))))
        if name == "axis_index":
            sources |= set(_names(parameters["axis_name"]))
        if name in KEEPING and len(given) == len(equation.outvars) == 1:
            return [FlowValue(given[0].number, sources)]
        made = (name, tuple(sorted(parameters.items(), key=lambda each: each[0])), tuple(each.number for each in given))
        return [FlowValue(self.number((made, place)), sources) for place in range(len(equation.outvars))]

    def scan(self, parameters: Mapping[str, Any], given: list[FlowValue], around: FlowContext) -> list[FlowValue]:
        fixed, carried = parameters["num_consts"], parameters["num_carry"]
        loop = f"loop {self.new()}"
        rows = [FlowValue(self.new(), each.sources | {loop}) for each in given[fixed + carried :]]
        made = self.rounds(parameters["jaxpr"], given[:fixed], given[fixed : fixed + carried], rows, (loop, around))
        return [FlowValue(self.new(), each.sources - {loop}) for each in made]

    def loop(self, parameters: Mapping[str, Any], given: list[FlowValue], around: FlowContext) -> list[FlowValue]:
        asked, fixed = parameters["cond_nconsts"], parameters["body_nconsts"]
        loop = f"loop {self.new()}"
        state = given[asked + fixed :]
        made = self.rounds(parameters["body_jaxpr"], given[asked : asked + fixed], state, [], (loop, around))
        deciding = self.closed(parameters["cond_jaxpr"], [*given[:asked], *made], around)
        return [FlowValue(self.new(), (each.sources | _all(deciding)) - {loop}) for each in made]

    def rounds(
        self,
        body: core.ClosedJaxpr,
        fixed: list[FlowValue],
        carry: list[FlowValue],
        rows: list[FlowValue],
        where: tuple[str, FlowContext],
    ) -> list[FlowValue]:
        """The values after all rounds of a loop: sources of what is carried grow until they stay."""
        loop, around = where
        inner = around._replace(loops=(*around.loops, loop))
        first = len(fixed)
        kept = [body.jaxpr.outvars[at] is body.jaxpr.invars[first + at] for at in range(len(carry))]
        while True:
            state = [
                each if stays else FlowValue(self.new(), each.sources | {loop}) for each, stays in zip(carry, kept, strict=True)
            ]
            before = len(self.keys), len(self.sums)
            made = self.closed(body, [*fixed, *state, *rows], inner)
            grown = [FlowValue(old.number, old.sources | new.sources) for old, new in zip(carry, made[: len(carry)], strict=True)]
            if all(new.sources - {loop} == old.sources - {loop} for old, new in zip(carry, grown, strict=True)):
                return made
            carry = grown
            del self.keys[before[0] :], self.sums[before[1] :]  # what was read is read once more

    def choice(self, parameters: Mapping[str, Any], given: list[FlowValue], around: FlowContext) -> list[FlowValue]:
        number, decided = self.new(), given[0]
        made = [
            self.closed(branch, given[1:], around._replace(branches=(*around.branches, (number, place))))
            for place, branch in enumerate(parameters["branches"])
        ]
        return [FlowValue(self.new(), decided.sources | _all(each)) for each in zip(*made, strict=True)]

    def devices(self, parameters: Mapping[str, Any], given: list[FlowValue], around: FlowContext) -> list[FlowValue]:
        sizes = {str(name): size for name, size in parameters["mesh"].shape.items()}
        manual = parameters.get("newly_manual_axes", parameters.get("manual_axes", ()))  # as versions of JAX call them
        axes = tuple(map(str, manual))
        parts = [
            FlowValue(self.number(("part", each.number, names)), each.sources | set(names)) if (names := _named(spec)) else each
            for each, spec in zip(given, parameters["in_specs"], strict=True)
        ]
        made = self.open(
            parameters["jaxpr"], parts, around._replace(axes=(*around.axes, *((name, sizes[name]) for name in axes)))
        )
        return [FlowValue(self.new(), each.sources - set(axes)) for each in made]


SPECIAL: dict[str, Callable[[_Reader, Mapping[str, Any], list[FlowValue], FlowContext], list[FlowValue]]] = {
    "scan": _Reader.scan,
    "while": _Reader.loop,
    "cond": _Reader.choice,
    "shard_map": _Reader.devices,
}


def called_in(equation: core.JaxprEqn) -> core.ClosedJaxpr | None:
    """The program that a call runs on its inputs; None for another operation, though it may have a program among its parameters.

    A call gives its inputs on as they are; a
    reduction by a function of the user's own, for one, gives it single numbers.

    >>> program = jax.make_jaxpr(lambda x: jax.lax.reduce(jax.jit(jnp.sin)(x), 1.0, lambda a, b: a * b, (0,)))(jnp.ones(3))
    >>> [(each.primitive.name, called_in(each) is not None) for each in program.eqns]
    [('jit', True), ('reduce', False)]
    """
    found = next((equation.params[each] for each in CALLS if each in equation.params), None)
    if isinstance(found, core.Jaxpr) and not found.constvars:
        found = core.ClosedJaxpr(found, ())
    if not isinstance(found, core.ClosedJaxpr):
        return None
    given, taken = ([_shape(each) for each in atoms] for atoms in (equation.invars, found.jaxpr.invars))
    mapped = equation.primitive.name in MAPS and len(given) == len(taken)
    return found if mapped or given == taken else None


def _shape(atom: Any) -> tuple[int, ...] | None:
    return getattr(atom.aval, "shape", None)  # a token has none


def _all(values: Iterable[FlowValue]) -> frozenset[Source]:
    return frozenset[Source]().union(*(each.sources for each in values))


def _names(axes: Any) -> tuple[str, ...]:
    return tuple(map(str, axes)) if isinstance(axes, tuple) else (str(axes),)


def _divides(equation: core.JaxprEqn, summed: core.JaxprEqn, number: int) -> bool:
    """Whether it divides by the number what is summed up, as the derivative of a mean does, or the sum, as a mean does."""
    if equation.primitive.name != "div":
        return False
    value, over = equation.invars
    here = value in summed.outvars or equation.outvars[0] in summed.invars
    return here and isinstance(over, core.Literal) and bool(over.val == number)


def _named(spec: Any) -> tuple[str, ...]:
    """The axes of devices that an array is split along."""
    return tuple(name for axes in spec if axes is not None for name in _names(axes))


def same_program(one: core.ClosedJaxpr, other: core.ClosedJaxpr) -> bool:
    """Whether two traces are the same program with the same constants.

    >>> draw = np.random.default_rng(0)
    >>> same_program(*(jax.make_jaxpr(lambda x: x + draw.normal(size=3))(jnp.ones(3)) for _ in range(2)))
    False
    """
    pairs = zip(one.consts, other.consts, strict=False)
    return _text(one) == _text(other) and len(one.consts) == len(other.consts) and all(a is b or _equal(a, b) for a, b in pairs)


def _text(program: core.ClosedJaxpr) -> str:
    return re.sub(r"0x[0-9a-f]+", "", str(program.jaxpr))  # where functions lie in memory


def _equal(one: Any, other: Any) -> bool:
    if jax.numpy.shape(one) != jax.numpy.shape(other):
        return False
    return bool((jax.numpy.asarray(one) == jax.numpy.asarray(other)).all())
