"""The phases of an epoch, and the one driver that goes through them.

An epoch is a chain of phases: begin → steps → what acts once an epoch → evaluation → close. A phase is a pure function of one
restart that turns what the last one left into what the next one gets; it runs once, or once for each window of examples. Data
that a device holds are one window of each kind, and the whole chain is one program; data that stay on the host come in many
windows, and each phase is a program. Both go through `drive`.
"""

import enum
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import jax
import numpy as np
from jaxtyping import Array, Bool, Int

from jaxtricks.experiment.experiment import Experiment
from jaxtricks.optim.method import Info
from jaxtricks.restart.member import Pool, State, Variables, taken, typed


class Over(enum.Enum):
    """What a phase goes over."""

    NOTHING = "nothing"  # it runs once
    FIRST = "first"  # the first batch of the first epoch, [1, 1, batch, ...]
    BATCHES = "batches"  # an epoch's batches, [rounds, turns, batch, ...]
    VALIDATION = "validation"  # the validation examples, [n, ...]


class Window(NamedTuple):
    """Examples that a phase gets together: all of a kind, or a part.

    Args:
        given: the examples as stored, or their places in `pool`; leading axes as `Over` says.
        first: the place of the window among all: its first round, or its first unit of validation, [].
        counted: which of the validation examples count, [n]; None for batches.
        pool: the examples that places refer to; None where `given` are examples.
    """

    given: Any
    first: Int[Array, ""]
    counted: Bool[Array, " n"] | None = None
    pool: Pool | None = None

    def examples(self, given: Any) -> Pool:
        """The examples of a part of `given`, ready to compute with."""
        return typed(given) if self.pool is None else taken(self.pool, given)


class Shared(NamedTuple):
    """What all restarts read.

    Args:
        pool: all examples. Where these stay on the host, their labels and lengths alone, as far as orders and metrics need them.
        like: no examples, of the shapes and types of those in the pool, [0, ...].
    """

    pool: Pool
    like: Pool

    @classmethod
    def of(cls, pool: Pool) -> "Shared":
        """All of the examples."""
        return cls(pool, jax.tree.map(lambda array: array[:0], pool))


class EvaluationSums(NamedTuple):
    """What a model has given for validation examples so far.

    Args:
        carry: the state that the last batch left, of models that carry one on.
        found: what metrics are made of, see `jaxtricks.restart.evaluation`; zeros where windows are still to come.
    """

    carry: Variables
    found: Any


class Progress(NamedTuple):
    """An epoch under way, of one restart.

    Args:
        before: the state at its start, to which a restart that diverges goes back; None at the start of a run.
        state: the state now, without what early stopping keeps.
        info: what the steps said of themselves, [rounds, turns]; zeros where they are to come.
        extra: what a phase that goes over many windows keeps from one to the next.
        answers: what the evaluation has found so far.
    """

    before: State | None
    state: State
    info: Info | None = None
    extra: Any = None
    answers: EvaluationSums | None = None


def _always(experiment: Experiment, state: State) -> bool:
    return True


# (experiment, member, shared, what the last phase left, window) -> what the next phase gets
Run = Callable[..., Any]


class Phase(NamedTuple):
    """One phase.

    Args:
        run: `(experiment, member, shared, left, window) -> left`; the window is None where it goes over nothing.
        over: what it goes over.
        applies: whether an experiment has it, by the settings and the shapes of its state.
        in_place: whether all that it gets is in what it leaves, so that one may lie where the other lay.
    """

    run: Run
    over: Over = Over.NOTHING
    applies: Callable[[Experiment, State], bool] = _always
    in_place: bool = True


def drive(
    phases: Iterable[Phase], left: Any, windows: Callable[[Over], Iterable[Window | None]], call: Callable[[Phase, Any, Any], Any]
) -> Any:
    """What the last of a chain of phases leaves.

    Args:
        phases: the chain.
        left: what the first phase gets.
        windows: gives the windows of a kind, in their order; one None for phases that go over nothing.
        call: runs a phase: `(phase, left, window) -> left`.
    """
    for phase in phases:
        for window in windows(phase.over):
            left = call(phase, left, window)
    return left


def put(first: Int[Array, ""], whole: Any, part: Any) -> Any:
    """Arrays with a part of them written in place, from `first` on along the first axis."""
    return jax.tree.map(lambda all_of, some: jax.lax.dynamic_update_slice_in_dim(all_of, some, first, 0), whole, part)


def whole(given: Any, pool: Pool | None = None, counted: Bool[np.ndarray, " n"] | None = None) -> tuple[Window]:
    """The one window of data that a device holds."""
    zero = np.int32(0)
    return (Window(given, jax.numpy.asarray(zero), None if counted is None else jax.numpy.asarray(counted), pool),)
