from . import (
    baselines,
    checks,
    data,
    diagnose,
    evaluate,
    experiment,
    extend,
    losses,
    metrics,
    models,
    nn,
    optim,
    prune,
    publish,
    schedules,
    search,
)
from .checks.check import check_data
from .config import ConfigError
from .data import DataError, Dataset, Text, load
from .diagnose.examine import examine
from .diagnose.examine_step import examine_step
from .diagnose.replay import replay
from .engine.layout import Layout
from .estimators import Classifier, Regressor
from .evaluate.ablate import ablate
from .evaluate.compare import compare, study
from .evaluate.curve import learning_curve
from .evaluate.elsewhere import judge
from .evaluate.ensemble import ensemble
from .evaluate.label_errors import label_errors
from .evaluate.ladder import ladder
from .evaluate.verdict import Verdict
from .experiment.experiment import Experiment
from .experiment.resampling import FiveByTwo, Folds
from .experiment.seeds import Seeds
from .experiment.stopping import EarlyStopping
from .experiment.transfer import Transfer
from .models import CNN, MLP, RNN, TCN, Functional, Transformer
from .models.stages import Conv, Pool, Residual
from .nn.dropout import Dropout
from .objectives.metric import Metric
from .objectives.objective import Objective
from .optim import SGD, Adam, AdamW, Momentum, Optax, Optimizer
from .search.fair import fair_compare
from .search.lr_range import lr_range
from .store.checkpoint import CheckpointError
from .store.policy import Checkpoints
from .train.fit import fit, resume, snapshots
from .train.runs import Runs

__version__: str

__all__ = [
    "CNN",
    "MLP",
    "RNN",
    "SGD",
    "TCN",
    "Adam",
    "AdamW",
    "CheckpointError",
    "Checkpoints",
    "Classifier",
    "ConfigError",
    "Conv",
    "DataError",
    "Dataset",
    "Dropout",
    "EarlyStopping",
    "Experiment",
    "FiveByTwo",
    "Folds",
    "Functional",
    "Layout",
    "Metric",
    "Momentum",
    "Objective",
    "Optax",
    "Optimizer",
    "Pool",
    "Regressor",
    "Residual",
    "Runs",
    "Seeds",
    "Text",
    "Transfer",
    "Transformer",
    "Verdict",
    "ablate",
    "baselines",
    "check_data",
    "checks",
    "compare",
    "data",
    "diagnose",
    "ensemble",
    "evaluate",
    "examine",
    "examine_step",
    "experiment",
    "extend",
    "fair_compare",
    "fit",
    "judge",
    "label_errors",
    "ladder",
    "learning_curve",
    "load",
    "losses",
    "lr_range",
    "metrics",
    "models",
    "nn",
    "optim",
    "prune",
    "publish",
    "replay",
    "resume",
    "schedules",
    "search",
    "snapshots",
    "study",
]
