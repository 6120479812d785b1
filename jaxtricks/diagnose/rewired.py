"""A model whose scores are turned back into what a loss expects: of probabilities, or of scores that have bounds."""

from collections.abc import Mapping, Sequence
from typing import Any

import jax.numpy as jnp
from jaxtyping import Array, Int, Key

from jaxtricks.config import config
from jaxtricks.config.families import ModelField
from jaxtricks.models.contract import Model, Traits, Variables, contract

LEAST = 1e-6  # the least probability whose logarithm is taken


@config()
class Logs(Model):
    """The logarithms of what a model gives: the scores of one that takes a softmax itself.

    The softmax of them is what the model gave, so that the loss is that of the model's own probabilities.

    Args:
        model: gives probabilities of classes.

    >>> found = Logs(model=jt.MLP(outputs=3))
    >>> contract(found).title
    'Logs of MLP'
    """

    model: ModelField

    @property
    def title(self) -> str:
        return f"{type(self).__name__} of {contract(self.model).title}"

    @property
    def traits(self) -> Traits:
        return contract(self.model).traits

    def filled(self, known: Mapping[str, Any]) -> Any:
        return type(self)(model=contract(self.model).filled(known))

    def at_test(self) -> Any:
        return type(self)(model=contract(self.model).at_test())

    def blank(self, averages: Variables) -> Variables:
        return contract(self.model).blank(averages)

    def drawn(self, key: Key[Array, ""], x: Array, lengths: Int[Array, " batch"] | None) -> Variables:
        return contract(self.model).drawn(key, x, lengths)

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
        given, changed = contract(self.model).called(variables, x, lengths, train=train, key=key, mutable=mutable)
        return self.turned(given), changed

    def turned(self, given: Array) -> Array:
        """The scores of what the model gives."""
        return jnp.log(jnp.maximum(given, LEAST))


@config()
class LogOdds(Logs):
    """`log p/(1 - p)` of what a model gives: the scores of one that ends in a sigmoid.

    Args:
        model: gives numbers in [0, 1].

    >>> float(LogOdds(model=jt.MLP()).turned(jnp.array(0.5)))
    0.0
    """

    def turned(self, given: Array) -> Array:
        inside = jnp.clip(given, LEAST, 1 - LEAST)
        return jnp.log(inside) - jnp.log1p(-inside)
