"""The command that searches hyperparameters."""

import contextlib
import dataclasses
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

from jaxtricks.cli.begun import Begun, Resumable
from jaxtricks.cli.command import Copy, Settings
from jaxtricks.cli.finding import Finding
from jaxtricks.cli.metric import MetricFlags
from jaxtricks.cli.optional import Maybe, Repeated
from jaxtricks.cli.parser import Parser
from jaxtricks.cli.training import ROOT
from jaxtricks.cli.words import experiment_from
from jaxtricks.config import ConfigError, config, parse, replace
from jaxtricks.config.paths import meant
from jaxtricks.data import Dataset
from jaxtricks.engine import preemption
from jaxtricks.engine.preemption import Preempted
from jaxtricks.experiment.experiment import Experiment
from jaxtricks.search.bayes import BayesSearch
from jaxtricks.search.budget import Budget
from jaxtricks.search.journal import JOURNAL
from jaxtricks.search.result import Search
from jaxtricks.search.rules import Certainty
from jaxtricks.search.runner import BATCH, search, strategy_of
from jaxtricks.search.scheme import Full, Scheme
from jaxtricks.search.shared_bucket import meeting
from jaxtricks.search.shared_storage import SharedStorage
from jaxtricks.search.sharing import Sharing
from jaxtricks.search.space import Space
from jaxtricks.search.strategy import Strategy
from jaxtricks.store import folder as folders
from jaxtricks.train.shown import paged

TRIALS = 256  # where no other bound is given


@config()
class Searched:
    """What settings of a strategy and of a scheme stand in, so that they are flags as those of an experiment are.

    Args:
        strategy: the strategy.
        scheme: the scheme.
    """

    strategy: Strategy = BayesSearch()
    scheme: Scheme = Full()


class _Asked(NamedTuple):
    """What is searched, on what and how."""

    experiment: Experiment
    space: Space | Path | None
    data: Dataset
    searched: Searched
    sharing: Sharing | None


