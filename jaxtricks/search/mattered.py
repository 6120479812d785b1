"""What mattered in a search: the share of the spread of scores that each setting makes, and how scores change along it."""

import dataclasses
import functools
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int
from threadpoolctl import threadpool_limits

from jaxtricks.config import described
from jaxtricks.search.history import History, Trial
from jaxtricks.search.placing import Placing
from jaxtricks.search.space import Space
from jaxtricks.search.strategy import Strategy
from jaxtricks.statistics import Importance, Indices, importance, moderated, sensitivity

LEAST, PER = 10, 5  # trials, and trials a setting, below which nothing is told
FEW, FEW_ROWS = 10, 32  # trials a setting, and rows of a design, below which intervals are said to be narrow
EXPLAINED = 0.3  # the share of the spread that other trials have to predict
FAR = 5.0  # a trial counts as at most so far beyond the median, in distances from the best to the median
MOST = 256  # trials that the model of scores looks at
NAMED = 3  # settings of the sentence

Vector = Float[np.ndarray, " trials"]


class SpreadShare(NamedTuple):
    """A share of the spread of scores, with its 95% interval.

    Args:
        value: an estimate, which may lie a little below 0 or above 1.
        low: the interval's lower end.
        high: its upper end.

    >>> str(SpreadShare(0.62, 0.514, 0.7))
    '62% [51%, 70%]'
    """

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        value, low, high = (round(100 * number) + 0 for number in self)
        return f"{value}% [{low}%, {high}%]"


class Effect(NamedTuple):
    """What one setting does.

    Args:
        path: of the setting.
        first: the share that it makes alone.
        total: the share in which it has a part, together with others.

    >>> Effect("model.dropout", SpreadShare(0.2, 0.1, 0.3), SpreadShare(0.3, 0.2, 0.4)).total.value
    0.3
    """

    path: str
    first: SpreadShare
    total: SpreadShare


class Joint(NamedTuple):
    """What two settings make together, beyond what each makes alone.

    Args:
        paths: of the two.
        share: of the spread.

    >>> Joint(("model.dropout", "epochs"), SpreadShare(0.1, 0.0, 0.2)).share.high
    0.2
    """

    paths: tuple[str, str]
    share: SpreadShare


class Along(NamedTuple):
    """The mean score at values of one setting, over all values of the others, with a pointwise 95% band.

    Args:
        path: of the setting.
        units: quantiles of its values, [points].
        values: of the setting.
        mean: in the metric's units, [points].
        low: the lower end of the band, [points].
        high: the upper end, [points].

    >>> zero = np.zeros(1)
    >>> Along("model.dropout", zero, (0.0,), zero, zero, zero).values
    (0.0,)
    """

    path: str
    units: Float[np.ndarray, " points"]
    values: tuple[Any, ...]
    mean: Float[np.ndarray, " points"]
    low: Float[np.ndarray, " points"]
    high: Float[np.ndarray, " points"]


class Surface(NamedTuple):
    """The mean score at values of two settings, over all values of the others.

    Args:
        paths: of the two.
        units: quantiles of the values of each, [points] and [others].
        mean: in the metric's units, [points, others].

    >>> Surface(("model.dropout", "epochs"), (np.zeros(1), np.zeros(2)), np.zeros((1, 2))).mean.shape
    (1, 2)
    """

    paths: tuple[str, str]
    units: tuple[Float[np.ndarray, " points"], Float[np.ndarray, " others"]]
    mean: Float[np.ndarray, "points others"]


