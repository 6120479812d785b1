"""Whether new data are distributed as those that a network was trained on: how far off, and how sure that is."""

import dataclasses
import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from jaxtyping import Float, Int
from numpy.typing import ArrayLike

from jaxtricks import rng, statistics
from jaxtricks.checks.alarm import differing
from jaxtricks.checks.score import some
from jaxtricks.checks.view import Feature, Flat, features, flags, flat, flat_inputs
from jaxtricks.config import ConfigError
from jaxtricks.data import DataError, Dataset, in_user_units, inputs_for, without_offset
from jaxtricks.data.examples import Inputs, Lengths
from jaxtricks.diagnose.two_samples import PERMUTATIONS, TwoSamples, told_apart
from jaxtricks.evaluate.written import table
from jaxtricks.objectives.task import task_of
from jaxtricks.statistics.shifts import (
    UNKNOWN,
    EffectSize,
    by_deciles,
    distance_p,
    largest_change,
    largest_distance,
    stability_index,
    standardized_difference,
)
from jaxtricks.train.runs import Runs

Part = Literal["features", "scores", "classifier"]
PARTS: tuple[Part, ...] = ("features", "scores", "classifier")
ALPHA = 0.05
LEAST = len(PARTS) / (PERMUTATIONS + 1)  # the smallest rate of false alarms that the permutations can show
FEWEST = 20  # new examples
TABLES = 99_999  # of a feature with rare values: as many as let one of some thousand features raise the alarm
JUDGED = 1_000  # rows of each sample that the classifier sees
SHOWN = 10
Column = Float[np.ndarray, " examples"]
Numbers = Float[np.ndarray, "examples numbers"]


@dataclass(frozen=True)
class Shift:
    """How far one feature or score of new data lies from that of the training data.

    Args:
        name: what it is called.
        distance: of numbers Kolmogorov and Smirnov's distance; of categories, and of zeros and ones, the largest change of a
            share, new minus old.
        psi: the population stability index, by deciles or by values, without its bias.
        moved: the difference of the means in standard deviations; nan for categories.
        p: of "nothing changed", by Kolmogorov and Smirnov's test, or for categories by an exact test of the values' counts.
        corrected: the same after Holm's correction over all features, or over all scores.
        words: what changed.

    >>> some = EffectSize(0.4, 0.3, 0.5)
    >>> Shift("age", some, some, UNKNOWN, p=0.001, corrected=0.004, words="mean 52, was 48").to_dict()["moved"] is None
    True
    """

    name: str
    distance: EffectSize
    psi: EffectSize
    moved: EffectSize
    p: float
    corrected: float
    words: str

    def to_dict(self) -> dict[str, Any]:
        """It in JSON's types; None for what is not defined."""
        effects = {"distance": self.distance, "psi": self.psi, "moved": self.moved}
        rest = {"name": self.name, "p": self.p, "corrected_p": self.corrected, "words": self.words}
        return rest | {name: None if math.isnan(each.value) else each._asdict() for name, each in effects.items()}


@dataclass(frozen=True)
class Drift:
    """How new data differ from those of a run; printed, it is a table, the most sure changes first.

    Args:
        name: that of the run's data set.
        reference: how many of its examples were compared.
        examples: with how many new ones.
        features: what changed of each feature, in the order of the inputs.
        scores: what changed of what the network predicts.
        classifier: how well new inputs are told from old ones.
        alpha: the share of false alarms that the rule allows.

    >>> found = Drift("iris", 120, 50, features=(), scores=(), classifier=TwoSamples(0.7, 0.6, 0.8, p=0.001))
    >>> found.p["classifier"], found.alarms
    (0.003, ('classifier',))
    """

    name: str
    reference: int
    examples: int
    features: tuple[Shift, ...]
    scores: tuple[Shift, ...]
    classifier: TwoSamples
    alpha: float = ALPHA

    @property
    def p(self) -> dict[Part, float]:
        """Part → its p after all corrections: Holm's inside of the part, and times three as there are three parts."""
        own = {name: min((shift.corrected for shift in getattr(self, name)), default=1.0) for name in PARTS[:2]}
        return {name: min(1.0, len(PARTS) * p) for name, p in {**own, PARTS[2]: self.classifier.p}.items()}

    @property
    def alarms(self) -> tuple[Part, ...]:
        """The parts that raise the alarm: those whose p is at most alpha."""
        return tuple(name for name, p in self.p.items() if p <= self.alpha)

    @property
    def alarm(self) -> bool:
        """Whether a part raises it, which in data without any drift it does in at most a share alpha of looks."""
        return bool(self.alarms)

    def to_dict(self) -> dict[str, Any]:
        """All of it in JSON's types."""
        return {
            "data": self.name,
            "reference": self.reference,
            "examples": self.examples,
            "alpha": self.alpha,
            "alarm": self.alarm,
            "alarms": list(self.alarms),
            "p": self.p,
            "classifier": self.classifier._asdict(),
            "features": [shift.to_dict() for shift in self.features],
            "scores": [shift.to_dict() for shift in self.scores],
        }

    def __str__(self) -> str:
        said = f"drift, by {' and '.join(self.alarms)}" if self.alarm else "no alarm"
        found = self.classifier
        lines = [
            f"{said}: {self.examples:,} new examples beside {self.reference:,} of {self.name}; "
            f"without drift an alarm comes in {self.alpha:.1%} of such looks, or less",
            f"a classifier tells new inputs from old ones with an AUC of {found.auc:.3f} [{found.low:.3f}, {found.high:.3f}], "
            f"p = {found.p:.3g}; p of all three after correction: " + ", ".join(f"{name} {p:.3g}" for name, p in self.p.items()),
        ]
        for title, shifts in (("feature", self.features), ("score", self.scores)):
            lines += ["", *_table(title, shifts)]
        return "\n".join(lines)


