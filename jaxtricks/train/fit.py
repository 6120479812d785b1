"""Training: experiments × seeds → runs. The thin host loop around the compiled program."""

import functools
import operator
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeGuard, overload

import jax
import jax.numpy as jnp
import numpy as np
from tqdm.auto import tqdm

from jaxtricks import rng
from jaxtricks.config import ConfigError, fields, group, is_config, rebuild
from jaxtricks.data import Dataset, Split
from jaxtricks.nn.softmax import Deferred
from jaxtricks.optim.second_order import GaussNewton
from jaxtricks.train import layout as placement
from jaxtricks.train import program
from jaxtricks.train.experiment import Experiment
from jaxtricks.train.inputs import Inputs, scaled_by
from jaxtricks.train.layout import Layout
from jaxtricks.train.member import Member, Pool, State, Variables, applied, drawn, taken, targets, total_steps
from jaxtricks.train.order import Contiguous
from jaxtricks.train.program import Plan, Population
from jaxtricks.train.runs import Runs, padded
from jaxtricks.train.transfer import Transfer

Seeds = int | Sequence[int]


@overload
def fit(
    experiments: Experiment,
    data: Dataset,
    *,
    seeds: Seeds = ...,
    split: int | None = ...,
    transfer: Transfer | None = ...,
    layout: Layout = ...,
    progress: bool = ...,
) -> Runs: ...
@overload
def fit(
    experiments: Sequence[Experiment],
    data: Dataset,
    *,
    seeds: Seeds = ...,
    split: int | None = ...,
    transfer: Transfer | None = ...,
    layout: Layout = ...,
    progress: bool = ...,
) -> list[Runs]: ...


def fit(
    experiments: Experiment | Sequence[Experiment],
    data: Dataset,
    *,
    seeds: Seeds = 16,
    split: int | None = None,
    transfer: Transfer | None = None,
    layout: Layout = Layout(),  # noqa: B008 (frozen)
    progress: bool = True,
) -> Runs | list[Runs]:
    """Trains every restart of every experiment; those that differ in floats only share one compiled program.

    Args:
        experiments: one, or several.
        data: the data set; its test split stays locked.
        seeds: how many restarts (seeds 0, 1, …), or the seeds themselves. A seed decides split, initial weights, order and masks.
        split: a seed whose train/validation split all restarts share, as an ensemble wants; None: each its own.
        transfer: earlier runs whose weights the restarts start from, seed by seed; None: all weights are drawn.
        layout: devices and width; chosen by default.
        progress: whether to show a bar of restarts × epochs.

    Returns:
        The runs of the one experiment, or a list in the order of the experiments.

    Raises:
        ConfigError: for settings that do not fit the data or the devices, before anything compiles.
    """
    several = not isinstance(experiments, Experiment)
    wanted = [experiments] if isinstance(experiments, Experiment) else list(experiments)
    numbers = seed_list(seeds)
    _check_split(split)
    ready = [prepare(experiment, data) for experiment in wanted]
    splits = {seed: data.split(seed if split is None else split) for seed in numbers}
    ready = [_fitted(experiment, data, splits.values()) for experiment in ready]
    cohorts = _cohorts(ready, data, splits, transfer)
    pool = _host(data)
    results: dict[int, Runs] = {}
    with (
        tqdm(
            total=sum(cohort.size * cohort.epochs for cohort in cohorts),
            unit=" restart-epochs",
            disable=not progress,
            desc="compiling",
            smoothing=0,
        ) as bar,
        ThreadPoolExecutor(max_workers=jax.local_device_count()) as workers,
    ):
        # Compiling leaves Python's lock to others: programs of the next cohorts are built while the first ones train.
        stages = [_stage(cohort, pool, layout) for cohort in cohorts]
        compiling = [workers.submit(program.compile, stage.lowered) for stage in stages]
        for cohort, stage, future in zip(cohorts, stages, compiling, strict=True):
            future.result()
            bar.set_description("training")
            stage = _fitting(stage, cohort, pool, layout)
            states, curves = _train(stage, cohort, bar)
            for index, rows in cohort.rows():
                members, state, curve = jax.tree.map(operator.itemgetter(rows), (cohort.population.members, states, curves))
                same = (ready[index],) * len(numbers)
                results[index] = Runs(same, np.asarray(numbers), data, members, state, curve, stage.plan)
    ordered = [results[i] for i in range(len(wanted))]
    return ordered if several else ordered[0]


