"""Arrays by name in a safetensors file, with a few words beside them."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from jaxtricks.config import ConfigError


def read(path: Path) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """Gives the arrays of a safetensors file by name, and the words beside them.

    >>> import pathlib, tempfile
    >>> with tempfile.TemporaryDirectory() as root:
    ...     place = pathlib.Path(root) / "weights.safetensors"
    ...     write(place, {"head/bias": np.zeros(2)}, {"classes": "cat, dog"})
    ...     read(place)
    ({'head/bias': array([0., 0.])}, {'classes': 'cat, dog'})

    Args:
        path: the file.

    Raises:
        ConfigError: where there is no such file, or where it is none of safetensors.
    """
    try:
        with safe_open(path, framework="np") as file:
            return {name: file.get_tensor(name) for name in file.keys()}, file.metadata() or {}  # noqa: SIM118 (no mapping)
    except FileNotFoundError:
        raise ConfigError(f"{path}: there is no such file of weights.") from None
    except (SafetensorError, OSError) as error:
        raise ConfigError(f"{path} is no safetensors file that can be read ({error}).") from None


def write(path: Path, arrays: Mapping[str, np.ndarray], words: Mapping[str, str]) -> None:
    """Writes arrays by name into a safetensors file, which takes the place of an earlier one.

    Args:
        path: the file.
        arrays: name → array.
        words: what stands beside them.

    Raises:
        ConfigError: where it cannot be written.
    """
    try:
        save_file({name: np.ascontiguousarray(array) for name, array in arrays.items()}, path, dict(words))
    except (SafetensorError, OSError) as error:
        raise ConfigError(f"{path} cannot be written ({error}).") from None
