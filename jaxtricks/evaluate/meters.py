"""The counters of energy of what a device computes with: the machine's processors (RAPL), and an NVIDIA GPU (NVML)."""

import ctypes
import functools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import jax

POWERCAP = Path("/sys/class/powercap")
PROCESSOR = "package"  # so begin the names of whole processors; "psys" counts them, too
CUDA, NVML = "libcuda.so.1", "libnvidia-ml.so.1"
ADDRESS = 32  # bytes that hold a PCI address


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


def meters(device: jax.Device, powercap: Path = POWERCAP) -> list[Meter]:
    """Gives the counters that this process may read: of all processors, and of the device where it is a GPU of NVIDIA.

    There are none on many machines, and in most containers and virtual ones. Each counts all that runs there, of others too.

    Args:
        device: what computes.
        powercap: where Linux shows the counters of processors.

    >>> from pathlib import Path
    >>> meters(jax.devices("cpu")[0], Path("nowhere"))
    []
    """
    return [*_packages(powercap), *_gpu(device)]


def _packages(powercap: Path) -> Iterator[Meter]:
    """Each processor as a whole, which holds its cores' and part of its memory's energy."""
    for folder in sorted(powercap.glob("*-rapl:*")):
        try:
            name, turns = (folder / "name").read_text().strip(), _joules(folder / "max_energy_range_uj")
            _joules(folder / "energy_uj")  # which only the administrator may read on most machines
        except (OSError, ValueError):
            continue
        if name.startswith(PROCESSOR):
            yield Meter(name, functools.partial(_joules, folder / "energy_uj"), turns)


def _joules(file: Path) -> float:
    return int(file.read_text()) / 1e6


def _gpu(device: jax.Device) -> Iterator[Meter]:
    """The device, if it is a GPU that counts, as those of NVIDIA do since Volta.

    CUDA, which numbers GPUs as JAX does, tells its PCI address, and NVML finds it by that: NVML has its own numbers, and knows
    nothing of `CUDA_VISIBLE_DEVICES`.
    """
    if device.platform != "gpu":
        return
    try:
        cuda, nvml = ctypes.CDLL(CUDA), ctypes.CDLL(NVML)
        number, place, handle = ctypes.c_int(), ctypes.create_string_buffer(ADDRESS), ctypes.c_void_p()
        _done(cuda.cuInit(0))
        _done(cuda.cuDeviceGet(ctypes.byref(number), device.local_hardware_id))
        _done(cuda.cuDeviceGetPCIBusId(place, ADDRESS, number))
        _done(nvml.nvmlInit_v2())
        _done(nvml.nvmlDeviceGetHandleByPciBusId_v2(place, ctypes.byref(handle)))
        read = functools.partial(_of_gpu, nvml.nvmlDeviceGetTotalEnergyConsumption, handle)
        read()
    except (OSError, AttributeError):  # no such library, an older one without such a function, or a GPU that does not count
        return
    yield Meter(f"GPU {place.value.decode()}", read)


def _of_gpu(consumption: Callable[[Any, Any], int], handle: Any) -> float:
    """The joules since the driver was loaded; raises OSError where the GPU does not count them."""
    used = ctypes.c_ulonglong()
    _done(consumption(handle, ctypes.byref(used)))
    return used.value / 1e3


def _done(code: int) -> None:
    if code:
        raise OSError(f"a library of NVIDIA answers with code {code}.")
