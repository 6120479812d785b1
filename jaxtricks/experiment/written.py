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
    """A frozen dataclass that is written down by its kind's name; of an array only a digest is kept."""

    NAME: ClassVar[str]

    def to_json(self) -> dict[str, Any]:
        """The name and the fields, as plain data."""
        return {"name": self.NAME} | {f.name: _plain(getattr(self, f.name)) for f in dataclasses.fields(self)}


def read_as(base: type[T], data: Mapping[str, Any]) -> T:
    """The value of one of a base's kinds that `Written.to_json` wrote.

    Args:
        base: its subclasses are the kinds.
        data: what was written.

    Raises:
        ConfigError: for a name that no kind has, or a digest of an array in place of the array.
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
    return {DIGEST: digest(value)} if isinstance(value, np.ndarray) else value
