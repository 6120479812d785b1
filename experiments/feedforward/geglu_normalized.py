"""GEGLU is as good as ReLU and GELU with as many parameters, behind layer norm, as in the paper's networks."""

import dataclasses

import jaxtricks as jt
from experiments.feedforward import geglu
from experiments.feedforward._activations import contest
from jaxtricks.evaluate.claim import Earlier, Outcome, Ruling, Scale


def measure(scale: Scale) -> Outcome:
    """As for `geglu`, with layer norm of every layer's pre-activations, in all arms. In a plain stack each GEGLU layer multiplies
    two pre-activations, so that a signal below 1 is squared away layer by layer; Shazeer's layers have normalized inputs.
    """
    return contest("GEGLU", {"ReLU": jt.nn.ReLU(), "GELU": jt.nn.GELU()}, jt.nn.GEGLU(), scale, normalization="layer")


CLAIM = dataclasses.replace(
    geglu.CLAIM,
    measure=measure,
    history=(
        Earlier(
            "2026-11-21",
            "layer norm was put before every activation",
            "without it GEGLU learnt nothing; that had been seen",
            Ruling.REFUTED,
        ),
        *geglu.CLAIM.history,
    ),
)
