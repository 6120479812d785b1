"""RAdam without a warm-up in a Transformer with layer norm after its residual sums, beside Adam with one and without."""

import jaxtricks as jt
from experiments.measures import estimates
from experiments.transformers._language import WARM, WARMUP, fitted, language_model, post_norm, side_by_side
from jaxtricks.evaluate.claim import Claim, Outcome, Paper, Scale, expect, sizes
from jaxtricks.evaluate.verdict import Decision


def measure(scale: Scale) -> Outcome:
    """The Transformer and the windows of `warmup_post_norm`: four blocks of 16 features with layer norm after the residual sums,
    one epoch of 270 steps along a cosine, under Adam, under RAdam, and under Adam with a warm-up over the first tenth of the
    steps. Each has its best peak rate by the validation loss at the end, on a ladder from 0.005 to 0.02 that goes on while the
    best lies at its edge, on four restarts and on windows that nothing is judged on. The lecture only names RAdam: that it needs
    no warm-up where Adam does is the paper's claim. With β₂ = 0.999 the rectifier is 0.36 after 270 steps, so that it acts
    throughout.
    """
    adam = language_model(scale, post_norm(scale), jt.Adam(), epochs=1)
    radam = language_model(scale, post_norm(scale), jt.optim.RAdam(), epochs=1)
    arms = {
        "Adam": adam.replace({WARMUP: 0.0}),
        "RAdam": radam.replace({WARMUP: 0.0}),
        "Adam with a warm-up": adam.replace({WARMUP: WARM}),
    }
    runs, best = fitted(arms, (5e-3, 1e-2, 2e-2), scale)
    (better,) = jt.evaluate.verdicts(runs["Adam"], {"RAdam for Adam": runs["RAdam"]}, metric="nll")
    (as_good,) = jt.evaluate.verdicts(runs["Adam with a warm-up"], {"RAdam for a warm-up": runs["RAdam"]}, metric="nll")
    losses = estimates({name: arm.metrics["nll"] for name, arm in runs.items()})
    series, axes = side_by_side(runs)
    return Outcome(
        parts=[
            expect("RAdam has less loss than Adam without a warm-up", better, Decision.HELPS, kind="paper"),
            expect(
                "RAdam has no more loss than Adam with a warm-up", as_good, Decision.HELPS, Decision.NO_DIFFERENCE, kind="paper"
            ),
        ],
        effect=f"validation loss a character: {better}; {as_good}; "
        + ", ".join(f"{name} {loss:.4f} at {best[name]}" for name, loss in losses.items()),
        numbers={"loss": losses, "verdicts": [better.to_dict(), as_good.to_dict()]},
        series=series,
        axes=axes,
        chosen=best,
        sizes=sizes(runs["Adam"]),
    )


CLAIM = Claim(
    rows=("T039",),
    lecture=3,
    statement="RAdam, LookAhead, LAMB",
    papers=(
        Paper("Liu+ 2020: a Transformer under Adam without warm-up stays at a perplexity near 500, under RAdam below 10", "V"),
    ),
    refuted_by="The paired verdict on validation loss, each at its best rate, from Adam without a warm-up to RAdam without one "
    "is 'hurts' or 'no difference', or that from Adam with a warm-up to RAdam without one is 'hurts'.",
    measure=measure,
    kind="paper",
    used=1,  # of the first one Adam's arms had been seen, in `warmup_post_norm`
)
