"""One initialization for all activations: LSUV trains deep networks as well as the one made for each."""

import math

import jaxtricks as jt
from experiments.feedforward._deep import Deep
from experiments.measures import estimates, final_loss, fit_tuned, wrong
from experiments.optimization._sweep import decades
from jaxtricks.evaluate.claim import Axes, Claim, Estimate, Outcome, Paper, Scale, curves, settle, sizes

CHANCE = math.log(10)  # the loss of knowing nothing about ten classes, in nats
MARGIN = 0.01  # of accuracy
OWN: dict[str, tuple[jt.nn.Activation, jt.nn.Initializer]] = {
    "ReLU": (jt.nn.ReLU(), jt.nn.HeNormal()),
    "tanh": (jt.nn.Tanh(), jt.nn.GlorotNormal()),
}


def measure(scale: Scale) -> Outcome:
    """Networks of 20 hidden layers of 64 units on digits, SGD with momentum 0.9, batch 64, 20 epochs: ReLU from He's weights,
    tanh from Glorot's, and both from LSUV's, which are orthogonal, each layer then divided by the standard deviation of its
    output on the first batch. Each has its best learning rate by the final validation loss, on a ladder from 0.001 to 0.1
    that goes on while the best lies at its edge, on four restarts and on digits that nothing is judged on. Trained: a
    validation loss below half of ln 10 at the end. Beside it the accuracy, LSUV's minus that of the activation's own
    initialization. The lecture speaks of the magnitude alone: that LSUV is as good or better for any activation is the
    paper's claim, of convolutional ones.
    """
    base = jt.Experiment(
        optimizer=jt.Optimizer(jt.Momentum(momentum=0.9)), batch_size=64, epochs=scale.budget(smoke=1, cpu=20, full=100)
    )
    depth = scale.pick(smoke=3, cpu=20, full=30)
    names = scale.pick(smoke=("tanh",), cpu=tuple(OWN), full=tuple(OWN))
    arms = {
        f"{name}, {kind}": base.replace({"model": Deep(depth, (64,), OWN[name][0], init)})
        for name in names
        for kind, init in (("own", OWN[name][1]), ("LSUV", jt.nn.LSUV()))
    }
    ladder = scale.pick(smoke=(0.01,), cpu=decades(-3, -1), full=decades(-4, 0))
    runs, chosen = fit_tuned(arms, jt.load("digits"), ladder, scale, score=final_loss)
    trained = {name: Estimate.share(final_loss(each) < 0.5 * CHANCE) for name, each in runs.items()}
    accuracy = {name: 1 - wrong(each) for name, each in runs.items()}
    gain = {name: Estimate.over(runs[f"{name}, own"], accuracy[f"{name}, LSUV"] - accuracy[f"{name}, own"]) for name in names}
    parts = []
    for name in names:
        share = trained[f"{name}, LSUV"]
        parts += [
            settle(f"{name}: most train from LSUV's weights", share, above=0.5, kind="paper", scope="these examples"),
            settle(f"{name}: no less accurate than from its own", gain[name], above=-MARGIN, kind="paper"),
        ]
    return Outcome(
        parts=parts,
        effect="; ".join(
            f"{name}: {trained[f'{name}, LSUV'].mean:.0%} of {depth} layers train from LSUV's weights and "
            f"{trained[f'{name}, own'].mean:.0%} from its own, accuracy {gain[name]:+.2%}"
            for name in names
        ),
        numbers={"trained": trained, "accuracy": estimates(accuracy), "gain": gain},
        series=curves(runs, "accuracy"),
        axes=Axes("epoch", "validation accuracy"),
        chosen=chosen,
        sizes=sizes(next(iter(runs.values()))),
    )


CLAIM = Claim(
    rows=("T010",),
    lecture=0,
    statement="the magnitude of the random values still has a large impact on the learning process",
    papers=(Paper("Mishkin & Matas 2016: LSUV trains very deep networks of ReLU, tanh and maxout units as well or better", "A"),),
    refuted_by="For ReLU or for tanh the 95% interval of the share of LSUV's restarts that train lies at or below one half, or "
    "that of the accuracy that LSUV gains over the activation's own initialization at or below -1 point.",
    measure=measure,
    kind="paper",
)
