"""A name → a `Dataset`, read through TFDS the first time and from cached .npy files from then on."""

import contextlib
import hashlib
import io
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from tqdm.auto import tqdm

from jaxtricks.data.counts import count
from jaxtricks.data.dataset import DataError, Dataset, Inputs, Labels, TestInputs, TestLabels
from jaxtricks.data.prepared import DIGITS, DIGITS_VERSION, POOL, Prepared, find, resolve

BATCH = 500


class _Arrays(NamedTuple):
    """What the cache holds of one data set."""

    pool: tuple[Inputs, Labels]
    test: tuple[TestInputs, TestLabels] | None
    classes: tuple[str, ...]
    scale: float
    features: tuple[str, ...] | None


def load(name: str, data_dir: Path | str | None = None, words: int | None = None) -> Dataset:
    """Loads the embedded "digits", or any classification set of images or texts that TFDS has prepared as array_record.

    Its splits "train" and "validation" are the pool, its split "test" is the locked one. A text becomes a vector of counts, in
    [0, 255], of the words that are commonest in the pool; `Dataset.features` names them.

    Args:
        name: as TFDS writes it: "digits", "fashion_mnist", "emnist/letters", "mnist:3.0.1", "imdb_reviews".
        data_dir: the folder of prepared sets; by default TFDS_DATA_DIR, else TFDS's own default.
        words: how many words of a text set to count, such as 5000; None for images.

    Raises:
        DataError: if the set is not prepared (with the two lines that prepare it), is unknown, is damaged, or is no
            classification set of images or texts; or if words are not given for texts, or given for images. The network is not
            asked.
    """
    if name == DIGITS:
        _check_words(name, words, text=False)
        arrays = _cached(f"{DIGITS}-{DIGITS_VERSION}", _read_digits)
    else:
        prepared = find(name, resolve(data_dir))
        name = prepared.full_name
        _check_words(name, words, text=prepared.schema().text)
        key = _key(prepared) if words is None else f"{_key(prepared)}-{words}"
        arrays = _cached(key, lambda: _read(prepared, words=words))
    return Dataset(name, *arrays.pool, arrays.classes, scale=arrays.scale, features=arrays.features, _test=arrays.test)


def cache_dir() -> Path:
    """The folder of what can be made again: JAXTRICKS_CACHE, else `jaxtricks` in XDG_CACHE_HOME, else in ~/.cache."""
    if own := os.environ.get("JAXTRICKS_CACHE"):
        return Path(own).expanduser().absolute()
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser().absolute() / "jaxtricks"


def _check_words(name: str, words: int | None, text: bool) -> None:
    if text and words is None:
        raise DataError(f"words: None for {name!r}, which holds texts; a number of words to count is allowed, such as 5000.")
    if not text and words is not None:
        raise DataError(f"words: {words} for {name!r}, which holds images; only None is allowed.")
    if words is not None and (isinstance(words, bool) or not isinstance(words, int) or words < 1):
        raise DataError(f"words: {words!r} of {name!r}; a whole number above 0 is allowed.")


def _key(prepared: Prepared) -> str:
    """The set, its version, and a digest of where it lies and of what was prepared there (it can be prepared anew)."""
    digest = hashlib.sha256(str(prepared.folder.resolve()).encode())
    for file in ("dataset_info.json", "features.json"):
        digest.update((prepared.folder / file).read_bytes())
    return f"{prepared.full_name.replace('/', '-')}-{prepared.version}-{digest.hexdigest()[:16]}"


