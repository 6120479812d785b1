"""Search over hyperparameters: the space, the strategies that say what is tried next, and what a search knows.

The module can be called as the function: `jaxtricks.search(…)` is `jaxtricks.search.search(…)`.
"""

import sys
import types
from typing import Any

from jaxtricks.config.folder import import_files
from jaxtricks.search.bayes import BayesSearch, Belief, belief
from jaxtricks.search.budget import Budget
from jaxtricks.search.choice import Choice
from jaxtricks.search.coarse_to_fine import CoarseToFine
from jaxtricks.search.condition import Condition, parse_condition
from jaxtricks.search.export import optuna_study
from jaxtricks.search.fair import FairComparison
from jaxtricks.search.fitting import fitted, vectorized
from jaxtricks.search.grid import GridSearch
from jaxtricks.search.halving import Halving, Hyperband
from jaxtricks.search.history import History, Trial
from jaxtricks.search.lr_range import RateRange, RateSweep
from jaxtricks.search.manual import ManualSearch
from jaxtricks.search.mattered import Along, Effect, Joint, Mattered, SpreadShare, Surface
from jaxtricks.search.optuna_search import OptunaSearch
from jaxtricks.search.population import PopulationTraining
from jaxtricks.search.proposal import space_of
from jaxtricks.search.random import RandomSearch
from jaxtricks.search.ranges import FloatRange, IntRange, LogUniform, OneMinusLog, SearchRange
from jaxtricks.search.result import RankedTrial, Search
from jaxtricks.search.rules import Certainty
from jaxtricks.search.runner import search
from jaxtricks.search.scheme import Full, Scheme, TrialRuns, TrialSet, train_trials
from jaxtricks.search.sensitivity import SensitivitySearch
from jaxtricks.search.shared_bucket import SharedBucket
from jaxtricks.search.shared_storage import SharedStorage
from jaxtricks.search.sharing import SharedFolder, Sharing
from jaxtricks.search.sobol import SobolSearch
from jaxtricks.search.space import Space
from jaxtricks.search.space_tuning import SpaceTuning
from jaxtricks.search.strategy import Strategy
from jaxtricks.search.suggestion import RateSuggestion
from jaxtricks.search.texts import parse_range

import_files(__name__, __path__)

__all__ = [
    "Along",
    "BayesSearch",
    "Belief",
    "Budget",
    "Certainty",
    "Choice",
    "CoarseToFine",
    "Condition",
    "Effect",
    "FairComparison",
    "FloatRange",
    "Full",
    "GridSearch",
    "Halving",
    "History",
    "Hyperband",
    "IntRange",
    "Joint",
    "LogUniform",
    "ManualSearch",
    "Mattered",
    "OneMinusLog",
    "OptunaSearch",
    "PopulationTraining",
    "RandomSearch",
    "RankedTrial",
    "RateRange",
    "RateSuggestion",
    "RateSweep",
    "Scheme",
    "Search",
    "SearchRange",
    "SensitivitySearch",
    "SharedBucket",
    "SharedFolder",
    "SharedStorage",
    "Sharing",
    "SobolSearch",
    "Space",
    "SpaceTuning",
    "SpreadShare",
    "Strategy",
    "Surface",
    "Trial",
    "TrialRuns",
    "TrialSet",
    "belief",
    "fitted",
    "optuna_study",
    "parse_condition",
    "parse_range",
    "search",
    "space_of",
    "train_trials",
    "vectorized",
]


def __dir__() -> list[str]:
    return __all__


class _SearchModule(types.ModuleType):
    """This module, which is also the function that it is named after."""

    def __call__(self, *arguments: Any, **options: Any) -> Search:
        return search(*arguments, **options)


sys.modules[__name__].__class__ = _SearchModule
