"""Where members go: which devices, how many together, how long a segment is."""

import math
import os
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np
from jax.sharding import AxisType, Mesh

from jaxtricks.config import ConfigError
from jaxtricks.data.cache import cache_dir
from jaxtricks.engine import processes
from jaxtricks.models.contract import contract

MEMORY_SHARE = 0.6  # of a device's memory that one program may plan with
HELD_SHARE = 0.5  # of what a program may plan with: larger data stay on the host
WINDOW = 2**26  # bytes of examples that a device is handed at a time where they do, if its memory allows that
WINDOW_SHARE = 0.1  # of what a program may plan with
AXES = ("runs", "data", "model")
SEGMENTS = 20  # a run is cut into about so many pieces: progress is seen, and a crash costs one


def set_up(members: int) -> None:
    """Prepares JAX for a program of your own: a CPU's cores as devices, and compiled programs kept for the next process.

    For command lines and scripts, before the first array is made; a library user decides these things alone.

    Args:
        members: restarts to come, or devices to use; a CPU is cut into no more devices than that.
    """
    jax.config.update("jax_num_cpu_devices", max(1, min(os.cpu_count() or 1, members)))
    jax.config.update("jax_compilation_cache_dir", str(cache_dir() / "xla"))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)


@dataclass(frozen=True)
class Layout:
    """What a user may decide about placement; the rest is chosen from the devices and their memory.

    Args:
        runs: devices that share the members; None for as many as there are and members can use.
        data: devices that share each batch.
        model: devices that share each restart's wide layers, of 256 units or more that they can share evenly: weights and what
            the optimizer keeps for them.
        width: members that go through the program together on one device, halved while memory is short; None to choose it from
            kind and memory.
        memory: GB (10⁹ bytes) that a program may plan with on one device; members beyond that wait on the host for their turn.
            None: a share of what the device has.
        stream: whether data stay on the host, which feeds the devices window by window; results are the same. None: where the
            devices' memory is too small for them.

    >>> jt.Layout(runs=1, memory=8).memory
    8
    >>> jt.Layout.parse("runs=4,data=2")
    Layout(runs=4, data=2, model=1, width=None, memory=None, stream=None)
    """

    runs: int | None = None
    data: int = 1
    model: int = 1
    width: int | None = None
    memory: float | None = None
    stream: bool | None = None

    def __post_init__(self) -> None:
        if not (self.stream is None or isinstance(self.stream, bool)):
            raise ConfigError(f"Layout.stream = {self.stream!r} is not True, False or None.")
        if self.memory is not None and (isinstance(self.memory, bool) or not 0 < self.memory < math.inf):
            raise ConfigError(f"Layout.memory = {self.memory!r} is not a number of GB > 0.")
        for name in (*AXES, "width"):
            value = getattr(self, name)
            if value is not None and not (isinstance(value, int) and value >= 1):
                raise ConfigError(f"Layout.{name} = {value!r} is not an integer >= 1.")

    @classmethod
    def parse(cls, text: str) -> "Layout":
        """The layout that words such as "runs=4,data=2" stand for.

        Raises:
            ConfigError: for something else.
        """
        given: dict[str, int] = {}
        for part in text.split(","):
            name, equals, value = part.strip().partition("=")
            if name not in AXES or not equals or not value.isdigit():
                raise ConfigError(
                    f"mesh: {part.strip()!r} is not runs=<devices>, data=<devices> or model=<devices>, such as runs=4,data=2."
                )
            given[name] = int(value)
        return cls(runs=given.get("runs"), data=given.get("data", 1), model=given.get("model", 1))

    def mesh(self, members: int) -> Mesh:
        """The mesh "runs" × "data" × "model" for a number of members.

        Raises:
            ConfigError: if there are not so many devices.
        """
        devices, processes = jax.devices(), jax.process_count()
        each = self.data * self.model
        runs = self.runs or max(1, min(len(devices) // each, members))
        if self.runs is None:  # a process without a device could not take part
            runs = next(n for n in range(runs, runs + processes) if n * each % processes == 0)
        shape = f"devices = {runs} × {self.data} × {self.model} (runs × data × model)"
        if runs * each > len(devices):
            raise ConfigError(f"{shape} is more than the {len(devices)} that there are.")
        if runs * each % processes:
            raise ConfigError(f"{shape} is not a number that {processes} processes share evenly.")
        share = runs * each // processes
        mine = [[device for device in devices if device.process_index == process][:share] for process in range(processes)]
        return Mesh(np.asarray(mine).reshape(runs, self.data, self.model), AXES, axis_types=(AxisType.Auto,) * 3)


def segment_epochs(epochs: int, every: int | None = None) -> int:
    """Epochs of a segment: the largest divisor of `epochs` that still gives some twenty segments, so that one program does.

    Args:
        epochs: of the run.
        every: epochs after which a segment has to end, too.
    """
    longest, whole = max(1, epochs // SEGMENTS), math.gcd(epochs, every or epochs)
    return max(d for d in range(1, longest + 1) if whole % d == 0)


def memory_limit(device: Any) -> float:
    """Bytes that a program may plan with on one device."""
    stats = device.memory_stats()
    if stats and "bytes_limit" in stats:
        return MEMORY_SHARE * stats["bytes_limit"]
    physical = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return MEMORY_SHARE * physical / jax.local_device_count()


def memory(layout: Layout, device: Any) -> float:
    """Bytes that a program may plan with on one device, as the user decided or else as it has them."""
    return processes.least(memory_limit(device) if layout.memory is None else layout.memory * 1e9)


def fits(compiled: jax.stages.Compiled, limit: float) -> bool:
    """Whether a program's own account of its memory stays within a limit, in bytes."""
    memory = compiled.memory_analysis()
    return memory is None or memory.temp_size_in_bytes + memory.argument_size_in_bytes <= limit


def window(layout: Layout, size: int, device: Any) -> int | None:
    """Bytes of examples that a device is handed at a time; None where it holds all `size` bytes of the data."""
    limit = memory(layout, device)
    streams = size > HELD_SHARE * limit if layout.stream is None else layout.stream
    return min(WINDOW, int(WINDOW_SHARE * limit)) if streams else None


def widest(layout: Layout, mesh: Mesh, members: int, model: Any) -> int:
    """The largest width that is worth trying for a model; memory may ask for less."""
    each = math.ceil(members / mesh.shape["runs"])
    if layout.width is not None:
        return layout.width
    return min(each, contract(model).traits.cpu_width) if mesh.devices.flat[0].platform == "cpu" else each
