"""What is alive in memory from one call or segment to the next, and whether it grows at each of them."""

import gc
import itertools
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import jax
import jax.monitoring

from jaxtricks.train.loop import SEGMENT

FOLLOWED = 6  # times at which memory is looked at
WARM = 2  # segments of a fit after which as many results are underway as at any later time
PAGES = Path("/proc/self/statm")


class Held(NamedTuple):
    """What is alive at one time.

    Args:
        arrays: of JAX, on all devices (`jax.live_arrays`).
        bytes: theirs.
        process: bytes of this process in the host's memory; 0 where the system does not say it.

    >>> kept = jnp.ones(3)
    >>> Held.now().bytes >= kept.nbytes
    True
    """

    arrays: int
    bytes: int
    process: int

    @classmethod
    def now(cls) -> "Held":
        """What is alive now that garbage is collected."""
        gc.collect()
        alive = jax.live_arrays()
        return cls(len(alive), sum(array.nbytes for array in alive), _resident())


class Growth(NamedTuple):
    """How much more is alive at each time than at the one before, on average.

    Args:
        arrays: of JAX; 0 unless their bytes grow each time.
        bytes: theirs; 0 unless they grow each time.
        process: bytes of the process; 0 unless they grow each time.

    >>> Growth.of([Held(5, 20, 900), Held(6, 24, 900), Held(7, 28, 950)])
    Growth(arrays=1.0, bytes=4.0, process=0.0)
    """

    arrays: float
    bytes: float
    process: float

    @property
    def told(self) -> str:
        """The arrays in words.

        >>> Growth(1.0, 4.0, 0.0).told
        '4 bytes in 1 array'
        """
        return f"{amount(self.bytes)} in {self.arrays:.3g} array{'s' * (self.arrays != 1)}"

    @classmethod
    def of(cls, seen: Sequence[Held]) -> "Growth":
        """The growth over some times, at least three; nothing is said to grow over fewer."""
        if len(seen) < 3:
            return cls(0.0, 0.0, 0.0)
        first, last, times = seen[0], seen[-1], len(seen) - 1
        alive, process = (
            all(one < other for one, other in itertools.pairwise(each))
            for each in ([held.bytes for held in seen], [held.process for held in seen])
        )
        return cls(
            alive * (last.arrays - first.arrays) / times,
            alive * (last.bytes - first.bytes) / times,
            process * (last.process - first.process) / times,
        )


@contextmanager
def segments() -> Iterator[list[Held]]:
    """Gives a list of what is alive at the end of segments of fits in the block, without the first two, and of six at most.

    >>> with segments() as seen:
    ...     _ = jt.fit(jt.Experiment(model=jt.MLP(widths=(8,)), epochs=4), jt.load("digits").subset(100, seed=0), seeds=2)
    >>> len(seen)
    2
    """
    seen: list[Held] = []
    passed = itertools.count()

    def listen(event: str, **about: str | int) -> None:
        if event == SEGMENT and next(passed) >= WARM and len(seen) < FOLLOWED:
            seen.append(Held.now())

    jax.monitoring.register_event_listener(listen)
    try:
        yield seen
    finally:
        jax.monitoring.unregister_event_listener(listen)


def amount(size: float) -> str:
    """A number of bytes in words.

    >>> amount(4), amount(1_540_000)
    ('4 bytes', '1.54 MB')
    """
    for unit, factor in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if size >= factor:
            return f"{size / factor:.3g} {unit}"
    return f"{size:.0f} bytes"


def _resident() -> int:
    return int(PAGES.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") if PAGES.exists() else 0
