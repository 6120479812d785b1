"""What a restart was at any step of its training, computed again by the program that trained it."""

import contextlib
import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, cast

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Int

from jaxtricks.config import ConfigError, stack
from jaxtricks.data import Dataset
from jaxtricks.engine import resident
from jaxtricks.engine.active import ActiveMembers
from jaxtricks.engine.cohort import Cohort, Planned, planned_for, rows_of
from jaxtricks.engine.layout import Layout
from jaxtricks.engine.orders import orders_of
from jaxtricks.engine.part import first_rounds
from jaxtricks.engine.plan import Members, Population, chunk_of
from jaxtricks.engine.processes import gathered, placed
from jaxtricks.engine.tables import DeviceData, Numbers
from jaxtricks.engine.windows import cut
from jaxtricks.experiment.experiment import Experiment
from jaxtricks.experiment.seeds import Seeds
from jaxtricks.nn.stacks import apart
from jaxtricks.restart import epoch as epochs
from jaxtricks.restart.member import Member, Pool, State, finished, labelled, steps_per_epoch, taken
from jaxtricks.restart.phase import Shared
from jaxtricks.store.checkpoint import read
from jaxtricks.store.journal import Saved
from jaxtricks.train.kept import Kept
from jaxtricks.train.runs import Runs


class Known(NamedTuple):
    """How far some restarts came.

    Args:
        names: what they are called.
        alive: which of them did not diverge, [restarts].
        steps: optimizer steps done; of one that diverged, before the first that was not finite, [restarts].
        lost: the epoch, from 0, in which each one diverged; -1: in none, [restarts].
        stopped: which of them stopped early, [restarts].
    """

    names: tuple[str, ...]
    alive: np.ndarray
    steps: np.ndarray
    lost: np.ndarray
    stopped: np.ndarray

    @classmethod
    def of(cls, names: tuple[str, ...], state: State, losses: np.ndarray, experiment: Experiment) -> "Known":
        """What states and curves of the training loss say, [restarts, epochs], of restarts of an experiment.

        >>> losses = np.array([[1.0, 0.5], [1.0, np.nan]])
        >>> state = State(None, None, None, np.array([6, 4]), np.array([True, False]), {})
        >>> Known.of(("seed 0", "seed 1"), state, losses, jt.Experiment()).lost.tolist()
        [-1, 1]
        """
        alive = np.asarray(state.alive)
        lost = np.where(alive, -1, np.isnan(losses).argmax(axis=1))
        return cls(names, alive, np.asarray(state.step), lost, np.asarray(finished(experiment, state)) & alive)

    def chosen(self, member: int | None, what: str) -> int:
        """The place of a restart: the one that is asked for, or the first that diverged.

        Args:
            member: its place, from 0; None: the first that diverged.
            what: what they are restarts of, for the sentence of an error.

        Raises:
            ConfigError: for one that is not there, or if none diverged.
        """
        if member is None:
            if self.alive.all():
                raise ConfigError(f"no restart of {what} met a value that is not finite; a member and a step are allowed.")
            return int(np.argmin(self.alive))
        if not 0 <= member < len(self.names):
            raise ConfigError(f"member = {member} is not one of the {len(self.names)} restarts of {what}, from 0 on.")
        return member


