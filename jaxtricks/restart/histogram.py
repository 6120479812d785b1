"""How often weights, gradients and activations have which size, layer by layer: one picture of a restart.

The bins are the same for all layers, all members and all times, so that counts can be added and compared. There are 40 for the
numbers above zero, each twice as wide as the one before, from 2^-30 to 2^10, 40 for those below zero, one for numbers that are
exactly zero, which is how a dead unit and a gradient that does not arrive look, and one for what is not finite.
"""

from collections.abc import Callable
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from jaxtricks.experiment.experiment import Experiment
from jaxtricks.models.contract import CARRY
from jaxtricks.nn.stacks import apart
from jaxtricks.restart.member import Member, State, applied, counting, scaled, targets
from jaxtricks.restart.phase import Over, Phase, Shared, Window

LOWEST, HIGHEST = -30, 10  # powers of two
SIDE = HIGHEST - LOWEST  # bins on either side of zero
ZERO, LOST = SIDE, 2 * SIDE + 1  # places of the bins of zero, and of what is not finite
BINS = 2 * SIDE + 2
KINDS = ("activations", "gradients", "weights")
DIGITS = 5  # of the number of a layer, so that sorted names are in its order
APART = " "  # between the number of a layer, which keeps the order of the forward pass, and its name

Counts = Int[Array, "bins"]


def edges() -> Float[np.ndarray, " edges"]:
    """The edges of the bins of finite numbers, ascending, [81 + 1]: the two in the middle, around zero, are ∓2^-30.

    Numbers beyond the outer edges are in the outer bins, and those nearer to zero than the inner edges in the inner ones.

    >>> len(edges()), edges()[[0, -1]].tolist()
    (82, [-1024.0, 1024.0])
    """
    above = np.exp2(np.arange(LOWEST, HIGHEST + 1))
    return np.concatenate([-above[::-1], above])


def counted(values: Float[Array, "..."]) -> Counts:
    """How many of some numbers lie in each bin; all counts together are the number of elements.

    Args:
        values: any shape.

    >>> counts = counted(jnp.array([[-1.5, 0.0, 0.0], [1.0, 1.9, jnp.nan]]))
    >>> [(place, int(count)) for place, count in enumerate(counts) if count]
    [(9, 1), (40, 2), (71, 2), (81, 1)]
    """
    flat = values.astype(jnp.float32).reshape(-1)
    _, power = jnp.frexp(flat)  # |v| lies in [2^(power - 1), 2^power), exactly
    size = jnp.clip(power - 1, LOWEST, HIGHEST - 1) - LOWEST
    place = jnp.where(flat == 0, ZERO, jnp.where(flat > 0, ZERO + 1 + size, ZERO - 1 - size))
    return jnp.zeros(BINS, jnp.int32).at[jnp.where(jnp.isfinite(flat), place, LOST)].add(1)


def picture(experiment: Experiment, member: Member, shared: Shared, state: State, window: Window) -> dict[str, Counts]:
    """The histograms of one restart: "00000 weights/path" and so on → counts, [bins].

    Gradients and activations are those of the first batch of the first epoch, at every time the same examples, as the model is
    evaluated: without masks and augmentation, and with running averages. The parameters are those that training stands at.

    Args:
        experiment: the settings.
        member: the restart.
        shared: the data.
        state: where training stands.
        window: the first batch, [1, 1, batch, ...].
    """
    batch = jax.tree.map(lambda leaf: leaf[0, 0], window.examples(window.given))
    batch = batch._replace(x=scaled(experiment, member, batch.x))
    layers: dict[str, None] = {}
    state = apart(state)  # what is seen of a layer has its name
    fresh = {name: jax.tree.map(jnp.zeros_like, tree) for name, tree in state.collections.items() if name == CARRY}

    def loss(params: Any) -> Any:
        variables = {"params": params, **state.collections, **fresh}
        with nn.intercept_methods(_watch(layers)):
            scores, changed = applied(experiment, variables, batch, train=False, mutable=["intermediates"])
        wanted = targets(member, batch, scores)
        found = experiment.objective(scores, wanted, params, member.train.size, counting(member, batch))
        return found, changed.get("intermediates", {})

    gradients, inner = jax.grad(loss, has_aux=True)(state.params)
    numbers = {name: number for number, name in enumerate(layers)}
    found = {_key(numbers[name], "activations", name): _sown(inner, name) for name in layers}
    for kind, tree in (("gradients", gradients), ("weights", state.params)):
        for path, leaf in jax.tree_util.tree_leaves_with_path(tree):
            if jnp.issubdtype(leaf.dtype, jnp.floating):
                name = jax.tree_util.keystr(path, simple=True, separator="/")
                found[_key(_number(numbers, name), kind, name)] = counted(leaf)
    return found


PICTURE = (Phase(picture, Over.FIRST, in_place=False),)


def _key(number: int, kind: str, name: str) -> str:
    return f"{number:0{DIGITS}}{APART}{kind}/{name}"


def _number(numbers: dict[str, int], path: str) -> int:
    """The number of the innermost layer that a parameter belongs to; parameters of no layer come last."""
    owners = [name for name in numbers if path.startswith(f"{name}/")]
    return numbers[max(owners, key=len)] if owners else 10**DIGITS - 1


def _sown(inner: Any, name: str) -> Counts:
    """What all calls of a layer gave, together."""
    for part in name.split("/"):
        inner = inner[part]
    return jnp.sum(jnp.stack(inner["histogram"]), axis=0)


def _watch(order: dict[str, None]) -> Callable[..., Any]:
    """An interceptor that counts what each layer of Linen gives."""

    def watch(
        call: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], context: nn.module.InterceptorContext
    ) -> Any:
        y, layer = call(*args, **kwargs), context.module
        array = isinstance(y, jax.Array) and y.ndim >= 2 and jnp.issubdtype(y.dtype, jnp.floating)
        seen = context.method_name == "__call__" and layer.path and array
        if seen and layer.sow("intermediates", "histogram", counted(y)):
            order["/".join(layer.path)] = None
        return y

    return watch
