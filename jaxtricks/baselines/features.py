"""Inputs as rows of numbers, as baselines read them: scaled by the training examples and nothing else."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse
from jaxtyping import Float, Int

from jaxtricks.data import Dataset
from jaxtricks.data.labels import Labels


def tokens_of(data: Dataset) -> bool:
    """Tells whether inputs are tokens, with one answer for all of them together."""
    return data.vocabulary is not None and not data.kind.per_step


def counts_of(data: Dataset) -> bool:
    """Tells whether inputs count words: bytes with a name each."""
    return data.vocabulary is None and data.features is not None and data.x.dtype == np.uint8


def bag(data: Dataset, places: Int[np.ndarray, " n"], ngrams: int = 1) -> Any:
    """Gives how often each token stands in each sequence, sparse, [n, tokens]; padding does not count.

    >>> text = jt.Dataset.from_texts(["a b a", "b c"] * 4, [0, 1] * 4, text=jt.Text("word", 3))
    >>> bag(text, np.arange(2)).sum(axis=1).tolist()
    [3, 2]

    Args:
        data: a data set of tokens, or of counts, which are given as they are.
        places: in the pool, [n].
        ngrams: 2: pairs of neighbouring tokens count too, in columns of their own after those of tokens, [n, tokens + tokens²].
    """
    x, lengths = data.at(places)
    if data.vocabulary is None:
        return scipy.sparse.csr_array(x)
    size, time = len(data.vocabulary), x.shape[1]
    ends = np.full(len(x), time) if lengths is None else lengths
    there = np.arange(time) < ends[:, None]
    rows, columns = np.nonzero(there)[0], x[there].astype(np.int64)
    if ngrams == 2:
        pairs = there[:, 1:]
        rows = np.concatenate([rows, np.nonzero(pairs)[0]])
        columns = np.concatenate([columns, size + x[:, :-1][pairs].astype(np.int64) * size + x[:, 1:][pairs]])
    shape = (len(x), size + size**2 * (ngrams == 2))
    return scipy.sparse.coo_array((np.ones(len(rows), np.int64), (rows, columns)), shape).tocsr()


@dataclass(frozen=True)
class InputRows:
    """How examples become rows of numbers, after looking at the training examples.

    - Tokens and counts of words: whether each word occurs, scaled to length 1 (the "bnc" of Maas+ 2011), sparse.
    - Inputs whose numbers have one unit, such as pixels: minus the mean of each number, and divided by one standard deviation,
      that of all of them.
    - Columns of a table: minus the mean, and divided by the standard deviation, each its own; a missing number becomes the mean.

    Where each step of a sequence has a label, each step is a row.

    Args:
        data: the data set.
        mean: of each number, [numbers]; None for words.
        scale: what it is divided by, [numbers]; None for words.
        columns: which pairs of tokens occur in the training examples and so get a column; None: tokens alone.

    >>> data = jt.load("digits")
    >>> rows = InputRows.of(data, data.split(0).train)(np.arange(2))
    >>> rows.shape, rows.dtype
    ((2, 64), dtype('float32'))
    """

    data: Dataset
    mean: Float[np.ndarray, " numbers"] | None = None
    scale: Float[np.ndarray, " numbers"] | None = None
    columns: Int[np.ndarray, " columns"] | None = None

    @classmethod
    def of(cls, data: Dataset, seen: Int[np.ndarray, " seen"], ngrams: int = 1) -> "InputRows":
        """Gives the rows' scaling, from the examples that are learnt from.

        Args:
            data: the data set.
            seen: their places in the pool, [seen].
            ngrams: 2: of tokens, pairs of neighbours too.
        """
        if tokens_of(data) or counts_of(data):
            if ngrams == 1 or data.vocabulary is None:
                return cls(data)
            return cls(data, columns=np.unique(bag(data, seen, ngrams).indices))
        x = flat(data, seen)
        known = ~np.isnan(x)
        count = np.maximum(known.sum(axis=0), 1)
        mean = np.where(known, x, 0).sum(axis=0, dtype=np.float64) / count
        variance = np.square(np.where(known, x - mean.astype(np.float32), 0)).sum(axis=0, dtype=np.float64) / count
        if one_unit(data):
            variance = np.full_like(variance, variance.mean())
        return cls(data, mean.astype(np.float32), np.sqrt(np.where(variance > 0, variance, 1)).astype(np.float32))

    def __call__(self, places: Int[np.ndarray, " n"]) -> Any:
        """Gives the rows of examples, [n, numbers], or of their steps, [n · time, numbers]."""
        if self.mean is None or self.scale is None:
            words = bag(self.data, places, 1 if self.columns is None else 2)
            words = (words if self.columns is None else _some_columns(words, self.columns)).astype(np.float32)
            words.data[:] = 1
            lengths = np.sqrt(np.maximum(words.sum(axis=1), 1))
            rows = scipy.sparse.csr_array(words / lengths[:, None])
            # scikit-learn's solvers take 32-bit places alone
            return scipy.sparse.csr_matrix((rows.data, rows.indices.astype(np.int32), rows.indptr.astype(np.int32)), rows.shape)
        return np.nan_to_num((flat(self.data, places) - self.mean) / self.scale)


def _some_columns(words: Any, columns: Int[np.ndarray, " columns"]) -> Any:
    """The columns of a sparse matrix; SciPy's own indexing takes memory for every pair of tokens that there could be."""
    cells = words.tocoo()
    places = np.minimum(np.searchsorted(columns, cells.col), len(columns) - 1)
    kept = columns[places] == cells.col
    shape = (words.shape[0], len(columns))
    return scipy.sparse.coo_array((cells.data[kept], (cells.row[kept], places[kept])), shape).tocsr()


