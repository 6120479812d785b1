"""Which luck a comparison knows, found from the examples that its members were given: one contract, one kind for each design.

Splits of one pool overlap, so that they differ less than other draws of the data would. How much less is told by the examples
that two members are validated on both, where it is known what each example adds; elsewhere by the shares that are trained and
validated on. Parts without a common example are draws of their own.
"""

import dataclasses
from collections.abc import Mapping
from typing import Literal, Self

import numpy as np
from jaxtyping import Bool, Float, Int, Shaped

from jaxtricks import statistics
from jaxtricks.data import Dataset
from jaxtricks.evaluate.inference import Halved, Inference, Members
from jaxtricks.experiment.sampling import Sampling
from jaxtricks.statistics import Pairing

Scope = Literal["new data", "these examples"]
MEANINGS: dict[Scope, str] = {
    "new data": "what other examples of this kind, drawn as these were, and other seeds would show",
    "these examples": "what other seeds would show on these very examples, which is what tables of papers mean",
}
ByExample = Float[np.ndarray, "members validation"]


@dataclasses.dataclass(frozen=True, eq=False)
class Contributions:
    """What each validation example adds to the metric of each member of two paired arms; the mean is the metric.

    Args:
        baseline: without the change, [members, validation].
        change: with it.
    """

    baseline: ByExample
    change: ByExample


@dataclasses.dataclass(frozen=True, eq=False)
class Drawn:
    """What the members of two paired arms were given.

    Args:
        sampling: the places in the pool of each member.
        data: the data set.
        contributions: of each validation example, in the order of `sampling.validation`; None: not known, as of a metric that is
            no mean over examples.
    """

    sampling: Sampling
    data: Dataset
    contributions: Contributions | None = None

    @property
    def groups(self) -> Int[np.ndarray, " members"]:
        """The number of the split of each member."""
        return self.sampling.split.astype(np.int64)

    @property
    def shared(self) -> bool:
        """Whether all members are validated on the same examples."""
        validation = self.sampling.validation[np.unique(self.groups)]
        return bool((validation == validation[0]).all())

    @property
    def share(self) -> float:
        """Examples validated on over examples trained on."""
        return self.sampling.validation.shape[1] / self.sampling.train.shape[1]


class Design:
    """How the members of an arm were drawn, and hence what their paired differences say."""

    @classmethod
    def of(cls, drawn: Drawn) -> Self | None:
        """Gives the design of what was drawn; None where it is another kind of design.

        Args:
            drawn: what the members were given.
        """
        return None

    @property
    def why_not(self) -> str:
        """Why nothing is said about new data, in words; empty where it is."""
        return ""

    @property
    def examples(self) -> int | None:
        """How many examples what is said about new data rests on; None where that is not known."""
        return None

    def infer(self, d: Members) -> Mapping[Scope, Inference]:
        """Gives what the differences say in each scope that the design knows, "new data" first.

        Args:
            d: change minus baseline of each member, in the metric's units.
        """
        raise NotImplementedError

    def pairing(self) -> Mapping[str, Pairing]:
        """Gives how alike the paired arms are, by what their members have in common; empty where that is not known."""
        return {}

    def at(self, kept: Bool[np.ndarray, " members"]) -> Self:
        """Gives the design of some of the members.

        Args:
            kept: which.
        """
        raise NotImplementedError


@dataclasses.dataclass(frozen=True, eq=False)
class RestartsOnly(Design):
    """Nothing is known of the examples, as of numbers from elsewhere: Student's t and sign flips over members.

    Args:
        unknown: why nothing is said about new data, in words.

    >>> list(RestartsOnly("the examples are not known").infer(np.array([0.1, 0.2])))
    ['these examples']
    """

    unknown: str = "nothing is known of the examples that these values were measured on"

    @classmethod
    def of(cls, drawn: Drawn) -> Self | None:
        return cls("what each of the examples adds that all restarts are validated on is not known") if drawn.shared else None

    @property
    def why_not(self) -> str:
        return self.unknown

    def infer(self, d: Members) -> Mapping[Scope, Inference]:
        return {"these examples": _over_restarts(d)}

    def at(self, kept: Bool[np.ndarray, " members"]) -> Self:
        return self


@dataclasses.dataclass(frozen=True, eq=False)
class Crossed(Design):
    """What each validation example adds is known: members and examples crossed, see `statistics.crossed`.

    Args:
        contributions: of each example to each member of both arms.
        places: which examples these are, or which groups they belong to where splits are by group, [members, validation].
        share: examples validated on over examples trained on; 0 where all members are validated on the same examples.
        known: how many examples there are: those of the pool, or those that all are validated on.
    """

    contributions: Contributions
    places: Int[np.ndarray, "members validation"]
    share: float
    known: int

    @classmethod
    def of(cls, drawn: Drawn) -> Self | None:
        sampling = drawn.sampling
        if drawn.contributions is None or sampling.parts.max() > 0:  # folds of one seed have no example in common
            return None
        places = sampling.validation[sampling.split]
        units = places if drawn.data.groups is None else np.unique(drawn.data.groups, return_inverse=True)[1][places]
        if drawn.shared:
            return cls(drawn.contributions, units, 0.0, places.shape[1])
        return cls(drawn.contributions, units, drawn.share, len(drawn.data))

    @property
    def examples(self) -> int | None:
        return self.known

    def infer(self, d: Members) -> Mapping[Scope, Inference]:
        by_example = self.contributions.change - self.contributions.baseline
        found = statistics.crossed(by_example, self.places, self.share)._replace(mean=float(d.mean()))
        return {"new data": Inference.by_t(found, d), "these examples": _over_restarts(d)}

    def pairing(self) -> Mapping[str, Pairing]:
        return statistics.pairing_by_source(self.contributions.baseline, self.contributions.change, self.places)

    def at(self, kept: Bool[np.ndarray, " members"]) -> Self:
        both = Contributions(self.contributions.baseline[kept], self.contributions.change[kept])
        return dataclasses.replace(self, contributions=both, places=self.places[kept])


