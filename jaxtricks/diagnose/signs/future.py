"""Steps that see the step that they are to guess."""

import numpy as np

from jaxtricks.diagnose.batch import TOLERANCE
from jaxtricks.diagnose.case import Case
from jaxtricks.diagnose.causes import Cause
from jaxtricks.diagnose.registry import sign
from jaxtricks.diagnose.symptom import SURE, Symptom

EXAMPLES, SAME = 8, 0.99  # sequences that are looked at, and the share of labels that are the next input where all are meant to


@sign("future")
def look(case: Case) -> list[Symptom]:
    """Looks whether a step's scores change with later inputs, where each label is the next input: it is read and not guessed.

    >>> text = np.random.default_rng(0).integers(0, 5, size=(80, 9))
    >>> from jaxtricks.data.vocabulary import Tokenizer, Vocabulary
    >>> vocabulary = Vocabulary(tuple("abcde"), Tokenizer("word", spaced=True))
    >>> next_words = jt.Dataset.from_arrays(text[:, :-1], text[:, 1:], task="steps", vocabulary=vocabulary)
    >>> seeing = jt.RNN(widths=(4,), embedding=4, bidirectional=True)
    >>> [each.severity for each in look(Case(jt.Experiment(model=seeing, epochs=1), next_words, jt.Seeds(2)))]
    ['fault']
    """
    data = case.data
    if not data.kind.per_step or data.stream or data.vocabulary is None or not case.runs.alive.any():
        return []
    there = data.pool.steps
    labelled = np.ones(data.y.shape, bool) if there is None else np.asarray(there)
    same = (data.y[:, :-1] == data.x[:, 1:])[labelled[:, :-1]]
    if not same.size or same.mean() < SAME:
        return []
    x, lengths = data.x[:EXAMPLES], None if data.lengths is None else data.lengths[:EXAMPLES]
    half = x.shape[1] // 2
    other = x.copy()
    other[:, half:] = np.roll(x[:, half:], 1, axis=0)
    first, second = (case.runs.log_probs(each, lengths)[case.runs.alive, :, :half] for each in (x, other))
    change = float(np.abs(first - second).max()) if first.size else 0.0
    if not change > TOLERANCE * float(np.abs(first).max(initial=0.0)):
        return []
    text = (
        "Each label is the next input, and what the model says of a step changes with later inputs, by up to "
        f"{change:.2g} in log-probabilities: it can read what it is to guess."
    )
    return [Symptom("future", "fault", text, {Cause.DATA: SURE})]
