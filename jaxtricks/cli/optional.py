"""How the fields of a command are declared: what may be left out, what takes several words, what has no name of its own."""

from typing import Annotated, TypeAlias, TypeVar

T = TypeVar("T")
POSITIONAL = "positional"  # marks a field that is given by its place among the words, without --name
OR_FLAG = "or flag"  # marks such a field that may be given as --name, too, or be left out

Maybe: TypeAlias = T | None
Words: TypeAlias = tuple[str, ...] | None
Several: TypeAlias = tuple[T, ...]
Repeated: TypeAlias = tuple[tuple[T, ...], ...]  # --change a=1 b=2 --change c=3: several words each time
Switch: TypeAlias = bool
Positional: TypeAlias = Annotated[T, POSITIONAL]
PositionalOrFlag: TypeAlias = Annotated[T, POSITIONAL, OR_FLAG]