@dataclasses.dataclass(frozen=True)
class Mattered:
    """What mattered in a search, as far as its trials tell.

    The spread is the variance of true scores over the whole space, every quantile of a range equally likely, and not over the
    trials, of which a good strategy puts most where scores are good. Trials far worse than the median count as less bad: a rate
    at which training fails would take all of the spread.

    Args:
        trials: that it is told from.
        explained: the share of the trials' spread that a model of scores predicts for each trial from the others; nan where
            there is no model.
        noise: the share of the trials' spread that is the noise of their restarts, which the shares below do not hold.
        rows: of the design that the effects follow from; 0 where they come from the model of scores.
        why: a sentence, where nothing or only a part can be told; else empty.
        early: trials among them that left on the way, of which nobody knows what they would have come to.
        effects: of each setting, the largest total share first; none where nothing can be told.
        pairs: of settings, the largest share first; none where the model explains too little.
        curves: of each setting in the order of the effects; none where the model explains too little.
        surfaces: of the first pair; none where there is no pair.

    >>> digits, base = jt.load("digits").subset(100, seed=0), jt.Experiment(model=jt.MLP(widths=(8,)), epochs=2)
    >>> space = {"optimizer.rule.learning_rate": "log:1e-4:1e-1"}
    >>> found = jt.search(base, space, digits, strategy="random", budget=4, seeds=2, progress=False)
    >>> print(found.importance.why)
    4 trials of 1 setting are too few, at least 10 are needed
    """

    trials: int
    explained: float
    noise: float
    rows: int
    why: str
    early: int = 0
    effects: tuple[Effect, ...] = ()
    pairs: tuple[Joint, ...] = ()
    curves: tuple[Along, ...] = ()
    surfaces: tuple[Surface, ...] = ()

    @property
    def sentence(self) -> str:
        """What mattered, in one line."""
        if not self.effects:
            return f"what mattered cannot be told: {self.why}"
        named = ", ".join(f"{each.path} {each.total}" for each in self.effects[:NAMED])
        others = len(self.effects) - NAMED
        more = f", and {others} more" if others > 0 else ""
        return f"what mattered: {named}{more} (shares of the spread of scores, interactions included; {self.basis})"

    @property
    def basis(self) -> str:
        """What the shares come from, and how much of the spread is explained."""
        narrow = self.rows < FEW_ROWS if self.rows else self.trials < FEW * len(self.effects)
        few = "; so few that the intervals are rather narrow" if narrow else ""
        few += f"; {self.early} trials left early and count as worse than what went on" if self.early else ""
        if self.rows:
            return f"from {self.rows} rows of a design, without a model of scores{few}"
        return f"from {self.trials} trials: {predicted(self.explained)}, {self.noise:.0%} is noise of restarts{few}"

    def to_dict(self) -> dict[str, Any]:
        """Gives it as plain data; None for a number that is not known."""
        return {
            "trials": self.trials,
            "early": self.early,
            "explained": self.explained if np.isfinite(self.explained) else None,
            "noise": self.noise,
            "rows": self.rows,
            "why": self.why,
            "settings": [
                {"path": each.path, "first": each.first._asdict(), "total": each.total._asdict()} for each in self.effects
            ],
            "pairs": [{"paths": list(each.paths), "share": each.share._asdict()} for each in self.pairs],
            "curves": [
                {
                    "path": each.path,
                    "values": [described(value) for value in each.values],
                    **{name: getattr(each, name).tolist() for name in ("mean", "low", "high")},
                }
                for each in self.curves
            ],
        }


def predicted(explained: float) -> str:
    """How well a model of scores does, in words.

    Args:
        explained: as in `Mattered`.

    >>> predicted(0.94)
    "a model predicts 94% of the trials' spread from the other trials"
    """
    return f"a model predicts {max(explained, 0):.0%} of the trials' spread from the other trials"


def mattered(history: History, strategy: Strategy, sign: int, early: int) -> Mattered:
    """What mattered, told from the trials of a search.

    Where the strategy makes a design, the effects follow from it; else, as curves and pairs do, from a Gaussian process of the
    trials, whose noise is known from their restarts. Of very many trials it looks at some, evenly taken.

    Args:
        history: the trials; some are not infinitely bad.
        strategy: that asked for them.
        sign: 1 where the metric is the smaller the better, as are the history's scores; -1 where it is the larger the better.
        early: how many trials left on the way.
    """
    return dataclasses.replace(_mattered(history, strategy, sign), early=early)


def _mattered(history: History, strategy: Strategy, sign: int) -> Mattered:
    space, told = strategy.searched(history), history.told
    if (lack := _lacking(told, space)) is not None:
        return lack
    losses, errors = _losses(told)
    spread = float(np.var(losses))
    if not spread > 1e-20 * float(np.square(losses).max()):
        return Mattered(len(told), np.nan, 0.0, 0, f"all {len(told)} trials have the same score")
    noise = min(float(np.square(errors).mean()) / spread, 1.0)
    with threadpool_limits(1, user_api="blas"):  # so that the last bits do not depend on how many there are
        design = strategy.design(history)
        modelled = _modelled(space, told, (sign * losses, errors), _groups(len(told), design))
        if design is None:
            return _by_model(space, modelled, len(told), noise)
        return _by_design(space, design, modelled, (sign * losses, errors, noise))


def _lacking(told: Sequence[Trial], space: Space) -> Mattered | None:
    """Too few trials to tell anything; None for enough."""
    settings = len(space.paths)
    least, whole = max(LEAST, PER * settings), int(_whole(space, told).sum())
    if whole >= least:
        return None
    beyond = "" if whole == len(told) else f" within the ranges, of {len(told)},"
    are = "is" if whole == 1 else "are"
    why = (
        f"{whole} trial{'s' * (whole != 1)}{beyond} of {settings} setting{'s' * (settings > 1)} {are} too few, "
        f"at least {least} are needed"
    )
    return Mattered(len(told), np.nan, 0.0, 0, why)