def one_unit(data: Dataset) -> bool:
    """Tells whether the numbers of an input have one unit, as pixels have: those of a table have not."""
    return data.columns is None and (len(data.shape) > 1 or data.x.dtype == np.uint8 or data.scale != 1)


def flat(data: Dataset, places: Int[np.ndarray, " n"]) -> Float[np.ndarray, "n numbers"]:
    """Gives inputs as rows of float32, [n, numbers], or a row for each step where steps have labels.

    >>> flat(jt.load("digits"), np.arange(3)).shape
    (3, 64)

    Args:
        data: the data set; not one of tokens.
        places: in the pool, [n].
    """
    x = data.x[places].astype(np.float32)
    return x.reshape(len(x) * x.shape[1], -1) if data.kind.per_step else x.reshape(len(x), -1)


def flat_size(data: Dataset) -> int:
    """The numbers of a row as `flat` gives it; of tokens, the tokens of a sequence."""
    return int(np.prod(data.shape[1:] if data.kind.per_step else data.shape))


def targets(data: Dataset, places: Int[np.ndarray, " n"], labels: Labels) -> Labels:
    """Gives the labels of rows as `flat` gives them.

    Args:
        data: the data set.
        places: in the pool, [n].
        labels: of the whole pool.
    """
    return labels[places].ravel() if data.kind.per_step else labels[places]


def counted(data: Dataset, places: Int[np.ndarray, " n"]) -> Int[np.ndarray, " rows"]:
    """Gives the rows that have a label that counts: all but steps that are padding or masked.

    Args:
        data: the data set.
        places: in the pool, [n].
    """
    steps = data.pool.at(places).steps if data.kind.per_step else None
    return np.flatnonzero(steps.ravel()) if steps is not None else np.arange(len(places) * (_rows_each(data)))


def weights(data: Dataset, places: Int[np.ndarray, " n"]) -> Float[np.ndarray, " rows"] | None:
    """Gives how much each row counts in fitting; None where all count alike.

    Args:
        data: the data set.
        places: in the pool, [n].
    """
    return None if data.weights is None else np.repeat(data.weights[places], _rows_each(data))


def folded(data: Dataset, scores: Float[np.ndarray, "rows outputs"], n: int) -> Float[np.ndarray, "n ... outputs"]:
    """Gives scores of rows as scores of examples, float32, [n, outputs] or [n, time, outputs].

    Args:
        data: the data set.
        scores: of rows, [rows, outputs].
        n: the number of examples.
    """
    shape = (n, data.shape[0]) if data.kind.per_step else (n,)
    return scores.astype(np.float32).reshape(*shape, scores.shape[-1])


def _rows_each(data: Dataset) -> int:
    return data.shape[0] if data.kind.per_step else 1
