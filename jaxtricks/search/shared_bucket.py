"""Where machines meet that share a search and no disk: the objects of a bucket, each of which is made once."""

import contextlib
import dataclasses
import json
import os
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from jaxtricks.bucket import Bucket, BucketError, url_of
from jaxtricks.config import ConfigError
from jaxtricks.search.board import Board, Job, Line, Mark, Result
from jaxtricks.search.journal import check_same
from jaxtricks.search.sharing import CLAIM, IDENTITY, RESULT, SharedFolder, SharedSearch, Sharing, check_lease, check_trials
from jaxtricks.store.checkpoint import CheckpointError


def meeting(where: Path | str, lease: float = 60.0) -> Sharing:
    """Where machines meet, by its name.

    Args:
        where: a folder, or a URL.
        lease: seconds, see `SharedFolder`.

    >>> meeting("runs/shared"), meeting("gs://mine/shared")
    (SharedFolder(folder='runs/shared', lease=60.0, trials=4), SharedBucket(url='gs://mine/shared', lease=60.0, trials=4))
    """
    url = url_of(where)
    return SharedFolder(where, lease) if url is None else SharedBucket(url, lease)


@dataclasses.dataclass(frozen=True)
class SharedBucket:
    """A place in a bucket that all machines see, such as gs://bucket/shared. Each calls the same search with it, when it likes.

    A batch, a claim and a result are objects that are made once: of several machines that try, one is first. Only a claim is
    written again, by the machine whose it is.

    Args:
        url: of the place.
        lease: seconds after which the job of a machine that shows no sign of life is another's.
        trials: of a job at most, see `SharedFolder`.

    Raises:
        ConfigError: for what is no URL, and numbers that are not above 0.

    >>> SharedBucket("s3://mine/shared").trials
    4
    """

    url: str
    lease: float = 60.0
    trials: int = 4
    single: ClassVar[bool] = False

    def __post_init__(self) -> None:
        if url_of(self.url) is None:
            raise ConfigError(f"SharedBucket.url = {self.url!r} is no URL, such as gs://bucket/shared.")
        check_lease(type(self).__name__, self.lease)
        check_trials(type(self).__name__, self.trials)

    @contextlib.contextmanager
    def opened(self, search: SharedSearch) -> Iterator[Board]:
        """The board in the bucket.

        Args:
            search: the search.

        Raises:
            CheckpointError: for a place of something else or of another search, or one that cannot be reached.
        """
        try:
            bucket = Bucket(self.url)
            mine = _plain(search.identity)
            there = bucket.signs()  # at one time: another machine may begin the search now
            if there and IDENTITY not in there:
                raise CheckpointError(f"{self.url} holds something else than a shared search; name another place.")
            bucket.create(IDENTITY, mine)
            check_same(self.url, search.identity, _read(bucket, IDENTITY), "place")
            yield BucketBoard(bucket, self.lease)
        except BucketError as error:
            raise CheckpointError(str(error)) from error


class BucketBoard:
    """The board in a bucket, a folder a batch; see `Board`.

    Args:
        bucket: the place.
        lease: seconds.
    """

    def __init__(self, bucket: Bucket, lease: float) -> None:
        self.lease = lease
        self._bucket = bucket
        self._results: dict[str, Result] = {}  # those that were read

    def batch(self, number: int, proposed: Callable[[], Sequence[Job]]) -> Line | None:
        name = f"{_of(number)}/batch.json"
        if self._bucket.read(name) is None:
            jobs = proposed()
            if not jobs:
                return None
            self._bucket.create(name, _plain(jobs[0].batch.to_json()))
        return _read(self._bucket, name)

    def results(self, number: int) -> Mapping[int, Result]:
        found = {}
        for name in self._names(number):
            if match := RESULT.fullmatch(name):
                path = f"{_of(number)}/{name}"
                self._results[path] = self._results.get(path) or _read(self._bucket, path)
                found[int(match[1])] = self._results[path]
        return found

    def marks(self, number: int) -> Mapping[int, Mark]:
        signs, newest = self._names(number), dict[int, int]()
        for name in signs:
            if match := CLAIM.fullmatch(name):
                newest[int(match[1])] = max(int(match[2]), newest.get(int(match[1]), 0))
        claims = {job: _claim(job, attempt) for job, attempt in newest.items()}
        return {
            job: Mark(newest[job], None if f"{claim}.back" in signs else int(signs[claim], 16)) for job, claim in claims.items()
        }

    def take(self, job: Job, attempt: int) -> "BucketClaim | None":
        claim = BucketClaim(
            self._bucket, f"{_of(job.of)}/{_claim(job.number, attempt)}", f"{_of(job.of)}/job-{job.number:05}.json"
        )
        return claim if claim.take() else None

    def _names(self, number: int) -> dict[str, str]:
        start = f"{_of(number)}/"
        return {name.removeprefix(start): sign for name, sign in self._bucket.signs(_of(number)).items()}


class BucketClaim:
    """A claim: an object that is written anew as long as the job is worked at, and one beside it when it is given back.

    Args:
        bucket: the place.
        name: of the claim.
        result: of what comes of it.
    """

    def __init__(self, bucket: Bucket, name: str, result: str) -> None:
        self._bucket, self._name, self._result = bucket, name, result
        self._mine, self._renewed = f"{os.uname().nodename} {os.getpid()} {secrets.token_hex(8)}", 0

    def take(self) -> bool:
        """Makes it; whether this machine was first."""
        return self._bucket.create(self._name, self._said())

    def renew(self) -> None:
        self._renewed += 1
        self._bucket.write(self._name, self._said())

    def give_back(self) -> None:
        self._bucket.write(f"{self._name}.back", b"")

    def put(self, result: Result) -> None:
        self._bucket.create(self._result, _plain(result))

    def _said(self) -> bytes:
        return f"{self._mine} {self._renewed}\n".encode()


def _of(number: int) -> str:
    return f"batch-{number:05}"


def _claim(job: int, attempt: int) -> str:
    return f"job-{job:05}.claim-{attempt:05}"


def _plain(content: Line) -> bytes:
    return json.dumps(content, allow_nan=False, ensure_ascii=False).encode() + b"\n"


def _read(bucket: Bucket, name: str) -> dict[str, Any]:
    content = bucket.read(name)
    try:
        return dict(json.loads(content or b""))
    except ValueError as error:
        raise CheckpointError(f"{bucket.url}/{name} is damaged: it is no JSON ({error}).") from error
