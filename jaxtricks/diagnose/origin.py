"""Where a value that is not finite comes from: back through the operations, number by number, to the first of them."""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Int

from jaxtricks.diagnose.tape import Index, Operation, Value, finite

STAND_INS = (0.5, 2.0)  # in place of numbers that are not finite; no operation is undefined at both of them


@dataclass(frozen=True, eq=False)
class Spot:
    """One number of a computation.

    Args:
        value: the array.
        index: where in it.
    """

    value: Value
    index: Index

    @property
    def number(self) -> Any:
        """The number itself."""
        return np.asarray(self.value.array)[self.index]

    @property
    def order(self) -> int:
        """How early it was computed; -1 where it was there before."""
        return -1 if self.value.maker is None else self.value.maker.number


def first_bad(value: Value) -> Spot:
    """The first number of an array that is not finite.

    >>> import jax.numpy as jnp
    >>> first_bad(Value(jnp.array([[1.0, 2.0], [jnp.nan, 1.0]]))).index
    (1, 0)
    """
    bad = ~np.isfinite(np.asarray(value.array))
    return Spot(value, tuple(int(each) for each in np.unravel_index(int(bad.argmax()), bad.shape)))


def origin(place: Spot) -> Spot | None:
    """The earliest number that is not finite of those that a number that is not finite comes from.

    Each operation on the way is computed again with numbers replaced by finite ones, which shows by which of its numbers the
    result is not finite. So a mask of -inf whose weights come out as zero is no origin, nor is a number that `where` leaves out.
    An infinite constant of the program is meant, and what carries it on is no origin either, but -inf - (-inf) = nan is.

    Args:
        place: of a number that is not finite.

    Returns:
        None where all comes from infinite constants of the program.

    >>> import jax, jax.numpy as jnp
    >>> from jaxtricks.diagnose.tape import Tape
    >>> tape = Tape()
    >>> program = jax.make_jaxpr(lambda x: jnp.exp(2 * jnp.log(x)) / 0.0 + 1)(0.0)
    >>> (found,) = tape.play(program, [Value(jnp.array(0.0))])
    >>> origin(first_bad(found)).value.maker.name
    'div'
    """
    found: dict[tuple[int, Index], Spot | None] = {}
    seen: list[tuple[Spot, list[Spot]]] = []
    todo = [place]
    while todo:
        new = todo.pop()
        if (id(new.value), new.index) not in found:
            found[id(new.value), new.index] = None
            seen.append((new, causes(new)))
            todo.extend(seen[-1][1])
    for node, reasons in sorted(seen, key=lambda each: each[0].order):
        found[id(node.value), node.index] = _earliest(node, reasons, [found[id(each.value), each.index] for each in reasons])
    return found[id(place.value), place.index]


def _earliest(node: Spot, reasons: Sequence[Spot], origins: Sequence[Spot | None]) -> Spot | None:
    known = [each for each in origins if each is not None]
    if known:
        return min(known, key=lambda each: each.order)
    if node.value.maker is None:
        return node if node.value.path else None
    made_of_infinities = np.isnan(node.number) and not any(np.isnan(each.number) for each in reasons)
    return node if not reasons or made_of_infinities else None


def causes(place: Spot) -> list[Spot]:
    """The numbers, one of each input of its operation, by which a number is not finite; none where finite ones gave it."""
    operation = place.value.maker
    if operation is None:
        return []
    if operation.moved is not None:
        which, index = operation.moved(place.index)
        return [Spot(operation.inputs[which], index)]
    bad = [which for which, value in enumerate(operation.inputs) if not finite(value.array)]
    again = _Again(operation, place)
    if not bad or again.kind({which: _none(operation.inputs[which]) for which in bad}) != FINITE:
        return []
    alone = [which for which in bad if again.stays(which, _all(operation.inputs[which]), among=())]
    among: Sequence[int] = ()
    if not alone:  # such as inf - inf: it takes both
        among = bad
        alone = [which for which in bad if not again.stays(which, _none(operation.inputs[which]), among)] or bad
    return [Spot(operation.inputs[which], again.one(which, among)) for which in alone]


FINITE = "finite"
Kept = Bool[np.ndarray, "..."]


def kind_of(number: Any) -> str:
    """What a number is: "finite", "nan", "inf" or "-inf".

    >>> kind_of(-np.inf), kind_of(1.5), kind_of(complex(np.nan, 0))
    ('-inf', 'finite', 'nan')
    """
    if np.isfinite(number):
        return FINITE
    if np.isnan(number):
        return "nan"
    return "-inf" if np.real(number) < 0 else "inf"


def _all(value: Value) -> Kept:
    return np.ones(value.array.shape, bool)


def _none(value: Value) -> Kept:
    return np.zeros(value.array.shape, bool)


class _Again:
    """An operation, computed again with fewer numbers that are not finite.

    Args:
        operation: the operation.
        place: the number that it is about.
    """

    def __init__(self, operation: Operation, place: Spot) -> None:
        self._operation, self._index = operation, place.index
        self._was = kind_of(place.number)
        self._output = place.value.output

    def kind(self, kept: dict[int, Kept]) -> str:
        """What the number is if of some inputs only these numbers stay; it is finite if it is so with any stand-in."""
        kinds = []
        for stand_in in STAND_INS:
            arrays = [_but(value, kept.get(which), stand_in) for which, value in enumerate(self._operation.inputs)]
            kinds.append(kind_of(np.asarray(self._operation.apply(arrays)[self._output])[self._index]))
            if kinds[-1] == FINITE:
                break
        return kinds[-1]

    def stays(self, which: int, kept: Kept, among: Iterable[int]) -> bool:
        """Whether the number stays what it is if only these of an input do; other inputs stay whole if they are in `among`."""
        others = {
            other: _none(value)
            for other, value in enumerate(self._operation.inputs)
            if other != which and other not in among and not finite(value.array)
        }
        return self.kind(others | {which: kept}) == self._was

    def one(self, which: int, among: Iterable[int]) -> Index:
        """The place of one number of an input that is enough; or of the first of several that it takes together."""
        array = np.asarray(self._operation.inputs[which].array)
        left: Int[np.ndarray, " bad"] = np.flatnonzero(~np.isfinite(array))
        if self._index in (places := {tuple(each) for each in np.argwhere(~np.isfinite(array)).tolist()}) and len(places) > 1:
            same = np.zeros(array.shape, bool)
            same[self._index] = True
            if self.stays(which, same, among):
                return self._index
        while len(left) > 1:
            for half in _halves(left):
                kept = np.zeros(array.size, bool)
                kept[half] = True
                if self.stays(which, kept.reshape(array.shape), among):
                    left = half
                    break
            else:
                break
        return tuple(int(each) for each in np.unravel_index(int(left[0]), array.shape))


def _halves(places: Int[np.ndarray, " n"]) -> Iterator[Int[np.ndarray, " half"]]:
    middle = math.ceil(len(places) / 2)
    yield places[:middle]
    yield places[middle:]


def _but(value: Value, kept: Kept | None, stand_in: float) -> Any:
    """An input with finite numbers in place of those that are not and do not stay; None: all stay."""
    if kept is None:
        return value.array
    array = np.asarray(value.array)
    return np.where(np.isfinite(array) | kept, array, np.asarray(stand_in, array.dtype))
