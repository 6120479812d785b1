"""A small Transformer as a model of characters, and the windows of text that it reads."""

from collections.abc import Mapping

import numpy as np

import jaxtricks as jt
from experiments.measures import final_loss, fit_tuned
from jaxtricks.evaluate.claim import Axes, Chosen, Curve, Scale

WARM = 0.1  # the share of all steps that a warm-up takes
WARMUP = "optimizer.schedule.warmup"


def characters(scale: Scale) -> tuple[jt.Dataset, int]:
    """The characters of Python's own documentation in windows, and how many of these a claim takes: about a third of them."""
    pool = jt.load("python_topics", text=jt.Text("char", length=scale.pick(smoke=6, cpu=32, full=128)))
    return pool, scale.pick(smoke=80, cpu=4_800, full=14_000)


def language_model(scale: Scale, model: jt.Transformer, rule: jt.optim.Rule, epochs: int) -> jt.Experiment:
    """A model of characters in batches of 16; its rate warms up over a tenth of the steps and falls as a cosine.

    Args:
        scale: of the claim.
        model: the network.
        rule: the update rule.
        epochs: passes over the windows at cpu scale.
    """
    return jt.Experiment(
        model=model,
        optimizer=jt.Optimizer(rule=rule, schedule=jt.schedules.WarmupCosine(warmup=WARM)),
        batch_size=16,
        epochs=scale.budget(smoke=1, cpu=epochs, full=20),
    )


def post_norm(scale: Scale) -> jt.Transformer:
    """Blocks with layer norm after their residual sums, as in the first paper."""
    layers, width = scale.pick(smoke=1, cpu=4, full=6), scale.pick(smoke=8, cpu=16, full=256)
    return jt.Transformer(
        layers=layers,
        width=width,
        heads=scale.pick(smoke=2, cpu=2, full=4),
        hidden=4 * width,
        norm="post",
        activation=jt.nn.ReLU(),
    )


def fitted(
    arms: Mapping[str, jt.Experiment], ladder: tuple[float, ...], scale: Scale
) -> tuple[dict[str, jt.Runs], dict[str, Chosen]]:
    """The restarts of every arm at its own best rate by the loss at the end, and those rates; a tenth of windows is validated on.

    Args:
        arms: name → experiment.
        ladder: the rates that every arm begins with at cpu scale.
        scale: of the claim.
    """
    pool, windows = characters(scale)
    ladder = scale.pick(smoke=ladder[:1], cpu=ladder, full=(3e-4, 1e-3, 3e-3))
    return fit_tuned(arms, pool, ladder, scale, score=final_loss, size=windows, validation=1 / 10)


def side_by_side(runs: Mapping[str, jt.Runs]) -> tuple[tuple[Curve, ...], Axes]:
    """The validation loss of every arm at the end, at a place of its own, and the axes of that plot."""
    losses = np.stack([arm.metrics["nll"] for arm in runs.values()], axis=1)
    curve = Curve.over_seeds("validation loss", range(1, len(runs) + 1), losses)
    return (curve,), Axes("", "validation loss (nats a character)", places=tuple(runs))
