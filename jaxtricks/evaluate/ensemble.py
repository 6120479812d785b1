"""Ensembles: averages of the predictions of restarts, of different experiments, or of checkpoints of one run."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Bool, Float, Int, Shaped
from scipy.special import log_softmax, logsumexp

from jaxtricks import rng, statistics
from jaxtricks.config import ConfigError
from jaxtricks.data import DataError, Dataset, Examples
from jaxtricks.objectives.metrics import METRICS, measure
from jaxtricks.objectives.task import Classes, task_of
from jaxtricks.statistics import Interval
from jaxtricks.train.runs import Runs

Average = Literal["probabilities", "logits"]
WHAT = "the probabilities of each example's class, and these have none."
NAMES = Classes.metrics
LogProbs = Float[np.ndarray, "members examples classes"]


@dataclass(frozen=True)
class EnsembleReport:
    """What averaging gains, on examples that the averaged members did not train on.

    Args:
        members: how many the ensemble averages.
        members_an_example: how many of them held an example out, on average; all, when they share a split.
        examples: how many examples were predicted.
        ensemble: metric → its value for the averaged predictions.
        mean_member: metric → its mean over the members, each on the examples that it held out.
        best_member: metric → the best member's value.
        over_mean: "accuracy" and "nll" → the 95% interval, over examples, of ensemble minus mean member.
        over_best: the same for ensemble minus best member; empty where members hold out different examples.
        disagreement: the share of examples on which two members name different classes, the mean over pairs.
        training_epochs: epochs that all members together were trained for; checkpoints of one run count once.

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

    @property
    def gain(self) -> dict[str, float]:
        """Metric → ensemble minus mean member."""
        return {name: self.ensemble[name] - self.mean_member[name] for name in self.ensemble}

    def __str__(self) -> str:
        together, mean, best = self.ensemble, self.mean_member, self.best_member
        lines = [
            f"ensemble of {self.members} ({self.members_an_example:.1f} an example, {self.examples} examples): "
            f"accuracy {100 * together['accuracy']:.2f}%, nll {together['nll']:.4f}, calibration error {together['ece']:.4f}",
            f"{'':12}{'accuracy':>10}{'gain, points':>27}{'nll':>10}{'gain':>31}{'ece':>9}",
        ]
        for name, member, gains in (("mean member", mean, self.over_mean), ("best member", best, self.over_best)):
            points, nats = (together[metric] - member[metric] for metric in ("accuracy", "nll"))
            wide = f" [{100 * gains['accuracy'].low:+.2f}, {100 * gains['accuracy'].high:+.2f}]" if gains else ""
            long = f" [{gains['nll'].low:+.4f}, {gains['nll'].high:+.4f}]" if gains else ""
            lines.append(
                f"{name:12}{100 * member['accuracy']:9.2f}%{f'{100 * points:+.2f}{wide}':>27}{member['nll']:10.4f}"
                f"{f'{nats:+.4f}{long}':>31}{member['ece']:9.4f}"
            )
        lines.append(
            f"two members disagree on {100 * self.disagreement:.2f}% of the examples; {self.training_epochs} epochs of training, "
            f"{self.members} forward passes a prediction"
        )
        return "\n".join(lines)


class Choice(Protocol):
    """A rule that weighs an ensemble's members by their predictions on examples on which the ensemble is not judged."""

    def weights(
        self, log_probs: LogProbs, labels: Int[np.ndarray, " examples"], average: Average
    ) -> Float[np.ndarray, " members"]:
        """Each member's weight; they add up to 1.

        Args:
            log_probs: the members' log-probabilities.
            labels: class numbers.
            average: what the ensemble will average.
        """


