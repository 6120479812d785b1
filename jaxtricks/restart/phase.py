"""The phases of an epoch, and the one driver that goes through them.

An epoch is a chain of phases: begin → steps → tricks that act once an epoch → evaluation → close. A phase is a pure function of
one restart, from the result of the last phase to the input of the next one. It runs once, or once for each window of examples.
If a device holds the data, there is one window of each kind and the whole chain is one program. If the data stay on the host,
there are many windows and each phase is a program. Both go through `drive`.
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
    """The examples that a phase goes over."""

    NOTHING = "nothing"  # it runs once
    FIRST = "first"  # the first batch of the first epoch, [1, 1, batch, ...]
    BATCHES = "batches"  # an epoch's batches, [rounds, turns, batch, ...]
    VALIDATION = "validation"  # the validation examples, [n, ...]


class Window(NamedTuple):
    """Examples that a phase gets together: all of one kind, or a part of them.

    Args:
        given: the examples as stored, or their places in `pool`; leading axes as `Over` says.
        first: the place of the window: its first round, or its first batch of validation, [].
        counted: which of the validation examples count, [n]; None for batches.
        pool: the examples that places refer to; None where `given` are examples.
    """

    given: Any
    first: Int[Array, ""]
    counted: Bool[Array, " n"] | None = None
    pool: Pool | None = None

    def examples(self, given: Any) -> Pool:
        """Gives the examples of a part of `given`, with inputs of the right dtype."""
        return typed(given) if self.pool is None else taken(self.pool, given)


class Shared(NamedTuple):
    """The data that all restarts share.

    Args:
        pool: all examples; if they stay on the host, only the labels and lengths that orders and metrics need.
        like: zero examples with the shapes and dtypes of the pool, [0, ...].
    """

    pool: Pool
    like: Pool

    @classmethod
    def of(cls, pool: Pool) -> "Shared":
        """Gives all examples as shared data."""
        return cls(pool, jax.tree.map(lambda array: array[:0], pool))


class EvaluationSums(NamedTuple):
    """The results of an evaluation so far.

    Args:
        carry: the carried state after the last batch, for models that have one.
        found: the results that metrics are computed from, see `jaxtricks.restart.evaluation`; zeros for later windows.
    """

    carry: Variables
    found: Any


class Progress(NamedTuple):
    """The progress of one restart within an epoch.

    Args:
        before: the state at the start of the epoch, to which a restart that diverges goes back; None at the start of a run.
        state: the present state, without the best epoch of early stopping.
        info: the reports of the steps, [rounds, turns]; zeros for later steps.
        extra: values that a phase over many windows keeps from one window to the next.
        answers: the results of the evaluation so far.
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
    """One phase of an epoch.

    Args:
        run: `(experiment, member, shared, left, window) -> left`; the window is None if the phase goes over no examples.
        over: the examples that it goes over.
        applies: whether an experiment has the phase, by the settings and the shapes of its state.
        in_place: whether its result has all arrays of its input, so that the result can reuse their memory.
    """

    run: Run
    over: Over = Over.NOTHING
    applies: Callable[[Experiment, State], bool] = _always
    in_place: bool = True


def drive(
    phases: Iterable[Phase], left: Any, windows: Callable[[Over], Iterable[Window | None]], call: Callable[[Phase, Any, Any], Any]
) -> Any:
    """Runs a chain of phases, and gives the result of the last one.

    Args:
        phases: the chain.
        left: the input of the first phase.
        windows: gives the windows of a kind, in order; a single None for phases that go over no examples.
        call: runs a phase: `(phase, left, window) -> left`.
    """
    for phase in phases:
        for window in windows(phase.over):
            left = call(phase, left, window)
    return left


def put(first: Int[Array, ""], whole: Any, part: Any) -> Any:
    """Gives arrays with a part replaced, from `first` on along the first axis."""
    return jax.tree.map(lambda all_of, some: jax.lax.dynamic_update_slice_in_dim(all_of, some, first, 0), whole, part)


def whole(given: Any, pool: Pool | None = None, counted: Bool[np.ndarray, " n"] | None = None) -> tuple[Window]:
    """Gives the single window of data that a device holds."""
    zero = np.int32(0)
    return (Window(given, jax.numpy.asarray(zero), None if counted is None else jax.numpy.asarray(counted), pool),)
