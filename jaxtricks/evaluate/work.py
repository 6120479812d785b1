"""About how long an accelerator takes for a training: its operations, the bytes that it moves, and what waits for what."""

import math
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import jax
from jax.extend.core import ClosedJaxpr, Jaxpr, JaxprEqn

from jaxtricks.config import rebuild
from jaxtricks.data import Dataset
from jaxtricks.evaluate.costs import step_of
from jaxtricks.experiment.experiment import Experiment
from jaxtricks.restart.member import total_steps
from jaxtricks.train.prepare import prepare

PRODUCTS = ("dot_general", "conv_general_dilated")


class Work(NamedTuple):
    """What is computed and moved.

    Args:
        flops: floating-point operations of products and convolutions, two for each pair of numbers that is multiplied.
        bytes: that products read and write, and that steps read and write of weights and the state of the optimizer. What is
            computed number by number is taken to be fused with these.
        products: one after the other, each of which waits for the last one.

    >>> Work(2.0, 8.0, 1.0) + Work(1.0, 0.0, 3.0).times(2)
    Work(flops=4.0, bytes=8.0, products=7.0)
    """

    flops: float
    bytes: float
    products: float

    def __add__(self, other: "Work") -> "Work":  # type: ignore[override]
        return Work(*(one + two for one, two in zip(self, other, strict=True)))

    def times(self, number: float, beside: float = 1) -> "Work":
        """The work so many times, one after the other, each for so many members beside each other in one program."""
        return Work(number * beside * self.flops, number * beside * self.bytes, number * self.products)


NOTHING = Work(0.0, 0.0, 0.0)


class Training(NamedTuple):
    """Restarts of an experiment that are trained in one program.

    Args:
        experiment: one of those that differ in floats only.
        data: the data set.
        restarts: of all of them.

    >>> Training(jt.Experiment(model=jt.MLP(widths=()), epochs=2), jt.load("digits"), restarts=8).work.products
    68.0
    """

    experiment: Experiment
    data: Dataset
    restarts: int

    @property
    def work(self) -> Work:
        """All steps of all restarts, without validation; raises ConfigError where the experiment does not fit the data."""
        train = len(self.data.split(0).train)
        ready = prepare(rebuild(self.experiment, pruned=None, accumulate=1), self.data, train)
        step, (member, state, batch) = step_of(ready, self.data, train)
        kept = sum(leaf.size * leaf.dtype.itemsize for leaf in jax.tree.leaves((state.params, state.collections, state.method)))
        one = counted(jax.make_jaxpr(step)(member, state, batch).jaxpr) + Work(0.0, 2.0 * kept, 0.0)
        return one.times(total_steps(ready, train), beside=self.restarts)


class Accelerator(NamedTuple):
    """How fast a device is.

    Args:
        name: of the device, and how it multiplies.
        flops: operations a second.
        bytes: a second.
        product: seconds that a small product takes with all that belongs to it, when the next one waits for it.
    """

    name: str
    flops: float
    bytes: float
    product: float

    def seconds(self, work: Work) -> float:
        """The time for some work by the roofline: the longest of what operations, bytes and waiting take.

        >>> round(H100.seconds(Work(1e15, 1e9, 1e3)))
        20
        """
        return max(self.parts(work).values())

    def parts(self, work: Work) -> dict[str, float]:
        """The seconds of each of the three alone."""
        return {
            "operations": work.flops / self.flops,
            "bytes": work.bytes / self.bytes,
            "waiting": work.products * self.product,
        }


# Float32 products at their highest precision reached 50 TFLOP/s on an H200, and large ones in TF32 seven times as many; a step of
# small products took 15 to 25 µs for each of them. Bytes a second are those of the data sheet.
H100 = Accelerator("H100 (float32)", flops=50e12, bytes=3.35e12, product=15e-6)


def total(trainings: Sequence[Training], accelerator: Accelerator) -> tuple[Work, float]:
    """All the work of trainings that follow each other, and the seconds that they take one by one.

    Args:
        trainings: programs with their restarts.
        accelerator: that all run on.
    """
    works = [each.work for each in trainings]
    return sum(works, start=NOTHING), math.fsum(map(accelerator.seconds, works))


def counted(program: Jaxpr) -> Work:
    """The products of a program: those of a loop as often as it turns, of a `while` once, of branches those with most operations.

    >>> turns = jax.make_jaxpr(lambda x: jax.lax.scan(lambda c, _: (c @ x, None), x, None, length=5)[0])(jnp.ones((3, 3)))
    >>> counted(turns.jaxpr)
    Work(flops=270.0, bytes=540.0, products=5.0)
    """
    return sum(map(_counted, program.eqns), start=NOTHING)


def _counted(equation: JaxprEqn) -> Work:
    if equation.primitive.name in PRODUCTS:
        return _product(equation)
    inner = [counted(each) for each in _inner(equation)]
    if equation.primitive.name == "cond":
        return max(inner)
    each = sum(inner, start=NOTHING)
    return each.times(equation.params["length"]) if equation.primitive.name == "scan" else each


def _product(equation: JaxprEqn) -> Work:
    (first, second), (made,) = (_shaped(each) for each in (equation.invars[:2], equation.outvars))
    if equation.primitive.name == "dot_general":
        (contracted, _), _ = equation.params["dimension_numbers"]
        each = math.prod(first.shape[axis] for axis in contracted)
    else:  # a kernel's numbers for each of its outputs
        numbers = equation.params["dimension_numbers"]
        each = math.prod(second.shape) // second.shape[numbers.rhs_spec[0]]
    moved = sum(math.prod(array.shape) * array.dtype.itemsize for array in (first, second, made))
    return Work(2.0 * math.prod(made.shape) * each, float(moved), 1.0)


def _shaped(variables: Sequence[Any]) -> list[Any]:
    return [variable.aval for variable in variables]


def _inner(equation: JaxprEqn) -> Iterator[Jaxpr]:
    held = jax.tree.leaves(list(equation.params.values()), is_leaf=lambda value: isinstance(value, ClosedJaxpr | Jaxpr))
    for each in held:
        if isinstance(each, ClosedJaxpr | Jaxpr):
            yield each.jaxpr if isinstance(each, ClosedJaxpr) else each
