"""Validation inputs that were prepared otherwise than those of training."""

import numpy as np
from jaxtyping import Float

from jaxtricks.data import Split
from jaxtricks.diagnose.case import Case
from jaxtricks.diagnose.causes import Cause
from jaxtricks.diagnose.registry import sign
from jaxtricks.diagnose.symptom import STRONG, Symptom

FAR = 0.5  # standard deviations of the training inputs by which features are moved, root of the mean square
WIDER = 1.5  # the ratio of the spreads of validation and training inputs
LUCK = 3.0  # standard errors


@sign("splits")
def look(case: Case) -> list[Symptom]:
    """Compares means and spreads of training and validation inputs, where the validation set is a given one.

    Splits that are drawn come from the same examples, and cannot differ by more than luck.

    >>> draw = np.random.default_rng(0)
    >>> x, y = draw.normal(size=(80, 4)), np.arange(80) % 2
    >>> apart = jt.Dataset.from_arrays(x, y, validation=(16 * x[:40], y[:40]))
    >>> [each.severity for each in look(Case(jt.Experiment(model=jt.MLP(widths=(8,))), apart, jt.Seeds(2)))]
    ['fault']
    """
    data = case.data
    if data.vocabulary is not None or data.lengths is not None or not isinstance(data.validation, Split):
        return []
    train, other = (_rows(case, places[0]) for places in (case.sampling.train, case.sampling.validation))
    spread = train.std(axis=0)
    varied = np.isfinite(spread) & (spread > 0) & np.isfinite(other).all(axis=0)
    if not varied.any():
        return []
    moved = (other.mean(axis=0) - train.mean(axis=0))[varied] / spread[varied]
    far = float(np.sqrt(np.mean(moved**2)))
    wider = float(np.sqrt(np.mean((other.std(axis=0)[varied] / spread[varied]) ** 2)))
    if far <= FAR + LUCK / np.sqrt(len(other)) and 1 / WIDER < wider < WIDER:
        return []
    text = (
        f"Validation inputs differ from those of training: features are moved by {far:.2g} standard deviations, and spread "
        f"{wider:.2g} times as widely."
    )
    return [Symptom("splits", "fault", text, {Cause.INPUTS: STRONG, Cause.DATA: STRONG})]


def _rows(case: Case, places: np.ndarray) -> Float[np.ndarray, "examples features"]:
    return np.asarray(case.data.x)[places].reshape(len(places), -1).astype(np.float64)
