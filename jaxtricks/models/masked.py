"""Networks whose weights stay as they were drawn, while a mask that switches them off is searched (supermasks)."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import jax
import jax.numpy as jnp
from jax.tree_util import keystr, tree_leaves_with_path, tree_map_with_path
from jaxtyping import Array, Float, Int, Key, UInt32

from jaxtricks import rng
from jaxtricks.config import ConfigError, Family, Fraction, Positive, config, rebuild, trick
from jaxtricks.config.families import ModelField
from jaxtricks.models.contract import PARAMS, Model, Traits, Variables, contract
from jaxtricks.models.mlp import MLP
from jaxtricks.nn.initializers import TorchDefault
from jaxtricks.nn.kernels import is_kernel
from jaxtricks.nn.largest import largest

WEIGHTS = "weights"  # the collection of the weights that never change
AT_TEST = "mask_at_test"  # the collection of the key that masks are drawn from where a model is evaluated


def straight_through(hard: Float[Array, "*shape"], soft: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """`hard`, to the bit, with the gradient of `soft`: a step that has no slope of its own is taken for a line.

    Args:
        hard: what counts; no gradient goes through it.
        soft: of the same shape; finite.

    >>> jax.grad(lambda x: straight_through(jnp.round(x), 3 * x))(0.2).item()
    3.0
    """
    return jax.lax.stop_gradient(hard) + (soft - jax.lax.stop_gradient(soft))


class Masking(Family):
    """How a mask of zeros and ones is made of one score for each weight, and how the scores learn from it.

    >>> jt.models.Masking("edge_popup")
    EdgePopup(keep=0.5)
    """

    @property
    def draws_at_test(self) -> bool:
        """Whether a mask is drawn where the model is evaluated, too."""
        return False

    def scores(self, key: Key[Array, ""], shape: tuple[int, ...], dtype: Any) -> Float[Array, "..."]:
        """The scores of a kernel before the first step.

        Args:
            key: of this layer.
            shape: of the kernel, [*receptive field, in, out].
            dtype: of the scores.
        """
        raise NotImplementedError

    def mask(self, scores: Float[Array, "*shape"], key: Key[Array, ""] | None) -> Float[Array, "*shape"]:
        """The mask of a layer, whose gradient goes straight through to the scores.

        Args:
            scores: of the layer.
            key: of this layer at this step; None where nothing is drawn.
        """
        raise NotImplementedError

    def kernel(self, weights: Float[Array, "*shape"], mask: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
        """The kernel that the network computes with: w ⊙ m."""
        return weights * mask


@config("bernoulli", rows=["T119"], paper="Zhou+ 2019")
class Bernoulli(Masking):
    """Each weight is kept with probability σ(s): m ~ Bernoulli(σ(s)), drawn anew in each step; all scores s are 0 at the start.

    The gradient takes m for σ(s): with w the weight and ŵ = w m, ∂L/∂s = ∂L/∂ŵ w σ'(s). These gradients are small, and so the
    learning rate is large (100 in the paper, plain SGD with momentum 0.9).

    In evaluation the mask is "sampled", as in the paper: one draw for each restart, the same in every epoch, so that what is
    measured is a network of weights that are there or not. The paper gives the mean accuracy of 10 such masks, of which the
    accuracy of one is an unbiased estimate. Or it is "expected": every weight is there, multiplied by σ(s), as at test after
    dropout; nothing is drawn, but that is no subnetwork.

    Args:
        test: the mask in evaluation, "sampled" or "expected".
        rescale: whether a layer's kept weights are multiplied by size/Σ m in each step (the paper's dynamic weight rescaling), so
            that the layer's outputs keep their size, however few there are.

    >>> mask = jt.models.Bernoulli().mask(jnp.full((100, 100), 2.0), jax.random.key(0))
    >>> print(f"{mask.mean():.2f} {jax.nn.sigmoid(2.0):.2f}")
    0.88 0.88
    """

    test: Literal["sampled", "expected"] = "sampled"
    rescale: bool = False

    @property
    def draws_at_test(self) -> bool:
        return self.test == "sampled"

    def scores(self, key: Key[Array, ""], shape: tuple[int, ...], dtype: Any) -> Float[Array, "..."]:
        return jnp.zeros(shape, dtype)

    def mask(self, scores: Float[Array, "*shape"], key: Key[Array, ""] | None) -> Float[Array, "*shape"]:
        share = jax.nn.sigmoid(scores)
        if key is None:
            return share
        precise = share.astype(jnp.promote_types(scores.dtype, jnp.float32))
        return straight_through(jax.random.bernoulli(key, precise).astype(scores.dtype), share)

    def kernel(self, weights: Float[Array, "*shape"], mask: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
        kept = weights * mask
        return kept * (mask.size / jnp.maximum(jnp.sum(mask), 1)).astype(kept.dtype) if self.rescale else kept


@config("edge_popup", rows=["T119"], paper="Ramanujan+ 2020")
class EdgePopup(Masking):
    """Each layer keeps the share k of its weights whose scores s are largest in size: m = 1 for the round(k n) largest |s| of n.

    The gradient takes m for |s|: with w the weight and ŵ = w m, ∂L/∂s = ∂L/∂ŵ w sign(s). Scores start from
    U(-1/√fan_in, 1/√fan_in), which is Kaiming's uniform with a = √5. Nothing is drawn later, and the mask is the same in training
    and in evaluation.

    Args:
        keep: k, the share of each layer's weights that is kept. It is traced: arms that differ in it are one program.

    >>> mask = jt.models.EdgePopup(keep=0.25).mask(jnp.array([[0.1, -0.4], [0.3, 0.2]]), None)
    >>> mask.tolist()
    [[0.0, 1.0], [0.0, 0.0]]
    """

    keep: Fraction = 0.5

    def scores(self, key: Key[Array, ""], shape: tuple[int, ...], dtype: Any) -> Float[Array, "..."]:
        return TorchDefault()(key, shape, dtype)

    def mask(self, scores: Float[Array, "*shape"], key: Key[Array, ""] | None) -> Float[Array, "*shape"]:
        size = jnp.abs(scores)
        count = jnp.round(jnp.asarray(self.keep) * size.size).astype(jnp.int32)
        return straight_through(largest(size, count).astype(scores.dtype), size)


@config("masked", rows=["T119"], paper="Zhou+ 2019; Ramanujan+ 2020")
class Masked(Model):
    """Any network with weights that never change: what is trained is one score for each weight of a kernel, which makes a mask.

    The weights are those that the network itself would draw for the same seed. They are kept in the collection "weights", with
    the biases and the scales of normalizations, which stay at their start, too. The parameters are the scores, in the places of
    the kernels: whatever acts on parameters, such as rates, weight decay and averages, acts on them.

    Args:
        model: the network: a config or its name, or any other model that an experiment takes.
        by: how masks are made of scores: "bernoulli", "edge_popup", or a `Masking` of your own.
        constant: makes all weights of a layer one size, with the signs that were drawn: w ← c σ sign(w), with σ the standard
            deviation of the layer's drawn weights and c this number, unitless; None: the weights stay as they were drawn.

    Papers: Zhou et al., "Deconstructing lottery tickets: zeros, signs, and the supermask", NeurIPS 2019; Ramanujan et al.,
    "What's hidden in a randomly weighted neural network?", CVPR 2020.

    >>> model = jt.models.Masked(model=jt.MLP(widths=(16,), outputs=3), by=jt.models.EdgePopup(keep=0.25))
    >>> x = jnp.ones((2, 8))
    >>> variables = model.drawn(jax.random.key(0), x, None)
    >>> jax.tree.map(jnp.shape, variables["params"])
    {'head': {'kernel': (16, 3)}, 'hidden_0': {'dense': {'kernel': (8, 16)}}}
    >>> found = model.subnetwork(variables)
    >>> int(jnp.sum(found["params"]["hidden_0"]["dense"]["kernel"] != 0))  # a quarter of 8 · 16
    32
    """

    model: ModelField = MLP()
    by: Masking = Bernoulli()
    constant: Positive | None = trick(
        default=None,
        rows=["T120"],
        paper="Zhou+ 2019; Ramanujan+ 2020",
        summary="Make all fixed weights of a layer one size, with the signs that were drawn",
        on=1.0,
    )

    @property
    def title(self) -> str:
        return f"Masked {contract(self.model).title}"

    @property
    def traits(self) -> Traits:
        # Biases have no places among the parameters.
        return dataclasses.replace(contract(self.model).traits, axes=None, trains_weights=False)

    def filled(self, known: Mapping[str, Any]) -> Any:
        return rebuild(self, model=contract(self.model).filled(known))

    def at_test(self) -> Any:
        return rebuild(self, model=contract(self.model).at_test())

    def blank(self, averages: Variables) -> Variables:
        return contract(self.model).blank(averages)

    def drawn(self, key: Key[Array, ""], x: Array, lengths: Int[Array, " batch"] | None) -> Variables:
        variables = contract(self.model).drawn(key, x, lengths)
        weights = variables[PARAMS]
        if not any(map(is_kernel, jax.tree.leaves(weights))):
            raise ConfigError(f"Masked.model = {contract(self.model).title} has no kernel, whose weights could be masked.")
        start = rng.stream(key, "scores")
        scores = _kernels(weights, lambda path, kernel: self.by.scores(rng.stream(start, path), kernel.shape, kernel.dtype))
        if self.constant is not None:
            weights = jax.tree.map(lambda leaf: _signed(leaf, self.constant) if is_kernel(leaf) else leaf, weights)
        own: Variables = {PARAMS: scores, WEIGHTS: weights}
        if self.by.draws_at_test:
            own[AT_TEST] = {"key": jax.random.key_data(rng.stream(key, "mask at test"))}
        return variables | own

    def called(
        self,
        variables: Variables,
        x: Array,
        lengths: Int[Array, " batch"] | None,
        *,
        train: bool,
        key: Key[Array, ""] | None,
        mutable: Sequence[str],
    ) -> tuple[Any, Variables]:
        given = self.subnetwork(variables, None if key is None else rng.stream(key, "mask"))
        fixed = {name: variables[name] for name in mutable if name in (WEIGHTS, AT_TEST)}
        others = [name for name in mutable if name not in fixed]
        scores, changed = contract(self.model).called(given, x, lengths, train=train, key=key, mutable=others)
        return scores, changed | fixed

    def subnetwork(self, variables: Variables, key: Key[Array, ""] | None = None) -> Variables:
        """The variables of the network itself with masked kernels, such as it takes them.

        Args:
            variables: of one restart, as this model has them.
            key: of masks that are drawn, as in training; None: the mask is that of evaluation.
        """
        if key is None and AT_TEST in variables:
            words: UInt32[Array, " words"] = variables[AT_TEST]["key"]
            key = jax.random.wrap_key_data(words, impl=rng.IMPLEMENTATION)
        scores = {_name(path): leaf for path, leaf in tree_leaves_with_path(variables[PARAMS])}
        dtype = next(iter(scores.values())).dtype  # that of the computation, which may be lower than that of the weights

        def masked(path: Any, weights: Array) -> Array:
            weights, name = weights.astype(dtype), _name(path)
            if name not in scores:
                return weights
            return self.by.kernel(weights, self.by.mask(scores[name], None if key is None else rng.stream(key, name)))

        others = {name: tree for name, tree in variables.items() if name not in (PARAMS, WEIGHTS, AT_TEST)}
        return {PARAMS: tree_map_with_path(masked, variables[WEIGHTS]), **others}


def _signed(kernel: Float[Array, "*shape"], factor: Any) -> Float[Array, "*shape"]:
    """Weights of one size, the standard deviation of a kernel times a factor, with the kernel's signs."""
    return jnp.sign(kernel) * (jnp.asarray(factor, kernel.dtype) * jnp.std(kernel))


def _name(path: Any) -> str:
    return keystr(path, simple=True, separator="/")


def _kernels(params: Any, make: Callable[[str, Array], Array]) -> Any:
    """A tree of what is made of each kernel, by its path; where other parameters were there is nothing."""
    made = tree_map_with_path(lambda path, leaf: make(_name(path), leaf) if is_kernel(leaf) else None, params)
    return _without_gaps(made)


def _without_gaps(tree: Any) -> Any:
    """The tree without the names of a mapping under which there is nothing."""
    if not isinstance(tree, Mapping):
        return tree
    found = {name: _without_gaps(part) for name, part in tree.items()}
    return {name: part for name, part in found.items() if jax.tree.leaves(part)}
