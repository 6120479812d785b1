"""Does shuffling before each epoch matter, against shuffling once, and against none?"""

import jaxtricks as jt
from experiments.measures import estimates, fit_tuned, wrong
from jaxtricks.evaluate.claim import Axes, Claim, Earlier, Outcome, Paper, Ruling, Scale, curves, expect, sizes
from jaxtricks.evaluate.compare import verdicts
from jaxtricks.evaluate.verdict import Decision

RATES = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3)


def measure(scale: Scale) -> Outcome:
    """A ReLU network of 2×64 on digits, 40 epochs of SGD (batch 32), its training examples in an order that is drawn anew for
    each epoch, in one random order for all, and class by class, on the same seeds. Each has its best learning rate by the
    validation accuracy at the end, on a ladder from 0.001 to 0.3 that goes on while the best lies at its edge, on four restarts
    and on examples that nothing is judged on. Two parts, each with a verdict of its own: the order is important if classes one
    after the other hurt; shuffling before *each* epoch is worth a recommendation if one order for all epochs hurts too.
    """
    base = jt.Experiment(
        model=jt.MLP(widths=scale.pick(smoke=(8,), cpu=(64, 64), full=(256, 256))),
        optimizer=jt.Optimizer(rule=jt.SGD()),
        batch_size=32,
        epochs=scale.budget(smoke=1, cpu=40, full=80),
    )
    orders = {"before each epoch": "reshuffled", "once": "fixed", "by class": "by_class"}
    arms = {name: base.replace({"order": order}) for name, order in orders.items()}
    data = jt.load(scale.pick(smoke="digits", cpu="digits", full="mnist"))
    fitted, rates = fit_tuned(arms, data, scale.pick(smoke=RATES[3:4], cpu=RATES, full=RATES), scale, score=wrong)
    once, by_class = verdicts(fitted["before each epoch"], {name: fitted[name] for name in ("once", "by class")})
    return Outcome(
        parts=[
            expect("the order is important", by_class, Decision.HURTS),
            expect("shuffling before each epoch helps", once, Decision.HURTS),
        ],
        effect=f"validation accuracy, against shuffling before each epoch: {by_class}; {once}",
        numbers={
            "accuracy": estimates({name: runs.metrics["accuracy"] for name, runs in fitted.items()}),
            "verdicts": [once.to_dict(), by_class.to_dict()],
        },
        series=curves(fitted, "accuracy"),
        axes=Axes("epoch", "validation accuracy"),
        chosen=rates,
        sizes=sizes(fitted["once"]),
    )


CLAIM = Claim(
    rows=("T047",),
    lecture=0,
    statement="The order in which the training examples are presented is important … It is recommended to shuffle the training "
    "data before each training epoch",
    papers=(Paper("Bottou 2009: SGD converges faster on examples drawn anew than in one shuffled order", "R"),),
    refuted_by="The paired verdict on validation accuracy, from shuffling before each epoch to one order for all, or to one "
    "class after the other, is 'helps' or 'no difference'.",
    measure=measure,
    kind="effect",
    history=(
        Earlier(
            "2026-11-28",
            "40 epochs in place of 20, rates on a ladder that is widened, chosen on examples that are not judged",
            "rates were chosen on examples that were judged, and training was short; the result had been seen",
            Ruling.REFUTED,
        ),
        Earlier(
            "2026-11-28",
            "rates are chosen by the accuracy, which is judged",
            "by the loss, a first run and its replication chose other rates, and came to other verdicts, which had "
            "been seen; restarts and images are others",
            Ruling.INCONCLUSIVE,
        ),
    ),
    used=2,
)
