"""What claims on searches of the table have in common."""

from collections.abc import Mapping

import numpy as np
from jaxtyping import Float

from experiments.search_luck.searches import searched
from experiments.search_luck.table import SPACE, Table
from jaxtricks.evaluate.claim import Axes, Curve, Estimate, Scale
from jaxtricks.search import Strategy
from jaxtricks.search.condition import Point

SEEDS = 4  # restarts of a trial
GIVEN: Point = {  # what an expert begins with: the library's defaults, and little of what regularizes
    "optimizer.rule.learning_rate": 1e-3,
    "optimizer.rule.b1": 0.9,
    "optimizer.rule.weight_decay.rate": 1e-2,
    "optimizer.clip_norm": 1.0,
    "model.dropout.rate": 0.1,
    "objective.loss.label_smoothing": 0.1,
}
assert set(GIVEN) == set(SPACE.paths)


def regrets(strategies: Mapping[str, Strategy], trials: int, scale: Scale) -> dict[str, Float[np.ndarray, " searches"]]:
    """How far what each search returns truly lies below the best of the table, in points of accuracy.

    Args:
        strategies: name → strategy.
        trials: of the budget; a fifth of the restarts races on top.
        scale: its restarts are the numbers of the searches.
    """
    table = Table.read()
    return {
        name: np.array([100 * searched(table, strategy, trials, SEEDS, number).regret for number in scale.restarts])
        for name, strategy in strategies.items()
    }


def at_budgets(found: Mapping[int, Mapping[str, Float[np.ndarray, " searches"]]]) -> tuple[tuple[Curve, ...], Axes]:
    """The curves of regret over budgets, and their axes.

    Args:
        found: trials → name → regrets.
    """
    budgets = tuple(float(trials) for trials in found)
    names = list(next(iter(found.values())))
    curves = tuple(Curve.over_seeds(name, budgets, np.stack([found[trials][name] for trials in found], axis=1)) for name in names)
    return curves, Axes("trials", "below the best of the table (points of accuracy)", log="x")


def said(found: Mapping[str, Float[np.ndarray, " searches"]]) -> str:
    """The mean regret of each, in words."""
    return ", ".join(f"{name} {Estimate.of(values, 'these examples').mean:.2f}" for name, values in found.items())