@dataclass(frozen=True)
class _Cohort:
    """Members that one program trains.

    Args:
        indices: the positions of their experiments, in the order given to `fit`.
        population: the members, experiment by experiment, before padding.
        given: the variables that they start from in place of drawn ones, [members, ...].
        seeds: members of each experiment.
    """

    indices: list[int]
    population: Population
    given: Variables
    seeds: int

    @property
    def size(self) -> int:
        return self.seeds * len(self.indices)

    @property
    def epochs(self) -> int:
        return self.population.experiments.epochs

    def rows(self) -> list[tuple[int, slice]]:
        """Each experiment's position, and which members are its own."""
        return [(index, slice(k * self.seeds, (k + 1) * self.seeds)) for k, index in enumerate(self.indices)]


def _fitted(experiment: Experiment, data: Dataset, splits: Iterable[Split]) -> Experiment:
    """The experiment with its order filled in from the training sequences of all restarts."""
    lengths = [] if data.lengths is None else [data.lengths[split.train] for split in splits]
    return rebuild(experiment, order=experiment.order.fitted(lengths, experiment.batch_size))


def _cohorts(experiments: list[Experiment], data: Dataset, splits: dict[int, Split], transfer: Transfer | None) -> list[_Cohort]:
    """Experiments × seeds by tree structure, every member with its split and the scaling that its training part asks for."""
    seeds = list(splits)

    @functools.cache  # arms of one comparison mostly scale their inputs alike
    def moments(scaling: Inputs, seed: int) -> Any:
        return scaled_by(scaling, data, splits[seed])

    cohorts = []
    for indices, stacked in group(experiments):
        members = [_member(seed, splits[seed], moments(experiments[i].inputs, seed)) for i in indices for seed in seeds]
        floats = jax.tree.map(lambda leaf: np.repeat(leaf, len(seeds)), stacked)
        population = Population(floats, jax.tree.map(lambda *leaves: np.stack(leaves), *members))
        given = (
            {}
            if transfer is None
            else transfer.given(np.asarray(population.members.seed), _shapes(experiments[indices[0]], data)[0])
        )
        cohorts.append(_Cohort(indices, population, given, len(seeds)))
    return cohorts


def seed_list(seeds: Seeds) -> list[int]:
    """Seeds 0 … n - 1 for a number, the given ones for a sequence.

    Raises:
        ConfigError: for none, a negative one or one given twice.
    """
    numbers = list(range(seeds) if _whole(seeds) else seeds if isinstance(seeds, Iterable) else [])
    whole = all(_whole(s) and 0 <= s < 2**31 for s in numbers)
    if not numbers or not whole or len(set(numbers)) < len(numbers):
        raise ConfigError(f"seeds = {seeds!r} is not a number of restarts >= 1, or different integers from 0 to {2**31 - 1}.")
    return [int(s) for s in numbers]


def _whole(value: Any) -> TypeGuard[int]:
    return isinstance(value, int | np.integer) and not isinstance(value, bool)


def _check_split(split: int | None) -> None:
    if split is not None and not (_whole(split) and 0 <= split < 2**31):
        raise ConfigError(f"split = {split!r} is not an integer from 0 to {2**31 - 1}, or None for a split of each seed's own.")


