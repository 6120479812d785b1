"""Batch norm that costs nothing at test: folded into the linear layer before it."""

from typing import TypeVar

import flax.linen as nn
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxtricks.config import ConfigError, fields, is_config, rebuild
from jaxtricks.nn.normalization import BatchNorm
from jaxtricks.train.member import Variables

M = TypeVar("M", bound=nn.Module)


def fold(model: M, variables: Variables) -> tuple[M, Variables]:
    """The same function at test without batch norm: with f = γ/√(σ² + ε), W' = W f and b' = (b - μ) f + β (T020).

    Args:
        model: a config with a `normalization`, whose scopes put it, as "norm", after their one linear layer.
        variables: of one run, {"params": …, "batch_stats": …}.

    Returns:
        The model without normalization, and its variables.

    Raises:
        ConfigError: for a model that has no batch norm, or where it does not follow a linear layer.
    """
    known = is_config(type(model)) and "normalization" in fields(type(model))
    norm = model.normalization if known else None  # type: ignore[attr-defined]
    if not isinstance(norm, BatchNorm) or "batch_stats" not in variables:
        raise ConfigError(f"{type(model).__name__}.normalization = {norm} is not batch norm, which alone can be folded.")
