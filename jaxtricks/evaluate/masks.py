"""What averaging over dropout's masks at test changes, beside the network without masks."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from jaxtricks import statistics
from jaxtricks.data import Examples
from jaxtricks.evaluate.written import table, written
from jaxtricks.experiment.masks import MonteCarlo
from jaxtricks.objectives.task import task_of
from jaxtricks.statistics import Interval
from jaxtricks.train.runs import Runs, Split

Values = dict[str, Float[np.ndarray, " runs"]]


@dataclass(frozen=True)
class OverMasks:
    """Metrics of each restart by the average over masks, beside those of the network without masks, on the same examples.

    Args:
        passes: how many masks each prediction averages.
        off: metric → without masks, [runs].
        once: metric → with one mask, as in training, [runs].
        averaged: metric → averaged over masks, [runs].

    >>> digits, base = jt.load("digits").subset(100, seed=0), jt.Experiment(model=jt.MLP(widths=(8,), dropout=0.5), epochs=2)
    >>> found = jt.evaluate.over_masks(jt.fit(base, digits, seeds=4, progress=False), jt.evaluate.MonteCarlo(passes=3))
    >>> found.passes, found.averaged["nll"].shape
    (3, (4,))
    """

    passes: int
    off: Values
    once: Values
    averaged: Values

    @property
    def change(self) -> dict[str, Interval]:
        """Metric → the 95% interval, over restarts, of the average over masks minus no masks: on these examples."""
        return {name: statistics.t_interval(self.averaged[name] - self.off[name]) for name in self.off}

    def to_dict(self) -> dict[str, Any]:
        """The values as JSON has them."""
        ways = {"off": self.off, "once": self.once, "averaged": self.averaged}
        return {"passes": self.passes} | {way: {name: x.tolist() for name, x in each.items()} for way, each in ways.items()}

    def __str__(self) -> str:
        rows: list[tuple[str, ...]] = [("", "no masks", "one mask", f"mean of {self.passes}", "change", "95% interval")]
        for name, interval in self.change.items():
            off, once, averaged = (values[name].mean() for values in (self.off, self.once, self.averaged))
            ends = f"[{', '.join(written(name, end, '+') for end in interval)}]"
            rows.append((name, *(written(name, x) for x in (off, once, averaged)), written(name, averaged - off, "+"), ends))
        count = len(next(iter(self.off.values())))
        return "\n".join([f"predictions averaged over {self.passes} masks, mean over {count} restarts", *table(rows)])


def over_masks(runs: Runs, masks: MonteCarlo, split: Split | Examples = "validation") -> OverMasks:
    """Evaluates restarts without masks, with one and averaged over several, by the task's own metrics.

    (T069; Gal & Ghahramani 2016)

    Args:
        runs: of a model with dropout.
        masks: how many, and which.
        split: see `Runs.evaluate`.

    Raises:
        ConfigError: for a model that draws no masks, or an unknown split.

    >>> digits, base = jt.load("digits").subset(100, seed=0), jt.Experiment(model=jt.MLP(widths=(8,), dropout=0.5), epochs=2)
    >>> found = jt.evaluate.over_masks(jt.fit(base, digits, seeds=4, progress=False), jt.evaluate.MonteCarlo(passes=3))
    >>> print(str(found).splitlines()[0])
    predictions averaged over 3 masks, mean over 4 restarts
    """
    names = [name for name in task_of(runs.data).metrics if name in runs.metrics]
    ways = (None, MonteCarlo(passes=1, seed=masks.seed), masks)
    off, once, averaged = (runs.evaluate(split, way) for way in ways)
    return OverMasks(masks.passes, *({name: values[name] for name in names} for values in (off, once, averaged)))
