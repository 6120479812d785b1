"""How far training is: a bar in a terminal or a notebook, a line for each segment elsewhere, such as in a log."""

import sys
import time
from typing import Any, Self

from tqdm.auto import tqdm

UNIT = "restart-epochs"


class Lines:
    """Shows progress as lines of text, with the methods of a bar.

    Args:
        total: the restart-epochs of all members.
        initial: the restart-epochs that were done before.
    """

    def __init__(self, total: int, initial: int) -> None:
        self._total, self._done, self._initial, self._began = total, initial, initial, time.monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        return None

    def set_description(self, text: str) -> None:
        """Says in words what is done now."""
        print(f"jaxtricks: {text}", file=sys.stderr, flush=True)

    def update(self, count: int) -> None:
        """Adds restart-epochs that are done."""
        self._done += count
        took = time.monotonic() - self._began
        left = took * (self._total - self._done) / max(self._done - self._initial, 1)
        print(
            f"jaxtricks: {self._done} of {self._total} {UNIT}, {took:.0f} s, about {left:.0f} s to go",
            file=sys.stderr,
            flush=True,
        )


def progress(total: int, initial: int, shown: bool) -> Any:
    """Gives a context with `set_description` and `update`, which show the progress of a fit.

    Args:
        total: the restart-epochs of all members.
        initial: the restart-epochs that checkpoints hold already.
        shown: whether to show anything.
    """
    ipython = sys.modules.get("IPython")
    notebook = ipython is not None and ipython.get_ipython() is not None
    if shown and not sys.stderr.isatty() and not notebook:
        return Lines(total, initial)
    return tqdm(total=total, initial=initial, unit=f" {UNIT}", disable=not shown, desc="compiling", smoothing=0)
