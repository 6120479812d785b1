"""What is wrong with a data set: leaks, copies, and what only looks like knowledge."""

from jaxtricks.checks.check import check_data
from jaxtricks.checks.finding import DataFinding
from jaxtricks.checks.registry import CHECKS, Check, registered
from jaxtricks.checks.report import DataReport
from jaxtricks.checks.splits import Splits
from jaxtricks.config.folder import import_files

import_files(__name__, __path__)

__all__ = ["CHECKS", "Check", "DataFinding", "DataReport", "Splits", "check_data", "registered"]


def __dir__() -> list[str]:
    return __all__
