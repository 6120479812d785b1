"""A network that has learnt to predict the words of film reviews, then told from few labels whether the author liked the film."""

import numpy as np

import jaxtricks as jt
from experiments.measures import RATE, tuned, wrong
from experiments.reliability.baselines import random_texts
from jaxtricks.evaluate.claim import Axes, Claim, Curve, Estimate, Outcome, Paper, Scale, Scales, expect, sizes
from jaxtricks.evaluate.compare import verdicts
from jaxtricks.evaluate.verdict import Decision

RATES = (1e-3, 3e-3, 1e-2)
HEAD, ALL, BY_LAYER, SCRATCH = "new head alone", "all layers", "all layers, lower ones slower", "from scratch"
STEPS = 200


def classifier(network: jt.Experiment, epochs: int) -> dict[str, jt.Experiment]:
    """The arms: a network that reads the mean of its states, of which more or less is trained."""
    whole = network.replace({"model.read": "mean", "batch_size": 20, "epochs": epochs})
    slower = jt.optim.DiscriminativeRates(layers=("head", "layer_*", "embed"))
    return {
        HEAD: whole.replace({"optimizer.frozen": ("embed", "layer_*")}),
        ALL: whole,
        BY_LAYER: whole.replace({"optimizer.rates": slower}),
        SCRATCH: whole,
    }


def measure(scale: Scale) -> Outcome:
    """IMDB reviews, their first 48 words out of 1 000; embeddings of 32, a GRU of 48 units, Adam. The network learns to
    predict the next word in 6 000 reviews (a fifth to validate on), 2 epochs at 3e-3, each restart anew. Its head is replaced
    by one that reads the mean of the states, and trained on 200 and on 800 other reviews with their labels, 200 and 800 steps
    of batches of 20, each restart on its own draw, with 300 more to validate on: the new head alone; all layers at one rate;
    all layers, each at 1/2.6 of the rate of the one above (Howard & Ruder); and all layers from scratch. Each arm has its
    best learning rate by validation accuracy at 200 labels, on a ladder from 1e-3 to 1e-2 that is widened while the best lies
    at its edge, on reviews and restarts that nothing is judged on. The language model reads reviews of the third that is kept
    for tuning, so that no judged review was read before. The lecture speaks of GPT-2 and BERT, which have read far more.
    """
    text = jt.Text("word", length=48, vocabulary=1_000)
    reviews = random_texts() if scale.name == "smoke" else jt.load("imdb_reviews", text=text)
    width = scale.pick(smoke=4, cpu=16, full=128)
    network = jt.Experiment(
        model=jt.RNN(cell=jt.nn.GRU(), embedding=2 * width, widths=(3 * width,)),
        optimizer=jt.Optimizer(rule=jt.Adam(learning_rate=3e-3), clip_norm=1.0),
        batch_size=scale.pick(smoke=8, cpu=32, full=64),
        epochs=scale.budget(smoke=1, cpu=2, full=10),
    )
    others = scale.tuning_examples(reviews)
    unlabelled = jt.data.next_tokens(scale.tuning_examples(reviews, scale.pick(smoke=50, cpu=6_000, full=8_000)))
    source = jt.fit(network, unlabelled, seeds=scale.restarts)
    held_out = scale.pick(smoke=10, cpu=300, full=2_000)
    counts = scale.pick(smoke=(20,), cpu=(200, 800), full=(200, 800, 4_000))
    steps = scale.budget(smoke=2, cpu=STEPS, full=STEPS)
    early = scale.restarts[: min(len(scale.tuning), scale.seeds)]

    def seeds(name: str, numbers: range) -> jt.Seeds:
        start = jt.Transfer(source.at(range(len(numbers))), fresh=("head",))
        return jt.Seeds(numbers, transfer=None if name == SCRATCH else start)

    size = counts[0] + held_out
    some = others.subset(size, seed=0, validation=held_out / size) if len(others) > size else others
    ladder = scale.pick(smoke=RATES[:1], cpu=RATES, full=RATES)
    chosen = {
        name: tuned({name: arm}, some, ladder, score=wrong, seeds=seeds(name, early))[name]
        for name, arm in classifier(network, steps * 20 // counts[0]).items()
    }
    arms: dict[int, dict[str, jt.Runs]] = {}
    for size in counts:
        few = scale.examples(reviews, size + held_out, held_out / (size + held_out))
        epochs = steps * 20 // counts[0]  # as many for each count, so that more labels have more steps
        arms[size] = {
            name: jt.fit(arm.replace({RATE: chosen[name].value}), few, seeds=seeds(name, scale.restarts))
            for name, arm in classifier(network, epochs).items()
        }
    fewest = arms[counts[0]]
    against = verdicts(fewest[HEAD], {name: runs for name, runs in fewest.items() if name != HEAD})
    by_name = dict(zip((ALL, BY_LAYER, SCRATCH), against, strict=True))
    accuracy = {name: np.stack([arms[size][name].metrics["accuracy"] for size in counts], axis=1) for name in fewest}
    return Outcome(
        parts=[
            expect("from scratch is worse", by_name[SCRATCH], Decision.HURTS),
            expect("training all layers is no better", by_name[ALL], Decision.HURTS, Decision.NO_DIFFERENCE),
        ],
        effect=f"from {counts[0]} labels, validation accuracy is "
        + ", ".join(f"{Estimate.of(values[:, 0]):.1%} ({name})" for name, values in accuracy.items())
        + "; against the new head alone: "
        + "; ".join(map(str, against)),
        numbers={
            "accuracy": {name: [Estimate.of(column) for column in values.T] for name, values in accuracy.items()},
            "labels": counts,
            "language_model_nats": Estimate.of(source.metrics["nll"]),
            **{name.replace(" ", "_").replace(",", ""): verdict.to_dict() for name, verdict in by_name.items()},
        },
        series=tuple(Curve.over_seeds(name, counts, values) for name, values in accuracy.items()),
        axes=Axes("labelled reviews", "validation accuracy", log="x"),
        chosen=chosen,
        sizes=sizes(fewest[HEAD]),
    )


CLAIM = Claim(
    rows=("T062", "T100"),
    lecture=3,
    statement="Find lots of unlabeled data: self/semi-supervised learning … Train a large model to classify ImageNet or "
    "predict tokens in NL … Remove the last layer … Add a new classification layer, train only this layer. … state of the art "
    "performance, at the cost of a linear model",
    papers=(Paper("Dai & Le 2015; Howard & Ruder 2018: language models become classifiers of IMDB; no number was read", "R"),),
    refuted_by="With the fewest labels the paired verdict on validation accuracy, from the new head alone to training from "
    "scratch, is 'helps' or 'no difference', or to training all layers 'helps'.",
    measure=measure,
    kind="effect",
    seeds=Scales(cpu=16),
)