@dataclass(frozen=True)
class TopK:
    """The k members with the smallest loss, with equal weights (T075).

    Args:
        k: how many members.

    >>> log_probs = np.log([[[0.9, 0.1]], [[0.5, 0.5]], [[0.2, 0.8]]])  # three members, one example, two classes
    >>> jt.evaluate.TopK(2).weights(log_probs, np.array([0]), "probabilities").tolist()
    [0.5, 0.5, 0.0]
    """

    k: int

    def weights(
        self, log_probs: LogProbs, labels: Int[np.ndarray, " examples"], average: Average
    ) -> Float[np.ndarray, " members"]:
        _check_size("TopK.k", self.k, len(log_probs))
        best = np.argsort([_nll(member, labels) for member in log_probs], kind="stable")[: self.k]
        return np.bincount(best, minlength=len(log_probs)) / self.k


@dataclass(frozen=True)
class Greedy:
    """Members added one after the other: each time the one that makes the ensemble's loss smallest, one already in it as well
    (T075; Caruana+ 2004).

    Args:
        size: how many times a member is added.

    >>> log_probs = np.log([[[0.9, 0.1]], [[0.5, 0.5]], [[0.2, 0.8]]])  # three members, one example, two classes
    >>> jt.evaluate.Greedy(4).weights(log_probs, np.array([0]), "probabilities").tolist()
    [1.0, 0.0, 0.0]
    """

    size: int

    def weights(
        self, log_probs: LogProbs, labels: Int[np.ndarray, " examples"], average: Average
    ) -> Float[np.ndarray, " members"]:
        _check_size("Greedy.size", self.size, None)
        counts = np.zeros(len(log_probs))
        for _ in range(self.size):
            tries = counts + np.eye(len(counts))
            losses = [_nll(_averaged(log_probs, each / each.sum(), average), labels) for each in tries]
            counts = tries[int(np.argmin(losses))]
        return counts / self.size


@dataclass(frozen=True)
class Fitted:
    """Weights of all members that minimize the loss of the averaged probabilities, found by expectation maximization.

    Args:
        iterations: how many updates w_m ← w_m mean_i p_m(y_i) / Σ_k w_k p_k(y_i), from equal weights.

    >>> log_probs = np.log([[[0.9, 0.1]], [[0.5, 0.5]]])  # two members, one example, two classes
    >>> jt.evaluate.Fitted().weights(log_probs, np.array([0]), "probabilities").round(3).tolist()
    [1.0, 0.0]
    """

    iterations: int = 200

    def weights(
        self, log_probs: LogProbs, labels: Int[np.ndarray, " examples"], average: Average
    ) -> Float[np.ndarray, " members"]:
        if average != "probabilities":
            raise ConfigError(f"Fitted weighs probabilities, and average = {average!r}; 'probabilities' is allowed.")
        right = log_probs[:, np.arange(len(labels)), labels].astype(np.float64)
        weights = np.full(len(right), 1 / len(right))
        for _ in range(self.iterations):
            shares = np.log(np.maximum(weights, 1e-300))[:, None] + right
            weights = np.exp(shares - logsumexp(shares, axis=0)).mean(axis=1)
        return weights


