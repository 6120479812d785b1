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
    jt.schedules    learning rates over time              jt.diagnose   signs, cures, gradients, curvature
    jt.search       spaces of hyperparameters, strategies
    jt.prune        pruning in rounds, lottery tickets
    jt.publish      files for JAX or NumPy alone, model cards, the Hub
    jt.checks       leaks and other faults of data
    jt.baselines    simple models that a network should beat
    jt.extend       what an extension of your own is made of
"""

import functools
import importlib
import importlib.metadata
import importlib.util
import sys
import warnings
from typing import Any

import lazy_loader

from jaxtricks.moved import MOVED

# What `__init__.pyi` names is imported when it is first asked for: `jaxtricks --help` needs none of it.
_listed, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)


def __getattr__(name: str) -> Any:
    if name in __all__:
        return _listed(name)
    if name == "__version__":  # of what is installed; a tag of git made it
        return importlib.metadata.version(__name__)
    if name in MOVED:
        warnings.warn(f"jaxtricks.{name} is now jaxtricks.{MOVED[name]}.", DeprecationWarning, stacklevel=2)
        return functools.reduce(getattr, MOVED[name].split("."), sys.modules[__name__])
    if not name.startswith("_") and importlib.util.find_spec(f"{__name__}.{name}"):  # a room that is not of the first page
        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module 'jaxtricks' has no attribute {name!r}")
