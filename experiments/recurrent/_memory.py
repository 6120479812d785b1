"""What this chapter's claims have in common: tasks of memory and of language, networks of equal size, and how soon one learns."""

import bisect
from collections.abc import Callable, Mapping

import jax
import numpy as np
from jaxtyping import Float

import jaxtricks as jt
from experiments.measures import epochs_until, estimates, final_loss, fit_tuned
from jaxtricks.evaluate.claim import Axes, Outcome, Scale, curves, expect, sizes
from jaxtricks.evaluate.verdict import Decision
from jaxtricks.train.prepare import prepare

BATCH = 32
RATES = (1e-3, 3e-3, 1e-2, 3e-2)  # of Adam, for every arm
BLIND = 1 / 6  # mean squared error of answering 1 to every adding problem
LEARNT = BLIND / 2


def adding(model: jt.RNN, epochs: int) -> jt.Experiment:
    """A network that learns to add, by Adam with the gradient's norm clipped at 1."""
    return jt.Experiment(
        model=model,
        objective=jt.Objective(loss=jt.losses.Squared()),
        optimizer=jt.Optimizer(rule=jt.Adam(), clip_norm=1.0),
        inputs=jt.experiment.Raw(),
        targets=jt.experiment.RawTargets(),
        metrics=("mse",),
        batch_size=BATCH,
        epochs=epochs,
    )


def language(model: jt.RNN, epochs: int, rule: jt.optim.Rule = jt.Adam()) -> jt.Experiment:  # noqa: B008 (frozen)
    """A model of characters, with the gradient's norm clipped at 1; every window starts from the initial state."""
    return jt.Experiment(
        model=model, optimizer=jt.Optimizer(rule=rule, clip_norm=1.0), objective=jt.Objective(), batch_size=BATCH, epochs=epochs
    )


def characters(length: int) -> jt.Dataset:
    """Windows of the characters of Python's own documentation."""
    return jt.load("python_topics", text=jt.Text("char", length=length))


def parameters(experiment: jt.Experiment, data: jt.Dataset) -> int:
    """How many parameters an experiment's model has on the data."""
    model = prepare(experiment, data, len(data.split(0).train)).model
    x = data.x[:1] if data.vocabulary is not None else data.x[:1].astype(np.float32)  # bytes of an image are no tokens
    shapes = jax.eval_shape(lambda: model.init({"params": jax.random.key(0)}, x, train=False))
    return sum(leaf.size for leaf in jax.tree.leaves(shapes["params"]))


def widest(make: Callable[[int], jt.Experiment], data: jt.Dataset, most: int) -> jt.Experiment:
    """The experiment of the largest width below 1024 with no more parameters than so many.

    Args:
        make: width → experiment.
        data: the data set.
        most: parameters that it may have.
    """
    return make(max(1, bisect.bisect_right(range(1, 1024), most, key=lambda width: parameters(make(width), data))))


def final_error(runs: jt.Runs) -> Float[np.ndarray, " runs"]:
    """The validation mean squared error after the last epoch; inf for a run that diverged."""
    return np.where(np.isin(runs.names, list(runs.diverged)), np.inf, runs.metrics["mse"])


def steps_to_learn(runs: jt.Runs) -> Float[np.ndarray, " runs"]:
    """Optimizer steps until the validation error is half that of a constant answer; one epoch more than there were for never."""
    steps = runs.members.train.shape[1] // runs.experiment.batch_size
    return steps * epochs_until(runs.curves["mse"], LEARNT)


def one_change(pool: jt.Dataset, windows: int, arms: Mapping[str, jt.Experiment], scale: Scale) -> Outcome:
    """Whether the second of two language models has a lower validation loss than the first, each at its best rate of one grid."""
    runs, rates = fit_tuned(
        arms, pool, scale.pick(smoke=RATES[2:3], cpu=RATES, full=RATES), scale, score=final_loss, size=windows
    )
    baseline, change = arms
    (verdict,) = jt.evaluate.verdicts(runs[baseline], {change: runs[change]}, metric="nll")
    losses = estimates({name: arm.metrics["nll"] for name, arm in runs.items()})
    return Outcome(
        parts=[expect(f"{change} has less loss", verdict, Decision.HELPS)],
        effect=f"validation loss a character: {verdict}; {baseline} {losses[baseline]:.4f}",
        numbers={"loss": losses, "verdict": verdict.to_dict()},
        series=curves(runs, "nll"),
        axes=Axes("epoch", "validation loss (nats a character)"),
        chosen=rates,
        sizes=sizes(runs[baseline]),
    )
