"""A name → a `Dataset`, read through TFDS the first time and from cached .npy files from then on."""

import hashlib
import os
from pathlib import Path

from jaxtricks.data.cache import cached
from jaxtricks.data.checks import check_images, check_text, check_words
from jaxtricks.data.corpus import stream, tokens_key
from jaxtricks.data.dataset import Dataset
from jaxtricks.data.embedded import EMBEDDED
from jaxtricks.data.errors import DataError
from jaxtricks.data.folders import holds_classes
from jaxtricks.data.held_out import Share
from jaxtricks.data.images import Size
from jaxtricks.data.prepared import Prepared, find, resolve
from jaxtricks.data.reading import read
from jaxtricks.data.text import FILES, Text, read_folder


def load(
    name: str,
    data_dir: Path | str | None = None,
    words: int | None = None,
    text: Text | None = None,
    size: Size | None = None,
    validation: Share | None = None,
    test: Share | None = None,
) -> Dataset:
    """Loads an embedded set, a set of images or texts that TFDS has prepared as array_record, or a folder of texts or pictures.

    The network is never used. The canonical splits come first: "validation", where there is one, is validated on by every
    seed, and "test" becomes the locked test split. Where a split is missing, or `validation` says so, examples are held out.

    - Images: "digits" is embedded; others are prepared by TFDS.
    - Texts with labels, such as "imdb_reviews". With `words` each text becomes a vector of counts, in [0, 255], of the words that
      are commonest in the pool (`Dataset.features` names them); with `text` it becomes the sequence of its first tokens, padded.
    - Texts without labels become a language model's data: windows of one text, in its order, and for each token the next one as
      its label. "tiny_shakespeare" is one; "python_topics" is embedded: CPython's own documentation (`pydoc_data.topics`), real
      English on every machine, a little different in each version of Python.
    - A folder with train.txt, and optionally valid.txt (validated on) and test.txt (locked), is a text without labels. Its
      words are separated by white space, with "<eos>" for each newline, as in Penn Treebank and WikiText.
    - A folder with a folder of pictures or texts for each class, or with CIFAR-10's or CIFAR-100's own files: see
      `Dataset.from_folder`.

    Args:
        name: a name as TFDS writes it: "digits", "fashion_mnist", "emnist/letters", "mnist:3.0.1", "imdb_reviews"; or the path of
            a folder.
        data_dir: the folder of prepared sets; by default TFDS_DATA_DIR, else TFDS's own default.
        words: how many words of a text set to count, such as 5000; None for images, and where `text` is given.
        text: how texts become tokens, such as `Text("char", length=100)`; None for images, and where `words` is given.
        size: the height and width that pictures in a folder are resized to; None: they have one size.
        validation: the share that every seed draws to validate on, of the examples to train and to validate on, or another way
            to, see `Dataset.from_arrays`; None: the canonical validation split, or a share of 0.2 where there is none.
        test: the share that is locked until `Dataset.open_test`, where there is no test split; None: there is none.

    Raises:
        DataError: if the set is not prepared (with the two lines that prepare it), unknown, damaged, too short, or of a kind that
            cannot be read; or if neither words nor text, both, or the wrong one of them is given.

    >>> digits = jt.load("digits")
    >>> len(digits), digits.shape
    (1437, (8, 8, 1))
    >>> jt.load("python_topics", text=jt.Text("char", length=64)).vocabulary.level
    'char'
    """
    if size is not None and (name in EMBEDDED or _folder(name) is None):
        raise DataError(f"size: {size} for {name!r}, which is no folder of pictures; only None is allowed.")
    share = 0.2 if validation is None else validation
    if (own := EMBEDDED.get(name)) is not None:
        arrays = own.read(words, text)
    elif (folder := _folder(name)) is not None and holds_classes(folder) and not (folder / FILES[0]).is_file():
        return Dataset.from_folder(folder, size=size, text=text, words=words, validation=share, test=test)
    elif folder is not None:
        parts, text = read_folder(folder), check_text(name, words, text)
        name = folder.resolve().name
        arrays = stream(parts, text, spaced=True)
    else:
        prepared = find(name, resolve(data_dir))
        name, schema = prepared.full_name, prepared.schema()
        if schema.label is None:
            text = check_text(name, words, text)
        elif schema.text:
            check_words(name, words, text)
        else:
            check_images(name, words, text)
        arrays = cached(_key(prepared, words, text), lambda: read(prepared, words, text))
    if validation is not None:
        arrays = arrays._replace(fixed=None)
    return Dataset.of(name, arrays, share, arrays.vocabulary is not None and arrays.pool.lengths is None, test)


def _folder(name: str) -> Path | None:
    """The folder that a name means: one that no set of TFDS could be called, or one where .txt files or classes lie."""
    if not name:  # Path("") would be the folder where one is
        return None
    path = Path(name).expanduser()
    outright = name.startswith((".", "~", os.sep))
    return path if outright or (path.is_dir() and any(path.glob("*.txt"))) or holds_classes(path) else None


def _key(prepared: Prepared, words: int | None, text: Text | None) -> str:
    """The set, its version, a digest of where it lies and of what was prepared there (it can be anew), and what it became."""
    digest = hashlib.sha256(str(prepared.folder.resolve()).encode())
    for file in ("dataset_info.json", "features.json"):
        digest.update((prepared.folder / file).read_bytes())
    key = f"{prepared.full_name.replace('/', '-')}-{prepared.version}-{digest.hexdigest()[:16]}"
    key += "-canonical" * bool(prepared.sizes().get("validation"))  # earlier versions kept such a set without its split
    return f"{key}-{words}" if words is not None else f"{key}-{tokens_key(text)}" if text is not None else key
