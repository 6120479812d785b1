"""Replay: one step of a restart once more, operation by operation, and the address of the first value that is not finite."""

import dataclasses
import functools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, overload

import jax

from jaxtricks.config import ConfigError
from jaxtricks.data import Dataset
from jaxtricks.diagnose.address import Address, Result, address, plain
from jaxtricks.diagnose.past import Epoch, Past, of_folder, of_runs
from jaxtricks.diagnose.tape import Tape, Value, finite, named
from jaxtricks.engine.layout import Layout
from jaxtricks.experiment.arguments import takes
from jaxtricks.experiment.experiment import Experiment
from jaxtricks.experiment.seeds import Seeds
from jaxtricks.models.contract import contract
from jaxtricks.optim.method import Info
from jaxtricks.restart import evaluation
from jaxtricks.restart.epoch import one_turn
from jaxtricks.restart.member import Member, Pool, State
from jaxtricks.train.runs import Runs


@dataclass(frozen=True)
class Replay:
    """A step that was replayed.

    Args:
        member: the restart, such as "seed 3".
        step: the number of optimizer steps before it.
        epoch: the epoch that it is of, from 1.
        since: from where the restart was trained again: "the start", or a checkpoint.
        loss: the loss of the step.
        grad_norm: the norm of its gradient.
        address: of the first value that is not finite; None where all are finite.

    >>> print(Replay("seed 3", 7, 1, "the start", 0.5, 2.0, None))
    seed 3, step 7 (epoch 1), replayed from the start: loss 0.5, gradient norm 2
    all values are finite
    """

    member: str
    step: int
    epoch: int
    since: str
    loss: float
    grad_norm: float
    address: Address | None

    def __str__(self) -> str:
        head = f"{self.member}, step {self.step} (epoch {self.epoch}), replayed from {self.since}"
        found = "all values are finite" if self.address is None else str(self.address)
        return f"{head}: loss {self.loss:.4g}, gradient norm {self.grad_norm:.4g}\n{found}"

    def to_dict(self) -> dict[str, Any]:
        """Gives it as plain data for JSON, in which numbers that are not finite are "nan", "inf" or "-inf"."""
        found = None if self.address is None else self.address.to_dict()
        return dataclasses.asdict(self) | {"loss": plain(self.loss), "grad_norm": plain(self.grad_norm), "address": found}


@overload
def replay(
    runs: Runs,
    *,
    member: int | None = ...,
    step: int | None = ...,
) -> Replay: ...
@overload
def replay(
    runs: Path | str,
    data: Dataset,
    *,
    member: int | None = ...,
    step: int | None = ...,
    experiment: int = ...,
    seeds: Seeds | None = ...,
    layout: Layout = ...,
) -> Replay: ...


