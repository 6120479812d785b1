"""A run's folder: config, metrics, verdicts, environment and the page."""

import contextlib
import fcntl
import json
import operator
import os
import re
import secrets
import shutil
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax

from jaxtricks.data import Vocabulary
from jaxtricks.evaluate.sample import Writer
from jaxtricks.experiment.experiment import Experiment
from jaxtricks.report.page import page
from jaxtricks.report.record import Record, from_json, to_json
from jaxtricks.store.checkpoint import load_weights, save_weights
from jaxtricks.train.runs import Runs

FILES = ("config.json", "metrics.json", "verdicts.json", "environment.json")
PAGE = "report.html"
COMMAND, CHECKPOINTS = "command.json", "checkpoints"  # of a run that is not finished, too
VOCABULARY, WEIGHTS = "vocabulary.json", "weights"  # of language models alone
EVENTS = "tensorboard"  # where they were asked for


class FolderError(ValueError):
    """A folder that cannot be read or written as a run's folder: one sentence that names it."""


@dataclass(frozen=True)
class Entry:
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


def save(record: Record, folder: Path | str, runs: Runs | None = None) -> Path:
    """Writes a run's folder, whole or not at all; the page is `report.html` in it.

    Args:
        record: what goes in.
        folder: absent, or empty, or what `claim` gave.
        runs: a language model's, whose weights and vocabulary go in too, for `writer`.

    Returns:
        The folder.

    Raises:
        FolderError: if there is something already, since nothing is overwritten, or if it cannot be written.
    """
    folder = Path(folder)
    besides = (COMMAND, CHECKPOINTS, EVENTS)
    check_free(folder, besides)
    contents = {name: _dumped(name, data) for name, data in to_json(record).items()} | {PAGE: page(record)}
    # The files are gathered beside the folder and become it in one step: a run that was cut off here left none. Into a claimed
    # one they move one by one, and only the config, the last of them, makes it a finished run.
    place = folder.resolve()  # nothing can take the place of a link, or of "."
    unfinished = _beside(place)
    try:
        unfinished.mkdir(parents=True)
        for name, text in contents.items():
            (unfinished / name).write_text(text, encoding="utf-8")
        if runs is not None and runs.data.vocabulary is not None and runs.data.task == "steps":
            (unfinished / VOCABULARY).write_text(json.dumps(runs.data.vocabulary.to_json()), encoding="utf-8")
            save_weights(runs.variables, unfinished / WEIGHTS)
        if (place / COMMAND).is_file():
            for path in sorted(unfinished.iterdir(), key=lambda path: path.name == FILES[0]):
                path.rename(place / path.name)
        else:
            os.rename(unfinished, place)
    except OSError as error:
        check_free(folder, besides)  # another process may have taken it since we looked
        raise FolderError(f"{folder} cannot be written ({error.strerror}).") from error
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    return folder


def claim(folder: Path, command: str) -> Path:
    """Makes a folder the place of a run that now begins, so that `resume` finds what to do.

    Args:
        folder: absent, or empty.
        command: what the run is, a line of shell.

    Raises:
        FolderError: if there is something already, or if it cannot be written.
    """
    check_free(folder)
    with _writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / COMMAND).write_text(_dumped(COMMAND, {"command": command, "folder": str(Path.cwd())}), encoding="utf-8")
    return folder


@contextlib.contextmanager
def working(folder: Path) -> Iterator[None]:
    """Shows that a process works on a claimed run, for `worked_on`; the system takes that back, however the process ends.

    Args:
        folder: as claimed.
    """
    with (folder / COMMAND).open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_SH)  # shared: it keeps nobody out, as the checkpoints' own lock does
        yield


def worked_on(folder: Path) -> bool:
    """Whether a process works on a claimed run; asking disturbs none.

    Args:
        folder: as claimed.
    """
    try:
        with (folder / COMMAND).open("r+b") as file:  # NFS locks for itself alone what may be written
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return False
    except FileNotFoundError:
        return False
    except (BlockingIOError, PermissionError):  # another one's run cannot be asked
        return True


