"""Batch norm folded into the linear layer before it, so that it costs nothing at test."""

from typing import Any, TypeVar

import flax.linen as nn
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxtricks.config import ConfigError, fields, is_config, rebuild
from jaxtricks.nn.normalization import BatchNorm

M = TypeVar("M", bound=nn.Module)
Tree = dict[str, Any]


def fold(model: M, variables: Tree) -> tuple[M, Tree]:
    """Gives the same function at test without batch norm: W' = W f and b' = (b - μ) f + β with f = γ/√(σ² + ε) (T020).

    Args:
        model: a config that normalizes the outputs of dense layers or convolutions, "conv_1" by the "norm_1" beside it.
        variables: {"params": …, "batch_stats": …} of one run, or of several with a leading axis [runs].

    Returns:
        The model without normalization, and its variables.

    Raises:
        ConfigError: for a model without batch norm, or where it does not follow one linear layer.

    >>> model = jt.MLP(widths=(4,), normalization="batch", outputs=2)
    >>> x = jnp.ones((3, 5))
    >>> variables = model.init(jax.random.key(0), x, train=False)
    >>> plain, folded = jt.models.fold(model, variables)
    >>> plain.normalization is None
    True
    >>> bool(jnp.allclose(plain.apply(folded, x, train=False), model.apply(variables, x, train=False), atol=1e-5))
    True
    """
    known = is_config(type(model)) and "normalization" in fields(type(model))
    norm = model.normalization if known else None  # type: ignore[attr-defined]
    if not isinstance(norm, BatchNorm):
        raise ConfigError(f"{type(model).__name__}.normalization = {norm} cannot be folded; only batch norm is linear at test.")
    others = {name: tree for name, tree in variables.items() if name != "batch_stats"}
    params = _folded(variables["params"], variables["batch_stats"], norm, type(model).__name__)
    return rebuild(model, normalization=None), others | {"params": params}


def _folded(params: Tree, averages: Tree, norm: BatchNorm, path: str) -> Tree:
    """Gives the parameters of a scope, with each batch norm folded into the linear layer before it."""
    norms = [name for name, tree in averages.items() if "mean" in tree]
    linear = [name for name, tree in params.items() if isinstance(tree, dict) and "kernel" in tree]
    folded = {name: tree for name, tree in params.items() if name not in norms}
    for name, tree in averages.items():
        if name not in norms:
            folded[name] = _folded(params[name], tree, norm, f"{path}/{name}")
            continue
        before = [layer for layer in linear if _suffix(layer, norms) == _suffix(name, norms)]
        if len(before) != 1:
            found = ", ".join(before) or "nothing"
            raise ConfigError(f"{path}/{name} cannot be folded into {found}; it must follow one linear layer.")
        folded[before[0]] = _scaled(params[before[0]], params[name], tree, norm)
    return folded


def _suffix(name: str, norms: list[str]) -> str:
    """Gives the end of a layer's name, such as "_1" of "conv_1", if there is a "norm_1"."""
    return max((norm.removeprefix("norm") for norm in norms if name.endswith(norm.removeprefix("norm"))), key=len, default=name)


def _scaled(linear: Tree, norm: Tree, averages: Tree, config: BatchNorm) -> dict[str, Float[Array, "..."]]:
    factor = norm["scale"] / jnp.sqrt(averages["var"] + config.epsilon)
    kernel = linear["kernel"]
    by_output = factor.reshape(*factor.shape[:-1], *(1,) * (kernel.ndim - factor.ndim), factor.shape[-1])
    bias = (linear["bias"] - averages["mean"]) * factor + norm["bias"]
    return linear | {"kernel": (kernel * by_output).astype(kernel.dtype), "bias": bias.astype(kernel.dtype)}
