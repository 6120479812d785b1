"""How the fields of a command are declared: what may be left out, what takes several words, what has no name of its own."""

from typing import Annotated, TypeVar

T = TypeVar("T")
POSITIONAL = "positional"  # marks a field that is given by its place among the words, without --name

Maybe = T | None
Words = tuple[str, ...] | None
Several = tuple[T, ...]
Repeated = tuple[tuple[T, ...], ...]  # --change a=1 b=2 --change c=3: several words each time
Switch = bool
Positional = Annotated[T, POSITIONAL]