@dataclass(frozen=True)
class Past:
    """A restart that was trained.

    Args:
        name: what it is called.
        cohort: it alone.
        data: the data set.
        layout: devices.
        note: the width of its program, and the window of its stream.
        known: how far it came, and no other; None where nothing is known.
        saved: its states that are on disk, by epochs done.
        refused: why it cannot be trained again from the start; None: it can be.
    """

    name: str
    cohort: Cohort
    data: Dataset
    layout: Layout
    note: Mapping[str, Any]
    known: Known | None
    saved: Mapping[int, Callable[[], State]]
    refused: str | None = None

    @functools.cached_property
    def pool(self) -> Pool:
        """The data, on the host."""
        return Pool.on_host(self.data)

    @functools.cached_property
    def planned(self) -> Planned:
        """Its program, of one epoch at a time and the width that it had."""
        return planned_for(self.cohort, self.pool, self.layout, 1, self.note)

    @functools.cached_property
    def device_data(self) -> DeviceData:
        """What its devices hold."""
        held: DeviceData = placed(self.planned.data, self.planned.plan.shared)
        return held

    @property
    def experiment(self) -> Experiment:
        """What it trained, its floats of shape []."""
        return jax.tree.map(lambda leaf: jnp.asarray(leaf[0]), self.cohort.population.experiments)

    @property
    def member(self) -> Member:
        """It as a member, on the device."""
        numbers = jax.tree.map(lambda leaf: leaf[0], self.cohort.population.numbers)
        return jax.tree.map(jnp.asarray, self.cohort.tables.member(numbers))

    @property
    def turns(self) -> int:
        """Steps of a round of batches."""
        return len(self.cohort.population.experiments.order.cuts)

    @property
    def per_epoch(self) -> int:
        """Steps of an epoch."""
        return steps_per_epoch(self.cohort.population.experiments, self.cohort.tables.train.shape[1])

    @property
    def steps(self) -> int:
        """Steps of the whole training."""
        return self.cohort.epochs * self.per_epoch

    def before(self, epoch: int) -> tuple[State, str]:
        """Its state before an epoch, from 0, with a leading axis [1], and where that was had from, in words.

        Raises:
            ConfigError: where it had diverged by then, or if it cannot be trained from the start.
            CheckpointError: for a checkpoint that is damaged.
        """
        known = self.known
        if known is not None and known.lost[0] == epoch:  # it keeps the state from before that epoch ever after
            later = [done for done in self.saved if done > epoch]
            earlier = [done for done in self.saved if done <= epoch]
            if later and max(earlier, default=0) < epoch:
                state = self.saved[min(later)]()
                step, alive = jnp.full_like(state.step, epoch * self.per_epoch), jnp.ones_like(state.alive)
                return state._replace(step=step, alive=alive), f"the checkpoint after epoch {min(later)}"
        start = max((done for done in self.saved if done <= epoch), default=0)
        since = f"the checkpoint after epoch {start}" if start else "the start"
        if not start and self.refused is not None:
            raise ConfigError(self.refused)
        state = self._trained(self.saved[start]() if start else None, start, epoch)
        if not np.asarray(state.alive).all():
            raise ConfigError(f"{self.name} diverged at step {int(state.step[0])}, before step {epoch * self.per_epoch}.")
        return state, since

    def _trained(self, state: State | None, done: int, epoch: int) -> State:
        """Its state after so many epochs, from that after `done` of them."""
        if state is None and epoch == 0 and self.planned.plan.window is None:
            plan = self.planned.plan
            rows = np.zeros(chunk_of(plan), int)
            members = Members.placed(rows_of(self.cohort.population, rows), plan)
            given = placed(rows_of(self.cohort.given, rows), plan.per_member)
            orders = orders_of(members.order, self.device_data, 0, 1, plan)
            return rows_of(gathered(resident.start(members, given, self.device_data, orders, plan)), np.arange(1))  # type: ignore[no-any-return]
        with contextlib.closing(ActiveMembers(self.planned, state, np.arange(1))) as active:
            for number in range(done, epoch):
                active.advance(number)
            return active.states()

    def order(self, epoch: int) -> Int[np.ndarray, "rounds turns batch"]:
        """Where the examples of an epoch's batches lie in the pool."""
        plan = self.planned.plan
        members = Members.placed(rows_of(self.cohort.population, np.zeros(chunk_of(plan), int)), plan)
        return np.asarray(gathered(orders_of(members.order, self.device_data, epoch, 1, plan)))[0, 0]  # type: ignore[no-any-return]

    def batches(self, places: Int[np.ndarray, "..."]) -> Pool:
        """The examples at some places, with the labels that it trains on."""
        numbers = jax.tree.map(lambda leaf: leaf[0], self.cohort.population.numbers)
        mine, chosen = labelled(self.cohort.tables.member(numbers), self.pool), cast(jax.Array, places)  # all on the host
        return jax.tree.map(jnp.asarray, taken(mine, chosen))


