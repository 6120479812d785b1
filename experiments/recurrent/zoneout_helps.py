"""Zoneout helps an LSTM to remember."""

import jaxtricks as jt
from experiments.measures import estimates
from jaxtricks.evaluate.claim import Axes, Claim, Outcome, Paper, Scale, curves, expect, sizes
from jaxtricks.evaluate.verdict import Decision
from jaxtricks.nn.recurrent_dropout import Zoneout


def measure(scale: Scale) -> Outcome:
    """Permuted digits, pixel by pixel (64 steps): an LSTM of 32 units with forget bias 1 names them after the last one; 25 epochs
    of Adam (0.01), batch 64, clip 1. Zoneout of memory and states at one rate, as in Krueger's run on permuted MNIST, out of
    0.05, 0.15, 0.3 and 0.5 by the mean validation accuracy of two seeds that nothing is judged on; judged against none on
    validation accuracy at the end. What is preserved is seen by this alone: all but the last pixels lie many steps back. Unlike
    Krueger+: smaller images and network, Adam in place of RMSProp, and a true permutation, which their code did not draw.
    """
    data = jt.load(scale.pick(smoke="digits", cpu="digits", full="mnist"))
    pool, size = jt.data.pixels(data, permutation=0), scale.pick(smoke=200, cpu=None, full=None)
    base = jt.Experiment(
        model=jt.RNN(widths=(scale.pick(smoke=4, cpu=32, full=100),)),
        optimizer=jt.Optimizer(rule=jt.Adam(learning_rate=scale.pick(smoke=0.01, cpu=0.01, full=0.001)), clip_norm=1.0),
        batch_size=scale.pick(smoke=64, cpu=64, full=100),
        epochs=scale.pick(smoke=1, cpu=25, full=100),
    )
    rates = scale.pick(smoke=(0.15,), cpu=(0.05, 0.15, 0.3, 0.5), full=(0.05, 0.15, 0.3, 0.5))
    arms = [base.replace({"model.zoneout": Zoneout(cell=rate, state=rate)}) for rate in rates]
    place = 0
    if len(arms) > 1:
        place = int(
            max(
                enumerate(jt.fit(arms, scale.tuning_examples(pool, size), seeds=scale.tuning)),
                key=lambda at: at[1].metrics["accuracy"].mean(),
            )[0]
        )
    study = jt.study(base, {"zoneout": arms[place]}, scale.examples(pool, size), seeds=scale.restarts)
    runs, verdict = {"none": study.baseline, **study.changes}, study.verdicts[0]
    losses = estimates({name: each.metrics["nll"] for name, each in runs.items()})
    return Outcome(
        parts=[expect("zoneout is more accurate", verdict, Decision.HELPS)],
        effect=f"validation accuracy: {verdict}, at a rate of {rates[place]:g}; {verdict.change_mean:.1%} with it and "
        f"{verdict.baseline_mean:.1%} without; validation loss {losses['zoneout']:.3f} and {losses['none']:.3f} nats",
        numbers={"verdict": verdict.to_dict(), "rate": rates[place], "nll": losses},
        series=curves(runs, "accuracy"),
        axes=Axes("epoch", "validation accuracy"),
        sizes=sizes(study.baseline),
    )


CLAIM = Claim(
    rows=("T071",),
    lecture=2,
    statement="makes it easier for the network to preserve information from previous timesteps going forward",
    papers=(
        Paper(
            "Krueger+ 2017, Table 2, permuted MNIST, test error: LSTM 10.2%, recurrent dropout 7.5%, zoneout 6.9%, recurrent "
            "batch norm 4.6%, with zoneout 4.1%",
            "V",
        ),
    ),
    refuted_by="The paired verdict on validation accuracy, zoneout against none, is 'hurts' or 'no difference'.",
    measure=measure,
    kind="effect",
)
