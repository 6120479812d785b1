"""The result of training: all restarts, stacked."""

import functools
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Literal, TypeAlias, get_args

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Bool, Float, Int, Shaped
from numpy.typing import ArrayLike

from jaxtricks.config import ConfigError
from jaxtricks.data import Dataset, Examples, in_user_units, inputs_for, without_offset
from jaxtricks.data.examples import check
from jaxtricks.engine import resident, streamed
from jaxtricks.engine.plan import Plan, Population
from jaxtricks.engine.processes import gathered
from jaxtricks.engine.tables import DeviceData, Numbers
from jaxtricks.engine.windows import cut
from jaxtricks.experiment.experiment import Experiment
from jaxtricks.experiment.masks import MonteCarlo
from jaxtricks.experiment.matching import Transferred
from jaxtricks.experiment.sampling import Sampling
from jaxtricks.experiment.weights import Weights, weights_of
from jaxtricks.nn.stacks import apart
from jaxtricks.objectives.metric import Declaration, called
from jaxtricks.objectives.task import task_of
from jaxtricks.restart import evaluation
from jaxtricks.restart.member import TRAINING, Member, Pool, State, Variables
from jaxtricks.restart.phase import Shared
from jaxtricks.train.beside import SPLITS, Beside, beside
from jaxtricks.train.carried import Carried
from jaxtricks.train.histograms import Histograms, histograms
from jaxtricks.train.loop import Trained
from jaxtricks.train.population import check_masks, population
from jaxtricks.train.shown import Shown
from jaxtricks.train.summary import Summary, summarize
from jaxtricks.train.tabled import Armed

Split: TypeAlias = Literal["train", "validation"]  # the examples of each run's own


