"""A program as JSON beside its arrays, which the file for NumPy reads."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from jaxtricks.config import ConfigError
from jaxtricks.publish.program import KnownArray, LaxProgram, LaxStep, Name


class WrittenProgram(NamedTuple):
    """A program of several members.

    Args:
        json: its operations: {"slots": places for values beside its inputs, "ops": [name, outs, ins, settings] each, "outs": …}.
            A number is the place of a value, a word the name of an array.
        arrays: name → array; those whose name begins with "m" have a leading axis [members].
    """

    json: Mapping[str, Any]
    arrays: Mapping[str, np.ndarray]


def written(programs: Sequence[LaxProgram]) -> WrittenProgram:
    """Gives the program that all members have, and the arrays of all of them.

    Args:
        programs: of each member; they differ in arrays alone.

    Raises:
        ConfigError: for members that have different operations.

    >>> from jaxtricks.publish.program import program_of
    >>> def of(scale):
    ...     return program_of(lambda w, x: jnp.tanh(x * w), np.float32(scale), lambda n: [jnp.ones((n, 3))], "it")
    >>> found = written([of(2.0), of(3.0)])
    >>> found.json["ops"], found.arrays["m0"].tolist()
    ([['mul', [0], [0, 'm0'], {}], ['tanh', [0], [0], {}]], [2.0, 3.0])
    """
    store = _Store()
    return WrittenProgram(_program(programs, store), store.arrays)


class _Store:
    """Arrays by name, each of them once."""

    def __init__(self) -> None:
        self.arrays: dict[str, np.ndarray] = {}
        self._names: dict[tuple[Any, ...], str] = {}

    def name(self, several: Sequence[KnownArray]) -> str:
        """The name of one value of all members."""
        first = several[0].array
        same = all(_bits(value.array) == _bits(first) for value in several)
        array = np.array(first) if same else np.stack([value.array for value in several])
        key = (same, array.shape, array.dtype.str, array.tobytes())
        if key not in self._names:
            self._names[key] = f"{'s' if same else 'm'}{len(self._names)}"
            self.arrays[self._names[key]] = array
        return self._names[key]


def _bits(array: np.ndarray) -> tuple[Any, ...]:
    return array.shape, array.dtype.str, array.tobytes()


def _program(programs: Sequence[LaxProgram], store: _Store) -> dict[str, Any]:
    rows = list(zip(*(each.steps for each in programs), strict=False))
    if len({len(each.steps) for each in programs}) > 1 or any(len({step.name for step in row}) > 1 for row in rows):
        raise ConfigError("members have different operations, and one program is for all of them; those of one experiment have.")
    needed = _needed(programs[0])
    rows = [row for row, wanted in zip(rows, needed, strict=True) if wanted]
    last: dict[Name, int] = {}
    for place, row in enumerate(rows):
        last |= {name: place for name in row[0].ins if not isinstance(name, KnownArray)}
    last |= {name: len(rows) for name in programs[0].outs if not isinstance(name, KnownArray)}
    places = {name: name for name in range(programs[0].inputs)}
    free: list[int] = []
    size = programs[0].inputs

    def told(values: Sequence[Name | KnownArray]) -> int | str:
        first = values[0]
        return places[first] if not isinstance(first, KnownArray) else store.name(values)  # type: ignore[arg-type]

    ops = []
    for place, row in enumerate(rows):
        step: LaxStep = row[0]
        ins = [told(values) for values in zip(*(each.ins for each in row), strict=True)]
        free += [places[name] for name in {n for n in step.ins if not isinstance(n, KnownArray)} if last[name] == place]
        for name in step.outs:
            if not free:
                free.append(size)
                size += 1
            places[name] = free.pop()
        free += [places[name] for name in step.outs if name not in last]
        how = dict(step.how)
        if "body" in how:
            how["body"] = _program([each.how["body"] for each in row], store)
        ops.append([step.name, [places[name] for name in step.outs], ins, how])
    outs = [told(values) for values in zip(*(each.outs for each in programs), strict=True)]
    return {"slots": size - programs[0].inputs, "ops": ops, "outs": outs}


def _needed(program: LaxProgram) -> list[bool]:
    """Which steps lead to what the program gives."""
    wanted = {name for name in program.outs if not isinstance(name, KnownArray)}
    found = []
    for step in reversed(program.steps):
        needed = not wanted.isdisjoint(step.outs)
        wanted |= {name for name in step.ins if not isinstance(name, KnownArray)} if needed else set()
        found.append(needed)
    return found[::-1]
