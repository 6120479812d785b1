"""Three healthy loops, and variants of them in which nothing is wrong either."""

from collections.abc import Iterator
from functools import partial
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import optax
from flax import nnx
from flax.training import train_state
from jax.sharding import Mesh, PartitionSpec

from experiments.doctor.loops.parts import CLASSES, COLUMNS, EXAMPLES, WIDTH, Carried, Parts, Tree, fold

MOMENTUM = 0.9
RATE = 0.2  # of dropout


def plain() -> Parts:
    """An MLP in plain JAX with masks and running averages of its inputs, in a dict, with a key of the old kind."""

    def forward(params: Tree, statistics: Tree, x: jax.Array, key: jax.Array) -> tuple[jax.Array, Tree]:
        mean, var = x.mean(axis=0), x.var(axis=0)
        kept = {
            "mean": MOMENTUM * statistics["mean"] + (1 - MOMENTUM) * mean,
            "var": MOMENTUM * statistics["var"] + (1 - MOMENTUM) * var,
        }
        h = jnp.tanh((x - mean) / jnp.sqrt(var + 1e-5) @ params["dense1"]["w"] + params["dense1"]["b"])
        mask = jax.random.bernoulli(key, 1 - RATE, h.shape)
        return jnp.where(mask, h / (1 - RATE), 0.0) @ params["dense2"]["w"] + params["dense2"]["b"], kept

    one, two = jax.random.split(jax.random.key(0))
    params = {
        "dense1": {"w": 0.4 * jax.random.normal(one, (COLUMNS, WIDTH)), "b": jnp.zeros(WIDTH)},
        "dense2": {"w": 0.4 * jax.random.normal(two, (WIDTH, CLASSES)), "b": jnp.zeros(CLASSES)},
    }
    statistics = {"mean": jnp.zeros(COLUMNS), "var": jnp.ones(COLUMNS)}
    pack, unpack = Carried._asdict, lambda state: Carried(**state)
    return Parts("plain", params, statistics, forward, "dense1", jax.random.PRNGKey(2), pack, unpack)


class Net(nn.Module):
    """A network with batch norm and dropout."""

    @nn.compact
    def __call__(self, x: jax.Array, train: bool) -> jax.Array:
        x = nn.relu(nn.BatchNorm(use_running_average=not train, momentum=MOMENTUM)(nn.Dense(WIDTH)(x)))
        return nn.Dense(CLASSES)(nn.Dropout(RATE, deterministic=not train)(x))


class TrainState(train_state.TrainState):
    """Flax's, with statistics and a key."""

    batch_stats: Any
    key: jax.Array


def linen() -> Parts:
    """A Linen network with batch norm and dropout, in a `TrainState`; the key stays, and the step's number is folded into it."""
    net = Net()
    variables = net.init(jax.random.key(0), jnp.ones((1, COLUMNS)), train=False)

    def forward(params: Tree, statistics: Tree, x: jax.Array, key: jax.Array) -> tuple[jax.Array, Tree]:
        given = {"params": params, "batch_stats": statistics}
        scores, updated = net.apply(given, x, train=True, rngs={"dropout": key}, mutable=["batch_stats"])
        return scores, updated["batch_stats"]

    def pack(carried: Carried) -> TrainState:
        return TrainState(
            step=carried.step,
            apply_fn=net.apply,
            params=carried.params,
            tx=NOTHING,
            opt_state=carried.opt_state,
            batch_stats=carried.statistics,
            key=carried.key,
        )

    def unpack(state: TrainState) -> Carried:
        return Carried(state.params, state.batch_stats, state.opt_state, state.key, state.step)

    params, statistics = variables["params"], variables["batch_stats"]
    return Parts("linen", params, statistics, forward, "Dense_0", jax.random.key(2), pack, unpack, keys=fold)


NOTHING = optax.identity()


class Recurrent(nnx.Module):
    """A GRU over the columns, with batch norm of its last state."""

    def __init__(self, rngs: nnx.Rngs) -> None:
        self.cell = nnx.GRUCell(1, WIDTH, rngs=rngs)
        self.norm = nnx.BatchNorm(WIDTH, rngs=rngs, momentum=MOMENTUM)
        self.head = nnx.Linear(WIDTH, CLASSES, rngs=rngs)

    def __call__(self, x: jax.Array, mask: jax.Array) -> jax.Array:
        """The scores of a batch; the mask is the same at all times."""
        carry = jnp.zeros((len(x), WIDTH))

        def read(carry: jax.Array, column: jax.Array) -> tuple[jax.Array, None]:
            return self.cell(carry * mask, column[:, None])[0], None

        carry, _ = jax.lax.scan(read, carry, x.T)
        return self.head(self.norm(carry))


