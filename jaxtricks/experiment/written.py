"""Values of an experiment's surroundings as plain JSON data: a name, and fields."""

import dataclasses
import hashlib
from collections.abc import Mapping
from typing import Any, ClassVar, TypeVar

import numpy as np

from jaxtricks.config import ConfigError, nearest

DIGEST = "sha256"

T = TypeVar("T", bound="Written")


@dataclasses.dataclass(frozen=True, eq=False)
class Written:
    """A frozen dataclass that can be written as JSON, with the name of its kind; arrays are kept as digests only."""

    NAME: ClassVar[str]

    def to_json(self) -> dict[str, Any]:
        """Gives the name and the fields, as plain data."""
        return {"name": self.NAME} | {f.name: _plain(getattr(self, f.name)) for f in dataclasses.fields(self)}


def read_as(base: type[T], data: Mapping[str, Any]) -> T:
    """Gives the value that `Written.to_json` wrote.

    Args:
        base: the class whose subclasses are the possible kinds.
        data: the plain data.

    Raises:
        ConfigError: for an unknown name, or where the array of a digest is not known.
    """
    kinds = {kind.NAME: kind for kind in base.__subclasses__()}
    fields = {name: value for name, value in data.items() if name != "name"}
    if data["name"] not in kinds:
        raise ConfigError(f"{base.__name__} {data['name']!r} is unknown{nearest(data['name'], list(kinds))}")
    kind = kinds[data["name"]]
    for name, value in fields.items():
        if isinstance(value, dict):
            raise ConfigError(f"{kind.__name__}.{name} is an array, which is not written down; give the same `seeds` once more.")
    return kind(**fields)


def digest(*arrays: np.ndarray) -> str:
    """SHA-256 of arrays, in hexadecimal digits.

    >>> digest(np.arange(3)) == digest(np.array([0, 1, 2])) != digest(np.arange(4))
    True
    """
    total = hashlib.sha256()
    for array in arrays:
        total.update(f"{array.dtype} {array.shape}".encode())
        total.update(np.ascontiguousarray(array).tobytes())
    return total.hexdigest()


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return {DIGEST: digest(value)}
    return value.item() if isinstance(value, np.generic) else value
