"""CIFAR-10 and CIFAR-100 in the files that Krizhevsky gives out, for Python or binary → the arrays of a data set."""

import hashlib
import pickle
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Int, UInt8

from jaxtricks.data.cache import Arrays, cached, stamp
from jaxtricks.data.errors import DataError
from jaxtricks.data.given import given
from jaxtricks.data.images import Pictures

SIDE, COLOURS = 32, 3
PIXELS = SIDE * SIDE * COLOURS


class CifarBatch(NamedTuple):
    """What a file of examples holds.

    Args:
        pixels: all red, then all green, then all blue ones, [examples, 3 · 32 · 32].
        labels: the class of each, [examples].
    """

    pixels: UInt8[np.ndarray, "examples pixels"]
    labels: Int[np.ndarray, " examples"]


@dataclass(frozen=True)
class Form:
    """One of the forms in which they come.

    Args:
        title: its name, for messages.
        archive: the file that it comes in.
        train: the files to train on, in order.
        test: the file to test on.
        names: the file with the names of the classes.
        marks: the files that tell a folder of this form.
        batch: the contents of a file of examples → what it holds.
        classes: the contents of the file of names → the names.
        md5: file → its md5, where it is known.
        sizes: file → its bytes, where they are always the same.
    """

    title: str
    archive: str
    train: tuple[str, ...]
    test: str
    names: str
    marks: tuple[str, ...]
    batch: Callable[[bytes], CifarBatch]
    classes: Callable[[bytes], tuple[str, ...]]
    md5: Mapping[str, str] = field(default_factory=dict)
    sizes: Mapping[str, int] = field(default_factory=dict)

    @property
    def files(self) -> tuple[str, ...]:
        """All files that are read."""
        return (*self.train, self.test, self.names)


class _Plain(pickle.Unpickler):
    """Reads dicts, lists, bytes and NumPy arrays, and calls nothing else that a file names."""

    def find_class(self, module: str, name: str) -> Any:
        # As NumPy 1 and 2 name what makes an array, and Python 3 what makes bytes in a file for Python 2.
        allowed = {"_reconstruct": np.zeros(0).__reduce__()[0], "ndarray": np.ndarray, "dtype": np.dtype}
        if module.split(".")[0] == "numpy" and name in allowed:
            return allowed[name]
        if (module, name) == ("_codecs", "encode"):
            return _encoded
        raise pickle.UnpicklingError(f"it names {module}.{name}")


def _encoded(text: str, encoding: str) -> bytes:
    return text.encode(encoding)


def unpickled(contents: bytes) -> Any:
    """Gives what a pickle of plain data holds, with bytes for the text of Python 2.

    >>> unpickled(pickle.dumps({b"labels": [1, 2]}))
    {b'labels': [1, 2]}

    Raises:
        pickle.UnpicklingError: for one that names a class or a function beside NumPy's arrays.
    """
    return _Plain(BytesIO(contents), encoding="bytes").load()


def _pickled(labels: bytes) -> Callable[[bytes], CifarBatch]:
    def read(contents: bytes) -> CifarBatch:
        held = unpickled(contents)
        return CifarBatch(np.asarray(held[b"data"], np.uint8), np.asarray(held[labels]))

    return read


def _pickled_names(key: bytes) -> Callable[[bytes], tuple[str, ...]]:
    return lambda contents: tuple(name.decode() for name in unpickled(contents)[key])


def _binary(labels: int) -> Callable[[bytes], CifarBatch]:
    """Records of `labels` bytes, of which the last is the class, and of the pixels."""

    def read(contents: bytes) -> CifarBatch:
        records = np.frombuffer(contents, np.uint8).reshape(-1, labels + PIXELS)
        return CifarBatch(records[:, labels:], records[:, labels - 1].astype(np.int32))

    return read


def _lines(contents: bytes) -> tuple[str, ...]:
    return tuple(contents.decode().split())


