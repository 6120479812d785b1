"""A lock on a place far away: a lease, renewed as long as it is held, and taken over when it is not.

Object stores have no locks and rename nothing. A lease is an object that is made once, under the next number; the highest number
holds. Whoever finds one that has not changed for as long as a lease lasts, by its own clock, makes the next: of several who try,
one. So no two clocks are compared. Whoever held it before sees that when it is about to write.
"""

import contextlib
import json
import os
import secrets
import threading
import time
from collections.abc import Callable, Iterator

from jaxtricks.bucket import Bucket, BucketError

LEASES = ".lease"  # the folder of leases
SECONDS = 30.0  # after which a lease that was not renewed is another's
RENEWALS = 4  # in that time


class TakenError(BucketError):
    """A place that another process holds."""


class Lease:
    """A lease that this process has taken, see `held`.

    Args:
        bucket: the place.
        number: of the lease.
    """

    def __init__(self, bucket: Bucket, number: int) -> None:
        self._bucket, self._number, self._renewed = bucket, number, 0
        self._mine = f"{os.uname().nodename}, process {os.getpid()}", secrets.token_hex(8)

    def take(self) -> bool:
        """Makes the object; whether it did, and nobody else."""
        return self._bucket.create(_name(self._number), self._said())

    def renew(self) -> None:
        """Says that this process is still at work; raises BucketError."""
        self._renewed += 1
        self._bucket.write(_name(self._number), self._said())

    def check(self) -> None:
        """Raises TakenError where another process has taken over, which it does when it heard nothing of this one."""
        if (newest := max(_numbers(self._bucket), default=0)) > self._number:
            by = _by(self._bucket.read(_name(newest)))
            raise TakenError(f"{self._bucket.url} was taken over by another process ({by}), which heard nothing of this one.")

    def release(self) -> None:
        """Removes it, and those before; raises BucketError."""
        self._bucket.remove([_name(number) for number in _numbers(self._bucket) if number <= self._number])

    def _said(self) -> bytes:
        by, token = self._mine
        return json.dumps({"by": by, "token": token, "renewed": self._renewed}).encode()


@contextlib.contextmanager
def held(
    bucket: Bucket,
    seconds: float | None = None,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], object] = time.sleep,
) -> Iterator[Lease]:
    """Holds a place until the block ends, and renews the lease meanwhile. One that another process holds is watched first.

    Args:
        bucket: the place.
        seconds: that a lease lasts; the same for all. None: SECONDS.
        clock: seconds that have passed.
        sleep: waits so many seconds.

    Raises:
        TakenError: where the other process is at work; that takes a quarter of a lease to see, and a whole one that it is not.
        BucketError: where the place cannot be reached.

    >>> far = Bucket("memory:///held")
    >>> with held(far) as lease:
    ...     lease.check()
    ...     sorted(far.signs())
    ['.lease/000001']
    >>> sorted(far.signs())
    []
    """
    lasts = SECONDS if seconds is None else seconds
    lease, ended = _taken(bucket, lasts, clock, sleep), threading.Event()

    def renew() -> None:
        while not ended.wait(lasts / RENEWALS):
            with contextlib.suppress(BucketError):  # one that comes late may be taken over, which `check` says
                lease.renew()

    thread = threading.Thread(target=renew, name="lease", daemon=True)
    thread.start()
    try:
        yield lease
    finally:
        ended.set()
        thread.join()
        with contextlib.suppress(BucketError):  # then it runs out
            lease.release()


def _taken(bucket: Bucket, lasts: float, clock: Callable[[], float], sleep: Callable[[float], object]) -> Lease:
    """The next lease, once there is none or the newest has run out."""
    seen, since = None, clock()
    while True:
        number = max(_numbers(bucket), default=0)
        said = bucket.read(_name(number)) if number else None
        if said is not None and said != seen:
            if seen is not None:
                raise TakenError(f"{bucket.url} is in use by another process ({_by(said)}).")
            seen, since = said, clock()
        elif said is None or clock() - since >= lasts:
            lease = Lease(bucket, number + 1)
            if lease.take():
                return lease
        sleep(lasts / RENEWALS / 2)


def _name(number: int) -> str:
    return f"{LEASES}/{number:06}"


def _numbers(bucket: Bucket) -> list[int]:
    return [int(name.removeprefix(f"{LEASES}/")) for name in bucket.signs(LEASES)]


def _by(said: bytes | None) -> str:
    """Who wrote a lease, in words."""
    try:
        return str(json.loads(said or b"")["by"])
    except (ValueError, KeyError, TypeError):
        return "which does not say who it is"
