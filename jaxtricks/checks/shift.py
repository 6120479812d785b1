"""Labels of the test split that are distributed otherwise, found without reading them."""

import numpy as np

from jaxtricks.checks.alarm import alarming, differing, unlike
from jaxtricks.checks.finding import DataFinding
from jaxtricks.checks.registry import registered
from jaxtricks.checks.score import predicted, some
from jaxtricks.checks.splits import Splits
from jaxtricks.checks.view import flat, flat_inputs, targets
from jaxtricks.data.dataset import Dataset

NAME = "label shift"


@registered(NAME)
def check(data: Dataset, splits: Splits) -> list[DataFinding]:
    """Finds a test split whose labels seem to be distributed otherwise than those to validate on.

    A linear model is fitted on the training examples; the classes that it predicts for the examples to validate on are compared
    with those that it predicts for the test inputs, by a χ² test (values by Kolmogorov and Smirnov's). Labels of the test split
    are not read. Inputs that are distributed otherwise raise the alarm, too.

    Args:
        data: the data set.
        splits: its parts.

    Paper: Lipton, Wang & Smola, "Detecting and correcting for label shift with black box predictors", ICML 2018.

    >>> digits = jt.load("digits")
    >>> check(digits, jt.checks.Splits.of(digits, 0))
    []
    """
    if data.stream or splits.test is None:
        return []
    goals = targets(data)
    here = some(np.arange(len(splits.test)))
    test = flat_inputs(data, splits.test[here], None if splits.test_lengths is None else splits.test_lengths[here])
    train, validation = some(splits.train), some(splits.validation)
    seen, judged = flat(data, train), np.concatenate([flat(data, validation), test])
    found = []
    for target in goals:
        if len(np.unique(target.values[train])) < 2:
            continue
        both = predicted(seen, target.values[train], judged, target.discrete)
        one, other = both[: len(validation)], both[len(validation) :]
        of = f" of {target.name!r}" if target.name else ""
        if target.discrete:
            size = int(target.values.max()) + 1
            counts, others = np.bincount(one, minlength=size), np.bincount(other, minlength=size)
            p, shares, here = differing(counts, others), counts / counts.sum(), others / others.sum()
            most = int(np.abs(shares - here).argmax())
            words = f"{here[most]:.1%} as {target.name or data.classes[most]!r}, and {shares[most]:.1%} of those to validate on"
        else:
            p, words = unlike(one, other), f"with a mean of {other.mean():.3g}, and {one.mean():.3g} for those to validate on"
        if alarming(p, len(goals)):
            text = f"The test split seems to have other labels{of}: a linear model predicts its inputs {words}."
            found.append(DataFinding(NAME, "warning", len(splits.test), (), text))
    return found
