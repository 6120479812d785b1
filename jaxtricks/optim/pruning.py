"""Pruning: weights that are removed before the first step, and stay away."""

import itertools
from typing import Any, Literal

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from jaxtricks.config import ConfigError, Fraction, config, trick
from jaxtricks.nn.kernels import is_kernel
from jaxtricks.nn.largest import largest
from jaxtricks.optim.holding import masked
from jaxtricks.optim.method import Params
from jaxtricks.optim.reversion import AsGiven, Reversion
from jaxtricks.optim.scores import Magnitude, Probe, Score, check_inputs


@config()
class Pruned:
    """A network without the weights that are worth least: they are zero from the first step to the last.

    Only kernels are pruned; biases and the scales of normalization are not. Which weights go is decided once, before the first
    step: by the weights that were drawn, or by those of earlier runs, see `jaxtricks.Transfer`, whose zeros are gone already and
    stay so. A lottery ticket (Frankle & Carbin 2019) is `Pruned(keep=0.2, to="initial")` of trained runs. Experiments that
    differ in `keep` are one program.

    Args:
        keep: the share of the weights that are kept, of those that there still are; rounded to a number of weights.
        output: that share in the layer that gives the outputs; None: `keep`.
        by: what a weight is worth.
        scope: "layer" if each layer keeps that share of its own weights, or "global" if all layers are ranked together.
        to: what the kept weights begin with.

    >>> ticket = jt.optim.Pruned(keep=0.2, to="initial")
    >>> ticket.by, ticket.scope
    (Magnitude(), 'layer')
    """

    keep: Fraction = 0.2
    output: Fraction | None = trick(
        default=None,
        rows=["T118"],
        paper="Frankle & Carbin 2019",
        summary="Keep another share of the weights in the layer that gives the outputs",
        on=0.9,
    )
    by: Score = Magnitude()
    scope: Literal["layer", "global"] = "layer"
    to: Reversion = AsGiven()

    def check(self, params: Params, outputs: tuple[str, ...] | None, tokens: bool) -> None:
        """Checks that it fits a network, before anything compiles.

        Args:
            params: the parameters of the model, or a tree of their shapes.
            outputs: the paths of the kernels that give the outputs, such as "head/kernel"; None where the model does not say.
            tokens: whether the inputs are tokens.

        Raises:
            ConfigError: for a model without kernels, a layer of outputs that is not known or not ranked by itself, or a score
                that reads no tokens.
        """
        if self.output is not None and self.scope == "global":
            raise ConfigError("Pruned.output is the share of one layer, and Pruned.scope = 'global' has none; None is allowed.")
        if not any(map(is_kernel, jax.tree.leaves(params))):
            raise ConfigError(
                "Pruned: the model has no kernel, so there is nothing to remove; Experiment.pruned = None is allowed."
            )
        if self.output is not None and not outputs:
            raise ConfigError(
                f"Pruned.output = {self.output}: the model does not say which of its layers gives the outputs; None is allowed."
            )
        check_inputs(self.by, tokens)

    def mask(self, params: Params, there: Any, probe: Probe, outputs: tuple[str, ...] | None) -> Any:
        """Gives True for the weights that are kept, a tree like the parameters with None for those that are no kernels.

        Args:
            params: the parameters that are scored.
            there: which weights are still there, a tree of the same kind as the result.
            probe: what a score may look at.
            outputs: the paths of the kernels that give the outputs; None where the model does not say.
        """
        rounds, shares = self.by.rounds, self._shares(params, outputs)

        def remove(number: Array, mask: Any) -> Any:
            scores = self.by.of(masked(params, mask), probe)
            part = (number + 1) / rounds
            if self.scope == "global":
                return _best_of_all(mask, _like(scores, mask), jnp.round(_weights(there) * self.keep**part))
            counts = jax.tree.map(lambda there, share: jnp.round(jnp.sum(there) * share**part), there, shares)
            return jax.tree.map(best, mask, _like(scores, mask), counts)

        if rounds == 1:
            return remove(jnp.int32(0), there)
        return jax.lax.fori_loop(0, rounds, remove, there)

    def _shares(self, params: Params, outputs: tuple[str, ...] | None) -> Any:
        """The share that each kernel keeps, a tree like the mask."""

        def share(path: Any, w: Array) -> Any:
            if not is_kernel(w):
                return None
            name = jax.tree_util.keystr(path, simple=True, separator="/")
            return self.keep if self.output is None or name not in (outputs or ()) else self.output

        return jax.tree_util.tree_map_with_path(share, params)


def best(mask: Bool[Array, "..."], scores: Float[Array, "..."], count: Float[Array, ""]) -> Bool[Array, "..."]:
    """Of the weights that are there, the `count` with the highest scores; of equal ones the first.

    Args:
        mask: which are there.
        scores: what each is worth, of the same shape.
        count: how many are kept, [].

    >>> best(jnp.array([True, True, False]), jnp.array([1.0, 2.0, 9.0]), 1).tolist()
    [False, True, False]
    """
    return largest(jnp.where(mask, scores, -jnp.inf), jnp.asarray(count, jnp.int32)) & mask


def _best_of_all(masks: Any, scores: Any, count: Any) -> Any:
    """As `best`, of all layers together."""
    leaves, structure = jax.tree.flatten(masks)
    flat = best(
        jnp.concatenate([mask.reshape(-1) for mask in leaves]),
        jnp.concatenate([score.reshape(-1) for score in jax.tree.leaves(scores)]),
        count,
    )
    parts = jnp.split(flat, list(itertools.accumulate(mask.size for mask in leaves))[:-1])
    return jax.tree.unflatten(structure, [part.reshape(mask.shape) for part, mask in zip(parts, leaves, strict=True)])


def _weights(mask: Any) -> Array:
    """How many weights are there, of all layers together."""
    return sum((jnp.sum(there) for there in jax.tree.leaves(mask)), start=jnp.int32(0))


def _like(tree: Any, mask: Any) -> Any:
    """The tree with None where the mask has None."""
    return jax.tree.map(lambda kept, leaf: None if kept is None else leaf, mask, tree, is_leaf=_none)


def _none(leaf: Any) -> bool:
    return leaf is None