def _read(prepared: Prepared, scale: float | None = None, words: int | None = None) -> _Arrays:
    """Decodes all examples through TFDS: about 0.25 ms for a small PNG image."""
    import tensorflow_datasets as tfds

    schema, sizes = prepared.schema(), prepared.sizes()
    pool = [split for split in POOL if sizes.get(split)]
    test = ["test"] if sizes.get("test") else []
    if not pool:
        raise DataError(f"{prepared.full_name!r} has no split 'train', only {', '.join(sizes) or 'none at all'}.")
    builder = tfds.builder_from_directory(prepared.folder)
    read, total = {}, sum(sizes[split] for split in pool + test)
    with tqdm(total=total, desc=f"reading {prepared.full_name}", unit="example", leave=False) as bar:
        for split in pool + test:
            source = builder.as_data_source(split=split, file_format="array_record")
            x, y = np.empty((sizes[split], *schema.shape), schema.dtype), np.empty(sizes[split], np.int32)
            for start in range(0, len(y), BATCH):
                try:
                    examples = source.__getitems__(range(start, min(start + BATCH, len(y))))
                except (RuntimeError, OSError) as error:  # array_record's and Pillow's
                    raise DataError(f"{prepared.full_name!r} is damaged: {prepared.folder} ({error}).") from error
                for place, example in enumerate(examples, start):
                    x[place], y[place] = example[schema.input], example[schema.label]
                bar.update(len(examples))
            read[split] = (x, y)
    if scale is None:
        scale = 255.0 if schema.dtype == "uint8" else 1.0
    x, y = (np.concatenate(arrays) for arrays in zip(*(read[split] for split in pool), strict=True))
    locked, features = read["test"] if test else None, None
    if words is not None:
        x, x_test, features = count(prepared.full_name, x, locked[0] if locked else (), words)
        locked = (x_test, locked[1]) if locked else None
    return _Arrays((x, y), locked, tuple(builder.info.features[schema.label].names), scale, features)


def _read_digits() -> _Arrays:
    """Prepares the digits through their TFDS builder, in a folder of the cache that goes again once they are read."""
    from jaxtricks.data.digits import Digits

    with _scratch(DIGITS) as folder:
        builder = Digits(data_dir=folder, file_format="array_record")
        # TFDS prints what it does, of no use for a set that is made in a second.
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            builder.download_and_prepare()
        return _read(find(DIGITS, folder), scale=16.0)


def _cached(key: str, read: Callable[[], _Arrays]) -> _Arrays:
    folder = cache_dir() / "data" / key
    arrays = _from_cache(folder)
    if arrays is None:
        arrays = read()
        _to_cache(folder, arrays)
    return arrays


def _from_cache(folder: Path) -> _Arrays | None:
    """The cached arrays; None if they are not there or not whole."""
    try:
        about = json.loads((folder / "about.json").read_text())
        arrays = {name: np.load(folder / f"{name}.npy", allow_pickle=False) for name in about["shapes"]}
        if {name: list(array.shape) for name, array in arrays.items()} != about["shapes"]:
            return None
        test = (arrays["x_test"], arrays["y_test"]) if "x_test" in arrays else None
        features = tuple(about["features"]) if "features" in about else None
        return _Arrays((arrays["x_train"], arrays["y_train"]), test, tuple(about["classes"]), about["scale"], features)
    except (OSError, EOFError, ValueError, KeyError):
        return None


def _to_cache(folder: Path, arrays: _Arrays) -> None:
    named = {"x_train": arrays.pool[0], "y_train": arrays.pool[1]}
    if arrays.test is not None:
        named |= {"x_test": arrays.test[0], "y_test": arrays.test[1]}
    about = {"classes": arrays.classes, "scale": arrays.scale, "shapes": {name: a.shape for name, a in named.items()}}
    if arrays.features is not None:
        about["features"] = arrays.features
    with _scratch(folder.name) as scratch:
        for name, array in named.items():
            np.save(scratch / f"{name}.npy", array, allow_pickle=False)
        (scratch / "about.json").write_text(json.dumps(about))
        shutil.rmtree(folder, ignore_errors=True)
        try:
            os.replace(scratch, folder)  # whole or not at all
        except OSError:
            if _from_cache(folder) is None:  # else another process was first, with the same arrays
                raise


@contextlib.contextmanager
def _scratch(name: str) -> Iterator[Path]:
    """A new folder in the cache, gone at the end unless it was moved."""
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
