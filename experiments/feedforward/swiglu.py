"""SwiGLU is as good as Swish with as many parameters, behind layer norm."""

import jaxtricks as jt
from experiments.feedforward._activations import contest
from jaxtricks.evaluate.claim import Claim, Outcome, Paper, Scale


def measure(scale: Scale) -> Outcome:
    """Four hidden layers on 3 000 MNIST images (1 000 more to validate on), SGD with momentum 0.9, batch 50, 30 epochs, Glorot's
    weights, layer norm of every layer's pre-activations, as Shazeer's layers have normalized inputs: SwiGLU against 64 units of
    Swish a layer, on the same seeds. A SwiGLU unit has two weight vectors, so there are fewer, and no more parameters in all, as
    in the paper. Each has its best learning rate by the training loss averaged over the epochs, on a ladder from 0.003 to 0.3
    that goes on while the best lies at its edge, on four restarts and on examples that nothing is judged on. The lecture names
    the paper for GEGLU: that its gates do no harm is the paper's claim, of Transformers that fill gaps in text.
    """
    return contest("SwiGLU", {"Swish": jt.nn.Swish()}, jt.nn.SwiGLU(), scale, normalization="layer")


CLAIM = Claim(
    rows=("T009",),
    lecture=0,
    statement="Choose the non-linearity of your hidden layers wisely … many new options … geglu [Shazeer, 2020]",
    papers=(Paper("Shazeer 2020, Table 1, held-out log-perplexity at 65k steps: ReLU 1.997, GELU 1.983, SwiGLU 1.944", "V2"),),
    refuted_by="The paired verdict on validation accuracy is that Swish in the place of SwiGLU helps.",
    measure=measure,
    kind="paper",
)
