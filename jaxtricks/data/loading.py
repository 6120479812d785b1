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
from typing import Any, NamedTuple

import numpy as np
from tqdm.auto import tqdm

from jaxtricks.data.counts import count
from jaxtricks.data.dataset import Dataset, Split
from jaxtricks.data.errors import DataError
from jaxtricks.data.examples import Examples
from jaxtricks.data.prepared import DIGITS, DIGITS_VERSION, POOL, Prepared, Schema, find, resolve
from jaxtricks.data.text import TOPICS, Parts, Source, Text, labelled, python_topics, read_folder, streams
from jaxtricks.data.vocabulary import Vocabulary

BATCH = 500


class _Arrays(NamedTuple):
    """What the cache holds of one data set.

    `fixed` is how many examples at the pool's end are validated on whatever the seed, None where each seed draws its own.
    """

    pool: Examples
    test: Examples | None
    classes: tuple[str, ...]
    scale: float = 1.0
    features: tuple[str, ...] | None = None
    vocabulary: Vocabulary | None = None
    fixed: int | None = None


def load(name: str, data_dir: Path | str | None = None, words: int | None = None, text: Text | None = None) -> Dataset:
    """Loads an embedded set, a set of images or texts that TFDS has prepared as array_record, or a folder of text.

    The network is never used. The splits "train" and "validation" become the pool, and "test" becomes the locked test split.

    - Images: "digits" is embedded; others are prepared by TFDS.
    - Texts with labels, such as "imdb_reviews". With `words` each text becomes a vector of counts, in [0, 255], of the words that
      are commonest in the pool (`Dataset.features` names them); with `text` it becomes the sequence of its first tokens, padded.
    - Texts without labels become a language model's data: windows of one text, in its order, and for each token the next one as
      its label. "tiny_shakespeare" is one; "python_topics" is embedded: CPython's own documentation (`pydoc_data.topics`), real
      English on every machine, a little different in each version of Python.
    - A folder with train.txt, and optionally valid.txt (then validated on) and test.txt (locked), is a text without labels. Its
      words are separated by white space, with "<eos>" for each newline, as in Penn Treebank and WikiText.

    Args:
        name: a name as TFDS writes it: "digits", "fashion_mnist", "emnist/letters", "mnist:3.0.1", "imdb_reviews"; or the path of
            a folder.
        data_dir: the folder of prepared sets; by default TFDS_DATA_DIR, else TFDS's own default.
        words: how many words of a text set to count, such as 5000; None for images, and where `text` is given.
        text: how texts become tokens, such as `Text("char", length=100)`; None for images, and where `words` is given.

    Raises:
        DataError: if the set is not prepared (with the two lines that prepare it), unknown, damaged, too short, or of a kind that
            cannot be read; or if neither words nor text, both, or the wrong one of them is given.

    >>> digits = jt.load("digits")
    >>> len(digits), digits.shape
    (1437, (8, 8, 1))
    >>> jt.load("python_topics", text=jt.Text("char", length=64)).vocabulary.level
    'char'
    """
    if name == DIGITS:
        _check_images(name, words, text)
        arrays = _cached(f"{DIGITS}-{DIGITS_VERSION}", _read_digits)
    elif name == TOPICS:
        text = _check_text(name, words, text)
        arrays = _stream(python_topics(), text, spaced=False)
    elif (folder := _folder(name)) is not None:
        parts, text = read_folder(folder), _check_text(name, words, text)
        name = folder.resolve().name
        arrays = _stream(parts, text, spaced=True)
    else:
        prepared = find(name, resolve(data_dir))
        name, schema = prepared.full_name, prepared.schema()
        if schema.label is None:
            text = _check_text(name, words, text)
        elif schema.text:
            _check_words(name, words, text)
        else:
            _check_images(name, words, text)
        arrays = _cached(_key(prepared, words, text), lambda: _read(prepared, words, text))
    validation: float | Split = 0.2
    if arrays.fixed is not None:
        validation = Split(*np.split(np.arange(len(arrays.pool.x)), [-arrays.fixed]))
    return Dataset(
        name,
        arrays.pool.x,
        arrays.pool.y,
        arrays.classes,
        validation,
        scale=arrays.scale,
        features=arrays.features,
        _test=arrays.test,
        lengths=arrays.pool.lengths,
        vocabulary=arrays.vocabulary,
        stream=arrays.vocabulary is not None and arrays.pool.lengths is None,
    )


