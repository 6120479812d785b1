"""Layers that a gradient does not reach, and layers that died, are named by the histograms of gradients and activations."""

from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

import jaxtricks as jt
from jaxtricks.diagnose.case import Case
from jaxtricks.evaluate.claim import Axes, Claim, Curve, Outcome, Paper, Scale, Scales, holds, sizes

LAYERS = 4
SOUND = -1.0  # no layer
FAR = 1e4  # how far below zero a layer that died lies, in units of its inputs' sums


class Relu(nn.Module):
    """ReLU as a layer, so that its outputs are looked at."""

    def __call__(self, x: Any) -> Any:
        return nn.relu(x)


@jt.extend.config()
class Planted(nn.Module):
    """Four ReLU layers of 16 units, with a fault that is a float, so that all faults are one program.

    Args:
        cut: the number of the layer whose outputs pass no gradient on; -1: none.
        dead: the number of the layer whose units are all below zero, whatever comes in; -1: none.
        outputs: classes.
    """

    cut: float = SOUND
    dead: float = SOUND
    outputs: int = 10

    @nn.compact
    def __call__(self, x: Any) -> Any:
        x = x.reshape(len(x), -1)
        for place in range(LAYERS):
            x = nn.Dense(16, name=f"dense_{place}")(x) - jnp.where(self.dead == place, FAR, 0.0)
            x = Relu(name=f"relu_{place}")(x)
            x = jnp.where(self.cut == place, jax.lax.stop_gradient(x), x)
        return nn.Dense(self.outputs, name="head")(x)


def measure(scale: Scale) -> Outcome:
    """A network of four ReLU layers of 16 units on digits, Adam, 2 epochs. In one of them, the first to the last in turn, the
    gradient is stopped after the layer, or all its units lie below zero, whatever comes in; beside them the network without a
    fault. `Histograms.stopped` reads the pictures of the initial weights and those after training, and has to name the layer that
    died, or the last one that no gradient reaches, in every restart, and none in the network without a fault. In JAX there is no
    gradient None: both faults show as 0.0. The sign "reach" of the doctor has to name every array below a fault in the
    second layer, of four restarts at the first batch.
    """
    base = jt.Experiment(model=Planted(), optimizer=jt.Optimizer(rule=jt.Adam(learning_rate=1e-3)), batch_size=64)
    base = base.replace({"epochs": (epochs := scale.budget(smoke=1, cpu=2, full=10)), "histograms": epochs})
    digits = scale.examples(jt.load("digits"))
    places = range(scale.pick(smoke=2, cpu=LAYERS, full=LAYERS))
    faults = [{}, *({f"model.{kind}": float(place)} for kind in ("cut", "dead") for place in places)]
    expected = [(None, None), *((None, f"dense_{place}") for place in places), *((f"relu_{place}", None) for place in places)]
    found = jt.fit([base.replace(fault) for fault in faults], digits, seeds=scale.restarts)
    right, nothing = [], []
    for fault, runs, where in zip(faults, found, expected, strict=True):
        pictures = runs.histograms
        assert pictures is not None
        named = [pictures.stopped(run, time) == where for run in range(len(runs)) for time in (0, 1)]
        right += [(bool(fault), name) for name in named]
        if fault:
            nothing.append(pictures.zeros("gradients/dense_0/kernel"))
    doctor = []
    for kind in ("cut", "dead"):
        fault, place = {f"model.{kind}": 1.0}, 1
        below = {f"dense_{layer}/{leaf}" for layer in range(place + 1) for leaf in ("kernel", "bias")}
        symptoms = jt.diagnose.SIGNS["reach"](Case(base.replace(fault), digits, jt.Seeds(4)))
        doctor.append(any(below <= set(symptom.where) for symptom in symptoms))
    faulty, sound = ([name for fault, name in right if fault is planted] for planted in (True, False))
    return Outcome(
        parts=[
            holds("every fault is named, with its layer", all(faulty), f"{sum(faulty)} of {len(faulty)}"),
            holds("none is named where there is none", all(sound), f"{sum(sound)} of {len(sound)}"),
            holds(
                "a gradient that is cut off and one that died are both exactly zero",
                bool((np.concatenate(nothing) == 1).all()),
                f"the first layer's gradient in {np.mean(np.concatenate(nothing) == 1):.0%} of the pictures",
            ),
            holds("the doctor names every array below the fault", all(doctor), f"of {sum(doctor)} of {len(doctor)} faults"),
        ],
        effect=f"the layer is named in {sum(faulty)} of {len(faulty)} pictures of networks with a fault, and none in "
        f"{len(sound) - sum(sound)} of {len(sound)} without; the doctor names every array below {sum(doctor)} of {len(doctor)}",
        numbers={"named": [sum(faulty), len(faulty)], "silent": [sum(sound), len(sound)], "doctor": [sum(doctor), len(doctor)]},
        series=tuple(_zeros(fault, runs) for fault, runs in zip(faults, found, strict=True) if set(fault.values()) <= {1.0}),
        axes=Axes("layer", "share of its gradient that is exactly zero"),
        sizes=sizes(found[0]),
    )


def _zeros(fault: dict[str, float], runs: jt.Runs) -> Curve:
    """The share of each layer's gradient that is zero at the start, with a fault in the second layer or without one."""
    assert runs.histograms is not None
    name = {(): "no fault", ("model.cut",): "cut off after layer 1", ("model.dead",): "layer 1 died"}[tuple(fault)]
    layers = [*(f"dense_{place}" for place in range(LAYERS)), "head"]
    zeros = np.stack([runs.histograms.zeros(f"gradients/{layer}/kernel")[:, 0] for layer in layers], axis=1)
    return Curve.over_seeds(name, range(len(layers)), zeros)


CLAIM = Claim(
    rows=("T105",),
    lecture=3,
    statement="Check your gradients. … grad == None : backprop didn't reach it. grad == 0.0 : backprop visited, but "
    "the gradient died.",
    papers=(
        Paper("a gradient through jax.lax.stop_gradient, or through units of ReLU that are all below zero, is zero", "M"),
        Paper("Lu+ 2019: a ReLU network whose units are all inactive in one layer is constant, and no gradient reaches it", "A"),
    ),
    refuted_by="In some restart a planted fault is not named with its layer at the start or after training, or one is named "
    "where none was planted; or a gradient below a fault is not exactly zero; or the doctor's sign of reach leaves out an array "
    "below one.",
    measure=measure,
    kind="identity",
    seeds=Scales(cpu=16, full=32),
    trains=False,
)
