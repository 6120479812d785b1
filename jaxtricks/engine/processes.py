"""Several processes, on one machine or on many, that train together: who they are, and what they tell each other.

JAX's own runtime connects them. Each sees all devices and holds the part of every array that lies on its own; what follows
makes wholes of parts and parts of wholes, and does nothing where there is one process.
"""

import os
import pickle
import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, TypeVar

import jax
import numpy as np
from jax.experimental import multihost_utils
from jax.sharding import NamedSharding

from jaxtricks.config import ConfigError
from jaxtricks.engine import preemption

T = TypeVar("T")
HEARTBEAT_S = 20  # without a sign of life for so long a process counts as dead, and JAX ends the others
JOIN_S = 120
PIECE = 1 << 26  # bytes of one message: an accelerator's memory is full of other things


class Place(NamedTuple):
    """Which of several processes this one is; three times None where JAX finds it by itself (Slurm, GKE, TPU pods, Open MPI).

    Args:
        coordinator: host:port of process 0.
        processes: how many there are.
        process: which of them this is, from 0.
    """

    coordinator: str | None = None
    processes: int | None = None
    process: int | None = None

    def found(self, environment: Mapping[str, str] = os.environ) -> "Place":
        """The place with what is missing taken from $JAXTRICKS_COORDINATOR, $JAXTRICKS_PROCESSES and $JAXTRICKS_PROCESS.

        Args:
            environment: variables.

        Raises:
            ConfigError: if one of the three is no such thing, or if there is one and not all of them.
        """
        given = self._asdict()
        for name, value in given.items():
            word = environment.get(variable := f"JAXTRICKS_{name.upper()}", "")
            if value is None and word:
                if name != "coordinator" and not word.isdecimal():
                    raise ConfigError(f"${variable} = {word!r} is not an integer >= 0.")
                given[name] = word if name == "coordinator" else int(word)
        place = Place(**given)
        missing = [name for name, value in given.items() if value is None]
        if 0 < len(missing) < len(given):
            raise ConfigError(
                f"--{missing[0]} is missing: --coordinator, --processes and --process go together, by flag or as "
                "$JAXTRICKS_COORDINATOR and so on, and none is needed where JAX finds them (Slurm, GKE, TPU pods, Open MPI)."
            )
        place._check()
        return place

    def _check(self) -> None:
        if self.coordinator is None or self.processes is None or self.process is None:
            return
        port = re.fullmatch(r"\S+:(\d+)", self.coordinator)
        if port is None or not 0 < int(port[1]) < 65536:
            raise ConfigError(f"--coordinator {self.coordinator!r} is not host:port, such as 10.0.0.5:1234.")
        if self.processes < 1:
            raise ConfigError(f"--processes {self.processes} is not an integer >= 1.")
        if not 0 <= self.process < self.processes:
            raise ConfigError(f"--process {self.process} is not one of 0 to {self.processes - 1}, as --processes says.")


def join(place: Place) -> None:
    """Connects this process with the others, before JAX's backend starts; from then on SIGTERM requests a stop.

    Args:
        place: which of them this is.

    Raises:
        ConfigError: if JAX does not find the others, or process 0 cannot listen for them.
    """
    try:
        jax.distributed.initialize(*place, heartbeat_timeout_seconds=HEARTBEAT_S, initialization_timeout=JOIN_S)
    except (ValueError, TypeError) as error:
        raise ConfigError(
            f"--distributed finds no other processes ({_reason(error)}); outside of Slurm, GKE, TPU pods and Open MPI it needs "
            "--coordinator host:port, --processes and --process."
        ) from error
    except RuntimeError as error:
        where = "" if place.coordinator is None else f" at {place.coordinator}"
        raise ConfigError(f"--distributed cannot start{where} ({_reason(error)}).") from error
    preemption.listen()  # JAX has taken the signal for a service of its own


def _reason(error: Exception) -> str:
    return str(error).strip().splitlines()[0].rstrip(".")


def first() -> bool:
    """Whether this is the process that writes and prints."""
    return jax.process_index() == 0


def on_first(work: Callable[[], T]) -> T:
    """What `work` gives on the first process, on all of them; what it raises there all of them raise."""
    if jax.process_count() == 1:
        return work()
    outcome: Any = None
    if first():
        try:
            outcome = (work(), None)
        except Exception as error:  # the others would wait for ever
            outcome = (None, error)
    value, failure = pickle.loads(_broadcast(pickle.dumps(outcome)))
    if failure is not None:
        raise failure
    return value  # type: ignore[no-any-return]


def _broadcast(content: bytes) -> bytes:
    """The bytes of the first process; the others' count for nothing."""
    size = int.from_bytes(_told(len(content).to_bytes(8), 8))
    return b"".join(_told(content[at : at + PIECE], min(PIECE, size - at)) for at in range(0, size, PIECE))


def _told(content: bytes, size: int) -> bytes:
    mine = np.frombuffer(content, np.uint8) if first() else np.zeros(size, np.uint8)
    return np.asarray(multihost_utils.broadcast_one_to_all(mine)).astype(np.uint8).tobytes()


def agreed(wish: bool) -> bool:
    """Whether any process wishes it."""
    if jax.process_count() == 1:
        return wish
    return bool(np.any(multihost_utils.process_allgather(np.bool_(wish))))


def least(value: float) -> float:
    """The smallest of all processes' values: what all of them go by has to be one number."""
    if jax.process_count() == 1:
        return value
    return float(np.min(multihost_utils.process_allgather(np.float32(value))))


def placed(tree: Any, lies: Any) -> Any:
    """Arrays that every process holds whole, laid out over the devices of all; `lies` is one sharding, or a tree of them."""
    if jax.process_count() == 1:
        return jax.device_put(tree, lies)

    def place(leaf: Any, sharding: NamedSharding) -> jax.Array:
        whole = np.asarray(leaf)
        return jax.make_array_from_callback(whole.shape, sharding, lambda index: whole[index])

    return jax.tree.map(place, tree, jax.tree.map(lambda _: lies, tree) if isinstance(lies, NamedSharding) else lies)


def gathered(tree: Any) -> Any:
    """Copies of arrays, wherever they are, as whole NumPy arrays in every process."""

    def gather(leaf: Any) -> np.ndarray:
        if not isinstance(leaf, jax.Array) or leaf.is_fully_addressable:
            return np.array(leaf)
        if leaf.is_fully_replicated:
            return np.array(leaf.addressable_data(0))
        return np.array(multihost_utils.process_allgather(leaf, tiled=True))

    return jax.tree.map(gather, tree)
