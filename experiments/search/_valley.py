"""What claims on the table of `experiments.crowded_valley` have in common."""

import numpy as np
from jaxtyping import Float

from experiments.crowded_valley.table import Table
from jaxtricks.config import ConfigError
from jaxtricks.evaluate.claim import Paper, Scale

ADAM = "adam"
NEWER = ("amsgrad", "nadam", "radam", "adabelief", "adabound", "amsbound", "lookahead_momentum", "lookahead_radam")
SCHMIDT = (
    "Schmidt, Schneider & Hennig 2021, Descending through a crowded valley: 15 optimizers, 8 problems, more than 50 000 runs; "
    "(i) optimizer performance varies greatly across tasks; (ii) evaluating multiple optimizers with default parameters works "
    "approximately as well as tuning the hyperparameters of a single, fixed optimizer; (iii) no method clearly dominates across "
    "all tested tasks, Adam remains a strong contender, with newer methods failing to significantly and consistently outperform "
    "it"
)
PAPERS = (
    Paper(SCHMIDT, "A"),
    Paper("the same: budgets of 25, 50 and 75 settings, four schedules, ranges and defaults", "R"),
)


def table(scale: Scale) -> Table:
    """The table that is kept, at every scale.

    Raises:
        ConfigError: for a replication, of which the table has no restarts.
    """
    if scale.replication:
        raise ConfigError(
            f"replication = {scale.replication}: the table of experiments.crowded_valley has one block of restarts; only the "
            "first run is possible, until it is trained anew."
        )
    return Table.read()


def jackknifed(matrix: Float[np.ndarray, "problems problems"]) -> Float[np.ndarray, " problems"]:
    """Pseudo-values of the mean over pairs of problems: their mean is that mean, their spread is what problems add to it.

    Each is n times the mean over all pairs less n - 1 times that without one problem.

    Args:
        matrix: a number for each pair; the diagonal is not used.

    >>> np.round(jackknifed(np.array([[1, 0.2, 0.4], [0.2, 1, 0.6], [0.4, 0.6, 1]])), 6).tolist()
    [0.0, 0.4, 0.8]
    """
    n = len(matrix)

    def over_pairs(kept: list[int]) -> float:
        part = matrix[np.ix_(kept, kept)]
        return float(part[np.triu_indices(len(kept), 1)].mean())

    whole = over_pairs(list(range(n)))
    return np.array([n * whole - (n - 1) * over_pairs([each for each in range(n) if each != left]) for left in range(n)])
