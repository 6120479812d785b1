"""Maxout is as good as ReLU with as many parameters."""

import jaxtricks as jt
from experiments.feedforward._activations import contest
from jaxtricks.evaluate.claim import Claim, Earlier, Outcome, Paper, Ruling, Scale


def measure(scale: Scale) -> Outcome:
    """Four hidden layers on 3 000 MNIST images (1 000 more to validate on), SGD with momentum 0.9, batch 50, 30 epochs, Glorot's
    weights: maxout of two pieces against 64 ReLU units a layer, on the same seeds. A maxout unit has two weight vectors, so there
    are fewer, and no more parameters in all. Each has its best learning rate by the training loss averaged over the epochs, on a
    ladder from 0.003 to 0.3 that goes on while the best lies at its edge, on four restarts and on examples that nothing is judged
    on. The lecture only names maxout: that it is no worse is the paper's claim. Goodfellow+ train with dropout, for which maxout
    is made, and do not match parameters; here there is no dropout.
    """
    return contest("maxout", {"ReLU": jt.nn.ReLU()}, jt.nn.Maxout(), scale)


CLAIM = Claim(
    rows=("T006",),
    lecture=0,
    statement="Choose the non-linearity of your hidden layers wisely … many new options: maxout",
    papers=(Paper("Goodfellow+ 2013, MNIST without knowledge of pixels' places, with dropout: 0.94% test error", "V2"),),
    refuted_by="The paired verdict on validation accuracy is that ReLU in the place of maxout helps.",
    measure=measure,
    kind="paper",
    history=(
        Earlier(
            "2026-11-28",
            "30 epochs in place of 15, rates on a ladder that is widened, chosen on examples that are not judged",
            "all tuned claims were to train longer and on ladders without an edge; the result had been seen",
            Ruling.INCONCLUSIVE,
        ),
    ),
)