def _table(title: str, shifts: Sequence[Shift]) -> list[str]:
    ordered = sorted(shifts, key=lambda shift: (shift.corrected, shift.p, -abs(np.nan_to_num(shift.distance.value))))
    rows: list[tuple[str, ...]] = [(title, "distance", "PSI", "difference in SD", "p after Holm", "what changed")]
    for shift in ordered[:SHOWN]:
        effects = ("" if math.isnan(each.value) else f"{each:.2f}" for each in (shift.distance, shift.psi, shift.moved))
        rows.append((shift.name, *effects, f"{shift.corrected:.2g}", shift.words))
    more = len(shifts) - SHOWN
    return [*table(rows), *([f"… and {more:,} more, of which none is surer"] if more > 0 else [])]


def drift(runs: Runs, x: Any, lengths: ArrayLike | None = None, *, alpha: float = ALPHA) -> Drift:
    """Compares new inputs with those that restarts were trained on, and says how sure it is that their distribution changed.

    Three parts may raise the alarm, each at a third of `alpha`: the features, by tests of each after Holm's correction; the
    scores, which are what the network predicts, likewise; and a classifier that learns to tell new inputs from old ones, by
    permutations, see `told_apart`. So an alarm comes in at most a share alpha of looks at data without drift, whatever the number
    of features. Each look at further data has that chance again. How often it is so, and which changes are found, is measured
    by `python -m experiments.drift`.

    Features are compared with the pool, and scores with predictions for examples that were held out: for each of them by one
    restart, drawn among those that did not train on it, and for each new example by one of these restarts. Labels are not needed,
    and a change of what inputs mean is not seen. At most 4,000 examples of each side are compared, drawn at random, and the
    classifier sees 1,000 of each.

    Args:
        runs: restarts, of data with a label, or values, for each example.
        x: new inputs in the units of the user, [examples, ...], at least 20; or a table like that which the data set was made of.
        lengths: the true number of steps of each sequence, [examples]; None where no sequence is padded.
        alpha: the share of false alarms that is allowed, in [0.003, 1).

    Raises:
        DataError: for inputs that are not like those of the data set, such as a table without one of its columns, or too few.
        ConfigError: for another alpha, data with a label for each step, or restarts that all diverged.

    Papers: Rabanser, Günnemann & Lipton, "Failing loudly", NeurIPS 2019; Lopez-Paz & Oquab, ICLR 2017; Holm 1979.

    >>> digits, base = jt.load("digits").subset(300, seed=0), jt.Experiment(model=jt.MLP(widths=(8,)), epochs=2)
    >>> runs = jt.fit(base, digits, seeds=4, progress=False)
    >>> jt.diagnose.drift(runs, digits.x // 2).alarm
    True
    """
    data = runs.data
    if not LEAST <= alpha < 1:
        raise ConfigError(f"alpha = {alpha} is not a share of false alarms in [{LEAST:g}, 1).")
    if data.kind.per_step:
        raise ConfigError(
            f"drift: {data.name} has a label for each step; data with a label or values for each example are allowed."
        )
    alive = np.flatnonzero(runs.alive)
    if not len(alive):
        raise ConfigError(f"drift: all {len(runs)} restarts diverged, and predict nothing; one that did not is needed.")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # that inputs are far from the pool's is what is said here
        inputs, sizes = inputs_for(data, without_offset(data, x, lengths), lengths)
        if len(inputs) < FEWEST:
            raise DataError(f"x: {len(inputs)} new examples; at least {FEWEST} are needed to compare distributions.")
        kept = some(np.arange(len(inputs)))
        inputs, sizes = inputs[kept], None if sizes is None else sizes[kept]
        scores = _scores(runs.at(alive.tolist()), inputs, sizes)
    places = some(np.arange(len(data)))
    old, new = flat(data, places), flat_inputs(data, inputs, sizes)
    gaps = [Feature(f"{gap.name} is missing", gap.places) for gap in flags(data)]
    found = [_shift(each.name, old[:, each.places], new[:, each.places], _values(data, each)) for each in features(data) + gaps]
    return Drift(data.name, len(places), len(new), _corrected(found), _corrected(scores), _classified(data, old, new), alpha)


