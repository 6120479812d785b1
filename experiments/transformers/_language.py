"""A small Transformer as a model of characters, and the windows of text that it reads."""

import jaxtricks as jt
from jaxtricks.evaluate.claim import Scale

WARM = 0.1  # the share of all steps that a warm-up takes
WARMUP = "optimizer.schedule.warmup"


def characters(scale: Scale) -> tuple[jt.Dataset, int]:
    """The characters of Python's own documentation in windows, and how many of these a claim takes."""
    pool = jt.load("python_topics", text=jt.Text("char", length=scale.pick(smoke=6, cpu=32, full=128)))
    return pool, scale.pick(smoke=80, cpu=1_000, full=14_000)


def language_model(scale: Scale, model: jt.Transformer, rule: jt.optim.Rule = jt.Adam()) -> jt.Experiment:  # noqa: B008 (frozen)
    """A model of characters, 5 epochs of batches of 16; its rate warms up over a tenth of the steps and falls as a cosine."""
    return jt.Experiment(
        model=model,
        optimizer=jt.Optimizer(rule=rule, schedule=jt.schedules.WarmupCosine(warmup=WARM)),
        batch_size=16,
        epochs=scale.budget(smoke=1, cpu=5, full=20),
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


def rates(scale: Scale) -> tuple[float, ...]:
    """The ladder of learning rates that every arm begins with."""
    return scale.pick(smoke=(1e-2,), cpu=(5e-3, 1e-2, 2e-2), full=(3e-4, 1e-3, 3e-3))
