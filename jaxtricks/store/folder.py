"""A run's folder: where it may be made, which process works on it, and whether it is finished."""

import contextlib
import json
import os
import re
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple, Self

from jaxtricks.store.disk import is_marked, marked, replacing, writing
from jaxtricks.store.mirror import CONFIG, committed, working_copy

PAGE, CURVES, VALUES = "report.html", "report.csv", "values.csv"  # of a finished run, beside its CONFIG
COMMAND, CHECKPOINTS = "command.json", "checkpoints"  # of a run that is not finished, too
EVENTS, FIGURES = "tensorboard", "figures"  # where they were asked for
TRACKED = "tracked.json"  # where a run was tracked
EARLIER = "earlier"  # the results of a run that goes on, as they were before
BESIDES = (COMMAND, CHECKPOINTS, EVENTS, TRACKED, EARLIER)


class FolderError(ValueError):
    """A folder that cannot be read or written as a run's folder: one sentence that names it."""


class Origin(NamedTuple):
    """How a run was begun.

    Args:
        command: the line of shell.
        where: the folder in which it was typed.
        epochs: to how many epochs the run went on later, time after time.
    """

    command: str
    where: Path
    epochs: tuple[int, ...] = ()

    def until(self, epochs: int | None) -> Self:
        """The same run, going on to so many epochs; None: as it is."""
        return self if epochs is None or epochs in self.epochs[-1:] else self._replace(epochs=(*self.epochs, epochs))


def claim(folder: Path, command: str) -> Path:
    """Makes a folder for a run that begins now, and writes the run's command into it, which `resume` reads.

    Args:
        folder: absent, or empty.
        command: the command that began the run, a line of shell.

    Returns:
        The folder.

    Raises:
        FolderError: if the folder holds something already, or if it cannot be written.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as root:
    ...     folder = claim(fresh(root, "digits-run"), "jaxtricks run")
    ...     with working(folder):
    ...         print(folder.name, worked_on(folder), finished(folder))
    digits-run-1 True False
    """
    check_free(folder)
    with writing(folder, FolderError):
        folder.mkdir(parents=True, exist_ok=True)
        _write(folder, Origin(command, Path.cwd()))
    return folder


def _write(folder: Path, claimed: Origin) -> None:
    content = {"command": claimed.command, "folder": str(claimed.where), "epochs": claimed.epochs}
    with replacing(folder / COMMAND) as unfinished:
        unfinished.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    committed(folder / COMMAND)


def reopen(folder: Path, before: int, epochs: int) -> None:
    """Has a claimed run go on for more epochs: it is no longer finished, and its results so far move into `earlier/`.

    Args:
        folder: the run's.
        before: epochs that it had.
        epochs: those that it will have.

    Raises:
        FolderError: if another process works on the run, or the folder cannot be written.
    """
    if worked_on(folder):
        raise FolderError(f"{folder} is in use by another process, which trains there now.")
    said = claimed(folder).until(epochs)
    with writing(folder, FolderError):
        _write(folder, said)
        if finished(folder):
            place = folder / EARLIER / f"epochs-{before}"
            place.mkdir(parents=True, exist_ok=True)
            results = [path for path in folder.iterdir() if path.name not in BESIDES]
            for path in sorted(results, key=lambda path: path.name == CONFIG):  # the last of them: until then it is finished
                path.rename(place / path.name)


def working(folder: Path) -> contextlib.AbstractContextManager[None]:
    """Marks a claimed run as worked on by this process, for `worked_on`; the mark ends with the block or the process.

    Args:
        folder: the run's.
    """
    return marked(folder / COMMAND)


def worked_on(folder: Path) -> bool:
    """Whether some process works on a claimed run; the check does not disturb it.

    Args:
        folder: the run's.
    """
    return is_marked(folder / COMMAND)


def reached(folder: Path) -> bool:
    """Whether a claimed folder holds a checkpoint or a result."""
    return finished(folder) or any((folder / CHECKPOINTS).glob("*/*"))


def leave(folder: Path) -> None:
    """Removes a claimed folder with its checkpoints; other files in it stay, and then so does the folder."""
    shutil.rmtree(folder / CHECKPOINTS, ignore_errors=True)
    (folder / COMMAND).unlink(missing_ok=True)
    with contextlib.suppress(OSError):  # such as "."
        folder.rmdir()


def finished(folder: Path) -> bool:
    """Whether a run has ended and its results are in the folder."""
    return (folder / CONFIG).is_file()