def prepare(experiment: Experiment, data: Dataset) -> Experiment:
    """The experiment with its model's outputs filled from the data, checked against them by shapes alone.

    Raises:
        ConfigError: for a batch larger than the training split, a model that does not take the inputs or give the classes, or
            any part of the experiment that has no meaning for such data or such a model.
    """
    batch, train = experiment.batch_size, data.split(0).train.size
    if batch > train:
        raise ConfigError(f"Experiment.batch_size = {batch} is not a number of examples that the training split has: {train}.")
    model, classes = experiment.model, len(data.classes)
    experiment = rebuild(experiment, model=filled(model, data))
    experiment.augmentation.check(data)
    experiment.objective.check(data)
    experiment.order.check(data)
    if getattr(model, "carry_state", False) and not (data.stream and isinstance(experiment.order, Contiguous)):
        raise ConfigError(
            f"{type(model).__name__}.carry_state = True asks for windows of one text and Experiment.order = 'contiguous'; here "
            f"the data are {data.name} and the order is {type(experiment.order).__name__}."
        )
    _check_sequences(experiment.model, data)
    variables, logits = _shapes(experiment, data)
    wanted = (batch, *data.shape[:1], classes) if data.task == "steps" else (batch, classes)
    if (shape := logits.shape) != wanted:
        kind = "values" if data.task == "values" else "classes"
        raise ConfigError(
            f"Experiment.model = {type(model).__name__} gives logits of shape {shape}, and the data's {classes} {kind} ask for "
            f"{wanted}."
        )
    if not total_steps(experiment, train):
        turns = len(experiment.order.cuts)
        raise ConfigError(
            f"Experiment.order needs {turns} batches of {batch} for a round, and the training split has {train} examples."
        )
    experiment.optimizer.check(variables["params"], steps=total_steps(experiment, train), batch=batch, examples=train)
    return experiment


def _check_sequences(model: Any, data: Dataset) -> None:
    """Refuses what no sequence model may have on the data: too few tokens, labels that it does not read, sight of the future."""
    name = type(model).__name__
    if data.lengths is not None and is_config(type(model)) and "read" not in fields(type(model)):
        raise ConfigError(f"{name} reads no padded sequences, as {data.name} holds; 'rnn', 'tcn' and 'transformer' do.")
    if data.vocabulary is not None and (getattr(model, "vocabulary", None) or len(data.vocabulary)) < len(data.vocabulary):
        raise ConfigError(
            f"{name}.vocabulary = {model.vocabulary} is less than the {len(data.vocabulary)} tokens of {data.name}."
        )
    if (how := getattr(model, "read", None)) is not None and (how == "every") != (data.task == "steps"):
        labels = "a label for each step; 'every'" if data.task == "steps" else "one label for each sequence; 'last' or 'mean'"
        raise ConfigError(f"{name}.read = {how!r} does not fit {data.name}, which has {labels} is allowed.")
    for field, blind in (("bidirectional", False), ("causal", True)):
        if data.stream and getattr(model, field, blind) != blind:
            raise ConfigError(
                f"{name}.{field} = {not blind} sees the next tokens, which {data.name} asks to predict; {blind} is allowed."
            )


def filled(model: Any, data: Dataset) -> Any:
    """The model with what it left to the data: how many outputs and tokens there are, and which steps have a label."""
    known = {
        "outputs": len(data.classes),
        "vocabulary": None if data.vocabulary is None else len(data.vocabulary),
        "read": "every" if data.task == "steps" else "last",
    }
    own = fields(type(model)) if is_config(type(model)) else {}
    return rebuild(model, **{name: value for name, value in known.items() if name in own and getattr(model, name) is None})


def _host(data: Dataset) -> Pool:
    """The data as NumPy's arrays, until they are put on their devices."""
    arrays: Any = data.pool
    return Pool(*arrays)


def _calls(experiment: Experiment, batch: Pool) -> Any:
    # As `member` calls it: drawn without train, trained with all collections, evaluated; a second experiment that differs
    # in floats only is not traced again.
    key = rng.root(0)
    variables = drawn(experiment, key, batch)
    mutable = [*(name for name in variables if name != "params"), "penalties"]
    scores, _ = applied(experiment, variables, batch, train=True, mutable=mutable, rngs={"dropout": key})
    experiment.objective(scores, targets(batch, scores), variables["params"], len(batch.x), batch.lengths)
    forwards = not (getattr(experiment.model, "REVERSE_MODE_ONLY", False) or isinstance(scores, Deferred))
    if isinstance(experiment.optimizer.rule, GaussNewton) and not forwards:
        raise ConfigError(
            f"Optimizer.rule = 'gauss_newton' differentiates models forwards, which {type(experiment.model).__name__} does not "
            "allow; 'newton' is allowed."
        )
    return variables, applied(experiment, variables, batch, train=False)


