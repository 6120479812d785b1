"""Cures: changes of an experiment, or of its data, that each act against one cause."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from jaxtricks.config import ConfigError, choices
from jaxtricks.diagnose.case import Case, free
from jaxtricks.diagnose.causes import Cause
from jaxtricks.diagnose.mended import Mend, alike, relabelled
from jaxtricks.diagnose.rewired import LogOdds, Logs
from jaxtricks.diagnose.signs.mistaken import mistaken
from jaxtricks.diagnose.signs.splits import moved
from jaxtricks.evaluate.rate_ladder import RATE
from jaxtricks.experiment.experiment import Experiment
from jaxtricks.experiment.inputs import Standardize
from jaxtricks.experiment.targets import StandardizedTargets
from jaxtricks.models.contract import contract
from jaxtricks.models.mlp import MLP
from jaxtricks.objectives.loss import Loss
from jaxtricks.objectives.task import task_of
from jaxtricks.optim.optimizer import Optimizer
from jaxtricks.optim.rules import Adam
from jaxtricks.train.prepare import prepare

LONGER = 4  # times the epochs
BATCH, STEPS = 32, 20  # a usual batch; steps of an epoch below which batches are too large
WIDTH = 64
ADAM = 1e-3  # its usual learning rate
ALONE = (Cause.REGULARIZED, Cause.OVERFITTED, Cause.GRADIENTS)  # causes whose cures are not joined with others

Changes = Mapping[str, Any]  # dotted path → new value


class Cure(NamedTuple):
    """A change that acts against a cause.

    Args:
        name: in a few words.
        cause: what it acts against.
        changes: dotted path → the new value.
        mend: what is made of the data; None: they stay as they are.

    >>> Cure("four times the epochs", Cause.EPOCHS, {"epochs": 80}).of(jt.Experiment()).epochs
    80
    """

    name: str
    cause: Cause
    changes: Changes
    mend: Mend | None = None

    def of(self, experiment: Experiment) -> Experiment:
        """The experiment with the cure; raises ConfigError where it has no such setting."""
        return experiment.replace(self.changes)


def cures(case: Case) -> list[Cure]:
    """The cures that change something of an experiment and fit its data, the simplest first.

    Args:
        case: the experiment and what is measured of it.

    >>> few = jt.load("digits").subset(100, seed=0)
    >>> [each.name for each in cures(Case(jt.Experiment(inputs="raw", epochs=1), few, jt.Seeds(2)))][:2]
    ['another learning rate', 'standardized inputs']
    """
    return [cure for make in CURES for cure in make(case) if _fits(cure, case)]


def together(case: Case, found: Sequence[Cure]) -> Cure | None:
    """All cures at once, but for batch norm and those of the amount of regularization; None where fewer than two go together.

    Args:
        case: the experiment and what is measured of it.
        found: the cures.

    >>> few = jt.load("digits").subset(100, seed=0)
    >>> case = Case(jt.Experiment(inputs="raw", epochs=1), few, jt.Seeds(2))
    >>> inputs, longer = (Cure(path, Cause.INPUTS, {path: value}) for path, value in (("inputs", "standardize"), ("epochs", 4)))
    >>> sorted(together(case, [inputs, longer]).changes)
    ['epochs', 'inputs']
    """
    arm, joined = case.experiment, 0
    for cure in sorted(found, key=lambda each: each.cause is Cause.OUTPUT):  # which wraps the model
        if cure.cause in ALONE or cure.mend is not None:
            continue
        try:
            changed = prepared(cure.of(arm), case)
        except ConfigError:  # what it changes has gone with another cure
            continue
        arm, joined = changed, joined + (changed != arm)
    changes = {path: new for path, (new, _) in arm.diff(case.experiment).items()}
    return Cure("all of them together", Cause.SEVERAL, changes) if joined > 1 else None


def known(case: Case) -> Cure | None:
    """A setup that is known to work, in place of the given one: the lectures' advice to start from; None where it does not fit.

    Args:
        case: the experiment and what is measured of it.

    >>> few = jt.load("digits").subset(100, seed=0)
    >>> known(Case(jt.Experiment(inputs="raw", epochs=1), few, jt.Seeds(2))).changes["model.widths"]
    (64, 64)
    """
    train = case.sampling.train.shape[1]
    usual = Experiment(
        model=MLP(widths=(WIDTH, WIDTH)),
        optimizer=Optimizer(Adam(learning_rate=ADAM)),
        batch_size=min(BATCH, max(train // STEPS, 1)),
        epochs=max(LONGER * case.experiment.epochs, math.ceil(STEPS * LONGER * LONGER * BATCH / train)),
        metrics=case.experiment.metrics,
    )
    try:
        changes = {path: new for path, (new, _) in prepared(usual, case).diff(case.experiment).items()}
    except ConfigError:  # such as of texts, which a network of dense layers does not read
        return None
    return Cure("a setup that is known to work", Cause.SEVERAL, changes) if changes else None


def prepared(experiment: Experiment, case: Case) -> Experiment:
    """The experiment as it is given; raises ConfigError where it does not fit the data."""
    prepare(experiment, case.data, case.sampling.train.shape[1])
    return experiment


def _fits(cure: Cure, case: Case) -> bool:
    """Whether it changes something, and what it gives fits the data."""
    try:
        changed = prepared(cure.of(case.experiment), case)
    except ConfigError:
        return False
    return changed != case.experiment or cure.mend is not None


def _rate(case: Case) -> Iterator[Cure]:
    own, best = case.experiment.hyperparameters().get(RATE), case.best_rate
    if best is not None and own is not None and best != own:
        cause = Cause.RATE_HIGH if own > best else Cause.RATE_LOW
        yield Cure("another learning rate", cause, {RATE: best})


def _inputs(case: Case) -> Iterator[Cure]:
    if case.data.vocabulary is None:
        yield Cure("standardized inputs", Cause.INPUTS, {"inputs": Standardize()})
    if moved(case) is not None:
        yield Cure("validation inputs with means and spreads as in training", Cause.INPUTS, {}, alike)


def _labels(case: Case) -> Iterator[Cure]:
    if mistaken(case) is not None:
        yield Cure("labels that neighbours agree on", Cause.LABELS, {}, relabelled)


def _targets(case: Case) -> Iterator[Cure]:
    if not case.data.kind.per_class:
        yield Cure("standardized targets", Cause.TARGETS, {"targets": StandardizedTargets()})


def _loss(case: Case) -> Iterator[Cure]:
    task = task_of(case.data)
    usual = choices(Loss)[task.loss]()
    if type(case.ready.objective.loss) is not type(usual):
        yield Cure(f"the usual loss, {task.loss}", Cause.LOSS, {"objective.loss": usual})


def _scores(case: Case) -> Iterator[Cure]:
    scores, model = case.first_steps.scores, case.experiment.model
    if not np.isfinite(scores).all() or scores.min() < 0 or scores.max() > 1 + 1e-3:
        return
    if scores.shape[-1] > 1 and np.abs(scores.sum(axis=-1) - 1).max() < 1e-3:
        yield Cure("scores in place of probabilities", Cause.OUTPUT, {"model": Logs(model=model)})
    else:
        yield Cure("scores without bounds", Cause.OUTPUT, {"model": LogOdds(model=model)})


def _units(case: Case) -> Iterator[Cure]:
    yield Cure("ReLU", Cause.ACTIVATION, {"model.activation": "relu"})
    yield Cure("He's initial weights", Cause.INIT, {"model.kernel_init": "he_normal"})
    yield Cure("batch norm", Cause.GRADIENTS, {"model.normalization": "batch"})


def _rule(case: Case) -> Iterator[Cure]:
    rule = case.experiment.optimizer.rule
    if type(rule) is not Adam:  # else it would be another learning rate once more
        yield Cure("Adam", Cause.RULE, {"optimizer.rule": Adam(learning_rate=ADAM)})
    elif (usual := Adam(learning_rate=rule.learning_rate, weight_decay=rule.weight_decay)) != rule:
        yield Cure("Adam with its usual settings", Cause.RULE, {"optimizer.rule": usual})
    yield Cure(
        "no clipping", Cause.CLIPPING, {f"optimizer.clip_{kind}": None for kind in ("value", "norm", "adaptive", "learnt")}
    )
    yield Cure("nothing frozen", Cause.FROZEN, {"optimizer.frozen": None})


def _length(case: Case) -> Iterator[Cure]:
    yield Cure(f"{LONGER} times the epochs", Cause.EPOCHS, {"epochs": LONGER * case.experiment.epochs})
    size, train = case.experiment.batch_size, case.sampling.train.shape[1]
    if size < 8 or train // size < STEPS:
        yield Cure(f"batches of {BATCH}", Cause.BATCH, {"batch_size": min(BATCH, max(train // STEPS, 1))})


def _width(case: Case) -> Iterator[Cure]:
    widths = getattr(case.experiment.model, "widths", None)
    if widths and min(widths) < WIDTH:
        yield Cure("wider layers", Cause.CAPACITY, {"model.widths": tuple(max(width, WIDTH) for width in widths)})


def _regularization(case: Case) -> Iterator[Cure]:
    plain = free(case.experiment)
    yield Cure("no regularization", Cause.REGULARIZED, {path: _at(plain, path) for path in plain.diff(case.experiment)})
    if contract(case.experiment.model).traits.forward_mode:
        yield Cure("dropout of a half", Cause.OVERFITTED, {"model.dropout": 0.5})


def _at(node: Any, path: str) -> Any:
    for part in path.split("."):
        node = getattr(node, part)
    return node


CURES: tuple[Callable[[Case], Iterator[Cure]], ...] = (
    _rate,
    _inputs,
    _labels,
    _targets,
    _loss,
    _scores,
    _length,
    _rule,
    _units,
    _width,
    _regularization,
)
