"""Gradients reach early states better under zoneout than without noise, and worse under dropout of the states."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

import jaxtricks as jt
from experiments.recurrent._zeroed import Zeroed
from jaxtricks import rng
from jaxtricks.evaluate.claim import Axes, Claim, Curve, Estimate, Outcome, Paper, Scale, settle, sizes
from jaxtricks.nn.cells import LSTM, CellState
from jaxtricks.nn.recurrent import CellStep, StepInputs
from jaxtricks.nn.recurrent_dropout import Zoneout
from jaxtricks.nn.recurrent_norm import Normalizers
from jaxtricks.restart import member as one
from jaxtricks.restart.member import Member

NONE, ZONEOUT, DROPOUT, INVERTED = "none", "zoneout", "dropout", "inverted dropout"
BATCH = 64


NOISE = {
    NONE: None,
    ZONEOUT: Zoneout(cell=0.5, state=0.05),
    DROPOUT: Zeroed(cell=0.5, state=0.05),
    INVERTED: Zeroed(cell=0.5, state=0.05, inverted=1.0),
}


def norms(
    noise: Zoneout | None, params: Any, key: Array, x: Float[Array, "batch time features"], y: Int[Array, " batch"]
) -> Float[Array, " time"]:
    """‖∂L/∂(h_t, c_t)‖ after each step t, averaged over examples, of a trained `RNN` of one LSTM with noise as in training."""
    layer, head = params["layer_0"], params["head"]
    inputs = jnp.swapaxes(x, 0, 1) @ layer["kernel"] + layer["bias"].reshape(1, 1, -1)
    shape = (*inputs.shape[:2], layer["recurrent_kernel"].shape[0])
    masks = None
    if noise is not None:
        masks = tuple(jax.random.bernoulli(rng.stream(key, n), r, shape) for n, r in zip("hc", noise.rates(), strict=True))
    step = CellStep(LSTM(), noise, None, Normalizers({}))

    def loss(probes: CellState) -> Array:
        def body(state: CellState, at: tuple[StepInputs, CellState]) -> tuple[CellState, None]:
            state, _ = step(state, at[0], step.recalled(state) @ layer["recurrent_kernel"])
            return (state[0] + at[1][0], state[1] + at[1][1]), None

        first: CellState = (jnp.zeros(shape[1:]), jnp.zeros(shape[1:]))
        (h, _), _ = jax.lax.scan(body, first, (StepInputs(inputs, None, None, masks, {}), probes))
        logits = h @ head["kernel"] + head["bias"].reshape(1, -1)
        return jnp.sum(jt.losses.CrossEntropy().of_labels(logits, y))  # a sum: each example has the gradient of its own loss

    zeros = jnp.zeros(shape)
    both = jnp.concatenate(jax.grad(loss)((zeros, zeros)), axis=2)
    # Divided by the largest, since squares of what is far back are zero in float32.
    peak = jnp.maximum(jnp.max(jnp.abs(both), axis=2), jnp.finfo(both.dtype).tiny)
    return jnp.mean(peak * jnp.sqrt(jnp.sum((both / peak[..., None]) ** 2, axis=2)), axis=1)


def profile(runs: jt.Runs, params: Any) -> Float[np.ndarray, "runs time"]:
    """log₁₀ of every restart's `norms`, over that of its last step, on its first training images."""
    noise, data = runs.experiment.model.zoneout, runs.data  # type: ignore[attr-defined]

    def each(member: Member, params: Any, x: Array, y: Array) -> Array:
        size = norms(noise, params, rng.stream(rng.root(member.seed), "noise"), one.scaled(runs.experiment, member, x), y)
        return jnp.log10(jnp.maximum(size, jnp.finfo(size.dtype).tiny)) - jnp.log10(size[-1])

    places = np.asarray(runs.members.train[:, :BATCH])
    members = jax.tree.map(jnp.asarray, runs.members)
    x, y = jnp.asarray(data.x[places], jnp.float32), jnp.asarray(data.y[places])
    return np.asarray(jax.jit(jax.vmap(each))(members, params, x, y))


