"""Ensembles: averages of the predictions of restarts, of different experiments, or of checkpoints of one run."""

import itertools
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import jax
import numpy as np
from jaxtyping import Bool, Float, Int, Shaped
from numpy.typing import ArrayLike

from jaxtricks import rng, statistics
from jaxtricks.config import ConfigError
from jaxtricks.data import DataError, Dataset, Examples, in_user_units, without_offset
from jaxtricks.evaluate.averaging import AVERAGES, Average
from jaxtricks.evaluate.choices import Chooser
from jaxtricks.evaluate.judging import JUDGED, HeldOut, Judge, Numbers, Spread
from jaxtricks.evaluate.mixtures import Mixture, mixed
from jaxtricks.evaluate.written import number, table, written
from jaxtricks.objectives.metrics import find, named
from jaxtricks.objectives.task import task_of
from jaxtricks.statistics import Interval
from jaxtricks.train.runs import Runs


@dataclass(frozen=True)
class EnsembleReport:
    """What averaging gains, on examples that the averaged members did not train on.

    Args:
        members: how many the ensemble averages.
        members_an_example: how many of them held an example out, on average; all, when they share a split.
        examples: how many examples were predicted.
        ensemble: metric → its value for the averaged predictions; of values in the user's units.
        mean_member: metric → its mean over the members, each on the examples that it held out.
        best_member: metric → the best member's value, on the examples that it held out.
        over_mean: metric → the 95% interval, over examples, of ensemble minus mean member; of a text, over its windows.
        over_best: the same for ensemble minus best member, both on the examples that the latter held out.
        disagreement: the share of examples, or of steps where each has a label, on which two members name different classes, or
            the mean difference of their values in the user's units; the mean over pairs.
        training_epochs: epochs that all members together were trained for; checkpoints of one run count once.
        mean_gain: metric → ensemble minus mean member, each example by those that held it out.
        best_gain: metric → ensemble minus best member, both on the examples that the latter held out.
        spread: how far apart the members' values are, and what that tells of errors; None for classes, or fewer than 19 examples.
        by_size: number of members → metric → its value for so many, where sizes were asked for: the mean over groups of so many
            different members, the first ones, the next ones and so on.

    >>> digits, base = jt.load("digits").subset(100, seed=0), jt.Experiment(model=jt.MLP(widths=(8,)), epochs=2)
    >>> report = jt.ensemble(jt.fit(base, digits, seeds=4, progress=False)).evaluate(digits)
    >>> report.members, report.training_epochs
    (4, 8)
    """

    members: int
    members_an_example: float
    examples: int
    ensemble: dict[str, float]
    mean_member: dict[str, float]
    best_member: dict[str, float]
    over_mean: dict[str, Interval]
    over_best: dict[str, Interval]
    disagreement: float
    training_epochs: int
    mean_gain: dict[str, float] = field(default_factory=dict)
    best_gain: dict[str, float] = field(default_factory=dict)
    spread: Spread | None = None
    by_size: dict[int, dict[str, float]] = field(default_factory=dict)

    @property
    def gain(self) -> dict[str, float]:
        """Metric → ensemble minus mean member, on the same examples where the metric is a mean over them."""
        return {name: self.ensemble[name] - self.mean_member[name] for name in self.ensemble} | self.mean_gain

    def __str__(self) -> str:
        head = ("", "ensemble", "mean member", "gain", "95% interval", "best member", "gain", "95% interval")
        first = ", ".join(f"{name} {written(name, value)}" for name, value in self.ensemble.items())
        alike = "" if self.members_an_example == self.members else "; gains are of the same examples"
        lines = [
            f"ensemble of {self.members} ({self.members_an_example:.1f} an example, {self.examples} examples{alike}): {first}"
        ]
        lines += table([head, *(self._row(name) for name in self.ensemble)])
        if self.by_size:
            sized = [(str(size), *(written(name, value) for name, value in row.items())) for size, row in self.by_size.items()]
            lines += table([("members", *self.ensemble), *sized])
        rows = "steps" if "perplexity" in self.ensemble else "examples"
        words = f"disagree on {self.disagreement:.2%} of the {rows}" if "accuracy" in self.ensemble else None
        said = [f"two members {words or f'are {number(self.disagreement)} apart'}"]
        if self.spread is not None:
            width = ", ".join(number(x) for x in self.spread.half_width)
            said.append(
                f"±{width} around the ensemble's value holds 95% of new values, that of the members' spread alone "
                f"{self.spread.coverage:.1%}"
            )
        said.append(f"{self.training_epochs} epochs of training, {self.members} forward passes a prediction")
        return "\n".join([*lines, *said])

    def _row(self, name: str) -> tuple[str, ...]:
        best = self.best_gain.get(name)
        return (
            name,
            written(name, self.ensemble[name]),
            written(name, self.mean_member[name]),
            written(name, self.gain[name], "+"),
            _interval(name, self.over_mean),
            written(name, self.best_member[name]),
            "" if best is None else written(name, best, "+"),
            _interval(name, self.over_best),
        )


