"""GEGLU and SwiGLU in the feed-forward layers of a Transformer, against ReLU and GELU with as many parameters."""

import jaxtricks as jt
from experiments.measures import estimates, final_loss, fit_tuned
from experiments.transformers._language import characters, language_model, rates
from jaxtricks.evaluate.claim import Axes, Claim, Outcome, Paper, Scale, curves, expect, sizes
from jaxtricks.evaluate.verdict import Decision

GATED, PLAIN = ("GEGLU", "SwiGLU"), ("ReLU", "GELU")


def measure(scale: Scale) -> Outcome:
    """A Transformer of two blocks with 32 features, 2 heads, layer norm before each part and rotary positions, as a model of
    characters: 1 000 windows of 32 characters of Python's documentation, a fifth of them validated on, batch 16, 5 epochs by Adam
    with a warm-up and a cosine. Its feed-forward layers have 128 units of ReLU or of GELU, or as many of GEGLU or SwiGLU as give
    no more parameters (two thirds of them). Each has its best rate by the validation loss at the end, on a ladder from 0.005 to
    0.02 that goes on while the best lies at its edge, on four restarts and on windows that nothing is judged on. The lecture only
    names GEGLU: that the gated ones are better is the paper's claim, of a Transformer that fills gaps in text, trained for 65 000
    steps and more.
    """
    pool, windows = characters(scale)
    width = scale.pick(smoke=8, cpu=32, full=256)
    model = jt.Transformer(layers=scale.pick(smoke=1, cpu=2, full=6), width=width, heads=2, hidden=4 * width)
    base = language_model(scale, model)
    arms = {name: base.replace({"model.activation": name.lower()}) for name in (*PLAIN, *GATED)}
    runs, best = fit_tuned(arms, pool, rates(scale), scale, score=final_loss, size=windows)
    losses = estimates({name: arm.metrics["nll"] for name, arm in runs.items()})
    judged = {
        (plain, gated): verdict
        for plain in PLAIN
        for gated, verdict in zip(
            GATED, jt.evaluate.verdicts(runs[plain], {gated: runs[gated] for gated in GATED}, metric="nll"), strict=True
        )
    }
    return Outcome(
        parts=[
            expect(f"{gated} has less loss than {plain}", verdict, Decision.HELPS, kind="paper")
            for (plain, gated), verdict in judged.items()
        ],
        effect="validation loss a character: " + ", ".join(f"{name} {loss:.4f}" for name, loss in losses.items()),
        numbers={"loss": losses, "verdicts": [verdict.to_dict() for verdict in judged.values()]},
        series=curves(runs, "nll"),
        axes=Axes("epoch", "validation loss (nats a character)"),
        chosen=best,
        sizes=sizes(runs["GELU"]),
    )


CLAIM = Claim(
    rows=("T009",),
    lecture=0,
    statement="Choose the non-linearity of your hidden layers wisely … many new options … geglu [Shazeer, 2020]",
    papers=(
        Paper(
            "Shazeer 2020, Table 1, held-out log-perplexity at 65k steps: ReLU 1.997, GELU 1.983, GEGLU 1.942, SwiGLU 1.944", "V2"
        ),
    ),
    refuted_by="The paired verdict on validation loss, from ReLU or from GELU to GEGLU or to SwiGLU, is 'hurts' or "
    "'no difference'.",
    measure=measure,
    kind="paper",
)
