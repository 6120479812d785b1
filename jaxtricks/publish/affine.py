"""Factors and shifts after a product of weights, folded into these weights: a batch norm at test costs nothing then."""

import dataclasses
from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from jaxtricks.publish.program import KnownArray, LaxProgram, LaxStep, Name

ARITHMETIC = ("add", "sub", "mul", "div")


class Line(NamedTuple):
    """y = scale · x + shift, feature by feature.

    Args:
        scale: [features], float64.
        shift: [features], float64.
    """

    scale: np.ndarray
    shift: np.ndarray


def folded(program: LaxProgram) -> LaxProgram:
    """Gives a program that computes the same up to rounding, with y = f (x W + a) + b as x (f W) + (f a + b).

    Every product of a value with weights counts, dense or convolution, whose result goes into nothing else than additions and
    multiplications by known features; reshapes that leave the features alone may stand between them.

    Args:
        program: the operations.

    >>> from jaxtricks.publish.program import program_of
    >>> weights = {"kernel": np.ones((3, 2), np.float32), "factor": np.full(2, 5.0, np.float32)}
    >>> found = program_of(lambda w, x: x @ w["kernel"] * w["factor"][None], weights, lambda n: [jnp.ones((n, 3))], "it")
    >>> [step.name for step in found.steps], [step.name for step in folded(found).steps]
    (['dot_general', 'mul'], ['dot_general'])
    """
    used = Counter(name for step in program.steps for name in _names(step.ins)) + Counter(_names(program.outs))
    readers = {name: place for place, step in enumerate(program.steps) for name in _names(step.ins)}
    steps: list[LaxStep | None] = list(program.steps)
    renamed: dict[Name, Name] = {}
    for place, step in enumerate(program.steps):
        kernel = _kernel(step)
        if kernel is None:
            continue
        features = step.shape[-1]
        line, own, chain, name = Line(np.ones(features), np.zeros(features)), False, list[int](), step.outs[0]
        while used[name] == 1 and name in readers:
            after = program.steps[readers[name]]
            if (further := _onwards(after, line, features)) is None:
                break
            if after.name in ARITHMETIC:
                own |= any(isinstance(value, KnownArray) and value.own for value in after.ins)
                line = further
                chain.append(readers[name])
            name = after.outs[0]
        if all(program.steps[each].name in ("add", "sub") for each in chain) and len(chain) < 2:
            continue
        scaled = np.asarray(kernel[1].array * line.scale.reshape(kernel[2]), kernel[1].array.dtype)
        steps[place] = _with(step, kernel[0], KnownArray(scaled, scaled.shape, kernel[1].own or own))
        last = program.steps[chain[-1]]
        for each in chain[:-1]:
            steps[each] = None
            renamed[program.steps[each].outs[0]] = _input(program.steps[each])
        if np.any(line.shift):
            shift = np.asarray(line.shift, kernel[1].array.dtype)
            steps[chain[-1]] = dataclasses.replace(last, name="add", ins=(_input(last), KnownArray(shift, shift.shape, own)))
        else:
            steps[chain[-1]] = None
            renamed[last.outs[0]] = _input(last)

    def now(value: Name | KnownArray) -> Name | KnownArray:
        while not isinstance(value, KnownArray) and value in renamed:
            value = renamed[value]
        return value

    kept = [dataclasses.replace(step, ins=tuple(map(now, step.ins))) for step in steps if step is not None]
    return dataclasses.replace(program, steps=tuple(kept), outs=tuple(map(now, program.outs)))


def _names(values: Iterable[Name | KnownArray]) -> list[Name]:
    return [value for value in values if not isinstance(value, KnownArray)]


def _input(step: LaxStep) -> Name:
    """The one value that a step of a chain reads."""
    (name,) = _names(step.ins)
    return name


def _with(step: LaxStep, place: int, value: KnownArray) -> LaxStep:
    return dataclasses.replace(step, ins=tuple(value if i == place else old for i, old in enumerate(step.ins)))


def _kernel(step: LaxStep) -> tuple[int, KnownArray, list[int]] | None:
    """The weights of a product with its features last: their place, they, and the shape of a factor."""
    if step.name not in ("dot_general", "conv_general_dilated") or isinstance(step.ins[0], KnownArray):
        return None
    kernel = step.ins[1]
    if not isinstance(kernel, KnownArray):
        return None
    if step.name == "dot_general":
        (_, contracted), (_, batched) = step.how["dimension_numbers"]
        free = [axis for axis in range(kernel.array.ndim) if axis not in contracted]
        if batched or len(free) != 1:
            return None
        along = free[0]
    else:
        _, rhs, out = step.how["dimension_numbers"]
        if out[1] != len(out) - 1:
            return None
        along = rhs[0]
    return 1, kernel, [-1 if axis == along else 1 for axis in range(kernel.array.ndim)]


def _onwards(step: LaxStep, line: Line, features: int) -> Line | None:
    """The line with one more step; None for a step that is none of these."""
    if step.name == "reshape":
        return line if step.shape[-1:] == (features,) else None
    known = [value for value in step.ins if isinstance(value, KnownArray)]
    if step.name not in ARITHMETIC or len(known) != 1 or known[0].array.dtype.kind != "f":
        return None
    array = known[0].array
    if array.size != 1 and array.shape[-1:] != (array.size,):  # not the same everywhere but along the features
        return None
    by, first = array.ravel().astype(np.float64), isinstance(step.ins[0], KnownArray)
    if step.name == "add":
        return Line(line.scale, line.shift + by)
    if step.name == "sub":
        return Line(-line.scale, by - line.shift) if first else Line(line.scale, line.shift - by)
    if step.name == "mul":
        return Line(line.scale * by, line.shift * by)
    return None if first else Line(line.scale / by, line.shift / by)
