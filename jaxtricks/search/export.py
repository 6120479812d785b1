"""A finished search as a study of Optuna: for its dashboard, its plots and its importances, and to keep in its storages."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float

from jaxtricks.config import ConfigError
from jaxtricks.search.optuna_library import Counterpart, counterparts, library, quiet
from jaxtricks.search.optuna_storage import opened_storage, reaching
from jaxtricks.search.result import RankedTrial, Search

if TYPE_CHECKING:
    from optuna.storages import BaseStorage
    from optuna.study import Study
    from optuna.trial import FrozenTrial

KEPT = ("data", "strategy", "budget", "margin", "winner", "probability", "fresh", "alarms")  # of `Search.to_dict()`


def optuna_study(search: Search, storage: "str | BaseStorage | None" = None, name: str | None = None) -> "Study":
    """Gives a finished search as a study of Optuna.

    Its trials have the numbers of the search's. A trial's value is the mean over its restarts, where one that diverged counts as
    the worst of all. A trial whose restarts all diverged has failed, one without a restart trained to the end was pruned.

    User attributes of a trial are `standard_error`, `restarts`, `diverged`, `group` (from 1; trials of one group cannot be told
    apart from the best of it), `without_luck` and `interval` (the expected true score and its 95% interval) and `probability`
    (that it is within the margin of the best). Those of the study say what was searched how, which trial is the `winner`, and
    what that gave on seeds that chose nothing (`fresh`). Optuna's `best_trial` is the luckiest one, the winner the one that is
    likely the best.

    A setting that was searched in `1-log:…` is the parameter `1 - path` there.

    Args:
        search: what a search found.
        storage: `sqlite:///FILE` or another URL of a database, `journal:FILE`, or a storage of Optuna's; None: memory.
        name: of the study, which is new in its storage; None: Optuna makes one up.

    Raises:
        ConfigError: where Optuna is not installed, the storage cannot be used, or it has a study of that name.

    >>> digits, base = jt.load("digits").subset(100, seed=0), jt.Experiment(model=jt.MLP(widths=(8,)), epochs=2)
    >>> space = {"optimizer.rule.learning_rate": "log:1e-4:1e-1"}
    >>> found = jt.search(base, space, digits, strategy="random", budget=4, seeds=2, progress=False)
    >>> study = optuna_study(found)
    >>> study.direction.name, [trial.number for trial in study.trials], study.trials[0].user_attrs["restarts"] >= 2
    ('MAXIMIZE', [0, 1, 2, 3], True)
    """
    said, parameters, scores = search.to_dict(), counterparts(search.space), _scores(search)
    ranked = sorted(search.leaderboard, key=lambda each: each.trial)
    scored = [each.trial for each in ranked if each.restarts]
    within = dict(zip(scored, search.course.scores.within(search.course.margin).tolist(), strict=True))
    with quiet():
        study = _created(storage, name, "maximize" if search.metric.higher_is_better else "minimize")
        study.set_metric_names([search.metric.name])
        for attribute in KEPT:
            study.set_user_attr(attribute, said[attribute])
        for each in ranked:
            study.add_trial(_trial(each, scores[each.trial], within.get(each.trial), parameters))
    return study


def _scores(search: Search) -> list[Float[np.ndarray, " restarts"]]:
    """The metric of each trial's restarts, of those that diverged the worst of all; infinite where all of a trial's did."""
    values, worst = search.course.values, min if search.metric.higher_is_better else max
    last = worst(float(each) for trial in values for each in trial if np.isfinite(each))
    return [np.where(np.isfinite(trial), trial, last if np.isfinite(trial).any() else np.inf) for trial in values]


def _trial(
    ranked: RankedTrial, scores: Float[np.ndarray, " restarts"], within: float | None, parameters: Mapping[str, Counterpart]
) -> "FrozenTrial":
    """A trial as Optuna has it; one without a restart trained to the end was pruned."""
    trials, count = library().trial, len(scores)
    ended = trials.TrialState.FAIL if count else trials.TrialState.PRUNED
    mean = float(scores.mean()) if count else np.inf
    used = {path: each for path, each in parameters.items() if path in ranked.point}
    return trials.create_trial(
        state=trials.TrialState.COMPLETE if np.isfinite(mean) else ended,
        value=_finite(mean),
        params={each.name: each.given(ranked.point[path]) for path, each in used.items()},
        distributions={each.name: each.distribution for each in used.values()},
        user_attrs={
            "standard_error": float(scores.std(ddof=1)) / count**0.5 if count > 1 and np.isfinite(mean) else None,
            "restarts": ranked.restarts,
            "diverged": ranked.diverged,
            "group": ranked.group + 1,
            "without_luck": _finite(ranked.score.mean),
            "interval": [_finite(ranked.score.low), _finite(ranked.score.high)],
            "probability": within,
        },
    )


def _finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def _created(storage: "str | BaseStorage | None", name: str | None, direction: str) -> "Study":
    """A new study; raises ConfigError for a storage that cannot be used or that has the name."""
    optuna = library()
    with reaching(storage):
        try:
            return optuna.create_study(storage=opened_storage(storage), study_name=name, direction=direction)
        except optuna.exceptions.DuplicatedStudyError:
            raise ConfigError(f"name = {name!r}: the storage has a study of this name; another name is allowed.") from None
