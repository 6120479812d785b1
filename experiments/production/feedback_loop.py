"""A model that decides whose outcomes are seen trains the next model on what it chose."""

import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Bool, Float, Int

import jaxtricks as jt
from jaxtricks import rng
from jaxtricks.evaluate.claim import Axes, Claim, Curve, Estimate, Outcome, Paper, Scale, settle

LOOP, EXPLORING, RANDOM = "its own choices", "and a tenth at random", "as many at random"
SHARE = 0.1  # of those who come, accepted whatever the model says
RATE = 1e-2


class World(NamedTuple):
    """Those who come, in the order of one seed.

    Args:
        x: what is known of them, [people, numbers].
        good: 1 where accepting turns out well, [people].
        key: of the networks' weights.
    """

    x: Float[Array, "people numbers"]
    good: Int[Array, " people"]
    key: Array


@functools.partial(jax.jit, static_argnames=("steps", "model"))
def probabilities(world: World, known: Bool[Array, "seeds people"], steps: int, model: Any) -> Float[Array, "seeds people"]:
    """The probability that each would turn out well, by a network that is trained on those whose outcome is known.

    Args:
        world: of each seed.
        known: whose outcome is known.
        steps: of Adam, each on all that is known.
        model: a network with two outputs.
    """

    def one(world: World, known: Bool[Array, " people"]) -> Float[Array, " people"]:
        params, rule = model.init(world.key, world.x[:1], train=False), optax.adam(RATE)

        def loss(params: Any) -> Array:
            losses = optax.softmax_cross_entropy_with_integer_labels(model.apply(params, world.x, train=False), world.good)
            return (losses * known).sum() / known.sum()

        def step(state: Any, _: None) -> tuple[Any, None]:
            params, moments = state
            updates, moments = rule.update(jax.grad(loss)(params), moments)
            return (optax.apply_updates(params, updates), moments), None

        (params, _), _ = jax.lax.scan(step, (params, rule.init(params)), None, steps)
        return jax.nn.softmax(model.apply(params, world.x, train=False))[:, 1]

    return jax.vmap(one)(world, known)


def measure(scale: Scale) -> Outcome:
    """A simulation on handwritten digits (8 × 8 pixels, two thirds of the training set that comes with the package): those who
    come are images, and accepting one turns out well where its digit is 5 or more. Each seed has an order of them. The outcomes
    of the first 60 are known; then 60 come in each of 8 rounds. A ReLU network with a layer of 64 (Adam at 0.01, 200 steps on
    all outcomes that are known, drawn anew each time) accepts those for whom it says at least a half, and only of those it
    accepted the outcome becomes known, and is trained on in the next round. Beside it, in the same order: as many outcomes of
    each round, of people at random; and its own choices with a tenth of all accepted whatever it says. Judged on all others,
    about 419, after the last round: the accuracy of its decisions on all of them, and on those that it accepts, which is all
    that it sees of itself. Whoever accepts few is right about more of them, with a loop or without: so what is judged is how
    much better it looks than it is, minus the same of the network that learnt from as many outcomes at random. Nothing else
    changes over time, and no outcome is wrong: what is lost is lost by the loop.
    """
    pool = scale.examples(jt.load("digits"))
    rounds, each = scale.pick(smoke=(2, 60), cpu=(8, 60), full=(8, 60))
    steps, model = scale.budget(smoke=5, cpu=200, full=200), jt.MLP(widths=(64,), activation=jt.nn.ReLU(), outputs=2)
    orders = np.array([rng.host(seed, "order").permutation(len(pool)) for seed in scale.restarts])
    x = pool.x.reshape(len(pool), -1).astype(np.float32) / pool.scale
    keys = jnp.stack([rng.stream(rng.root(seed), "weights") for seed in scale.restarts])
    world = World(jnp.asarray(x[orders]), jnp.asarray((pool.y >= 5).astype(np.int32)[orders]), keys)
    luck = np.array([rng.host(seed, "at random").random(len(pool)) for seed in scale.restarts])
    known = {arm: np.broadcast_to(np.arange(len(pool)) < each, orders.shape).copy() for arm in (LOOP, EXPLORING, RANDOM)}
    judged = slice(each * (rounds + 1), None)
    good = np.asarray(world.good)
    accuracy: dict[str, list[np.ndarray]] = {arm: [] for arm in known}
    seen: dict[str, np.ndarray] = {}
    for turn in range(rounds + 1):
        accepts = {arm: np.asarray(probabilities(world, jnp.asarray(of), steps, model)) >= 0.5 for arm, of in known.items()}
        for arm, chosen in accepts.items():
            accuracy[arm].append((chosen == good)[:, judged].mean(axis=1))
            right = (chosen & (good == 1))[:, judged].sum(axis=1)
            seen[arm] = right / np.maximum(chosen[:, judged].sum(axis=1), 1)
        if turn < rounds:
            now = slice(each * (turn + 1), each * (turn + 2))
            known[LOOP][:, now] = accepts[LOOP][:, now]
            known[EXPLORING][:, now] = accepts[EXPLORING][:, now] | (luck[:, now] < SHARE)
            rank = luck[:, now].argsort(axis=1).argsort(axis=1)
            known[RANDOM][:, now] = rank < accepts[LOOP][:, now].sum(axis=1, keepdims=True)
    last = {arm: values[-1] for arm, values in accuracy.items()}
    lost = Estimate.of(last[RANDOM] - last[LOOP], "these examples")
    flattery = {arm: seen[arm] - last[arm] for arm in known}
    flattered = Estimate.of(flattery[LOOP] - flattery[RANDOM], "these examples")
    regained = Estimate.of(last[EXPLORING] - last[LOOP], "these examples")
    labels = {arm: Estimate.of(of.sum(axis=1).astype(float)) for arm, of in known.items()}
    return Outcome(
        parts=[
            settle("its own choices teach less than as many at random", lost, above=0),
            settle("what it sees of itself looks better than it is, and more so than with as many at random", flattered, above=0),
            settle("a tenth at random helps", regained, above=0, kind="paper"),
        ],
        effect=f"after {rounds} rounds in the loop accuracy is {lost:.1%} lower than with as many outcomes of people at "
        f"random; of those that it accepted {seen[LOOP].mean():.1%} turned out well, and {last[LOOP].mean():.1%} of its "
        f"decisions were right, which flatters it by {flattered:+.1%} more than the one at random; a tenth accepted "
        f"at random changes accuracy by {regained:+.1%}",
        numbers={
            "lost": lost,
            "flattered": flattered,
            "flattery": {arm: Estimate.of(values, "these examples") for arm, values in flattery.items()},
            "regained": regained,
            "accuracy": {arm: Estimate.of(values) for arm, values in last.items()},
            "outcomes_known": labels,
        },
        series=tuple(Curve.over_seeds(arm, range(rounds + 1), np.stack(values, axis=1)) for arm, values in accuracy.items()),
        axes=Axes("round", "accuracy of decisions on all"),
    )


CLAIM = Claim(
    rows=("T115",),
    lecture=3,
    statement="Difference between prediction and taking action Feedback loops!",
    papers=(Paper("Sculley+ 2015: a model may influence the selection of its own future training data", "R"),),
    refuted_by="The 95% interval of the mean difference in accuracy after the last round, as many outcomes at random minus its "
    "own choices, lies at or below 0; or that of the share of accepted people who turn out well minus the accuracy on all, in "
    "the loop minus at random, does. Beside it: that of the difference which a tenth at random makes lies at or below 0.",
    measure=measure,
    kind="effect",
)
