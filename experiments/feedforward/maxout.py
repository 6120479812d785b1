"""Maxout is as good as ReLU with as many parameters."""

import jaxtricks as jt
from experiments.feedforward._activations import contest
from jaxtricks.evaluate.claim import Claim, Outcome, Paper, Scale


def measure(scale: Scale) -> Outcome:
    """Four hidden layers on 3 000 MNIST images (1 000 more to validate on), SGD with momentum 0.9, batch 50, 15 epochs, Glorot's
    weights: maxout of two pieces against 64 ReLU units a layer, on the same seeds. A maxout unit has two weight vectors, so
    there are fewer, and no more parameters in all. Each has the best of the learning rates 0.003, 0.01, 0.03, 0.1 and 0.3 on
    four seeds that are not judged, by the training loss averaged over the epochs. Goodfellow+ train with dropout, for which
    maxout is made, and do not match parameters; here there is no dropout.
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
)
