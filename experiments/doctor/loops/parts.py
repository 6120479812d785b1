"""A training loop in parts, of which a fault replaces one."""

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

Tree = Any  # weights, statistics: arrays in a pytree

EXAMPLES, COLUMNS, CLASSES, WIDTH = 16, 6, 3, 8


class Carried(NamedTuple):
    """What a loop hands from a step to the next one.

    >>> Carried({}, {}, (), jax.random.key(0), 0).step
    0
    """

    params: Tree
    statistics: Tree
    opt_state: Any
    key: jax.Array
    step: Any


def cross_entropy(scores: jax.Array, labels: jax.Array) -> jax.Array:
    """The mean cross-entropy.

    >>> float(cross_entropy(jnp.zeros((2, 4)), jnp.array([0, 1]))) > 1.38
    True
    """
    return optax.softmax_cross_entropy_with_integer_labels(scores, labels).mean()


def split(key: jax.Array, step: Any) -> tuple[jax.Array, jax.Array]:
    """The key of the next step and that of this step's masks."""
    following, masks = jax.random.split(key)
    return following, masks


def fold(key: jax.Array, step: Any) -> tuple[jax.Array, jax.Array]:
    """A key that stays, and with the step's number in it that of this step's masks."""
    return key, jax.random.fold_in(key, step)


def itself(tree: Tree) -> Tree:
    """What it is given."""
    return tree


def new(old: Carried, made: Carried) -> Carried:
    """The new state, whole."""
    return made


@dataclass(frozen=True)
class Parts:
    """A loop in parts.

    Args:
        name: of the loop.
        params: the initial weights.
        statistics: the initial running averages.
        forward: (weights, statistics, x, key) → (scores, new statistics), in training.
        first: the name of the first layer, as it stands in the paths of its weights.
        key: the initial key.
        pack: `Carried` → the loop's own state.
        unpack: the loop's own state → `Carried`.
        optimizer: Optax's.
        loss: (scores, labels) → a number.
        keys: (key, step) → the next key and that of the masks.
        apply: (weights, updates) → new weights.
        finish: (old, new) → what the step gives back.
        average: of gradients over devices.
        shared: of statistics over devices.
        told: of the loss over devices: what is told, not what is differentiated.
        derived: of the loss over devices: what is differentiated.
        x: what is done to the inputs.

    """

    name: str
    params: Tree
    statistics: Tree
    forward: Callable[[Tree, Tree, jax.Array, jax.Array], tuple[jax.Array, Tree]]
    first: str
    key: jax.Array
    pack: Callable[[Carried], Any]
    unpack: Callable[[Any], Carried]
    optimizer: optax.GradientTransformation = dataclasses.field(default_factory=lambda: optax.adam(1e-2))
    loss: Callable[[jax.Array, jax.Array], jax.Array] = cross_entropy
    keys: Callable[[jax.Array, Any], tuple[jax.Array, jax.Array]] = split
    apply: Callable[[Tree, Tree], Tree] = optax.apply_updates
    finish: Callable[[Carried, Carried], Carried] = new
    average: Callable[[Tree], Tree] = itself
    shared: Callable[[Tree], Tree] = itself
    told: Callable[[jax.Array], jax.Array] = itself
    derived: Callable[[jax.Array], jax.Array] = itself
    x: Callable[[jax.Array], jax.Array] = itself

    def replace(self, **changes: Any) -> "Parts":
        """The same loop with other parts."""
        return dataclasses.replace(self, **changes)

    def state(self, step: int = 0) -> Any:
        """The loop's state at the start, in its own form."""
        count = jnp.asarray(step, jnp.int32)
        return self.pack(Carried(self.params, self.statistics, self.optimizer.init(self.params), self.key, count))

    def run(self, state: Any, batch: dict[str, jax.Array]) -> tuple[Any, dict[str, jax.Array]]:
        """A step, not compiled: (state, batch) → (new state, metrics)."""
        old = self.unpack(state)
        key, masks = self.keys(old.key, old.step)

        def loss(params: Tree) -> tuple[jax.Array, Tree]:
            scores, statistics = self.forward(params, old.statistics, self.x(batch["x"]), masks)
            return self.derived(self.loss(scores, batch["y"])), statistics

        (value, statistics), slopes = jax.value_and_grad(loss, has_aux=True)(old.params)
        updates, opt_state = self.optimizer.update(self.average(slopes), old.opt_state, old.params)
        params = self.apply(old.params, updates)
        made = self.finish(old, Carried(params, self.shared(statistics), opt_state, key, old.step + 1))
        return self.pack(made), {"loss": self.told(value)}


def batch() -> dict[str, jax.Array]:
    """Sixteen examples of three classes."""
    x = jax.random.normal(jax.random.key(1), (EXAMPLES, COLUMNS))
    return {"x": x, "y": jnp.arange(EXAMPLES) % CLASSES}