@takes
def replay(
    runs: Runs | Path | str,
    data: Dataset | None = None,
    *,
    member: int | None = None,
    step: int | None = None,
    experiment: int = 0,
    seeds: Seeds | None = None,
    layout: Layout = Layout(),  # noqa: B008 (frozen)
) -> Replay:
    """Replays one step of a restart, and says where in it the first value arises that is not finite.

    The restart is trained once more, from the last checkpoint before the step or from the start, by the program that trained it,
    so that it meets the same numbers to the bit. The step itself is then computed operation by operation. The address is that of
    the first value by which the loss, the gradient or a new parameter is not finite; a mask of -inf is none.

    Args:
        runs: the restarts, or the folder of their `Checkpoints`.
        data: the data set of the fit, for a folder.
        member: the place of the restart, from 0; None: the first that diverged.
        step: the number of optimizer steps before it; None: the first step with a value that is not finite.
        experiment: for a folder the number of the experiment, 0 for the first.
        seeds: for a folder the seeds of the fit, needed if they hold arrays (groups, times) or earlier runs, which checkpoints do
            not keep.
        layout: for a folder the devices; with others than those of the fit, numbers are equal up to rounding.

    Raises:
        ConfigError: for a restart or a step that is not there, if no value was met that is not finite, or for what is for a
            folder where runs are given.
        CheckpointError: for a folder that holds no fit, or that of other data or other seeds.

    >>> digits = jt.load("digits").subset(100, seed=0)
    >>> wild = jt.Experiment(model=jt.MLP(widths=(8,)), batch_size=16, epochs=1)
    >>> wild = wild.replace({"optimizer.rule": jt.SGD(learning_rate=1e30)})
    >>> found = jt.replay(jt.fit(wild, digits, seeds=2, progress=False))
    >>> found.member, found.step, found.address.layer, found.address.operation, found.address.direction
    ('seed 0', 1, 'head', 'dot_general', 'forward')
    """
    if isinstance(runs, Runs):
        _check_fit(data=data is not None, experiment=experiment != 0, seeds=seeds is not None, layout=layout != Layout())
        past, what = of_runs(runs, member), repr(runs)
    elif data is None:
        raise ConfigError(f"data = None does not go with the folder {runs}; the data set of its fit is allowed.")
    else:
        past, what = of_folder(Path(runs), data, experiment, member, layout, seeds), str(runs)
    if step is None:
        return _first(past, what)
    _check(past, step)
    number, within = divmod(step, past.per_epoch)
    state, since = past.before(number)
    epoch = Epoch(past, number, state, past.order(number))
    rounds, turn = divmod(within, past.turns)
    return _replayed(epoch, since, rounds, _turned(epoch, epoch.after(rounds), rounds, turn), turn)


def _check_fit(**given: bool) -> None:
    """Refuses for runs what is given for the folder of a fit.

    Args:
        given: name of an argument → whether it is given.
    """
    if names := ", ".join(name for name in given if given[name]):
        raise ConfigError(f"replay: {names} is for the folder of a fit, and runs know it; member and step are allowed.")


def _check(past: Past, step: int) -> None:
    """Refuses a step that was not trained."""
    known = past.known
    if not 0 <= step < past.steps:
        raise ConfigError(f"step = {step} is not one of the {past.steps} of {past.name}, from 0 on.")
    if known is not None and not known.alive[0] and step > known.steps[0]:
        raise ConfigError(
            f"step = {step} was not trained: {past.name} diverged at step {known.steps[0]}, which is allowed, as all before."
        )
    if known is not None and known.stopped[0] and step >= known.steps[0]:
        done = known.steps[0]
        raise ConfigError(
            f"step = {step} was not trained: {past.name} stopped early after {done} steps; 0 to {done - 1} are allowed."
        )


