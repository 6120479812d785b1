"""The members that still train: on the devices together, or one batch of members after the other."""

from collections.abc import Mapping
from typing import Any

import jax
import numpy as np
from jaxtyping import Bool

from jaxtricks.engine import resident
from jaxtricks.engine.cohort import Planned, Rows, rows_of, shapes_of
from jaxtricks.engine.plan import Members, chunk_of
from jaxtricks.engine.processes import gathered, placed
from jaxtricks.engine.resident import Resident
from jaxtricks.engine.streamed import Streamed
from jaxtricks.engine.tables import DeviceData
from jaxtricks.engine.windows import Windows
from jaxtricks.restart.member import State, resting


class MemberBatch:
    """Members that train on the devices together.

    Args:
        planned: the plan.
        data: what its devices hold of the data.
        rows: the members' places among all.
        whole: the same, padded to whole chunks.
        alone: whether no other batch needs the devices: then they keep the states, else the host does.
        states: those of all members, on the host; None for the start.
    """

    def __init__(self, planned: Planned, data: DeviceData, rows: Rows, whole: Rows, alone: bool, states: State | None) -> None:
        self.rows, self._planned, self._data, self._alone = rows, planned, data, alone
        self._population = rows_of(planned.population, whole)
        self._shapes = shapes_of(len(whole), planned.states)
        self._ready: Resident | Streamed | None = None
        if states is None:
            given = placed(rows_of(planned.given, whole), planned.plan.per_member)
            self._states = self._kept(self._engine().start(given))
        else:
            mine: State = rows_of(states, whole)
            self._states = placed(mine, planned.plan.lies(mine)) if alone else mine

    def advance(self, first: int) -> Mapping[str, Any]:
        """A segment from epoch `first` on; its curves, on the devices, those of the padding too."""
        plan, states = self._planned.plan, self._states
        engine = self._engine()
        new, curves = engine(states if self._alone else placed(states, plan.lies(states)), first)
        self._states = self._kept(new)
        if not self._alone:
            engine.close()
        return curves

    def picture(self) -> Mapping[str, Any]:
        """The histograms of where the members stand, on the devices, those of the padding too."""
        plan, states = self._planned.plan, self._states
        engine = self._engine()
        found = engine.picture(states if self._alone else placed(states, plan.lies(states)))
        if not self._alone:
            engine.close()
        return found

    def close(self) -> None:
        """Cancels windows that were prefetched, and ends the thread that does it."""
        if self._ready is not None:
            self._ready.close()

    def states(self) -> State:
        """On the host."""
        return self.host(self._states)

    @property
    def last(self) -> State:
        """Where they lie, with those of the padding."""
        return self._states

    def finished(self) -> Bool[np.ndarray, " members"]:
        """Which members no further epoch changes."""
        ended: Bool[np.ndarray, " members"] = self.host(resident.finished(self._population, self._states, self._planned.plan))
        return ended

    def host(self, tree: Any) -> Any:
        """Arrays of the members on the host, without the padding."""
        return jax.tree.map(lambda leaf: leaf[: len(self.rows)], gathered(tree))

    def _kept(self, states: State) -> State:
        return states if self._alone else gathered(states)

    def _engine(self) -> Resident | Streamed:
        if self._ready is not None:
            return self._ready
        plan = self._planned.plan
        members = Members.placed(self._population, plan)
        engine: Resident | Streamed
        if plan.window is None:
            engine = Resident(members, self._data, self._shapes, plan)
        else:
            windows = Windows(self._population, self._planned.tables, self._planned.pool, plan, self._planned.own)
            engine = Streamed(windows, members, self._data, self._shapes, plan, further=self._alone)
        if self._alone:
            self._ready = engine
        return engine


class ActiveMembers:
    """The members that still train, on their devices; those that have finished leave once a smaller program does for the rest.

    Args:
        planned: the plan.
        states: of all members, on the host, in arrays that may be written to; None for the start, of all of them.
        rows: those that train; the others stay as they are.
    """

    def __init__(self, planned: Planned, states: State | None, rows: Rows) -> None:
        self.plan, self._planned, self._left = planned.plan, planned, states
        self._data = placed(planned.data, self.plan.shared)
        self._batches: list[MemberBatch] = []
        self._place(rows)

    def advance(self, first: int) -> Mapping[str, Any]:
        """A segment from epoch `first` on; its curves, on the devices if all members are there."""
        if len(self._batches) == 1:
            return self._batches[0].advance(first)
        each = [batch.host(batch.advance(first)) for batch in self._batches]
        return {name: np.concatenate([curves[name] for curves in each]) for name in each[0]}

    def picture(self) -> Mapping[str, Any]:
        """The histograms of where the members stand, on the devices if all members are there, see `Resident.picture`."""
        if len(self._batches) == 1:
            return self._batches[0].picture()
        each = [batch.host(batch.picture()) for batch in self._batches]
        return {name: np.concatenate([found[name] for found in each]) for name in each[0]}

    def states(self) -> State:
        """The states of all members, on the host."""
        parts = [(batch.rows, batch.states()) for batch in self._batches]
        if len(self.rows) == self._planned.size:
            return jax.tree.map(lambda *leaves: np.concatenate(leaves), *(states for _, states in parts))
        for rows, states in parts:
            for all_of, leaf in zip(jax.tree.leaves(self._left), jax.tree.leaves(states), strict=True):
                all_of[rows] = leaf
        return jax.tree.map(np.copy, self._left)

    def last(self) -> State:
        """The states of all members once training is over: still on the devices where these hold all of them."""
        if len(self._batches) == 1 and len(self.rows) == self._planned.size:
            return self._batches[0].last
        return self.states()

    def pack(self) -> tuple[Rows, Mapping[str, Any]]:
        """Lets finished members go, if half of the chunks or fewer hold the rest.

        Returns:
            those who left, and what they report from now on, see `jaxtricks.restart.member.resting`.
        """
        if not len(self.rows):
            return self.rows, {}
        finished = np.concatenate([batch.finished() for batch in self._batches])
        gone, rest, chunk = self.rows[finished], self.rows[~finished], chunk_of(self.plan)
        if not len(gone) or 2 * -(-len(rest) // chunk) > -(-len(self.rows) // chunk):
            return gone[:0], {}
        self._left = self.states()
        self._place(rest)
        return gone, resting(rows_of(self._left, gone))

    def close(self) -> None:
        """Cancels windows that were prefetched, and ends the thread that does it."""
        for batch in self._batches:
            batch.close()

    def _place(self, rows: Rows) -> None:
        self.close()
        self.rows, parts = rows, self._planned.batches(rows)
        self._batches = [MemberBatch(self._planned, self._data, *part, len(parts) == 1, self._left) for part in parts]
