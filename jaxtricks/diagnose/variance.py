"""How the variance of signals and gradients changes from layer to layer at the initial weights."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import scipy
from jaxtyping import Array, Float

from jaxtricks import rng
from jaxtricks.config import ConfigError
from jaxtricks.data import Dataset
from jaxtricks.engine.tables import Numbers
from jaxtricks.experiment.arguments import takes
from jaxtricks.experiment.experiment import Experiment
from jaxtricks.experiment.seeds import Seeds
from jaxtricks.restart import epoch as epochs
from jaxtricks.restart.member import Member, Pool, applied, counting, inputs, labelled, shuffle, targets
from jaxtricks.train.cohorts import Asked, tables_of
from jaxtricks.train.prepare import prepare


@dataclass(frozen=True, eq=False)
class VarianceProfile:
    """Variances at the start, over the first batch, a layer's units and its places; every array is [seeds, layers].

    Args:
        layers: the paths of all layers with a kernel, in the order of the forward pass.
        inputs: of what comes into each layer, the activations of the layer before.
        outputs: of what it gives, its pre-activations.
        gradients: of the gradient of an example's loss with respect to the pre-activations.

    >>> variances = np.array([[1.0, 2.0]])  # of one seed and two layers
    >>> profile = jt.diagnose.VarianceProfile(("hidden_0", "head"), variances, variances, gradients=np.array([[3.0, 1.0]]))
    >>> profile.forward_ratios.tolist(), profile.backward_ratios.tolist()
    ([[2.0]], [[3.0]])
    """

    layers: tuple[str, ...]
    inputs: Float[np.ndarray, "seeds layers"]
    outputs: Float[np.ndarray, "seeds layers"]
    gradients: Float[np.ndarray, "seeds layers"]

    @property
    def forward_ratios(self) -> Float[np.ndarray, "seeds later"]:
        """Each pre-activation's variance over that of the layer before, from the second layer on: 1 keeps the signal."""
        return _ratios(self.outputs[:, 1:], self.outputs[:, :-1])

    @property
    def backward_ratios(self) -> Float[np.ndarray, "seeds earlier"]:
        """Each gradient's variance over that of the layer after it, up to the last but one: 1 keeps the gradient."""
        return _ratios(self.gradients[:, :-1], self.gradients[:, 1:])

    def __str__(self) -> str:
        """The table, of geometric means over seeds."""
        blank = np.full((len(self.outputs), 1), np.nan)
        ratios = np.hstack([blank, self.forward_ratios]), np.hstack([self.backward_ratios, blank])
        rows = [scipy.stats.gmean(a) for a in (self.inputs, self.outputs, ratios[0], self.gradients, ratios[1])]
        width = max(len("layer"), *map(len, self.layers)) + 2
        heads = ("activations in", "pre-activations", "× layer before", "gradient", "× layer after")
        lines = ["layer".ljust(width) + "".join(f"{head:>17}" for head in heads)]
        for layer, *values in zip(self.layers, *rows, strict=True):
            lines.append(layer.ljust(width) + "".join(f"{'' if np.isnan(v) else f'{v:.4g}':>17}" for v in values))
        return "\n".join([*lines, f"variances at the start; geometric means of {len(self.outputs)} seeds"])


def _ratios(a: Float[np.ndarray, "..."], b: Float[np.ndarray, "..."]) -> Float[np.ndarray, "..."]:
    with np.errstate(divide="ignore", invalid="ignore"):  # a dead layer has no variance to compare with
        return a / b