def cache_dir() -> Path:
    """The folder of what can be made again: JAXTRICKS_CACHE, else `jaxtricks` in XDG_CACHE_HOME, else in ~/.cache."""
    if own := os.environ.get("JAXTRICKS_CACHE"):
        return Path(own).expanduser().absolute()
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser().absolute() / "jaxtricks"


def _folder(name: str) -> Path | None:
    """The folder that a name means: one that no set of TFDS could be called, or one where .txt files lie."""
    path = Path(name).expanduser()
    outright = name.startswith((".", "~", os.sep))
    return path if outright or (path.is_dir() and any(path.glob("*.txt"))) else None


def _check_images(name: str, words: int | None, text: Text | None) -> None:
    for field, value in (("words", words), ("text", text)):
        if value is not None:
            raise DataError(f"{field}: {value} for {name!r}, which holds images; only None is allowed.")


def _check_words(name: str, words: int | None, text: Text | None) -> None:
    """For texts with labels: one of the two."""
    if words is None and text is None:
        raise DataError(
            f"words: None for {name!r}, which holds texts; a number of words to count is allowed, such as 5000, or text, such as "
            'Text("word", length=200).'
        )
    if words is not None and text is not None:
        raise DataError(f"words: {words} of {name!r} beside {text}; one of the two is allowed.")
    if words is not None and (isinstance(words, bool) or not isinstance(words, int) or words < 1):
        raise DataError(f"words: {words!r} of {name!r}; a whole number above 0 is allowed.")


def _check_text(name: str, words: int | None, text: Text | None) -> Text:
    """For texts without labels: `text` and no words."""
    if words is not None:
        raise DataError(f"words: {words} for {name!r}, a text without labels; only None is allowed.")
    if text is None:
        raise DataError(
            f'text: None for {name!r}, a text without labels; Text("char", length=100) is allowed, or --level char --length 100.'
        )
    return text


def _key(prepared: Prepared, words: int | None, text: Text | None) -> str:
    """The set, its version, a digest of where it lies and of what was prepared there (it can be anew), and what it became."""
    digest = hashlib.sha256(str(prepared.folder.resolve()).encode())
    for file in ("dataset_info.json", "features.json"):
        digest.update((prepared.folder / file).read_bytes())
    key = f"{prepared.full_name.replace('/', '-')}-{prepared.version}-{digest.hexdigest()[:16]}"
    return f"{key}-{words}" if words is not None else f"{key}-{_tokens(text)}" if text is not None else key


def _tokens(text: Text) -> str:
    return f"{text.level}-{text.length}" + ("" if text.vocabulary is None else f"-{text.vocabulary}")


def _stream(parts: Parts, text: Text, spaced: bool) -> _Arrays:
    """A language model's data, from the cache if its texts are the same as then."""
    digest = hashlib.sha256()
    for role, part in parts._asdict().items():
        if part is not None:
            digest.update(f"{role} {len(part.raw)} ".encode() + part.raw)
    return _cached(f"text-{digest.hexdigest()[:16]}-{_tokens(text)}{'-spaced' * spaced}", lambda: _tokenized(parts, text, spaced))


def _tokenized(parts: Parts, text: Text, spaced: bool) -> _Arrays:
    vocabulary, pool, fixed, test = streams(parts, text, spaced)
    if fixed is not None:
        pool = Examples(np.concatenate([pool.x, fixed.x]), np.concatenate([pool.y, fixed.y]))
    return _Arrays(pool, test, vocabulary.tokens, vocabulary=vocabulary, fixed=None if fixed is None else len(fixed.x))


