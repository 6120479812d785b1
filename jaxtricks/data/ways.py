"""The ways to make a data set of what people have: texts, folders, sources of examples."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

from numpy.typing import ArrayLike

from jaxtricks.data.cache import Arrays
from jaxtricks.data.folders import of_folder
from jaxtricks.data.images import Size
from jaxtricks.data.labels import TaskName
from jaxtricks.data.sources import Key, Source, sourced
from jaxtricks.data.text import Text
from jaxtricks.data.texts import Labelled, Texts, of_texts


class Ways:
    """Constructors of `Dataset`, each of which reads one kind of thing."""

    @classmethod
    def of(cls, name: str, arrays: Arrays, validation: Any = 0.2) -> Self:
        """Makes a data set of arrays as they are stored; see `Dataset.of`."""
        raise NotImplementedError

    @classmethod
    def from_texts(
        cls,
        texts: Texts,
        labels: ArrayLike,
        *,
        text: Text | None = None,
        words: int | None = None,
        name: str = "texts",
        validation: float | Labelled = 0.2,
        test: Labelled | None = None,
        classes: Sequence[str] | None = None,
        task: TaskName | None = None,
    ) -> Self:
        """Makes a data set of texts with labels: sequences of tokens, padded, or vectors of how often words occur.

        The vocabulary is that of all texts to train and to validate on, which holds no labels and so leaks none.

        Args:
            texts: the texts.
            labels: what to predict of each, as y of `from_arrays`.
            text: how texts become tokens, such as `Text("word", length=100)`; None where `words` is given.
            words: how many of the commonest words to count; None where `text` is given.
            name: its name in reports.
            validation: the share that every seed draws to validate on, in (0, 1), or a fixed set (texts, labels).
            test: texts and labels that are locked until `open_test`; None: there are none.
            classes: the names of the classes; by default the labels are the names.
            task: what is predicted; None: what the labels look like.

        Raises:
            DataError: for what is no text, an empty text, labels that do not fit, or if neither or both of text and words are
                given.

        >>> said, moods = ["so good", "so bad", "good"] * 4, ["up", "down", "up"] * 4
        >>> jt.Dataset.from_texts(said, moods, text=jt.Text("word", length=2))
        Dataset(texts: 12 examples of 2 tokens, 2 classes (down, up), no test split)
        """
        arrays = of_texts(name, (texts, labels), validation, test, text, words, classes, task)
        return cls.of(name, arrays, 0.2 if arrays.fixed is not None else validation)

    @classmethod
    def from_folder(
        cls,
        path: Path | str,
        *,
        size: Size | None = None,
        text: Text | None = None,
        words: int | None = None,
        validation: float = 0.2,
        name: str | None = None,
    ) -> Self:
        """Makes a data set of a folder with a folder of pictures or texts (.txt) for each class, named by it.

        Folders "train", "validation" and "test", with those of the classes inside, are the parts: validation is then the same for
        every seed, and test is locked. Pictures become bytes, [height, width, channels]: 1 channel where all are gray, else 3,
        and 1 more where some may be transparent.

        Args:
            path: the folder.
            size: the height and width to resize pictures to, such as (32, 32); None: all have one size.
            text: how texts become tokens; None for pictures, and where `words` is given.
            words: how many of the commonest words of texts to count; None for pictures, and where `text` is given.
            validation: the share that every seed draws to validate on, in (0, 1), where no folder is for that.
            name: its name in reports; by default the folder's.

        Raises:
            DataError: for a folder without classes, an empty or a single class, a file that is broken, differs in size or is
                neither picture nor text, which is named.

        >>> import pathlib, tempfile
        >>> from PIL import Image
        >>> folder = pathlib.Path(tempfile.mkdtemp()) / "shades"
        >>> for kind, gray in (("dark", 10), ("light", 200)):
        ...     (folder / kind).mkdir(parents=True)
        ...     for place in range(4):
        ...         Image.new("L", (8, 6), gray + place).save(folder / kind / f"{place}.png")
        >>> jt.Dataset.from_folder(folder)
        Dataset(shades: 8 examples of 6x8x1, 2 classes (dark, light), no test split)
        """
        folder = Path(path).expanduser()
        return cls.of(folder.resolve().name if name is None else name, of_folder(folder, size, text, words), validation)

    @classmethod
    def from_source(
        cls,
        source: Source,
        *,
        x: Key = None,
        y: Key = None,
        size: Size | None = None,
        text: Text | None = None,
        words: int | None = None,
        name: str = "source",
        validation: float | Source = 0.2,
        test: Source | None = None,
        classes: Sequence[str] | None = None,
        task: TaskName | None = None,
    ) -> Self:
        """Makes a data set of anything with a length that gives an example by its number, as those of PyTorch and Hugging Face.

        Inputs are numbers, pictures or texts. All are read once, into memory.

        Args:
            source: `source[i]` is the i-th example, a dict or a tuple.
            x: the name or the place of the inputs in an example; several names make a vector of numbers. None: the first of a
                tuple.
            y: the same of what is predicted. None: the second of a tuple.
            size: the height and width to resize pictures to; None: all have one size.
            text: how texts become tokens; None where inputs are no texts, and where `words` is given.
            words: how many of the commonest words of texts to count; None as for `text`.
            name: its name in reports.
            validation: the share that every seed draws to validate on, in (0, 1), or a source to validate on.
            test: a source that is locked until `open_test`; None: there is none.
            classes: the names of the classes; by default those that the source knows, else the labels are the names.
            task: what is predicted; None: what the labels look like.

        Raises:
            DataError: for an example that cannot be read, has no such part or another shape than the first, which is named; or
                labels that do not fit.

        >>> rows = [{"wide": 1.0, "tall": 2.0, "kind": "cat"}, {"wide": 2.0, "tall": 1.0, "kind": "dog"}] * 4
        >>> jt.Dataset.from_source(rows, x=["wide", "tall"], y="kind")
        Dataset(source: 8 examples of 2, 2 classes (cat, dog), no test split)
        """
        arrays = sourced(name, source, x, y, validation, test, size, text, words, classes, task)
        return cls.of(name, arrays, 0.2 if arrays.fixed is not None else validation)
