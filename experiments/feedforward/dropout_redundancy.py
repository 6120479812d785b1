"""Dropout makes units stand in for each other, and keeps them from relying on each other."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

import jaxtricks as jt
from experiments.feedforward._masks import validation
from experiments.measures import estimates, fit_tuned, wrong
from jaxtricks import rng
from jaxtricks.evaluate.claim import Axes, Claim, Curve, Estimate, Outcome, Paper, Scale, settle, sizes

REMOVED, MASKS = 0.25, 32
RATES = (3e-4, 1e-3, 3e-3)
WITHOUT, WITH = "no dropout", "dropout"


def left(runs: jt.Runs, rate: float) -> Float[np.ndarray, " runs"]:
    """The validation accuracy of every restart without a random share of its hidden units, the mean over masks."""
    model = runs.experiment.replace({"model.dropout": rate}).model
    x, y = validation(runs)

    def one(args: tuple[Any, Array, Array, Array]) -> Array:
        variables, x, y, seed = args

        def right(mask: Array) -> Array:
            key = rng.stream(rng.root(seed), "removed", mask)
            logits: Any = model.apply(variables, x, train=True, rngs={"dropout": key})
            return jnp.mean(logits.argmax(axis=1) == y)

        return jnp.mean(jax.lax.map(right, jnp.arange(MASKS)))

    arrays = runs.variables, jnp.asarray(x), jnp.asarray(y), jnp.asarray(runs.seeds)
    return np.asarray(jax.jit(lambda arrays: jax.lax.map(one, arrays))(arrays))


def reliance(runs: jt.Runs, pairs: int) -> Float[np.ndarray, " runs"]:
    """How much what a unit of the first layer is worth depends on another's being there.

    With f(S) the validation loss without the units S, it is Σ |f(ij) - f(i) - f(j) + f(∅)|, over pairs that each restart draws,
    as a share of Σ |f(i) - f(∅)| + |f(j) - f(∅)|: 0 where units add up.

    Args:
        runs: networks of two hidden layers.
        pairs: how many pairs.
    """
    x, y = validation(runs)
    units = runs.experiment.model.widths[0]
    generators = [rng.host(seed, "pairs") for seed in runs.seeds]
    drawn = [np.array([draw.choice(units, 2, replace=False) for _ in range(pairs)]) for draw in generators]

    def one(args: tuple[Any, Array, Array, Array]) -> Array:
        params, x, y, pairs = args
        first, second, head = (params[name] for name in ("hidden_0", "hidden_1", "head"))
        h = jax.nn.relu(x.reshape(len(x), -1) @ first["dense"]["kernel"] + first["dense"]["bias"][None])
        labels = jax.nn.one_hot(y, head["bias"].size)

        def without(gone: Array) -> Array:
            kept = h * jnp.ones(units).at[gone].set(0)[None]
            above = jax.nn.relu(kept @ second["dense"]["kernel"] + second["dense"]["bias"][None])
            return jt.losses.CrossEntropy()(above @ head["kernel"] + head["bias"][None], labels).mean()

        whole = without(jnp.zeros(0, int))
        both, i, j = (jax.lax.map(without, gone) - whole for gone in (pairs, pairs[:, :1], pairs[:, 1:]))
        return jnp.sum(jnp.abs(both - i - j)) / jnp.sum(jnp.abs(i) + jnp.abs(j))

    arrays = runs.variables["params"], jnp.asarray(x), jnp.asarray(y), jnp.asarray(np.stack(drawn))
    with jax.enable_x64(True):  # differences of differences
        arrays = jax.tree.map(lambda leaf: leaf.astype(jnp.float64) if leaf.dtype == jnp.float32 else leaf, arrays)
        return np.asarray(jax.jit(lambda arrays: jax.lax.map(one, arrays))(arrays))


def measure(scale: Scale) -> Outcome:
    """A ReLU network of 2×128 on digits, 40 epochs of Adam (batch 64), with dropout of 0.5 after the hidden layers and
    without, on the same seeds. Each has its best learning rate by validation accuracy, on a ladder from 3e-4 to 3e-3 that
    goes on while the best lies at its edge, on four restarts and on digits that nothing is judged on. Redundant: with a
    random quarter of the hidden units taken away, and the rest scaled up as in training, the network loses less of its own
    validation accuracy, the mean over 32 draws. Co-adapted are two units of the first layer if what one is worth depends on
    the other: taking both away raises the validation loss by another amount than taking away each alone does in sum. That
    difference, over 300 pairs that each seed draws, is judged as a share of what the single units are worth, by ln of its
    ratio between the two networks.
    """
    base = jt.Experiment(
        model=jt.MLP(widths=scale.pick(smoke=(8, 8), cpu=(128, 128), full=(512, 512))),
        batch_size=64,
        epochs=scale.budget(smoke=2, cpu=40, full=100),
    )
    arms = {WITHOUT: base, WITH: base.replace({"model.dropout": 0.5})}
    ladder = scale.pick(smoke=RATES[1:2], cpu=RATES, full=RATES)
    runs, chosen = fit_tuned(arms, jt.load("digits"), ladder, scale, score=wrong)
    shares = scale.pick(smoke=(REMOVED,), cpu=(0.125, REMOVED, 0.5, 0.75), full=(0.125, REMOVED, 0.5, 0.75))
    remaining = {name: {share: left(each, share) for share in shares} for name, each in runs.items()}
    lost = {name: 1 - wrong(runs[name]) - remaining[name][REMOVED] for name in arms}
    shared = {name: reliance(each, scale.pick(smoke=10, cpu=300, full=2_000)) for name, each in runs.items()}
    saved = Estimate.over(runs[WITHOUT], lost[WITH] - lost[WITHOUT])
    ratio = Estimate.over(runs[WITHOUT], np.log(shared[WITH] / shared[WITHOUT]))
    return Outcome(
        parts=[
            settle("units are redundant: fewer are missed", saved, below=0),
            settle("units rely less on each other", ratio, below=0),
        ],
        effect=f"without a quarter of the hidden units a network loses {lost[WITHOUT].mean():.2%} of accuracy, and "
        f"{lost[WITH].mean():.2%} if it was trained with dropout, {100 * saved.mean:+.2f} points; pairs of units add up but for "
        f"{shared[WITHOUT].mean():.1%} and {shared[WITH].mean():.1%} of what they are worth",
        numbers={
            "lost": estimates(lost),
            "reliance": estimates(shared),
            "log_ratio": ratio,
            "accuracy": estimates({name: 1 - wrong(each) for name, each in runs.items()}),
        },
        series=tuple(
            Curve.over_seeds(name, (0, *shares), np.stack([1 - wrong(runs[name]), *remaining[name].values()], axis=1))
            for name in arms
        ),
        axes=Axes("share of the hidden units taken away", "validation accuracy"),
        chosen=chosen,
        sizes=sizes(runs[WITHOUT]),
    )


CLAIM = Claim(
    rows=("T056", "T058"),
    lecture=1,
    statement="Forces the network to have a redundant representation; Prevents co-adaptation of features",
    papers=(
        Paper("Srivastava+ 2014, §7.1: features of an autoencoder with dropout mean something by themselves", "R"),
        Paper("Hinton+ 2012: Improving neural networks by preventing co-adaptation of feature detectors", "R"),
    ),
    refuted_by="The 95% interval of the mean difference between the accuracies lost without a quarter of the hidden units, "
    "dropout minus none, lies at or above 0, or that of the mean ln ratio of what pairs of units do not add up to.",
    measure=measure,
    kind="effect",
)