def _interval(metric: str, intervals: dict[str, Interval]) -> str:
    found = intervals.get(metric)
    return "" if found is None else f"[{', '.join(written(metric, end, '+') for end in found)}]"


@dataclass(frozen=True, eq=False)
class Ensemble:
    """Members whose predictions are averaged: `p(y|x) = Σ_m w_m p_m(y|x)`, or the softmax of `Σ_m w_m log p_m(y|x)`
    (T074; Hansen & Salamon 1990); values are averaged as they are.

    Args:
        runs: what the members are of: all restarts of each.
        average: what is averaged of classes.
        weights: w, of all restarts of the first runs, then of the second …; they add up to 1.
        judged: the examples of the pool to report on, held out by all members and by the choice of weights; None: each
            example by those members that held it out.

    >>> digits, base = jt.load("digits").subset(100, seed=0), jt.Experiment(model=jt.MLP(widths=(8,)), epochs=2)
    >>> together = jt.ensemble(jt.fit(base, digits, seeds=4, progress=False))
    >>> sum(map(len, together.runs))
    4
    """

    runs: tuple[Runs, ...]
    average: Average
    weights: Float[np.ndarray, " members"]
    judged: Int[np.ndarray, " examples"] | None = None

    def probabilities(self, x: ArrayLike, lengths: ArrayLike | None = None) -> Float[np.ndarray, "examples ..."]:
        """The averaged probabilities of the classes of each example, or of each step; or the averaged values.

        Args:
            x: inputs in the units of the user, [examples, ...].
            lengths: true steps of each sequence, [examples]; None where all are whole.

        Raises:
            DataError: for inputs that are not like those of the data set, see `jaxtricks.data.inputs_for`.
        """
        data = self.runs[0].data
        predictions, task = _predictions(self.runs, without_offset(data, x, lengths), lengths), task_of(data)
        weights = np.repeat(self.weights[:, None], predictions.shape[1], axis=1)
        return in_user_units(data, task.probabilities(AVERAGES[task.name](predictions, weights, self.average)))

    def predict(self, x: ArrayLike, lengths: ArrayLike | None = None) -> Shaped[np.ndarray, "examples ..."]:
        """The name of the most probable class of each example, or of each step, by `probabilities`; or the averaged values.

        Arguments and errors as for `probabilities`.
        """
        data = self.runs[0].data
        return task_of(data).answers(self.probabilities(x, lengths), data.classes)

    def spread(self, x: ArrayLike, lengths: ArrayLike | None = None) -> Float[np.ndarray, "examples ..."]:
        """The standard deviation of the members' probabilities, or of their values; nan for one member.

        Arguments and errors as for `probabilities`.
        """
        data = self.runs[0].data
        given = task_of(data).probabilities(_predictions(self.runs, without_offset(data, x, lengths), lengths)[self.weights > 0])
        return np.asarray(given.std(axis=0, ddof=1, dtype=np.float64)) if len(given) > 1 else np.full(given.shape[1:], np.nan)

    def evaluate(self, data: Dataset | Examples, *, sizes: Sequence[int] = ()) -> EnsembleReport:
        """Ensemble against members, each example predicted only by members that did not train on it.

        Where each step has a label, as in a text, the averaged probabilities are those of each step. A text is read as
        `Runs.evaluate` reads it: in parallel tracks, through which every member carries a state of its own.

        Args:
            data: the data set that the members were trained on: their validation splits, with `P(i) = Σ_m h_mi p_m(i)/Σ_m h_mi`
                where h_mi = 1 if i lies in that of member m; its test split stays locked. Or what `Dataset.open_test` gave.
            sizes: numbers of members to report on as well, such as (1, 2, 5, 10); all members share a split then.

        Raises:
            DataError: for another data set, or one with several labels an example.
            ConfigError: for a size that there are not so many members of, or sizes of members with splits of their own.
        """
        members, known = len(self.weights), self.runs[0].data
        used = np.count_nonzero(self.weights)
        if wrong := [size for size in sizes if isinstance(size, bool) or not isinstance(size, int) or not 1 <= size <= used]:
            raise ConfigError(f"sizes: {wrong[0]!r} is not an integer from 1 to {used}, the number of members.")
        judge = JUDGED[task_of(known).name]
        if isinstance(data, Examples):
            return _report(self, data, np.ones((members, len(data.x)), bool), sizes, judge)
        if data is not known:
            raise DataError(f"{data!r} is not the data set that the members were trained on, {known!r}.")
        validation = _validation(self.runs)
        if sizes and not _shared(validation):
            raise ConfigError(
                "runs have different validation splits, and ensembles of several sizes are compared on a common one; "
                "seeds=Seeds(16, split=0)."
            )
        examples = np.unique(validation) if self.judged is None else self.judged
        held_out = np.stack([np.isin(examples, split) for split in validation])
        return _report(self, known.pool.at(examples), held_out, sizes, judge)


