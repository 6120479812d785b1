"""Search by one of Optuna's samplers, each as a pure function of the history."""

import inspect
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from threadpoolctl import threadpool_limits

from jaxtricks import rng
from jaxtricks.config import ConfigError, config, nearest
from jaxtricks.search.condition import Point
from jaxtricks.search.history import History, Trial, key
from jaxtricks.search.optuna_library import Counterpart, counterparts, library, quiet
from jaxtricks.search.random import RandomSearch
from jaxtricks.search.space import Space
from jaxtricks.search.strategy import Draws, Strategy, fresh

if TYPE_CHECKING:
    from optuna.study import Study

REPEATS = 16  # points that were known already, after which the rest is drawn at random
TRIED = 12  # trials that are made up to see whether a sampler takes a space: more than any sampler draws at random at first

# Samplers that look at the trials alone. Others write down at each trial how far they have come, which is done once more.
FORGETFUL = frozenset({"TPESampler", "GPSampler", "RandomSampler", "BruteForceSampler"})


@config("optuna", paper="Akiba+ 2019")
class OptunaSearch(Strategy):
    """Points from one of Optuna's samplers, such as its tree-structured Parzen estimator (Bergstra+ 2011).

    The sampler sees a study that is made anew from the history each time, and draws by the history's seed and the number of its
    points: the same history gives the same points. Points that are not judged yet are running trials there. What the sampler
    gives a second time is left out; points of the history outside of the space are not shown to it. It does not learn how noisy
    a trial is. `pip install jaxtricks[optuna]` installs Optuna; GPSampler needs PyTorch, too.

    Args:
        sampler: the name of a sampler in `optuna.samplers` that needs no settings: TPESampler, GPSampler, CmaEsSampler, …

    >>> history = History(Space({"model.dropout": "0:0.8"}), seed=0)
    >>> OptunaSearch().ask(history, 4) == OptunaSearch(sampler="TPESampler").ask(history, 4)
    True
    """

    sampler: str = "TPESampler"

    def check(self, space: Space) -> None:
        """Refuses a sampler that is not there, or that does not take the space; raises ConfigError."""
        _sampler(self.sampler)
        made = RandomSearch().ask(History(space, seed=0), TRIED)
        told = tuple(Trial(point, float(place), 0.0, 1) for place, point in enumerate(made))
        named = f"OptunaSearch.sampler = {self.sampler!r}"
        with quiet():
            try:
                _suggested(self._study(History(space, 0, told)), space, counterparts(space))
            except ImportError as error:
                raise ConfigError(f"{named} needs {error.name}, which is not installed.") from None
            except ValueError as error:
                raise ConfigError(f"{named} does not take this space: {error}") from None

    def ask(self, history: History, count: int) -> list[Point]:
        space, known, found = history.space, set(map(key, history.points)), list[Point]()
        tries = 0 if history.exhausted else count + REPEATS
        with quiet(), threadpool_limits(1, user_api="blas"):  # the last bits do not depend on the number of threads
            study, parameters = self._study(history), counterparts(space)
            while len(found) < count and tries:
                tries -= 1
                point = _suggested(study, space, parameters)
                if key(point) not in known:
                    known.add(key(point))
                    found.append(point)
        return found + fresh(history.asking(found), space, _uniform(history), count - len(found))

    def _study(self, history: History) -> "Study":
        """The study of a history: its trials, those that are judged and those that are running."""
        seed = int(rng.host(history.seed, f"optuna/{len(history.points)}").integers(2**31))
        study = library().create_study(sampler=_sampler(self.sampler)(seed=seed))
        add, parameters = _add if self.sampler in FORGETFUL else _add_again, counterparts(history.space)
        scored = [*((trial.point, trial.score) for trial in history.told), *((point, None) for point in history.asked)]
        for point, score in scored:
            if _inside(history.space, point):
                add(study, point, score, {path: each for path, each in parameters.items() if path in point})
        return study


def _add(study: "Study", point: Point, score: float | None, parameters: Mapping[str, Counterpart]) -> None:
    """Adds a trial as it is: one that is judged, or without a score one that is running."""
    trials = library().trial
    state = trials.TrialState.RUNNING if score is None else trials.TrialState.COMPLETE
    distributions = {each.name: each.distribution for each in parameters.values()}
    study.add_trial(trials.create_trial(state=state, value=score, params=_values(point, parameters), distributions=distributions))


def _add_again(study: "Study", point: Point, score: float | None, parameters: Mapping[str, Counterpart]) -> None:
    """Adds a trial as `_add` does, but for that the sampler is asked for it, and so writes down what it does at every trial."""
    study.enqueue_trial(_values(point, parameters))
    trial = study.ask()
    trial.relative_params  # noqa: B018 (the sampler is asked when this is read)
    for each in parameters.values():
        each.suggested(trial)
    if score is not None:
        study.tell(trial, score)


def _values(point: Point, parameters: Mapping[str, Counterpart]) -> dict[str, Any]:
    return {each.name: each.given(point[path]) for path, each in parameters.items()}


def _suggested(study: "Study", space: Space, parameters: Mapping[str, Counterpart]) -> Point:
    """The next point of a study; settings that have no meaning in it are left out."""
    trial, point = study.ask(), dict[str, Any]()
    for path, each in parameters.items():
        if space.active(path, point):
            point[path] = each.taken(each.suggested(trial))
    return point


def _inside(space: Space, point: Point) -> bool:
    """Whether all settings of a point lie in their ranges."""
    try:
        units, active = space.units([point])
    except ConfigError:  # none of a choice's values
        return False
    return bool(((units >= 0) & (units <= 1) | ~active).all())


def _uniform(history: History) -> Draws:
    settings = len(history.space.paths)
    return lambda number: rng.host(history.seed, "optuna/more").random((number, settings))


def _sampler(name: str) -> Any:
    """The class of a sampler; raises ConfigError where there is none of that name."""
    samplers = library().samplers
    classes = {each: found for each in samplers.__all__ if inspect.isclass(found := getattr(samplers, each)) and _complete(found)}
    if name not in classes:
        there = nearest(name, list(classes))
        raise ConfigError(f"OptunaSearch.sampler = {name!r} is no sampler of Optuna that needs no settings{there}")
    return classes[name]


def _complete(sampler: type) -> bool:
    """Whether a sampler takes a seed and needs nothing."""
    given = inspect.signature(sampler).parameters
    return "seed" in given and all(each.default is not inspect.Parameter.empty for each in given.values())
