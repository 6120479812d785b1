"""Dropout of the non-recurrent connections helps an LSTM that overfits."""

from experiments.recurrent._regularized import NONE, fit_places, judged, lowest, numbers
from jaxtricks.evaluate.claim import Axes, Claim, Earlier, Outcome, Paper, Ruling, Scale, Scales, curves, expect, sizes
from jaxtricks.evaluate.verdict import Decision

PLACE = "non-recurrent"
OTHERS = ("variational", "update vectors", "zoneout", "recurrent weights")


def measure(scale: Scale) -> Outcome:
    """A language model of two LSTMs of 32 units on 80 windows of 32 characters of Python's help topics, 80 epochs of Adam;
    without noise and with it in five places, each at the best of six rates of noise, and then at its best learning rate on a
    ladder from 0.01 to 0.04 that goes on while the best lies at its edge, by four restarts and windows that nothing is judged on.
    Judged is each seed's lowest validation loss over the epochs, as early stopping has it, so that a baseline is not blamed for
    being trained too long. That the task is learnt and overfitted was looked at on such tuning seeds, without noise. Unlike
    Zaremba+: characters, windows that start from zeros, and no schedule. The other four places are shown beside it and not
    judged.
    """
    arms, rates = fit_places((PLACE, *scale.pick(smoke=(), cpu=OTHERS, full=OTHERS)), scale)
    verdicts = judged(arms, NONE, (PLACE,))
    means = ", ".join(f"{lowest(runs).mean():.3f} with {name} at {rates[name]}" for name, runs in arms.items() if name in rates)
    return Outcome(
        parts=[expect("less loss than without noise", verdicts[PLACE], Decision.HELPS)],
        effect=f"lowest validation loss: {verdicts[PLACE]}; {lowest(arms[NONE]).mean():.3f} nats without noise, {means}",
        numbers=numbers(arms, verdicts),
        series=curves(arms, "nll"),
        axes=Axes("epoch", "validation loss (nats a character)"),
        chosen=rates,
        sizes=sizes(arms[NONE]),
    )


CLAIM = Claim(
    rows=("T068",),
    lecture=2,
    statement="Still an open question how to perform well. … One suggestion: apply only to feedforward part of RNN (Zaremba et "
    "al 14)",
    papers=(
        Paper(
            "Zaremba+ 2014, word-PTB, validation/test perplexity: 120.7/114.5 without (2×200), 86.2/82.7 with dropout 0.5 "
            "(2×650), 82.2/78.4 with 0.65 (2×1500)",
            "V",
        ),
    ),
    refuted_by="The paired verdict on the lowest validation loss, dropout of non-recurrent connections against none, is 'hurts' "
    "or 'no difference'.",
    measure=measure,
    kind="effect",
    history=(
        Earlier(
            "2026-11-28",
            "16 restarts in place of 8, and rates chosen on windows that are not judged",
            "8 restarts decide little, and rates had been chosen on windows that were judged; the result had been seen",
            Ruling.SUPPORTED,
        ),
        Earlier(
            "2026-11-28",
            "each arm has a learning rate of its own",
            "one rate for all may suit one of them; the result by one rate had been seen",
            Ruling.SUPPORTED,
        ),
    ),
    seeds=Scales(cpu=16),
)
