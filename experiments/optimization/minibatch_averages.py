"""A minibatch averages gradients, as momentum does."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

import jaxtricks as jt
from jaxtricks import rng
from jaxtricks.evaluate.claim import Axes, Claim, Curve, Estimate, Outcome, Paper, Scale, exact, settle, sizes

GAMMA = 0.9  # of the moving average, which weighs as (1 + γ)/(1 - γ) = 19 gradients in a plain mean
NEAR = 0.05  # of the exponent
BURN_IN = 100  # gradients after which the moving average has forgotten that it began at zero


def gradients(runs: jt.Runs, row: int, positions: Array) -> Float[np.ndarray, "batches weights"]:
    """The gradient of the mean cross-entropy of each batch of training examples at a restart's last weights.

    Args:
        runs: the restarts.
        row: which of them.
        positions: places of the examples of each batch, [batches, batch].
    """
    member = runs.members
    x = jnp.asarray((runs.data.x - member.shift[row]) / member.scale[row])
    y = jax.nn.one_hot(jnp.asarray(runs.data.y), len(runs.data.classes))
    params = jax.tree.map(lambda leaf: jnp.asarray(leaf[row]), runs.variables["params"])

    def loss(params: Any, places: Array) -> Array:
        logits: Any = runs.experiment.model.apply({"params": params}, x[places], train=True)
        return jt.losses.CrossEntropy()(logits, y[places]).mean()

    def one(places: Array) -> Array:
        return jnp.concatenate([leaf.ravel() for leaf in jax.tree.leaves(jax.grad(loss)(params, places))])

    return np.asarray(jax.jit(lambda positions: jax.lax.map(one, positions, batch_size=64))(positions), np.float64)


def spread(gradients: Float[np.ndarray, "batches weights"]) -> float:
    """The variance over batches, summed over weights."""
    return float(gradients.var(axis=0, ddof=1).sum())


def measure(scale: Scale) -> Outcome:
    """A ReLU network of 32 units on digits after 3 epochs of SGD (0.03, batch 64); then its weights stay, and gradients of the
    cross-entropy are taken of batches of 1 to 64 examples, as an epoch has them: each epoch shuffles the training examples and
    cuts them into batches, until there are at least 1 500 of each size. The gradient of a batch must be the mean of those of its
    examples, each computed alone. Their variance, summed over the weights, is judged by the exponent of the batch size, a
    straight line through logarithms; -1 for independent draws, and within one epoch a little steeper. "Also" is said beside
    momentum: the running average of single examples' gradients with γ = 0.9, at the same weights, is held against the plain mean
    of (1 + γ)/(1 - γ) = 19 of them.
    """
    sizes_tried = scale.pick(smoke=(1, 4, 16), cpu=(1, 2, 4, 8, 16, 32, 64), full=(1, 2, 4, 8, 16, 32, 64))
    enough = scale.pick(smoke=200, cpu=1_500, full=10_000)
    experiment = jt.Experiment(
        model=jt.MLP(widths=(32,)), optimizer=jt.Optimizer(jt.SGD(learning_rate=0.03)), batch_size=64, epochs=3
    )
    runs = jt.fit(experiment, scale.examples(jt.load("digits")), seeds=scale.restarts)
    variances, apart, averaged = [], [], []
    for row, seed in enumerate(scale.restarts):
        train, draw = np.asarray(runs.members.train[row]), rng.host(seed, "batches")
        single = gradients(runs, row, jnp.asarray(train[:, None]))
        place = {int(where): i for i, where in enumerate(train)}
        found = []
        for size in sizes_tried:
            whole = len(train) // size
            epochs = [draw.permutation(train)[: whole * size].reshape(whole, size) for _ in range(-(-enough // whole))]
            batches = np.concatenate(epochs)
            of_batches = gradients(runs, row, jnp.asarray(batches))
            means = np.stack([single[[place[int(where)] for where in batch]].mean(axis=0) for batch in batches[:64]])
            apart.append(np.abs(of_batches[:64] - means).max() / np.abs(means).max())
            found.append(spread(of_batches))
        variances.append(found)
        count = round((1 + GAMMA) / (1 - GAMMA))
        order = draw.integers(0, len(train), (enough, count))
        plain = np.stack([single[places].mean(axis=0) for places in order])
        running, kept = np.zeros(single.shape[1]), []
        for step, place_of_one in enumerate(order.ravel()[: BURN_IN + 10 * enough]):
            running = GAMMA * running + (1 - GAMMA) * single[place_of_one]
            if step >= BURN_IN and step % 10 == 0:
                kept.append(running)
        averaged.append(spread(np.stack(kept)) / spread(plain))
    logs = np.log(np.array(variances))
    exponent = Estimate.of(np.polyfit(np.log(sizes_tried), logs.T, 1)[0])
    same = Estimate.of(np.array(averaged))
    return Outcome(
        parts=[
            exact("a batch's gradient is the mean of its examples'", np.array(apart), 1e-4),
            settle("its variance falls as 1/B", exponent, above=-1 - NEAR, below=-1 + NEAR),
            settle("as that of a running average does, γ = 0.9 as 19 examples", same, above=0.8, below=1.25),
        ],
        effect=f"the variance of a minibatch's gradient goes as its size to the {exponent:.3f}; a running average of single "
        f"gradients with γ = {GAMMA} has {same:.2f} times the variance of means of 19",
        numbers={
            "exponent": exponent,
            "variance": {size: Estimate.of(column) for size, column in zip(sizes_tried, np.exp(logs).T, strict=True)},
            "running_over_plain": same,
            "difference": np.array(apart),
        },
        series=(Curve.over_seeds("variance of the gradient", sizes_tried, np.exp(logs)),),
        axes=Axes("batch size", "variance, summed over weights", log="xy"),
        sizes=sizes(runs),
    )


CLAIM = Claim(
    rows=("T029",),
    lecture=3,
    statement="EXPONENTIAL MOVING AVERAGE … Averaging gradients helps to stabilize. … MINIBATCHING IS ALSO AVERAGING",
    papers=(
        Paper("the mean of B independent draws has 1/B of their variance; a running one (1 - γ)/(1 + γ) of it", "M"),
        Paper("McCandlish+ 2018: the variance of a batch's gradient is that of an example over B", "V2"),
    ),
    refuted_by="A batch's gradient differs from the mean of its examples' by 10⁻⁴ of the largest number or more; or the 95% "
    "interval of the mean exponent of the variance over the batch size lies outside -1 ± 0.05, or that of the mean ratio of the "
    "running average's variance to that of means of 19 outside 0.8 to 1.25.",
    measure=measure,
    kind="effect",
    trains=False,
)