def _read(prepared: Prepared, words: int | None = None, text: Text | None = None, scale: float | None = None) -> _Arrays:
    """Reads a set through TFDS, and makes of its texts what was asked for."""
    name, schema = prepared.full_name, prepared.schema()
    splits, classes = _decode(prepared, schema)
    pool = Examples(*(np.concatenate(arrays) for arrays in zip(*(splits[s] for s in POOL if s in splits), strict=True)))
    test = Examples(*splits["test"]) if "test" in splits else None
    if schema.label is None and text is not None:
        # What TFDS cut into splits is one text again.
        rest = None if test is None else Source(f"{name}, test", b"".join(test.x))
        return _tokenized(Parts(Source(name, b"".join(pool.x)), test=rest), text, spaced=False)
    if text is not None:
        vocabulary, padded, padded_test = labelled(name, pool.x, () if test is None else test.x, text)
        locked = None if test is None or padded_test is None else Examples(padded_test.x, test.y, padded_test.lengths)
        return _Arrays(Examples(padded.x, pool.y, padded.lengths), locked, classes, vocabulary=vocabulary)
    if words is not None:
        x, x_test, features = count(name, pool.x, () if test is None else test.x, words)
        return _Arrays(Examples(x, pool.y), None if test is None else Examples(x_test, test.y), classes, features=features)
    if scale is None:
        scale = 255.0 if schema.dtype == "uint8" else 1.0
    return _Arrays(pool, test, classes, scale)


def _decode(prepared: Prepared, schema: Schema) -> tuple[dict[str, tuple[np.ndarray, np.ndarray]], tuple[str, ...]]:
    """Decodes all examples of each split through TFDS, about 0.25 ms for a small PNG image; and the names of the classes."""
    import tensorflow_datasets as tfds

    sizes = prepared.sizes()
    pool = [split for split in POOL if sizes.get(split)]
    test = ["test"] if sizes.get("test") else []
    if not pool:
        raise DataError(f"{prepared.full_name!r} has no split 'train', only {', '.join(sizes) or 'none at all'}.")
    builder = tfds.builder_from_directory(prepared.folder)
    read, total = {}, sum(sizes[split] for split in pool + test)
    with tqdm(total=total, desc=f"reading {prepared.full_name}", unit="example", leave=False) as bar:
        for split in pool + test:
            source = builder.as_data_source(split=split, file_format="array_record")
            x, y = np.empty((sizes[split], *schema.shape), schema.dtype), np.zeros(sizes[split], np.int32)
            for start in range(0, len(y), BATCH):
                try:
                    examples = source.__getitems__(range(start, min(start + BATCH, len(y))))
                except (RuntimeError, OSError) as error:  # array_record's and Pillow's
                    raise DataError(f"{prepared.full_name!r} is damaged: {prepared.folder} ({error}).") from error
                for place, example in enumerate(examples, start):
                    x[place] = example[schema.input]
                    if schema.label is not None:
                        y[place] = example[schema.label]
                bar.update(len(examples))
            read[split] = (x, y)
    return read, () if schema.label is None else tuple(builder.info.features[schema.label].names)


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
    """The cached arrays; None if they are missing or incomplete."""
    try:
        about = json.loads((folder / "about.json").read_text())
        # Mapped, not read: a set may be larger than memory.
        arrays = {name: np.load(folder / f"{name}.npy", mmap_mode="r").view(np.ndarray) for name in about["shapes"]}
        if {name: list(array.shape) for name, array in arrays.items()} != about["shapes"]:
            return None
        pool = Examples(arrays["x_train"], arrays["y_train"], arrays.get("lengths_train"))
        test = Examples(arrays["x_test"], arrays["y_test"], arrays.get("lengths_test")) if "x_test" in arrays else None
        return _Arrays(
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


def _to_cache(folder: Path, arrays: _Arrays) -> None:
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
    with _scratch(folder.name) as scratch:
        for name, array in named.items():
            np.save(scratch / f"{name}.npy", array, allow_pickle=False)
        (scratch / "about.json").write_text(json.dumps(about))
        if _from_cache(folder) is not None:
            return  # another process was first, with the same arrays, and may have them mapped
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
