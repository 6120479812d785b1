"""A fair comparison: each arm gets settings that suit it, which are found on restarts that nothing is judged on."""

import dataclasses
import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
from jaxtyping import Float

from jaxtricks.config import ConfigError, Family
from jaxtricks.data import Dataset
from jaxtricks.engine import processes
from jaxtricks.engine.layout import Layout
from jaxtricks.experiment.experiment import Experiment
from jaxtricks.experiment.seeds import Seeds
from jaxtricks.objectives.metric import Declaration
from jaxtricks.store.checkpoint import CheckpointError
from jaxtricks.store.disk import replacing, writing
from jaxtricks.store.manifest import BEFORE, MANIFEST
from jaxtricks.store.policy import Checkpoints
from jaxtricks.train.fit import fit

FILE = "tuned.json"
FEWEST, MOST = 4, 8  # trials of an arm that are trained together, so that they are the program of the judged restarts
Point = Mapping[str, Any]  # path → value

Values = Float[np.ndarray, "points restarts"]


@dataclasses.dataclass(frozen=True)
class Tuned:
    """The settings that suited an arm best, and all that were tried.

    Args:
        tried: the points, each path → value, in the order in which they are shown.
        values: the metric of each point's restarts, in its units; None where a restart diverged.
        best: the place of the best point.
        edges: the settings that lie at the end of what was tried, where a better value may lie beyond.

    >>> Tuned(({"objective.l2": 0.1}, {"objective.l2": 1.0}), ((0.9, 0.8), (0.1, None)), 0).chosen
    {'objective.l2': 0.1}
    """

    tried: tuple[Point, ...]
    values: tuple[tuple[float | None, ...], ...]
    best: int
    edges: tuple[str, ...] = ()

    @property
    def chosen(self) -> dict[str, Any]:
        """The best settings: path → value."""
        return dict(self.tried[self.best])

    @classmethod
    def of(cls, tried: Sequence[Point], values: Values, *, higher_is_better: bool, ties: Sequence[float]) -> Self:
        """Gives the point of which the fewest restarts diverged, and of those the one with the best mean.

        Args:
            tried: the points.
            values: of each point its restarts, [points, restarts]; not finite where one diverged.
            higher_is_better: the metric's direction.
            ties: of each point a number, of which the smaller is taken where all else is equal, [points].

        >>> values = np.array([[0.5, np.nan], [0.4, 0.4]])
        >>> Tuned.of([{"epochs": 1}, {"epochs": 2}], values, higher_is_better=True, ties=(0, 0)).best
        1
        """
        finite = np.isfinite(values)
        mean = np.where(finite, values, 0.0).sum(axis=1) / np.maximum(finite.sum(axis=1), 1)
        order = np.lexsort((np.asarray(ties), -mean if higher_is_better else mean, (~finite).sum(axis=1)))
        plain = tuple(tuple(value if np.isfinite(value) else None for value in row) for row in values.tolist())
        return cls(tuple(tried), plain, int(order[0]))

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Gives the value of which `data` has the fields."""
        values = tuple(tuple(row) for row in data["values"])
        return cls(tuple(map(dict, data["tried"])), values, data["best"], tuple(data["edges"]))


@dataclasses.dataclass(frozen=True)
class Trials:
    """What trials are trained on and measured by.

    Args:
        data: the data set.
        judged: the seeds that are judged; trials take others.
        metric: what they are measured by, which every arm measures.
        baseline: what arms are changes of.
        layout: devices and width.
        checkpoints: where to keep checkpoints, each round's in a folder of its own; None: nowhere.
        progress: whether to show a bar.

    >>> digits, base = jt.load("digits").subset(100, seed=0), jt.Experiment(model=jt.MLP(widths=(8,)), epochs=1)
    >>> trials = Trials(digits, Seeds(4), jt.metrics.METRICS["accuracy"].declared, base, progress=False)
    >>> trials.values({"baseline": [base, base]}, restarts=2)["baseline"].shape
    (2, 2)
    """

    data: Dataset
    judged: Seeds
    metric: Declaration
    baseline: Experiment
    layout: Layout = Layout()  # noqa: RUF009 (frozen)
    checkpoints: Checkpoints | None = None
    progress: bool = True

    def values(self, arms: Mapping[str, Sequence[Experiment]], restarts: int) -> dict[str, Values]:
        """Trains trials, and gives label → the metric of each one's restarts, [trials, restarts]; nan where a restart diverged.

        They are trained in rounds of as many members as the judged arms have, where that is enough at a time: then rounds and
        judged arms are the same programs.

        Args:
            arms: label → the trials of that arm, equally many of each.
            restarts: about how many of each trial: see `Seeds.apart`.

        Raises:
            ConfigError: where the data or earlier weights do not give restarts that are not judged.
        """
        most = max(map(len, arms.values()), default=0)
        fitting = len(self.judged) // len(self.judged.apart(restarts))
        size = min(fitting, MOST) if fitting >= FEWEST else max(most, 1)
        found: dict[str, list[Values]] = {label: [] for label in arms}
        for first in range(0, most, size):
            parts = [trials[first : first + size] for trials in arms.values()]
            # The last trial is repeated until the round is full.
            wanted = [trial for part in parts for trial in (*part, *[part[-1]] * (size - len(part)))]
            trained = self.round(wanted, restarts)
            for place, (label, part) in enumerate(zip(arms, parts, strict=True)):
                found[label].append(trained[place * size : place * size + len(part)])
        return {label: np.concatenate(rounds) for label, rounds in found.items() if rounds}

    def round(self, trials: Sequence[Experiment], restarts: int) -> Values:
        """Trains trials together, and gives the metric of each one's restarts, [trials, restarts]; nan where one diverged.

        Args:
            trials: those that differ in floats only share a program.
            restarts: as for `values`.
        """
        kept = self.checkpoints
        if kept is not None:
            kept = Checkpoints(Path(kept.folder) / BEFORE / f"round-{_fingerprint(trials)}", newest=kept.newest)
        seeds = self.judged.apart(restarts)
        try:
            found = fit(list(trials), self.data, seeds=seeds, layout=self.layout, checkpoints=kept, progress=self.progress)
        except ConfigError as error:
            if seeds.transfer is None:
                raise
            raise ConfigError(
                f"tune = None is allowed with these earlier weights, since tuning trains restarts that are not judged: {error}"
            ) from None
        lost = [np.isin(runs.names, list(runs.diverged)) for runs in found]
        each = [np.where(gone, np.nan, runs.metrics[self.metric.name]) for gone, runs in zip(lost, found, strict=True)]
        return np.stack(each).astype(np.float64)


def _fingerprint(trials: Sequence[Experiment]) -> str:
    """Twelve hexadecimal digits that are the same for the same trials."""
    return hashlib.sha256("".join(trial.fingerprint() for trial in trials).encode()).hexdigest()[:12]


class Tuning(Family):
    """A way to find the settings that suit each arm of a comparison.

    A way of your own is a class with these three methods; `tune=None` leaves every arm as it is given.

    >>> Tuning("rate").takes(jt.Experiment(), jt.Experiment(epochs=3))
    True
    """

    def takes(self, baseline: Experiment, arm: Experiment) -> bool:
        """Whether it has something to find for an arm: not where the arm lacks the setting, or is about that setting itself.

        Args:
            baseline: of the comparison, which is an arm too.
            arm: one of them.
        """
        raise NotImplementedError

    def words(self, arms: int) -> str:
        """What it is going to train, in a few words.

        Args:
            arms: how many it is to tune.
        """
        raise NotImplementedError

    def tuned(self, arms: Mapping[str, Experiment], trials: Trials) -> dict[str, Tuned]:
        """Trains trials of all arms, and gives what was found: label → `Tuned`.

        Equal arms get equal settings.

        Args:
            arms: label → experiment, all of them such that it `takes` them.
            trials: what they are trained on.
        """
        raise NotImplementedError


def tunable(arms: Mapping[str, Experiment], tuning: Tuning | None) -> dict[str, Experiment]:
    """The arms that are tuned; none where no change has anything to be tuned.

    Args:
        arms: label → experiment, the baseline first.
        tuning: how; None: not at all.

    >>> arms = {"baseline": jt.Experiment(), "ten times": jt.Experiment().replace({"optimizer.rule.learning_rate": 0.01})}
    >>> tunable(arms, Tuning("rate"))
    {}
    """
    if tuning is None:
        return {}
    (base, baseline), *_ = arms.items()
    found = {label: arm for label, arm in arms.items() if tuning.takes(baseline, arm)}
    return found if set(found) - {base} else {}


def suited(arms: Mapping[str, Experiment], tuned: Mapping[str, Tuned]) -> dict[str, Experiment]:
    """The arms with the settings that were found for them.

    Args:
        arms: label → experiment.
        tuned: label → what was found; arms that are not named stay as they are.

    >>> found = {"baseline": Tuned(({"batch_size": 32},), ((0.5,),), 0)}
    >>> suited({"baseline": jt.Experiment()}, found)["baseline"].batch_size
    32
    """
    return {label: arm.replace(tuned[label].chosen) if label in tuned else arm for label, arm in arms.items()}


def tuned_arms(wanted: Mapping[str, Experiment], tuning: Tuning | None, trials: Trials) -> dict[str, Tuned]:
    """What suits each arm: found now, or read where the folder of checkpoints has some of the judged restarts.

    These go on with the settings that they have, even for more epochs.

    Args:
        wanted: label → experiment, those of a comparison that are `tunable`.
        tuning: how; None: not at all.
        trials: what trials are trained on.

    Raises:
        CheckpointError: for a folder whose settings cannot be read or written.
    """
    if tuning is None or not wanted:
        return {}
    if trials.checkpoints is None:
        return tuning.tuned(wanted, trials)
    folder = Path(trials.checkpoints.folder)
    if processes.on_first((folder / MANIFEST).exists):
        known = processes.on_first(lambda: _read(folder / BEFORE / FILE))
        return {label: each for label, each in known.items() if label in wanted}
    found = tuning.tuned(wanted, trials)
    processes.on_first(lambda: _write(folder / BEFORE / FILE, found))
    return found


def said(tuned: Mapping[str, Tuned]) -> Iterator[str]:
    """What tuning came to, a sentence each: the settings of all arms, and those that lie at an end.

    Args:
        tuned: label → what was found.

    >>> found = Tuned(({"optimizer.rule.learning_rate": 0.1},), ((0.9, 0.8),), 0, ("optimizer.rule.learning_rate",))
    >>> for sentence in said({"baseline": found}):
    ...     print(sentence)
    each arm has the best of up to 1 setting, by 2 restarts that are not judged: baseline learning_rate=0.1
    baseline: learning_rate=0.1 lies at the end of what was tried; a better value may lie beyond
    """
    if not tuned:
        return
    most, restarts = max(len(each.tried) for each in tuned.values()), len(next(iter(tuned.values())).values[0])
    chosen = "; ".join(f"{label} {_settings(each.chosen)}" for label, each in tuned.items())
    tried = f"{most} setting{'s' * (most > 1)}"
    yield f"each arm has the best of up to {tried}, by {restarts} restarts that are not judged: {chosen}"
    for label, each in tuned.items():
        if each.edges:
            at = _settings({path: each.chosen[path] for path in each.edges})
            yield f"{label}: {at} lies at the end of what was tried; a better value may lie beyond"


def _settings(point: Point) -> str:
    """Settings by the last part of their paths."""
    short = {path.rpartition(".")[2]: value for path, value in point.items()}
    return ", ".join(f"{name}={value:.3g}" if isinstance(value, float) else f"{name}={value}" for name, value in short.items())


def _write(path: Path, tuned: Mapping[str, Tuned]) -> None:
    text = json.dumps({label: dataclasses.asdict(each) for label, each in tuned.items()})
    with writing(path, CheckpointError), replacing(path) as unfinished:
        unfinished.write_text(text, encoding="utf-8")


def _read(path: Path) -> dict[str, Tuned]:
    """What a file holds; nothing where there is none, since then the arms were trained as they were given."""
    if not path.is_file():
        return {}
    try:
        return {label: Tuned.from_json(each) for label, each in json.loads(path.read_text(encoding="utf-8")).items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise CheckpointError(f"{path} is damaged: {error}.") from error
