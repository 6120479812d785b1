"""Arrays of data sets in .npy files, so that a set is read through TFDS once."""

import contextlib
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Int, Shaped

from jaxtricks.data.columns import Columns
from jaxtricks.data.errors import DataError
from jaxtricks.data.examples import Examples
from jaxtricks.data.labels import TaskName
from jaxtricks.data.offsets import PLAIN, Offsets
from jaxtricks.data.vocabulary import Vocabulary


class Arrays(NamedTuple):
    """The arrays of one data set.

    Args:
        pool: examples to train and validate on.
        test: the locked test split; None where there is none.
        classes: the names of the classes, or the tokens of a text.
        scale: what inputs are divided by to lie in [0, 1].
        features: the names of the inputs, where they have names.
        vocabulary: of a text.
        fixed: how many examples at the end of the pool are validated on, whatever the seed; None: each seed draws its own.
        task: what is predicted; None: what the stored labels look like.
        offsets: what was subtracted from the numbers where they were stored.
        missing: whether NaN among the inputs stands for a number that is missing.
        columns: how a table became the inputs; None where they come from no table.
        groups: the number of each example's group, [examples]; None where examples have none.
        time: the time of each example, [examples]; None where it is not known.
    """

    pool: Examples
    test: Examples | None
    classes: tuple[str, ...]
    scale: float = 1.0
    features: tuple[str, ...] | None = None
    vocabulary: Vocabulary | None = None
    fixed: int | None = None
    task: TaskName | None = None
    offsets: Offsets = PLAIN
    missing: bool = False
    columns: Columns | None = None
    groups: Int[np.ndarray, " examples"] | None = None
    time: Shaped[np.ndarray, " examples"] | None = None


def cache_dir() -> Path:
    """The folder of what can be made again: JAXTRICKS_CACHE, else `jaxtricks` in XDG_CACHE_HOME, else in ~/.cache.

    Copies of folders far away lie there, too, as long as they are worked in.
    """
    if own := os.environ.get("JAXTRICKS_CACHE"):
        return Path(own).expanduser().absolute()
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser().absolute() / "jaxtricks"


def stamp(folder: Path, files: Iterable[tuple[str, Path]]) -> str:
    """A digest of which files of a folder there are, how large they are and when they were changed.

    Args:
        folder: where they lie.
        files: what each is, and its path.
    """
    total = hashlib.sha256(str(folder.resolve()).encode())
    for name, file in files:
        about = file.stat()
        total.update(f"{name} {file.relative_to(folder)} {about.st_size} {about.st_mtime_ns}\n".encode())
    return total.hexdigest()[:16]


def cached(key: str, read: Callable[[], Arrays]) -> Arrays:
    """The arrays that the cache holds under a key; they are read and put there the first time.

    Args:
        key: the name of a folder in the cache.
        read: gives the arrays.
    """
    folder = cache_dir() / "data" / key
    arrays = _from_cache(folder)
    if arrays is None:
        arrays = read()
        _to_cache(folder, arrays)
    return arrays


def _from_cache(folder: Path) -> Arrays | None:
    """The cached arrays; None if they are missing or incomplete."""
    try:
        about = json.loads((folder / "about.json").read_text())
        # Mapped, not read: a set may be larger than memory.
        arrays = {name: np.load(folder / f"{name}.npy", mmap_mode="r").view(np.ndarray) for name in about["shapes"]}
        if {name: list(array.shape) for name, array in arrays.items()} != about["shapes"]:
            return None
        pool = Examples(arrays["x_train"], arrays["y_train"], arrays.get("lengths_train"))
        test = Examples(arrays["x_test"], arrays["y_test"], arrays.get("lengths_test")) if "x_test" in arrays else None
        return Arrays(
            pool,
            test,
            tuple(about["classes"]),
            about["scale"],
            tuple(about["features"]) if "features" in about else None,
            Vocabulary.from_json(about["vocabulary"]) if "vocabulary" in about else None,
            about.get("fixed"),
        )
    except (OSError, EOFError, ValueError, KeyError):
        return None


def _to_cache(folder: Path, arrays: Arrays) -> None:
    parts = {"train": arrays.pool} | ({} if arrays.test is None else {"test": arrays.test})
    named = {f"{key}_{part}": a for part, held in parts.items() for key, a in held._asdict().items() if a is not None}
    about: dict[str, Any] = {
        "classes": arrays.classes,
        "scale": arrays.scale,
        "shapes": {name: a.shape for name, a in named.items()},
    }
    if arrays.features is not None:
        about["features"] = arrays.features
    if arrays.vocabulary is not None:
        about["vocabulary"] = arrays.vocabulary.to_json()
    if arrays.fixed is not None:
        about["fixed"] = arrays.fixed
    with scratch(folder.name) as place:
        for name, array in named.items():
            np.save(place / f"{name}.npy", array, allow_pickle=False)
        (place / "about.json").write_text(json.dumps(about))
        if _from_cache(folder) is not None:
            return  # another process was first, with the same arrays, and may have them mapped
        shutil.rmtree(folder, ignore_errors=True)
        try:
            os.replace(place, folder)  # whole or not at all
        except OSError:
            if _from_cache(folder) is None:  # else another process was first, with the same arrays
                raise


@contextlib.contextmanager
def scratch(name: str) -> Iterator[Path]:
    """A new folder in the cache, which is removed when the block ends unless it was renamed."""
    parent = cache_dir() / "data"
    try:
        parent.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix=f".{name}-", dir=parent))
    except OSError as error:
        raise DataError(f"the cache cannot be written ({error}); set JAXTRICKS_CACHE to a folder that can.") from error
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
