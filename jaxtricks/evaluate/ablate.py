"""Ablation: the best experiment without one of its tricks, and with one more."""

import dataclasses
from typing import Any, Unpack

from jaxtricks.config import ConfigError, Kind, choice_trick, is_config, items
from jaxtricks.data import Dataset
from jaxtricks.evaluate.compare import Options, Study, short, study
from jaxtricks.experiment.experiment import Experiment
from jaxtricks.experiment.seeds import Seeds
from jaxtricks.train.prepare import prepare


def ablate(best: Experiment, data: Dataset, **options: Unpack[Options]) -> Study:
    """Judges the experiment with each trick set back to its declared default, and with each trick that is off turned on.

    Options as for `study`. The baseline is `best` itself, so a trick that helps shows as `without … hurts` (T113). Changes that
    the model or the data cannot have are left out, such as turned images where the data are no images, or a shuffled order of a
    text whose state is carried from batch to batch.

    >>> jt.ablate(jt.Experiment(model=jt.MLP(dropout=0.5)), jt.load("digits"), seeds=16)  # doctest: +SKIP
    """
    changes = leave_one_out(best) | add_one(best)
    train = Seeds.of(options.get("seeds", Seeds())).sampling(data).train.shape[1]
    return study(best, {label: change for label, change in changes.items() if _fits(change, data, train)}, data, **options)


def _fits(experiment: Experiment, data: Dataset, train: int) -> bool:
    try:
        prepare(experiment, data, train)
    except ConfigError:
        return False
    return True


def leave_one_out(best: Experiment) -> dict[str, Experiment]:
    """Label → the experiment with one trick set back to its declared default.

    >>> list(leave_one_out(jt.Experiment(model=jt.MLP(dropout=0.5))))
    ['without model.dropout=inverted(rate=0.5)']
    """
    changes = {}
    for path, field, value in items(best):
        default = _declared(best, path)
        chosen = field.kind is Kind.CONFIG and value is not None and choice_trick(type(value)) is not None
        differs = type(value) is not type(default) if chosen and default is not None else value != default
        if differs and default is not dataclasses.MISSING and (field.trick is not None or chosen):
            changes[f"without {path}={short(value)}"] = best.replace({path: default})
    return changes


def add_one(best: Experiment) -> dict[str, Experiment]:
    """Label → the experiment with one more trick, at the value that its declaration names.

    >>> "with optimizer.clip_norm=0.1" in add_one(jt.Experiment())
    True
    """
    return {
        f"with {path}={short(field.trick.on)}": best.replace({path: field.trick.on})
        for path, field, value in items(best)
        if field.trick is not None and value is None
    }


def _declared(root: Any, path: str) -> Any:
    *parents, name = path.split(".")
    for parent in parents:
        root = getattr(root, parent)
    assert is_config(type(root))
    return next(f.default for f in dataclasses.fields(root) if f.name == name)
