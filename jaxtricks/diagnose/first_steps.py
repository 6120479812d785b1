"""The first steps of some restarts, measured: scores, gradients, layers and updates."""

from collections.abc import Callable
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from jax.extend.core import ClosedJaxpr
from jaxtyping import Array, Float

from jaxtricks import rng
from jaxtricks.data import Dataset
from jaxtricks.engine.tables import Numbers
from jaxtricks.experiment.experiment import Experiment
from jaxtricks.experiment.sampling import Sampling
from jaxtricks.restart import epoch as epochs
from jaxtricks.restart.member import Member, Pool, applied, counting, inputs, labelled, shuffle, taken, targets, update
from jaxtricks.train.cohorts import Asked, tables_of

STEPS = 16
FAR = 10.0  # how much larger inputs are made to see whether scores have bounds

PerRestart = Float[np.ndarray | Array, " restarts"]


class LeafLook(NamedTuple):
    """A parameter array at the start; each number is [restarts].

    Args:
        weight: the root of the mean square of its weights.
        gradient: the same of its gradient.
        largest: the largest size of an element of the gradient.
        zeros: the share of the gradient that is exactly zero.
        update: the root of the mean square of the first update.
        uphill: the inner product of that update and the gradient, over the product of their lengths; 0 where one has none.
        kept: the share of its weights that no step has changed.
    """

    weight: PerRestart
    gradient: PerRestart
    largest: PerRestart
    zeros: PerRestart
    update: PerRestart
    uphill: PerRestart
    kept: PerRestart


class LayerLook(NamedTuple):
    """What a layer gives for the first batch; each number is [restarts].

    Args:
        size: the root of the mean square.
        spread: the standard deviation over the batch, averaged over units.
        dead: the share of units that are zero for all examples.
        saturated: the share of numbers beyond 0.98 where all lie in [-1, 1]; 0 elsewhere.
        normalized: whether the numbers of each place are none below zero and sum to one, as a softmax's.
    """

    size: PerRestart
    spread: PerRestart
    dead: PerRestart
    saturated: PerRestart
    normalized: PerRestart


class FirstSteps(NamedTuple):
    """The first batch and the first steps of some restarts.

    Args:
        x: the inputs of the first batch, as the model gets them, [restarts, batch, ...].
        y: its targets, as the loss gets them, [restarts, batch, ...].
        scores: what the model gives in evaluation, [restarts, batch, ...].
        far: the same for inputs ten times as large; equal to `scores` for tokens.
        other: what the model gives in training with two keys, [restarts, 2, batch, ...].
        losses: the objective of each step, [restarts, steps].
        blank: the loss of scores that are all zero, [restarts].
        leaves: path of a parameter array → what it is like.
        layers: path of a layer of Linen → what it gives, in the order of the forward pass.
    """

    x: np.ndarray
    y: np.ndarray
    scores: np.ndarray
    far: np.ndarray
    other: np.ndarray
    losses: np.ndarray
    blank: np.ndarray
    leaves: dict[str, LeafLook]
    layers: dict[str, LayerLook]

    @property
    def varied(self) -> bool:
        """Whether scores differ from example to example, for the given inputs or for ten times as large ones."""
        few = self.scores.shape[1] < 2
        return few or any(bool(np.ptp(each, axis=1).max() != 0) for each in (self.scores, self.far))

    @classmethod
    def of(cls, experiment: Experiment, data: Dataset, sampling: Sampling) -> "FirstSteps":
        """Takes the first steps, up to sixteen of the first epoch.

        Args:
            experiment: as `prepare` gives it.
            data: the data set.
            sampling: the restarts.

        >>> from jaxtricks.train.prepare import prepare
        >>> digits = jt.load("digits").subset(100, seed=0)
        >>> sampling = jt.Seeds(2).sampling(digits)
        >>> ready = prepare(jt.Experiment(model=jt.MLP(widths=(8,)), batch_size=16), digits, sampling.train.shape[1])
        >>> found = FirstSteps.of(ready, digits, sampling)
        >>> found.scores.shape, list(found.layers), found.losses.shape
        ((2, 16, 10), ['hidden_0/dense', 'hidden_0', 'head'], (2, 5))
        """
        names: dict[str, None] = {}
        look, given = _program(experiment, data, sampling, names)
        found, layers = jax.tree.map(np.asarray, jax.jit(look)(*given))
        leaves = found.pop("leaves")
        return cls(**found, leaves=leaves, layers=dict(zip(names, layers, strict=True)))

    @staticmethod
    def program(experiment: Experiment, data: Dataset, sampling: Sampling) -> ClosedJaxpr:
        """The operations of the same steps, from shapes alone; arguments as for `of`, and raises what they raise."""
        look, given = _program(experiment, data, sampling, {})
        return jax.make_jaxpr(look)(*given)


def _program(
    experiment: Experiment, data: Dataset, sampling: Sampling, names: dict[str, None]
) -> tuple[Callable[..., Any], tuple[Member, Pool]]:
    """What is looked at of all restarts, and its arguments; `names` gets the layers' paths when it is traced."""

    def look(member: Member, pool: Pool) -> Any:
        found, layers = _look(experiment, member, pool)
        names.update(dict.fromkeys(layers))
        return found, list(layers.values())

    members = tables_of(sampling, Asked.by(experiment), data).member(Numbers.of(sampling))
    return jax.vmap(look, in_axes=(0, None)), (members, Pool.of(data))


