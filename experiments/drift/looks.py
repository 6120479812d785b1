"""Looks at new data: in a file of its own, where other processes find them."""

import dataclasses
import functools
from pathlib import Path

import numpy as np

import jaxtricks as jt
from experiments.drift.sets import Stream, first_half, plain, streams
from jaxtricks import rng
from jaxtricks.diagnose import Drift, drift

NONE = "no shift"
TITLE = "data,division,shift,features_p,scores_p,classifier_p,auc,auc_low,auc_high"
RESTARTS = 4


@dataclasses.dataclass(frozen=True)
class Look:
    """One look at new data.

    Args:
        data: the data set's name.
        division: its number.
        shift: the shift, or `NONE`.
        p: of each part, after correction.
        auc: of the classifier, with its interval.
    """

    data: str
    division: int
    shift: str
    p: dict[str, float]
    auc: tuple[float, float, float]

    @classmethod
    def of(cls, data: str, division: int, shift: str, found: Drift) -> "Look":
        """That of what `drift` found."""
        return cls(
            data,
            division,
            shift,
            {str(part): p for part, p in found.p.items()},
            (found.classifier.auc, found.classifier.low, found.classifier.high),
        )

    def line(self) -> str:
        """It as a line of a table, see `TITLE`."""
        numbers = [*self.p.values(), *self.auc]
        return ",".join([self.data, str(self.division), f'"{self.shift}"', *(f"{number:.4g}" for number in numbers)])

    def alarm(self, rate: float) -> bool:
        """Whether a part raises it at a stated rate of false alarms."""
        return min(self.p.values()) <= rate


def looked(name: str, stream: Stream, whole: jt.Dataset, division: int, looks: int) -> list[Look]:
    """All looks at one division of a data set.

    Args:
        name: its name.
        stream: how it is trained on and shifted.
        whole: all of it.
        division: the number of the division.
        looks: without a shift.
    """
    early = first_half(whole)
    base = jt.Experiment(model=jt.MLP(widths=(64,)), optimizer=jt.Optimizer(rule=jt.AdamW(learning_rate=3e-3)), epochs=10)
    generator = rng.host(division, name)
    seen, rest = np.split(generator.permutation(len(whole)), [stream.trained])
    data = dataclasses.replace(whole, **whole.pool.at(seen)._asdict(), validation=0.2, stratified=False)
    first = RESTARTS * division
    runs = jt.fit(base, data, seeds=tuple(range(first, first + RESTARTS)), progress=False)
    x = whole.x[rest]
    found = [Look.of(name, division, NONE, drift(runs, plain(generator, x, stream.look))) for _ in range(looks)]
    for shift, draw in stream.shifts.items():
        found.append(Look.of(name, division, shift, drift(runs, draw(generator, x, stream.look, early[rest]))))
    return found


@functools.cache
def _loaded(name: str, data_dir: Path | None) -> tuple[Stream, jt.Dataset]:
    stream = streams(data_dir)[name]
    return stream, stream.load()


def looked_by_name(name: str, data_dir: Path | None, looks: int, division: int) -> list[Look]:
    """What another process does: it loads the data set by its name."""
    return looked(name, *_loaded(name, data_dir), division, looks)