@dataclass(frozen=True, eq=False)
class Ensemble:
    """Members whose predictions are averaged: `p(y|x) = Σ_m w_m p_m(y|x)`, or the softmax of `Σ_m w_m log p_m(y|x)`
    (T074; Hansen & Salamon 1990).

    Args:
        runs: what the members are of: all restarts of each.
        average: what is averaged.
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

    def predict(
        self, x: Shaped[np.ndarray, "examples ..."], lengths: Int[np.ndarray, " examples"] | None = None
    ) -> Float[np.ndarray, "examples ..."]:
        """The averaged probabilities of the classes of each example, or of each step.

        Args:
            x: inputs as the data set stores them, [examples, ...].
            lengths: true steps of each sequence, [examples]; None where all are whole.
        """
        return np.exp(_averaged(_log_probs(self.runs, x, lengths), self.weights, self.average))

    def evaluate(self, data: Dataset | Examples) -> EnsembleReport:
        """Ensemble against members, each example predicted only by members that did not train on it.

        Args:
            data: the data set that the members were trained on: their validation splits, with `P(i) = Σ_m h_mi p_m(i)/Σ_m h_mi`
                where h_mi = 1 if i lies in that of member m; its test split stays locked. Or what `Dataset.open_test` gave.

        Raises:
            DataError: for another data set.
        """
        members, known = len(self.weights), self.runs[0].data
        if not task_of(known).kind.one_class:
            raise DataError(f"{known.name}: an ensemble is judged by {WHAT}")
        if isinstance(data, Examples):
            log_probs, labels = _log_probs(self.runs, data.x, data.lengths), data.y
            held_out = np.ones((members, len(labels)), bool)
        else:
            if data is not known:
                raise DataError(f"{data!r} is not the data set that the members were trained on, {known!r}.")
            validation = _validation(self.runs)
            examples = np.unique(validation) if self.judged is None else self.judged
            held_out = np.stack([np.isin(examples, split) for split in validation])
            log_probs, labels = _log_probs(self.runs, *data.at(examples)), data.y[examples]
        return _report(log_probs, labels, held_out, self, _epochs(self.runs))


def ensemble(runs: Runs | Sequence[Runs], *, average: Average = "probabilities", choose: Choice | None = None) -> Ensemble:
    """The ensemble of restarts, of several experiments' restarts, or of checkpoints (`snapshots`).

    Args:
        runs: the restarts of one experiment, or several of them, all on the same data.
        average: whether probabilities or logits are averaged.
        choose: gives weights by one half of the validation split, which all members share then (`Seeds(16, split=0)`); the
            report is of the other half. None: all alike.

    Raises:
        ConfigError: for members of different data, or of different splits where some are to be chosen.
        DataError: for members that predict no class of each example.

    >>> digits, base = jt.load("digits").subset(100, seed=0), jt.Experiment(model=jt.MLP(widths=(8,)), epochs=2)
    >>> together = jt.ensemble(jt.fit(base, digits, seeds=4, progress=False))
    >>> together.weights.tolist()
    [0.25, 0.25, 0.25, 0.25]
    """
    several = (runs,) if isinstance(runs, Runs) else tuple(runs)
    if not several:
        raise ConfigError("runs = () has no member; one at least is needed.")
    data = several[0].data
    task = task_of(data)
    if not task.distribution or (choose is not None and not task.kind.one_class):
        raise DataError(f"{data.name}: {'an ensemble averages' if choose is None else 'members are chosen by'} {WHAT}")
    if any(each.data is not data for each in several):
        raise ConfigError("runs are of different data sets; an ensemble's members predict the same examples.")
    count = sum(map(len, several))
    if choose is None:
        return Ensemble(several, average, np.full(count, 1 / count))
    validation = _validation(several)
    if any(not np.array_equal(split, validation[0]) for split in validation):
        raise ConfigError(
            "runs have different validation splits, and members are chosen by a common one; seeds=Seeds(16, split=0)."
        )
    order = rng.host(0, "ensemble").permutation(validation[0])
    chosen, judged = np.sort(order[: len(order) // 2]), np.sort(order[len(order) // 2 :])
    weights = choose.weights(_log_probs(several, *data.at(chosen)), data.y[chosen], average)
    return Ensemble(several, average, weights, judged)


def _log_probs(
    runs: tuple[Runs, ...], x: Shaped[np.ndarray, "examples ..."], lengths: Int[np.ndarray, " examples"] | None
) -> LogProbs:
    return np.concatenate([each.log_probs(x, lengths) for each in runs])


def _validation(runs: tuple[Runs, ...]) -> list[Int[np.ndarray, " validation"]]:
    """The validation split of each member."""
    return [each.sampling.validation[split] for each in runs for split in each.sampling.split]


def _epochs(runs: tuple[Runs, ...]) -> int:
    """Epochs of training in total; several checkpoints of one restart count once, as the longest."""
    longest: dict[Any, int] = {}
    for each in runs:
        trained = np.isfinite(each.curves["train_loss"]).sum(axis=1)
        for name, epochs in zip(each.names, trained, strict=True):
            key = jax.tree.structure(each.experiment), *jax.tree.leaves(each.experiment), name
            longest[key] = max(longest.get(key, 0), int(epochs))
    return sum(longest.values())


def _averaged(
    log_probs: LogProbs, weights: Float[np.ndarray, " members"], average: Average, held_out: Bool[np.ndarray, "m n"] | None = None
) -> Float[np.ndarray, "examples classes"]:
    """Log-probabilities of the ensemble, averaged in logarithms, so that the loss of a very unlikely class is finite."""
    each = np.broadcast_to(weights[:, None], log_probs.shape[:2]) * (1 if held_out is None else held_out)
    each = (each / each.sum(axis=0)).reshape(*each.shape, *[1] * (log_probs.ndim - 2))
    if average == "logits":
        return log_softmax((each * log_probs).sum(axis=0), axis=-1)
    with np.errstate(divide="ignore"):
        return logsumexp(log_probs + np.log(each), axis=0)


def _nll(log_probs: Float[np.ndarray, "examples classes"], labels: Int[np.ndarray, " examples"]) -> float:
    return -float(log_probs[np.arange(len(labels)), labels].mean())


def _check_size(name: str, size: int, most: int | None) -> None:
    if isinstance(size, bool) or not isinstance(size, int) or not 1 <= size <= (most or size):
        raise ConfigError(f"{name} = {size!r} is not an integer from 1 to {most or '…'}.")


def _report(
    log_probs: LogProbs,
    labels: Int[np.ndarray, " examples"],
    held_out: Bool[np.ndarray, "members examples"],
    ensemble: Ensemble,
    epochs: int,
) -> EnsembleReport:
    used = ensemble.weights > 0
    log_probs, held_out, weights = log_probs[used], held_out[used], ensemble.weights[used]
    together = _averaged(log_probs, weights, ensemble.average, held_out)
    rows = np.arange(len(labels))
    # By example: whether it is right, and its loss; of the ensemble, [examples], and of the members, [members, examples].
    mine = {"accuracy": 1.0 * (together.argmax(axis=1) == labels), "nll": -together[rows, labels].astype(np.float64)}
    theirs = {"accuracy": 1.0 * (log_probs.argmax(axis=2) == labels), "nll": -log_probs[:, rows, labels].astype(np.float64)}
    members = [
        {name: float(value) for name, value in measure(jnp.asarray(each[held]), jnp.asarray(labels[held]), NAMES).items()}
        for each, held in zip(log_probs, held_out, strict=True)
    ]
    columns = {name: np.array([member[name] for member in members]) for name in members[0]}
    best = {name: int((values if METRICS[name].higher_is_better else -values).argmax()) for name, values in columns.items()}
    mean = {name: (values * held_out).sum(axis=0) / held_out.sum(axis=0) for name, values in theirs.items()}
    return EnsembleReport(
        members=int(used.sum()),
        members_an_example=float(held_out.sum(axis=0).mean()),
        examples=len(labels),
        ensemble={name: float(value) for name, value in measure(jnp.asarray(together), jnp.asarray(labels), NAMES).items()},
        mean_member={name: float(values.mean()) for name, values in columns.items()},
        best_member={name: float(columns[name][place]) for name, place in best.items()},
        over_mean={name: statistics.t_interval(mine[name] - mean[name]) for name in mine},
        over_best={name: statistics.t_interval(mine[name] - theirs[name][best[name]]) for name in mine if held_out.all()},
        disagreement=_disagreement(log_probs.argmax(axis=2), held_out),
        training_epochs=epochs,
    )


def _disagreement(named: Int[np.ndarray, "members examples"], held_out: Bool[np.ndarray, "members examples"]) -> float:
    """The share of disagreement over all pairs of members and the examples that both held out; 0 for one member."""
    apart = together = 0
    for i in range(len(named)):
        both = held_out[i] & held_out[i + 1 :]
        apart += int((both & (named[i] != named[i + 1 :])).sum())
        together += int(both.sum())
    return apart / together if together else 0.0
