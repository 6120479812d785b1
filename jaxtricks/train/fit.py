"""Training: experiments × seeds → runs. The thin host loop around the compiled program."""

import functools
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, overload

import jax
import numpy as np
from tqdm.auto import tqdm

from jaxtricks import rng
from jaxtricks.config import ConfigError, fields, group, is_config, rebuild
from jaxtricks.data import Dataset
from jaxtricks.train import layout as placement
from jaxtricks.train import program
from jaxtricks.train.experiment import Experiment
from jaxtricks.train.layout import Layout
from jaxtricks.train.member import Member, Pool, State
from jaxtricks.train.program import Cast, Plan
from jaxtricks.train.runs import Runs, padded

Seeds = int | Sequence[int]


@overload
def fit(
    experiments: Experiment,
    data: Dataset,
    *,
    seeds: Seeds = ...,
    split: int | None = ...,
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
    layout: Layout = ...,
    progress: bool = ...,
) -> list[Runs]: ...


def fit(
    experiments: Experiment | Sequence[Experiment],
    data: Dataset,
    *,
    seeds: Seeds = 16,
    split: int | None = None,
    layout: Layout = Layout(),  # noqa: B008 (frozen)
    progress: bool = True,
) -> Runs | list[Runs]:
    """Trains every restart of every experiment; those that differ in floats only share one compiled program.

    Args:
        experiments: one, or several.
        data: the data set; its test split stays locked.
        seeds: how many restarts (seeds 0, 1, …), or the seeds themselves. A seed decides split, initial weights, order and masks.
        split: a seed whose train/validation split all restarts share, as an ensemble wants; None: each its own.
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
    ready = [prepare(experiment, data) for experiment in wanted]
    splits = {s: data.split(s) for s in (numbers if split is None else seed_list([split]))}

    @functools.cache
    def moments(scaling: Any, number: int) -> Any:
        return scaling.moments(data, splits[number].train)

    def cast(indices: list[int], stacked: Experiment) -> _Troupe:
        pairs = [(ready[i], s) for i in indices for s in numbers]
        members = [
            _member(s, splits[s if split is None else split], moments(e.inputs, s if split is None else split)) for e, s in pairs
        ]
        floats = jax.tree.map(lambda leaf: np.repeat(leaf, len(numbers)), stacked)
        return _Troupe(indices, Cast(floats, jax.tree.map(lambda *leaves: np.stack(leaves), *members)), len(pairs))

    troupes = [cast(indices, stacked) for indices, stacked in group(ready)]
    arrays: Any = (np.ascontiguousarray(data.x), data.y)  # NumPy's, until they are put on their devices
    pool = Pool(*arrays)
    results: dict[int, Runs] = {}
    total = sum(t.size * ready[t.indices[0]].epochs for t in troupes)
    with (
        tqdm(total=total, unit=" restart-epochs", disable=not progress, desc="compiling", smoothing=0) as bar,
        ThreadPoolExecutor(max_workers=max(1, jax.local_device_count())) as workers,
    ):
        # Compiling leaves Python's lock to others: programs of the next groups are built while the first ones train.
        stages = [_stage(troupe, pool, layout) for troupe in troupes]
        compiling = [workers.submit(program.compile, stage.lowered) for stage in stages]
        for troupe, stage, future in zip(troupes, stages, compiling, strict=True):
            future.result()
            bar.set_description("training")
            plan, states, curves = _train(
                _fitting(stage, troupe, pool, layout), ready[troupe.indices[0]].epochs, troupe.size, bar
            )
            for k, index in enumerate(troupe.indices):
                rows = slice(k * len(numbers), (k + 1) * len(numbers))
                members, state, curve = jax.tree.map(lambda leaf, rows=rows: leaf[rows], (troupe.cast.members, states, curves))
                results[index] = Runs((ready[index],) * len(numbers), np.asarray(numbers), data, members, state, curve, plan)
    ordered = [results[i] for i in range(len(wanted))]
    return ordered if several else ordered[0]


@dataclass(frozen=True)
class _Troupe:
    """One compile group: the experiments' positions, and its members before padding."""

    indices: list[int]
    cast: Cast
    size: int


def seed_list(seeds: Seeds) -> list[int]:
    """Seeds 0 … n - 1 for a number, the given ones for a sequence.

    Raises:
        ConfigError: for none, a negative one or one given twice.
    """
    numbers = list(range(seeds) if isinstance(seeds, int) else seeds if isinstance(seeds, Iterable) else [])
    whole = all(isinstance(s, int | np.integer) and 0 <= s < 2**31 for s in numbers)
    if not numbers or not whole or len(set(numbers)) < len(numbers):
        raise ConfigError(f"seeds = {seeds!r} is not a number of restarts >= 1, or different integers from 0 to {2**31 - 1}.")
    return [int(s) for s in numbers]


