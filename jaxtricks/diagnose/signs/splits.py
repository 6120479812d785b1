"""Validation inputs that were prepared otherwise than those of training."""

import numpy as np
from jaxtyping import Float

from jaxtricks.data import Split
from jaxtricks.diagnose.case import Case
from jaxtricks.diagnose.causes import Cause
from jaxtricks.diagnose.registry import sign
from jaxtricks.diagnose.symptom import STRONG, SURE, Symptom

FAR = 0.5  # standard deviations of the training inputs by which the middle one of all features is moved
WIDER = 1.5  # the middle ratio of the spreads of validation and training inputs, or its inverse
LUCK = 3.0  # standard errors of a mean; twice as much for the logarithm of a spread, which long tails make uncertain
TINY = 1e-6  # the least ratio


@sign("splits")
def look(case: Case) -> list[Symptom]:
    """Compares means and spreads of training and validation inputs, where the validation set is a given one.

    Judged is the feature in the middle, so that a few that hardly vary, as pixels at the border, decide nothing. Splits that are
    drawn come from the same examples, and cannot differ by more than luck.

    >>> draw = np.random.default_rng(0)
    >>> x, y = draw.normal(size=(80, 4)), np.arange(80) % 2
    >>> apart = jt.Dataset.from_arrays(x, y, validation=(16 * x[:40], y[:40]))
    >>> [each.severity for each in look(Case(jt.Experiment(model=jt.MLP(widths=(8,))), apart, jt.Seeds(2)))]
    ['fault']
    """
    found = moved(case)
    if found is None:
        return []
    far, wider = found
    text = (
        f"Validation inputs differ from those of training: features are moved by {far:.2g} standard deviations, and spread "
        f"{wider:.2g} times as widely."
    )
    return [Symptom("splits", "fault", text, {Cause.INPUTS: SURE, Cause.DATA: STRONG})]


def moved(case: Case) -> tuple[float, float] | None:
    """How far the inputs of a given validation set lie from those of training, and how much wider they are; None where neither.

    Args:
        case: the experiment and its data.

    Returns:
        standard deviations by which the feature in the middle is moved, and the middle ratio of the spreads.

    >>> moved(Case(jt.Experiment(), jt.load("digits").subset(100, seed=0), jt.Seeds(2))) is None
    True
    """
    data = case.data
    if data.vocabulary is not None or data.lengths is not None or not isinstance(data.validation, Split):
        return None
    train, other = (_rows(case, places[0]) for places in (case.sampling.train, case.sampling.validation))
    spread = train.std(axis=0)
    varied = np.isfinite(spread) & (spread > 0) & np.isfinite(other).all(axis=0)
    if not varied.any():
        return None
    few = 1 / np.sqrt(len(other))
    far = float(np.median(np.abs(other.mean(axis=0) - train.mean(axis=0))[varied] / spread[varied]))
    ratio = other.std(axis=0)[varied] / spread[varied]
    wider = float(np.exp(np.median(np.log(np.maximum(ratio, TINY)))))
    if far <= FAR + LUCK * few and abs(np.log(wider)) <= np.log(WIDER) + 2 * LUCK * few:
        return None
    return far, wider


def _rows(case: Case, places: np.ndarray) -> Float[np.ndarray, "examples features"]:
    return np.asarray(case.data.x)[places].reshape(len(places), -1).astype(np.float64)
