"""Max-norm helps dropout."""

import jaxtricks as jt
from experiments.measures import RATE, estimates, fit_tuned, tuned, wrong
from jaxtricks.evaluate.claim import Axes, Claim, Outcome, Paper, Scale, curves, expect, sizes
from jaxtricks.evaluate.compare import verdicts
from jaxtricks.evaluate.verdict import Decision

RATES = (0.03, 0.1, 0.3)
LENGTHS = (0.5, 1.0, 2.0, 4.0)


def measure(scale: Scale) -> Outcome:
    """A ReLU network of 2×256 on digits, SGD with momentum 0.9 along a cosine, batch 64, 40 epochs, dropout of 0.5 after the
    hidden layers: with max-norm, which scales each unit's incoming weights down to a largest length after every step, against
    none. Dropout alone has its best learning rate by validation accuracy, on a ladder from 0.03 to 0.3; at that rate the length
    is chosen, from 0.5 to 4; then max-norm has a best rate of its own. Ladders go on while the best lies at their edge; all
    choices on four restarts and on digits that nothing is judged on. The lecture praises dropout: that max-norm helps it, so
    that larger rates can be taken, is the paper's claim, of 3×1024 units on all of MNIST.
    """
    pool = jt.load("digits")
    alone = jt.Experiment(
        model=jt.MLP(widths=scale.pick(smoke=(16,), cpu=(256, 256), full=(1024, 1024)), dropout=jt.nn.Inverted(rate=0.5)),
        optimizer=jt.Optimizer(jt.Momentum(momentum=0.9), schedule=jt.schedules.Cosine()),
        batch_size=64,
        epochs=scale.budget(smoke=2, cpu=40, full=200),
    )
    others = scale.tuning_examples(pool)
    ladder = scale.pick(smoke=RATES[1:2], cpu=RATES, full=RATES)
    rate = tuned({"dropout": alone}, others, ladder, score=wrong, seeds=scale.tuning)["dropout"]
    limited = alone.replace({RATE: rate.value, "optimizer.max_norm": LENGTHS[1]})
    lengths = scale.pick(smoke=LENGTHS[1:2], cpu=LENGTHS, full=LENGTHS)
    found = tuned({"length": limited}, others, lengths, score=wrong, seeds=scale.tuning, path="optimizer.max_norm")
    arms = {"dropout": alone, "and max-norm": limited.replace({"optimizer.max_norm": found["length"].value})}
    runs, chosen = fit_tuned(arms, pool, ladder, scale, score=wrong)
    (verdict,) = verdicts(runs["dropout"], {"max-norm": runs["and max-norm"]})
    return Outcome(
        parts=[expect("max-norm helps", verdict, Decision.HELPS, kind="paper")],
        effect=f"validation accuracy with a largest length of {found['length'].value:g}: {verdict}",
        numbers={
            "verdict": verdict.to_dict(),
            "accuracy": estimates({name: 1 - wrong(each) for name, each in runs.items()}),
        },
        series=curves(runs, "accuracy"),
        axes=Axes("epoch", "validation accuracy"),
        chosen={**chosen, "length": found["length"]},
        sizes=sizes(runs["dropout"]),
    )


CLAIM = Claim(
    rows=("T056",),
    lecture=0,
    statement="Dropout [Srivastava et al., 2014] (very effective).",
    papers=(Paper("Srivastava+ 2014, Table 2, MNIST: dropout with ReLU 1.25%, and max-norm 1.06%", "V2"),),
    refuted_by="The paired verdict on validation accuracy, from dropout to dropout with max-norm, is 'hurts' or 'no difference'.",
    measure=measure,
    kind="paper",
)
