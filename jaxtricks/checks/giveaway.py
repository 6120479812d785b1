"""A feature that alone gives the label."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Int

from jaxtricks import rng
from jaxtricks.checks.alarm import alarming, better
from jaxtricks.checks.finding import DataFinding
from jaxtricks.checks.one_rule import codes, one_rule
from jaxtricks.checks.registry import registered
from jaxtricks.checks.score import constant, hits, quick, some
from jaxtricks.checks.splits import Splits
from jaxtricks.checks.view import Feature, Flat, Target, features, flags, flat, targets
from jaxtricks.data.dataset import Dataset

NAME = "a feature alone"
FOLDS = 5
MOST = 2_000  # examples that are looked at
SAME = 0.99  # two features say the same where their rules are right about as many of the same examples
GIVES = 0.9  # of the way from chance to always right
Hits = Float[np.ndarray, " examples"]


@registered(NAME)
def check(data: Dataset, splits: Splits) -> list[DataFinding]:
    """Finds a feature that alone goes nine tenths of the way from chance to always right.

    Each feature's rule (see `one_rule`) is judged out of sample, in five folds. The best feature is suspected where its rule is
    so often right, and better than that of the next best one, by a sign test over examples: of data that are easy, several
    features tell the label. It is a leak where it beats a model of all other features together, too, and else a warning.
    Features that say the same as the best one are found with it. A feature that is merely the best one is none of these, and the
    only one of all is a warning at most: the task may be easy.

    Args:
        data: the data set.
        splits: its parts.

    >>> generator = np.random.default_rng(0)
    >>> y = generator.integers(0, 2, 200)
    >>> data = jt.Dataset.from_arrays(np.c_[generator.normal(size=(200, 3)), 7.0 * y], y)
    >>> [(finding.severity, finding.features) for finding in check(data, jt.checks.Splits.of(data, 0))]
    [('leak', (3,))]
    """
    if data.stream or not targets(data):
        return []
    places = some(np.union1d(splits.train, splits.validation), MOST)
    x, known = flat(data, places), features(data) + flags(data)
    found = []
    for target in targets(data):
        here = Target(target.name, target.values[places], target.discrete)
        found += _of(x, known, here, comparisons=len(known) * len(targets(data)))
    return found


def _of(x: Flat, known: Sequence[Feature], target: Target, comparisons: int) -> list[DataFinding]:
    if len(np.unique(target.values)) < 2:
        return []
    folds = rng.host(0, "check").permutation(len(x)) % FOLDS
    rules = [one_rule(codes(x, feature), target, folds) for feature in known]
    scores = np.array([rule.mean() for rule in rules])
    best = int(scores.argmax())
    alike = [place for place, rule in enumerate(rules) if np.isclose(rule, rules[best], atol=0.01).mean() >= SAME]
    others = [place for place in range(len(known)) if place not in alike]
    chance = float(hits(target, np.full(len(x), constant(target, np.arange(len(x)))), np.arange(len(x))).mean())
    if scores[best] - chance < GIVES * (1 - chance):
        return []
    if others and not alarming(better(rules[best], rules[max(others, key=lambda place: scores[place])]), comparisons):
        return []
    left_out = [place for feature in alike for place in known[feature].places]
    without = _judged(np.delete(x, left_out, axis=1), target, folds) if others else np.full(len(x), chance)
    leak = bool(others) and scores[best] > without.mean() and alarming(better(rules[best], without), comparisons)
    called = ", ".join(repr(known[place].name) for place in alike)
    unit = "right about" if target.discrete else "has an R² of"
    verb = "are right about" if target.discrete else "have"
    rest = f"all other features together {verb} {_percent(float(without.mean()))}" if others else "there are no other features"
    text = f"{called} alone {'is ' if target.discrete else ''}{unit} {_percent(scores[best])}{_label(target)}; {rest}."
    return [DataFinding(NAME, "leak" if leak else "warning", len(alike), (), text, features=tuple(left_out))]


def _judged(x: Flat, target: Target, folds: Int[np.ndarray, " examples"]) -> Hits:
    """The hits of quick models, each example judged by a model of the other folds."""
    found = np.zeros(len(x))
    for fold in range(FOLDS):
        judged = np.flatnonzero(folds == fold)
        found[judged] = quick(lambda places: x[places], target, np.flatnonzero(folds != fold), judged).hits
    return found


def _percent(score: float) -> str:
    return f"{score:.1%}"


def _label(target: Target) -> str:
    return f" of {target.name!r}" if target.name else ""
