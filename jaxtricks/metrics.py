"""What predictions are judged by: `jt.Experiment(metrics=("macro_f1", "top_3"))`, and `jt.Metric` for one of your own."""

from jaxtricks.objectives.metric import Declaration, Mean, Metric
from jaxtricks.objectives.metrics import METRICS, bits_per_character, find

__all__ = ["METRICS", "Declaration", "Mean", "Metric", "bits_per_character", "find"]


def __dir__() -> list[str]:
    return __all__