@dataclass(frozen=True)
class Epoch:
    """One epoch of a restart.

    Args:
        past: the restart.
        number: of the epoch, from 0.
        state: before it, with a leading axis [1].
        order: the places of its batches' examples.
    """

    past: Past
    number: int
    state: State
    order: Int[np.ndarray, "rounds turns batch"]

    @functools.cached_property
    def _begun(self) -> State:
        """The state before the first step, a row for each place of the program."""
        one = jax.tree.map(lambda leaf: jnp.asarray(leaf[0]), self.state)
        begun = epochs.begin(self.past.experiment, self.past.member, Shared.of(self.past.pool), one, None).state
        chunk = chunk_of(self.past.planned.plan)
        return jax.tree.map(lambda leaf: np.repeat(np.asarray(leaf)[None], chunk, axis=0), begun)

    def after(self, rounds: int) -> State:
        """The state after the first rounds of batches, to the bit, with every layer by itself."""
        past, states = self.past, self._begun
        plan = past.planned.plan
        chunk = chunk_of(plan)
        population = placed(rows_of(past.cohort.population, np.zeros(chunk, int)), plan.per_member)
        states, held = placed(states, plan.lies(states)), None
        if plan.window is None and past.experiment.optimizer.frozen is not None:
            held = resident.features(population, states, past.device_data, plan)
        for first, last in self._pieces():
            count = min(rounds, last) - first
            if count > 0:
                data, order = self._held(first, last)
                orders = placed(np.repeat(order[None, None], chunk, axis=0), plan.per_member)
                number = placed(np.int32(count), plan.shared)
                states = first_rounds(population, states, held, orders, data, number, plan._replace(epochs=1, window=None))
        return apart(jax.tree.map(lambda leaf: jnp.asarray(np.asarray(leaf)[0]), gathered(states)))  # type: ignore[no-any-return]

    def _pieces(self) -> list[tuple[int, int]]:
        """The rounds whose examples are on the devices together."""
        window, rounds = self.past.planned.plan.window, len(self.order)
        if window is None:
            return [(0, rounds)]
        each = sum(leaf.nbytes for leaf in jax.tree.leaves(jax.tree.map(np.asarray, self.past.batches(self.order[0]))))
        return cut(rounds, max(1, window // max(1, each)))

    def _held(self, first: int, last: int) -> tuple[DeviceData, Int[np.ndarray, "rounds turns batch"]]:
        """What the devices hold for some rounds, and where their examples lie in it."""
        order, plan = self.order[first:last], self.past.planned.plan
        if plan.window is None:
            return self.past.device_data, order
        few = self.past.batches(order.reshape(-1))
        tables = self.past.device_data.tables._replace(labels=None)
        return DeviceData(placed(Shared.of(few), plan.shared), tables), np.arange(order.size, dtype=np.int32).reshape(order.shape)

    def batch(self, number: int) -> Pool:
        """The examples of a round, [turns, batch, ...]."""
        return self.past.batches(self.order[number])


def of_runs(runs: Runs, member: int | None) -> Past:
    """A restart of a fit that this process has done, which is trained from its start.

    Args:
        runs: the restarts.
        member: its place among them; None: the first that diverged.

    Raises:
        ConfigError: for one that is not there.
    """
    known = Known.of(runs.names, runs.states, runs.curves["train_loss"], runs.experiment)
    place = known.chosen(member, repr(runs))
    population = Population(stack([runs.experiment]), Numbers.of(runs.sampling.at([place])))
    mesh = runs.plan.mesh.shape
    return Past(
        name=runs.names[place],
        cohort=Cohort([0], population, runs.trained.tables, {}, 1),
        data=runs.data,
        layout=Layout(data=mesh["data"], model=mesh["model"]),
        note={"width": runs.plan.width, "window": runs.plan.window},
        known=_only(known, place),
        saved={},
        refused=None
        if runs.transferred is None
        else f"{runs!r} started from weights that it does not keep; give the folder of its checkpoints.",
    )


def of_folder(folder: Path, data: Dataset, experiment: int, member: int | None, layout: Layout, seeds: Seeds | None) -> Past:
    """A restart of a fit that has kept checkpoints.

    Args:
        folder: that of its `Checkpoints`.
        data: the data set of the fit.
        experiment: the number of the experiment, from 0.
        member: its place among the restarts; None: the first that diverged.
        layout: the devices.
        seeds: of the fit, where the checkpoints do not keep them; None: they do.

    Raises:
        CheckpointError: for a folder that holds no fit, or that of other data or other seeds.
        ConfigError: for an experiment or a restart that is not there, or if `seeds` is missing where they are needed.
    """
    kept = Kept.of(folder, data, experiment, seeds, started=True)
    names, paths, newest = kept.sampling.names, dict[int, Path](), None
    for path, saved in kept.readable():
        paths[saved.epoch], newest = path, saved
    known = None
    if newest is None:
        place = Known(names, np.array([False]), *[np.zeros(1)] * 3).chosen(member, str(folder))
        plan = planned_for(kept.cohort, Pool.on_host(data), layout, 1).plan
        note: Mapping[str, Any] = {"width": plan.width, "window": plan.window}
    else:
        states, curves, _ = kept.restored(newest, layout)
        known = Known.of(names, rows_of(states, kept.rows), curves["train_loss"][kept.rows], kept.experiment)
        place, note = known.chosen(member, str(folder)), newest.note
    row = kept.rows[[place]]

    def state(done: int) -> State:
        found: State = rows_of(kept.restored(Saved(done, *read(paths[done])), layout)[0], row)
        return found

    cohort = kept.cohort
    return Past(
        name=names[place],
        cohort=Cohort([0], rows_of(cohort.population, row), cohort.tables, rows_of(cohort.given, row), 1),
        data=data,
        layout=layout,
        note=note,
        known=None if known is None else _only(known, place),
        saved={done: functools.partial(state, done) for done in paths},
        refused=f"{folder} holds no checkpoint early enough, and weights to start from are not kept; give the fit's seeds."
        if kept.unknown
        else None,
    )


def _only(known: Known, place: int) -> Known:
    rows = [place]
    return Known((known.names[place],), *(array[rows] for array in known[1:]))
