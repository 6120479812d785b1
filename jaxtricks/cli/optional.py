"""Types of flags that may be left out: their help ends with the sentence about them, and not with "(default: None)"."""

from typing import Annotated, TypeVar

import tyro

T = TypeVar("T")
_NO_DEFAULT_SHOWN = tyro.conf.arg(help_behavior_hint="")

Maybe = Annotated[T | None, _NO_DEFAULT_SHOWN]
Words = Annotated[tuple[str, ...] | None, tyro.conf.arg(metavar="STR [STR ...]", help_behavior_hint="")]
Several = Annotated[tuple[T, ...], _NO_DEFAULT_SHOWN]
Switch = Annotated[bool, _NO_DEFAULT_SHOWN]
