"""The kinds of faults that live in a loop of one's own, planted in the three healthy ones.

Numbers are those of the list of kinds. What causes are right was written down before the doctor was run on them.
"""

import types
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from experiments.doctor.loops.healthy import mapped, parted, sharded, spread
from experiments.doctor.loops.parts import CLASSES, Carried, Parts, Tree, batch, cross_entropy, split
from jaxtricks.diagnose.causes import Cause

Examined = tuple[Any, Any, Any]  # step, state, batch


class Fault(NamedTuple):
    """A kind of fault.

    Args:
        number: of the kind.
        name: in a few words.
        causes: of which one should be named.
        plant: makes a loop with it of a healthy one.
    """

    number: int
    name: str
    causes: frozenset[Cause]
    plant: Callable[[Parts], Examined]


FAULTS: list[Fault] = []


def fault(number: int, name: str, *causes: Cause) -> Callable[[Callable[[Parts], Examined]], Callable[[Parts], Examined]]:
    """Registers the decorated function as a kind of fault."""

    def register(plant: Callable[[Parts], Examined]) -> Callable[[Parts], Examined]:
        FAULTS.append(Fault(number, name, frozenset(causes), plant))
        return plant

    return register


def whole(parts: Parts) -> Examined:
    """A loop as it is, compiled."""
    return jax.jit(parts.run), parts.state(), batch()


@fault(16, "update subtracted", Cause.SIGN)
def subtracted(parts: Parts) -> Examined:
    """Optax's updates are to be added."""
    return whole(parts.replace(apply=lambda params, updates: jax.tree.map(jnp.subtract, params, updates)))


@fault(24, "optimizer begun anew at a restart", Cause.CARRIED)
def begun_anew(parts: Parts) -> Examined:
    """The step goes on at 1000, and the optimizer at 0."""
    return jax.jit(parts.run), parts.state(step=1000), batch()


@fault(26, "masked optimizer", Cause.MASKED)
def masked(parts: Parts) -> Examined:
    """`optax.masked` lets the gradients of what is not chosen through."""
    chosen = jax.tree_util.tree_map_with_path(lambda path, leaf: parts.first not in jax.tree_util.keystr(path), parts.params)
    return whole(parts.replace(optimizer=optax.masked(optax.sgd(0.1), chosen)))


@fault(33, "clipped after the rule", Cause.CLIPPED_LATE)
def clipped_late(parts: Parts) -> Examined:
    """Adam's updates are clipped, and not the gradients."""
    return whole(parts.replace(optimizer=optax.chain(optax.adam(1e-2), optax.clip_by_global_norm(0.01))))


@fault(41, "key used twice", Cause.KEYS)
def key_twice(parts: Parts) -> Examined:
    """Noise of the inputs is drawn from the key of the masks."""

    def forward(params: Tree, statistics: Tree, x: jax.Array, key: jax.Array) -> tuple[jax.Array, Tree]:
        return parts.forward(params, statistics, x + 0.1 * jax.random.normal(key, x.shape), key)

    direct = parts.name != "linen"  # Linen folds the path of a layer into its key
    twice = parts.replace(forward=forward)
    return whole(twice if direct else twice.replace(keys=lambda key, step: (jax.random.split(key)[0], key)))


@fault(42, "the same masks at each step", Cause.MASKS)
def same_masks(parts: Parts) -> Examined:
    """The key of the masks is a constant."""
    return whole(parts.replace(keys=lambda key, step: (split(key, step)[0], jax.random.key(7))))


@fault(43, "the same key on each device", Cause.KEYS, Cause.MASKS)
def same_on_devices(parts: Parts) -> Examined:
    """The device's number is not folded into the key."""
    return sharded(spread(parts).replace(keys=parts.keys)), parts.state(), batch()


@fault(44, "random numbers of the host", Cause.HOST)
def of_the_host(parts: Parts) -> Examined:
    """NumPy draws once, while JAX traces."""
    return whole(parts.replace(x=lambda x: x + 0.1 * np.random.normal(size=x.shape).astype(np.float32)))


@fault(48, "a rate that was changed after the compilation", Cause.OUTSIDE)
def stale(parts: Parts) -> Examined:
    """The step still has the rate that it was compiled with."""
    settings = {"rate": 1e-2}

    def update(updates: Tree, state: Any, params: Tree = None) -> tuple[Tree, Any]:
        return jax.tree.map(lambda leaf: -settings["rate"] * leaf, updates), state

    adam = optax.chain(optax.scale_by_adam(), optax.GradientTransformation(lambda params: optax.EmptyState(), update))
    step, state, given = whole(parts.replace(optimizer=adam))
    step(state, given)
    settings["rate"] = 1e-3
    return step, state, given


@fault(49, "the loss of the initial weights", Cause.SCORE, Cause.OUTSIDE)
def of_initial_weights(parts: Parts) -> Examined:
    """What is told is the loss of weights that were captured at the start."""
    initial = parts.state()

    def step(state: Any, given: dict[str, jax.Array]) -> tuple[Any, dict[str, jax.Array]]:
        _, metrics = parts.run(initial, given)
        return parts.run(state, given)[0], metrics

    return jax.jit(step), parts.state(), batch()


@fault(50, "donated and used", Cause.DONATED)
def donated(parts: Parts) -> Examined:
    """The old state is read after it was given away; or two parts of the state are one array."""
    inner = jax.jit(lambda state, given: parts.run(state, given), donate_argnums=0)

    def reading(state: Any, given: dict[str, jax.Array]) -> tuple[Any, Any]:
        made, metrics = inner(state, given)
        return made, metrics | {"length": optax.tree.norm(parts.unpack(state).params)}

    def averaging(state: Any, given: dict[str, jax.Array]) -> tuple[Any, Any]:
        made, metrics = parts.run(state["own"], given)
        params = parts.unpack(made).params
        return {"own": made, "average": optax.incremental_update(params, state["average"], 0.1)}, metrics

    if parts.name == "plain":
        return reading, parts.state(), batch()
    state = parts.state()
    both = {"own": state, "average": parts.unpack(state).params}
    return jax.jit(averaging, donate_argnums=0), both, batch()


