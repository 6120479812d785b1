"""What a row of the benchmark becomes: a faulty experiment, its repair, and the causes that its labels stand for."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import jaxtricks as jt
from jaxtricks.diagnose.causes import Cause

# The rows of the evaluation sheet of Cao+ 2022, DeepFD, that are made again here. Of row 38 no program is known: it is left out.
NUMBERS = (
    *(1, 3, 4, 8, 9, 11, 12, 13, 14, 15, 17, 18, 19, 21, 22, 23, 24, 25, 27, 28, 29, 30, 32, 33, 34, 35, 37),
    *(39, 40, 41, 42, 43, 44, 45, 46, 49, 50, 51, 52),
)
HEALTHY = (18,)  # a program without a fault
REFUSED = (21, 35)  # the library's guards say what is wrong before anything runs

# Label of a row → the causes of which one has to be named. This was written before any patient was examined, and holds for all
# rows. Where the benchmark's label leaves the direction open (a learning rate, a layer, the preparation of data), the row's
# repair says it.
CAUSES: Mapping[str, frozenset[Cause]] = {
    "activation": frozenset({Cause.ACTIVATION, Cause.OUTPUT, Cause.GRADIENTS}),
    "loss": frozenset({Cause.LOSS, Cause.OUTPUT}),
    "rate": frozenset({Cause.RATE_HIGH, Cause.RATE_LOW}),  # where the repair does not say in which direction
    "high rate": frozenset({Cause.RATE_HIGH}),
    "low rate": frozenset({Cause.RATE_LOW}),
    "epochs": frozenset({Cause.EPOCHS}),
    "rule": frozenset({Cause.RULE}),
    "inputs": frozenset({Cause.INPUTS}),
    "targets": frozenset({Cause.TARGETS}),
    "initial weights": frozenset({Cause.INIT}),
    "batch size": frozenset({Cause.BATCH}),
    "outputs": frozenset({Cause.OUTPUT, Cause.CAPACITY}),  # the number of units of the last layer
    "no normalization": frozenset({Cause.GRADIENTS, Cause.ACTIVATION}),  # a layer that the repair adds
    "too deep": frozenset({Cause.GRADIENTS, Cause.ACTIVATION}),  # layers that the repair takes away
    "no regularization": frozenset({Cause.OVERFITTED}),  # a layer or a penalty that the repair adds
    "too small": frozenset({Cause.CAPACITY}),
    "labels": frozenset({Cause.LABELS, Cause.DATA}),
    "mixed examples": frozenset({Cause.COMPANY, Cause.SHAPES, Cause.DATA}),  # what belongs to one example goes to others
    "refused": frozenset({Cause.MODEL, Cause.SHAPES}),  # a guard names the very fault
}


@dataclass(frozen=True)
class Row:
    """A row: an experiment with a fault, and what repairs it.

    Args:
        number: of the row.
        labels: what is wrong, in the words of `CAUSES`; none: nothing.
        experiment: the faulty one.
        data: its data.
        repair: dotted path → the value with which the experiment is well.
        repaired_data: the data that the repaired experiment has; None: the same.
        note: what a reader of the scores has to know, such as that the benchmark itself doubts the row.

    >>> slow = jt.Experiment(optimizer=jt.Optimizer(jt.Adam(learning_rate=1e-6)))
    >>> row = Row(45, ("low rate",), slow, lambda: jt.load("digits"), {"optimizer.rule.learning_rate": 0.1})
    >>> row.causes
    frozenset({<Cause.RATE_LOW: 'a learning rate that is too low'>})
    """

    number: int
    labels: tuple[str, ...]
    experiment: jt.Experiment
    data: Callable[[], jt.Dataset]
    repair: Mapping[str, Any] = field(default_factory=dict)
    repaired_data: Callable[[], jt.Dataset] | None = None
    note: str = ""

    @property
    def causes(self) -> frozenset[Cause]:
        """The causes of which one has to be named."""
        return frozenset().union(*(CAUSES[label] for label in self.labels))

    def faulty(self) -> tuple[jt.Experiment, jt.Dataset]:
        """The experiment with its fault, and its data."""
        return self.experiment, self.data()

    def repaired(self) -> tuple[jt.Experiment, jt.Dataset]:
        """The experiment with the row's repair, and its data."""
        data = self.data if self.repaired_data is None else self.repaired_data
        return self.experiment.replace(self.repair), data()
