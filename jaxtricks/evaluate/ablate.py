"""Ablation: the best experiment without one of its tricks, and with one more."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, Self, Unpack

from jaxtricks.config import ConfigError, Kind, choice_trick, is_config, items, nearest
from jaxtricks.data import Dataset
from jaxtricks.evaluate.compare import Options, Study, short, study
from jaxtricks.evaluate.tuning import said
from jaxtricks.evaluate.verdict import Verdict
from jaxtricks.experiment.arguments import takes
from jaxtricks.experiment.experiment import Experiment
from jaxtricks.experiment.seeds import Seeds
from jaxtricks.train.prepare import prepare

Tricks = Sequence[str] | Mapping[str, Any]
WITHOUT, WITH = "without", "with"  # the first word of each label


class Ablation(Study):
    """An experiment, without each of its tricks and with each that it lacks; see `ablate`.

    >>> digits, base = jt.load("digits").subset(100, seed=0), jt.Experiment(model=jt.MLP(widths=(8,), dropout=0.5), epochs=1)
    >>> found = jt.ablate(base, digits, tricks={"model.dropout": 0.2}, seeds=2, progress=False)
    >>> found
    Ablation(digits, 2 restarts an arm; 1 left out, 1 added)
    >>> [verdict.label for verdict in found.left_out]
    ['without model.dropout=inverted(rate=0.5)']
    """

    @classmethod
    def of(cls, found: Study) -> Self:
        """Gives the ablation that a study of such changes is."""
        return cls(found.baseline, found.changes, found.verdicts, found.tuned)

    @property
    def left_out(self) -> list[Verdict]:
        """The verdicts without a trick, that of the trick first that is worth most."""
        return left_out(self.verdicts)

    @property
    def added(self) -> list[Verdict]:
        """The verdicts with one more trick, the best one first."""
        return added(self.verdicts)

    def __str__(self) -> str:
        return "\n".join((*map(str, (*self.left_out, *self.added)), *said(self.tuned)))

    def __repr__(self) -> str:
        sizes = f"{len(self.left_out)} left out, {len(self.added)} added"
        return f"Ablation({self.baseline.data.name}, {len(self.baseline)} restarts an arm; {sizes})"


def left_out(verdicts: Sequence[Verdict]) -> list[Verdict]:
    """Of the verdicts of an ablation those without a trick, in order of effect: first the trick that is worth most.

    Args:
        verdicts: of an ablation.
    """
    return sorted((verdict for verdict in verdicts if _word(verdict) == WITHOUT), key=_gain)


def added(verdicts: Sequence[Verdict]) -> list[Verdict]:
    """Of the verdicts of an ablation those with one more trick, in order of effect: the best one first.

    Args:
        verdicts: of an ablation.
    """
    return sorted((verdict for verdict in verdicts if _word(verdict) != WITHOUT), key=_gain, reverse=True)


def _word(verdict: Verdict) -> str:
    return verdict.label.partition(" ")[0]


def _gain(verdict: Verdict) -> float:
    return verdict.difference if verdict.higher_is_better else -verdict.difference


@takes
def ablate(best: Experiment, data: Dataset, *, tricks: Tricks | None = None, **options: Unpack[Options]) -> Ablation:
    """Judges the experiment with each trick set back to its declared default, and with each trick that is off turned on.

    Further options as for `study`. The baseline is `best` itself, so a trick that helps shows as `without … hurts` (T113). The
    page is a table as in the papers: the whole experiment first, then what it is without each part, in order of effect.

    Args:
        best: the experiment.
        data: the data set.
        tricks: paths of tricks, such as "model.dropout", or of parts of the experiment, such as "augmentation"; or path → the
            value or the list of values to turn it on at. None: all but those that assume something of the task that nothing can
            check, such as mirrored images, and those that the model or the data cannot have.

    Raises:
        ConfigError: for a path that is none of a trick, a value that it does not take, or a trick that was asked for and that
            the model or the data cannot have.

    >>> digits, base = jt.load("digits").subset(100, seed=0), jt.Experiment(model=jt.MLP(widths=(8,), dropout=0.5), epochs=1)
    >>> found = jt.ablate(base, digits, tricks={"model.dropout": 0.2, "optimizer.clip_norm": [1, 5]}, seeds=2, progress=False)
    >>> list(found.changes)[1:]
    ['with model.dropout=0.2', 'with optimizer.clip_norm=1', 'with optimizer.clip_norm=5']
    """
    changes = leave_one_out(best, tricks) | add_one(best, tricks)
    if tricks is None:
        train = Seeds.of(options.get("seeds", Seeds())).sampling(data).train.shape[1]
        prepare(best, data, train)  # where the experiment itself does not fit, no change would
        changes = {label: change for label, change in changes.items() if _fits(change, data, train)}
    return Ablation.of(study(best, changes, data, **options))


def _fits(experiment: Experiment, data: Dataset, train: int) -> bool:
    try:
        prepare(experiment, data, train)
    except ConfigError:
        return False
    return True


def leave_one_out(best: Experiment, tricks: Tricks | None = None) -> dict[str, Experiment]:
    """Label → the experiment with one trick set back to its declared default.

    Args:
        best: the experiment.
        tricks: as for `ablate`.

    >>> list(leave_one_out(jt.Experiment(model=jt.MLP(dropout=0.5))))
    ['without model.dropout=inverted(rate=0.5)']
    """
    return {
        f"{WITHOUT} {path}={short(value)}": best.replace({path: _declared(best, path)})
        for path, value in _chosen(best)
        if _asked(path, best, tricks)
    }


def add_one(best: Experiment, tricks: Tricks | None = None) -> dict[str, Experiment]:
    """Label → the experiment with one more trick, at the values asked for or at that which its declaration names for a try.

    Args:
        best: the experiment.
        tricks: as for `ablate`.

    >>> "with optimizer.clip_norm=1" in add_one(jt.Experiment())
    True
    """
    changes = {}
    for path, field, value in items(best):
        if field.trick is None or not _asked(path, best, tricks):
            continue
        if isinstance(tricks, Mapping) and path in tricks:
            values = tricks[path] if isinstance(tricks[path], list) else [tricks[path]]
        else:
            usual = tricks is not None or field.trick.assumes is None
            values = [field.trick.tried] if value is None and usual else []
        for each in values:
            changed = best.replace({path: each})
            if changed != best:
                changes[f"{WITH} {path}={short(each)}"] = changed
    return changes


def _asked(path: str, best: Experiment, tricks: Tricks | None) -> bool:
    """Whether a trick is among those to try; raises ConfigError for a name that is none of a trick."""
    if tricks is None:
        return True
    known = [each for each, field, _ in items(best) if field.trick is not None] + [each for each, _ in _chosen(best)]
    names = [tricks] if isinstance(tricks, str) else list(tricks)
    for name in names:
        if not any(_within(each, name) for each in known):
            raise ConfigError(f"tricks = {name!r} is no trick of this experiment{nearest(name, known)}")
    return any(_within(path, name) for name in names)


def _within(path: str, part: str) -> bool:
    return path == part or path.startswith(f"{part}.")


def _chosen(best: Experiment) -> list[tuple[str, Any]]:
    """Path and value of each trick that is not at its declared default."""
    found = []
    for path, field, value in items(best):
        default = _declared(best, path)
        chosen = field.kind is Kind.CONFIG and value is not None and choice_trick(type(value)) is not None
        differs = type(value) is not type(default) if chosen and default is not None else value != default
        if differs and default is not dataclasses.MISSING and (field.trick is not None or chosen):
            found.append((path, value))
    return found


def _declared(root: Any, path: str) -> Any:
    *parents, name = path.split(".")
    for parent in parents:
        root = getattr(root, parent)
    assert is_config(type(root))
    return next(f.default for f in dataclasses.fields(root) if f.name == name)
