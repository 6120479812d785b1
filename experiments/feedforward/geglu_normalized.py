"""GEGLU is as good as ReLU and GELU with as many parameters, behind layer norm, as in the paper's networks."""

import jaxtricks as jt
from experiments.feedforward._activations import contest
from jaxtricks.evaluate.claim import Claim, Outcome, Paper, Scale


def measure(scale: Scale) -> Outcome:
    """As for `geglu`, with layer norm of every layer's pre-activations, in all arms. In a plain stack each GEGLU layer multiplies
    two pre-activations, so that a signal below 1 is squared away layer by layer; Shazeer's layers have normalized inputs.
    """
    return contest("GEGLU", {"ReLU": jt.ReLU(), "GELU": jt.GELU()}, jt.GEGLU(), scale, normalization="layer")


CLAIM = Claim(
    rows=("T009",),
    lecture=0,
    statement="Choose the non-linearity of your hidden layers wisely … many new options … geglu [Shazeer, 2020]",
    papers=(Paper("Shazeer 2020, Table 1, held-out log-perplexity at 65k steps: ReLU 1.997, GELU 1.983, GEGLU 1.942", "V2"),),
    refuted_by="The paired verdict on validation accuracy is that ReLU or GELU in the place of GEGLU helps.",
    measure=measure,
)