def _whole(space: Space, told: Sequence[Trial]) -> Bool[np.ndarray, " trials"]:
    """Which trials lie in the ranges and name every setting that has a meaning; a list of points may have others."""
    points = [trial.point for trial in told]
    units, _ = space.units(points)
    inside = np.all((units >= 0) & (units <= 1), axis=1)
    full = space.points(np.clip(units, 0, 1))
    return inside & np.array([point.keys() == other.keys() for point, other in zip(points, full, strict=True)])


def _losses(told: Sequence[Trial]) -> tuple[Vector, Vector]:
    """Scores, of which the far ones are cut off, and their standard errors."""
    losses, seeds = np.array([trial.score for trial in told]), np.array([trial.seeds for trial in told])
    own = np.square([trial.error for trial in told]) * seeds
    known = np.isfinite(own) & (seeds > 1)
    variance = (
        moderated(np.where(known, own, 0.0), np.where(known, seeds - 1, 0)).variance if known.any() else np.zeros(len(told))
    )
    finite = losses[np.isfinite(losses)]
    best, usual = finite.min(), np.median(finite)
    edge = min(usual + FAR * (usual - best), finite.max()) if usual > best else finite.max()
    return np.minimum(losses, edge), np.where(losses > edge, 0.0, np.sqrt(variance / seeds))


def _groups(trials: int, design: Int[np.ndarray, "blocks count"] | None) -> Int[np.ndarray, " trials"]:
    """Which trials have values in common: those of one row of a design, which say little of what lies between rows."""
    groups = np.arange(trials)
    if design is not None:
        groups[design] = design[0]
    return groups


def _modelled(
    space: Space, told: Sequence[Trial], scored: tuple[Vector, Vector], groups: Int[np.ndarray, " trials"]
) -> Importance:
    placing, (scores, errors) = Placing(space), scored
    taken = np.flatnonzero(_whole(space, told))
    taken = taken[np.unique(np.linspace(0, len(taken) - 1, min(len(taken), MOST)).round().astype(int))]
    points = placing.coordinates([told[place].point for place in taken])
    return importance(points, scores[taken], errors[taken], levels=placing.levels, placed=placing, groups=groups[taken])


def _by_model(space: Space, found: Importance, trials: int, noise: float) -> Mattered:
    about = functools.partial(Mattered, trials, found.explained, noise, 0)
    if not found.explained >= EXPLAINED:
        return about(f"{predicted(found.explained)}, less than {EXPLAINED:.0%}; {noise:.0%} of the spread is noise of restarts")
    return _told(space, found.first, found.total, found, about(""))


def _by_design(
    space: Space, design: Int[np.ndarray, "blocks count"], found: Importance, told: tuple[Vector, Vector, float]
) -> Mattered:
    scores, errors, noise = told
    rows = design.shape[1]
    about = functools.partial(Mattered, len(scores), found.explained, noise)
    try:
        exact = sensitivity(scores[design], errors[design])
    except ValueError as error:  # no more spread than noise
        return about(0, str(error).rstrip("."))
    if not found.explained >= EXPLAINED:
        why = f"{predicted(found.explained)}, too little for curves and pairs"
        return dataclasses.replace(
            _told(space, exact.first, exact.total, found, about(rows, why)), pairs=(), curves=(), surfaces=()
        )
    return _told(space, exact.first, exact.total, found, about(rows, ""))


def _told(space: Space, first: Indices, total: Indices, found: Importance, about: Mattered) -> Mattered:
    """What can be told in full, the largest effects first."""
    order = np.argsort(-total.value, kind="stable").tolist()
    effects = [Effect(space.paths[place], _share(first, place), _share(total, place)) for place in order]
    joints = [Joint((space.paths[i], space.paths[j]), _share(found.together, place)) for place, (i, j) in enumerate(found.pairs)]
    placing = Placing(space)
    curves = []
    for place in order:
        curve, path = found.curves[place], space.paths[place]
        units = placing.quantiles(place, curve.at)
        values = [space.ranges[path].at(float(unit)) for unit in units]
        new = [spot for spot, value in enumerate(values) if spot == 0 or value != values[spot - 1]]
        bands = (part[new] for part in (curve.mean, curve.low, curve.high))
        curves.append(Along(path, units[new], tuple(values[spot] for spot in new), *bands))
    surfaces = []
    for surface in found.surfaces:
        i, j = surface.pair
        one, rows = np.unique(placing.quantiles(i, surface.first), return_index=True)
        other, columns = np.unique(placing.quantiles(j, surface.second), return_index=True)
        surfaces.append(Surface((space.paths[i], space.paths[j]), (one, other), surface.mean[np.ix_(rows, columns)]))
    return dataclasses.replace(
        about,
        effects=tuple(effects),
        pairs=tuple(sorted(joints, key=lambda joint: -joint.share.value)),
        curves=tuple(curves),
        surfaces=tuple(surfaces),
    )


def _share(found: Indices, place: int) -> SpreadShare:
    return SpreadShare(*(float(part[place]) for part in found))
