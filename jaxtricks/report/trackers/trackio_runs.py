"""trackio: one run for each restart, in a group for each arm, in the local database that `trackio show` draws."""

import contextlib
import io
import secrets
from collections.abc import Sequence
from typing import Any, ClassVar

from jaxtricks.report.tracker import Channel, EpochValues, RunTracker, TrackedRun, tracker


@tracker("trackio")
class Trackio(RunTracker):
    """Writes runs of trackio. It has one run open at a time, so each is opened to write and finished again.

    trackio finds a run by its name alone, and others may have one of that title; so a name ends in letters of its own.
    """

    LIBRARY: ClassVar[str] = "trackio"
    EXTRA: ClassVar[str] = "trackio"

    def open(self, run: TrackedRun, key: str | None, mean: str | None) -> Channel:
        name = key or f"{run.title} {secrets.token_hex(4)}"
        about = {"project": self.project, "name": name, "group": run.group, "config": dict(run.settings)}
        return _TrackioRun(about, again=key is not None)

    def where(self, arms: int) -> str:
        return f"trackio show --project {self.project}"


class _TrackioRun:
    def __init__(self, about: dict[str, Any], again: bool) -> None:
        self.key = str(about["name"])
        self._about, self._again = about, again

    def write(self, entries: Sequence[EpochValues]) -> None:
        import trackio  # an extra

        with contextlib.redirect_stdout(io.StringIO()):  # it says of each run that it began and ended
            resume = "must" if self._again else "never"
            trackio.init(**self._about, resume=resume, embed=False, auto_log_cpu=False, auto_log_gpu=False)
            for entry in entries:
                pictures = {
                    tag: trackio.Histogram(np_histogram=(counts.tolist(), entry.edges.tolist()))
                    for tag, counts in entry.pictures.items()
                }
                trackio.log({**entry.values, **pictures}, step=entry.epoch)
            trackio.finish()
        self._again = True

    def close(self, whole: bool) -> None:
        """Nothing: it is finished already."""
