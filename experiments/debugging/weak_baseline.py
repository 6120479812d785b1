"""Results that are bad: what each action of the lecture's list gains on a weak baseline."""

import numpy as np

import jaxtricks as jt
from experiments.measures import estimates, fit_tuned, wrong
from jaxtricks.data import Dataset
from jaxtricks.evaluate.claim import Axes, Claim, Curve, Estimate, Outcome, Paper, Scale, settle, sizes

MEMBERS = 5
LADDER = (1e-3, 1e-2, 1e-1, 1.0)
PREPROCESSED, LARGER, HACKS, ENSEMBLE = "preprocessing", "a larger network", "hacks", f"an ensemble of {MEMBERS}"


def measure(scale: Scale) -> Outcome:
    """A weak baseline: tumours told by a ReLU network of 8 units from 30 raw measurements whose scales differ a thousandfold, 20
    epochs of SGD in batches of 32. One action at a time: inputs standardized, which is the bug in preprocessing that the baseline
    has; a network of 2×128 units; hacks as of the fast.ai course, a warm-up with a cosine and label smoothing of 0.1; five
    restarts whose probabilities are averaged. All arms at the rate with the fewest mistakes on other examples, out of 0.001 to 1.
    Judged are gains in validation accuracy, of the ensemble against the mean of its members.
    """
    pool, epochs = jt.load("breast_cancer"), scale.budget(smoke=1, cpu=20, full=100)
    weak = jt.Experiment(
        model=jt.MLP(widths=(8,)),
        inputs=jt.experiment.Raw(),
        optimizer=jt.Optimizer(jt.SGD(learning_rate=0.1)),
        batch_size=32,
        epochs=epochs,
    )
    smooth = {"optimizer.schedule": jt.schedules.WarmupCosine(), "objective.loss.label_smoothing": 0.1}
    arms = {
        "baseline": weak,
        PREPROCESSED: weak.replace({"inputs": "standardize"}),
        LARGER: weak.replace({"model.widths": (128, 128)}),
        HACKS: weak.replace(smooth),
    }
    ladder = scale.pick(smoke=LADDER[:1], cpu=LADDER, full=LADDER)
    runs, chosen = fit_tuned(arms, pool, ladder, scale, score=wrong)
    accuracy = {name: 1 - wrong(each) for name, each in runs.items()}
    gained = {name: accuracy[name] - accuracy["baseline"] for name in (PREPROCESSED, LARGER, HACKS)}
    gained[ENSEMBLE] = _averaged(runs["baseline"].experiment, scale.examples(pool), scale)
    found = {name: Estimate.over(runs["baseline"], values) for name, values in gained.items()}
    rivals = [name for name in found if name != PREPROCESSED]
    rival = max(rivals, key=lambda name: found[name].mean)
    ahead = Estimate.over(runs["baseline"], gained[PREPROCESSED] - gained[rival])
    return Outcome(
        parts=[
            *(settle(f"{name} gains", each, above=0) for name, each in found.items()),
            settle("preprocessing gains the most", ahead, above=0, kind="paper"),
        ],
        effect=f"on a weak baseline of {accuracy['baseline'].mean():.1%}, "
        + ", ".join(f"{name} gains {100 * each.mean:+.1f} points" for name, each in found.items()),
        numbers={"accuracy": estimates(accuracy), "gained": found, "ahead": ahead, "next": rival},
        series=(Curve.over_seeds("gain", range(1, len(gained) + 1), np.stack(list(gained.values()), axis=1)),),
        axes=Axes("action", "gain in accuracy", places=tuple(gained)),
        chosen=chosen,
        sizes=sizes(runs["baseline"]),
    )


def _averaged(experiment: jt.Experiment, data: Dataset, scale: Scale) -> np.ndarray:
    """What the average of five restarts gains over their mean, on each seed's split."""
    whole = [jt.fit(experiment, data, seeds=jt.Seeds(MEMBERS, split=split), progress=False) for split in scale.restarts]
    return np.array([jt.ensemble(runs).evaluate(data).gain["accuracy"] for runs in whole])


CLAIM = Claim(
    rows=("T110",),
    lecture=1,
    statement="My results are bad … Check for bugs in data pre-processing … Use hacks … Use a larger model … Use ensembles",
    papers=(
        Paper("Karpathy 2019, A recipe for training neural networks", "R"),
        Paper("Howard and Gugger 2020, fastai: one-cycle schedules and label smoothing", "R"),
    ),
    refuted_by="The 95% interval of the mean gain in validation accuracy of one of the four actions, each at its own rate, lies "
    "at or below 0. Beside it, of our own: that of preprocessing minus the largest of the others' lies there.",
    measure=measure,
    kind="effect",
)
