"""The baseline of tokens with a label each: how often each label followed each token."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import scipy.sparse
from jaxtyping import Float, Int

from jaxtricks.baselines.baseline import Baseline, Scorer
from jaxtricks.baselines.constant import Majority
from jaxtricks.baselines.features import counted
from jaxtricks.data import Dataset
from jaxtricks.data.labels import Labels


@dataclass(frozen=True)
class Bigram(Baseline):
    """Of tokens with a label each: how often each label stands with each token in the training examples.

    In a language model the label is the next token, and this is a bigram model; in tagging it is each word's commonest tag.
    Witten-Bell smoothing (1991), with c the token, y the label, N the counts, T(c) the number of different labels of c, and p the
    shares of the labels without a look at the token: `(N(c, y) + T(c) p(y))/(N(c) + T(c))`.

    >>> letters = jt.data.Vocabulary(("a", "b"), jt.data.vocabulary.Tokenizer("char"))
    >>> x = np.tile(np.array([0, 1], np.int32), (10, 2))
    >>> text = jt.Dataset("text", x, 1 - x, ("a", "b"), vocabulary=letters, stream=True)
    >>> jt.baselines.BASELINES["bigram"].predict(text, text.split(0), np.arange(1)).argmax(axis=2).tolist()
    [[1, 0, 1, 0]]
    """

    name: ClassVar[str] = "bigram"
    words: ClassVar[str] = "a bigram model"

    def takes(self, data: Dataset) -> bool:
        return data.vocabulary is not None and data.kind.per_step

    def learn(self, data: Dataset, seen: Int[np.ndarray, " seen"], labels: Labels) -> Scorer:
        assert data.vocabulary is not None
        rows, alone = counted(data, seen), Majority().shares(data, seen, labels)
        pairs = data.x[seen].ravel()[rows], labels[seen].ravel()[rows]
        shape = (len(data.vocabulary), len(data.classes))
        counts = scipy.sparse.coo_array((np.ones(len(rows)), pairs), shape).tocsr()  # which adds up what stands twice
        counts.sum_duplicates()
        different = np.diff(counts.indptr)
        total = counts.sum(axis=1) + different

        def scores(places: Int[np.ndarray, " n"]) -> Float[np.ndarray, "n time classes"]:
            tokens = data.x[places]
            given = tokens.ravel()
            likely = counts[given].toarray() + np.maximum(different[given], total[given] == 0)[:, None] * alone
            return np.log(likely / np.maximum(total[given], 1)[:, None]).astype(np.float32).reshape(*tokens.shape, -1)

        return scores
