"""GELU is as good as ReLU and ELU."""

import jaxtricks as jt
from experiments.feedforward._activations import contest
from jaxtricks.evaluate.claim import Claim, Outcome, Paper, Scale


def measure(scale: Scale) -> Outcome:
    """Four hidden layers of 64 units on 3 000 MNIST images (1 000 more to validate on), SGD with momentum 0.9, batch 50, 15
    epochs, Glorot's weights, GELU against ReLU and ELU on the same seeds. Each has the best of the learning rates 0.003, 0.01,
    0.03, 0.1 and 0.3 on four seeds that are not judged, by the training loss averaged over the epochs. Hendrycks & Gimpel train
    eight layers of 128 units with Adam on all of MNIST and compare losses of training; their errors are of larger networks.
    """
    return contest("GELU", {"ReLU": jt.nn.ReLU(), "ELU": jt.nn.ELU()}, jt.nn.GELU(), scale)


CLAIM = Claim(
    rows=("T008",),
    lecture=0,
    statement="Choose the non-linearity of your hidden layers wisely … many new options … gelu",
    papers=(
        Paper(
            "Hendrycks & Gimpel 2016, CIFAR-10, median test error: GELU 7.89%, ReLU 8.16%, ELU 8.41%; CIFAR-100: 20.74, 21.77, "
            "22.98%",
            "V",
        ),
    ),
    refuted_by="The paired verdict on validation accuracy is that ReLU or ELU in the place of GELU helps.",
    measure=measure,
    kind="paper",
)