def _look(experiment: Experiment, member: Member, pool: Pool) -> tuple[dict[str, Any], dict[str, LayerLook]]:
    own = labelled(member, pool)
    state = epochs.start(experiment, member, pool, {})
    order, size = shuffle(experiment, member, pool, jnp.int32(0)), experiment.batch_size
    steps = min(STEPS, len(order) // size)
    places = order[: steps * size].reshape(steps, size)
    batch = inputs(experiment, own, member, places[0])
    variables = {"params": state.params, **state.collections}
    masks = rng.root(member.seed)
    keys = [rng.stream(masks, "dropout", step) for step in (0, 1)]
    watched: dict[str, None] = {}

    def trained(params: Any, key: Any, mutable: list[str]) -> Any:
        changing = [*state.collections, *mutable]
        given = {"params": params, **state.collections}
        return applied(experiment, given, batch, train=True, key=key, mutable=changing)

    def loss(params: Any) -> Any:
        with nn.intercept_methods(_watch(watched)):
            scores, changed = trained(params, keys[0], ["intermediates"])
        wanted = targets(member, batch, scores)
        found = experiment.objective(scores, wanted, params, member.train.size, counting(member, batch))
        return found, (wanted, changed.get("intermediates", {}))

    (_, (wanted, inner)), gradients = jax.value_and_grad(loss, has_aux=True)(state.params)

    def step(state: Any, at: Any) -> Any:
        new, info = update(experiment, member, state, taken(own, at))
        return new, info.loss

    first, loss_0 = step(state, places[0])
    last, losses = jax.lax.scan(step, first, places[1:])
    far = batch if jnp.issubdtype(batch.x.dtype, jnp.integer) else batch._replace(x=FAR * batch.x)
    at_rest = applied(experiment, variables, batch, train=False)[0]
    found = {
        "x": batch.x,
        "y": wanted,
        "scores": at_rest,
        "far": applied(experiment, variables, far, train=False)[0],
        "other": jnp.stack([trained(state.params, key, [])[0] for key in keys]),
        "losses": jnp.concatenate([loss_0[None], losses]),
        "blank": experiment.objective.of_batch(jnp.zeros_like(at_rest), wanted, counting(member, batch)).value,
        "leaves": _leaves(state.params, gradients, first.params, last.params),
    }
    return found, {name: _layer(inner, name) for name in watched}


def _leaves(params: Any, gradients: Any, first: Any, last: Any) -> dict[str, LeafLook]:
    """Path → what a parameter array is like, from it, its gradient, and it after the first and after the last step."""
    paths = ["/".join(str(getattr(key, "key", getattr(key, "name", key))) for key in path) for path, _ in _pathed(params)]
    found = {}
    for path, weight, slope, after, end in zip(paths, *map(jax.tree.leaves, (params, gradients, first, last)), strict=True):
        change = after - weight
        lengths = jnp.linalg.norm(change.reshape(-1)) * jnp.linalg.norm(slope.reshape(-1))
        uphill = jnp.where(lengths > 0, jnp.vdot(change, slope) / jnp.where(lengths > 0, lengths, 1), 0)
        sizes = (_size(weight), _size(slope), jnp.abs(slope).max(), jnp.mean(slope == 0), _size(change))
        found[path] = LeafLook(*sizes, uphill, jnp.mean(end == weight))
    return found


def _pathed(params: Any) -> list[tuple[Any, Any]]:
    return jax.tree_util.tree_leaves_with_path(params)


def _size(array: Array) -> Array:
    return jnp.sqrt(jnp.mean(jnp.square(array)))


def _layer(inner: Any, name: str) -> LayerLook:
    """What was watched of a layer, averaged over its calls."""
    for part in name.split("/"):
        inner = inner[part]
    return LayerLook(*(jnp.mean(jnp.stack(each)) for each in zip(*inner["look"], strict=True)))


def _watch(order: dict[str, None]) -> Callable[..., Any]:
    """An interceptor that measures what each layer gives."""

    def watch(
        call: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], context: nn.module.InterceptorContext
    ) -> Any:
        y, layer = call(*args, **kwargs), context.module
        array = isinstance(y, jax.Array) and y.ndim >= 2 and jnp.issubdtype(y.dtype, jnp.floating)
        if context.method_name != "__call__" or not layer.path or not array:
            return y
        rest = tuple(range(y.ndim - 1))
        bounded, whole = jnp.abs(y).max() <= 1, jnp.abs(y.sum(axis=-1) - 1).max() < 1e-3
        look = (
            _size(y),
            y.std(axis=0).mean(),
            jnp.mean((y == 0).all(axis=rest)),
            jnp.where(bounded, jnp.mean(jnp.abs(y) > 0.98), 0),
            (whole & (y.min() >= 0) & (y.shape[-1] > 1)).astype(y.dtype),
        )
        if layer.sow("intermediates", "look", look):
            order["/".join(layer.path)] = None
        return y

    return watch
