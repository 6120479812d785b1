"""Where members go: which devices, how many together, how long a segment is."""

import math
import os
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np
from jax.sharding import AxisType, Mesh

from jaxtricks.config import ConfigError
from jaxtricks.data.load import cache_dir

# Measured on 2 CPU cores (experiments/speed/restarts.py): 4 to 8 small members share the cost of an operation's start and
# still fit the second-level cache together. A model's class may say otherwise by an attribute `CPU_WIDTH`, as CNN does.
# Accelerators take as many as memory holds.
CPU_WIDTH = 4
MEMORY_SHARE = 0.6  # of a device's memory that one program may plan with
SEGMENTS = 20  # a run is cut into about so many pieces: progress is seen, and a crash costs one


def set_up(members: int) -> None:
    """Prepares JAX for a program of one's own: a CPU's cores as devices, and compiled programs kept for the next process.

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
        width: members that go through the program together on one device, halved while memory is short; None to choose it from
            kind and memory.
    """

    runs: int | None = None
    data: int = 1
    width: int | None = None

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
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
            if name not in ("runs", "data") or not equals or not value.isdigit():
                raise ConfigError(f"mesh: {part.strip()!r} is not runs=<devices> or data=<devices>, such as runs=4,data=2.")
            given[name] = int(value)
        return cls(**given)

    def mesh(self, members: int) -> Mesh:
        """The mesh "runs" × "data" for a number of members.

        Raises:
            ConfigError: if there are not so many devices.
        """
        devices, processes = jax.devices(), jax.process_count()
        runs = self.runs or max(1, min(len(devices) // self.data, members))
        if self.runs is None:  # a process without a device could not take part
            runs = next(n for n in range(runs, runs + processes) if n * self.data % processes == 0)
        if runs * self.data > len(devices) or runs < 1:
            raise ConfigError(f"devices = {runs} × {self.data} (runs × data) is more than the {len(devices)} that there are.")
        if runs * self.data % processes:
            raise ConfigError(
                f"devices = {runs} × {self.data} (runs × data) is not a number that {processes} processes share evenly."
            )
        each = runs * self.data // processes
        mine = [[device for device in devices if device.process_index == process][:each] for process in range(processes)]
        grid = np.asarray(mine).reshape(runs, self.data)
        return Mesh(grid, ("runs", "data"), axis_types=(AxisType.Auto,) * 2)


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


def fits(compiled: jax.stages.Compiled, device: Any) -> bool:
    """Whether a program's own account of its memory leaves room on a device."""
    memory = compiled.memory_analysis()
    return memory is None or memory.temp_size_in_bytes + memory.argument_size_in_bytes <= memory_limit(device)


def widest(layout: Layout, mesh: Mesh, members: int, model: Any) -> int:
    """The largest width that is worth trying for a model; memory may ask for less."""
    each = math.ceil(members / mesh.shape["runs"])
    if layout.width is not None:
        return layout.width
    return min(each, getattr(model, "CPU_WIDTH", CPU_WIDTH)) if mesh.devices.flat[0].platform == "cpu" else each
