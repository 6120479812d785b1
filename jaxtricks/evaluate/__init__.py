"""What runs tell: verdicts, studies, ensembles, text."""

from jaxtricks.evaluate.ablate import Ablation
from jaxtricks.evaluate.choices import Fitted, Greedy, TopK
from jaxtricks.evaluate.compare import Study, verdicts
from jaxtricks.evaluate.copies import augmented_log_probs
from jaxtricks.evaluate.costs import Cost, cost
from jaxtricks.evaluate.crossing import Crossover
from jaxtricks.evaluate.curve import LearningCurve
from jaxtricks.evaluate.elsewhere import judge_pairs
from jaxtricks.evaluate.ensemble import Ensemble, EnsembleReport
from jaxtricks.evaluate.finding import ScopedFinding
from jaxtricks.evaluate.judging import Spread
from jaxtricks.evaluate.label_errors import LabelErrors, Suspect
from jaxtricks.evaluate.ladder import Ladder, Rung
from jaxtricks.evaluate.latency import Latency, Serving, serving
from jaxtricks.evaluate.masks import OverMasks, over_masks
from jaxtricks.evaluate.rate_ladder import RateLadder
from jaxtricks.evaluate.sample import Writer
from jaxtricks.evaluate.tuning import Trials, Tuned, Tuning
from jaxtricks.evaluate.verdict import Decision, Verdict
from jaxtricks.experiment.masks import MonteCarlo

__all__ = [
    "Ablation",
    "Cost",
    "Crossover",
    "Decision",
    "Ensemble",
    "EnsembleReport",
    "Fitted",
    "Greedy",
    "LabelErrors",
    "Ladder",
    "Latency",
    "LearningCurve",
    "MonteCarlo",
    "OverMasks",
    "RateLadder",
    "Rung",
    "ScopedFinding",
    "Serving",
    "Spread",
    "Study",
    "Suspect",
    "TopK",
    "Trials",
    "Tuned",
    "Tuning",
    "Verdict",
    "Writer",
    "augmented_log_probs",
    "cost",
    "judge_pairs",
    "over_masks",
    "serving",
    "verdicts",
]


def __dir__() -> list[str]:
    return __all__
