"""A run's folder: where it may be made, which process works on it, and whether it is finished."""

import contextlib
import fcntl
import json
import os
import re
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path

from jaxtricks.store.disk import writing

CONFIG, PAGE = "config.json", "report.html"  # of a finished run
COMMAND, CHECKPOINTS = "command.json", "checkpoints"  # of a run that is not finished, too
EVENTS = "tensorboard"  # where they were asked for


class FolderError(ValueError):
    """A folder that cannot be read or written as a run's folder: one sentence that names it."""


def claim(folder: Path, command: str) -> Path:
    """Makes a folder the place of a run that now begins, so that `resume` finds what to do.

    Args:
        folder: absent, or empty.
        command: what the run is, a line of shell.

    Raises:
        FolderError: if there is something already, or if it cannot be written.
    """
    check_free(folder)
    with writing(folder, FolderError):
        folder.mkdir(parents=True, exist_ok=True)
        text = json.dumps({"command": command, "folder": str(Path.cwd())}, indent=2, ensure_ascii=False)
        (folder / COMMAND).write_text(f"{text}\n", encoding="utf-8")
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
    return (folder / CONFIG).is_file()


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
    with writing(folder, FolderError):
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
    with writing(folder, FolderError):
        trial = there / f".jaxtricks-{secrets.token_hex(4)}"
        trial.mkdir()
        trial.rmdir()


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
        folder: the run's.

    Raises:
        FolderError: if there is something already, or if it cannot be written.
    """
    besides = (COMMAND, CHECKPOINTS, EVENTS)
    check_free(folder, besides)
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
        check_free(folder, besides)  # another process may have taken it since the first check
        raise FolderError(f"{folder} cannot be written ({error.strerror}).") from error
    finally:
        shutil.rmtree(hidden, ignore_errors=True)


def number_of(name: str) -> int:
    """The number at a name's end, 0 where there is none, so that -10 comes after -9."""
    found = re.search(r"\d+$", name)
    return int(found.group()) if found else 0
