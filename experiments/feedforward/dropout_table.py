"""The table of Srivastava and others on MNIST: dropout, its units, the limit of the norms, and a wide network."""

import numpy as np

import jaxtricks as jt
from experiments.measures import Contest, wrong
from jaxtricks.evaluate.claim import Axes, Claim, Estimate, Outcome, Paper, Scale, Scales, Training, curves, expect, sizes
from jaxtricks.evaluate.verdict import Decision

RATES = (3e-4, 1e-3, 3e-3)
LONGEST = 3.0  # of the weights that go into a unit
PUBLISHED = {"standard": 1.60, "dropout": 1.35, "dropout, ReLU": 1.25, "dropout, ReLU, max-norm": 1.06, "the same, wide": 0.95}


def contest(scale: Scale) -> Contest:
    """The rows of the table, each at its best rate."""
    narrow, usual, wide = scale.pick(
        smoke=((4, 4), (8, 8, 8), (16, 16)),
        cpu=((100, 100), (128, 128, 128), (256, 256)),
        full=((800, 800), (1024, 1024, 1024), (8192, 8192)),
    )
    standard = jt.Experiment(
        model=jt.MLP(widths=narrow, activation=jt.nn.Sigmoid(), kernel_init=jt.nn.GlorotNormal()),
        optimizer=jt.Optimizer(rule=jt.Adam(learning_rate=1e-3)),
        inputs=jt.experiment.Unit(),
        batch_size=100,
        epochs=scale.budget(smoke=2, cpu=20, full=200),
    )
    logistic = standard.replace({"model.widths": usual, "model.dropout": 0.5, "model.input_dropout": 0.2})
    rectified = logistic.replace({"model.activation": "relu"})
    limited = rectified.replace({"optimizer.max_norm": LONGEST})
    rows = (standard, logistic, rectified, limited, limited.replace({"model.widths": wide}))
    pool = jt.load(scale.pick(smoke="digits", cpu="mnist", full="mnist"))
    ladder = scale.pick(smoke=RATES[1:2], cpu=RATES, full=RATES)
    size = scale.pick(smoke=(300, 1 / 3), cpu=(3_000, 1 / 3), full=(60_000, 1 / 8))
    return Contest(dict(zip(PUBLISHED, rows, strict=True)), pool, ladder, *size)


def trainings(scale: Scale) -> list[Training]:
    """What it trains."""
    return contest(scale).trainings(scale)


def measure(scale: Scale) -> Outcome:
    """Five fully connected networks on 2 000 MNIST images, 1 000 more to validate on, 20 epochs of Adam (batch 100): of 2×100
    sigmoid units without dropout; of 3×128 with dropout of 0.5 after the hidden layers and 0.2 on the inputs; the same of ReLU
    units; the same with the weights into a unit no longer than 3; and that with 2×256 units. Each has its best learning rate by
    validation accuracy, on a ladder from 3e-4 to 3e-3 that goes on while the best lies at its edge, on four restarts and on
    examples that nothing is judged on. At full scale the widths are the paper's, 2×800, 3×1024 and 2×8192, 200 epochs, on 35 000
    images where the paper has 60 000, and the error on the test images stands beside it. How the paper trains (its rates, its
    momentum, its limit of the norms, when it stops) was not found; these are ours.
    """
    arms, rates = (own := contest(scale)).fitted(scale, wrong)
    verdicts = jt.evaluate.verdicts(arms["standard"], {name: runs for name, runs in arms.items() if name != "standard"})
    errors = {name: Estimate.of(100 * wrong(runs)) for name, runs in arms.items()}
    numbers = {"validation_error": errors, "verdicts": {verdict.label: verdict.to_dict() for verdict in verdicts}}
    if scale.name == "full":
        opened = own.pool.open_test("to hold against the paper", reopen="the claim is run again")
        numbers["test_error"] = {
            name: Estimate.of(100 * (1 - np.asarray(runs.evaluate(opened)["accuracy"]))) for name, runs in arms.items()
        }
    told = ", ".join(f"{name} {error:.2f} (paper: {PUBLISHED[name]:.2f}, on the test images)" for name, error in errors.items())
    return Outcome(
        parts=[
            expect(f"{verdict.label} is more accurate than standard", verdict, Decision.HELPS, kind="paper")
            for verdict in verdicts
        ],
        effect=f"errors in validation, %: {told}",
        numbers=numbers,
        series=curves(arms, "accuracy"),
        axes=Axes("epoch", "validation accuracy"),
        chosen=rates,
        sizes=sizes(arms["standard"]),
    )


CLAIM = Claim(
    rows=("T056",),
    lecture=0,
    statement="Dropout [Srivastava et al., 2014] (very effective).",
    papers=(
        Paper("Srivastava+ 2014, Table 2, MNIST, test error: 1.60% without dropout (logistic, 2×800), 1.35% with (3×1024)", "V2"),
        Paper("the same: 1.25% (ReLU), 1.06% (with max-norm), 0.95% (2×8192)", "V2"),
    ),
    refuted_by="The paired verdict on validation accuracy, from the network without dropout to any of the four with it, is "
    "'hurts' or 'no difference'.",
    measure=measure,
    kind="paper",
    seeds=Scales(full=10),
    trainings=trainings,
)
