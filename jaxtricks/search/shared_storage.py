"""Machines that share a search through a storage of Optuna's: each job is a trial of a study, which its dashboard shows live."""

import contextlib
import dataclasses
import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from jaxtricks.config import ConfigError
from jaxtricks.search.board import Board, Job, Line, Mark, Result
from jaxtricks.search.journal import check_same
from jaxtricks.search.optuna_library import Counterpart, counterparts, library, quiet
from jaxtricks.search.optuna_storage import close_storage, opened_storage, reaching
from jaxtricks.search.sharing import SharedSearch, check_lease

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

SEARCH = "search"  # the study's attribute that says of which search it is


@dataclasses.dataclass(frozen=True)
class SharedStorage:
    """A storage of Optuna's that all machines reach. Each calls the same search with it, whenever it likes.

    A job is a trial of a study: the restarts of one point at one stage, their mean its value. User attributes say the search's
    `trial`, the `stage` and the `restarts`. A trial whose restarts all diverged is pruned, one whose machine died has failed. A
    batch that a scheme trains together is one trial without settings, pruned.

    Args:
        url: `sqlite:///FILE`, `postgresql://…` (`pip install jaxtricks[postgresql]`), another database's URL, or `journal:FILE`.
        study: its name; a search has a study of its own.
        lease: seconds after which the job of a machine that shows no sign of life is another's.

    Raises:
        ConfigError: for a lease that is no time, or no name.

    >>> SharedStorage("sqlite:///search.db").study
    'jaxtricks'
    """

    url: str
    study: str = "jaxtricks"
    lease: float = 60.0
    trials: ClassVar[int] = 1
    single: ClassVar[bool] = True

    def __post_init__(self) -> None:
        check_lease(type(self).__name__, self.lease)
        for name in ("url", "study"):
            if not isinstance(value := getattr(self, name), str) or not value:
                raise ConfigError(f"SharedStorage.{name} = {value!r} is no text.")

    @contextlib.contextmanager
    def opened(self, search: SharedSearch) -> Iterator[Board]:
        """The board in the study, which is made if it is absent.

        Args:
            search: the search.

        Raises:
            ConfigError: for a storage that cannot be reached, or a study of something else.
            CheckpointError: for a study of another search.
        """
        direction = "maximize" if search.metric.higher_is_better else "minimize"
        with contextlib.ExitStack() as stack:
            with reaching(self.url), quiet():
                storage = opened_storage(self.url)
                stack.callback(close_storage, storage)
                options = {"storage": storage, "study_name": self.study, "direction": direction}
                study = library().create_study(**options, load_if_exists=True)
                if SEARCH not in study.user_attrs:
                    if study.get_trials(deepcopy=False):
                        raise ConfigError(f"study = {self.study!r} holds no search of jaxtricks; another study is allowed.")
                    study.set_metric_names([search.metric.name])
                    study.set_user_attr(SEARCH, search.identity)
                number, there = storage.get_study_id_from_name(self.study), study.user_attrs[SEARCH]
            check_same(f"the study {self.study!r}", search.identity, there, "study")
            yield StorageBoard(self, storage, number, counterparts(search.space))