@takes
def variance_profile(
    experiment: Experiment | nn.Module,
    data: Dataset,
    *,
    seeds: int | Sequence[int] | Seeds = Seeds(),  # noqa: B008 (frozen)
) -> VarianceProfile:
    """The variance of every layer's signal and gradient in the first training step (T010–T013).

    Masks are drawn as in training; augmentation, mixup too, is left out: the batch is what it would be without.
    He initialization keeps `Var(y_l)/Var(y_{l-1})` at 1 for ReLU, LeCun's for a linear network, Glorot's about both ways.

    Args:
        experiment: the experiment, or a model alone, trained by the default one.
        data: the data set.
        seeds: how many starts, their seeds, or all that they sample.

    Raises:
        ConfigError: for an experiment that does not fit the data, or a model in which no layer has a kernel.

    >>> digits = jt.load("digits").subset(100, seed=0)
    >>> profile = jt.diagnose.variance_profile(jt.MLP(widths=(8, 8)), digits, seeds=2)
    >>> profile.layers
    ('hidden_0/dense', 'hidden_1/dense', 'head')
    """
    sampling = Seeds.of(seeds).sampling(data)
    given = experiment if isinstance(experiment, Experiment) else Experiment(model=experiment)
    ready = prepare(given, data, sampling.train.shape[1])
    members = tables_of(sampling, Asked.by(ready), data).member(Numbers.of(sampling))
    layers: dict[str, None] = {}

    def look(member: Member, pool: Pool) -> tuple[Array, Array, Array]:
        found = _first_step(ready, member, pool)
        layers.update(dict.fromkeys(found))
        inputs, outputs, gradients = zip(*found.values(), strict=True) if found else ((), (), ())
        return jnp.array(inputs), jnp.array(outputs), jnp.array(gradients)

    profile = jax.jit(jax.vmap(look, in_axes=(0, None)))(members, Pool.of(data))
    if not layers:
        raise ConfigError(
            f"Experiment.model = {type(ready.model).__name__} has no layer with a kernel, whose variance could be told."
        )
    return VarianceProfile(tuple(layers), *(np.asarray(values) for values in profile))


def _first_step(experiment: Experiment, member: Member, pool: Pool) -> dict[str, tuple[Array, Array, Array]]:
    """Path → variances of input, output and gradient, [] each, in the order of the forward pass."""
    state = epochs.start(experiment, member, pool, {})
    places = shuffle(experiment, member, pool, jnp.int32(0))[: experiment.batch_size]
    batch = inputs(experiment, labelled(member, pool), member, places)
    variables = {"params": state.params, **state.collections}
    order: dict[tuple[str, ...], None] = {}

    def loss(perturbations: Any, mutable: list[str]) -> Any:
        given = variables | ({"perturbations": perturbations} if perturbations else {})
        key, changing = rng.stream(rng.root(member.seed), "dropout", 0), [*state.collections, *mutable]
        with nn.intercept_methods(_watch(order)):
            scores, seen = applied(experiment, given, batch, train=True, key=key, mutable=changing)
        return experiment.objective(
            scores, targets(member, batch, scores), state.params, member.train.size, counting(member, batch)
        ), seen

    shapes = jax.eval_shape(lambda: loss({}, ["perturbations"])[1].get("perturbations", {}))
    zeros = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), shapes)
    gradients, seen = jax.grad(lambda zeros: loss(zeros, ["intermediates"]), has_aux=True)(zeros)
    found = {}
    for path in order:
        inner, slopes = seen["intermediates"], gradients
        for name in path:
            inner, slopes = inner[name], slopes[name]
        # The mean loss divides each example's gradient by the batch.
        backward = jnp.var(batch.x.shape[0] * slopes["output"])
        found["/".join(path)] = (jnp.stack(inner["variance_in"]).mean(), jnp.stack(inner["variance_out"]).mean(), backward)
    return found


def _watch(order: dict[tuple[str, ...], None]) -> Callable[..., Any]:
    """An interceptor that tells the variances around each layer with a kernel, and perturbs what the layer gives."""

    def watch(
        call: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], context: nn.module.InterceptorContext
    ) -> Any:
        y, layer = call(*args, **kwargs), context.module
        if context.method_name != "__call__" or not layer.has_variable("params", "kernel") or not isinstance(y, jax.Array):
            return y
        order[layer.path] = None
        layer.sow("intermediates", "variance_in", jnp.var(args[0]))
        layer.sow("intermediates", "variance_out", jnp.var(y))
        return layer.perturb("output", y)

    return watch