@dataclass(frozen=True, eq=False, repr=False)
class Runs(Shown, Armed):
    """The restarts of an experiment; every array has a leading axis [runs].

    Args:
        experiment: the experiment that the runs trained.
        sampling: the seeds and names of the runs, and the examples that each one sees.
        data: the data set.
        trained: the results of training; weights stay on the devices until they are read.
        transferred: what they took of the weights that they started from; None where all were drawn.
        seconds: wall time of the fit that trained them, with all that it trained beside them and with compiling; None: not known,
            as for restarts that are read from a checkpoint or go on from one.

    >>> digits, base = jt.load("digits").subset(100, seed=0), jt.Experiment(model=jt.MLP(widths=(8,)), epochs=2)
    >>> runs = jt.fit(base, digits, seeds=4, progress=False)
    >>> sorted(runs.metrics), runs.metrics["accuracy"].shape
    (['accuracy', 'ece', 'nll'], (4,))
    """

    experiment: Experiment
    sampling: Sampling
    data: Dataset
    trained: Trained
    transferred: Transferred | None = None
    seconds: float | None = None

    def __len__(self) -> int:
        return len(self.sampling)

    def __getstate__(self) -> dict[str, Any]:
        """What is pickled: all fields, on the host, with the data set, and without what is computed from them."""
        return {each.name: getattr(self, each.name) for each in fields(self)} | {"trained": Carried.of(self.trained)}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state | {"trained": state["trained"].here()})

    def __repr__(self) -> str:
        model, epochs = type(self.experiment.model).__name__, self.experiment.epochs
        return f"Runs({len(self)} of {model} on {self.data.name}, epochs={epochs})"

    @property
    def seeds(self) -> Int[np.ndarray, " runs"]:
        """The seed of each run, [runs]."""
        return self.sampling.seeds

    @property
    def parts(self) -> Int[np.ndarray, " runs"]:
        """The number of each run among those of its seed, from 0, such as its fold, [runs]."""
        return self.sampling.parts

    @property
    def names(self) -> tuple[str, ...]:
        """The name of each run, such as "seed 3" or "seed 3 fold 2"; runs of two experiments are paired by it."""
        return self.sampling.names

    def at(self, rows: Sequence[int]) -> "Runs":
        """Gives some of the restarts, by their places; they are evaluated in the same program width.

        Args:
            rows: the places, from 0 on, [chosen].
        """
        places = np.asarray(rows)
        curves = {name: values[places] for name, values in self.curves.items()}
        pictures = {name: counts[places] for name, counts in self.trained.pictures.items()}
        return replace(
            self,
            sampling=self.sampling.at(places),
            trained=self.trained._replace(rows=self.trained.rows[places], curves=curves, pictures=pictures),
        )

    @property
    def arms(self) -> dict[str, "Runs"]:
        """These restarts, as the only arm."""
        return {"experiment": self}

    @property
    def declared(self) -> dict[str, Declaration]:
        """Validation metric → its direction and unit."""
        return {name: metric.declared for name, metric in self.experiment.measured(task_of(self.data)).items()}

    @property
    def curves(self) -> dict[str, Float[np.ndarray, "runs epochs"]]:
        """Name → [runs, epochs]: mean training loss, mean and largest gradient norm of an epoch, validation metrics after it.

        After a run diverged, its training curves are nan and its metrics the last finite ones; after it stopped early, its
        training curves are nan and its metrics the best ones.
        """
        return self.trained.curves

    @property
    def histograms(self) -> Histograms | None:
        """How often weights, gradients and activations had which size along the run, see `Experiment.histograms`; or None."""
        every = self.experiment.histograms
        return None if every is None else histograms(self.trained.pictures, every)

    @property
    def plan(self) -> Plan:
        """The layout of the program on the devices."""
        return self.trained.plan

    @functools.cached_property
    def members(self) -> Member:
        """The seeds, split and scaling of each run, on the host; every array has a leading axis [runs]."""
        return self.trained.tables.member(Numbers.of(self.sampling))

    @functools.cached_property
    def states(self) -> State:
        """The last finite state of each run, on the host, with the parameters that the optimization method evaluates.

        The state of the method is not kept here; checkpoints have it.
        """
        return apart(self._host(self.trained.states), axis=1)  # type: ignore[no-any-return]

    def _host(self, tree: Any) -> Any:
        """A part of the states, on the host."""
        return jax.tree.map(lambda leaf: np.asarray(leaf)[self.trained.rows], tree)

    @property
    def metrics(self) -> dict[str, Float[np.ndarray, " runs"]]:
        """Validation metric → its value after the last epoch, [runs]; of a diverged run, the value of its last finite state.

        With early stopping it is the value of the best epoch, whose weights are kept.
        """
        if (best := self.trained.states.best) is not None:
            found: dict[str, Float[np.ndarray, " runs"]] = self._host(best.metrics)
            return found
        return {name: curve[:, -1] for name, curve in self.curves.items() if name not in TRAINING}

    @property
    def alive(self) -> Bool[np.ndarray, " runs"]:
        """Whether loss and gradient of each run have always been finite, [runs]."""
        return np.asarray(self._host(self.trained.states.alive))

    @property
    def diverged(self) -> dict[str, int]:
        """Name → the optimizer step at which loss or gradient was no longer finite, for the runs that diverged."""
        steps = self._host(self.trained.states.step)
        return {name: int(step) for name, step, well in zip(self.names, steps, self.alive, strict=True) if not well}

    @property
    def stopped(self) -> dict[str, int]:
        """Name → the number of epochs trained, for the runs that stopped early."""
        if (stopping := self.experiment.stopping) is None or self.trained.states.best is None:
            return {}
        trained = np.isfinite(self.curves["train_loss"]).sum(axis=1)
        ended = np.asarray(stopping.stopped(self._host(self.trained.states.best))) & self.alive
        return {name: int(epochs) for name, epochs, over in zip(self.names, trained, ended, strict=True) if over}

    @property
    def variables(self) -> Variables:
        """The variables of all runs, as the model takes them, {"params": …, …}; each has a leading axis [runs].

        The parameters are those that the optimization method evaluates.
        """
        return {"params": self.states.params, **self.states.collections}

    @property
    def weights(self) -> Weights:
        """The weights of all runs by name, to be saved, read by another library or transferred."""
        return weights_of(self.variables, self.sampling, self.data.meanings)

    def evaluate(self, split: Split | Examples, masks: MonteCarlo | None = None) -> dict[str, Float[np.ndarray, " runs"]]:
        """Evaluates every metric on the training or validation examples of each run, or on other examples; [runs].

        Without augmentation, and without masks if none are asked for. Windows of a text are evaluated in parallel tracks of 32
        windows or more, 64 tracks at most, whatever the batch of training was: a state that a model carries on goes through each
        of them.

        Args:
            split: "train", "validation", or other examples, such as those that `Dataset.open_test` gave.
            masks: dropout's, over which each prediction is averaged; None: no mask is drawn.

        Raises:
            ConfigError: for a split that is none of these, or masks of a model that draws none.
            DataError: for examples that are not like those of the data set.
        """
        table: Any
        if isinstance(split, Examples):
            x, lengths = inputs_for(self.data, split.x, split.lengths)
            examples = split._replace(x=x, lengths=lengths)
            check("", examples, self.data.kind, len(self.data.classes), self._tokens, self.data.missing)
            everyone = np.arange(len(x), dtype=np.int32)
            table = np.broadcast_to(everyone, (len(self.trained.tables.train), len(everyone)))
        elif isinstance(split, str) and split in get_args(Split):
            examples, table = self.data.pool, getattr(self.trained.tables, split)
        else:
            shown = textwrap.shorten(repr(split), 60)
            raise ConfigError(f"split = {shown} is not 'train', 'validation', or examples such as Dataset.open_test gives.")
        if masks is not None:
            check_masks(self.experiment, self.data, self.sampling, self.trained)
        members, states = population(self.experiment, self.sampling, self.trained, masks)
        tables = self.trained.tables._replace(validation=table)
        if isinstance(split, Examples):
            tables = tables._replace(labels=None)
        if self.plan.window is None:
            data = DeviceData(Shared.of(Pool.of(self.data, examples)), jax.tree.map(jnp.asarray, tables))
            metrics = resident.evaluate(members, states, data, self.plan, masks)
        else:
            metrics = streamed.evaluate(members, states, tables, Pool.on_host(self.data, examples), self.plan, masks)
        return {name: values[: len(self)] for name, values in gathered(metrics).items()}

    def contributions(self, metric: str) -> Float[np.ndarray, "runs validation"] | None:
        """Gives what each validation example of each run adds to a metric; the mean over the examples is the metric.

        None where that is not known: for metrics that are no mean over examples, such as the area under the ROC curve, labels of
        steps, and data that do not fit on the devices. Of a metric that is computed from means, such as the macro F1 or the root
        of the mean squared error, it is what the example adds to first order (the delta method).

        Args:
            metric: the name of one that was measured.

        >>> digits, base = jt.load("digits").subset(100, seed=0), jt.Experiment(model=jt.MLP(widths=(8,)), epochs=2)
        >>> runs = jt.fit(base, digits, seeds=4, progress=False)
        >>> each = runs.contributions("accuracy")
        >>> each.shape, bool(np.allclose(each.mean(axis=1), runs.metrics["accuracy"]))
        ((4, 20), True)
        """
        task = task_of(self.data)
        if self.experiment.measured(task)[metric].needs_all or task.kind.per_step or self.plan.window is not None:
            return None
        members, states = self._population()
        data = DeviceData(Shared.of(Pool.of(self.data, self.data.pool)), jax.tree.map(jnp.asarray, self.trained.tables))
        return gathered(resident.contributions(members, states, data, metric, self.plan))[: len(self)]

    def summary(self) -> Summary:
        """Gives the mean, 95% interval and spread of every metric over the runs, and the names of collapsed runs."""
        return summarize(self)

    def baselines(self, *, splits: int = SPLITS, progress: bool = True) -> Beside:
        """Fits simple models on the first splits of these restarts: guessing, the commonest answer, a linear model, and others.

        Args:
            splits: how many splits at most.
            progress: whether to show a bar, once it takes longer than two seconds.

        >>> digits, base = jt.load("digits").subset(100, seed=0), jt.Experiment(model=jt.MLP(widths=(8,)), epochs=2)
        >>> found = jt.fit(base, digits, seeds=4, progress=False).baselines(progress=False)
        >>> {row.name: len(row.metrics["accuracy"]) for row in found.rows}["linear"]
        3
        """
        task = task_of(self.data)
        asked = (*task.metrics, *map(called, self.experiment.metrics))
        measured = {name: metric for name, metric in self.experiment.measured(task).items() if name in asked}
        return beside(self.data, self.sampling, measured, splits, progress)

    def probabilities(self, x: Any, lengths: ArrayLike | None = None, *, members: bool = False) -> Float[np.ndarray, "..."]:
        """Gives the probabilities of the classes or labels of inputs, or values in the user's units; the mean over the runs.

        Args:
            x: inputs in the units of the user, [examples, ...]; or a table like that which the data set was made of.
            lengths: the true number of steps of each sequence, [examples]; None where no sequence is padded.
            members: whether to give those of each run, [runs, examples, ...].

        Raises:
            DataError: for inputs that are not like those of the data set, see `jaxtricks.data.inputs_for`.

        >>> digits, base = jt.load("digits").subset(100, seed=0), jt.Experiment(model=jt.MLP(widths=(8,)), epochs=2)
        >>> jt.fit(base, digits, seeds=4, progress=False).probabilities(digits.x[:3]).shape
        (3, 10)
        """
        found = self.log_probs(without_offset(self.data, x, lengths), lengths).astype(np.float64)
        each = in_user_units(self.data, task_of(self.data).probabilities(found))
        return each if members else np.asarray(each.mean(axis=0))

    def predict(self, x: Any, lengths: ArrayLike | None = None, *, members: bool = False) -> Shaped[np.ndarray, "..."]:
        """Gives what the runs together predict for inputs.

        This is the name of the class of each example, or of each step; 1 or 0 for each label; or values in the user's units,
        [examples, outputs], in the order of `Dataset.classes`.

        Args:
            x: inputs in the units of the user, [examples, ...]; or a table like that which the data set was made of.
            lengths: the true number of steps of each sequence, [examples]; None where no sequence is padded.
            members: whether to give what each run predicts, [runs, examples, ...]; else it is by the mean of `probabilities`.

        Raises:
            DataError: for inputs that are not like those of the data set, see `jaxtricks.data.inputs_for`.

        >>> digits, base = jt.load("digits").subset(100, seed=0), jt.Experiment(model=jt.MLP(widths=(8,)), epochs=2)
        >>> runs = jt.fit(base, digits, seeds=4, progress=False)
        >>> runs.predict(digits.x[:3]).shape, runs.predict(digits.x[:3], members=True).shape
        ((3,), (4, 3))
        """
        return task_of(self.data).answers(self.probabilities(x, lengths, members=members), self.data.classes)

    def log_probs(self, x: ArrayLike, lengths: ArrayLike | None = None) -> Float[np.ndarray, "runs examples ..."]:
        """Gives the log-probabilities of all runs: of the classes of each example or step, or of each of several labels.

        For data with values, these are the predicted values, minus `Dataset.offsets`.

        Args:
            x: inputs as the data set stores them, minus `Dataset.offsets`, [examples, ...]; they are scaled as the training data
                of each run were.
            lengths: the true number of steps of each sequence, [examples]; None where no sequence is padded.

        Raises:
            DataError: for inputs that are not like those of the data set, see `jaxtricks.data.inputs_for`.
        """
        inputs, sizes = inputs_for(self.data, x, lengths)
        members, states = self._population()
        tables = jax.tree.map(jnp.asarray, self.trained.tables)
        found = []
        for first, last in self._parts(inputs):
            unknown = np.zeros((last - first, *self.data.y.shape[1:]), self.data.y.dtype)
            part = Examples(inputs[first:last], unknown, None if sizes is None else sizes[first:last])
            pool = Pool.of(self.data, part)
            indices = jnp.arange(last - first, dtype=jnp.int32)
            found.append(
                gathered(resident.predict(members, states, DeviceData(Shared.of(pool), tables), indices, self.plan))[: len(self)]
            )
        return np.concatenate(found, axis=1)

    def read(self, examples: Examples) -> Iterator[tuple[Int[np.ndarray, " batch"], Float[np.ndarray, "runs batch ..."]]]:
        """Gives the log-probabilities of examples as `log_probs` does, batch by batch, with the places of each batch's examples.

        The order is that of `evaluate`: windows of a text in parallel tracks, through which a model carries its state on. All
        predictions for a text at once would take as many numbers as it has tokens, times the vocabulary.

        Args:
            examples: as the data set stores them, such as `Dataset.pool` or what `Dataset.open_test` gives.

        Raises:
            DataError: for inputs that are not like those of the data set, see `jaxtricks.data.inputs_for`.

        >>> digits, base = jt.load("digits").subset(100, seed=0), jt.Experiment(model=jt.MLP(widths=(8,)), epochs=2)
        >>> runs = jt.fit(base, digits, seeds=4, progress=False)
        >>> [(len(places), log_probs.shape) for places, log_probs in runs.read(digits.pool)]
        [(100, (4, 100, 10))]
        """
        x, lengths = inputs_for(self.data, examples.x, examples.lengths)
        members, states = self._population()
        tables, carry = jax.tree.map(jnp.asarray, self.trained.tables), None
        order = evaluation.validation_order(len(x), Pool.on_host(self.data, examples))
        for part, counted in zip(order.places.reshape(-1, order.unit), order.counted.reshape(-1, order.unit), strict=True):
            batch = Pool.of(self.data, examples._replace(x=x, lengths=lengths).at(part))
            given = DeviceData(Shared(batch, batch), tables)
            carry = resident.empty_carry(members, states, given, self.plan) if carry is None else carry
            log_probs, carry = resident.read(members, states, carry, given, self.plan)
            yield part[counted], gathered(log_probs)[: len(self)][:, counted]

    @property
    def _tokens(self) -> int | None:
        return None if self.data.vocabulary is None else len(self.data.vocabulary)

    def _parts(self, x: Shaped[np.ndarray, "examples ..."]) -> list[tuple[int, int]]:
        """The first and the last of the inputs that go to the devices together: all, or windows of data that stay on the host."""
        if self.plan.window is None:
            return [(0, len(x))]
        return cut(len(x), self.plan.window // (x.nbytes // len(x)), evaluation.EVALUATION_BATCH)

    def _population(self) -> tuple[Population, State]:
        """The runs as a program takes them that draws no masks."""
        return population(self.experiment, self.sampling, self.trained)