def _shapes(experiment: Experiment, data: Dataset) -> tuple[Variables, Any]:
    """The shapes of the model's variables and of its logits for one batch."""
    shape = (experiment.batch_size, *data.shape)
    batch = jax.eval_shape(lambda pool: taken(pool, jnp.arange(experiment.batch_size)), _host(data))
    try:
        return jax.eval_shape(_calls, experiment, batch)
    except ConfigError:
        raise
    except Exception as error:  # whatever a user's own module raises is about its inputs
        model, reason = type(experiment.model).__name__, (str(error) or type(error).__name__).splitlines()[0]
        raise ConfigError(f"Experiment.model = {model} does not take inputs of shape {shape}: {reason}") from error


def _member(seed: int, split: Any, moments: Any) -> Member:
    arrays: Any = (np.int32(seed), split.train.astype(np.int32), split.validation.astype(np.int32), *moments)
    return Member(*arrays)


@dataclass(frozen=True)
class _Stage:
    """A group's plan, its traced program, and its padded members, still on the host."""

    plan: Plan
    lowered: jax.stages.Lowered
    population: Population
    given: Variables
    pool: Pool


def _stage(cohort: _Cohort, pool: Pool, layout: Layout, width: int | None = None) -> _Stage:
    mesh, batch = layout.mesh(cohort.size), cohort.population.experiments.batch_size
    if batch % layout.data:
        raise ConfigError(f"Layout.data = {layout.data} is not a number of devices that share a batch of {batch} evenly.")
    chosen = width or placement.widest(layout, mesh, cohort.size, cohort.population.experiments.model)
    plan = Plan(mesh, chosen, placement.segment_epochs(cohort.population.experiments.epochs))
    rows = padded(cohort.size, plan)
    population, given = jax.tree.map(lambda leaf: leaf[rows], (cohort.population, cohort.given))
    states = jax.eval_shape(functools.partial(program.start, mesh=mesh), population, given, pool)
    return _Stage(plan, program.lower(population, states, pool, plan), population, given, pool)


def _fitting(stage: _Stage, cohort: _Cohort, pool: Pool, layout: Layout) -> _Stage:
    """The stage, its width halved until the program fits the device's memory."""
    while not placement.fits(program.compile(stage.lowered), stage.plan.mesh.devices.flat[0]):
        if stage.plan.width == 1:
            raise ConfigError("one restart needs more memory than a device has; take a smaller model or batch.")
        stage = _stage(cohort, pool, layout, stage.plan.width // 2)
    return stage


def _train(stage: _Stage, cohort: _Cohort, bar: tqdm) -> tuple[State, dict[str, np.ndarray]]:
    """All segments; the next one runs while the host looks at the last one's results."""
    plan, advance = stage.plan, program.compile(stage.lowered)
    population, given = jax.device_put((stage.population, stage.given), plan.per_member)
    pool = jax.device_put(stage.pool, plan.shared)
    states = program.start(population, given, pool, plan.mesh)
    segments: list[dict[str, Any]] = []
    for first in range(0, cohort.epochs, plan.epochs):
        states, curves = advance(population, states, pool, jax.device_put(np.int32(first), plan.shared))
        segments.append(curves)
        if len(segments) > 1:
            _report(segments[-2], cohort.size, bar)
    _report(segments[-1], cohort.size, bar)
    joined = {name: np.concatenate([np.asarray(s[name]) for s in segments], axis=1)[: cohort.size] for name in segments[0]}
    return jax.tree.map(lambda leaf: np.asarray(leaf)[: cohort.size], states), joined


def _report(curves: dict[str, Any], size: int, bar: tqdm) -> None:
    jax.block_until_ready(curves)
    bar.update(size * curves["train_loss"].shape[1])