def initial(runs: jt.Runs) -> Any:
    """Every restart's weights before the first step."""
    model, x = runs.experiment.model, jnp.zeros((2, *runs.data.shape))

    def drawn(seed: Array) -> Any:
        return model.init({"params": rng.stream(rng.root(seed), "params")}, x, train=False)["params"]

    return jax.jit(jax.vmap(drawn))(jnp.asarray(runs.seeds, jnp.int32))


def measure(scale: Scale) -> Outcome:
    """Permuted digits, pixel by pixel (64 steps): an LSTM of 32 units with forget bias 1, at its initial weights and after 10
    epochs of Adam (0.01), batch 64, clip 1; without noise, with zoneout of 0.5 of the memory and 0.05 of the states, and
    with dropout of the same two arrays at the same rates, with a new mask in each step, scaled at test, as the lecture
    has it, and scaled in training, as is usual. Measured is the norm of an example's loss gradient in the state (h_t,
    c_t) that goes on from step t, averaged over 64 training images, with the noise of training. Judged, seed by seed, is
    log₁₀ of its ratio to that of the last step, so that smaller losses do not count, over the first quarter of the steps:
    zoneout against none and against dropout of both kinds, before training and after. Krueger+ show norms for c_t on
    permuted MNIST.
    """
    data = jt.load("digits")
    data = scale.examples(jt.data.pixels(data, permutation=0), scale.pick(smoke=200, cpu=None, full=None))
    base = jt.Experiment(
        model=jt.RNN(widths=(scale.pick(smoke=4, cpu=32, full=100),)),
        optimizer=jt.Optimizer(rule=jt.Adam(learning_rate=0.01), clip_norm=1.0),
        batch_size=BATCH,
        epochs=scale.budget(smoke=1, cpu=10, full=10),
    )
    fitted = jt.fit([base.replace({"model.zoneout": noise}) for noise in NOISE.values()], data, seeds=scale.restarts)
    arms = dict(zip(NOISE, fitted, strict=True))
    early = data.shape[0] // 4
    profiles = {
        "before": {name: profile(runs, initial(runs)) for name, runs in arms.items()},
        "after": {name: profile(runs, runs.variables["params"]) for name, runs in arms.items()},
    }
    at = {when: {name: values[:, :early].mean(axis=1) for name, values in all_.items()} for when, all_ in profiles.items()}
    parts = {
        f"{when}, {more} - {less}": Estimate.over(fitted[0], values[more] - values[less])
        for when, values in at.items()
        for more, less in ((ZONEOUT, NONE), (ZONEOUT, DROPOUT), (ZONEOUT, INVERTED))
    }
    return Outcome(
        parts=[settle(name, part, above=0) for name, part in parts.items()],
        effect="log₁₀ of the state's gradient in the first quarter of the steps over that in the last step: "
        + "; ".join(f"{name} {part:+.2f}" for name, part in parts.items()),
        numbers={
            "differences": parts,
            "log10_ratio": {when: {name: Estimate.of(v) for name, v in values.items()} for when, values in at.items()},
            "accuracy": {name: Estimate.of(runs.metrics["accuracy"]) for name, runs in arms.items()},
        },
        series=tuple(
            Curve.over_seeds(f"{name}, {when} training", range(1, data.shape[0] + 1), values)
            for when, all_ in profiles.items()
            for name, values in all_.items()
        ),
        axes=Axes("step t", "log₁₀ ‖∂L/∂s_t‖/‖∂L/∂s_T‖"),
        sizes=sizes(fitted[0]),
    )


CLAIM = Claim(
    rows=("T071",),
    lecture=2,
    statement="facilitates, rather than hinders, the flow of gradient information going backward",
    papers=(
        Paper(
            "Krueger+ 2017, Fig. 6: gradient norms in early steps are larger under zoneout than without noise or under dropout",
            "R",
        ),
    ),
    refuted_by="Of the mean of log₁₀ of the ratio of gradient norms, early to last, the 95% interval of zoneout minus none, or "
    "minus dropout of either kind, lies at or below 0, at the initial weights or after training.",
    measure=measure,
    kind="effect",
)
