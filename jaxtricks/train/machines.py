"""Several processes, on one machine or on many, that train together: who they are, and what they tell each other.

JAX's own runtime connects them. Each sees all devices and holds the part of every array that lies on its own; what follows
makes wholes of parts and parts of wholes, and does nothing where there is one process.
"""

import pickle
from collections.abc import Callable
from typing import Any, TypeVar

import jax
import numpy as np
from jax.experimental import multihost_utils
from jax.sharding import NamedSharding

from jaxtricks.config import ConfigError

T = TypeVar("T")
HEARTBEAT_S = 20  # without a sign of life for so long a process counts as dead, and JAX ends the others
JOIN_S = 120


def join(coordinator: str | None, processes: int | None, index: int | None) -> None:
    """Connects this process with the others, before JAX's backend starts.

    Args:
        coordinator: address and port of process 0; None where JAX finds it by itself (Slurm, GKE, TPU pods, Open MPI), or in
            $JAX_COORDINATOR_ADDRESS.
        processes: how many there are; None as above.
        index: which of them this is, from 0; None as above.

    Raises:
        ConfigError: if one of the three is neither given nor found, or the others do not answer.
    """
    try:
        jax.distributed.initialize(
            coordinator, processes, index, heartbeat_timeout_seconds=HEARTBEAT_S, initialization_timeout=JOIN_S
        )
    except (ValueError, TypeError, RuntimeError) as error:
        reason = str(error).strip().splitlines()[0].rstrip(".")
        raise ConfigError(
            f"--distributed cannot start ({reason}); outside of Slurm, GKE, TPU pods and Open MPI it needs --coordinator "
            "host:port, --processes and --process."
        ) from error


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
    size = int(multihost_utils.broadcast_one_to_all(np.int64(len(content))))
    mine = np.frombuffer(content, np.uint8) if first() else np.zeros(size, np.uint8)
    return np.asarray(multihost_utils.broadcast_one_to_all(mine)).astype(np.uint8).tobytes()


def agreed(wish: bool) -> bool:
    """Whether any process wishes it."""
    if jax.process_count() == 1:
        return wish
    return bool(np.any(multihost_utils.process_allgather(np.bool_(wish))))


def placed(tree: Any, sharding: NamedSharding) -> Any:
    """Arrays that every process holds whole, laid out over the devices of all."""
    if sharding.is_fully_addressable:
        return jax.device_put(tree, sharding)

    def place(leaf: Any) -> jax.Array:
        whole = np.asarray(leaf)
        return jax.make_array_from_callback(whole.shape, sharding, lambda index: whole[index])

    return jax.tree.map(place, tree)


def gathered(tree: Any) -> Any:
    """Arrays, wherever they lie, as NumPy's, whole in every process; copies, which nobody else writes to."""

    def gather(leaf: Any) -> np.ndarray:
        if not isinstance(leaf, jax.Array) or leaf.is_fully_addressable:
            return np.array(leaf)
        if leaf.is_fully_replicated:
            return np.array(leaf.addressable_data(0))
        return np.array(multihost_utils.process_allgather(leaf, tiled=True))

    return jax.tree.map(gather, tree)
