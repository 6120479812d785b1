"""The ways to make a data set of what people have: arrays, tables, texts, folders, sources of examples."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

from numpy.typing import ArrayLike

from jaxtricks.data.cache import Arrays
from jaxtricks.data.columns import Kinds
from jaxtricks.data.delimited import read_csv
from jaxtricks.data.folders import of_folder
from jaxtricks.data.given import given
from jaxtricks.data.groups import as_groups, as_times
from jaxtricks.data.held_out import Share, parted
from jaxtricks.data.images import Size
from jaxtricks.data.labels import TaskName
from jaxtricks.data.sources import Key, Source, sourced
from jaxtricks.data.tables import Roles, tabled
from jaxtricks.data.text import Text
from jaxtricks.data.texts import Labelled, Texts, of_texts
from jaxtricks.data.vocabulary import Vocabulary


class Constructors:
    """Constructors of `Dataset`, each of which reads one kind of thing."""

    @classmethod
    def of(cls, name: str, arrays: Arrays, validation: Any = 0.2, stream: bool = False, test: Share | None = None) -> Self:
        """Makes a data set of arrays as they are stored.

        Args:
            name: its name in reports.
            arrays: the arrays, with all that is known of them.
            validation: the share of the pool that every seed draws to validate on, where none is fixed.
            stream: whether examples are windows of one text, in its order.
            test: the share of the pool that becomes the locked test split; None: none does.

        Raises:
            DataError: if arrays are not as `Dataset` says, or cannot be split so.
        """
        raise NotImplementedError

    @classmethod
    def from_arrays(
        cls,
        x: ArrayLike,
        y: ArrayLike,
        *,
        name: str = "arrays",
        validation: Share | tuple[ArrayLike, ...] = 0.2,
        test: Share | tuple[ArrayLike, ...] | None = None,
        classes: Sequence[str] | None = None,
        scale: float | None = None,
        lengths: ArrayLike | None = None,
        weights: ArrayLike | Mapping[Any, float] | None = None,
        mask: ArrayLike | None = None,
        vocabulary: Vocabulary | None = None,
        stream: bool = False,
        task: TaskName | None = None,
        missing: bool = False,
        groups: ArrayLike | None = None,
        time: ArrayLike | None = None,
    ) -> Self:
        """Makes a data set of your own arrays.

        Args:
            x: the inputs, [examples, ...], finite; 8-bit unsigned numbers stay so, others become float32, see `Dataset.offsets`;
                dates become days; with a vocabulary they are tokens, [examples, time].
            y: words, bools or whole numbers: the class of each example, [examples], or of each step, [examples, time]; 0 and 1
                for each of several labels, [examples, labels]; floats or dates: values to regress on, [examples] or [examples,
                outputs]. Whole numbers of many kinds, such as ages, may be either: `task` says which.
            name: its name in reports.
            validation: the share of x that every seed draws to validate on, in (0, 1), each class in proportion and groups whole;
                `jt.data.Shuffled(0.2)` or `jt.data.Latest(0.2)`; or a fixed set (x, y), with lengths (x, y, lengths).
            test: a test set (x, y), with lengths (x, y, lengths), which is locked until `open_test`; or a share of x, as above,
                that is set aside for it, the same for every seed.
            classes: the names of the classes, which whole numbers count from 0 on; by default the labels are the names, sorted.
            scale: the largest value that an input can have; by default that of an unsigned integer type, 1 for others.
            lengths: the true number of steps of each sequence, [examples]; None: no sequence is padded.
            weights: how much each example of x counts in the loss, [examples], 0 or more; or that of examples of some classes, as
                {"spam": 5.0}. A fixed validation set needs none. None: all count alike.
            mask: which labels of steps count, [examples, time], True or False; labels of -100 do not count either way.
            vocabulary: the vocabulary of the tokens.
            stream: whether examples are windows of one text, in its order.
            task: "classes", "steps", "multilabel" or "values"; None: it is guessed from y.
            missing: whether NaN in x stands for a number that is missing, see `Dataset.missing`.
            groups: a number or word for each example, [examples]; those of one group are never trained and validated on both.
            time: a number or date for each example, [examples], see `Dataset.time`.

        Raises:
            DataError: if lengths, shapes, labels or values do not fit, or if labels do not fit the task.

        >>> jt.Dataset.from_arrays(np.zeros((8, 3)), [[0, 1], [1, 1]] * 4)
        Dataset(arrays: 8 examples of 3, 2 labels, each 0 or 1, no test split)
        >>> jt.Dataset.from_arrays(np.zeros((8, 3)), ["cat", "dog"] * 4, name="pets")
        Dataset(pets: 8 examples of 3, 2 classes (cat, dog), no test split)
        """
        ready, share = parted(test)
        arrays = given(x, y, validation, ready, classes, scale, lengths, weights, mask, vocabulary, task, missing)
        arrays = arrays._replace(
            groups=None if groups is None else as_groups(groups), time=None if time is None else as_times(time)
        )
        return cls.of(name, arrays, 0.2 if isinstance(validation, tuple | list) else validation, stream, share)

    @classmethod
    def from_frame(
        cls,
        frame: Any,
        target: str | Sequence[str],
        *,
        name: str = "frame",
        validation: Any = 0.2,
        test: Any = None,
        groups: str | None = None,
        time: str | None = None,
        weights: str | None = None,
        kinds: Kinds | None = None,
        categories: int = 50,
        task: TaskName | None = None,
        drop_unlabelled: bool = False,
    ) -> Self:
        """Makes a data set of a table: of pandas, polars, Arrow, DuckDB or another library, or a dict of columns.

        Numbers stay numbers, with the mean of the training examples for missing ones; words and categories become 0 or 1 for
        each value; dates become days. A column of words with many values, most of which occur once, is left out. What each
        column became is `print(data.columns)`, and `kinds` changes it.

        Args:
            frame: the table.
            target: the column to predict: words are classes, floats are values, whole numbers are either (see `task`); or several
                columns, of labels 0 and 1 or of values.
            name: the data set's name in reports.
            validation: the share of rows that every seed draws to validate on, or another way to, see `from_arrays`; or a table
                to validate on.
            test: a table that is locked until `open_test`, or a share of the rows for it, see `from_arrays`; None: there is none.
            groups: the column of what belongs together, such as a patient's number: no group is both trained and validated on.
            time: the column of times, for `jt.data.Latest` and `jt.experiment.Forward`.
            weights: the column of how much a row counts in the loss.
            kinds: name → "number", "category" or "date", of columns that are to be taken so; None leaves a column out.
            categories: how many values of a category, the commonest, get a number of their own.
            task: "classes", "multilabel" or "values"; None: it is guessed from the target.
            drop_unlabelled: whether rows without a target are left out; by default they are refused.

        Raises:
            DataError: for a column that is not there, has no values or is of a type that cannot be an input, a target with one
                class, or whatever `from_arrays` refuses.

        >>> jt.Dataset.from_frame({"rooms": [2, 3, 5, 4], "town": ["Oslo", "Bergen"] * 2, "rent": [9.5, 8.0, 14.0, 10.5]}, "rent")
        Dataset(frame: 4 examples of 3, 1 value (rent), no test split)
        """
        roles = Roles(
            (target,) if isinstance(target, str) or not isinstance(target, Sequence) else tuple(target), groups, time, weights
        )
        ready, share = parted(test)
        arrays = tabled(frame, roles, kinds or {}, categories, task, validation, ready, drop_unlabelled)
        return cls.of(name, arrays, 0.2 if arrays.fixed is not None else validation, test=share)

    @classmethod
    def from_csv(
        cls,
        path: Path | str,
        target: str | Sequence[str],
        *,
        delimiter: str | None = None,
        decimal: str | None = None,
        encoding: str | None = None,
        dates: str | None = None,
        missing: Sequence[str] = (),
        **options: Any,
    ) -> Self:
        """Makes a data set of a file of delimited text with a header; gzip, byte-order marks and quoted newlines are understood.

        Args:
            path: the file; its name without the ending is the data set's.
            target: the column or columns to predict.
            delimiter: what stands between two cells; None: found out, as the next two are.
            decimal: the decimal mark.
            encoding: the encoding, such as "latin-1".
            dates: the format of dates that are neither ISO 8601 nor like 31.12.2026, such as "%d/%m/%Y".
            missing: words for a missing value, beside an empty cell, NA, NaN, null, None, "?", "-" and ".".
            **options: those of `from_frame`; tables to validate and test on may be paths too.

        Raises:
            DataError: for a file that is not there or no table, with the row; or whatever `from_frame` refuses.

        >>> import pathlib, tempfile
        >>> file = pathlib.Path(tempfile.mkdtemp()) / "rents.csv"
        >>> _ = file.write_text("rooms;town;rent\\n2;Oslo;9,5\\n3;Bergen;8\\n5;Oslo;14\\n")
        >>> jt.Dataset.from_csv(file, "rent", validation=0.4)
        Dataset(rents: 3 examples of 3, 1 value (rent), no test split)
        """

        def read(value: Any) -> Any:
            if not isinstance(value, Path | str):
                return value
            return read_csv(value, delimiter=delimiter, decimal=decimal, encoding=encoding, dates=dates, missing=missing)

        options = {"name": Path(path).name.partition(".")[0]} | options
        options |= {part: read(options[part]) for part in ("validation", "test") if part in options}
        return cls.from_frame(read(path), target, **options)

    @classmethod
    def from_texts(
        cls,
        texts: Texts,
        labels: ArrayLike,
        *,
        text: Text | None = None,
        words: int | None = None,
        name: str = "texts",
        validation: Share | Labelled = 0.2,
        test: Share | Labelled | None = None,
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
            validation: the share that every seed draws to validate on, in (0, 1), or another way to, see `from_arrays`; or a
                fixed set (texts, labels).
            test: texts and labels that are locked until `open_test`, or a share for that; None: there are none.
            classes: the names of the classes; by default the labels are the names.
            task: what is predicted; None: what the labels look like.

        Raises:
            DataError: for what is no text, an empty text, labels that do not fit, or if neither or both of text and words are
                given.

        >>> said, moods = ["so good", "so bad", "good"] * 4, ["up", "down", "up"] * 4
        >>> jt.Dataset.from_texts(said, moods, text=jt.Text("word", length=2))
        Dataset(texts: 12 examples of 2 tokens, 2 classes (down, up), no test split)
        """
        ready, share = parted(test)
        arrays = of_texts(name, (texts, labels), validation, ready, text, words, classes, task)
        return cls.of(name, arrays, 0.2 if arrays.fixed is not None else validation, test=share)

    @classmethod
    def from_folder(
        cls,
        path: Path | str,
        *,
        size: Size | None = None,
        text: Text | None = None,
        words: int | None = None,
        validation: Share = 0.2,
        test: Share | None = None,
        name: str | None = None,
    ) -> Self:
        """Makes a data set of a folder with a folder of pictures or texts (.txt) for each class, named by it.

        Folders "train", "validation" and "test", with those of the classes inside, are the parts: validation is then the same for
        every seed, and test is locked. Pictures become bytes, [height, width, channels]: 1 channel where all are gray, else 3,
        and 1 more where some may be transparent.

        A folder may also hold CIFAR-10 or CIFAR-100 as Krizhevsky gives them out, for Python or binary: data_batch_1 and so on.
        Each file is checked by its md5, where that is known, or else its size. The test batch is locked, and the classes of
        CIFAR-100 are the hundred fine ones.

        Args:
            path: the folder.
            size: the height and width to resize pictures to, such as (32, 32); None: all have one size.
            text: how texts become tokens; None for pictures, and where `words` is given.
            words: how many of the commonest words of texts to count; None for pictures, and where `text` is given.
            validation: the share that every seed draws to validate on, in (0, 1), where no folder is for that; or another way to,
                see `from_arrays`.
            test: the share that is locked until `open_test`, where no folder is for that; None: there is none.
            name: its name in reports; by default the folder's.

        Raises:
            DataError: for a folder without classes, an empty or a single class, a file that is broken, differs in size or is
                neither picture nor text, or is not the file of CIFAR that it should be, which is named.

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
        name = folder.resolve().name if name is None else name
        return cls.of(name, of_folder(folder, size, text, words), validation, test=test)

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
        validation: Share | Source = 0.2,
        test: Share | Source | None = None,
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
            validation: the share that every seed draws to validate on, in (0, 1), or another way to, see `from_arrays`; or a
                source to validate on.
            test: a source that is locked until `open_test`, or a share for that; None: there is none.
            classes: the names of the classes; by default those that the source knows, else the labels are the names.
            task: what is predicted; None: what the labels look like.

        Raises:
            DataError: for an example that cannot be read, has no such part or another shape than the first, which is named; or
                labels that do not fit.

        >>> rows = [{"wide": 1.0, "tall": 2.0, "kind": "cat"}, {"wide": 2.0, "tall": 1.0, "kind": "dog"}] * 4
        >>> jt.Dataset.from_source(rows, x=["wide", "tall"], y="kind")
        Dataset(source: 8 examples of 2, 2 classes (cat, dog), no test split)
        """
        ready, share = parted(test)
        arrays = sourced(name, source, x, y, validation, ready, size, text, words, classes, task)
        return cls.of(name, arrays, 0.2 if arrays.fixed is not None else validation, test=share)
