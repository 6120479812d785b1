"""Output biases that start at the classes' shares of the training examples."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Key

from jaxtricks.experiment.experiment import Experiment
from jaxtricks.experiment.weights import path_of
from jaxtricks.models.contract import PARAMS, Variables, contract
from jaxtricks.restart.member import Member, Pool, drawn


def output_biases(model: Any) -> tuple[str, ...]:
    """Gives the paths of the biases of a model's outputs, such as "head/bias"; empty where it names none.

    >>> output_biases(jt.MLP())
    ('head/bias',)
    """
    axes = contract(model).traits.axes or ()
    return tuple(axis.path for axis in axes if axis.of == "outputs" and axis.axis == 0)


def begun(
    experiment: Experiment, member: Member, key: Key[Array, ""], batch: Pool, draw: Callable[..., Variables] = drawn
) -> Variables:
    """Gives the variables that a restart draws, with the output biases that it asks for.

    Args:
        experiment: the settings.
        member: the restart.
        key: of the draw.
        batch: scaled inputs.
        draw: `drawn` or `drawn_stacked` of `jaxtricks.restart.member`.
    """
    variables = draw(experiment, key, batch)
    return variables if experiment.prior_bias is None else leaning(experiment, member, variables)


def leaning(experiment: Experiment, member: Member, variables: Variables) -> Variables:
    """Gives drawn variables with the output biases at `power · log(n_c/n)`, up to what all classes have in common.

    Here n are all training labels and n_c those of the class; one that is not among them counts as `n_c = 1/n`.

    Args:
        experiment: the settings, with `prior_bias`, the power.
        member: the restart; its `rarity` says how rare each class is among its training labels.
        variables: as they were drawn.
    """
    assert experiment.prior_bias is not None and member.rarity is not None
    # rarity = n/(k n_c), and a softmax does not change when all its scores do by the same number.
    bias, paths = -experiment.prior_bias * jnp.log(member.rarity), output_biases(experiment.model)

    def at(path: Any, leaf: jax.Array) -> jax.Array:
        return bias.astype(leaf.dtype) if path_of(path) in paths else leaf

    return {**variables, PARAMS: jax.tree_util.tree_map_with_path(at, variables[PARAMS])}
