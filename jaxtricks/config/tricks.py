"""What is known of a trick: where it comes from, and how to turn it on."""

import dataclasses
from collections.abc import Sequence
from typing import Any


@dataclasses.dataclass(frozen=True)
class Trick:
    """What the catalogue and the conformance test know of a trick.

    Args:
        rows: the inventory's rows, such as ("T056",).
        paper: author and year, or the lecture.
        summary: one sentence.
        on: a value that turns an optional field on (None for a named choice, which is on when it is chosen).
        neutral: a value at which the trick is in the program and changes nothing, where there is one.
        trial: a value that is worth a first try, where `on` only shows that the trick does something.
        assumes: what must be true of the task for the trick to make sense, which nothing here can check; ablation tries such a
            trick only where it is asked to. None: nothing.

    >>> Trick(rows=("T056",), paper="Srivastava+ 2014", summary="Dropout", on=0.5, neutral=0.0).on
    0.5
    """

    rows: tuple[str, ...]
    paper: str
    summary: str
    on: Any = None
    neutral: Any = None
    trial: Any = None
    assumes: str | None = None

    @property
    def tried(self) -> Any:
        """The value of a first try: `trial`, or else `on`.

        >>> Trick(rows=(), paper="Pascanu+ 2013", summary="Clipping", on=0.1, trial=1.0).tried
        1.0
        """
        return self.on if self.trial is None else self.trial


def trick(
    *,
    default: Any,
    rows: Sequence[str],
    paper: str,
    summary: str,
    on: Any,
    neutral: Any = None,
    trial: Any = None,
    assumes: str | None = None,
) -> Any:
    """An optional field of a config that is a trick, listed by `jaxtricks list tricks`; the default None is off.

    Args:
        default: the field's value where none is given.
        rows: the inventory's rows.
        paper: author and year, or the lecture.
        summary: one sentence.
        on: a value that turns the trick on.
        neutral: a value at which it is in the program and changes nothing.
        trial: a value that is worth a first try, where `on` is not.
        assumes: what must be true of the task for it to make sense, which nothing here can check.

    >>> field = trick(default=None, rows=("T074",), paper="Pascanu+ 2013", summary="Clipping", on=1.0)
    >>> field.default is None, field.metadata["trick"].on
    (True, 1.0)
    """
    return dataclasses.field(default=default, metadata={"trick": Trick(tuple(rows), paper, summary, on, neutral, trial, assumes)})
