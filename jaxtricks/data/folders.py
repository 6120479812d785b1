"""A folder with a folder of pictures or texts for each class, or with CIFAR's files → the arrays of a data set."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Int

from jaxtricks.data.cache import Arrays, cached, stamp
from jaxtricks.data.checks import check_images, check_words
from jaxtricks.data.cifar import form_of, of_cifar
from jaxtricks.data.corpus import tokens_key
from jaxtricks.data.errors import DataError
from jaxtricks.data.given import given
from jaxtricks.data.images import Size, check_size, read_pictures
from jaxtricks.data.text import Text
from jaxtricks.data.texts import of_texts

PARTS = {"train": "train", "training": "train", "test": "test", "testing": "test"} | dict.fromkeys(
    ("validation", "valid", "val", "dev"), "validation"
)
TEXTS = (".txt", ".text")
PICTURES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp", ".pbm", ".pgm", ".ppm", ".pnm", ".jp2", ".ico")
CLUTTER = ("thumbs.db", "desktop.ini")  # what systems leave in folders, beside hidden files


class Files(NamedTuple):
    """The files of one part of a data set.

    Args:
        files: the files, in the order of their classes and names.
        labels: the number of each one's class, [files].
    """

    files: list[Path]
    labels: Int[np.ndarray, " files"]


class ClassFolders(NamedTuple):
    """What a folder with a folder for each class holds.

    Args:
        names: the classes.
        parts: the files of "train", and of "validation" and "test" where there are folders of these names.
        texts: whether they are texts; else they are pictures.
    """

    names: tuple[str, ...]
    parts: dict[str, Files]
    texts: bool


def holds_classes(folder: Path) -> bool:
    """Tells whether a folder holds folders in which pictures or texts lie, or the files of CIFAR."""
    if not folder.is_dir():
        return False
    return form_of(folder) is not None or any(
        _kind(file) is not None for below in _folders(folder) for file in below.rglob("*.*")
    )


def of_folder(folder: Path, size: Size | None, text: Text | None, words: int | None) -> Arrays:
    """Makes the arrays of a folder, from the cache if its files are the same as then.

    Args:
        folder: where the folders of the classes are, or those of the parts "train", "validation" and "test" with them inside; or
            CIFAR-10's or CIFAR-100's own files.
        size: the height and width that pictures are resized to; None: they have one size.
        text: how texts become tokens; None for pictures, and where `words` is given.
        words: how many words of texts are counted; None for pictures, and where `text` is given.

    Raises:
        DataError: for a folder without classes, an empty or a single class, a file that is neither a picture nor a text, is
            broken or differs in size, or an option that does not fit.
    """
    check_size(size)
    name = folder.resolve().name
    if (form := form_of(folder)) is not None:
        check_images(name, words, text)
        if size is not None:
            raise DataError(f"size: {size} for {name!r}, which holds images of 32 × 32; only None is allowed.")
        return of_cifar(folder, form)
    found = listed(folder)
    if found.texts:
        check_words(name, words, text)
        if size is not None:
            raise DataError(f"size: {size} for {name!r}, which holds texts; only None is allowed.")
        made = f"{words}" if text is None else tokens_key(text)
    else:
        check_images(name, words, text)
        made = "own" if size is None else f"{size[0]}x{size[1]}"
    return cached(f"folder-{_digest(folder, found)}-{made}", lambda: _read(name, found, size, text, words))


def listed(folder: Path) -> ClassFolders:
    """Lists the files of each class and part; arguments and errors as for `of_folder`."""
    if not folder.is_dir():
        raise DataError(f"{str(folder)!r} is no folder; one with a folder of pictures or texts for each class is allowed.")
    parts = _parts(folder)
    names = tuple(below.name for below in _folders(parts["train"]))
    if not names:
        raise DataError(f"{str(parts['train'])!r} holds no folder; one for each class, with its pictures or texts, is allowed.")
    if len(names) == 1:
        raise DataError(f"{str(parts['train'])!r} holds one class, {names[0]!r}; two or more are allowed.")
    found: dict[str, Files] = {}
    kinds: dict[str | None, Path] = {}
    for part, place in parts.items():
        files: list[Path] = []
        labels: list[int] = []
        for below in _folders(place):
            if below.name not in names:
                raise DataError(f"{str(below)!r} is none of the classes of {str(parts['train'])!r}: {', '.join(names)}.")
            inside = _files(below)
            if not inside and part == "train":
                raise DataError(f"{str(below)!r} is empty; at least one picture or text in each class is allowed.")
            files += inside
            labels += [names.index(below.name)] * len(inside)
        if not files:
            raise DataError(f"{str(place)!r} holds no picture and no text; at least one is allowed.")
        found[part] = Files(files, np.array(labels))
        kinds |= {_kind(file): file for file in reversed(files)}
    if len(kinds) > 1:
        raise DataError(f"{folder}: {kinds['text']} is a text and {kinds['picture']} a picture; files of one kind are allowed.")
    return ClassFolders(names, found, "text" in kinds)


def _parts(folder: Path) -> dict[str, Path]:
    """The folders of the parts; the folder itself is "train" where its folders are classes."""
    below = {child.name.lower(): child for child in _folders(folder)}
    if not below or not below.keys() <= PARTS.keys():
        return {"train": folder}
    parts: dict[str, Path] = {}
    for name, child in below.items():
        if PARTS[name] in parts:
            raise DataError(f"{str(child)!r} and {str(parts[PARTS[name]])!r} are both for {PARTS[name]}; one is allowed.")
        parts[PARTS[name]] = child
    if "train" not in parts:
        raise DataError(f"{str(folder)!r} has no folder 'train' beside {', '.join(sorted(below))}.")
    return {part: parts[part] for part in ("train", "validation", "test") if part in parts}


def _folders(folder: Path) -> list[Path]:
    return sorted(child for child in folder.iterdir() if child.is_dir() and not child.name.startswith((".", "__")))


def _files(folder: Path) -> list[Path]:
    """All pictures or texts in a folder and below; raises DataError for other files."""
    every = (file for file in folder.rglob("*") if not any(p.startswith(".") for p in file.relative_to(folder).parts))
    files = sorted(file for file in every if file.is_file() and file.name.lower() not in CLUTTER)
    for file in files:
        if _kind(file) is None:
            raise DataError(f"{file}: neither a picture nor a text by its ending; {', '.join((*PICTURES, *TEXTS))} are allowed.")
    return files


def _kind(file: Path) -> str | None:
    ending = file.suffix.lower()
    return "text" if ending in TEXTS else "picture" if ending in PICTURES else None


def _digest(folder: Path, found: ClassFolders) -> str:
    every = ((name, part, place) for name, part in found.parts.items() for place in range(len(part.files)))
    return stamp(folder, ((f"{name} {part.labels[place]}", part.files[place]) for name, part, place in every))


def _read(name: str, found: ClassFolders, size: Size | None, text: Text | None, words: int | None) -> Arrays:
    parts = found.parts
    if found.texts:
        read = {part: ([file.read_bytes() for file in files], labels) for part, (files, labels) in parts.items()}
        return of_texts(name, read["train"], read.get("validation", 0.2), read.get("test"), text, words, found.names, "classes")
    files = [file for part in parts.values() for file in part.files]
    ends = np.cumsum([len(part.files) for part in parts.values()])
    x = dict(zip(parts, np.split(read_pictures(files, size, name), ends[:-1]), strict=True))
    pairs = {part: (x[part], parts[part].labels) for part in parts}
    fixed, locked = pairs.get("validation", 0.2), pairs.get("test")
    return given(*pairs["train"], validation=fixed, test=locked, classes=found.names, task="classes")
