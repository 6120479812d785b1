"""Ensembles of language models: how perplexity falls with the number of members."""

import numpy as np

import jaxtricks as jt
from jaxtricks.evaluate.claim import Axes, Claim, Curve, Estimate, Outcome, Paper, Scale, settle

SIZES = (1, 2, 5, 10)
PUBLISHED = (82.7, 77.0, 73.3, 72.0)  # Zaremba's medium LSTM, test perplexity of so many
TWO, FIVE = ((PUBLISHED[0] - perplexity) / (PUBLISHED[0] - PUBLISHED[-1]) for perplexity in PUBLISHED[1:3])
AROUND_TWO, AROUND_FIVE = 0.1, 0.05


def member(scale: Scale) -> jt.Experiment:
    """Two LSTMs of 32 units that carry their state on, dropout of 0.2 between them, 40 epochs of Adam (0.02), batch 16."""
    widths = scale.pick(smoke=(8,), cpu=(32, 32), full=(256, 256))
    return jt.Experiment(
        model=jt.RNN(embedding=widths[0], widths=widths, dropout=jt.nn.Inverted(rate=0.2), carry_state=True),
        optimizer=jt.Optimizer(rule=jt.Adam(learning_rate=scale.pick(smoke=0.02, cpu=0.02, full=0.002)), clip_norm=1.0),
        order=jt.experiment.Contiguous(),
        batch_size=scale.pick(smoke=8, cpu=16, full=32),
        epochs=scale.budget(smoke=2, cpu=40, full=60),
    )


def measure(scale: Scale) -> Outcome:
    """Python's help topics by the character: 240 windows of 32, a third of them, in one piece, held out by each split. Ten LSTMs
    of 2×32 that differ in initial weights and masks carry their states through the windows, with dropout of 0.2 between
    layers; the probabilities of each next character are averaged over one, two, five and all of them, and a number of members
    is judged by the mean over groups of so many different ones. A seed of the claim is a split. By convexity the loss of an
    average is never above the mean loss; whether the next character is named right more often is another matter, and that is
    what the lecture says. Beside it Zaremba's pattern: how much of what ten members take off the perplexity two and five of
    them do. Settings were not tuned; drawn is the perplexity.
    """
    text = jt.load("python_topics", text=jt.Text("char", length=scale.pick(smoke=8, cpu=32, full=100)))
    data = scale.examples(text, scale.pick(smoke=48, cpu=240, full=3_000), 1 / 3)
    reports = []
    for split in scale.restarts:
        runs = jt.fit(member(scale), data, seeds=jt.Seeds(SIZES[-1], split=split), progress=False)
        reports.append(jt.ensemble(runs).evaluate(data, sizes=SIZES))
    values = {
        metric: np.array([[report.by_size[size][metric] for size in SIZES] for report in reports])
        for metric in ("accuracy", "nll", "perplexity")
    }
    perplexity = values["perplexity"]
    accuracy, loss = (Estimate.of(values[name][:, -1] - values[name][:, 0]) for name in ("accuracy", "nll"))
    over_best = Estimate.of(np.array([report.best_gain["accuracy"] for report in reports]))
    fallen = (perplexity[:, :1] - perplexity[:, 1:3]) / (perplexity[:, :1] - perplexity[:, -1:])
    two, five = Estimate.of(fallen[:, 0]), Estimate.of(fallen[:, 1])
    means = ", ".join(f"{mean:.2f} of {size}" for size, mean in zip(SIZES, perplexity.mean(axis=0), strict=True))
    return Outcome(
        parts=[
            settle("ten together name the next character right more often", accuracy, above=0),
            settle("ten together have less loss", loss, below=0, kind="identity"),
            settle("two bring half of it", two, above=TWO - AROUND_TWO, below=TWO + AROUND_TWO, kind="paper"),
            settle("five bring most of it", five, above=FIVE - AROUND_FIVE, below=FIVE + AROUND_FIVE, kind="paper"),
        ],
        effect=f"validation perplexity {means}; two bring {two:.0%} of what ten do ({TWO:.0%} in the paper) and five {five:.0%} "
        f"({FIVE:.0%}); accuracy of ten, minus one's: {accuracy:+.2%}, minus the best one's: {over_best:+.2%}",
        numbers={
            "accuracy_gain": accuracy,
            "accuracy_gain_over_best": over_best,
            "nll_gain": loss,
            "two": two,
            "five": five,
            "perplexity": {size: Estimate.of(perplexity[:, i]) for i, size in enumerate(SIZES)},
            "disagreement": Estimate.of(np.array([report.disagreement for report in reports])),
        },
        series=(Curve.over_seeds("LSTMs together", SIZES, perplexity),),
        axes=Axes("members", "validation perplexity", log="x"),
    )


CLAIM = Claim(
    rows=("T074",),
    lecture=0,
    statement="Ensembles often increase prediction accuracy",
    papers=(
        Paper("Zaremba+ 2014, Penn Treebank, test perplexity of medium LSTMs: 82.7 alone, 77.0 of 2, 73.3 of 5, 72.0 of 10", "V"),
    ),
    refuted_by="The 95% interval over splits of the gain in accuracy of ten members over one lies at or below 0. Beside it the "
    "paper's pattern: refuted if the interval of the share of the fall of the perplexity that two members bring lies outside of "
    "0.53 ± 0.1, or of what five bring outside of 0.88 ± 0.05.",
    measure=measure,
    kind="effect",
)
