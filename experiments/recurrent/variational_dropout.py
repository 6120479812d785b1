"""Variational dropout keeps its masks over time, and does more than dropout of non-recurrent connections."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool

import jaxtricks as jt
from experiments.recurrent._regularized import NONE, PLACES, fit_places, judged, numbers
from jaxtricks import rng
from jaxtricks.evaluate.claim import (
    Axes,
    Claim,
    Earlier,
    Estimate,
    Outcome,
    Paper,
    Ruling,
    Scale,
    Scales,
    curves,
    expect,
    holds,
    sizes,
)
from jaxtricks.evaluate.verdict import Decision

HELD, FRESH = "variational", "non-recurrent"
STEPS, UNITS = 32, 16


class Dropped(NamedTuple):
    """What no gradient comes from, in one restart each.

    Args:
        inputs: input features, step by step.
        recurrent: units of h, at whatever step.
    """

    inputs: Bool[np.ndarray, "seeds time features"]
    recurrent: Bool[np.ndarray, "seeds units"]


def dropped(place: str, seeds: Sequence[int]) -> Dropped:
    """Where gradients are exactly zero in one LSTM that reads one random sequence of words, at a rate of one half.

    A unit of h whose row of the recurrent weights has none was zero on its way to every step: under masks of its own in each
    step that would happen once in 2³¹ units.
    """
    network = jt.RNN(embedding=UNITS, widths=(UNITS,), outputs=4, vocabulary=STEPS, read="every")
    model = jt.Experiment(model=network).replace(PLACES[place](0.5)).model

    def one(seed: Array) -> tuple[Array, Array]:
        root = rng.root(seed)
        x = jax.random.permutation(rng.stream(root, "inputs"), STEPS)[None]  # each word once: its vector is one step's input
        params = model.init({"params": rng.stream(root, "params")}, x, train=False)["params"]

        def loss(params: Any) -> Array:
            scores: Any = model.apply({"params": params}, x, train=True, rngs={"dropout": rng.stream(root, "dropout")})
            return jnp.sum(scores**2)

        weights = jax.grad(loss)(params)
        return weights["embed"]["embedding"] == 0, jnp.all(weights["layer_0"]["recurrent_kernel"] == 0, axis=1)

    return Dropped(*map(np.asarray, jax.jit(jax.vmap(one))(jnp.asarray(seeds))))


def measure(scale: Scale) -> Outcome:
    """First the property: in an LSTM that reads one random sequence of words, which features of its inputs and which units of h
    have gradients of exactly zero; the inputs' must be the same ones in all 32 steps, and some units of h must have none at any
    step. Then whether it helps: the language model of `nonrecurrent_dropout`, with one rate for inputs, recurrent connections and
    outputs and none for words (Gal & Ghahramani have four rates, one mask for each gate, and weight decay), against no noise and
    against dropout of the non-recurrent connections, both at their best of one grid of six rates by four restarts and windows
    that nothing is judged on. Judged is each seed's lowest validation loss over the epochs. That it does more than dropout of the
    non-recurrent connections is the paper's claim; the lecture says only what it is.
    """
    at = {place: dropped(place, scale.restarts) for place in (HELD, FRESH)}
    some = {name: d.inputs.any(axis=1) for name, d in at.items()}
    held = {name: d.inputs.all(axis=1).sum() / some[name].sum() for name, d in at.items()}
    silent = {name: Estimate.of(d.recurrent.mean(axis=1)) for name, d in at.items()}
    constant = held[HELD] == 1 and bool(at[HELD].recurrent.any(axis=1).all())

    arms, rates = fit_places((HELD, FRESH), scale)
    against_none = judged(arms, NONE, (HELD, FRESH))
    more = judged(arms, FRESH, (HELD,))[HELD]
    return Outcome(
        parts=[
            holds(
                "the same masks at every step, of recurrent connections too",
                constant,
                f"of {held[HELD]:.0%} of the inputs dropped",
            ),
            expect("less loss than without noise", against_none[HELD], Decision.HELPS, kind="paper"),
            expect("less loss than dropout of non-recurrent connections", more, Decision.HELPS, kind="paper"),
        ],
        effect=f"of inputs ever dropped {held[HELD]:.0%} are so at every step ({held[FRESH]:.0%} under {FRESH} dropout), "
        f"and {silent[HELD]:.0%} of the units of h ({silent[FRESH]:.0%}); lowest validation loss against none: "
        f"{against_none[HELD]} at {rates[HELD]}; against {FRESH} dropout at {rates[FRESH]}: {more}",
        numbers=numbers(arms, against_none)
        | {"held": held, "silent": silent, "variational_against_nonrecurrent": more.to_dict()},
        series=curves(arms, "nll"),
        axes=Axes("epoch", "validation loss (nats a character)"),
        chosen=rates,
        sizes=sizes(arms[NONE]),
    )


CLAIM = Claim(
    rows=("T069",),
    lecture=2,
    statement="uses the same dropout mask at each time step, including the recurrent layers",
    papers=(
        Paper(
            "Gal & Ghahramani 2016, word-PTB, test perplexity: medium 79.7±0.1 (MC 78.6±0.1), large 75.2±0.2 (MC 73.4±0.0), "
            "where Zaremba's dropout has 82.7 and 78.4",
            "V",
        ),
    ),
    refuted_by="A mask is not the same at every step. Beside it, the paper's claims: refuted if the paired verdict on the lowest "
    "validation loss, against none or against dropout of the non-recurrent connections, is 'hurts' or 'no difference'.",
    measure=measure,
    kind="identity",
    history=(
        Earlier(
            "2026-11-28",
            "that masks are the same at every step decides alone, and there are 16 restarts in place of 8",
            "the lecture says what variational dropout is, and not that it helps; the result had been seen",
            Ruling.SUPPORTED,
            criterion="c7961e55f3a1",
        ),
    ),
    seeds=Scales(cpu=16),
)
