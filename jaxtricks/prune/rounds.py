"""Pruning in rounds: train, remove, go back to earlier weights, train again."""

import dataclasses
import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

from jaxtricks.config import ConfigError
from jaxtricks.config.families import name_of
from jaxtricks.data import Dataset
from jaxtricks.engine.layout import Layout
from jaxtricks.evaluate.compare import judging, measuring
from jaxtricks.experiment.arguments import takes
from jaxtricks.experiment.experiment import Experiment
from jaxtricks.experiment.seeds import Seeds
from jaxtricks.experiment.transfer import Transfer
from jaxtricks.objectives.metric import Metric
from jaxtricks.optim.pruning import Pruned
from jaxtricks.optim.reversion import Reversion
from jaxtricks.optim.scores import Magnitude, Score
from jaxtricks.prune.result import WHOLE, PrunedLevel, Pruning
from jaxtricks.store.manifest import digest
from jaxtricks.store.mirror import with_copies
from jaxtricks.store.policy import Checkpoints
from jaxtricks.train.fit import fit
from jaxtricks.train.prepare import prepare
from jaxtricks.train.runs import Runs

ARMS = ("initial", "random")


@takes
@with_copies
def prune(
    experiment: Experiment,
    data: Dataset,
    *,
    rounds: int = 5,
    remove: float | Sequence[float] = 0.2,
    output: float | Sequence[float] | None = None,
    one_shot: bool = False,
    arms: Sequence[str | Reversion] | Mapping[str, Reversion] = ARMS,
    by: str | Score = Magnitude(),  # noqa: B008 (frozen)
    scope: Literal["layer", "global"] = "layer",
    seeds: int | Sequence[int] | Seeds = Seeds(),  # noqa: B008 (frozen)
    metric: str | Metric | None = None,
    whole: Runs | None = None,
    rewind: Runs | None = None,
    layout: Layout = Layout(),  # noqa: B008 (frozen)
    checkpoints: Checkpoints | None = None,
    progress: bool = True,
) -> Pruning:
    """Trains a network, removes weights, sets the others back and trains again, round by round, all restarts in one program.

    A round removes a share of the weights that there still are, by what they are worth in the first arm's trained network, and
    trains every arm with that mask. Arms differ in what the kept weights begin with: "initial", as they were drawn for that seed
    (a lottery ticket; Frankle & Carbin 2019), "random", drawn once more, "given", as they were trained, or any
    `jaxtricks.optim.Reversion`. With `one_shot` every share is removed from the whole network at once, and all shares of an arm
    are one program.

    Args:
        experiment: the whole network and how it is trained, in each round anew.
        data: the data set; validation only.
        rounds: how many times weights are removed, where `remove` is one share.
        remove: the share of the weights that a round removes, in (0, 1); or a share for each round.
        output: that share in the layer that gives the outputs; None: `remove`.
        one_shot: whether each share is removed from the whole network, and not from what the round before has left.
        arms: what the kept weights begin with: names or values, or values by names of your own. The first arm's trained weights
            say what the next round removes.
        by: what a weight is worth, see `jaxtricks.optim.Score`.
        scope: "layer" if each layer loses that share, or "global" if all weights are ranked together.
        seeds: restarts, as for `fit`.
        metric: what arms are judged by: a name, or your own; None: the first of the task.
        whole: the restarts of the whole network where they have been trained already, with the same experiment and seeds; they
            are trained here where None.
        rewind: the same restarts after a few epochs, such as `jt.snapshots` gives, which weights are set back to in place of
            those drawn; None: those drawn.
        layout: devices and width.
        checkpoints: where to keep checkpoints, a folder for each round; the same call goes on from what is there. None: nowhere.
        progress: whether to show bars.

    Raises:
        ConfigError: for shares outside of (0, 1), no round, no arm or two of one name, an experiment that is pruned already, or
            trained restarts of another experiment, data set or seeds, before anything trains.

    >>> digits, base = jt.load("digits").subset(100, seed=0), jt.Experiment(model=jt.MLP(widths=(8,)), epochs=2)
    >>> found = jt.prune(base, digits, remove=(0.5, 0.9), one_shot=True, seeds=2, progress=False)
    >>> [f"{level.kept:.1%}" for level in found.levels]
    ['50.0%', '10.0%']
    """
    if one_shot and not isinstance(remove, Sequence):
        rounds = 1  # of one share, all at once
    shares, named = _shares("remove", remove, rounds), _named(arms)
    of_outputs = [None] * len(shares) if output is None else _shares("output", output, len(shares))
    if len(of_outputs) != len(shares):
        raise ConfigError(f"output has {len(of_outputs)} shares for {len(shares)} rounds; one for each round is allowed.")
    if experiment.pruned is not None:
        raise ConfigError(f"Experiment.pruned = {experiment.pruned!r} is what rounds set; None is allowed.")
    (measured,) = measuring(metric, [experiment], data)
    sampled = Seeds.of(seeds)
    if sampled.transfer is not None:
        raise ConfigError("Seeds.transfer is what rounds set; None is allowed.")
    each_round = [
        {
            name: measured.replace({"pruned": Pruned(keep=1 - share, output=own, by=Score(by), scope=scope, to=to)})
            for name, to in named.items()
        }
        for share, own in zip(shares, (None if share is None else 1 - share for share in of_outputs), strict=True)
    ]
    for experiments in each_round:
        for each in experiments.values():
            prepare(each, data, sampled.sampling(data).train.shape[1])
    judged_by = judging(metric, measured, data)

    def trained(experiments: Sequence[Experiment], seeds: Seeds, folder: str) -> list[Runs]:
        kept = None if checkpoints is None else dataclasses.replace(checkpoints, folder=Path(checkpoints.folder) / folder)
        return fit(experiments, data, seeds=seeds, layout=layout, checkpoints=kept, progress=progress)

    for name, given in (("whole", whole), ("rewind", rewind)):
        if given is not None:
            _check_given(name, given, measured if name == "whole" else None, data, sampled)
    if whole is None:
        (whole,) = trained([measured], sampled, "whole")
    levels: list[PrunedLevel] = []
    last = whole
    for number, rounds_at_once in enumerate([each_round] if one_shot else [[arms] for arms in each_round], 1):
        wanted = [experiment for arms in rounds_at_once for experiment in arms.values()]
        found = iter(trained(wanted, dataclasses.replace(sampled, transfer=Transfer(last, rewound=rewind)), f"round-{number}"))
        levels += [PrunedLevel.of(dict(zip(arms, found, strict=False))) for arms in rounds_at_once]
        last = next(iter(levels[-1].arms.values()))
    return Pruning(whole, tuple(levels), judged_by)


