"""A lock on a place far away: a lease, renewed as long as it is held, and taken over when it is not.

Object stores have no locks and rename nothing. A lease is an object that is made once, under the next number; the highest number
holds. Whoever finds one that is free, or has not changed for as long as a lease lasts, by its own clock, makes the next: of
several who try, one. So no two clocks are compared. Numbers only grow, since the last one stays, as a free one: whoever held the
place before sees when it is about to write that others were there, however long it was silent.
"""

import contextlib
import json
import os
import re
import secrets
import threading
import time
from collections.abc import Callable, Collection, Iterator
from typing import Any

from jaxtricks.bucket import Bucket, BucketError

LEASES = ".lease"  # the folder of leases
NAME = re.compile(rf"{re.escape(LEASES)}/(\d{{6,}})")
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
        """Makes the object; whether it did, and nobody else, and there is no later one."""
        return self._bucket.create(self._name, self._said()) and newest(self._bucket.signs(LEASES)) == self._name

    def renew(self) -> None:
        """Says that this process is still at work.

        Raises:
            TakenError: where it holds the place no longer; then nothing is written.
            BucketError: where the place cannot be reached.
        """
        self.check()
        self._renewed += 1
        self._bucket.write(self._name, self._said())

    def check(self) -> None:
        """Raises TakenError where another process has taken over, which it does when it heard nothing of this one."""
        name = newest(self._bucket.signs(LEASES))
        said = {} if name is None else _read(self._bucket.read(name))
        if name != self._name or said.get("token") != self._mine[1]:
            raise TakenError(
                f"{self._bucket.url} was taken over by another process ({_by(said)}), which heard nothing of this one."
            )

    def release(self) -> None:
        """Says that the place is free, and removes the leases before.

        Raises:
            TakenError: where it holds the place no longer; then nothing is written.
            BucketError: where the place cannot be reached.
        """
        self.check()
        self._bucket.write(self._name, self._said(free=True))
        self._bucket.remove([name for name in self._bucket.signs(LEASES) if name < self._name and NAME.fullmatch(name)])

    @property
    def _name(self) -> str:
        return f"{LEASES}/{self._number:06}"

    def _said(self, free: bool = False) -> bytes:
        by, token = self._mine
        return json.dumps({"by": by, "token": token, "renewed": self._renewed, "free": free}).encode()


def newest(names: Collection[str]) -> str | None:
    """The lease that holds, among the names of objects; None where there is none.

    >>> newest([".lease/000002", ".lease/000010", "config.json"])
    '.lease/000010'
    """
    return max(filter(NAME.fullmatch, names), default=None)


def is_free(said: bytes | None) -> bool:
    """Whether a lease was given back.

    Args:
        said: what its object holds; None where there is none.

    >>> is_free(b'{"free": true}'), is_free(b'{"by": "a"}'), is_free(None)
    (True, False, True)
    """
    return said is None or _read(said).get("free") is True


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
    >>> is_free(far.read(".lease/000001"))
    True
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
        name = newest(bucket.signs(LEASES))
        said = None if name is None else bucket.read(name)
        if is_free(said) or (said == seen and clock() - since >= lasts):
            lease = Lease(bucket, 1 if name is None else int(name.removeprefix(f"{LEASES}/")) + 1)
            if lease.take():
                return lease
        elif said != seen:
            if seen is not None:
                raise TakenError(f"{bucket.url} is in use by another process ({_by(_read(said))}).")
            seen, since = said, clock()
        sleep(lasts / RENEWALS / 2)


def _read(said: bytes | None) -> dict[str, Any]:
    """What a lease says; nothing where it is none."""
    try:
        return dict(json.loads(said or b"{}"))
    except (ValueError, TypeError):
        return {}


def _by(said: dict[str, Any]) -> str:
    """Who wrote a lease, in words."""
    return str(said.get("by", "which does not say who it is"))