BATCHES = tuple(f"data_batch_{number}" for number in range(1, 6))
# The md5s are those that torchvision checks, too; of the binary files only their archive's is known.
FORMS = (
    Form(
        "CIFAR-10 for Python",
        "cifar-10-python.tar.gz",
        BATCHES,
        "test_batch",
        "batches.meta",
        BATCHES[:1],
        _pickled(b"labels"),
        _pickled_names(b"label_names"),
        {
            "data_batch_1": "c99cafc152244af753f735de768cd75f",
            "data_batch_2": "d4bba439e000b95fd0a9bffe97cbabec",
            "data_batch_3": "54ebc095f3ab1f0389bbae665268c751",
            "data_batch_4": "634d18415352ddfa80567beed471001a",
            "data_batch_5": "482c414d41f54cd18b22e5b47cb7c3cb",
            "test_batch": "40351d587109b95175f43aff81a1287e",
            "batches.meta": "5ff9c542aee3614f3951f8cda6e48888",
        },
    ),
    Form(
        "CIFAR-100 for Python",
        "cifar-100-python.tar.gz",
        ("train",),
        "test",
        "meta",
        ("train", "meta"),
        _pickled(b"fine_labels"),
        _pickled_names(b"fine_label_names"),
        {
            "train": "16019d7e3df5f24257cddd939b257f8d",
            "test": "f0ef6b0ae62326f3e7ffdfab6717acfc",
            "meta": "7973b15100ade9c7d40fb424638fde48",
        },
    ),
    Form(
        "binary CIFAR-10",
        "cifar-10-binary.tar.gz",
        tuple(f"{batch}.bin" for batch in BATCHES),
        "test_batch.bin",
        "batches.meta.txt",
        ("data_batch_1.bin",),
        _binary(1),
        _lines,
        sizes=dict.fromkeys((*(f"{batch}.bin" for batch in BATCHES), "test_batch.bin"), 10_000 * (1 + PIXELS)),
    ),
    Form(
        "binary CIFAR-100",
        "cifar-100-binary.tar.gz",
        ("train.bin",),
        "test.bin",
        "fine_label_names.txt",
        ("train.bin", "fine_label_names.txt"),
        _binary(2),
        _lines,
        sizes={"train.bin": 50_000 * (2 + PIXELS), "test.bin": 10_000 * (2 + PIXELS)},
    ),
)


def form_of(folder: Path, forms: tuple[Form, ...] = FORMS) -> Form | None:
    """Tells in which form a folder holds CIFAR; None where it does not."""
    return next((form for form in forms if all((folder / mark).is_file() for mark in form.marks)), None)


def of_cifar(folder: Path, form: Form) -> Arrays:
    """Makes the arrays of CIFAR, from the cache if its files are the same as then; the test batch is locked.

    Args:
        folder: where its files lie.
        form: the form that it has.

    Raises:
        DataError: for a file that is missing or is not the one that was given out, which is named.
    """
    for file in form.files:
        if not (folder / file).is_file():
            raise DataError(f"{folder / file}: there is no such file; {form.title} has {', '.join(form.files)}.")
    key = stamp(folder, ((file, folder / file) for file in form.files))
    return cached(f"cifar-{key}", lambda: _read(folder, form))


def _read(folder: Path, form: Form) -> Arrays:
    held = {file: _checked(folder / file, form) for file in form.files}
    names: tuple[str, ...] = _parsed(folder / form.names, form, form.classes, held[form.names])
    read = {file: _examples(folder / file, form, held[file], len(names)) for file in (*form.train, form.test)}
    x, y = (np.concatenate(arrays) for arrays in zip(*(read[file] for file in form.train), strict=True))
    return given(x, y, test=read[form.test], classes=names, task="classes")


def _checked(file: Path, form: Form) -> bytes:
    """The contents of a file, if they are those that were given out."""
    contents = file.read_bytes()
    again = f"copy it again from {form.archive}."
    if (wanted := form.md5.get(file.name)) is not None and (found := hashlib.md5(contents).hexdigest()) != wanted:
        raise DataError(f"{file}: its md5 is {found}, and {wanted} is that of {form.title}; {again}")
    if (size := form.sizes.get(file.name, len(contents))) != len(contents):
        raise DataError(f"{file}: it has {len(contents):,} bytes, and {size:,} are those of {form.title}; {again}")
    return contents


def _parsed(file: Path, form: Form, read: Callable[[bytes], Any], contents: bytes) -> Any:
    try:
        return read(contents)
    except Exception as error:  # a pickle may raise anything
        raise DataError(f"{file}: it cannot be read as {form.title} ({type(error).__name__}: {error}).") from error


def _examples(file: Path, form: Form, contents: bytes, classes: int) -> tuple[Pictures, Int[np.ndarray, " examples"]]:
    """The images and the labels of a file."""
    batch: CifarBatch = _parsed(file, form, form.batch, contents)
    if batch.pixels.shape != (len(batch.labels), PIXELS):
        raise DataError(f"{file}: {len(batch.labels)} labels and pixels of shape {batch.pixels.shape} are not {form.title}.")
    if not 0 <= batch.labels.min() <= batch.labels.max() < classes:
        raise DataError(f"{file}: class {batch.labels.max()} is none of the {classes} of {form.names}.")
    return batch.pixels.reshape(-1, COLOURS, SIDE, SIDE).transpose(0, 2, 3, 1), batch.labels.astype(np.int32)
