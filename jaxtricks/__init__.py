"""Does a training trick help on your task, by how much, and is that more than luck?

    import jaxtricks as jt

    digits = jt.load("digits")
    base = jt.Experiment(model=jt.MLP(widths=(256, 256)), optimizer=jt.Optimizer(rule=jt.AdamW(learning_rate=1e-3)))
    print(jt.compare(base, base.replace({"model.dropout": 0.5}), digits, seeds=16))

The names here are those of a first page. The rest is in namespaces:

    jt.data         data sets, texts, augmentation        jt.losses     losses, reductions, priors
    jt.nn           layers and what goes into them        jt.metrics    what predictions are judged by
    jt.models       networks                              jt.experiment inputs, orders, parts of the data
    jt.optim        rules, decay, clipping, averages      jt.evaluate   verdicts, ensembles, text
    jt.schedules    learning rates over time              jt.diagnose   gradients, curvature, variance, noise
    jt.extend       what an extension of your own is made of
"""

import functools
import sys
import typing
import warnings

from jaxtricks import data, diagnose, evaluate, experiment, extend, losses, metrics, models, nn, optim, schedules
from jaxtricks.config import ConfigError
from jaxtricks.data import DataError, Dataset, Text, load
from jaxtricks.engine.layout import Layout
from jaxtricks.evaluate.ablate import ablate
from jaxtricks.evaluate.compare import compare, study
from jaxtricks.evaluate.ensemble import ensemble
from jaxtricks.evaluate.verdict import Verdict
from jaxtricks.experiment.experiment import Experiment
from jaxtricks.experiment.resampling import Folds
from jaxtricks.experiment.seeds import Seeds
from jaxtricks.experiment.stopping import EarlyStopping
from jaxtricks.experiment.transfer import Transfer
from jaxtricks.models import CNN, MLP, RNN, TCN, Functional, Transformer
from jaxtricks.moved import MOVED
from jaxtricks.nn.dropout import Dropout
from jaxtricks.objectives.metric import Metric
from jaxtricks.objectives.objective import Objective
from jaxtricks.optim import SGD, Adam, AdamW, Momentum, Optax, Optimizer
from jaxtricks.report import shown as _pages  # registers the pages of runs and studies
from jaxtricks.store.checkpoint import CheckpointError
from jaxtricks.store.policy import Checkpoints
from jaxtricks.train.fit import fit, resume, snapshots
from jaxtricks.train.runs import Runs

__version__ = "0.1.0"

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
    "ConfigError",
    "DataError",
    "Dataset",
    "Dropout",
    "EarlyStopping",
    "Experiment",
    "Folds",
    "Functional",
    "Layout",
    "Metric",
    "Momentum",
    "Objective",
    "Optax",
    "Optimizer",
    "Runs",
    "Seeds",
    "Text",
    "Transfer",
    "Transformer",
    "Verdict",
    "ablate",
    "compare",
    "data",
    "diagnose",
    "ensemble",
    "evaluate",
    "experiment",
    "extend",
    "fit",
    "load",
    "losses",
    "metrics",
    "models",
    "nn",
    "optim",
    "resume",
    "schedules",
    "snapshots",
    "study",
]


def __dir__() -> list[str]:
    return __all__


if not typing.TYPE_CHECKING:  # a type checker is to find a name that is not there

    def __getattr__(name: str) -> typing.Any:
        if name not in MOVED:
            raise AttributeError(f"module 'jaxtricks' has no attribute {name!r}")
        warnings.warn(f"jaxtricks.{name} is now jaxtricks.{MOVED[name]}.", DeprecationWarning, stacklevel=2)
        return functools.reduce(getattr, MOVED[name].split("."), sys.modules[__name__])
