"""What an extension is made of: configs and their declared types, layers, methods of optimization, and the list of all tricks.

import jaxtricks as jt

@jt.extend.config("halving")
class Halving(jt.schedules.Schedule): ...
"""

from jaxtricks.config import (
    Count,
    Family,
    Fraction,
    NonNegative,
    Positive,
    Range,
    Rate,
    Real,
    Trick,
    choices,
    config,
    trick,
)
from jaxtricks.experiment.catalogue import catalogue
from jaxtricks.models.contract import Model, Network, Traits, contract
from jaxtricks.nn.layer import Layer
from jaxtricks.nn.quotient import Quotient
from jaxtricks.objectives.counting import Counting
from jaxtricks.objectives.task import Task
from jaxtricks.optim.chains import rule_of
from jaxtricks.optim.method import Info, Method, Problem, Update, Validation

__all__ = [
    "Count",
    "Counting",
    "Family",
    "Fraction",
    "Info",
    "Layer",
    "Method",
    "Model",
    "Network",
    "NonNegative",
    "Positive",
    "Problem",
    "Quotient",
    "Range",
    "Rate",
    "Real",
    "Task",
    "Traits",
    "Trick",
    "Update",
    "Validation",
    "catalogue",
    "choices",
    "config",
    "contract",
    "rule_of",
    "trick",
]


def __dir__() -> list[str]:
    return __all__