def prepare(experiment: Experiment, data: Dataset) -> Experiment:
    """The experiment with its model's outputs filled from the data, checked against them by shapes alone.

    Raises:
        ConfigError: for a batch larger than the training split, or a model that does not take the inputs or give the classes.
    """
    batch, train = experiment.batch_size, data.split(0).train.size
    if batch > train:
        raise ConfigError(f"Experiment.batch_size = {batch} is not a number of examples that the training split has: {train}.")
    model, classes = experiment.model, len(data.classes)
    if is_config(type(model)) and "outputs" in fields(type(model)) and model.outputs is None:
        experiment = rebuild(experiment, model=rebuild(model, outputs=classes))
    shape = _logits_shape(experiment, (batch, *data.shape))
    if shape != (batch, classes):
        raise ConfigError(
            f"Experiment.model = {type(model).__name__} gives logits of shape {shape}, and the data's {classes} classes ask for "
            f"{(batch, classes)}."
        )
    return experiment


def _logits(experiment: Experiment, x: Any) -> Any:
    # As `member` calls it: drawn without train, trained with all collections, evaluated; a second experiment that differs
    # in floats only is not traced again.
    model, key = experiment.model, rng.root(0)
    variables = model.init({"params": key}, x, train=False)
    model.apply(variables, x, train=True, mutable=[name for name in variables if name != "params"], rngs={"dropout": key})
    return model.apply(variables, x, train=False)


def _logits_shape(experiment: Experiment, shape: tuple[int, ...]) -> tuple[int, ...]:
    try:
        return jax.eval_shape(_logits, experiment, jax.ShapeDtypeStruct(shape, jax.dtypes.canonicalize_dtype(float))).shape
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
    cast: Cast
    pool: Pool


def _stage(troupe: _Troupe, pool: Pool, layout: Layout, width: int | None = None) -> _Stage:
    mesh, batch = layout.mesh(troupe.size), troupe.cast.experiments.batch_size
    if batch % layout.data:
        raise ConfigError(f"Layout.data = {layout.data} is not a number of devices that share a batch of {batch} evenly.")
    chosen = width or placement.widest(layout, mesh, troupe.size)
    plan = Plan(mesh, chosen, placement.segment_epochs(troupe.cast.experiments.epochs))
    rows = padded(troupe.size, plan)
    cast = jax.tree.map(lambda leaf: leaf[rows], troupe.cast)
    states = jax.eval_shape(functools.partial(program.start, mesh=mesh), cast, pool)
    return _Stage(plan, program.lower(cast, states, pool, plan), cast, pool)


def _fitting(stage: _Stage, troupe: _Troupe, pool: Pool, layout: Layout) -> _Stage:
    """The stage, its width halved until the program fits the device's memory."""
    while not placement.fits(program.compile(stage.lowered), stage.plan.mesh.devices.flat[0]):
        if stage.plan.width == 1:
            raise ConfigError("one restart needs more memory than a device has; take a smaller model or batch.")
        stage = _stage(troupe, pool, layout, stage.plan.width // 2)
    return stage


def _train(stage: _Stage, epochs: int, size: int, bar: tqdm) -> tuple[Plan, State, dict[str, np.ndarray]]:
    """All segments; the next one runs while the host looks at the last one's results."""
    plan, advance = stage.plan, program.compile(stage.lowered)
    cast, pool = jax.device_put(stage.cast, plan.per_member), jax.device_put(stage.pool, plan.shared)
    states = program.start(cast, pool, plan.mesh)
    segments: list[dict[str, Any]] = []
    for first in range(0, epochs, plan.epochs):
        states, curves = advance(cast, states, pool, jax.device_put(np.int32(first), plan.shared))
        segments.append(curves)
        if len(segments) > 1:
            _report(segments[-2], size, bar)
    _report(segments[-1], size, bar)
    joined = {name: np.concatenate([np.asarray(s[name]) for s in segments], axis=1)[:size] for name in segments[0]}
    return plan, jax.tree.map(lambda leaf: np.asarray(leaf)[:size], states), joined


def _report(curves: dict[str, Any], size: int, bar: tqdm) -> None:
    jax.block_until_ready(curves)
    bar.update(size * curves["train_loss"].shape[1])
