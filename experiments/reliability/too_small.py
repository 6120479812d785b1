"""Few examples: a network beside simple models, and from how many on it is better."""

import jaxtricks as jt
from experiments.measures import tuned, wrong
from jaxtricks import statistics
from jaxtricks.evaluate.claim import Axes, Claim, Curve, Estimate, Outcome, Paper, Scale, settle

SIMPLE = ("linear", "boosting")
RATES = (1e-3, 3e-3, 1e-2)


def measure(scale: Scale) -> Outcome:
    """Handwritten digits of 8 × 8 pixels, two thirds of the training set that comes with the package. A ReLU network with a
    hidden layer of 128 by AdamW, batches of 64, 30 passes over the largest size and as many updates for each smaller one; its
    rate is the best on the other third, at their full number, so that small sizes have no rate of their own. The penalty of
    logistic regression is chosen anew at each size, within its training examples; boosted trees have scikit-learn's settings,
    with smaller leaves below 1,000 examples. Sizes double up to all; each seed has its own validation examples. Clean digits are
    an easy task: a harder one would have its crossing elsewhere.
    """
    smoke = scale.name == "smoke"
    pool = jt.load("digits")
    data = scale.examples(pool, 200 if smoke else None)
    base = jt.Experiment(
        model=jt.MLP(widths=(128,), activation=jt.nn.ReLU()),
        optimizer=jt.Optimizer(rule=jt.AdamW(learning_rate=1e-3)),
        batch_size=64,
        epochs=scale.budget(smoke=2, cpu=30, full=30),
    )
    ladder = RATES[:1] if smoke else RATES
    chosen = tuned({"network": base}, scale.tuning_examples(pool), ladder, score=wrong, seeds=scale.tuning)
    network = base.replace({"optimizer.rule.learning_rate": chosen["network"].value})
    most = len(data.split(scale.restarts[0]).train)
    sizes = tuple(sorted(most >> power for power in range(2 if smoke else 6)))
    curve = jt.learning_curve(network, data, sizes=sizes, seeds=scale.restarts, against=SIMPLE, progress=False)
    share = len(data.split(scale.restarts[0]).validation) / most

    def ahead(name: str, place: int) -> Estimate:
        values = curve.values["network"][:, place] - curve.values[name][:, place]
        found = statistics.corrected(values, share)
        return Estimate(found.mean, *found.interval(), tuple(values.tolist()), found.freedom, "new data")

    few, many = ({name: ahead(name, place) for name in SIMPLE} for place in (0, -1))
    crossings = {name: str(each) for name, each in curve.crossovers.items()}
    return Outcome(
        parts=[
            settle(f"with {sizes[0]} examples the network is not better than a linear model", few["linear"], below=0.005),
            settle(f"with {sizes[-1]} examples it is better", many["linear"], above=0.0),
            settle(f"with {sizes[-1]} examples it is better than boosted trees", many["boosting"], above=0.0),
        ],
        effect=f"accuracy, network minus linear model: {few['linear']:+.1%} with {sizes[0]} examples and "
        f"{many['linear']:+.1%} with {sizes[-1]}; it is better than the linear model from {crossings['linear']} on, "
        f"than boosted trees from {crossings['boosting']} on",
        numbers={f"few_{name}": each for name, each in few.items()}
        | {f"many_{name}": each for name, each in many.items()}
        | {f"crossing_{name}": each for name, each in crossings.items()},
        series=tuple(Curve.over_seeds(name, sizes, 100 * values) for name, values in curve.values.items()),
        axes=Axes("training examples", "validation accuracy, %", log="x"),
        chosen={"network, learning rate": chosen["network"]},
        sizes={"training, at most": most, "validation": len(data.split(scale.restarts[0]).validation)},
    )


CLAIM = Claim(
    rows=("T100",),
    lecture=3,
    statement="If your dataset is just too small: … Consider not using machine/deep learning",
    papers=(Paper("No number is published; sizes and task are ours", "M"),),
    refuted_by="The 95% interval of the paired difference in accuracy, network minus logistic regression, lies at or above half "
    "a point at the smallest size; or at the largest it lies at or below 0, or that against boosted trees does.",
    measure=measure,
    kind="effect",
)
