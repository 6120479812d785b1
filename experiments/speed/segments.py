"""How long the segments of a fit take, beside all else that `fit` does: planning, initial weights, results."""

import time
from collections.abc import Callable
from typing import Any

import jax

from jaxtricks.engine.resident import Resident


class Watch:
    """Waits for each segment of every later fit in this process and writes down how long it took, in seconds.

    The host then prepares nothing while the devices train, so that what is outside of segments comes out somewhat larger than
    in a fit that nobody watches.
    """

    def __init__(self) -> None:
        self.seconds: list[float] = []
        run = Resident.__call__

        def watched(resident: Resident, *arguments: Any) -> Any:
            began = time.perf_counter()
            results = jax.block_until_ready(run(resident, *arguments))
            self.seconds.append(time.perf_counter() - began)
            return results

        Resident.__call__ = watched  # type: ignore[method-assign,assignment]

    def measure(self, fit: Callable[[], Any]) -> dict[str, Any]:
        """The seconds of one fit, its segments' sum, the fastest one's, how many there are, and the share outside of them."""
        self.seconds.clear()
        began = time.perf_counter()
        fit()
        whole = time.perf_counter() - began
        inside = sum(self.seconds)
        return {
            "whole": whole,
            "segments": inside,
            "fastest": min(self.seconds),
            "count": len(self.seconds),
            "share": 1 - inside / whole,
        }
