"""Averages of members on examples that they held out, all of them made of one reading of the examples."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import jax
import numpy as np
from jaxtyping import Bool, Float

from jaxtricks.data import Examples
from jaxtricks.evaluate.averaging import Average, Averaged
from jaxtricks.evaluate.judging import HeldOut, Judge, Numbers, Spread
from jaxtricks.objectives.metric import Metric, finished, sums
from jaxtricks.objectives.rows import Rows
from jaxtricks.train.runs import Runs


@dataclass
class Mixture:
    """What one average of members says of the examples that one of them at least held out.

    Args:
        weights: of the members.
        metrics: name → metric.
        known: which of all examples they are.
        raw: metric of `Judge.names` → `Judge.by_example`, of all examples; 0 where it is not known.
    """

    weights: Float[np.ndarray, " members"]
    metrics: dict[str, Metric]
    known: Bool[np.ndarray, " examples"]
    raw: Numbers = field(default_factory=dict)
    _sums: list[Any] = field(default_factory=list)
    _rows: Rows | None = None

    def add(self, places: np.ndarray, predictions: Float[np.ndarray, "examples ..."], judge: Judge, examples: Examples) -> None:
        """Adds the averaged predictions for the examples at some places."""
        self._rows = judge.rows(predictions, examples)
        self._sums.append(sums(self.metrics, self._rows))
        self.known[places] = True
        for name, values in judge.by_example(predictions, examples).items():
            whole = self.raw.setdefault(name, np.zeros((len(self.known), *values.shape[1:])))
            whole[places] = values

    @property
    def values(self) -> dict[str, float]:
        """Metric → its value."""
        count, totals = jax.tree.map(lambda *parts: sum(parts[1:], start=parts[0]), *self._sums)
        return {name: float(value) for name, value in finished(self.metrics, count, totals, self._rows).items()}


@dataclass(frozen=True)
class Mixed:
    """What several averages of the same members say.

    Args:
        mixtures: one for each set of weights.
        disagreement: how far two members are apart on a row that both held out, the mean over rows and pairs; 0 for one member.
        spread: how sure the first average is of values.
    """

    mixtures: list[Mixture]
    disagreement: float
    spread: Spread | None


def mixed(
    runs: Sequence[Runs],
    examples: Examples,
    held_out: HeldOut,
    weights: Sequence[Float[np.ndarray, " members"]],
    metrics: dict[str, Metric],
    judge: Judge,
    average: Averaged,
    of: Average,
) -> Mixed:
    """Reads the examples once, and averages what the members say with each set of weights.

    Args:
        runs: the members.
        examples: what they predict.
        held_out: which members held which of them out; an average is over these alone.
        weights: sets of weights, that of the whole ensemble first.
        metrics: name → metric.
        judge: of the task.
        average: of the task.
        of: what is averaged of classes.
    """
    found = [Mixture(each, metrics, np.zeros(len(examples.x), bool)) for each in weights]
    used = np.flatnonzero(weights[0])
    apart, together, spread = 0.0, 0.0, None
    for places, predictions in judge.parts(runs, examples):
        here, held = examples.at(places), held_out[:, places]
        for mixture in found:
            some = np.flatnonzero(mixture.weights)
            each = mixture.weights[some, None] * held[some]
            known = each.sum(axis=0) > 0
            averaged = average(predictions[some][:, known], each[:, known] / each[:, known].sum(axis=0), of)
            mixture.add(places[known], averaged, judge, here.at(known))
            if mixture is found[0]:
                spread = judge.spread(predictions[used][:, known], held[used][:, known], averaged, here.at(known))
        for i, one in enumerate(used):
            for other in used[:i]:
                both = held[one] & held[other]
                apart += float(judge.apart(predictions[one][both], predictions[other][both], here.at(both)).sum())
                together += float(judge.counts(here.at(both)).sum())
    return Mixed(found, apart / together if together else 0.0, spread)