def recurrent() -> Parts:
    """A recurrent NNX network, split into its definition, weights and statistics; all in a tuple, the key split at each step."""
    definition, weights, *rest = nnx.split(Recurrent(nnx.Rngs(0)), nnx.Param, nnx.BatchStat)

    def forward(params: Tree, statistics: Tree, x: jax.Array, key: jax.Array) -> tuple[jax.Array, Tree]:
        net = nnx.merge(definition, params, statistics, copy=True)
        mask = jax.random.bernoulli(key, 1 - RATE, (len(x), WIDTH)) / (1 - RATE)
        scores = net(x, mask)
        return scores, nnx.state(net, nnx.BatchStat)

    def unpack(state: tuple[Any, ...]) -> Carried:
        return Carried(*state)

    return Parts("recurrent", weights, rest[0], forward, "cell", jax.random.key(2), tuple, unpack)


LOOPS = (plain, linen, recurrent)


def averaged(tree: Tree) -> Tree:
    """The mean over devices."""
    return jax.lax.pmean(tree, "data")


def spread(parts: Parts) -> Parts:
    """The loop for several devices: each has a part of the batch, and masks of its own."""

    def keys(key: jax.Array, step: Any) -> tuple[jax.Array, jax.Array]:
        following, masks = parts.keys(key, step)
        return following, jax.random.fold_in(masks, jax.lax.axis_index("data"))

    return parts.replace(average=averaged, shared=averaged, told=averaged, keys=keys)


def sharded(parts: Parts) -> Any:
    """The compiled step of a loop for several devices, each with the whole state and a part of the batch."""
    mesh = Mesh(jax.devices()[:2], ("data",))
    rows, whole = PartitionSpec("data"), PartitionSpec()
    return jax.jit(jax.shard_map(parts.run, mesh=mesh, in_specs=(whole, rows), out_specs=(whole, whole), check_vma=False))


def mapped(parts: Parts) -> tuple[Any, Any]:
    """The same by `jax.pmap`, and a state for it, which has an axis of devices."""
    state = jax.tree.map(lambda leaf: jnp.stack([leaf, leaf]), parts.state())
    return jax.pmap(parts.run, axis_name="data", devices=jax.devices()[:2]), state


def parted(given: dict[str, jax.Array]) -> dict[str, jax.Array]:
    """A batch with an axis of devices."""
    return {name: values.reshape(2, EXAMPLES // 2, *values.shape[1:]) for name, values in given.items()}


def optimizers(parts: Parts) -> Iterator[tuple[str, Parts]]:
    """The loop with other optimizers, which are healthy, too."""
    warm = optax.warmup_cosine_decay_schedule(0.0, 1e-2, 2, 20)
    labels = jax.tree_util.tree_map_with_path(
        lambda path, leaf: "frozen" if parts.first in jax.tree_util.keystr(path) else "trained", parts.params
    )
    yield "momentum", parts.replace(optimizer=optax.sgd(1e-2, momentum=MOMENTUM))
    yield "clipped, warmed up, decayed", parts.replace(optimizer=optax.chain(optax.clip_by_global_norm(0.5), optax.adamw(warm)))
    yield "clipped SGD", parts.replace(optimizer=optax.chain(optax.clip_by_global_norm(0.01), optax.sgd(0.1)))
    yield "Lion", parts.replace(optimizer=optax.lion(1e-3))
    yield "gradients of two batches", parts.replace(optimizer=optax.MultiSteps(optax.adam(1e-2), 2))
    yield "a rate in the state", parts.replace(optimizer=optax.inject_hyperparams(optax.adam)(learning_rate=1e-2))
    yield (
        "a frozen layer",
        parts.replace(optimizer=optax.partition({"frozen": optax.set_to_zero(), "trained": optax.adam(1e-2)}, labels)),
    )


def again(parts: Parts) -> Parts:
    """The loop with activations that are computed a second time to save memory."""
    return parts.replace(forward=jax.checkpoint(parts.forward))


def smaller(parts: Parts) -> Parts:
    """The loop with its forward pass in bfloat16, and weights in float32."""

    def forward(params: Tree, statistics: Tree, x: jax.Array, key: jax.Array) -> tuple[jax.Array, Tree]:
        half = jax.tree.map(lambda leaf: leaf.astype(jnp.bfloat16), params)
        scores, updated = parts.forward(half, statistics, x.astype(jnp.bfloat16), key)
        kept = jax.tree.map(lambda leaf, old: leaf.astype(old.dtype), updated, statistics)
        return scores.astype(jnp.float32), kept

    return parts.replace(forward=forward)


def donating(parts: Parts) -> Any:
    """The compiled step, which takes the state for good."""
    return partial(jax.jit, donate_argnums=0)(parts.run)
