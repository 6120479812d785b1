"""Search over hyperparameters: the space, the strategies that say what is tried next, and what a search knows."""

from jaxtricks.config.folder import import_files
from jaxtricks.search.bayes import BayesSearch, Belief, belief
from jaxtricks.search.choice import Choice
from jaxtricks.search.coarse_to_fine import CoarseToFine
from jaxtricks.search.condition import Condition, parse_condition
from jaxtricks.search.fair import FairComparison
from jaxtricks.search.fitting import fitted, vectorized
from jaxtricks.search.grid import GridSearch
from jaxtricks.search.history import History, Trial
from jaxtricks.search.lr_range import RateRange, RateSweep
from jaxtricks.search.manual import ManualSearch
from jaxtricks.search.proposal import space_of
from jaxtricks.search.random import RandomSearch
from jaxtricks.search.ranges import FloatRange, IntRange, LogUniform, OneMinusLog, SearchRange
from jaxtricks.search.sobol import SobolSearch
from jaxtricks.search.space import Space
from jaxtricks.search.space_tuning import SpaceTuning
from jaxtricks.search.strategy import Strategy
from jaxtricks.search.suggestion import RateSuggestion
from jaxtricks.search.texts import parse_range

import_files(__name__, __path__)

__all__ = [
    "BayesSearch",
    "Belief",
    "Choice",
    "CoarseToFine",
    "Condition",
    "FairComparison",
    "FloatRange",
    "GridSearch",
    "History",
    "IntRange",
    "LogUniform",
    "ManualSearch",
    "OneMinusLog",
    "RandomSearch",
    "RateRange",
    "RateSuggestion",
    "RateSweep",
    "SearchRange",
    "SobolSearch",
    "Space",
    "SpaceTuning",
    "Strategy",
    "Trial",
    "belief",
    "fitted",
    "parse_condition",
    "parse_range",
    "space_of",
    "vectorized",
]


def __dir__() -> list[str]:
    return __all__
