"""Fewer layers of sigmoids train where many do not."""

import math

import numpy as np

import jaxtricks as jt
from experiments.feedforward._deep import Deep
from experiments.measures import estimates, final_loss, fit_tuned, wrong
from experiments.optimization._sweep import decades
from jaxtricks.evaluate.claim import Axes, Claim, Curve, Estimate, Outcome, Paper, Scale, premise, settle, sizes

CHANCE = math.log(10)  # the loss of knowing nothing about ten classes, in nats


def measure(scale: Scale) -> Outcome:
    """Networks of 1, 2, 4, 8 and 16 hidden layers of 64 sigmoid units from Glorot's weights, on digits: SGD with momentum 0.9,
    batch 64, 30 epochs. Each depth has its best learning rate by the final validation loss, on a ladder from 0.01 to 1 that goes
    on while the best lies at its edge, on four restarts and on digits that nothing is judged on. The problem is there if most
    restarts of 16 layers stall, with a loss above 95% of ln 10 at the end. It is solved by fewer layers if most restarts of 2
    train, to less than half of ln 10, and make fewer mistakes. Beside it, of our own: ReLU units from He's weights solve it at
    16 layers too, and make no more mistakes than 2 layers of sigmoids.
    """
    depths = scale.pick(smoke=(2, 4), cpu=(1, 2, 4, 8, 16), full=(1, 2, 4, 8, 16, 32))
    few, many = 2, depths[-1]
    base = jt.Experiment(
        optimizer=jt.Optimizer(jt.Momentum(momentum=0.9)), batch_size=64, epochs=scale.budget(smoke=1, cpu=30, full=100)
    )
    models = {str(depth): Deep(depth, (64,), jt.nn.Sigmoid(), jt.nn.GlorotNormal()) for depth in depths}
    relu = f"{many}, ReLU"
    models[relu] = Deep(many, (64,), jt.nn.ReLU(), jt.nn.HeNormal())
    ladder = scale.pick(smoke=(0.1,), cpu=decades(-2, 0), full=decades(-3, 1))
    arms = {name: base.replace({"model": model}) for name, model in models.items()}
    runs, chosen = fit_tuned(arms, jt.load("digits"), ladder, scale, score=final_loss)
    stalled = {name: Estimate.share(each.metrics["nll"] > 0.95 * CHANCE) for name, each in runs.items()}
    trained = {name: Estimate.share(each.metrics["nll"] < 0.5 * CHANCE) for name, each in runs.items()}
    mistakes = {name: wrong(each) for name, each in runs.items()}
    shallow = runs[str(few)]
    saved = Estimate.over(shallow, mistakes[str(many)] - mistakes[str(few)])
    other = Estimate.over(shallow, mistakes[relu] - mistakes[str(few)])
    return Outcome(
        parts=[
            premise(
                "many layers of sigmoids stall",
                stalled[str(many)].mean > 0.5,
                f"{stalled[str(many)]:.0%} of the restarts of {many} layers",
            ),
            settle("few layers train", trained[str(few)], above=0.5, scope="these examples"),
            settle("and make fewer mistakes", saved, above=0),
            settle("so do many layers of ReLUs, and no more mistakes", other, below=0.01, kind="paper"),
        ],
        effect=f"{stalled[str(many)]:.0%} of the networks of {many} layers of sigmoids stall; {trained[str(few)]:.0%} of those "
        f"of {few} train, and make {saved:+.1%} fewer mistakes; {many} layers of ReLUs make {other:+.1%} more than {few} of "
        f"sigmoids",
        numbers={"stalled": stalled, "trained": trained, "mistakes": estimates(mistakes), "fewer": saved, "relu": other},
        series=(
            Curve.over_seeds("sigmoid", depths, np.stack([1 - mistakes[str(depth)] for depth in depths], axis=1)),
            Curve.over_seeds("ReLU, He", (many,), 1 - mistakes[relu][:, None]),
        ),
        axes=Axes("hidden layers", "validation accuracy", log="x"),
        chosen=chosen,
        sizes=sizes(shallow),
    )


CLAIM = Claim(
    rows=("T003",),
    lecture=0,
    statement="How can we solve these problems? … Make the network shallower",
    papers=(
        Paper("σ' ≤ ¼: the gradient of a chain of n sigmoids is at most 0.25ⁿ times what reaches its end", "M"),
        Paper("Bengio+ 2006, MNIST error: shallow 1.9, deep and not pretrained 2.4", "R"),
    ),
    refuted_by="The 95% interval of the share of restarts of 2 layers that train lies at or below one half, or that of the "
    "mistakes that 16 layers make more at or below 0; not testable where no more than half of the restarts of 16 layers stall. "
    "Beside it, of our own: the interval of the mistakes that 16 layers of ReLUs make more than 2 of sigmoids lies at or above "
    "one point.",
    measure=measure,
    kind="effect",
)
