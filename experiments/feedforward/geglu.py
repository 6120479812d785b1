"""GEGLU is as good as ReLU and GELU with as many parameters."""

import jaxtricks as jt
from experiments.feedforward._activations import contest
from jaxtricks.evaluate.claim import Claim, Outcome, Paper, Scale


def measure(scale: Scale) -> Outcome:
    """Four hidden layers on 3 000 MNIST images (1 000 more to validate on), SGD with momentum 0.9, batch 50, 15 epochs, Glorot's
    weights: GEGLU against 64 units of ReLU and of GELU a layer, on the same seeds. A GEGLU unit has two weight vectors, so there
    are fewer, and no more parameters in all, as in the paper. Each has the best of the learning rates 0.003, 0.01, 0.03, 0.1
    and 0.3 on four seeds that are not judged, by the training loss averaged over the epochs. Shazeer's networks are
    Transformers that fill gaps in text, and these layers lie between their attention layers.
    """
    return contest("GEGLU", {"ReLU": jt.nn.ReLU(), "GELU": jt.nn.GELU()}, jt.nn.GEGLU(), scale)


CLAIM = Claim(
    rows=("T009",),
    lecture=0,
    statement="Choose the non-linearity of your hidden layers wisely … many new options … geglu [Shazeer, 2020]",
    papers=(Paper("Shazeer 2020, Table 1, held-out log-perplexity at 65k steps: ReLU 1.997, GELU 1.983, GEGLU 1.942", "V2"),),
    refuted_by="The paired verdict on validation accuracy is that ReLU or GELU in the place of GEGLU helps.",
    measure=measure,
    kind="paper",
)
