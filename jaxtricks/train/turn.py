"""What happens between epochs to members that are compared: some leave, some go on from another's state with other settings."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple, Protocol, Self

import jax
import numpy as np
from jaxtyping import Bool, Float, Int

from jaxtricks.config import ConfigError, nearest
from jaxtricks.engine.cohort import Cohort, Rows
from jaxtricks.experiment.experiment import Experiment

Seen = Mapping[str, Float[np.ndarray, "experiments seeds epochs"]]  # the curves of all members so far
Settings = Mapping[str, Float[np.ndarray, "experiments seeds"]]  # dotted path of a float → its value in each member
Changes = Sequence[tuple[int, Mapping[str, float]]]  # epochs done → the floats of one member from then on


class Turned(NamedTuple):
    """What a turn decides.

    A member takes its state only from one of its own seed: two seeds have two splits, and what the one is trained on the other is
    validated on.

    Args:
        leaving: which members train no further, [experiments, seeds].
        source: the experiment whose member of the same seed each one goes on from: weights, state of the optimizer, steps done;
            its own number where nothing is copied, [experiments, seeds].
        settings: the floats that members have from now on; those that are not named stay.
    """

    leaving: Bool[np.ndarray, "experiments seeds"]
    source: Int[np.ndarray, "experiments seeds"]
    settings: Settings

    @classmethod
    def nothing(cls, shape: tuple[int, ...]) -> Self:
        """All members go on as they are.

        Args:
            shape: (experiments, seeds).

        >>> Turned.nothing((2, 3)).source.tolist()
        [[0, 0, 0], [1, 1, 1]]
        """
        return cls(np.zeros(shape, bool), np.broadcast_to(np.arange(shape[0])[:, None], shape), {})


class Standing(NamedTuple):
    """What all turns so far have come to.

    Args:
        until: the epochs of each member: those after which it left, or those of the whole run, [experiments, seeds].
        whole: the epochs of the whole run.
        settings: the floats that turns have changed.
        turns: the epochs after which turns have decided, and what each one did.
    """

    until: Int[np.ndarray, "experiments seeds"]
    whole: int
    settings: Settings
    turns: tuple[tuple[int, Turned], ...]

    @classmethod
    def start(cls, shape: tuple[int, ...], whole: int) -> Self:
        """All members train to the end.

        Args:
            shape: (experiments, seeds).
            whole: epochs.
        """
        return cls(np.full(shape, whole), whole, {}, ())

    @property
    def training(self) -> Bool[np.ndarray, "experiments seeds"]:
        """Which members have not left."""
        return self.until == self.whole

    def after(self, epoch: int, turned: Turned) -> Self:
        """What it is after one more turn; who has left stays away.

        Args:
            epoch: epochs done by then.
            turned: what the turn decided.

        >>> start = Standing.start((2, 1), whole=9)
        >>> start.after(3, Turned.nothing((2, 1))._replace(leaving=np.array([[True], [False]]))).until.tolist()
        [[3], [9]]
        """
        until = np.where(turned.leaving & self.training, epoch, self.until)
        settings = {**self.settings, **turned.settings}
        return self._replace(until=until, settings=settings, turns=(*self.turns, (epoch, turned)))


class Turn(Protocol):
    """Decides at some epochs who goes on, from which state and with which settings.

    It is a pure function: what it says depends on the curves so far and on what earlier turns said. So a fit that goes on from a
    checkpoint does not need to be told what was decided: it asks again, and gets the same answers.

    >>> class Half:
    ...     '''After the first epoch the first half of the experiments leaves.'''
    ...     def epochs(self, whole):
    ...         return (1,)
    ...     def __call__(self, epoch, curves, standing):
    ...         shape = standing.until.shape
    ...         return Turned.nothing(shape)._replace(leaving=np.arange(shape[0])[:, None] < np.full(shape, shape[0] // 2))
    ...     def to_json(self):
    ...         return {"kind": "half"}
    >>> Half()(1, {}, Standing.start((4, 1), whole=3)).leaving[:, 0].tolist()
    [True, True, False, False]
    """

    def epochs(self, whole: int) -> tuple[int, ...]:
        """The epochs after which it decides, ascending, the last one before the end.

        Args:
            whole: the epochs of the run.
        """

    def __call__(self, epoch: int, curves: Seen, standing: Standing) -> Turned:
        """What it decides.

        Args:
            epoch: epochs done.
            curves: name → the values of all members so far; of those that have left the last ones go on, and training curves
                are nan.
            standing: what earlier turns have come to.
        """

    def to_json(self) -> dict[str, Any]:
        """All that it decides by, as plain data: two turns of the same data decide alike."""


def together(cohorts: Sequence[Cohort], curves: Sequence[Mapping[str, Any]], epoch: int) -> Seen:
    """The curves of all experiments up to an epoch; those that all of them have.

    Args:
        cohorts: of one fit.
        curves: of each cohort, name → [members, epochs].
        epoch: epochs done.
    """
    names = [name for name in curves[0] if all(name in each for each in curves)]
    rows = sorted((index, number, part) for number, cohort in enumerate(cohorts) for index, part in _parts(cohort))
    return {name: np.stack([curves[number][name][slice(*part), :epoch] for _, number, part in rows]) for name in names}


def _parts(cohort: Cohort) -> list[tuple[int, tuple[int, int]]]:
    return [(index, (rows.start, rows.stop)) for index, rows in cohort.rows()]


def training(cohort: Cohort, standing: Standing | None) -> Rows:
    """Which members of a cohort still train; all of them where there are no turns."""
    if standing is None:
        return np.arange(cohort.size)
    return np.flatnonzero(standing.training[cohort.indices].reshape(-1))


def sources(cohort: Cohort, turned: Turned) -> Rows:
    """The member of its cohort that each member takes its state from.

    Raises:
        ConfigError: for one of another program, whose state has other parts.
    """
    place = {index: number for number, index in enumerate(cohort.indices)}
    wanted = turned.source[cohort.indices]
    if strange := sorted(set(wanted.reshape(-1).tolist()) - set(place)):
        raise ConfigError(f"experiment {strange[0]} has another structure, and no state for experiment {cohort.indices[0]}.")
    experiments = np.vectorize(place.__getitem__, otypes=[int])(wanted)
    rows: Rows = (experiments * cohort.seeds + np.arange(cohort.seeds)).reshape(-1)
    return rows


def with_settings(cohort: Cohort, settings: Settings) -> Cohort:
    """The cohort, its members with other floats.

    Args:
        cohort: the members.
        settings: dotted path of a float, such as "model.dropout.rate" → values, [experiments, seeds].

    Raises:
        ConfigError: for a path that is none of a float that is on.
    """
    found = {_dotted(path): leaf for path, leaf in jax.tree_util.tree_leaves_with_path(cohort.population.experiments)}
    for path in settings:
        if path not in found:
            raise ConfigError(f"{path} is no float that is on{nearest(path, list(found))}")

    def value(path: Any, leaf: Any) -> Any:
        if (given := settings.get(_dotted(path))) is None:
            return leaf
        return np.asarray(given[cohort.indices].reshape(-1), leaf.dtype)

    experiments: Experiment = jax.tree_util.tree_map_with_path(value, cohort.population.experiments)
    return replace(cohort, population=cohort.population._replace(experiments=experiments))


def _dotted(path: Any) -> str:
    return jax.tree_util.keystr(path, simple=True, separator=".")
