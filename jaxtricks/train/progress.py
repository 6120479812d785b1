"""How far training is: a bar in a terminal or a notebook, a few lines elsewhere, such as in a log."""

import importlib
import importlib.util
import sys
import time
from collections.abc import Callable
from typing import Any, Protocol, Self

UNIT = "restart-epochs"
SECONDS = 10.0  # between two lines of one program


class Tracker(Protocol):
    """What a fit tells of its progress: which program is compiled, that it trains, and what is done."""

    def __enter__(self) -> Self: ...
    def __exit__(self, *raised: object) -> None: ...
    def compiling(self, name: str) -> None: ...
    def training(self) -> None: ...
    def update(self, count: int) -> None: ...
    def trained(self) -> None: ...


class Lines:
    """Shows progress as lines of text: one as each program starts, one as it ends, and between them one every ten seconds.

    Args:
        total: the restart-epochs of all members.
        initial: the restart-epochs that were done before.
        clock: seconds.
    """

    def __init__(self, total: int, initial: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._total, self._done, self._pace, self._clock = total, initial, Pace(clock), clock
        self._written = clock()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        return None

    def compiling(self, name: str) -> None:
        """Says which program is compiled now."""
        self._write(f"compiling {name}, {self._done} of {self._total} {UNIT} done")

    def training(self) -> None:
        """From now on time counts as training."""
        self._pace.start()

    def update(self, count: int) -> None:
        """Adds restart-epochs that are done."""
        self._done += count
        self._pace.add(count)
        if self._clock() - self._written >= SECONDS:
            self.trained()

    def trained(self) -> None:
        """Says how far training is."""
        left = self._pace.seconds(self._total - self._done)
        self._write(
            f"{self._done} of {self._total} {UNIT}, {self._pace.spent:.0f} s of training"
            + (f", about {left:.0f} s to go" if self._done < self._total else "")
        )

    def _write(self, text: str) -> None:
        self._written = self._clock()
        print(f"jaxtricks: {text}", file=sys.stderr, flush=True)


class Pace:
    """How fast restart-epochs are trained, without the time in which programs were compiled.

    Args:
        clock: seconds.

    >>> times = iter((0.0, 2.0, 100.0, 104.0))  # what lies between 2 and 100 was no training
    >>> pace = Pace(lambda: next(times))
    >>> for count in (10, 20):
    ...     pace.start()
    ...     pace.add(count)
    >>> pace.spent, pace.seconds(5)
    (6.0, 1.0)
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self.spent, self._trained, self._clock, self._last = 0.0, 0, clock, 0.0

    def start(self) -> None:
        """From now on time counts."""
        self._last = self._clock()

    def add(self, count: int) -> None:
        """Adds restart-epochs that were trained since the start or the last call."""
        now = self._clock()
        self.spent, self._trained, self._last = self.spent + now - self._last, self._trained + count, now

    def seconds(self, count: int) -> float:
        """The seconds that so many restart-epochs will probably take."""
        return self.spent * count / max(self._trained, 1)


class Bar:
    """Shows progress as a bar.

    Args:
        bar: tqdm's; its clock stands still while a program compiles.
    """

    def __init__(self, bar: Any) -> None:
        self._bar = bar

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        self._bar.close()

    def compiling(self, name: str) -> None:
        """Says which program is compiled now."""
        self._bar.set_description(f"compiling {name}")

    def training(self) -> None:
        """From now on time counts as training."""
        self._bar.set_description("training")
        self._bar.unpause()

    def update(self, count: int) -> None:
        """Adds restart-epochs that are done."""
        self._bar.update(count)

    def trained(self) -> None:
        """Shows how far training is."""
        self._bar.refresh()


def progress(total: int, initial: int, shown: bool) -> Tracker:
    """Gives a context that shows the progress of a fit.

    Args:
        total: the restart-epochs of all members.
        initial: the restart-epochs that checkpoints hold already.
        shown: whether to show anything.
    """
    ipython = sys.modules.get("IPython")
    notebook = ipython is not None and ipython.get_ipython() is not None
    if shown and not sys.stderr.isatty() and not notebook:
        return Lines(total, initial)
    # Without ipywidgets tqdm's own bar of notebooks warns, and draws none.
    drawn = importlib.import_module("tqdm.notebook" if notebook and importlib.util.find_spec("ipywidgets") else "tqdm")
    return Bar(drawn.tqdm(total=total, initial=initial, unit=f" {UNIT}", disable=not shown, desc="starting", smoothing=0))