def _shares(name: str, given: float | Sequence[float], rounds: int) -> tuple[float, ...]:
    """The share that each round removes."""
    if isinstance(rounds, bool) or not isinstance(rounds, int) or rounds < 1:
        raise ConfigError(f"rounds = {rounds!r} is not a number of rounds >= 1.")
    shares: tuple[float, ...] = tuple(given) if isinstance(given, Sequence) else (given,) * rounds
    if not shares:
        raise ConfigError(f"{name} holds no share; at least one in (0, 1) is allowed.")
    for share in shares:
        _check_share(name, share)
    return tuple(map(float, shares))


def _check_share(name: str, share: object) -> None:
    if isinstance(share, bool) or not isinstance(share, float | int) or not 0 < share < 1:
        raise ConfigError(f"{name} = {share!r} is not a share of weights between 0 and 1, such as 0.2.")


def _named(arms: Sequence[str | Reversion] | Mapping[str, Reversion]) -> dict[str, Reversion]:
    """Name → what the kept weights begin with."""
    if isinstance(arms, Mapping):
        named = [(str(name), Reversion(to) if isinstance(to, str) else to) for name, to in arms.items()]
    else:
        values = [Reversion(arm) if isinstance(arm, str) else arm for arm in ([arms] if isinstance(arms, str) else arms)]
        named = [(_called(value), value) for value in values]
    if not named:
        raise ConfigError("arms names nothing that kept weights begin with; at least one is allowed, such as 'initial'.")
    for name, count in ((name, sum(other == name for other, _ in named)) for name, _ in named):
        if count > 1 or name == WHOLE:
            raise ConfigError(f"arms has {name!r} twice, or for another network; names of their own are allowed, as a dict.")
    for name, value in named:
        if not isinstance(value, Reversion):
            raise ConfigError(f"arms: {name!r} = {value!r} is nothing that kept weights begin with; 'initial' is allowed.")
    return dict(named)


def _called(value: object) -> str:
    """The name of a reversion, and its signs where they are kept."""
    name = name_of(type(value)) or type(value).__name__
    return f"{name}, signs kept" if getattr(value, "signs", "new") == "kept" else name


def _check_given(name: str, given: Runs, experiment: Experiment | None, data: Dataset, seeds: Seeds) -> None:
    """Refuses trained restarts that are not those of this experiment, data set and seeds; None: the experiment may be another."""
    sampling = seeds.sampling(data)
    wanted = None if experiment is None else prepare(experiment, data, sampling.train.shape[1])
    if wanted is not None and (given.experiment != wanted or given.transferred is not None):
        paths = ", ".join(itertools.islice(given.experiment.diff(wanted), 3)) or "start"
        raise ConfigError(f"{name}: the restarts were trained with another {paths}; those of the same experiment are allowed.")
    if given.data is not data and digest(given.data) != digest(data):
        raise ConfigError(
            f"{name}: the restarts were trained on {given.data.name}, other data; those of {data.name} can be taken."
        )
    if not given.sampling.same(sampling):
        raise ConfigError(f"{name}: {len(given)} restarts from {given.names[0]} on are not those of `seeds`, or saw other data.")
