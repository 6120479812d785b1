"""Networks that differ in nothing but their activation, each at its own best learning rate."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

import jaxtricks as jt
from experiments.measures import epochs_until, estimates, fit_tuned, slowness
from jaxtricks.evaluate.claim import Axes, Chosen, Outcome, Scale, curves, expect, sizes
from jaxtricks.evaluate.compare import verdicts
from jaxtricks.evaluate.verdict import Decision, Verdict

RATES = (0.003, 0.01, 0.03, 0.1, 0.3)
TARGET = 0.1  # nats of training loss


def bake_off(
    activations: Mapping[str, jt.nn.Activation], scale: Scale, epochs: int = 30, **changes: Any
) -> tuple[dict[str, jt.Runs], dict[str, Chosen]]:
    """Four hidden layers of 64 units on 3 000 MNIST images (1 000 more to validate on), momentum 0.9, batch 50.

    Weights are Glorot's for all. Each arm has the rate with the smallest training loss averaged over the epochs, on a ladder that
    starts with `RATES`, on seeds and examples that nothing is judged on. At full scale 4×256 on 40 000 images.

    Args:
        activations: arm → its activation.
        scale: of the claim.
        epochs: of each run at cpu scale; 30 where not given.
        changes: fields of the model, the same for all.

    Returns:
        Arm → its restarts, and arm → the learning rate that it chose.
    """
    base, pool, (size, held_out) = task(scale, epochs)
    base = base.replace({f"model.{name}": value for name, value in changes.items()})
    arms = {name: base.replace({"model.activation": activation}) for name, activation in activations.items()}
    return fit_tuned(arms, pool, rates(scale), scale, score=slowness, size=size, validation=held_out)


def task(scale: Scale, epochs: int = 30) -> tuple[jt.Experiment, jt.Dataset, tuple[int, float]]:
    """The network, the pool of its images, how many of them are taken, and the share of these that is validated on."""
    pool = jt.load(scale.pick(smoke="digits", cpu="mnist", full="mnist"))
    size, held_out = scale.pick(smoke=(300, 1 / 3), cpu=(4_000, 1 / 4), full=(60_000, 1 / 6))
    base = jt.Experiment(
        model=jt.MLP(widths=scale.pick(smoke=(8,), cpu=(64,) * 4, full=(256,) * 4), kernel_init=jt.nn.GlorotNormal()),
        optimizer=jt.Optimizer(rule=jt.Momentum(momentum=0.9)),
        inputs=jt.experiment.Unit(),  # rare pixels, standardized, make products of two pre-activations explode
        batch_size=50,
        epochs=scale.budget(smoke=2, cpu=epochs, full=max(epochs, 40)),
    )
    return base, pool, (size, held_out)


def rates(scale: Scale) -> tuple[float, ...]:
    """The grid of learning rates."""
    return scale.pick(smoke=RATES[2:3], cpu=RATES, full=RATES)


def contest(
    option: str,
    rivals: Mapping[str, jt.nn.Activation],
    activation: jt.nn.Activation,
    scale: Scale,
    epochs: int = 30,
    **changes: Any,
) -> Outcome:
    """Whether an activation is as good as its rivals: none of them helps in its place.

    Args:
        option: what it is called.
        rivals: the others, by name.
        activation: the one that is put to the test.
        scale: of the claim.
        epochs: of each run at cpu scale; 30 where not given.
        changes: fields of the model, the same for all.
    """
    arms, best = bake_off({option: activation, **rivals}, scale, epochs, **changes)
    judged = verdicts(arms[option], {f"{name} in place of {option}": arms[name] for name in rivals})
    accuracy = estimates({name: runs.metrics["accuracy"] for name, runs in arms.items()})
    needed = estimates({name: epochs_until(runs.curves["train_loss"], TARGET) for name, runs in arms.items()})
    shares = ", ".join(f"{name} {share:.2%}" for name, share in accuracy.items())
    return Outcome(
        parts=[
            expect(f"{name} is no better", verdict, Decision.HURTS, Decision.NO_DIFFERENCE, kind="paper")
            for name, verdict in zip(rivals, judged, strict=True)
        ],
        effect=f"validation accuracy: {shares}; {'; '.join(map(briefly, judged))}",
        numbers={
            "accuracy": accuracy,
            "epochs_to_0.1": needed,
            "verdicts": [verdict.to_dict() for verdict in judged],
        },
        series=curves(arms, "accuracy"),
        axes=Axes("epoch", "validation accuracy"),
        chosen=best,
        sizes=sizes(arms[option]),
    )


def briefly(verdict: Verdict) -> str:
    """The verdict's line, with a count in place of the names of collapsed restarts."""
    lost = f", {len(verdict.collapsed)} collapsed" if verdict.collapsed else ""
    return f"{dataclasses.replace(verdict, collapsed=())}{lost}"


def pre_activations(runs: jt.Runs) -> Float[np.ndarray, "runs layers examples units"]:
    """What the units of every hidden layer, all of one width, get from below on each restart's own training examples."""
    member, model = runs.members, runs.experiment.model

    def one(args: tuple[dict[str, Any], Array, Array, Array]) -> Array:
        variables, places, shift, spread = args
        x = (jnp.asarray(runs.data.x)[places] - shift[None]) / spread[None]
        captured = model.apply(variables, x, train=False, capture_intermediates=_is_dense, mutable=["intermediates"])[1]
        layers = captured["intermediates"]
        return jnp.stack([layers[name]["dense"]["__call__"][0] for name in sorted(layers)])

    return np.asarray(jax.lax.map(one, (runs.variables, member.train, member.shift, member.scale)))


def _is_dense(module: object, method: str) -> bool:
    return getattr(module, "name", None) == "dense"
