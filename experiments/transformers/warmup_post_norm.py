"""A warm-up for a Transformer with layer norm after its residual sums, each at its own best learning rate."""

import jaxtricks as jt
from experiments.measures import estimates
from experiments.transformers._language import WARM, WARMUP, fitted, language_model, post_norm
from jaxtricks.evaluate.claim import Axes, Claim, Earlier, Outcome, Paper, Ruling, Scale, curves, expect, sizes
from jaxtricks.evaluate.verdict import Decision


def measure(scale: Scale) -> Outcome:
    """A Transformer of four blocks with 16 features, 2 heads, 64 ReLU units and layer norm after the residual sums, as a model of
    characters: 4 800 windows of 32 characters of Python's documentation, a tenth of them validated on, batch 16, 2 epochs of 270
    steps by Adam along a cosine, with a linear warm-up over the first tenth of the steps and without. Each has its best peak rate
    by the validation loss at the end, on a ladder from 0.005 to 0.02 that goes on while the best lies at its edge, on four
    restarts and on windows that nothing is judged on. That these networks learn, and that the best rates lie near 0.01, was
    looked at on such tuning seeds. `warmup` judges the same sentence on a deep ReLU network, by the largest rate that is borne.
    Transformers of papers have six blocks or more, which are harder to start.
    """
    warm = language_model(scale, post_norm(scale), jt.Adam(), epochs=2)
    arms = {"without": warm.replace({WARMUP: 0.0}), "with a warm-up": warm.replace({WARMUP: WARM})}
    runs, best = fitted(arms, (5e-3, 1e-2, 2e-2), scale)
    (verdict,) = jt.evaluate.verdicts(runs["without"], {"with a warm-up": runs["with a warm-up"]}, metric="nll")
    losses = estimates({name: arm.metrics["nll"] for name, arm in runs.items()})
    return Outcome(
        parts=[expect("a warm-up has less loss", verdict, Decision.HELPS)],
        effect=f"validation loss a character: {verdict}; without {losses['without']:.4f} at {best['without']}, with a warm-up "
        f"{losses['with a warm-up']:.4f} at {best['with a warm-up']}",
        numbers={"loss": losses, "verdict": verdict.to_dict()},
        series=curves(runs, "nll"),
        axes=Axes("epoch", "validation loss (nats a character)"),
        chosen=best,
        sizes=sizes(runs["without"]),
    )


CLAIM = Claim(
    rows=("T044",),
    lecture=3,
    statement="STABILIZING, SPEEDUPS … Learning rate warmup, cooldown",
    papers=(
        Paper("Xiong+ 2020, IWSLT14 German-English, post-norm under Adam: BLEU 8.45 without a warm-up, about 34 with one", "R"),
    ),
    refuted_by="The paired verdict on validation loss, from no warm-up to a warm-up, each at its best rate, is 'hurts' or "
    "'no difference'.",
    measure=measure,
    kind="effect",
    history=(
        Earlier(
            "2026-11-29",
            "two epochs of 4 800 windows, a tenth of them validated on, in place of five of 1 000 and a fifth",
            "the first run, of half as many steps, said that more examples were needed; its result had been seen",
            Ruling.INCONCLUSIVE,
        ),
    ),
    used=1,
)
