"""Swish is as good as ReLU."""

import jaxtricks as jt
from experiments.feedforward._activations import contest
from jaxtricks.evaluate.claim import Claim, Outcome, Paper, Scale


def measure(scale: Scale) -> Outcome:
    """Four hidden layers of 64 units on 3 000 MNIST images (1 000 more to validate on), SGD with momentum 0.9, batch 50, 30
    epochs, Glorot's weights, Swish with β = 1 against ReLU on the same seeds. Each has its best learning rate by the training
    loss averaged over the epochs, on a ladder from 0.003 to 0.3 that goes on while the best lies at its edge, on four
    restarts and on examples that nothing is judged on. The lecture asks to try it: that it is no worse is the paper's claim,
    of convolutional networks on CIFAR and ImageNet.
    """
    return contest("Swish", {"ReLU": jt.nn.ReLU()}, jt.nn.Swish(), scale)


CLAIM = Claim(
    rows=("T008",),
    lecture=1,
    statement="Try GELU, Swish, invent your own.",
    papers=(Paper("Ramachandran+ 2017: Swish tends to work better than ReLU in deep networks", "R"),),
    refuted_by="The paired verdict on validation accuracy is that ReLU in the place of Swish helps.",
    measure=measure,
    kind="paper",
)