@fault(51, "a state that is changed inside of the trace", Cause.EFFECTS, Cause.KEPT)
def changed_inside(parts: Parts) -> Examined:
    """The optimizer's state lives in an object, where the trace leaves a value that is no number."""
    trainer = types.SimpleNamespace(opt_state=parts.optimizer.init(parts.params))

    def finish(old: Carried, made: Carried) -> Carried:
        trainer.opt_state = made.opt_state
        return made._replace(opt_state=old.opt_state)

    return whole(parts.replace(finish=finish))


@fault(52, "compiled at each step", Cause.RECOMPILED)
def compiled_anew(parts: Parts) -> Examined:
    """A new function is compiled at each call."""
    return (lambda state, given: jax.jit(lambda *both: parts.run(*both))(state, given)), parts.state(), batch()


@fault(53, "the old state returned", Cause.KEPT)
def old_returned(parts: Parts) -> Examined:
    """Weights are updated, and the old ones returned."""
    kept = {
        "plain": lambda old, made: old,
        "linen": lambda old, made: made._replace(params=old.params),
        "recurrent": lambda old, made: old._replace(key=made.key, step=made.step),
    }
    return whole(parts.replace(finish=kept[parts.name]))


@fault(55, "a gradient that is stopped", Cause.FROZEN)
def stopped(parts: Parts) -> Examined:
    """The first layer is behind a `stop_gradient`."""

    def forward(params: Tree, statistics: Tree, x: jax.Array, key: jax.Array) -> tuple[jax.Array, Tree]:
        cut = jax.tree_util.tree_map_with_path(
            lambda path, leaf: jax.lax.stop_gradient(leaf) if parts.first in jax.tree_util.keystr(path) else leaf, params
        )
        return parts.forward(cut, statistics, x, key)

    return whole(parts.replace(forward=forward))


@fault(56, "nan through where", Cause.ARITHMETIC)
def through_where(parts: Parts) -> Examined:
    """The branch that is not taken has an infinite derivative."""

    def loss(scores: jax.Array, labels: jax.Array) -> jax.Array:
        clipped = jnp.maximum(scores, 0.0)
        return cross_entropy(scores, labels) + 0.01 * jnp.where(clipped > 0, jnp.sqrt(clipped), 0.0).mean()

    return whole(parts.replace(loss=loss))


@fault(57, "norm at zero", Cause.ARITHMETIC)
def norm_at_zero(parts: Parts) -> Examined:
    """The distance of a row to itself."""

    def loss(scores: jax.Array, labels: jax.Array) -> jax.Array:
        apart = jnp.linalg.norm(scores[:, None] - scores[None], axis=-1)
        return cross_entropy(scores, labels) - 0.01 * apart.mean()

    return whole(parts.replace(loss=loss))


@fault(58, "minus infinity times zero", Cause.ARITHMETIC)
def minus_infinity(parts: Parts) -> Examined:
    """A class that is masked out has no probability, and its label is zero."""

    def loss(scores: jax.Array, labels: jax.Array) -> jax.Array:
        allowed = jnp.arange(CLASSES)[None] != (labels[:, None] + 1) % CLASSES
        logs = jax.nn.log_softmax(jnp.where(allowed, scores, -jnp.inf))
        return -(jax.nn.one_hot(labels, CLASSES) * logs).sum(axis=-1).mean()

    return whole(parts.replace(loss=loss))


@fault(59, "sum over devices in the loss", Cause.SUMMED, Cause.REPLICAS)
def summed(parts: Parts) -> Examined:
    """The derivative of a sum over devices is one more sum."""
    over = lambda value: jax.lax.psum(value, "data")  # noqa: E731
    return sharded(spread(parts).replace(derived=over, told=lambda value: value)), parts.state(), batch()


@fault(60, "gradients that are not averaged", Cause.REPLICAS)
def not_averaged(parts: Parts) -> Examined:
    """Each device goes its own way."""
    step, state = mapped(spread(parts).replace(average=lambda slopes: slopes))
    return step, state, parted(batch())


@fault(64, "statistics that are dropped", Cause.STATISTICS)
def dropped(parts: Parts) -> Examined:
    """The running averages are those of the start."""
    return whole(parts.replace(finish=lambda old, made: made._replace(statistics=old.statistics)))


@fault(66, "statistics that devices do not share", Cause.REPLICAS, Cause.STATISTICS)
def not_shared(parts: Parts) -> Examined:
    """Each device has averages of its part of the batch."""
    step, state = mapped(spread(parts).replace(shared=lambda statistics: statistics))
    return step, state, parted(batch())


@fault(84, "updates lost in bfloat16", Cause.ROUNDING)
def lost(parts: Parts) -> Examined:
    """Weights of half precision do not feel small steps."""
    half = jax.tree.map(lambda leaf: leaf.astype(jnp.bfloat16), parts.params)

    def forward(params: Tree, statistics: Tree, x: jax.Array, key: jax.Array) -> tuple[jax.Array, Tree]:
        scores, updated = parts.forward(params, statistics, x.astype(jnp.bfloat16), key)
        kept = jax.tree.map(lambda leaf, old: leaf.astype(old.dtype), updated, statistics)
        return scores.astype(jnp.float32), kept

    return whole(parts.replace(params=half, forward=forward, optimizer=optax.adam(1e-4)))
