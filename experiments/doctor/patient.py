"""One experiment that the doctor examines, with what is known of it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

import jaxtricks as jt
from jaxtricks.diagnose.causes import Cause

Half = Literal["development", "held"]


@dataclass(frozen=True)
class Patient:
    """An experiment whose fault is known, or one that is known to have none.

    Args:
        name: such as "deepfd 13" or "deepfd 13, repaired".
        group: what it is counted with: "deepfd", "planted", "repaired" or "healthy".
        number: of the row it is made from; healthy experiments are counted from 0.
        causes: the causes of which one is to be named, written down before the doctor is run; empty for one without a fault.
        make: builds the experiment and its data.
        seeds: the restarts that are judged; by default as many as the doctor takes by itself.
        metric: what it is judged by; None: the task's first.

    >>> Patient("deepfd 13", "deepfd", 13, frozenset({Cause.RATE_HIGH}), lambda: (jt.Experiment(), jt.load("digits"))).half
    'development'
    """

    name: str
    group: str
    number: int
    causes: frozenset[Cause]
    make: Callable[[], tuple[jt.Experiment, jt.Dataset]]
    seeds: jt.Seeds = field(default_factory=jt.Seeds)
    metric: str | None = None

    @property
    def half(self) -> Half:
        """Odd rows may be looked at while signs are mended; even ones are examined once, at the end."""
        return "development" if self.number % 2 else "held"
