"""A network in two parts: the body, up to the first call of some layers, and the head, which takes what that layer gets.

Nothing is asked of a Linen module for that: a call of a layer can be looked at, and given other arguments, from outside. The
part that is not wanted is traced and never computed, as nothing depends on it.
"""

import dataclasses
import functools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import flax.linen as nn
import jax.numpy as jnp
from jaxtyping import Array, Int, Key

from jaxtricks.models.contract import Linen, Model, Variables

Look = Callable[[tuple[Any, ...]], tuple[Any, ...]]  # the arguments of a call → those that it gets


class BodyAndHead(NamedTuple):
    """The two parts of a network, with the same variables.

    Args:
        body: its scores are what the layer gets, or None where the layer is never called with an array.
        head: its inputs are what the layer gets.
    """

    body: "Body"
    head: "Head"


@dataclasses.dataclass(frozen=True, eq=False)
class Body(Model):
    """The part of a network that comes before the first call of some layers.

    Args:
        whole: the network.
        layers: names of its top-level layers.

    >>> body = Body(Linen(jt.MLP(widths=(8,), outputs=3)), ("head",))
    >>> x = jnp.ones((2, 5))
    >>> body.called(body.drawn(jax.random.key(0), x, None), x, None, train=False, key=None, mutable=())[0].shape
    (2, 8)
    """

    whole: Model
    layers: tuple[str, ...]

    def drawn(self, key: Key[Array, ""], x: Array, lengths: Int[Array, " batch"] | None) -> Variables:
        return self.whole.drawn(key, x, lengths)

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
        seen: list[Any] = []

        def look(arguments: tuple[Any, ...]) -> tuple[Any, ...]:
            seen.append(arguments[0] if arguments else None)
            return arguments

        with _at_first_call(self.layers, look):
            self.whole.called(variables, x, lengths, train=train, key=key, mutable=mutable)
        return (seen[0] if seen else None), {}


@dataclasses.dataclass(frozen=True, eq=False)
class Head(Model):
    """The part of a network from the first call of some layers on.

    Args:
        whole: the network.
        layers: names of its top-level layers.
        stand_in: an input of the whole network, of an example's shape; what it holds does not matter.

    >>> model = Linen(jt.MLP(widths=(8,), outputs=3))
    >>> head = Head(model, ("head",), jnp.zeros(5))
    >>> variables = model.drawn(jax.random.key(0), jnp.zeros((1, 5)), None)
    >>> head.called(variables, jnp.ones((2, 8)), None, train=False, key=None, mutable=())[0].shape
    (2, 3)
    """

    whole: Model
    layers: tuple[str, ...]
    stand_in: Array

    def drawn(self, key: Key[Array, ""], x: Array, lengths: Int[Array, " batch"] | None) -> Variables:
        return self.whole.drawn(key, self._inputs(x), lengths)

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
        with _at_first_call(self.layers, lambda arguments: (x, *arguments[1:])):
            return self.whole.called(variables, self._inputs(x), lengths, train=train, key=key, mutable=mutable)

    def _inputs(self, x: Array) -> Array:
        one = self.stand_in if self.stand_in.dtype == jnp.int32 else self.stand_in.astype(x.dtype)
        return jnp.broadcast_to(one, (len(x), *one.shape))


@functools.singledispatch
def cut(model: Model, layers: tuple[str, ...], stand_in: Array) -> BodyAndHead | None:
    """The two parts of a model; None where it cannot be cut.

    Args:
        model: the model.
        layers: names of top-level layers; the cut is before the first of them that is called.
        stand_in: an input of an example's shape.

    >>> cut(Linen(jt.MLP()), ("head",), jnp.zeros(3)).head.layers
    ('head',)
    """
    return None


@cut.register
def _linen(model: Linen, layers: tuple[str, ...], stand_in: Array) -> BodyAndHead | None:
    return BodyAndHead(Body(model, layers), Head(model, layers, stand_in))


def _at_first_call(layers: tuple[str, ...], look: Look) -> Any:
    """A context in which the first call of one of the layers has the arguments that `look` makes of its own."""
    waiting = [look]

    def intercept(call: Callable[..., Any], args: Any, kwargs: Any, context: nn.module.InterceptorContext) -> Any:
        here = context.method_name == "__call__" and context.module.path in {(layer,) for layer in layers}
        return call(*(waiting.pop()(args) if here and waiting else args), **kwargs)

    return nn.intercept_methods(intercept)