def _first(past: Past, what: str) -> Replay:
    """The first step of a restart with a value that is not finite."""
    if past.known is None:
        raise ConfigError(f"{what} holds no checkpoint, so that no step is known that diverged; step = 0 and more are allowed.")
    if past.known.alive[0]:
        raise ConfigError(f"{past.name} of {what} met no value that is not finite; a step is allowed.")
    number = int(past.known.lost[0])
    state, since = past.before(number)
    epoch = Epoch(past, number, state, past.order(number))
    within = int(past.known.steps[0]) - number * past.per_epoch
    last = min(within // past.turns, len(epoch.order) - 1)
    well = _well(epoch.after(0))
    if not well(epoch.after(last + 1)):
        low, high = 0, last  # a value that is not finite stays: so the first round that leaves one is found by halving
        while low < high:
            middle = (low + high) // 2
            low, high = (middle + 1, high) if well(epoch.after(middle + 1)) else (low, middle)
        state = epoch.after(low)
        for turn in range(past.turns):
            new = _turned(epoch, state, low, until=turn + 1, first=turn)
            if turn == past.turns - 1 or not well(new):
                return _replayed(epoch, since, low, state, turn)
            state = new
    return _validated(epoch, since)


def _well(start: State) -> Callable[[State], bool]:
    """Tells whether loss, gradient and all variables that were finite at the start still are."""
    counted = [finite(leaf) for leaf in jax.tree.leaves((start.params, start.collections))]

    def well(state: State) -> bool:
        leaves = zip(jax.tree.leaves((state.params, state.collections)), counted, strict=True)
        return bool(state.alive) and all(finite(leaf) for leaf, counts in leaves if counts)

    return well


class GivenStep(NamedTuple):
    """What a step reads.

    Args:
        experiment: the settings.
        member: the restart.
        state: its state.
        batch: the examples of the round, as stored, [turns, batch, ...].
    """

    experiment: Experiment
    member: Member
    state: State
    batch: Pool


@functools.partial(jax.jit, static_argnames=("turn", "cut"))
def _step(step: GivenStep, turn: int, cut: int | None) -> tuple[State, Info]:
    return one_turn(*step, turn, cut)


def _turned(epoch: Epoch, state: State, rounds: int, until: int, first: int = 0) -> State:
    """The state after some turns of a round."""
    past, cuts = epoch.past, epoch.past.cohort.population.experiments.order.cuts
    for turn in range(first, until):
        state, _ = _step(GivenStep(past.experiment, past.member, state, epoch.batch(rounds)), turn, cuts[turn])
    return state


def _replayed(epoch: Epoch, since: str, rounds: int, state: State, turn: int) -> Replay:
    """One step, operation by operation."""
    past = epoch.past
    given = GivenStep(past.experiment, past.member, state, epoch.batch(rounds))
    traced = _step.trace(given, turn, past.cohort.population.experiments.order.cuts[turn])
    tape = Tape()
    after, info = jax.tree.unflatten(jax.tree.structure(traced.out_info), tape.play(traced.jaxpr, named(given)))
    found = address(tape, _results(state, after, info), _title(past))
    loss, norm = float(info.loss.array), float(info.grad_norm.array)
    step = epoch.number * past.per_epoch + rounds * past.turns + turn
    return Replay(past.name, step, epoch.number + 1, since, loss, norm, found)


def _title(past: Past) -> str:
    return contract(past.experiment.model).title


def _results(before: State, after: Any, info: Any) -> list[Result]:
    """What a step is judged by: its loss, the model's other variables, the gradient, and the parameters.

    Args:
        before: the state before.
        after: the state after, of values.
        info: the step's report, of values.
    """

    def kept(old: Any, new: Any) -> list[tuple[str, Value]]:
        paths = [jax.tree_util.keystr(path, simple=True, separator="/") for path, _ in jax.tree_util.tree_leaves_with_path(old)]
        each = zip(paths, jax.tree.leaves(old), jax.tree.leaves(new, is_leaf=lambda leaf: isinstance(leaf, Value)), strict=True)
        return [(path.rpartition("/")[0], value) for path, leaf, value in each if finite(leaf)]

    return [
        Result(info.loss, "forward"),
        *(Result(value, "forward") for _, value in kept(before.collections, after.collections)),
        Result(info.grad_norm, "backward"),
        *(Result(value, "update", layer) for layer, value in kept(before.params, after.params)),
    ]


@jax.jit
def _metrics(experiment: Experiment, state: State, member: Member, pool: Pool) -> dict[str, Any]:
    return evaluation.evaluate(experiment, state, member, pool)


def _validated(epoch: Epoch, since: str) -> Replay:
    """The evaluation after an epoch whose steps were all finite."""
    past, state = epoch.past, epoch.after(len(epoch.order))
    pool = jax.tree.map(jax.numpy.asarray, past.pool)
    given = (past.experiment, state, past.member, pool)
    traced, tape = _metrics.trace(*given), Tape()
    metrics = jax.tree.unflatten(jax.tree.structure(traced.out_info), tape.play(traced.jaxpr, named(given)))
    judged = [value for name, value in metrics.items() if not past.experiment.metric(name).may_overflow]
    found = address(tape, [Result(value, "validation") for value in judged], _title(past))
    step = (epoch.number + 1) * past.per_epoch
    return Replay(past.name, step, epoch.number + 1, since, float("nan"), float("nan"), found)
