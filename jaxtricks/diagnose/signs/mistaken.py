"""Labels that are wrong here and there: simple models that are mistaken as often where they are surest as elsewhere."""

import math
from collections.abc import Iterator

import numpy as np
from jaxtyping import Bool

from jaxtricks.baselines import BASELINES
from jaxtricks.data import Split
from jaxtricks.diagnose.case import Case
from jaxtricks.diagnose.causes import Cause
from jaxtricks.diagnose.registry import sign
from jaxtricks.diagnose.symptom import SURE, Symptom

FEWEST = 200  # training examples from which on simple models know where they are sure
SPLITS = 8  # that are looked at at most
SURE_SHARE = 0.25  # of the examples of each class that is guessed
OFTEN, AS_OFTEN = 0.1, 0.4  # the least share of mistakes among the surest guesses, and the same as a share of that among all
KNOWN = 1 / 3  # of what there is to know beyond the commonest answer
LUCK = 2.0  # standard errors


@sign("sure mistakes")
def look(case: Case) -> list[Symptom]:
    """Looks at guesses of simple models. Where classes overlap, mistakes are at the border; where labels are wrong, everywhere.

    The models are a linear one and nearest neighbours together, which have not seen the examples that they guess. That they know
    much of the labels is asked for, else labels have little to do with inputs, see the sign "labels".

    Paper: Northcutt, Jiang & Chuang, "Confident learning: estimating uncertainty in dataset labels", JAIR 70, 2021, whose idea it
    is to judge labels by confident guesses.

    >>> digits = jt.load("digits").subset(400, seed=0)
    >>> draw = np.random.default_rng(0)
    >>> y = np.where(draw.random(400) < 0.3, draw.integers(10, size=400), digits.y)
    >>> wrong = jt.Dataset.from_arrays(digits.x, y)
    >>> [len(look(Case(jt.Experiment(model=jt.MLP(widths=(8,))), data, jt.Seeds(8)))) for data in (digits, wrong)]
    [0, 1]
    """
    found = mistaken(case)
    if found is None:
        return []
    text = (
        f"Simple models tell the labels, and are mistaken in {found[0]:.0%} of the cases in which they are surest, "
        f"{found[1]:.0%} of all: labels are wrong here and there."
    )
    return [Symptom("sure mistakes", "fault", text, {Cause.LABELS: SURE})]


def mistaken(case: Case) -> tuple[float, float] | None:
    """The share of mistakes among the surest guesses of simple models, and among all; None where these are as they should be.

    Args:
        case: the experiment and its data.

    >>> mistaken(Case(jt.Experiment(), jt.load("digits").subset(100, seed=0), jt.Seeds(2))) is None
    True
    """
    data = case.data
    one_each = data.kind.one_class and not data.kind.per_step
    if not one_each or data.stream or case.sampling.labels is not None or case.sampling.train.shape[1] < FEWEST:
        return None
    wrong, surest = (np.concatenate(each) for each in zip(*_guesses(case), strict=True))
    every, few = float(wrong.mean()), float(wrong[surest].mean())
    chance = float(np.bincount(data.y).max() / len(data))
    error = math.sqrt(max(few * (1 - few), 1e-9) / surest.sum())
    if few - LUCK * error <= OFTEN or few < AS_OFTEN * every or 1 - every - chance < KNOWN * (1 - chance):
        return None
    return few, every


def _guesses(case: Case) -> Iterator[tuple[Bool[np.ndarray, " n"], Bool[np.ndarray, " n"]]]:
    """For the first splits, which guesses on validation examples are mistaken, and which are the surest of their class."""
    models = [BASELINES[name] for name in ("linear", "nearest") if BASELINES[name].takes(case.data)]
    for train, validation in list(zip(case.sampling.train, case.sampling.validation, strict=True))[:SPLITS]:
        split = Split(train, validation)
        scores = np.mean([model.fit(case.data, split).scores(validation) for model in models], axis=0)
        guessed, margin = scores.argmax(axis=1), np.ptp(np.sort(scores, axis=1)[:, -2:], axis=1)
        surest = np.zeros(len(guessed), bool)
        for label in np.unique(guessed):
            own = np.flatnonzero(guessed == label)
            surest[own[np.argsort(-margin[own])[: math.ceil(SURE_SHARE * len(own))]]] = True
        yield guessed != case.data.y[validation], surest