@dataclasses.dataclass(frozen=True)
class SearchCommand(MetricFlags, Finding, Resumable):
    """Search hyperparameters, and say how likely the winner is the best, and how good it is without the luck of the chosen.

    Each trial is trained as several restarts; restarts are added where they decide, and the winner is trained once more on fresh
    seeds. Every setting of the experiment is a flag too, such as --model.widths 64 64, and so are those of the strategy, such as
    --strategy.start 16, and of the scheme, such as --scheme.eta 4. `jaxtricks resume` goes on with a search that was cut off.
    Exit code 75 if SIGTERM ended it.

    Several machines share one search when each is given the same command with --share FOLDER or --storage URL. They may begin and
    end when they like; each writes a page of its own, and all have the same trials and winner.

    Args:
        space: path=range for each setting, such as optimizer.rule.learning_rate=log:1e-5:1e-1, model.dropout=0:0.7,
            optimizer.rule.momentum=1-log:0.5:0.99, epochs=int:5:40 or model.activation=relu,tanh; or a JSON file; by default
            ranges around all that is on.
        strategy: where points come from: bayes, random, sobol, grid, coarse_to_fine, sensitivity (a design that shows which
            settings matter), or optuna with a --strategy.sampler such as TPESampler or CmaEsSampler (pip install
            jaxtricks[optuna]).
        scheme: how the points of a batch are trained: full (all to the end), halving or hyperband (those that are behind leave
            early), or population (those that are behind go on from the weights of a better one, with other settings).
        trials: how many points are tried at most; by default 256, or as many as another bound allows.
        epochs_budget: how many restart-epochs the search may take.
        minutes: how long it may take.
        seeds: restarts of each trial, two or more.
        batch: trials that are trained together; by default 16, or as many as the scheme needs.
        margin: the smallest difference worth caring about, in the metric's units (0.005 is half a point of accuracy).
        asked: P(the winner is within the margin of the best tried) at which no restarts are added any more.
        fresh_seeds: restarts of the winner at the end.
        search_seed: of the points and of all restarts.
        share: a folder in which machines meet that share the search, such as one on NFS; or a URL, such as gs://bucket/shared.
        storage: the same through Optuna: sqlite:///FILE, postgresql://… (pip install jaxtricks[postgresql]) or journal:FILE; each
            job is a trial of a study.
        study: its name; a search has a study of its own.
        lease: seconds after which the work of a machine that shows no sign of life is another's; the same on all machines.
    """

    title: ClassVar[str] = "search"
    copies: ClassVar[Mapping[str, Copy]] = {**Finding.copies, "share": contextlib.nullcontext}

    space: Repeated[str] = dataclasses.field(default=(), kw_only=True)
    strategy: str = dataclasses.field(default="bayes", kw_only=True)
    scheme: str = dataclasses.field(default="full", kw_only=True)
    trials: Maybe[int] = dataclasses.field(default=None, kw_only=True)
    epochs_budget: Maybe[int] = dataclasses.field(default=None, kw_only=True)
    minutes: Maybe[float] = dataclasses.field(default=None, kw_only=True)
    seeds: tuple[int, ...] = dataclasses.field(default=(4,), kw_only=True)
    batch: Maybe[int] = dataclasses.field(default=None, kw_only=True)
    margin: Maybe[float] = dataclasses.field(default=None, kw_only=True)
    asked: float = dataclasses.field(default=0.95, kw_only=True)
    fresh_seeds: int = dataclasses.field(default=16, kw_only=True)
    search_seed: int = dataclasses.field(default=0, kw_only=True)
    share: Maybe[Path] = dataclasses.field(default=None, kw_only=True)
    storage: Maybe[str] = dataclasses.field(default=None, kw_only=True)
    study: str = dataclasses.field(default="jaxtricks", kw_only=True)
    lease: float = dataclasses.field(default=60.0, kw_only=True)

    def __call__(self, settings: Settings, line: str) -> None:
        folders.check_writable(ROOT) if self.out is None else folders.check_free(self.out)
        asked = self._asked(settings)
        folder = folders.claim(self.out or folders.fresh(ROOT, f"{asked.data.name}-search"), line)
        try:
            self._search(asked, folder)
        finally:
            if not (folder / folders.CHECKPOINTS / JOURNAL).exists():  # nothing was tried
                folders.leave(folder)
                with contextlib.suppress(OSError):
                    ROOT.rmdir()

    def check_longer(self, folder: Path) -> None:
        raise ConfigError(f"{folder} is a search, whose budget decided what was tried; search anew with more --epochs.")

    def go_on(self, began: Begun[Any], folder: Path, together: Mapping[str, Any]) -> None:
        self._search(self._asked(began.settings), folder)

    def _asked(self, settings: Settings) -> _Asked:
        """Sets the devices up, and reads what is searched on what and how."""
        if len(self.seeds) > 1:
            given = " ".join(map(str, self.seeds))
            raise ConfigError(f"--seeds {given} names seeds, and a search gives each restart its own; one number is allowed.")
        sharing = self._sharing()
        self.set_up((self.batch or BATCH) * self.seeds[0])  # before a module of the user's is imported
        own = {name: words for name, words in settings.items() if name.startswith(("strategy.", "scheme."))}
        others = {name: words for name, words in settings.items() if name not in own}
        searched = Searched(strategy=strategy_of(self.strategy), scheme=Scheme(self.scheme))
        for path, words in own.items():
            searched = replace(searched, {path: parse(searched, path, words)})
        experiment = experiment_from(self.config, others, Parser(type(self), self.title).flags)
        return _Asked(experiment, self._space(experiment), self.dataset(), searched, sharing)

    def _search(self, asked: _Asked, folder: Path) -> None:
        """Searches, from what the folder holds on, writes it and prints what was found."""
        try:
            with folders.working(folder), preemption.listening():
                found = self._found(asked, folder)
                paged(found).save(folder)
        except Preempted as stop:
            print(f"jaxtricks: {stop} `jaxtricks resume {folder}` goes on.", file=sys.stderr)
            sys.exit(preemption.EXIT_CODE)
        if self.json:
            print(json.dumps({"folder": str(folder), **found.to_dict()}))
        else:
            print(f"{found}\n\n{folder / folders.PAGE}")
        sys.stdout.flush()

    def _found(self, asked: _Asked, folder: Path) -> Search:
        unbounded = self.epochs_budget is None and self.minutes is None
        return search(
            asked.experiment,
            asked.space,
            asked.data,
            strategy=asked.searched.strategy,
            scheme=asked.searched.scheme,
            budget=Budget(TRIALS if self.trials is None and unbounded else self.trials, self.epochs_budget, self.minutes),
            seeds=self.seeds[0],
            metric=self.judged_by(),
            margin=self.margin,
            certainty=Certainty(self.asked, self.fresh_seeds),
            batch=self.batch,
            seed=self.search_seed,
            folder=folder / folders.CHECKPOINTS,
            share=asked.sharing,
            layout=self.layout(),
            progress=not self.json,
        )

    def _sharing(self) -> Sharing | None:
        """Where machines meet that share the search; None where this one searches alone."""
        if self.share is not None and self.storage is not None:
            raise ConfigError(
                f"--share {self.share} and --storage {self.storage} are two places to meet; one of them is allowed."
            )
        if self.share is not None:
            return meeting(self.share, self.lease)
        return None if self.storage is None else SharedStorage(self.storage, self.study, self.lease)

    def _space(self, experiment: Experiment) -> Space | Path | None:
        """The space of the flags; None where there are none."""
        words = [word for several in self.space for word in several]
        if not words:
            return None
        if len(words) == 1 and "=" not in words[0]:
            return Path(words[0])
        ranges = {}
        for word in words:
            path, equals, text = word.partition("=")
            if not equals:
                raise ConfigError(f"--space {word!r} is not path=range, such as model.dropout=0:0.7, nor the only file.")
            ranges[meant(experiment, path.replace("-", "_"))] = text
        return Space.from_json(ranges)