def reached(folder: Path) -> bool:
    """Whether a claimed folder holds a checkpoint or a result."""
    return finished(folder) or any((folder / CHECKPOINTS).glob("*/*"))


def leave(folder: Path) -> None:
    """Takes a claimed folder away again, with its checkpoints."""
    shutil.rmtree(folder / CHECKPOINTS, ignore_errors=True)
    (folder / COMMAND).unlink(missing_ok=True)
    with contextlib.suppress(OSError):  # such as "."
        folder.rmdir()


def finished(folder: Path) -> bool:
    """Whether a run has come to its end and been written down."""
    return (folder / FILES[0]).is_file()


def claimed(folder: Path) -> tuple[str, Path]:
    """The command of a run that keeps checkpoints, finished or not, and the folder that it was given in.

    Raises:
        FolderError: if the folder is that of no such run.
    """
    try:
        content = json.loads((folder / COMMAND).read_text(encoding="utf-8"))
        return content["command"], Path(content["folder"])
    except FileNotFoundError:
        raise FolderError(f"{folder} is not a run's folder: {COMMAND} is missing.") from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise FolderError(f"{folder / COMMAND} cannot be read ({error}).") from error


def found(folder: Path, root: Path) -> Path:
    """The folder of a run that is named by its path, or by its name alone.

    Args:
        folder: path or name.
        root: the folder of runs.
    """
    return folder if folder.exists() or not (root / folder).is_dir() else root / folder


def check_free(folder: Path, besides: tuple[str, ...] = ()) -> None:
    """Makes sure that a run may be written to a folder; worth asking before hours of training.

    Args:
        folder: the folder.
        besides: names that it may hold.

    Raises:
        FolderError: if there is something already, or no folder can be made there.
    """
    check_writable(folder.resolve().parent)
    with _writing(folder):
        if os.path.lexists(folder) and not (folder.is_dir() and all(path.name in besides for path in folder.iterdir())):
            raise FolderError(f"{folder} holds something already, and a run's folder is never overwritten; name another one.")


def check_writable(folder: Path) -> None:
    """Makes sure that runs may be written into a folder, by a trial that leaves nothing behind.

    Args:
        folder: the folder of runs, which may be absent as yet.

    Raises:
        FolderError: if it is a file, cannot be made or takes no new folders.
    """
    there = next(path for path in (folder, *folder.parents) if os.path.lexists(path))
    with _writing(folder):
        trial = there / f".jaxtricks-{secrets.token_hex(4)}"
        trial.mkdir()
        trial.rmdir()