def _classified(data: Dataset, old: Flat, new: Flat) -> TwoSamples:
    """A classifier on rows in which all numbers count alike; those of images keep their proportions."""
    old, new = (rows[some(np.arange(len(rows)), JUDGED)].astype(np.float64) for rows in (old, new))
    both = np.concatenate([old, new])
    known = ~np.isnan(both)
    count = np.maximum(known.sum(axis=0), 1)
    mean = np.nan_to_num(both).sum(axis=0) / count
    away = np.nan_to_num(both - mean)
    variance = np.square(away).sum(axis=0) / count
    if data.x.ndim > 2 or data.x.dtype == np.uint8:
        variance = np.full_like(variance, variance.mean())
    away = away[:, variance > 0] / np.sqrt(variance[variance > 0])
    return told_apart(away[: len(old)], away[len(old) :])


def _scores(runs: Runs, x: Inputs, lengths: Lengths | None) -> list[Shift]:
    """The shifts of what the network predicts."""
    data, generator = runs.data, rng.host(0, "drift")
    places, members = _held_out(np.asarray(runs.members.validation), generator)
    kept = some(np.arange(len(places)))
    places, members = places[kept], members[kept]
    judges = generator.choice(members, len(x))  # as often as they judge what they held out
    old, new = (
        runs.log_probs(*given)[who, np.arange(len(who))] for given, who in ((data.at(places), members), ((x, lengths), judges))
    )
    task, names = task_of(data), data.classes
    old, new = (in_user_units(data, task.probabilities(each.astype(np.float64))) for each in (old, new))
    title = "predicted {}" if data.kind.scales else "P({})"
    found = [_shift(title.format(name), old[:, [k]], new[:, [k]]) for k, name in enumerate(names)]
    if data.kind.one_class:
        found.append(_shift("largest probability", old.max(axis=1, keepdims=True), new.max(axis=1, keepdims=True)))
        chosen = np.eye(len(names))
        found.append(_shift("predicted class", chosen[old.argmax(axis=1)], chosen[new.argmax(axis=1)], names))
    return found


def _held_out(
    validation: Int[np.ndarray, "members held"], generator: np.random.Generator
) -> tuple[Int[np.ndarray, " examples"], Int[np.ndarray, " examples"]]:
    """The examples that a member held out, and for each of them one such member, drawn at random."""
    members = np.repeat(np.arange(len(validation)), validation.shape[1])
    order = generator.permutation(len(members))
    places, first = np.unique(validation.ravel()[order], return_index=True)
    return places, members[order][first]


def _values(data: Dataset, feature: Feature) -> Sequence[str]:
    """The names of a feature's numbers."""
    return [feature.name] if data.features is None else [data.features[place] for place in feature.places]


def _shift(name: str, old: Numbers, new: Numbers, values: Sequence[str] | None = None) -> Shift:
    """What changed of a feature, before any correction.

    Args:
        name: of the feature.
        old: its numbers: one, or a 1 for each value of a category.
        new: those of the new data.
        values: the names of the numbers; None: that of the feature.
    """
    one, other = (rows[~np.isnan(rows).any(axis=1)] for rows in (old, new))
    if not (len(one) and len(other)):
        return Shift(name, UNKNOWN, UNKNOWN, UNKNOWN, 1.0, 1.0, "no values")
    if all(((rows == 0) | (rows == 1)).all() for rows in (one, other)):
        return _of_shares(name, [name] if values is None else values, one, other)
    return _of_values(name, one[:, 0].astype(np.float64), other[:, 0].astype(np.float64))


def _of_values(name: str, one: Column, other: Column) -> Shift:
    distance, moved = largest_distance(one, other), standardized_difference(one, other)
    p = distance_p(distance.value, len(one), len(other))
    words = f"mean {other.mean():.4g}, was {one.mean():.4g}; SD {other.std():.3g}, was {one.std():.3g}"
    return Shift(name, distance, stability_index(*by_deciles(one, other)), moved, p, p, words)


def _of_shares(name: str, values: Sequence[str], one: Numbers, other: Numbers) -> Shift:
    counts, others = _counted(one), _counted(other)
    p = differing(counts, others, TABLES)
    cell, change = largest_change(counts, others)
    called = values[cell] if cell < len(values) else "others"
    words = f"{called}: {others[cell] / others.sum():.1%}, was {counts[cell] / counts.sum():.1%}"
    return Shift(name, change, stability_index(counts, others), UNKNOWN, p, p, words)


def _counted(rows: Numbers) -> Int[np.ndarray, " values"]:
    """How many rows have each value, and how many none of them."""
    counts = rows.sum(axis=0).astype(int)
    return np.append(counts, len(rows) - counts.sum())


def _corrected(shifts: Sequence[Shift]) -> tuple[Shift, ...]:
    """The shifts with Holm's correction over them."""
    ps = statistics.holm(np.array([shift.p for shift in shifts]))
    return tuple(dataclasses.replace(shift, corrected=float(p)) for shift, p in zip(shifts, ps, strict=True))
