"""Kinds of faults, each planted in three healthy experiments. The causes that are right were written before the doctor saw any.

A kind's number is that of a list of faults that users met, from public threads and published studies (Ben Braiek & Khomh 2022,
Humbatova+ 2020, Zhang+ 2021, Jiang+ 2025). Kinds that live in a loop of a user's own are planted in such loops.
"""

from experiments.doctor.patient import Patient
from experiments.doctor.planted import data, outputs, settings
from experiments.doctor.planted.kind import Kind

LOOP = "it lives in a loop of a user's own, where it is planted"
DEVICES = "it takes several devices or processes, and an examination is of one program on one machine"
NOT_PLANTED = {
    6: LOOP,
    15: "none of the causes is a metric, and one of another task is refused by name before anything runs",
    24: LOOP,
    26: LOOP,
    39: "every variable of a model is drawn before the first step, so that none can be late",
    41: LOOP,
    43: LOOP,
    44: LOOP,
    45: "no worker draws anything: orders and masks come from the seed, the epoch and the step",
    48: LOOP,
    49: LOOP,
    50: LOOP,
    51: LOOP,
    52: LOOP,
    53: LOOP,
    54: LOOP,
    56: LOOP,
    57: LOOP,
    58: LOOP,
    59: LOOP,
    60: LOOP,
    61: DEVICES,
    62: DEVICES,
    63: DEVICES,
    64: LOOP,
    66: LOOP,
    84: LOOP,
    85: "products are of full precision on a processor, so that it shows on an accelerator alone",
    86: "mixed precision is one setting of the whole model, which no layer can be left out of",
    102: "one batch norm for two activations did no harm in plain fits on three data sets, so that there is nothing to see",
    104: "it is a fault of writing on after training, which an examination does not do",
}


def kinds() -> tuple[Kind, ...]:
    """All that are planted, by number."""
    return tuple(sorted((*outputs.KINDS, *settings.KINDS, *data.KINDS), key=lambda kind: kind.number))


def patients() -> list[Patient]:
    """Three patients of each kind.

    >>> [patient.name for patient in patients()][:3]
    ['planted 1 a', 'planted 1 b', 'planted 1 c']
    """
    return [
        Patient(f"planted {kind.number} {letter}", "planted", kind.number, kind.causes, plant)
        for kind in kinds()
        for letter, plant in zip("abc", kind.plants, strict=True)
    ]
