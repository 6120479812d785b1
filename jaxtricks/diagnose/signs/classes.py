"""Labels: classes that are missing, and labels that simple models cannot tell from chance."""

import numpy as np

from jaxtricks.diagnose.case import Case
from jaxtricks.diagnose.causes import Cause
from jaxtricks.diagnose.registry import sign
from jaxtricks.diagnose.symptom import STRONG, SURE, Symptom

FEWEST = 200  # training examples from which on neighbours say something
LUCK = 3.0  # standard errors


@sign("labels")
def look(case: Case) -> list[Symptom]:
    """Looks for one class only, classes without examples, and neighbours whose labels agree no more often than by chance.

    >>> digits = jt.load("digits").subset(300, seed=0)
    >>> y = np.random.default_rng(0).permutation(digits.y)
    >>> shuffled = jt.Dataset.from_arrays(digits.x, y)
    >>> [each.severity for each in look(Case(jt.Experiment(model=jt.MLP(widths=(8,)), epochs=1), shuffled, jt.Seeds(2)))]
    ['fault']
    """
    data = case.data
    if not data.kind.one_class or data.kind.per_step:
        return []
    counts = np.bincount(data.y, minlength=len(data.classes))
    if (counts > 0).sum() < 2:
        only = data.classes[int(counts.argmax())]
        return [Symptom("labels", "fault", f"All examples have the label {only!r}.", {Cause.LABELS: SURE})]
    found = []
    if empty := [name for name, count in zip(data.classes, counts, strict=True) if not count]:
        named = ", ".join(map(repr, empty[:5])) + ", …" * (len(empty) > 5)
        found.append(Symptom("labels", "hint", f"No example has the label {named}.", {Cause.LABELS: STRONG}))
    chance, n = case.simple("majority"), case.sampling.validation.shape[1]
    best = np.nanmax([case.simple(name) for name in ("linear", "nearest", "boosting")] + [-np.inf])
    error = np.sqrt(max(chance * (1 - chance), 1e-9) / n)
    learnt = float(np.nanmean(np.append(case.trained, np.nan))) if np.isfinite(case.trained).any() else -np.inf
    if case.judged.name == "accuracy" and case.sampling.train.shape[1] >= FEWEST and max(best, learnt) <= chance + LUCK * error:
        text = (
            f"No simple model tells the labels better than the commonest answer does ({best:.1%} against {chance:.1%}), and the "
            "network does not either: labels may belong to other inputs."
        )
        found.append(Symptom("labels", "fault", text, {Cause.LABELS: STRONG, Cause.DATA: STRONG / 2}))
    return found
