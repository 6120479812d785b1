"""GEGLU is as good as ReLU and GELU with as many parameters."""

import jaxtricks as jt
from experiments.feedforward._activations import contest
from jaxtricks.evaluate.claim import Claim, Earlier, Outcome, Paper, Ruling, Scale


def measure(scale: Scale) -> Outcome:
    """Four hidden layers on 3 000 MNIST images (1 000 more to validate on), SGD with momentum 0.9, batch 50, 30 epochs, Glorot's
    weights: GEGLU against 64 units of ReLU and of GELU a layer, on the same seeds. A GEGLU unit has two weight vectors, so there
    are fewer, and no more parameters in all, as in the paper. Each has its best learning rate by the training loss averaged over
    the epochs, on a ladder from 0.003 to 0.3 that goes on while the best lies at its edge, on four restarts and on examples that
    nothing is judged on. The lecture only names GEGLU: that it is no worse is the paper's claim. Shazeer's networks are
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
    history=(
        Earlier(
            "2026-11-28",
            "30 epochs in place of 15, rates on a ladder that is widened, chosen on examples that are not judged",
            "all tuned claims were to train longer and on ladders without an edge; the result had been seen",
            Ruling.REFUTED,
        ),
    ),
)
