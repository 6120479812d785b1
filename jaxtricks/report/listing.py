"""The finished runs in a folder of runs, one line each."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from jaxtricks.report.files import load
from jaxtricks.store.folder import FolderError, number_of


@dataclass(frozen=True)
class ListedRun:
    """One line of a list of runs.

    Args:
        path: the folder.
        kind: "run", "compare" or "ablate".
        data: the data set's name.
        arms: the labels of the experiments.
        seeds: restarts of each, a count.
        verdicts: decision → how many changes it was made on.
        time: when it was made, in UTC, ISO 8601.
    """

    path: Path
    kind: str
    data: str
    arms: tuple[str, ...]
    seeds: int
    verdicts: dict[str, int]
    time: str

    @property
    def name(self) -> str:
        """The folder's own name."""
        return self.path.name

    def __str__(self) -> str:
        decided = ", ".join(f"{n} {decision}" for decision, n in self.verdicts.items())
        sizes = f"{len(self.arms)} × {self.seeds} restarts"
        return "  ".join(filter(None, (self.name, self.time, self.kind, self.data, sizes, decided)))


def listing(root: Path | str) -> list[ListedRun]:
    """The finished runs in a folder of runs, newest first; other folders are left out.

    Args:
        root: the folder of runs; it may be absent.

    >>> listing("no/such/folder")
    []
    """
    root = Path(root)
    folders = [path for path in root.iterdir() if path.is_dir()] if root.is_dir() else []
    entries = []
    for path in folders:
        try:
            record = load(path)
        except FolderError:
            continue
        entries.append(
            ListedRun(
                path=path,
                kind=record.kind,
                data=record.data.name,
                arms=tuple(arm.label for arm in record.arms),
                seeds=len(record.baseline.seeds),
                verdicts=dict(Counter(str(verdict.decision) for verdict in record.verdicts)),
                time=str(record.environment.get("time", "")),
            )
        )
    return sorted(entries, key=lambda entry: (entry.time, number_of(entry.name), entry.name), reverse=True)
