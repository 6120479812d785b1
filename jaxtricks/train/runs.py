"""What training gives: every restart, stacked."""

import functools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Int, Shaped

from jaxtricks.data import Dataset, Examples
from jaxtricks.data.examples import as_inputs, check
from jaxtricks.engine import resident, streamed
from jaxtricks.engine.plan import Plan, Population, padded
from jaxtricks.engine.processes import gathered, placed
from jaxtricks.engine.tables import DeviceData, Numbers
from jaxtricks.engine.windows import cut
from jaxtricks.experiment.experiment import Experiment
from jaxtricks.experiment.sampling import Sampling
from jaxtricks.restart import evaluation
from jaxtricks.restart.epoch import bare
from jaxtricks.restart.member import TRAINING, Member, Pool, State, Variables
from jaxtricks.restart.phase import Shared
from jaxtricks.train.loop import Trained
from jaxtricks.train.summary import Summary, summarize


@dataclass(frozen=True, eq=False)
class Runs:
    """The restarts of an experiment; every array has a leading axis [runs].

    Args:
        experiment: what the runs trained.
        sampling: who the runs are: their seeds, and which examples each one sees.
        data: the data set.
        trained: what came of them; weights stay on the devices until somebody asks.

    >>> digits, base = jt.load("digits").subset(100, seed=0), jt.Experiment(model=jt.MLP(widths=(8,)), epochs=2)
    >>> runs = jt.fit(base, digits, seeds=4, progress=False)
    >>> sorted(runs.metrics), runs.metrics["accuracy"].shape
    (['accuracy', 'ece', 'nll'], (4,))
    """

    experiment: Experiment
    sampling: Sampling
    data: Dataset
    trained: Trained

    def __len__(self) -> int:
        return len(self.sampling)

    @property
    def seeds(self) -> Int[np.ndarray, " runs"]:
        """Each run's seed."""
        return self.sampling.seeds

    @property
    def parts(self) -> Int[np.ndarray, " runs"]:
        """Which of its seed's runs each one is, from 0, such as its fold."""
        return self.sampling.parts

    @property
    def names(self) -> tuple[str, ...]:
        """What each run is called, such as "seed 3" or "seed 3 fold 2"; what pairs the runs of two experiments."""
        return self.sampling.names

    def at(self, rows: Sequence[int]) -> "Runs":
        """Some of the restarts, by their places; evaluated in the same program width.

        Args:
            rows: places from 0 on, [chosen].
        """
        places = np.asarray(rows)
        curves = {name: values[places] for name, values in self.curves.items()}
        return replace(
            self,
            sampling=self.sampling.at(places),
            trained=self.trained._replace(rows=self.trained.rows[places], curves=curves),
        )

    @property
    def curves(self) -> dict[str, Float[np.ndarray, "runs epochs"]]:
        """Name → [runs, epochs]: mean training loss, mean and largest gradient norm of an epoch, validation metrics after it.

        Where a run diverged, nan and the last finite metrics; where it stopped early, nan and the best ones.
        """
        return self.trained.curves

    @property
    def plan(self) -> Plan:
        """How the program was laid out."""
        return self.trained.plan

    @functools.cached_property
    def members(self) -> Member:
        """Each run's seeds, split and scaling, on the host, every array with a leading axis [runs]."""
        return self.trained.tables.member(Numbers.of(self.sampling))

    @functools.cached_property
    def states(self) -> State:
        """Each run's last finite state, on the host; its parameters are those that the optimization method evaluates.

        The method's own state is not kept; checkpoints have it.
        """
        return self._host(self.trained.states)

    def _host(self, tree: Any) -> Any:
        """A part of the states, on the host."""
        return jax.tree.map(lambda leaf: np.asarray(leaf)[self.trained.rows], tree)

    @property
    def metrics(self) -> dict[str, Float[np.ndarray, " runs"]]:
        """Validation metric → its value after the last epoch, [runs]; a diverged run's is that of its last finite state.

        With early stopping it is that of the best epoch, whose weights are kept.
        """
        if (best := self.trained.states.best) is not None:
            found: dict[str, Float[np.ndarray, " runs"]] = self._host(best.metrics)
            return found
        return {name: curve[:, -1] for name, curve in self.curves.items() if name not in TRAINING}

    @property
    def diverged(self) -> dict[str, int]:
        """Name → the optimizer step at which loss or gradient stopped being finite, for the runs where they did."""
        steps, alive = self._host((self.trained.states.step, self.trained.states.alive))
        return {name: int(step) for name, step, well in zip(self.names, steps, alive, strict=True) if not well}

    @property
    def stopped(self) -> dict[str, int]:
        """Name → the epochs that it was trained for, of the runs that stopped early."""
        if (stopping := self.experiment.stopping) is None or self.trained.states.best is None:
            return {}
        trained = np.isfinite(self.curves["train_loss"]).sum(axis=1)
        best, alive = self._host((self.trained.states.best, self.trained.states.alive))
        ended = np.asarray(stopping.stopped(best)) & alive
        return {name: int(epochs) for name, epochs, over in zip(self.names, trained, ended, strict=True) if over}

    @property
    def variables(self) -> Variables:
        """Every run's variables as its model takes them, {"params": …, …}, each with a leading axis [runs].

        The parameters are those that the optimization method evaluates.
        """
        return {"params": self.states.params, **self.states.collections}

    def evaluate(self, split: Literal["train", "validation"] | Examples) -> dict[str, Float[np.ndarray, " runs"]]:
        """Every metric on each run's own training or validation examples, or on others; [runs].

        As they are: no masks, no augmentation. Steps are evaluated in as many tracks as a batch has sequences.

        Args:
            split: "train", "validation", or what `Dataset.open_test` gave.
        """
        table: Any
        if isinstance(split, Examples):
            check("", split, self.data.kind, len(self.data.classes), self._tokens)
            everyone = np.arange(len(split.x), dtype=np.int32)
            examples, table = split, np.broadcast_to(everyone, (len(self.trained.tables.train), len(everyone)))
        else:
            examples, table = self.data.pool, getattr(self.trained.tables, split)
        population, states = self._population()
        tables = self.trained.tables._replace(validation=table)
        if isinstance(split, Examples):
            tables = tables._replace(labels=None)
        if self.plan.window is None:
            data = DeviceData(Shared.of(Pool.of(self.data, examples)), jax.tree.map(jnp.asarray, tables))
            metrics = resident.evaluate(population, states, data, self.plan)
        else:
            metrics = streamed.evaluate(population, states, tables, Pool.on_host(self.data, examples), self.plan)
        return {name: values[: len(self)] for name, values in gathered(metrics).items()}

    def summary(self) -> Summary:
        """Mean, 95% interval and spread of every metric over the runs, and the runs that fell out, by name."""
        return summarize(self)

    def log_probs(
        self, x: Shaped[np.ndarray, "examples ..."], lengths: Int[np.ndarray, " examples"] | None = None
    ) -> Float[np.ndarray, "runs examples ..."]:
        """Every run's log-probabilities of the classes, of each example or of each step, or of having each of several labels;
        of data with values, those.

        Args:
            x: inputs as the data set stores them, [examples, ...]; they are scaled as the run's own training data were.
            lengths: true steps of each sequence, [examples]; None where all are whole.

        Raises:
            DataError: for tokens outside the vocabulary, or lengths that sequences cannot have.
        """
        if self.data.vocabulary is not None or lengths is not None:  # out of range they would give NaN or another's scores
            as_inputs("", x, lengths, self._tokens)
        population, states = self._population()
        tables = jax.tree.map(jnp.asarray, self.trained.tables)
        found = []
        for first, last in self._parts(x):
            unknown = np.zeros((last - first, *self.data.y.shape[1:]), self.data.y.dtype)
            part = Examples(x[first:last], unknown, None if lengths is None else lengths[first:last])
            pool = Pool.of(self.data, part)
            indices = jnp.arange(last - first, dtype=jnp.int32)
            found.append(
                gathered(resident.predict(population, states, DeviceData(Shared.of(pool), tables), indices, self.plan))[
                    : len(self)
                ]
            )
        return np.concatenate(found, axis=1)

    @property
    def _tokens(self) -> int | None:
        return None if self.data.vocabulary is None else len(self.data.vocabulary)

    def _parts(self, x: Shaped[np.ndarray, "examples ..."]) -> list[tuple[int, int]]:
        """First and last of the inputs that the devices are given at a time: all, or windows of those that stay on the host."""
        if self.plan.window is None:
            return [(0, len(x))]
        return cut(len(x), self.plan.window // (x.nbytes // len(x)), evaluation.EVALUATION_BATCH)

    def _population(self) -> tuple[Population, State]:
        """The runs as a program takes them, padded to whole chunks, with nothing that training alone needs."""
        rows = padded(len(self), self.plan)
        size, experiment = len(rows), jax.tree.map(np.asarray, bare(self.experiment))
        floats = jax.tree.map(lambda leaf: np.full(size, leaf, jax.dtypes.canonicalize_dtype(float)), experiment)
        numbers = jax.tree.map(lambda leaf: leaf[rows], Numbers.of(self.sampling))
        whole, mine = self.trained.states._replace(best=None), self.trained.rows
        if len(whole.step) == size and np.array_equal(mine, np.arange(len(self))):  # they lie on the devices as they are needed
            return Population(floats, numbers), placed(whole, self.plan.lies(whole))
        states = jax.tree.map(lambda leaf: np.asarray(leaf)[mine][rows], whole)
        return Population(floats, numbers), placed(states, self.plan.lies(states))
