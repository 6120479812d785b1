"""Tasks that need a memory: three that are drawn at random, and images read pixel by pixel."""

from dataclasses import replace

import numpy as np

from jaxtricks import rng
from jaxtricks.data.arrays import short
from jaxtricks.data.dataset import Dataset
from jaxtricks.data.errors import DataError
from jaxtricks.data.examples import Examples, Inputs
from jaxtricks.data.offsets import Offsets
from jaxtricks.data.vocabulary import Tokenizer, Vocabulary

BLANK, MARKER = "_", "?"


def copy_problem(examples: int, delay: int, symbols: int = 8, recall: int = 10, seed: int = 0) -> Dataset:
    """Symbols to remember over a delay, and to repeat in their order behind a marker.

    x holds `recall` symbols, `delay` - 1 blanks, the marker and `recall` blanks; y holds blanks and, at the last `recall` steps,
    the symbols. A model that remembers nothing can answer blanks and then guess: its loss is
    recall · ln(symbols) / (delay + 2 recall) a step.

    Args:
        examples: the number of examples.
        delay: the number of steps from the last symbol to the marker; at least 1.
        symbols: the number of different symbols, tokens 1 to `symbols`; token 0 is the blank and the last token the marker.
        recall: the number of symbols to remember.
        seed: the seed of the draw.

    Raises:
        DataError: if a number is too small.

    Hochreiter & Schmidhuber 1997; as Arjovsky+ 2016 and Bai+ 2018.

    >>> data = jt.data.copy_problem(4, delay=3, symbols=2, recall=2)
    >>> data.decode(data.x[0]).split()[2:5]
    ['_', '_', '?']
    """
    _check(examples=(examples, 2), delay=(delay, 1), symbols=(symbols, 1), recall=(recall, 1))
    drawn = rng.host(seed, "copy problem").integers(1, symbols + 1, (examples, recall))
    x = np.zeros((examples, delay + 2 * recall), np.int32)
    y = np.zeros_like(x)
    x[:, :recall] = y[:, -recall:] = drawn
    x[:, recall + delay - 1] = symbols + 1
    names = (BLANK, *map(str, range(1, symbols + 1)))
    vocabulary = Vocabulary((*names, MARKER), Tokenizer("word", spaced=True))
    return Dataset(f"copy_problem_{delay}", x, y, names, vocabulary=vocabulary)


def reversal_problem(examples: int, length: int, symbols: int = 8, seed: int = 0) -> Dataset:
    """Symbols to repeat backwards, each while the last one is known: a toy of translation.

    x holds the source, `length` symbols, the marker, and the answer but for its last symbol; y holds the answer from the marker
    on, and no step before it counts. A model that looks at no input has an accuracy of 1/`symbols`.

    Args:
        examples: the number of examples.
        length: the number of symbols to reverse.
        symbols: the number of different symbols, tokens 1 to `symbols`; token 0 is the marker.
        seed: the seed of the draw.

    Raises:
        DataError: if a number is too small.

    >>> data = jt.data.reversal_problem(4, length=3)
    >>> words = data.decode(data.x[0]).split()
    >>> words[3], words[4:] == words[2:0:-1]
    ('?', True)
    """
    _check(examples=(examples, 2), length=(length, 1), symbols=(symbols, 1))
    source = rng.host(seed, "reversal problem").integers(1, symbols + 1, (examples, length)).astype(np.int32)
    answer, marker = source[:, ::-1], np.zeros((examples, 1), np.int32)
    x = np.concatenate([source, marker, answer[:, :-1]], axis=1)
    y = np.concatenate([np.zeros_like(source), answer], axis=1)
    counted = np.broadcast_to(np.arange(2 * length) >= length, y.shape)
    words = (MARKER, *map(str, range(1, symbols + 1)))
    vocabulary = Vocabulary(words, Tokenizer("word", spaced=True))
    return Dataset(f"reversal_problem_{length}", x, y, words, vocabulary=vocabulary, counted=counted)


def adding_problem(examples: int, length: int, seed: int = 0) -> Dataset:
    """Two numbers to find in a sequence, and to add up.

    x[:, :, 0] is uniform in [0, 1); x[:, :, 1] is 1 at one step of the first half and at one of the second, and 0 elsewhere; y is
    the sum of the two numbers at these steps. A model that always answers 1 has a mean squared error of 1/6.

    Args:
        examples: the number of examples.
        length: the number of steps; at least 2.
        seed: the seed of the draw.

    Raises:
        DataError: if a number is too small.

    Hochreiter & Schmidhuber 1997; as Arjovsky+ 2016.

    >>> data = jt.data.adding_problem(4, length=6)
    >>> numbers, marks = data.x[0].T
    >>> bool(np.isclose((numbers * marks).sum(), data.y[0, 0]))
    True
    """
    _check(examples=(examples, 2), length=(length, 2))
    generator = rng.host(seed, "adding problem")
    x = np.zeros((examples, length, 2), np.float32)
    x[..., 0] = generator.random((examples, length), np.float32)
    rows, half = np.arange(examples), length // 2
    steps = [generator.integers(low, high, examples) for low, high in ((0, half), (half, length))]
    for step in steps:
        x[rows, step, 1] = 1
    y = np.stack([x[rows, step, 0] for step in steps]).sum(axis=0)[:, None]
    return Dataset(f"adding_problem_{length}", x, y, ("sum",))


def pixels(dataset: Dataset, permutation: int | None = None) -> Dataset:
    """Turns images into sequences of pixels, row by row, [height · width, channels]; the test split too, which stays locked.

    Args:
        dataset: images, [height, width, channels].
        permutation: the seed of one random order of the pixels, the same for all images; None keeps the order of reading.

    Raises:
        DataError: if the inputs are not images.

    Le+ 2015.

    >>> jt.data.pixels(jt.load("digits")).shape
    (64, 1)
    """
    if len(dataset.shape) != 3:
        raise DataError(
            f"dataset: {dataset.name} has inputs of shape {dataset.shape}; images, [height, width, channels], are allowed."
        )
    steps = dataset.shape[0] * dataset.shape[1]
    order = np.arange(steps) if permutation is None else rng.host(permutation, "pixels").permutation(steps)

    def read(x: Inputs) -> Inputs:
        return x.reshape(len(x), steps, -1)[:, order]

    name = f"{dataset.name}_pixels" + ("" if permutation is None else f"_{permutation}")
    # The new test split is locked as well, and stays the same one in the ledger: nothing is looked at here.
    test = None if dataset._test is None else Examples(read(dataset._test.x), dataset._test.y)
    offset = None if dataset.offsets.x is None else read(dataset.offsets.x[None])[0]
    return replace(dataset, name=name, x=read(dataset.x), _test=test, offsets=Offsets(offset, dataset.offsets.y))


def _check(**numbers: tuple[int, int]) -> None:
    for name, (value, low) in numbers.items():
        if isinstance(value, bool) or not isinstance(value, int) or value < low:
            raise DataError(f"{name}: {short(value)} is not allowed; a whole number of {low} or more is.")
