"""Film reviews as count vectors: a network in place of the linear model."""

import jaxtricks as jt
from experiments.measures import fit_tuned, wrong
from jaxtricks.evaluate.claim import Axes, Claim, Earlier, Estimate, Outcome, Paper, Ruling, Scale, curves, expect, sizes
from jaxtricks.evaluate.compare import verdicts
from jaxtricks.evaluate.verdict import Decision

RATES = (1e-4, 3e-4, 1e-3)


def measure(scale: Scale) -> Outcome:
    """IMDB reviews as counts of their 5 000 commonest words, unscaled; each seed draws four fifths of two thirds of them to
    train on, and validates on the rest of the two thirds. A linear model against a ReLU network with one hidden layer of 64, both
    by Adam, batches of 100, 8 epochs; each has its best learning rate by validation accuracy, on a ladder from 1e-4 to 1e-3 that
    goes on while the best lies at its edge, on four restarts and on examples that nothing is judged on. The lecture sets this as
    a homework and claims nothing: that the network is better is what it lets one expect.
    """
    words = scale.pick(smoke=50, cpu=5_000, full=20_000)
    reviews = jt.load("digits") if scale.name == "smoke" else jt.load("imdb_reviews", words=words)
    linear = jt.Experiment(
        model=jt.MLP(widths=()), inputs=jt.experiment.Raw(), batch_size=100, epochs=scale.budget(smoke=1, cpu=8, full=16)
    )
    arms = {"linear": linear, "network": linear.replace({"model.widths": (64,)})}
    fitted, rates = fit_tuned(arms, reviews, scale.pick(smoke=RATES[1:2], cpu=RATES, full=RATES), scale, score=wrong)
    verdict = verdicts(fitted["linear"], {"network": fitted["network"]})[0]
    accuracy = {name: Estimate.of(runs.metrics["accuracy"]) for name, runs in fitted.items()}
    return Outcome(
        parts=[expect("the network is better than the linear model", verdict, Decision.HELPS, kind="paper")],
        effect=f"validation accuracy {accuracy['linear']:.2%} with the linear model, {accuracy['network']:.2%} with the network; "
        f"{verdict}",
        numbers={"accuracy": accuracy, "verdict": verdict.to_dict()},
        series=curves(fitted, "accuracy"),
        axes=Axes("epoch", "validation accuracy"),
        chosen=rates,
        sizes=sizes(fitted["network"]),
    )


CLAIM = Claim(
    rows=("T121",),
    lecture=1,
    statement="IMDB … Count Vectors … Neural Network (instead of a linear model)",
    papers=(Paper("linear models of unigram counts on IMDB's test set: 86.95 to 88.29%; with bigrams 89.16%", "V2"),),
    refuted_by="The paired verdict on validation accuracy, from the linear model to the network, is 'hurts' or 'no difference'.",
    measure=measure,
    kind="paper",
    history=(
        Earlier(
            "2026-11-28",
            "8 epochs in place of 4, and rates on a ladder that is widened, chosen on reviews that are not judged",
            "the best rates may have lain at the edge of their grid, and were chosen on reviews that were judged; the "
            "result had been seen",
            Ruling.REFUTED,
        ),
    ),
)
