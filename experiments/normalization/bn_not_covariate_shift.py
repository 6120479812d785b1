"""Batch norm speeds up training even where noise shifts what it has normalized."""

import numpy as np
from jaxtyping import Float

import jaxtricks as jt
from experiments.measures import epochs_until, estimates, fit_tuned
from experiments.normalization._networks import three_layers
from jaxtricks.evaluate.claim import Axes, Claim, Estimate, Outcome, Paper, Scale, curves, settle, sizes

RATES = (0.1, 0.3, 1.0, 3.0, 10.0)
TARGET = 0.85


def late(runs: jt.Runs) -> Float[np.ndarray, " runs"]:
    """The validation loss averaged over all epochs; the training loss has the noise in it."""
    return np.where(np.isin(runs.names, list(runs.diverged)), np.inf, runs.curves["nll"].mean(axis=1))


def measure(scale: Scale) -> Outcome:
    """Three layers of 100 sigmoid units on 2 000 MNIST images, batch 50, 12 epochs of SGD, without batch norm, with it, and with
    Santurkar's noisy one: after normalization every feature is scaled and shifted by noise whose own distribution is drawn anew
    in each step, so that the inputs of the next layer move more than without batch norm. Each has its best rate by the validation
    loss averaged over the epochs, on a ladder from 0.1 to 10 that goes on while the best lies at its edge, on four restarts and
    on examples that nothing is judged on. Compared are the epochs until 85% validation accuracy (13 if never). The paper's
    network is VGG on CIFAR-10.
    """
    base, pool, size, held_out = three_layers(jt.nn.Sigmoid(), scale)
    normalizations = {"none": None, "batch norm": jt.nn.BatchNorm(), "noisy batch norm": jt.nn.NoisyBatchNorm(noise=0.5)}
    arms = {name: base.replace({"model.normalization": normalization}) for name, normalization in normalizations.items()}
    ladder = scale.pick(smoke=RATES[1:2], cpu=RATES, full=RATES)
    fitted, rates = fit_tuned(arms, pool, ladder, scale, score=late, size=size, validation=held_out)
    epochs = {name: epochs_until(-runs.curves["accuracy"], -TARGET) for name, runs in fitted.items()}
    faster = {
        name: Estimate.over(fitted["none"], np.log2(epochs["none"] / epochs[name])) for name in ("batch norm", "noisy batch norm")
    }
    times = estimates(epochs)
    return Outcome(
        parts=[settle("noisy batch norm is faster than none", faster["noisy batch norm"], above=0, kind="paper")],
        effect=f"{TARGET:.0%} validation accuracy takes "
        + ", ".join(f"{time:.1f} epochs ({name})" for name, time in times.items()),
        numbers={
            "epochs": times,
            "log2_ratio": faster,
            "accuracy": estimates({name: runs.metrics["accuracy"] for name, runs in fitted.items()}),
        },
        series=curves(fitted, "accuracy"),
        axes=Axes("epoch", "validation accuracy"),
        chosen=rates,
        sizes=sizes(fitted["none"]),
    )


CLAIM = Claim(
    rows=("T022",),
    lecture=1,
    statement="Theory of batch normalization is still controversial: … How Does Batch Normalization Help Optimization? (No, It "
    "Is Not About Internal Covariate Shift), Santurkar et al., 2018",
    papers=(Paper("Santurkar+ 2018, Fig. 2: VGG with noisy batch norm trains about as fast as with batch norm", "V2"),),
    refuted_by="The 95% interval of the mean log₂ ratio of epochs to 85% accuracy, without batch norm to with the noisy one, "
    "lies at or below 0.",
    measure=measure,
    kind="paper",
)
