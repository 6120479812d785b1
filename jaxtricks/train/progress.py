"""How far training is: a bar in a terminal or a notebook, a line for each segment elsewhere, such as in a log."""

import sys
import time
from typing import Any, Self

from tqdm.auto import tqdm

UNIT = "restart-epochs"


class Lines:
    """What a bar does, in lines.

    Args:
        total: of all that is to be done.
        initial: of it that was done before.
    """

    def __init__(self, total: int, initial: int) -> None:
        self._total, self._done, self._initial, self._began = total, initial, initial, time.monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        return None

    def set_description(self, text: str) -> None:
        """What is going on now."""
        print(f"jaxtricks: {text}", file=sys.stderr, flush=True)

    def update(self, count: int) -> None:
        """So much more is done."""
        self._done += count
        took = time.monotonic() - self._began
        left = took * (self._total - self._done) / max(self._done - self._initial, 1)
        print(
            f"jaxtricks: {self._done} of {self._total} {UNIT}, {took:.0f} s, about {left:.0f} s to go",
            file=sys.stderr,
            flush=True,
        )


def progress(total: int, initial: int, shown: bool) -> Any:
    """A context with `set_description` and `update`; silent where it is not to be shown.

    Args:
        total: restart-epochs of all members.
        initial: those that checkpoints hold.
        shown: whether anybody looks.
    """
    ipython = sys.modules.get("IPython")
    notebook = ipython is not None and ipython.get_ipython() is not None
    if shown and not sys.stderr.isatty() and not notebook:
        return Lines(total, initial)
    return tqdm(total=total, initial=initial, unit=f" {UNIT}", disable=not shown, desc="compiling", smoothing=0)
