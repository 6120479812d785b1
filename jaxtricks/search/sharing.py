"""Where machines that share a search meet: the contract, and the one that is a folder."""

import contextlib
import dataclasses
import json
import math
import os
import re
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, NamedTuple, Protocol

from jaxtricks.config import ConfigError
from jaxtricks.engine import processes
from jaxtricks.objectives.metric import Declaration
from jaxtricks.search.board import Board, Job, Line, Mark, Result
from jaxtricks.search.journal import JournalBoard, check_same, journal
from jaxtricks.search.space import Space
from jaxtricks.store.checkpoint import CheckpointError
from jaxtricks.store.disk import writing

IDENTITY, BATCH = "search.json", "batch.json"
CLAIM, RESULT = re.compile(r"job-(\d+)\.claim-(\d+)"), re.compile(r"job-(\d+)\.json")


class SharedSearch(NamedTuple):
    """The search that machines share.

    Args:
        identity: what decides its batches, as plain data.
        space: what it searches.
        metric: what it judges by.
    """

    identity: Line
    space: Space
    metric: Declaration


class Sharing(Protocol):
    """Where machines that share a search meet.

    Attributes:
        lease: seconds after which the job of a machine that shows no sign of life is another's.
        trials: of a program at most; the fewer, the more jobs a batch has.
        single: whether a job has restarts of one trial alone.

    >>> where: Sharing = SharedFolder("runs/shared", lease=30.0)
    >>> where.lease, where.single
    (30.0, False)
    """

    @property
    def lease(self) -> float: ...

    @property
    def trials(self) -> int: ...

    @property
    def single(self) -> bool: ...

    def opened(self, search: SharedSearch) -> contextlib.AbstractContextManager[Board]:
        """The board of a search.

        Args:
            search: the search.

        Raises:
            ConfigError: where it cannot be reached.
            CheckpointError: where it is that of another search.
        """


@dataclasses.dataclass(frozen=True)
class SharedFolder:
    """A folder that all machines see, such as one on NFS. Each calls the same search with it, whenever it likes.

    Nothing of it is ever changed but the time of the claims: a batch, a claim and a result are files that are made once.

    Args:
        folder: made if it is absent.
        lease: seconds after which the job of a machine that shows no sign of life is another's.
        trials: of a job at most. The fewer, the more machines find work in a batch; the more, the better each is used. All
            machines have to say the same.

    Raises:
        ConfigError: for numbers that are not above 0.

    >>> SharedFolder("runs/shared").trials
    4
    """

    folder: Path | str
    lease: float = 60.0
    trials: int = 4
    single: ClassVar[bool] = False

    def __post_init__(self) -> None:
        check_lease(type(self).__name__, self.lease)
        check_trials(type(self).__name__, self.trials)

    @contextlib.contextmanager
    def opened(self, search: SharedSearch) -> Iterator[Board]:
        """The board in the folder.

        Args:
            search: the search.

        Raises:
            CheckpointError: for a folder of something else or of another search, or one that cannot be written.
        """
        folder = Path(self.folder)
        with writing(folder, CheckpointError):
            folder.mkdir(parents=True, exist_ok=True)
            others = [path.name for path in folder.iterdir() if not path.name.startswith(".")]
            if others and not (folder / IDENTITY).exists():  # which is the first file that is made
                raise CheckpointError(f"{folder} holds something else than a shared search; name another folder.")
            _made(folder / IDENTITY, search.identity)
        check_same(f"{folder}", search.identity, _read(folder / IDENTITY), "folder")
        yield FolderBoard(folder, self.lease)


class FolderBoard:
    """The board in a folder, a folder a batch; see `Board`.

    Args:
        folder: of the search.
        lease: seconds.
    """

    def __init__(self, folder: Path, lease: float) -> None:
        self.lease = lease
        self._folder = folder
        self._results: dict[Path, Result] = {}  # those that were read

    def batch(self, number: int, proposed: Callable[[], Sequence[Job]]) -> Line | None:
        place = self._of(number) / BATCH
        if not place.exists():
            jobs = proposed()
            if not jobs:
                return None
            with writing(place, CheckpointError):
                place.parent.mkdir(exist_ok=True)
                _made(place, jobs[0].batch.to_json())
        return _read(place)

    def results(self, number: int) -> Mapping[int, Result]:
        found = {}
        for name in _names(self._of(number)):
            if match := RESULT.fullmatch(name):
                path = self._of(number) / name
                self._results[path] = self._results.get(path) or _read(path)
                found[int(match[1])] = self._results[path]
        return found

    def marks(self, number: int) -> Mapping[int, Mark]:
        newest: dict[int, int] = {}
        for name in _names(self._of(number)):
            if match := CLAIM.fullmatch(name):
                newest[int(match[1])] = max(int(match[2]), newest.get(int(match[1]), 0))
        return {job: Mark(attempt, _changed(self._claim(number, job, attempt))) for job, attempt in newest.items()}

    def take(self, job: Job, attempt: int) -> "FolderClaim | None":
        path = self._claim(job.of, job.number, attempt)
        try:
            with writing(path, CheckpointError), contextlib.closing(_new(path)) as file:
                file.write(f"{os.uname().nodename} {os.getpid()}\n".encode())
        except CheckpointError as refused:
            if isinstance(refused.__cause__, FileExistsError):
                return None
            raise
        return FolderClaim(path, self._of(job.of) / f"job-{job.number:05}.json")

    def _of(self, number: int) -> Path:
        return self._folder / f"batch-{number:05}"

    def _claim(self, number: int, job: int, attempt: int) -> Path:
        return self._of(number) / f"job-{job:05}.claim-{attempt:05}"