def load(folder: Path | str) -> Record:
    """The record that `save` wrote.

    Args:
        folder: a run's folder.

    Raises:
        FolderError: if it is none, or one of its files is damaged.
    """
    folder = Path(folder)
    if missing := [name for name in FILES if not (folder / name).is_file()]:
        raise FolderError(f"{folder} is not a run's folder: {missing[0]} is missing.")
    files = {}
    for name in FILES:
        try:
            files[name] = json.loads((folder / name).read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise FolderError(f"{folder / name} cannot be read ({error}).") from error
    try:
        return from_json(files)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise FolderError(f"{folder} is not a run's folder as this version writes it ({error!r}).") from error


def render(folder: Path | str) -> Path:
    """Draws a run's page again, from its folder alone.

    Args:
        folder: a run's folder.

    Returns:
        The page.

    Raises:
        FolderError: if it is none, or cannot be written.
    """
    target = Path(folder) / PAGE
    unfinished = _beside(target)
    text = page(load(folder))
    with _writing(target):
        try:
            unfinished.write_text(text, encoding="utf-8")
            os.replace(unfinished, target)
        finally:
            unfinished.unlink(missing_ok=True)
    return target


def writer(folder: Path | str, restart: int) -> Writer:
    """The language model that one restart of a run became.

    Args:
        folder: a run's folder, of a text.
        restart: which of the restarts, 0 for the first.

    Raises:
        FolderError: if it is none, holds no language model or damaged weights, or has no such restart.
        ConfigError: for a model that gives no scores of the next token.
    """
    folder = Path(folder)
    record = load(folder)
    if not (folder / VOCABULARY).is_file():
        raise FolderError(f"{folder} holds no language model; `jaxtricks run` with --level, on a text without labels, makes one.")
    if not 0 <= restart < len(record.baseline.seeds):
        raise FolderError(f"{folder} has {len(record.baseline.seeds)} restarts, numbered from 0, and {restart} is none of them.")
    try:
        vocabulary = Vocabulary.from_json(json.loads((folder / VOCABULARY).read_text(encoding="utf-8")))
        weights = load_weights(folder / WEIGHTS)
    except (OSError, ValueError) as error:
        raise FolderError(f"{folder}: {error}") from error
    variables = {name: jax.tree.map(operator.itemgetter(restart), tree) for name, tree in weights.items()}
    return Writer(Experiment.from_json(record.baseline.experiment).model, variables, vocabulary)


def listing(root: Path | str) -> list[Entry]:
    """The runs in a folder of runs, newest first; what is no run's folder is passed over.

    Args:
        root: the folder of runs; one that is absent holds none.
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
            Entry(
                path=path,
                kind=record.kind,
                data=record.data.name,
                arms=tuple(arm.label for arm in record.arms),
                seeds=len(record.baseline.seeds),
                verdicts=dict(Counter(str(verdict.decision) for verdict in record.verdicts)),
                time=str(record.environment.get("time", "")),
            )
        )
    return sorted(entries, key=lambda entry: (entry.time, _number(entry.name), entry.name), reverse=True)


def unfinished(root: Path) -> list[Path]:
    """The runs in a folder of runs that were begun and not finished, by name."""
    folders = [path for path in root.iterdir() if (path / COMMAND).is_file()] if root.is_dir() else []
    return sorted(path for path in folders if not finished(path))


def fresh(root: Path | str, name: str) -> Path:
    """Makes the next empty folder of a name, `runs/digits-compare-1`, `-2`, …, which nobody else is then given.

    Args:
        root: the folder of runs; made if absent.
        name: such as "digits-compare"; what a folder's name should not hold becomes a hyphen.

    Raises:
        FolderError: if it cannot be made.
    """
    root, name = Path(root), re.sub(r"[^\w.]+", "-", name).strip("-.") or "run"
    with _writing(root):
        root.mkdir(parents=True, exist_ok=True)
        used = [_number(path.name) for path in root.iterdir() if re.fullmatch(rf"{re.escape(name)}-\d+", path.name)]
        number = max(used, default=0)
        while True:
            number += 1
            try:
                (root / f"{name}-{number}").mkdir()
            except FileExistsError:
                continue
            return root / f"{name}-{number}"


def _number(name: str) -> int:
    """The number at a name's end, 0 where there is none, so that -10 comes after -9."""
    found = re.search(r"\d+$", name)
    return int(found.group()) if found else 0


@contextlib.contextmanager
def _writing(path: Path) -> Iterator[None]:
    """Says in one sentence what the file system refuses."""
    try:
        yield
    except OSError as error:
        raise FolderError(f"{path} cannot be written ({error.strerror}).") from error


def _beside(path: Path) -> Path:
    """A new hidden name in the same folder."""
    return path.with_name(f".{path.name}-{secrets.token_hex(4)}")


def _dumped(name: str, data: Any) -> str:
    indent = None if name == "metrics.json" else 2  # thousands of numbers, which nobody reads line by line
    return json.dumps(data, indent=indent, ensure_ascii=False, allow_nan=False) + "\n"