def ensemble(runs: Runs | Sequence[Runs], *, average: Average = "probabilities", choose: Chooser | None = None) -> Ensemble:
    """The ensemble of restarts, of several experiments' restarts, or of checkpoints (`snapshots`).

    Args:
        runs: the restarts of one experiment, or several of them, all on the same data.
        average: whether probabilities or logits are averaged; values have neither, and are averaged as they are.
        choose: gives weights by one half of the validation split, which all members share then (`Seeds(16, split=0)`); the
            report is of the other half. None: all alike.

    Raises:
        ConfigError: for what are no restarts, members of different data, or of different splits where some are to be chosen.
        DataError: for members that predict several labels an example; or no class of each example, where some are to be chosen.

    >>> digits, base = jt.load("digits").subset(100, seed=0), jt.Experiment(model=jt.MLP(widths=(8,)), epochs=2)
    >>> together = jt.ensemble(jt.fit(base, digits, seeds=4, progress=False))
    >>> together.weights.tolist()
    [0.25, 0.25, 0.25, 0.25]
    """
    several = tuple(runs) if isinstance(runs, Sequence) else (runs,)
    if other := [each for each in several if not isinstance(each, Runs)]:
        raise ConfigError(f"runs: {textwrap.shorten(repr(other[0]), 60)} is none of the Runs that jaxtricks.fit gives.")
    if not several:
        raise ConfigError("runs = () has no member; one at least is needed.")
    data = several[0].data
    task = task_of(data)
    if task.name not in AVERAGES:
        raise DataError(f"{data.name} holds {task.holds}; an ensemble averages the probabilities of classes, or values.")
    if choose is not None and not task.kind.one_class:
        raise DataError(f"{data.name} holds {task.holds}; members are chosen by the probabilities of one class an example.")
    if any(each.data is not data for each in several):
        raise ConfigError("runs are of different data sets; an ensemble's members predict the same examples.")
    count = sum(map(len, several))
    if choose is None:
        return Ensemble(several, average, np.full(count, 1 / count))
    validation = _validation(several)
    if not _shared(validation):
        raise ConfigError(
            "runs have different validation splits, and members are chosen by a common one; seeds=Seeds(16, split=0)."
        )
    order = rng.host(0, "ensemble").permutation(validation[0])
    chosen, judged = np.sort(order[: len(order) // 2]), np.sort(order[len(order) // 2 :])
    weights = choose.weights(_predictions(several, *data.at(chosen)), data.y[chosen], average)
    return Ensemble(several, average, weights, judged)


def _predictions(runs: tuple[Runs, ...], x: ArrayLike, lengths: ArrayLike | None) -> Float[np.ndarray, "members examples ..."]:
    """The log-probabilities, or the values, that each member gives."""
    return np.concatenate([each.log_probs(x, lengths) for each in runs])


def _validation(runs: tuple[Runs, ...]) -> list[Int[np.ndarray, " validation"]]:
    """The validation split of each member."""
    return [each.sampling.validation[split] for each in runs for split in each.sampling.split]


def _shared(validation: Sequence[Int[np.ndarray, " validation"]]) -> bool:
    return all(np.array_equal(split, validation[0]) for split in validation)


def _epochs(runs: tuple[Runs, ...]) -> int:
    """Epochs of training in total; several checkpoints of one restart count once, as the longest."""
    longest: dict[Any, int] = {}
    for each in runs:
        trained = np.isfinite(each.curves["train_loss"]).sum(axis=1)
        for name, epochs in zip(each.names, trained, strict=True):
            key = jax.tree.structure(each.experiment), *jax.tree.leaves(each.experiment), name
            longest[key] = max(longest.get(key, 0), int(epochs))
    return sum(longest.values())


def _report(ensemble: Ensemble, examples: Examples, held_out: HeldOut, sizes: Sequence[int], judge: Judge) -> EnsembleReport:
    task = task_of(ensemble.runs[0].data)
    used, one = np.flatnonzero(ensemble.weights), np.eye(len(ensemble.weights))
    groups = {size: [one[used[i : i + size]].mean(axis=0) for i in range(0, len(used) - size + 1, size)] for size in sizes}
    names = [name for name in task.metrics if all(name in runs.metrics for runs in ensemble.runs)]
    weights = [ensemble.weights, *one[used], *itertools.chain.from_iterable(groups.values())]
    found = mixed(ensemble.runs, examples, held_out, weights, named(names), judge, AVERAGES[task.name], ensemble.average)
    whole, *others = found.mixtures
    members, rest = others[: len(used)], iter(others[len(used) :])
    each = [member.values for member in members]
    columns = {name: np.array([values[name] for values in each]) for name in names}
    best = {name: int((values if find(name).higher_is_better else -values).argmax()) for name, values in columns.items()}
    compared, counts = [name for name in judge.names if name in names], judge.counts(examples)

    def numbers(mixture: Mixture, where: Bool[np.ndarray, " examples"]) -> Numbers:
        return judge.each({name: values[where] for name, values in mixture.raw.items()}, counts[where])

    mine = numbers(whole, whole.known)
    # By member and example, 0 where it is not held out; on the examples of the best member all that is compared is held out.
    theirs = {name: np.zeros((len(members), len(counts))) for name in compared}
    for row, member in enumerate(members):
        own = numbers(member, member.known)
        for name in compared:
            theirs[name][row, member.known] = own[name]
    held = np.sum([member.known for member in members], axis=0)[whole.known]
    gained = {name: mine[name] - theirs[name].sum(axis=0)[whole.known] / held for name in compared}
    over_best, best_gain = {}, {}
    for name in compared:
        known = members[best[name]].known
        over = numbers(whole, known)[name] - theirs[name][best[name], known]
        over_best[name], best_gain[name] = statistics.t_interval(over), float(over.mean())
    return EnsembleReport(
        members=len(used),
        members_an_example=float(held.mean()),
        examples=int(whole.known.sum()),
        ensemble=whole.values,
        mean_member={name: float(values.mean()) for name, values in columns.items()},
        best_member={name: float(columns[name][place]) for name, place in best.items()},
        over_mean={name: statistics.t_interval(values) for name, values in gained.items()},
        over_best=over_best,
        training_epochs=_epochs(ensemble.runs),
        disagreement=found.disagreement,
        mean_gain={name: float(values.mean()) for name, values in gained.items()},
        best_gain=best_gain,
        spread=found.spread,
        by_size={size: _mean([next(rest).values for _ in group]) for size, group in groups.items()},
    )


def _mean(several: Sequence[dict[str, float]]) -> dict[str, float]:
    return {name: float(np.mean([values[name] for values in several])) for name in several[0]}
