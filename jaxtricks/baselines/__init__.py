"""Simple models that a network should beat: guessing, the commonest answer, a linear model, neighbours, boosted trees."""

from jaxtricks.baselines.baseline import Baseline, Learnt
from jaxtricks.baselines.bigram import Bigram
from jaxtricks.baselines.boosting import Boosting
from jaxtricks.baselines.constant import Guess, Majority
from jaxtricks.baselines.linear import LinearModel
from jaxtricks.baselines.nearest import Nearest

BASELINES: dict[str, Baseline] = {
    baseline.name: baseline for baseline in (Guess(), Majority(), LinearModel(), Nearest(), Boosting(), Bigram())
}
FAST = ("majority", "linear", "nearest")  # which cost a second or two, so that checks can use them

__all__ = ["BASELINES", "FAST", "Baseline", "Bigram", "Boosting", "Guess", "Learnt", "LinearModel", "Majority", "Nearest"]


def __dir__() -> list[str]:
    return __all__
