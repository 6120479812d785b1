"""A model of two plain functions, without any library."""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

from jaxtyping import Array, Int, Key

from jaxtricks.config import ConfigError, config
from jaxtricks.models.calling import arguments, taken
from jaxtricks.models.contract import Model, Traits, Variables


@config()
class Functional(Model):
    """A model of two functions, one that draws parameters and one that uses them.

        init(key, x) -> params
        apply(params, x, train=…, key=…) -> scores

    x is a batch of scaled inputs, [batch, ...], params any tree of arrays, and scores have the shape [batch, outputs]. `train`
    says whether the model is trained and not evaluated, and `key` is that of the masks, None in evaluation. Where the data are
    padded sequences there is `lengths=…`, the true steps of each. A function gets those of them that it takes.

    With `stateful=True` there is a state, too:

        init(key, x) -> (params, state)
        apply(params, state, x, train=…, key=…) -> (scores, state)

    It is a dict of trees by what they are for: "batch_stats" are running averages of batches' statistics, "carry" is what goes on
    from batch to batch and starts as zeros in each epoch, and any other name is the model's own. What `apply` gives back in
    training may have "penalties" beside, numbers or `jt.extend.Quotient`s that are added to the loss.

    Nothing in a model of functions is traced; for traced floats subclass `jt.extend.Model` with `@jt.extend.config()`. In JSON
    the functions stand as `module:qualname`: checkpoints and reports need functions at the top of a module.

    Args:
        init: draws the parameters.
        apply: gives the scores.
        stateful: whether there is a state.
        traits: what the model is like, see `jaxtricks.models.contract.Traits`.

    >>> def init(key, x):
    ...     return jax.random.normal(key, (x[0].size, 10)) / 8
    >>> def apply(params, x, *, train, key):
    ...     return x.reshape(len(x), -1) @ params
    >>> model = Functional(init, apply)
    >>> model.drawn(jax.random.key(0), jnp.ones((2, 8, 8)), None)["params"].shape
    (64, 10)
    >>> jt.Experiment(model=model).epochs
    20
    """

    init: Callable[..., Any] = dataclasses.field(kw_only=False)
    apply: Callable[..., Any] = dataclasses.field(kw_only=False)
    stateful: bool = False
    traits: Traits = Traits()

    def drawn(self, key: Key[Array, ""], x: Array, lengths: Int[Array, " batch"] | None) -> Variables:
        drawn = self.init(key, x, **taken(self.init, 2, {} if lengths is None else {"lengths": lengths}))
        if not self.stateful:
            return {"params": drawn}
        params, state = _pair("init", "(params, state)", drawn)
        return {"params": params, **state}

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
        params = variables["params"]
        how = arguments(self.apply, 3 if self.stateful else 2, train=train, key=key, lengths=lengths)
        if not self.stateful:
            return self.apply(params, x, **how), {}
        state = {name: tree for name, tree in variables.items() if name != "params"}
        scores, new = _pair("apply", "(scores, state)", self.apply(params, state, x, **how))
        return scores, {name: new[name] for name in mutable if name in new}


def _pair(function: str, wanted: str, given: Any) -> tuple[Any, Variables]:
    """What a function with a state gave, if it is a pair whose second part is a state."""
    if not (isinstance(given, tuple) and len(given) == 2 and isinstance(given[1], dict)):
        raise ConfigError(
            f"Functional.{function} gives a {type(given).__name__}; stateful = True asks for {wanted}, the state a dict."
        )
    return given