@dataclasses.dataclass(frozen=True, eq=False)
class OwnSplits(Design):
    """Splits or folds of one pool, and of the examples nothing but how many: Nadeau and Bengio's correction.

    `error² = S² (1/n + share)` where each member has a split of its own; see `statistics.nested` where several share one.

    Args:
        groups: the number or name of the split of each member, [members]; two different ones at least.
        share: examples validated on over examples trained on.
        pool: how many examples there are; None: not known.

    >>> found = OwnSplits(np.arange(4), share=0.25).infer(np.array([0.1, 0.3, 0.1, 0.3]))
    >>> [f"{scope}: {each.uncertainty.error:.3f}" for scope, each in found.items()]
    ['new data: 0.082', 'these examples: 0.058']
    """

    groups: Shaped[np.ndarray, " members"]
    share: float
    pool: int | None = None

    @classmethod
    def of(cls, drawn: Drawn) -> Self | None:
        return None if drawn.shared else cls(drawn.groups, drawn.share, len(drawn.data))

    @property
    def examples(self) -> int | None:
        return self.pool

    def infer(self, d: Members) -> Mapping[Scope, Inference]:
        these = _over_restarts(d)
        if len(np.unique(self.groups)) < 2:  # where all others were never finite
            return {"these examples": these}
        found = statistics.nested(d, self.groups, self.share)
        return {"new data": Inference.by_t(found, d), "these examples": these}

    def at(self, kept: Bool[np.ndarray, " members"]) -> Self:
        return dataclasses.replace(self, groups=self.groups[kept])


@dataclasses.dataclass(frozen=True, eq=False)
class Halves(OwnSplits):
    """5×2 cross-validation: Alpaydın's combined F on new data; where some pairs were never finite, as `OwnSplits`."""

    @classmethod
    def of(cls, drawn: Drawn) -> Self | None:
        sampling, groups = drawn.sampling, drawn.groups
        if len(groups) != 10 or len(np.unique(groups)) != 10 or drawn.share <= 0.5:
            return None
        pairs = [pair for one, other in groups.reshape(5, 2).tolist() for pair in ((one, other), (other, one))]
        crosswise = all(np.isin(sampling.validation[one], sampling.train[other]).all() for one, other in pairs)
        return cls(groups, drawn.share, len(drawn.data)) if crosswise else None

    def infer(self, d: Members) -> Mapping[Scope, Inference]:
        found = super().infer(d)
        return {**found, "new data": Halved(d.reshape(5, 2)).inference} if len(d) == 10 else found


@dataclasses.dataclass(frozen=True, eq=False)
class DisjointParts(Design):
    """Parts of the pool without a common example: their means are independent draws, and Student's t over parts is exact.

    Args:
        groups: the number of the part of each member, [members].
        pool: the examples of all parts.
    """

    groups: Int[np.ndarray, " members"]
    pool: int

    @classmethod
    def of(cls, drawn: Drawn) -> Self | None:
        sampling = drawn.sampling
        used = np.sort(np.concatenate([sampling.train, sampling.validation], axis=1), axis=1)
        parts, numbers = np.unique(used, axis=0, return_inverse=True)
        apart = len(parts) > 1 and len(np.unique(parts)) == parts.size
        return cls(numbers.reshape(-1)[drawn.groups], len(drawn.data)) if apart else None

    @property
    def examples(self) -> int | None:
        return self.pool

    def infer(self, d: Members) -> Mapping[Scope, Inference]:
        parts = _over_restarts(_means(d, self.groups))
        return {"new data": parts, "these examples": _over_restarts(d)}

    def at(self, kept: Bool[np.ndarray, " members"]) -> Self:
        return dataclasses.replace(self, groups=self.groups[kept])


def _over_restarts(d: Members) -> Inference:
    return Inference.by_t(statistics.over_restarts(d), d)


def _means(d: Members, groups: Int[np.ndarray, " members"]) -> Members:
    """The mean of the members of each group, [groups]."""
    return np.array([d[groups == group].mean() for group in np.unique(groups)])


DESIGNS: tuple[type[Design], ...] = (DisjointParts, Halves, Crossed, OwnSplits, RestartsOnly)


def design_of(drawn: Drawn) -> Design:
    """Gives the first of `DESIGNS` that what was drawn is of.

    Args:
        drawn: what the members of two paired arms were given.
    """
    return next(design for kind in DESIGNS if (design := kind.of(drawn)) is not None)
