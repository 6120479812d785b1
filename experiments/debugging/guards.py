"""What asserts catch of faults that were planted: shapes, lengths and numbers that are not finite. The rest is silent."""

from typing import NamedTuple

import jax
import numpy as np

import jaxtricks as jt
from experiments.debugging.by_heart import drawn, scores
from experiments.doctor.patient import Patient
from experiments.doctor.planted import patients
from jaxtricks.config import ConfigError
from jaxtricks.data import DataError
from jaxtricks.diagnose.case import Case, check, stretched
from jaxtricks.evaluate.claim import Axes, Claim, Curve, Estimate, Outcome, Paper, Scale, Scales, holds, settle

REFUSED, STRETCHED, LOST = "refused before it runs", "stretched shapes", "not finite"
GUARDS = (REFUSED, STRETCHED, LOST)


class Guarded(NamedTuple):
    """Which guards a fault sets off.

    Args:
        refused: sizes, shapes or labels that do not fit, by the library's own checks.
        stretched: arrays of different numbers of axes, by rank promotion that raises.
        lost: a number that is not finite, in the inputs, the scores, the loss or the weights of the first steps.
    """

    refused: bool
    stretched: bool = False
    lost: bool = False


def guarded(patient: Patient) -> Guarded:
    """Sets up an experiment with a planted fault and takes its first steps."""
    try:
        experiment, data = patient.make()
    except (ConfigError, DataError):
        return Guarded(refused=True)
    case = Case(experiment, data, jt.Seeds(2), patient.metric)
    if check(case) is not None:
        return Guarded(refused=True)
    first = case.first_steps
    finite = all(np.isfinite(values).all() for values in (first.x.astype(np.float64), first.scores, first.losses))
    grown = all(np.isfinite(leaf.update).all() for leaf in first.leaves.values())
    found = Guarded(refused=False, stretched=bool(stretched(case)), lost=not (finite and grown))
    jax.clear_caches()
    return found


def measure(scale: Scale) -> Outcome:
    """Faults of the kinds that users met, one planted in a healthy experiment for each kind (see `experiments.doctor.planted`).
    Guards are what asserts can be: sizes, shapes and labels that do not fit are refused before anything runs, arrays of different
    numbers of axes raise, and inputs, scores, losses and updates of the first 16 steps are looked at for numbers that are not
    finite. Counted is the share of kinds that set off none. Beside it whether the program of a loss is the same, operation by
    operation, with and without rank promotion that raises.
    """
    first = {patient.number: patient for patient in reversed(patients())}
    wanted = [first[number] for number in sorted(first)][: scale.pick(smoke=2, cpu=len(first), full=len(first))]
    found = {patient.number: guarded(patient) for patient in wanted}
    silent = Estimate.share(np.array([not any(each) for each in found.values()]))
    each = {guard: float(np.mean([guards[place] for guards in found.values()])) for place, guard in enumerate(GUARDS)}
    same = _program("allow") == _program("raise")
    return Outcome(
        parts=[
            settle("most faults set off no guard", silent, above=0.5),
            holds("a guard of shapes costs a program nothing", same, "the same operations" if same else "other operations"),
        ],
        effect=f"of {len(found)} kinds of planted faults {silent:.0%} set off no guard; "
        + ", ".join(f"{share:.0%} {guard}" for guard, share in each.items()),
        numbers={"silent": silent, "caught": each, "kinds": sorted(found)},
        series=(
            Curve.over_seeds("share of kinds", range(1, 4), np.array([list(map(float, guards)) for guards in found.values()])),
        ),
        axes=Axes("guard", "share of kinds that it catches", places=GUARDS),
    )


def _program(promotion: str) -> str:
    """The operations of the gradient of a loss, as text."""

    def loss(params: object, x: jax.Array) -> jax.Array:
        return scores(params, x).sum()  # type: ignore[arg-type]

    with jax.numpy_rank_promotion(promotion):
        x = jax.numpy.ones((4, 8))
        return str(jax.make_jaxpr(jax.grad(loss))(drawn(jax.random.key(0), x), x))


CLAIM = Claim(
    rows=("T101",),
    lecture=3,
    statement="Neural networks may not fail at all … Expect asserts to be turned off in production code.",
    papers=(Paper("Humbatova+ 2020 and Ben Braiek & Khomh 2022: kinds of faults in training programs", "R"),),
    refuted_by="The 95% interval of the share of kinds of faults that set off no guard lies at or below a half, or the "
    "program of a loss has other operations where rank promotion raises.",
    measure=measure,
    kind="effect",
    seeds=Scales(smoke=0, cpu=0, full=0),
    trains=False,
)