class StorageBoard:
    """The board in a study; see `Board`.

    A claim is a trial that is made as a running one. Of several for one attempt at a job that with the lowest number counts,
    since storages number trials one after the other; the batch is in that with the lowest number of all of the batch.

    Args:
        where: the storage.
        storage: the same, opened.
        study: its study's number.
        parameters: what the settings of the search are there.
    """

    def __init__(self, where: SharedStorage, storage: Any, study: int, parameters: Mapping[str, Counterpart]) -> None:
        self.lease = where.lease
        self._where, self._storage, self._study, self._parameters = where, storage, study, parameters
        self._states = library().trial.TrialState
        self._begun: FrozenTrial | None = None  # the claim of the first job of a batch, which was made with the batch

    def batch(self, number: int, proposed: Callable[[], Sequence[Job]]) -> Line | None:
        if not self._trials(number):
            jobs = proposed()
            if not jobs:
                return None
            self._begun = self._posted(jobs[0], 0, {"batch": jobs[0].batch.to_json()})
        first = self._trials(number)[0]
        if self._begun is not None and self._begun.number != first.number:  # another machine came first
            self.end(self._begun)
            self._begun = None
        return dict(first.user_attrs["batch"])

    def results(self, number: int) -> Mapping[int, Result]:
        ended = (self._states.COMPLETE, self._states.PRUNED)
        return {trial.user_attrs["job"]: trial.user_attrs["result"] for trial in self._trials(number) if trial.state in ended}

    def marks(self, number: int) -> Mapping[int, Mark]:
        newest: dict[int, FrozenTrial] = {}
        for trial in self._trials(number):
            job, attempt = trial.user_attrs["job"], trial.user_attrs["attempt"]
            if job not in newest or newest[job].user_attrs["attempt"] < attempt:
                newest[job] = trial
        given_back = self._states.FAIL
        return {
            job: Mark(trial.user_attrs["attempt"], None if trial.state == given_back else trial.user_attrs["renewed"])
            for job, trial in newest.items()
            if self._begun is None or self._begun.number != trial.number  # which is this machine's own
        }

    def take(self, job: Job, attempt: int) -> "StorageClaim | None":
        there, mine = self._attempts(job, attempt), self._begun
        if mine is None or mine.number not in [trial.number for trial in there]:
            if there or not all(map(self.end, self._attempts(job, attempt - 1)[:1])):
                return None
            mine = self._posted(job, attempt, {})
        self._begun = None
        if self._attempts(job, attempt)[0].number == mine.number:
            return StorageClaim(self, mine._trial_id, job)
        self.end(mine)
        return None

    def end(self, trial: "FrozenTrial") -> bool:
        """Ends a claim, so that nothing comes of it any more; False where something has.

        Args:
            trial: the claim.
        """
        try:
            self.tell(trial._trial_id, self._states.FAIL, None)
        except library().exceptions.UpdateFinishedTrialError:
            with reaching(self._where.url):
                return bool(self._storage.get_trial(trial._trial_id).state == self._states.FAIL)
        return True

    def tell(self, trial: int, state: Any, value: float | None, **attributes: Any) -> None:
        """Sets a trial's attributes, and then its state.

        Args:
            trial: its number in the storage.
            state: of the trial; None: as it is.
            value: of the trial; None: it has none.
            **attributes: of the trial.

        Raises:
            ConfigError: where the storage cannot be reached.
            UpdateFinishedTrialError: of Optuna, for a trial that has ended.
        """
        finished = library().exceptions.UpdateFinishedTrialError
        with reaching(self._where.url, finished):
            for name, attribute in attributes.items():
                self._storage.set_trial_user_attr(trial, name, attribute)
            if state is not None:
                self._storage.set_trial_state_values(trial, state, None if value is None else [value])

    def _trials(self, number: int) -> "list[FrozenTrial]":
        """All claims of jobs of a batch, in the order in which they were made."""
        with reaching(self._where.url):
            trials = self._storage.get_all_trials(self._study, deepcopy=False)
        return sorted((each for each in trials if each.user_attrs.get("of") == number), key=lambda each: each.number)

    def _attempts(self, job: Job, attempt: int) -> "list[FrozenTrial]":
        """The claims of one attempt at a job, that which counts first."""
        wanted = (job.number, attempt)
        return [each for each in self._trials(job.of) if (each.user_attrs["job"], each.user_attrs["attempt"]) == wanted]

    def _posted(self, job: Job, attempt: int, more: Mapping[str, Any]) -> "FrozenTrial":
        """A new claim."""
        (trial, *others), trials = job.trials, library().trial
        point = {} if others else job.points[trial]
        known = {each: each.given(point[path]) for path, each in self._parameters.items() if path in point}
        shown = {each: value for each, value in known.items() if _inside(each, value)}
        about = {"stage": job.batch.stage.value, "restarts": len(job.places)} | ({} if others else {"trial": trial})
        claim = trials.create_trial(
            state=self._states.RUNNING,
            params={each.name: value for each, value in shown.items()},
            distributions={each.name: each.distribution for each in shown},
            user_attrs={**about, "of": job.of, "job": job.number, "attempt": attempt, "renewed": 0, **more},
        )
        with reaching(self._where.url):
            return self._storage.get_trial(self._storage.create_new_trial(self._study, claim))  # type: ignore[no-any-return]


class StorageClaim:
    """A claim: a running trial.

    Args:
        board: that it is on.
        trial: its number in the storage.
        job: what is trained.
    """

    def __init__(self, board: StorageBoard, trial: int, job: Job) -> None:
        self._board, self._trial, self._job = board, trial, job
        self._renewals = itertools.count(1)

    def renew(self) -> None:
        self._board.tell(self._trial, None, None, renewed=next(self._renewals))

    def give_back(self) -> None:
        self._board.tell(self._trial, library().trial.TrialState.FAIL, None)

    def put(self, result: Result) -> None:
        states = library().trial.TrialState
        ended = [value for value in result["values"] if value is not None]
        scored = len(self._job.trials) == 1 and bool(ended)
        with contextlib.suppress(library().exceptions.UpdateFinishedTrialError):  # it was taken over
            self._board.tell(
                self._trial,
                states.COMPLETE if scored else states.PRUNED,
                float(np.mean(ended)) if scored else None,
                result=dict(result),
                values=result["values"],
            )


def _inside(parameter: Counterpart, value: Any) -> bool:
    """Whether a parameter may have a value: a strategy may have widened its range."""
    try:
        return bool(parameter.distribution._contains(parameter.distribution.to_internal_repr(value)))
    except ValueError:  # none of a choice's values
        return False