def claimed(folder: Path) -> Origin:
    """How a run was begun.

    Args:
        folder: the run's, finished or not.

    Raises:
        FolderError: if it is no run's folder.
    """
    try:
        content = json.loads((folder / COMMAND).read_text(encoding="utf-8"))
        return Origin(content["command"], Path(content["folder"]), tuple(content.get("epochs", ())))
    except FileNotFoundError:
        raise FolderError(f"{folder} is not a run's folder: {COMMAND} is missing.") from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise FolderError(f"{folder / COMMAND} cannot be read ({error}).") from error


def found(folder: Path, root: Path) -> Path:
    """The folder of a run, given by its path or by its name alone.

    Args:
        folder: path or name.
        root: the folder of runs.

    >>> found(Path("digits-run-1"), Path("runs")).as_posix()  # there is no such run
    'digits-run-1'
    """
    return folder if folder.exists() or not (root / folder).is_dir() else root / folder


def check_free(folder: Path, besides: tuple[str, ...] = ()) -> None:
    """Checks that a run's folder can be made here, which is better known before hours of training than after.

    Args:
        folder: the folder.
        besides: names of files that it may hold.

    Raises:
        FolderError: if the folder holds something else already, or no folder can be made there.
    """
    check_writable(folder.resolve().parent)
    with writing(folder, FolderError):
        if os.path.lexists(folder) and not (folder.is_dir() and all(path.name in besides for path in folder.iterdir())):
            raise FolderError(f"{folder} holds something already, and a run's folder is never overwritten; name another one.")


def check_writable(folder: Path) -> None:
    """Checks that runs can be written into a folder: makes a folder there and removes it again.

    Args:
        folder: the folder of runs; it need not exist yet.

    Raises:
        FolderError: if it is a file, cannot be made or takes no new folders.
    """
    there = next(path for path in (folder, *folder.parents) if os.path.lexists(path))
    with writing(folder, FolderError):
        trial = there / f".jaxtricks-{secrets.token_hex(4)}"
        trial.mkdir()
        trial.rmdir()


def unfinished(root: Path) -> list[Path]:
    """The runs in a folder of runs that were begun and not finished, by name."""
    folders = [path for path in root.iterdir() if (path / COMMAND).is_file()] if root.is_dir() else []
    return sorted(path for path in folders if not finished(path))


def fresh(root: Path | str, name: str) -> Path:
    """Makes the next empty folder of a name, `runs/digits-compare-1`, `-2`, …; two processes never get the same one.

    Args:
        root: the folder of runs; made if absent.
        name: such as "digits-compare"; what a folder's name should not hold becomes a hyphen.

    Raises:
        FolderError: if it cannot be made.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as root:
    ...     [fresh(root, "digits compare").name for _ in range(2)]
    ['digits-compare-1', 'digits-compare-2']
    """
    root, name = Path(root), re.sub(r"[^\w.]+", "-", name).strip("-.") or "run"
    with writing(root, FolderError):
        root.mkdir(parents=True, exist_ok=True)
        used = [number_of(path.name) for path in root.iterdir() if re.fullmatch(rf"{re.escape(name)}-\d+", path.name)]
        number = max(used, default=0)
        while True:
            number += 1
            try:
                (root / f"{name}-{number}").mkdir()
            except FileExistsError:
                continue
            return root / f"{name}-{number}"


@contextlib.contextmanager
def gathered(folder: Path) -> Iterator[Path]:
    """A hidden folder, whose files become those of a run's folder when the block ends: all of them or none.

    Into a claimed folder they move one by one, and the config, the last of them, makes it that of a finished run. Any other
    folder must be free, and is replaced in one step.

    Args:
        folder: the run's, or a URL.

    Raises:
        FolderError: if there is something already, or if it cannot be written.
        CheckpointError: where a URL cannot be reached or written.
    """
    with working_copy(folder) as here, _gathered(here) as hidden:
        yield hidden


@contextlib.contextmanager
def _gathered(folder: Path) -> Iterator[Path]:
    check_free(folder, BESIDES)
    place = folder.resolve()  # nothing can take the place of a link, or of "."
    hidden = place.with_name(f".{place.name}-{secrets.token_hex(4)}")
    try:
        hidden.mkdir(parents=True)
        yield hidden
        if (place / COMMAND).is_file():
            for path in sorted(hidden.iterdir(), key=lambda path: path.name == CONFIG):
                path.rename(place / path.name)
        else:
            os.rename(hidden, place)
    except OSError as error:
        check_free(folder, BESIDES)  # another process may have taken it since the first check
        raise FolderError(f"{folder} cannot be written ({error.strerror}).") from error
    finally:
        shutil.rmtree(hidden, ignore_errors=True)


def number_of(name: str) -> int:
    """The number at a name's end, 0 where there is none, so that run 10 comes after run 9.

    >>> number_of("digits-run-10")
    10
    """
    found = re.search(r"\d+$", name)
    return int(found.group()) if found else 0