class FolderClaim:
    """A claim: a file whose time is set anew as long as the job is worked at, and to 0 when it is given back.

    Args:
        path: of the claim.
        result: of what comes of it.
    """

    def __init__(self, path: Path, result: Path) -> None:
        self._path, self._result = path, result

    def renew(self) -> None:
        os.utime(self._path)

    def give_back(self) -> None:
        os.utime(self._path, (0, 0))

    def put(self, result: Result) -> None:
        with writing(self._result, CheckpointError):
            _made(self._result, result)


Kept = Callable[[int, Line], None]  # writes a batch of a number down


@contextlib.contextmanager
def board_of(folder: Path | None, shared: Sharing | None, search: SharedSearch) -> Iterator[tuple[Board, Kept]]:
    """The board of a search, and what writes a batch down in this machine's own folder, too, where the board is shared.

    Args:
        folder: this machine's own; None: it has none.
        shared: where machines meet; None: this one searches alone.
        search: the search.

    Raises:
        ConfigError: where a board cannot be reached.
        CheckpointError: for a folder or a board of another search, or one that is in use, damaged or cannot be written.
    """
    with contextlib.ExitStack() as stack:
        boards = list[Board]()
        if shared is not None:  # the first of several processes speaks for all
            processes.on_first(lambda: boards.append(stack.enter_context(shared.opened(search))))
        kept = stack.enter_context(journal(folder, lambda: search.identity))

        def keep(number: int, line: Line) -> None:
            if number >= len(kept.batches):
                kept.add(line)
            elif kept.batches[number] != json.loads(json.dumps(line)):
                raise CheckpointError(f"{folder} holds other results than the machines share; name another folder.")

        alone = JournalBoard(kept)
        yield (alone, lambda number, line: None) if shared is None else (next(iter(boards), alone), keep)


def check_lease(name: str, lease: Any) -> None:
    """Raises ConfigError for what is no time.

    Args:
        name: of the class.
        lease: seconds.
    """
    if isinstance(lease, bool) or not isinstance(lease, int | float) or not 0 < lease < math.inf:
        raise ConfigError(f"{name}.lease = {lease!r} is not a number of seconds > 0.")


def check_trials(name: str, trials: Any) -> None:
    """Raises ConfigError for what is no number of trials.

    Args:
        name: of the class.
        trials: of a job at most.
    """
    if isinstance(trials, bool) or not isinstance(trials, int) or trials < 1:
        raise ConfigError(f"{name}.trials = {trials!r} is not a number of trials, an integer >= 1.")


def _new(path: Path) -> Any:
    """A file that was not there; raises FileExistsError if it was."""
    return os.fdopen(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666), "wb")


def _made(path: Path, content: Line) -> None:
    """Writes a file, whole or not at all; one that is there stays as it is."""
    unfinished = path.with_name(f".{path.name}-{secrets.token_hex(8)}")
    try:
        with contextlib.closing(_new(unfinished)) as file:
            file.write(json.dumps(content, allow_nan=False, ensure_ascii=False).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(FileExistsError):
            os.link(unfinished, path)  # on NFS, too, it is refused where there is one
    finally:
        unfinished.unlink(missing_ok=True)


@contextlib.contextmanager
def _reading(path: Path) -> Iterator[None]:
    """Turns what the file system refuses inside the block, or what is damaged there, into one sentence."""
    try:
        yield
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read ({error.strerror}).") from error
    except ValueError as error:
        raise CheckpointError(f"{path} is damaged: it is no JSON ({error}).") from error


def _read(path: Path) -> dict[str, Any]:
    with _reading(path):
        return dict(json.loads(path.read_text(encoding="utf-8")))


def _names(folder: Path) -> list[str]:
    with _reading(folder):
        return os.listdir(folder)


def _changed(path: Path) -> int | None:
    """When a claim was renewed last, by the file system's clock, in nanoseconds; None: it was given back."""
    with _reading(path), path.open("rb") as file:  # on NFS what is told of a file is new only once it was opened
        return os.fstat(file.fileno()).st_mtime_ns or None
