"""The counters of energy that a machine has: of its processors (RAPL) and of its NVIDIA GPUs (NVML)."""

import ctypes
import functools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

POWERCAP = Path("/sys/class/powercap")
NVML = "libnvidia-ml.so.1"


class Meter(NamedTuple):
    """A counter of energy.

    Args:
        name: what it counts.
        read: gives the joules since some time.
        turns: the joules after which it begins anew; None: it does not.

    >>> Meter("all", lambda: 2.0, turns=10.0).since(9.0)
    3.0
    """

    name: str
    read: Callable[[], float]
    turns: float | None = None

    def since(self, before: float) -> float:
        """The joules since an earlier reading."""
        used = self.read() - before
        return used if self.turns is None else used % self.turns


def meters(powercap: Path = POWERCAP, library: str = NVML) -> list[Meter]:
    """Gives the counters that this process may read; none on many machines, and in most containers and virtual ones.

    Args:
        powercap: where Linux shows the counters of processors.
        library: NVIDIA's management library.

    >>> from pathlib import Path
    >>> meters(Path("nowhere"), "none.so")
    []
    """
    return [*_packages(powercap), *_gpus(library)]


def _packages(powercap: Path) -> Iterator[Meter]:
    """Each processor as a whole, which holds its cores' and part of its memory's energy."""
    for folder in sorted(powercap.glob("*-rapl:*")):
        if folder.name.count(":") > 1:  # a part of a processor
            continue
        try:
            name, turns = (folder / "name").read_text().strip(), _joules(folder / "max_energy_range_uj")
            _joules(folder / "energy_uj")  # which only the administrator may read on most machines
        except (OSError, ValueError):
            continue
        yield Meter(name, functools.partial(_joules, folder / "energy_uj"), turns)


def _joules(file: Path) -> float:
    return int(file.read_text()) / 1e6


def _gpus(library: str) -> Iterator[Meter]:
    """Each GPU that counts: those since Volta."""
    try:
        nvml: Any = ctypes.CDLL(library)
    except OSError:
        return
    count = ctypes.c_uint()
    if nvml.nvmlInit_v2() or nvml.nvmlDeviceGetCount_v2(ctypes.byref(count)):
        return
    for number in range(count.value):
        device = ctypes.c_void_p()
        if nvml.nvmlDeviceGetHandleByIndex_v2(ctypes.c_uint(number), ctypes.byref(device)):
            continue
        read = functools.partial(_of_gpu, nvml, device)
        try:
            read()
        except OSError:
            continue
        yield Meter(f"GPU {number}", read)


def _of_gpu(nvml: Any, device: Any) -> float:
    """The joules since the driver was loaded; raises OSError where the GPU does not count them."""
    used = ctypes.c_ulonglong()
    if code := nvml.nvmlDeviceGetTotalEnergyConsumption(device, ctypes.byref(used)):
        raise OSError(f"NVML gives no energy (code {code}).")
    return used.value / 1e3
